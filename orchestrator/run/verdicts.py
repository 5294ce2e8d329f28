"""The events that a verdict amounts to. Pure."""

from orchestrator import events as ev
from orchestrator.events import Event
from orchestrator.model import TaskId
from orchestrator.scheduling import limits, scheduler
from orchestrator.state import State, TaskStatus


def effects(state: State, verdict: scheduler.Verdict) -> list[Event]:
    """Give what a verdict changes, and the evidence for it."""
    status = state.tasks[verdict.task]
    attempt = status.attempt or ""
    match verdict:
        case scheduler.Fail(task=task, reason=reason):
            return [ev.TaskFailed(task=task, reason=reason)]
        case scheduler.Skip(task=task, reason=reason):
            return [ev.TaskSkipped(task=task, reason=reason)]
        case scheduler.Park(task=task, reason=reason, rung=rung):
            climbed = ev.RungClimbed(agent=status.agent, task=task, attempt=attempt, rung="park", reason=reason)
            told: list[Event] = [
                *([climbed] if rung else []),
                *([limit_event(verdict.limit, task=task)] if verdict.limit else []),
            ]
            return [*stall_events(verdict, status), *told, ev.TaskParked(task=task, reason=reason)]
        case scheduler.Climb(task=task, rung=rung, to=to, reason=reason):
            climbed = ev.RungClimbed(agent=status.agent, task=task, attempt=attempt, rung=rung, reason=reason)
            moved = ev.TaskReassigned(task=task, from_=status.agent, to=to, reason=reason)
            return [*stall_events(verdict, status), climbed, *([moved] if to != status.agent else [])]


def limit_event(reached: limits.Reached, *, task: TaskId | None = None) -> ev.LimitReached:
    """Give the event that tells of a limit that is reached."""
    used = round(reached.used, 6)
    return ev.LimitReached(limit=reached.limit, used=used, allowed=reached.allowed, unit=reached.unit, task=task or "")


def stall_events(verdict: scheduler.Park | scheduler.Climb, status: TaskStatus) -> list[Event]:
    """Give the verdict that a task fails the same way again and again, with its evidence; silence has told of itself."""
    if not verdict.same:
        return []
    evidence = f"{verdict.same} times in a row: {status.failure}"
    return [
        ev.AgentStalled(
            agent=status.agent, task=verdict.task, attempt=status.attempt or "", verdict="same-failure", evidence=evidence
        )
    ]
