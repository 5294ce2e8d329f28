"""The run told after its end, or at any time: first what needs a person, then what came out, then the figures.

What an agent said and what squad found stand side by side; nothing is called measured that was not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from orchestrator import events as ev
from orchestrator.events import Entry
from orchestrator.limits import UNLIMITED, Limits
from orchestrator.model import Former, Outcome, Plan, TaskState
from orchestrator.quantities import format_duration
from orchestrator.state import AttemptStatus, State, TaskStatus
from orchestrator.views.attention import attention
from orchestrator.views.contention import Contention, contention_json, contention_lines
from orchestrator.views.figures import Figures, Idle, measure
from orchestrator.views.hours import Stint
from orchestrator.views.limits import limit_lines, limits_json
from orchestrator.views.plan_table import done_lines
from orchestrator.views.status import is_orphaned, run_state
from orchestrator.views.text import padded, page, plain, shortened, utc

UNCHECKED = "unchecked"
_REFUSED = frozenset({TaskState.WAITING, TaskState.FAILED, TaskState.PARKED, TaskState.SKIPPED})


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRow:
    """One start of an agent."""

    id: str
    agent: str
    level: str  #: of enforcement
    outcome: str
    reason: str
    work_s: float


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
    history: tuple[AttemptRow, ...]  #: its attempts, oldest first


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRow:
    """One agent of the report."""

    id: str
    role: str
    level: str
    tasks_done: int
    attempts: int
    work_s: float
    refused: int  #: requests for locks
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A task that went to another agent than planned."""

    task: str
    from_: str
    to: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything the renderings show."""

    run: str
    title: str
    phase: str
    outcome: str
    started_at: float
    branch: str | None
    split: bool  #: it only proposed the tasks of its document
    tasks: tuple[TaskRow, ...]
    agents: tuple[AgentRow, ...]
    figures: Figures
    locks: Contention
    idle: Idle
    usage: dict[str, object]
    moves: tuple[Move, ...]  #: oldest first
    before: tuple[Former, ...]  #: tasks of the document that runs before have done
    before_lines: tuple[str, ...]
    attention: tuple[str, ...]
    limits: dict[str, object]
    limit_lines: tuple[str, ...]


def make_report(
    entries: Sequence[Entry], plan: Plan, state: State, *, now: float, supervised: bool = True, limits: Limits = UNLIMITED
) -> Report:
    """Make the report of a run from its events; without a living supervisor it stands where its last event left it."""
    orphaned = is_orphaned(state, supervised=supervised)
    measured = measure(entries, plan, now=entries[-1].at if orphaned and entries else now)
    return Report(
        run=state.run,
        title=state.title,
        phase=run_state(state, supervised=supervised),
        outcome=state.outcome,
        started_at=state.started_at,
        branch=state.branch,
        split=state.split,
        tasks=tuple(_task_rows(entries, plan, state, measured.stints)),
        agents=tuple(_agent_rows(entries, plan, state, measured.stints)),
        figures=measured.figures,
        locks=measured.locks,
        idle=measured.idle,
        usage=_usage(entries),
        moves=_moves(entries),
        before=plan.before,
        before_lines=tuple(done_lines(plan)),
        attention=tuple(attention(entries, plan, state, supervised=supervised, now=now)),
        limits=limits_json(state, limits, now=now),
        limit_lines=tuple(limit_lines(state, limits, now=now)),
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
        "locks": contention_json(report.locks),
        "idle": {name: round(value, 3) for name, value in asdict(report.idle).items()},
        "usage": report.usage,
        "limits": report.limits,
        "done_already": [asdict(one) for one in report.before],
        "moves": [{"task": one.task, "from": one.from_, "to": one.to, "why": one.why} for one in report.moves],
        "attention": list(report.attention),
    }


def render_report(report: Report) -> str:
    """Give the report as text."""
    lines = [f"{plain(report.title)}: run {report.run}, {_result(report)}", ""]
    if report.attention:
        lines += ["Needs you:", *(f"  {plain(line)}" for line in report.attention), ""]
    lines += [
        *_task_table(report),
        "",
        *report.before_lines,
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


def _task_rows(entries: Sequence[Entry], plan: Plan, state: State, stints: Sequence[Stint]) -> list[TaskRow]:
    merges = {entry.event.task: entry.event.commit for entry in entries if isinstance(entry.event, ev.Integrated)}
    checked = {entry.event.task: entry.event.checked for entry in entries if isinstance(entry.event, ev.TaskDone)}
    levels = {entry.event.attempt: entry.event.level for entry in entries if isinstance(entry.event, ev.AttemptStarted)}
    rows = []
    for planned in plan.tasks:
        name, status = planned.task.id, state.tasks[planned.task.id]
        last = state.attempts.get(status.attempt or "")
        rows.append(
            TaskRow(
                id=name,
                title=planned.task.title,
                state=status.state,
                agent=status.agent,
                attempts=status.attempts,
                work_s=round(sum(stint.seconds for stint in stints if stint.task == name), 3),
                claim=_claim(last),
                evidence=_evidence(status, last, checked=checked.get(name)),
                reason=status.reason,
                commit=merges.get(name),
                history=tuple(_attempt_row(state, stint, levels) for stint in stints if stint.task == name),
            )
        )
    return rows


def _attempt_row(state: State, stint: Stint, levels: Mapping[str, str]) -> AttemptRow:
    attempt = state.attempts[stint.attempt]
    return AttemptRow(
        id=stint.attempt,
        agent=stint.agent,
        level=levels[stint.attempt],
        outcome=attempt.outcome or "under way",
        reason=attempt.reason,
        work_s=round(stint.seconds, 3),
    )


def _claim(last: AttemptStatus | None) -> str:
    """Say what the agent of a task's last attempt claimed; the end of a program can be a claim too."""
    if last is None:
        return "not started"
    if last.claim is None:
        return "exit 0" if last.outcome == Outcome.DONE else "nothing"
    return "done" if last.claim else "failed"


