"""`squad compare` as text and as the document that other adapters read."""

from collections.abc import Iterator
from dataclasses import asdict

from orchestrator.text.quantities import format_duration
from orchestrator.views.comparison import Comparison, Told, rows_of
from orchestrator.views.report.model import TaskRow
from orchestrator.views.report.parts import headline
from orchestrator.views.report.table import Line, Part, Table
from orchestrator.views.report.text import part_lines
from orchestrator.views.text import page, utc
from orchestrator.views.usage import money_text, tokens_text

_NONE = "-"  #: of no agent; left out where it holds for both


def comparison_json(comparison: Comparison) -> dict[str, object]:
    """Give the document of `squad compare --json`."""
    return {
        "schema_version": 1,
        "runs": [_side(comparison.first), _side(comparison.second)],
        "same": comparison.same,
        "differences": list(comparison.differences),
        "measured": not comparison.obstacles,
        "not_measured_because": list(comparison.obstacles),
        "time_saved": None if comparison.saved is None else round(comparison.saved, 3),
        "sequential": comparison.sequential.report.run if comparison.sequential else None,
        "tasks": [{"id": name, "runs": [_cell(one), _cell(other)]} for name, one, other in rows_of(comparison)],
    }


def render_comparison(comparison: Comparison) -> str:
    """Give the text of `squad compare`."""
    first, second = comparison.first.report, comparison.second.report
    lines = [f"{first.run} beside {second.run}", ""]
    same = ", ".join(name for name, is_so in comparison.same.items() if is_so) or "nothing"
    told = [Line(text=f"the same: {same}"), *(Line(text=line) for line in comparison.differences)]
    for part in (
        Part(title="What is the same", lines=tuple(told)),
        Part(title="Figures of each run", table=_figures(comparison)),
        Part(title="Tasks: state, working time and starts", table=_tasks(comparison)),
        Part(title="Between them", lines=tuple(_verdict(comparison))),
    ):
        lines += [f"{part.title}:", *part_lines(part), ""]
    return page(lines[:-1])


def _side(told: Told) -> dict[str, object]:
    report = told.report
    figures = {name: None if value is None else round(value, 3) for name, value in asdict(report.figures).items()}
    return {
        "run": report.run,
        "state": report.phase,
        "outcome": report.outcome,
        "started_at": utc(report.started_at),
        "agents": list(told.agents),
        "adapters": list(told.adapters),
        "nodes": list(told.nodes),
        "figures": figures,
        "idle": {name: round(value, 3) for name, value in asdict(report.idle).items()},
        "usage": asdict(report.usage),
    }


def _cell(row: TaskRow | None) -> dict[str, object] | None:
    if row is None:
        return None
    return {"state": row.state, "agent": row.agent, "attempts": row.attempts, "work_s": row.work_s}


def _figures(comparison: Comparison) -> Table:
    sides = [list(_column(told)) for told in (comparison.first, comparison.second)]
    rows = tuple((name, one, other) for (name, one), (_, other) in zip(*sides, strict=True) if {one, other} != {_NONE})
    head = ("figure", comparison.first.report.run, comparison.second.report.run)
    return Table(head=head, rows=rows, numbers=frozenset({1, 2}))


def _column(told: Told) -> Iterator[tuple[str, str]]:
    report = told.report
    figures, usage = report.figures, report.usage
    yield "result", headline(report)
    yield "agents", str(len(told.agents))
    yield "wall", format_duration(figures.wall_s)
    yield "work", format_duration(figures.work_s)
    yield "work without a result", format_duration(figures.no_result_s)
    yield "speed-up", _number(figures.speed_up)
    yield "efficiency", _number(figures.efficiency)
    yield "bound", format_duration(figures.bound_s)
    for cause, seconds in asdict(report.idle).items():
        yield f"idle: {cause.removesuffix('_s')}", format_duration(seconds) if seconds else _NONE
    yield "lock wait, mean", format_duration(figures.lock_wait_mean_s)
    yield "conflicts", str(figures.conflicts)
    yield "tokens: fresh, cached, output", ", ".join(map(tokens_text, (usage.fresh, usage.cached, usage.output)))
    yield "money", money_text(usage.money)


def _number(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.2f}"


def _tasks(comparison: Comparison) -> Table:
    rows = tuple((name, _told(one), _told(other)) for name, one, other in rows_of(comparison))
    return Table(head=("task", comparison.first.report.run, comparison.second.report.run), rows=rows)


def _told(row: TaskRow | None) -> str:
    return "-" if row is None else f"{row.state} {format_duration(row.work_s)} ({row.attempts})"


def _verdict(comparison: Comparison) -> Iterator[Line]:
    """Say what is measured, and else why nothing is."""
    first, second = comparison.first.report, comparison.second.report
    if comparison.obstacles:
        yield Line(text=f"not measured against each other: {'; '.join(comparison.obstacles)}")
        return
    if comparison.saved is not None and comparison.sequential is not None:
        beside = comparison.sequential.report.run
        yield Line(text=f"time saved: {comparison.saved * 100:.0f} % of the sequential run {beside} (measured)")
    if first.figures.wall_s and second.figures.wall_s:
        one, other = sorted((first, second), key=lambda report: report.figures.wall_s)
        times = other.figures.wall_s / one.figures.wall_s
        yield Line(text=f"{other.run} took {times:.2f} times as long as {one.run} (measured)")
