"""From a run's events and state to the report of it; with a clock value and nothing else from outside."""

from collections.abc import Mapping, Sequence

from orchestrator import events as ev
from orchestrator.events import Entry
from orchestrator.limits import UNLIMITED, Limits
from orchestrator.model import Outcome, Plan, TaskState
from orchestrator.state import AttemptStatus, State, TaskStatus
from orchestrator.views.attention import attention
from orchestrator.views.figures import measure
from orchestrator.views.hours import Stint
from orchestrator.views.limits import limit_lines, limits_json
from orchestrator.views.report.model import UNCHECKED, AgentRow, AttemptRow, Move, Report, TaskRow
from orchestrator.views.status import is_orphaned, run_state

_REFUSED = frozenset({TaskState.WAITING, TaskState.FAILED, TaskState.PARKED, TaskState.SKIPPED})


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
        attention=tuple(attention(entries, plan, state, supervised=supervised, now=now)),
        limits=limits_json(state, limits, now=now),
        limit_lines=tuple(limit_lines(state, limits, now=now)),
    )


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
