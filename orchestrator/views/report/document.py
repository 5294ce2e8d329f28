"""The document of `squad report --json`: the report's fields by the names that other programs read."""

from dataclasses import asdict
from typing import cast

from orchestrator.views.contention import contention_json
from orchestrator.views.report.model import Report
from orchestrator.views.text import utc


def report_json(report: Report) -> dict[str, object]:
    """Give the document; numbers have three decimals at most."""
    saved = report.saved
    document = {
        "schema_version": 1,
        "run": report.run,
        "title": report.title,
        "source": report.source,
        "state": report.phase,
        "outcome": report.outcome,
        "branch": report.branch,
        "started_at": utc(report.started_at),
        "tasks": [asdict(row) for row in report.tasks],
        "agents": [asdict(row) for row in report.agents],
        "figures": asdict(report.figures),
        "time_saved": None if saved is None else {**asdict(saved), "measured": saved.beside is not None},
        "idle": asdict(report.idle),
        "done_already": [asdict(one) for one in report.before],
        "moves": [{"task": one.task, "from": one.from_, "to": one.to, "why": one.why} for one in report.moves],
        "foreign": [asdict(one) for one in report.foreign],
        "timeline": {"bars": [asdict(bar) for bar in report.bars], "marks": [asdict(mark) for mark in report.marks]},
    }
    exact = {"locks": contention_json(report.locks), "usage": asdict(report.usage), "limits": report.limits}
    return {**cast("dict[str, object]", _rounded(document)), **exact, "attention": [str(need) for need in report.attention]}


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {name: item if name == "money" else _rounded(item) for name, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list | tuple) else value
