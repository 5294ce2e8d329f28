"""The run told after its end, or at any time: first what needs a person, then what came out, then the figures."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from orchestrator import events as ev
from orchestrator.events import Entry
from orchestrator.model import Plan, TaskState
from orchestrator.quantities import format_duration
from orchestrator.state import AttemptStatus, State
from orchestrator.views.figures import Figures, Idle, figures, idle, working_spans
from orchestrator.views.text import plain, shortened, utc


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRow:
    """One task of the report."""

    id: str
    title: str
    state: str
    agent: str
    attempts: int
    work_s: float
    claim: str  #: what its agent said
    evidence: str  #: what squad found
    reason: str
    commit: str | None  #: the merge


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRow:
    """One agent of the report."""

    id: str
    role: str
    level: str
    tasks_done: int
    attempts: int
    work_s: float
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything the renderings show."""

    run: str
    title: str
    phase: str
    outcome: str
    started_at: float
    branch: str | None
    tasks: tuple[TaskRow, ...]
    agents: tuple[AgentRow, ...]
    figures: Figures
    idle: Idle
    usage: dict[str, object]
    attention: tuple[str, ...]


def make_report(entries: Sequence[Entry], plan: Plan, state: State, *, now: float) -> Report:
    """Make the report of a run from its events."""
    return Report(
        run=state.run,
        title=state.title,
        phase=state.phase,
        outcome=state.outcome,
        started_at=state.started_at,
        branch=state.branch,
        tasks=tuple(_task_rows(entries, plan, state, now)),
        agents=tuple(_agent_rows(entries, plan, state, now)),
        figures=figures(entries, plan, now=now),
        idle=idle(entries, plan, now=now),
        usage=_usage(entries),
        attention=tuple(_attention(entries, plan, state)),
    )


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
        "idle": {name: round(value, 3) for name, value in asdict(report.idle).items()},
        "usage": report.usage,
        "attention": list(report.attention),
    }


def render_report(report: Report) -> str:
    """Give the report as text."""
    lines = [f"{plain(report.title)}: run {report.run}, {_result(report)}", ""]
    if report.attention:
        lines += ["Needs you:", *(f"  {plain(line)}" for line in report.attention), ""]
    lines += [*_task_table(report), "", *_figure_lines(report), "", *_idle_lines(report), "", *_next_lines(report)]
    return "\n".join(lines).rstrip("\n") + "\n"


def render_ending(report: Report) -> str:
    """Give the last words of a run: a few lines."""
    lines = [f"{report.run}: {_result(report)}"]
    lines += [f"  needs you: {plain(line)}" for line in report.attention]
    measured = report.figures
    if measured.speed_up is not None and measured.work_s:
        wall, work = format_duration(measured.wall_s), format_duration(measured.work_s)
        lines.append(f"  {work} of work in {wall}: speed-up {measured.speed_up:.2f} (measured)")
    lines += [f"  {line}" for line in _next_lines(report)]
    return "\n".join(lines) + "\n"


def _result(report: Report) -> str:
    done = sum(1 for row in report.tasks if row.state == TaskState.DONE)
    counts = f"{done} of {len(report.tasks)} tasks done"
    return f"{counts}, {report.phase}" + (f": {report.outcome}" if report.outcome not in {"", "done"} else "")


def _task_rows(entries: Sequence[Entry], plan: Plan, state: State, now: float) -> list[TaskRow]:
    took: dict[str, float] = {}
    for span in working_spans(entries, now=now):
        took[span.task] = took.get(span.task, 0.0) + span.end - span.start
    merges = {entry.event.task: entry.event.commit for entry in entries if isinstance(entry.event, ev.Integrated)}
    checked = {entry.event.task: entry.event.checked for entry in entries if isinstance(entry.event, ev.TaskDone)}
    rows = []
    for planned in plan.tasks:
        status = state.tasks[planned.task.id]
        last = state.attempts.get(status.attempt or "")
        claim = {True: "done", False: "failed", None: "nothing"}[last.claim] if last else "not started"
        evidence = _evidence(last, checked=checked.get(planned.task.id))
        rows.append(
            TaskRow(
                id=planned.task.id,
                title=planned.task.title,
                state=status.state,
                agent=status.agent,
                attempts=status.attempts,
                work_s=round(took.get(planned.task.id, 0.0), 3),
                claim=claim,
                evidence=evidence,
                reason=status.reason,
                commit=merges.get(planned.task.id),
            )
        )
    return rows


