"""What a person's changes of the work do to a run's state."""

from orchestrator import events as ev
from orchestrator.model import TaskState
from orchestrator.state import FINAL, State, TaskStatus, WishStatus


def fold_shape(state: State, event: ev.TaskReassigned | ev.AttemptRecalled) -> None:
    """Note who does a task from now on, or what becomes of it once its attempt is gone."""
    status = state.tasks[event.task]
    match event:
        case ev.AttemptRecalled(then=then, to=to, reason=reason):
            status.wish = WishStatus(then=then, to=to, reason=reason)
        case ev.TaskReassigned(to=to, by=by):
            status.agent, status.pinned, status.wish = to, by != "", None


def is_given_up(status: TaskStatus) -> bool:
    """Tell whether a task does not go on by itself; one that does is only left where it is when it is tried again."""
    return status.state in FINAL | {TaskState.PARKED}


def anew(old: TaskStatus) -> TaskStatus:
    """Give a task with nothing counted against it; what happened stays known by its numbers."""
    return TaskStatus(
        agent=old.agent,
        state=old.state,
        attempts=old.attempts,
        prepared=old.prepared,
        attempt=old.attempt,
        money=old.money,
        pinned=old.pinned,
    )
