"""The figures of a report as rows: name, value, and how it is worked out; docs/report.md has the formulas at length."""

from orchestrator.text.quantities import format_duration
from orchestrator.views.report.model import Report
from orchestrator.views.report.table import Table


def figure_rows(report: Report) -> Table:
    """Give each figure with its meaning."""
    measured, locks = report.figures, report.locks
    wall, work, bound = (format_duration(seconds) for seconds in (measured.wall_s, measured.work_s, measured.bound_s))
    waits = " mean, ".join(map(format_duration, (locks.wait_mean_s, locks.wait_p95_s)))
    holds = " mean, ".join(map(format_duration, (locks.hold_mean_s, locks.hold_p95_s)))
    rows = [
        ("wall", wall, "from the start to the last result, while a supervisor lived"),
        ("work", work, "of all attempts, without their waits for locks and answers"),
        ("work without a result", format_duration(measured.no_result_s), "attempts that did not end well, or were refused"),
        ("speed-up", _speed_up(report), "work / wall"),
        ("efficiency", _number(measured.efficiency), "speed-up / agents"),
        ("time saved", _saved(report), "1 - 1 / speed-up; measured only beside a sequential run of the same tasks"),
        ("bound", bound + _nearness(report), "the longest chain of needs, or work / agents"),
        ("tasks per hour and agent", f"{measured.tasks_per_h_per_agent:.1f}", "tasks done / wall / agents"),
        ("lock waits", f"{waits} p95", "of locks that were asked for; 0 where granted at once"),
        ("lock holds", f"{holds} p95", "from the grant to the release"),
        ("lock requests refused", str(locks.refused), "also those that waited in vain"),
        ("conflicts", f"{measured.conflicts} ({measured.conflicts_per_h:.1f} per hour)", "foreign changes and merge conflicts"),
    ]
    if measured.dead_s:
        rows.append(("without a supervisor", format_duration(measured.dead_s), "counted nowhere else"))
    return Table(head=("figure", "value", "what it is"), rows=tuple(rows))


def _speed_up(report: Report) -> str:
    if len(report.agents) == 1:
        return "none: one agent"
    if report.worked == 1 and report.figures.speed_up is not None:
        return "none: one agent worked"
    return _number(report.figures.speed_up)


def _number(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.2f}"


def _saved(report: Report) -> str:
    if report.saved is None:
        return "not measured"
    share = f"{report.saved.share * 100:.0f} %"
    return f"{share}, measured beside {report.saved.beside}" if report.saved.beside else f"{share}, an estimate"


def _nearness(report: Report) -> str:
    """Say how near the run came to the shortest time its tasks and agents allow."""
    measured = report.figures
    if measured.speed_up is None or not measured.bound_s:
        return ""
    return f"; taken {measured.wall_s / measured.bound_s:.2f} times"
