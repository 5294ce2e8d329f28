"""The document of `squad report --json`: the report's fields by the names that other programs read."""

from dataclasses import asdict

from orchestrator.views.contention import contention_json
from orchestrator.views.report.model import Report
from orchestrator.views.text import utc


def report_json(report: Report) -> dict[str, object]:
    """Give the document of `squad report --json`."""
    shown = {name: None if value is None else round(value, 3) for name, value in asdict(report.figures).items()}
    return {
        "schema_version": 1,
        "run": report.run,
        "title": report.title,
        "state": report.phase,
        "outcome": report.outcome,
        "branch": report.branch,
        "started_at": utc(report.started_at),
        "tasks": [asdict(row) for row in report.tasks],
        "agents": [{**asdict(row), "paths": list(row.paths)} for row in report.agents],
        "figures": shown,
        "locks": contention_json(report.locks),
        "idle": {name: round(value, 3) for name, value in asdict(report.idle).items()},
        "usage": report.usage,
        "limits": report.limits,
        "moves": [{"task": one.task, "from": one.from_, "to": one.to, "why": one.why} for one in report.moves],
        "attention": list(report.attention),
    }