def _evidence(status: TaskStatus, last: AttemptStatus | None, *, checked: bool | None) -> str:
    """Say what squad found about a task: whether it was checked, else how its last attempt ended."""
    if checked is not None:
        return "checks passed" if checked else UNCHECKED
    if last is None or last.outcome is None:
        return ""
    if last.outcome == Outcome.DONE:
        return "not accepted" if status.state in _REFUSED else "being checked"
    return last.outcome


def _agent_rows(entries: Sequence[Entry], plan: Plan, state: State, stints: Sequence[Stint]) -> list[AgentRow]:
    levels = {entry.event.agent: entry.event.level for entry in entries if isinstance(entry.event, ev.AttemptStarted)}
    return [
        AgentRow(
            id=seat.id,
            role=seat.role,
            level=levels.get(seat.id, ""),
            tasks_done=state.agents[seat.id].finished,
            attempts=sum(1 for stint in stints if stint.agent == seat.id),
            work_s=round(sum(stint.seconds for stint in stints if stint.agent == seat.id), 3),
            refused=state.agents[seat.id].refused,
            paths=tuple(
                sorted({path for attempt in state.attempts.values() if attempt.agent == seat.id for path in attempt.paths})
            ),
        )
        for seat in plan.agents
    ]


def _usage(entries: Sequence[Entry]) -> dict[str, object]:
    told = [entry.event for entry in entries if isinstance(entry.event, ev.UsageReported)]
    if not told:
        return {"known": False, "fresh": None, "cached": None, "output": None, "money": None, "unpriced": []}
    money = [one.money for one in told if one.money is not None]
    return {
        "known": True,
        "fresh": sum(one.fresh for one in told),
        "cached": sum(one.cached for one in told),
        "output": sum(one.output for one in told),
        "money": round(sum(money), 6) if money else None,
        "unpriced": sorted({one.agent for one in told if one.money is None}),  # agents that tell tokens and no money
    }


def _moves(entries: Sequence[Entry]) -> tuple[Move, ...]:
    told = [entry.event for entry in entries if isinstance(entry.event, ev.TaskReassigned)]
    return tuple(Move(task=one.task, from_=one.from_, to=one.to, why=one.reason) for one in told)


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
