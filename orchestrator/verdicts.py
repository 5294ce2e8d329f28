"""The events that a verdict amounts to. Pure."""

from orchestrator import events as ev
from orchestrator import limits, scheduler
from orchestrator.events import Event
from orchestrator.model import TaskId
from orchestrator.state import TaskStatus


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
