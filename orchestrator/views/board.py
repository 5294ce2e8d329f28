"""The run at a glance: a table for a terminal, a line for each change elsewhere. Pure functions of a state."""

from collections.abc import Mapping

from orchestrator import events as ev
from orchestrator.model import AgentState, Plan, TaskId, TaskState
from orchestrator.quantities import format_duration
from orchestrator.scheduler import waits_for
from orchestrator.state import FINAL, State
from orchestrator.views.text import plain, shortened

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
_WIDTH = 100


def board(plan: Plan, state: State, *, now: float, color: bool = False) -> str:
    """Give the table: tasks with their state, agent and what they wait for; then progress and an estimate."""
    holders = {lock.path: lock.holder for lock in state.locks}
    waits = waits_for(plan, state, holders)
    rows = [_row(plan, state, number, waits, color=color, now=now) for number in range(len(plan.tasks))]
    return "\n".join([f"{state.run}  {_phase(state)}", *rows, _progress(plan, state, now)]) + "\n"


def _phase(state: State) -> str:
    return f"{state.phase} ({state.outcome})" if state.outcome else state.phase


def _row(plan: Plan, state: State, number: int, waits: Mapping[TaskId, str], *, color: bool, now: float) -> str:
    planned = plan.tasks[number]
    status = state.tasks[planned.task.id]
    if status.state is TaskState.WAITING:
        note = status.reason or waits.get(planned.task.id, "")
    elif status.state in FINAL or status.state is TaskState.PARKED:
        note = status.reason
    else:
        note = _doing(state, status.agent, status.attempt, now)
    title = shortened(planned.task.title, 38)
    line = f"  {_SIGNS[status.state]} {planned.task.id:<6} {title:<38} {status.state:<11} {status.agent:<18}"
    text = shortened(f"{line} {plain(note)}", _WIDTH) if note else line.rstrip()
    text = f"  {text.strip()}"
    tint = _COLORS.get(status.state)
    return f"\x1b[{tint}m{text}\x1b[0m" if color and tint else text


def _doing(state: State, agent: str, attempt: str | None, now: float) -> str:
    status = state.agents[agent]
    current = state.attempts.get(attempt or "")
    since = format_duration(round(now - current.prepared_at)) if current else ""
    ratio = f" {status.done}/{status.total}" if status.total else ""
    wait = next((f", waits for {wait.path}" for wait in state.waiting if wait.holder == agent), "")
    silent = status.state in {AgentState.STARTING, AgentState.CHECKING}
    return f"{since}{ratio}{wait}" if silent else f"{since}{ratio}{wait} {status.message}"


def _progress(plan: Plan, state: State, now: float) -> str:
    done = sum(1 for task in state.tasks.values() if task.state is TaskState.DONE)
    elapsed = format_duration(round(max(0.0, now - state.started_at)))
    return f"  {done} of {len(plan.tasks)} tasks done, {elapsed} so far, {estimate(plan, state)}"


def estimate(plan: Plan, state: State) -> str:
    """Give how long it may still take, as a range from what was measured; before two tasks were done there is none."""
    took = [
        attempt.ended_at - attempt.started_at
        for attempt in state.attempts.values()
        if attempt.outcome == "done" and attempt.started_at is not None and attempt.ended_at is not None
    ]
    left = sum(1 for task in state.tasks.values() if task.state not in FINAL)
    if not left:
        return "nothing left"
    if len(took) < 2:
        return "no estimate yet"
    rounds = -(-left // max(1, len(plan.agents)))
    return f"about {format_duration(round(min(took) * rounds))} to {format_duration(round(max(took) * left))} more"


def change_line(plan: Plan, entry: ev.Entry) -> str:
    """Give one line for an event that a person wants to see; empty for the others."""
    titles: dict[str, str] = {planned.task.id: planned.task.title for planned in plan.tasks}
    event = entry.event
    match event:
        case ev.RunStarted(title=title, agents=agents):
            return f"run {entry.run}: {plain(title)}, {len(titles)} tasks, {len(agents)} agents"
        case ev.RunResumed(reason=reason):
            return f"run {entry.run} goes on (it was ended: {plain(reason)})"
        case ev.AttemptStarted(task=task, agent=agent, attempt=attempt):
            again = f" (attempt {attempt.rpartition('.')[2]})" if not attempt.endswith(".1") else ""
            return f"{task} started by {agent}{again}: {plain(titles.get(task, ''))}"
        case ev.AttemptEnded(task=task, agent=agent, outcome=outcome, reason=reason) if outcome != "done":
            return f"{task} not done by {agent}: {outcome}, {plain(reason)}"
        case ev.ResultRefused(task=task, reason=reason):
            return f"{task} not accepted: {plain(reason)}"
        case ev.TaskDone(task=task, checked=checked):
            return f"{task} done{'' if checked else ' (unchecked)'}"
        case (
            ev.TaskFailed(task=task, reason=reason)
            | ev.TaskParked(task=task, reason=reason)
            | ev.TaskSkipped(task=task, reason=reason)
        ):
            return f"{task} {type(event).__name__.removeprefix('Task').lower()}: {plain(reason)}"
        case _:
            return _trouble_line(event) or _rarer_line(event)


def _trouble_line(event: ev.Event) -> str:
    match event:
        case ev.TaskReassigned(task=task, from_=old, to=new, reason=reason):
            return f"{task} moves from {old} to {new}: {plain(reason)}"
        case ev.AgentStalled(agent=agent, task=task, evidence=evidence):
            return f"{task} stalled at {agent}: {plain(evidence)}"
        case ev.RungClimbed(task=task, rung=rung):
            return f"{task}: {rung}"
        case ev.ForeignChangeFound(task=task, agent=agent, paths=paths, ref=ref):
            return f"{task}: {agent} changed what it may not write, kept under {ref}: {plain(', '.join(paths[:5]))}"
        case ev.MergeConflicted(task=task, paths=paths):
            return f"{task} conflicts in {plain(', '.join(paths[:5]))}"
        case ev.CheckEnded(task=task, command=command, ok=False, log=log):
            return f"{task}: check `{plain(command)}` failed, see {log}"
        case _:
            return ""


def _rarer_line(event: ev.Event) -> str:
    match event:
        case ev.LockRequested(path=path, holder=holder):
            return f"{holder} waits for {plain(path)}"
        case ev.LockRefused(path=path, holder=holder, reason=reason):
            return f"{holder} may not have {plain(path)}: {plain(reason)}"
        case ev.AgentAsked(agent=agent, text=text):
            return f"{agent} asks: {plain(text)}"
        case ev.LimitReached(limit=limit, agent=agent):
            return f"limit reached: {limit} {agent}".rstrip()
        case ev.Noticed(text=text):
            return plain(text)
        case _:
            return ""
