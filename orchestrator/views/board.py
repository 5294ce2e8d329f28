"""The run at a glance: a table for a terminal, a line for each change elsewhere. Pure functions of a state.

No row is wider than asked for and there are no more rows than asked for: where there is no room for all tasks, those
under way and those that need somebody come first, and the last row counts the others.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from orchestrator.exchange.questions import open_of
from orchestrator.model import AgentState, Plan, PlannedTask, TaskId, TaskState
from orchestrator.scheduling.scheduler import waits_for
from orchestrator.state import FINAL, State
from orchestrator.text.quantities import format_duration, format_moment
from orchestrator.views.estimate import estimate
from orchestrator.views.limits import held_until
from orchestrator.views.text import columns, fitted, padded, plain

_SIGNS = {
    TaskState.WAITING: "·",
    TaskState.RUNNING: "▶",
    TaskState.CHECKING: "?",
    TaskState.INTEGRATING: "⇄",
    TaskState.DONE: "✓",
    TaskState.FAILED: "✗",
    TaskState.PARKED: "!",
    TaskState.SKIPPED: "-",
}
_COLORS = {TaskState.DONE: "32", TaskState.FAILED: "31", TaskState.PARKED: "33", TaskState.RUNNING: "36"}
_RANK = {
    TaskState.PARKED: 0,
    TaskState.FAILED: 0,
    TaskState.RUNNING: 1,
    TaskState.CHECKING: 1,
    TaskState.INTEGRATING: 1,
    TaskState.WAITING: 2,
    TaskState.SKIPPED: 3,
    TaskState.DONE: 4,
}
_WIDTH = 100
_WIDE = 96  #: columns from which agents are called by their whole names
_NARROW = 70  #: columns below which the sign alone tells a task's state


def board(
    plan: Plan,
    state: State,
    *,
    now: float,
    color: bool = False,
    width: int = _WIDTH,
    height: int | None = None,
    supervised: bool = True,
) -> str:
    """Give the table: tasks with their state, agent and what they wait for; then progress and an estimate."""
    waits = waits_for(plan, state, {lock.path: lock.holder for lock in state.locks.values()})
    shown, rest = _chosen(plan, state, None if height is None else height - 2)
    cells = _Cells.of(plan, width)
    rows = [
        _row(planned, state, cells, _note(planned, state, waits, now, supervised=supervised), color=color) for planned in shown
    ]
    lines = [
        fitted(f"{state.run}  {phase(state, supervised=supervised)}", width),
        *rows,
        *([fitted(f"  {_rest(rest)}", width)] if rest else []),
        fitted(_progress(plan, state, now, supervised=supervised), width),
    ]
    return "\n".join(lines) + "\n"


def phase(state: State, *, supervised: bool) -> str:
    """Give the word for where the run stands; a run that goes on without a supervisor is paused in fact."""
    is_paused = (state.phase in {"running", "ending"} and not supervised) or (state.phase == "running" and state.held)
    word = "paused" if is_paused else state.phase
    return f"{word} ({state.outcome})" if state.outcome else word


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cells:
    """How wide the cells of a row are."""

    width: int
    id: int
    title: int
    state: int
    agent: int

    @classmethod
    def of(cls, plan: Plan, width: int) -> Self:
        """Share the width out; what is left over is for the note."""
        name = min(max([2, *(columns(planned.task.id) for planned in plan.tasks)]), 10)
        agents = [columns(seat.id if width >= _WIDE else _short(seat.id)) for seat in plan.agents]
        return cls(
            width=width,
            id=name,
            title=max(12, width * 3 // 10),
            state=12 if width >= _NARROW else 0,
            agent=min(max([7, *agents]), 18) + 1,
        )

    def called(self, agent: str) -> str:
        """Give the agent's name as there is room for it."""
        return agent if self.width >= _WIDE else _short(agent)


def _short(agent: str) -> str:
    return "-".join(agent.split("-")[:2])


def _chosen(plan: Plan, state: State, most: int | None) -> tuple[Sequence[PlannedTask], Sequence[TaskState]]:
    """Give the tasks to be shown, in the order of the plan, and the states of those for which there is no room."""
    if most is None or len(plan.tasks) <= most:
        return plan.tasks, ()
    ranked = sorted(range(len(plan.tasks)), key=lambda place: (_RANK[state.tasks[plan.tasks[place].task.id].state], place))
    room = max(0, most - 1)
    kept = sorted(ranked[:room])
    return [plan.tasks[place] for place in kept], [state.tasks[plan.tasks[place].task.id].state for place in ranked[room:]]


def _rest(states: Sequence[TaskState]) -> str:
    counts = Counter(states)
    return f"and {len(states)} more: " + ", ".join(f"{counts[state]} {state}" for state in _RANK if counts[state])


def _row(planned: PlannedTask, state: State, cells: _Cells, note: str, *, color: bool) -> str:
    status = state.tasks[planned.task.id]
    begin = f"  {_SIGNS[status.state]} {padded(planned.task.id, cells.id)} {padded(planned.task.title, cells.title)} "
    word = padded(status.state, cells.state) if cells.state else ""
    middle = word + padded(cells.called(status.agent), cells.agent)
    text = fitted(f"{begin}{middle}{plain(note)}".rstrip(), cells.width)
    tint = _COLORS.get(status.state)
    return f"\x1b[{tint}m{text}\x1b[0m" if color and tint else text


def _note(planned: PlannedTask, state: State, waits: Mapping[TaskId, str], now: float, *, supervised: bool) -> str:
    status = state.tasks[planned.task.id]
    if status.state is TaskState.WAITING:
        reason = f"again: {status.reason}" if status.reason else ""
        wait = waits.get(planned.task.id, "")
        if not wait.startswith("needs") and (until := held_until(state.agents[status.agent], now=now)) is not None:
            return f"{status.agent} is at its usage limit until {format_moment(until)}"
        return wait if wait.startswith(("needs", "lock")) or not reason else reason
    if status.state in FINAL or status.state is TaskState.PARKED:
        return status.reason
    return _doing(state, status.agent, status.attempt, now) if supervised else "when its supervisor ended"


def _doing(state: State, agent: str, attempt: str | None, now: float) -> str:
    status = state.agents[agent]
    current = state.attempts.get(attempt or "")
    since = format_duration(round(max(0.0, now - current.prepared_at))) if current else ""
    nth = f" (attempt {attempt.rpartition('.')[2]})" if attempt and not attempt.endswith(".1") else ""
    ratio = f" {status.done}/{status.total}" if status.total else ""
    wait = next((f", waits for {wait.path}" for wait in state.waiting if wait.holder == agent), "")
    asks = next((f", asks {name}" for name in open_of(state, status.task or "")), "")
    blocked = f", blocked on {status.blocked_on}" if status.says == "BLOCKED" and status.blocked_on else ""
    silent = status.state in {AgentState.STARTING, AgentState.CHECKING}
    return f"{since}{nth}{ratio}{wait or asks or blocked}" + ("" if silent else f" {status.message}")


def _progress(plan: Plan, state: State, now: float, *, supervised: bool) -> str:
    done = sum(1 for task in state.tasks.values() if task.state is TaskState.DONE)
    counted = f"  {done} of {len(plan.tasks)} done"
    if state.phase == "ended":
        took = max(0.0, (state.ended_at or now) - state.started_at)
        return f"{counted}, ended {format_duration(round(took))} after its start"
    if state.phase != "running" or not supervised or state.held:
        return counted
    elapsed = format_duration(round(max(0.0, now - state.started_at)))
    return f"{counted}, {elapsed} so far, {estimate(plan, state, now=now)}"