def _evidence(last: AttemptStatus | None, *, checked: bool | None) -> str:
    """Say what squad found about a task: whether it was checked, else how its last attempt ended."""
    if checked is not None:
        return "checks passed" if checked else "unchecked"
    return (last.outcome or "") if last else ""


def _agent_rows(entries: Sequence[Entry], plan: Plan, state: State, now: float) -> list[AgentRow]:
    spans = working_spans(entries, now=now)
    levels = {entry.event.agent: entry.event.level for entry in entries if isinstance(entry.event, ev.AttemptStarted)}
    return [
        AgentRow(
            id=seat.id,
            role=seat.role,
            level=levels.get(seat.id, ""),
            tasks_done=state.agents[seat.id].finished,
            attempts=sum(1 for span in spans if span.agent == seat.id),
            work_s=round(sum(span.end - span.start for span in spans if span.agent == seat.id), 3),
            paths=tuple(
                sorted({path for attempt in state.attempts.values() if attempt.agent == seat.id for path in attempt.paths})
            ),
        )
        for seat in plan.agents
    ]


def _usage(entries: Sequence[Entry]) -> dict[str, object]:
    told = [entry.event for entry in entries if isinstance(entry.event, ev.UsageReported)]
    if not told:
        return {"known": False, "fresh": None, "cached": None, "output": None, "money": None}
    money = [one.money for one in told if one.money is not None]
    return {
        "known": True,
        "fresh": sum(one.fresh for one in told),
        "cached": sum(one.cached for one in told),
        "output": sum(one.output for one in told),
        "money": round(sum(money), 6) if money else None,
    }


def _attention(entries: Sequence[Entry], plan: Plan, state: State) -> list[str]:
    """Give what a person has to look at, each with the command that helps."""
    lines = []
    for planned in plan.tasks:
        status = state.tasks[planned.task.id]
        if status.state is TaskState.PARKED:
            lines.append(
                f"{planned.task.id} is parked: {status.reason} (look: squad logs {planned.task.id}; again: squad resume)"
            )
        elif status.state is TaskState.FAILED:
            lines.append(f"{planned.task.id} failed: {status.reason} (look: squad logs {planned.task.id})")
    for entry in entries:
        if isinstance(entry.event, ev.ForeignChangeFound):
            found = entry.event
            shown = ", ".join(found.paths[:3])
            lines.append(f"{found.agent} changed {shown} without the right to, kept in {found.ref} (look: git show {found.ref})")
    return lines + [f"question of {question}" for question in state.questions]


def _task_table(report: Report) -> list[str]:
    head = f"  {'task':<8} {'state':<9} {'agent':<20} {'tries':>5} {'worked':>8}  says / evidence"
    rows = [
        f"  {row.id:<8} {row.state:<9} {row.agent:<20} {row.attempts:>5} {format_duration(row.work_s):>8}  "
        f"{row.claim} / {shortened(row.evidence or row.reason, 30)}"
        for row in report.tasks
    ]
    return [head, *rows]


def _figure_lines(report: Report) -> list[str]:
    measured = report.figures
    speed = "not measured" if measured.speed_up is None else f"{measured.speed_up:.2f}, efficiency {measured.efficiency:.2f}"
    return [
        "Figures (measured, from the journal):",
        f"  wall {format_duration(measured.wall_s)}, work {format_duration(measured.work_s)}, speed-up {speed}",
        f"  bound {format_duration(measured.bound_s)}, {measured.tasks_per_h_per_agent:.1f} tasks per hour and agent",
        f"  lock wait {format_duration(measured.lock_wait_mean_s)} mean, {format_duration(measured.lock_wait_p95_s)} p95",
        f"  {measured.conflicts} conflicts; usage {_usage_text(report.usage)}",
    ]


def _usage_text(usage: dict[str, object]) -> str:
    if not usage["known"]:
        return "unknown (no agent told)"
    return (
        f"{usage['fresh']} fresh, {usage['cached']} cached, {usage['output']} output tokens, money {usage['money'] or 'unknown'}"
    )


def _idle_lines(report: Report) -> list[str]:
    causes = {name.removesuffix("_s"): value for name, value in asdict(report.idle).items()}
    told = ", ".join(f"{cause} {format_duration(value)}" for cause, value in causes.items() if value >= 0.001)
    return [f"Agents idle for: {told or 'nothing'}"]


def _next_lines(report: Report) -> list[str]:
    if report.phase == "paused":
        return [f"go on: squad resume {report.run}"]
    if report.branch is None:
        return ["the work is in the project's folder"]
    if report.phase == "ended" and report.outcome != "discarded":
        return [f"result on branch {report.branch}; look: squad diff   take it: squad merge   drop it: squad discard"]
    return []
