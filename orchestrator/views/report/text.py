"""The report for a terminal, and the last words of a run; nothing that a stranger wrote comes out raw."""

from dataclasses import asdict

from orchestrator.model import Outcome, TaskState
from orchestrator.quantities import format_duration
from orchestrator.views.contention import contention_lines
from orchestrator.views.figures import Figures
from orchestrator.views.report.model import UNCHECKED, AttemptRow, Report
from orchestrator.views.text import padded, page, plain, shortened


def render_report(report: Report) -> str:
    """Give the report as text."""
    lines = [f"{plain(report.title)}: run {report.run}, {_result(report)}", ""]
    if report.attention:
        lines += ["Needs you:", *(f"  {plain(line)}" for line in report.attention), ""]
    lines += [
        *_task_table(report),
        "",
        *_agent_table(report),
        "",
        *_move_lines(report),
        *_figure_lines(report),
        "",
        *_idle_lines(report),
        *report.limit_lines,
        "",
        *_next_lines(report),
    ]
    return page(lines).rstrip("\n") + "\n"


def render_ending(report: Report) -> str:
    """Give the last words of a run: a few lines."""
    lines = [f"{report.run}: {_result(report)}"]
    lines += [f"  needs you: {plain(line)}" for line in report.attention]
    measured = report.figures
    wall, work = format_duration(measured.wall_s), format_duration(measured.work_s)
    faster = f": speed-up {measured.speed_up:.2f} (measured)" if measured.speed_up is not None and len(report.agents) > 1 else ""
    lines.append(f"  {work} of work in {wall}{faster}")
    lines += [f"  {line}" for line in _next_lines(report)]
    return page(lines)


def _result(report: Report) -> str:
    done = sum(1 for row in report.tasks if row.state == TaskState.DONE)
    unchecked = sum(1 for row in report.tasks if row.evidence == UNCHECKED)
    counts = f"{done} of {len(report.tasks)} tasks done" + (f" ({unchecked} unchecked)" if unchecked else "")
    return f"{counts}, {report.phase}" + (f": {report.outcome}" if report.outcome not in {"", "done"} else "")


def _move_lines(report: Report) -> list[str]:
    if not report.moves:
        return []
    rows = [f"  {one.task} from {one.from_} to {one.to}: {shortened(one.why, 60)}" for one in report.moves]
    return ["Work that moved to another agent:", *rows, ""]


def _task_table(report: Report) -> list[str]:
    lines = [f"  {'task':<8} {'state':<9} {'agent':<20} {'tries':>5} {'worked':>8} {'level':<7} says / evidence"]
    for row in report.tasks:
        level = row.history[-1].level if row.history else ""
        says = f"{row.claim} / {shortened(row.evidence or row.reason, 30)}"
        begin = f"  {padded(row.id, 8)} {row.state:<9} {padded(row.agent, 20)} {row.attempts:>5} {format_duration(row.work_s):>8}"
        lines.append(f"{begin} {level:<7} {says}".rstrip())
        if any(attempt.outcome != Outcome.DONE for attempt in row.history):
            lines += [f"    {_attempt_line(attempt)}" for attempt in row.history]
    return lines


def _attempt_line(attempt: AttemptRow) -> str:
    reason = f": {shortened(attempt.reason, 60)}" if attempt.reason else ""
    return f"{attempt.id} by {attempt.agent}, {attempt.level}, {format_duration(attempt.work_s)}, {attempt.outcome}{reason}"


def _agent_table(report: Report) -> list[str]:
    head = f"  {'agent':<20} {'done':>5} {'tries':>5} {'worked':>8} {'level':<7} role"
    rows = []
    for row in report.agents:
        begin = f"  {padded(row.id, 20)} {row.tasks_done:>5} {row.attempts:>5} {format_duration(row.work_s):>8}"
        rows.append(f"{begin} {row.level:<7} {plain(row.role)}".rstrip())
    return [head, *rows]


def _figure_lines(report: Report) -> list[str]:
    measured = report.figures
    return [
        "Figures (measured, from the journal):",
        f"  wall {format_duration(measured.wall_s)}, work {format_duration(measured.work_s)}, {_speed_text(report)}",
        f"  bound {format_duration(measured.bound_s)}{_nearness(measured)}",
        f"  {measured.tasks_per_h_per_agent:.1f} tasks per hour and agent",
        *(f"  {line}" for line in contention_lines(report.locks)),
        f"  {measured.conflicts} conflicts ({measured.conflicts_per_h:.1f} per hour); usage {_usage_text(report.usage)}",
    ]


def _speed_text(report: Report) -> str:
    measured = report.figures
    if len(report.agents) == 1:
        return "one agent, so no speed-up"
    if measured.speed_up is None or measured.efficiency is None:
        return "speed-up not measured"
    return f"speed-up {measured.speed_up:.2f}, efficiency {measured.efficiency:.2f}"


def _nearness(measured: Figures) -> str:
    """Say how near the run came to the shortest time its tasks and agents allow."""
    if measured.speed_up is None or not measured.bound_s:
        return ""
    return f" (the run took {measured.wall_s / measured.bound_s:.2f} times that)"


def _usage_text(usage: dict[str, object]) -> str:
    if not usage["known"]:
        return "unknown (no agent told)"
    tokens = f"{usage['fresh']} fresh, {usage['cached']} cached, {usage['output']} output tokens"
    if usage["money"] is None:
        return f"{tokens}, money unknown"
    unpriced = usage["unpriced"]
    missing = f" without {', '.join(unpriced)}, which does not tell it" if isinstance(unpriced, list) and unpriced else ""
    return f"{tokens}, money {usage['money']}{missing}"


def _idle_lines(report: Report) -> list[str]:
    causes = {name.removesuffix("_s"): value for name, value in asdict(report.idle).items()}
    told = ", ".join(f"{cause} {format_duration(value)}" for cause, value in causes.items() if value >= 0.001)
    return [f"Agents idle for: {told or 'nothing'}"]


def _next_lines(report: Report) -> list[str]:
    if report.split:
        return ["it only proposed tasks: there is no work to take"]
    if report.phase == "paused":
        return [f"go on: squad resume {report.run}"]
    if report.branch is None:
        return ["the work is in the project's folder"]
    if report.phase == "ended" and report.outcome != "discarded":
        return [f"result on branch {report.branch}", "look: squad diff   take it: squad merge   drop it: squad discard"]
    return []
