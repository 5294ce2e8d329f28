"""`wait`: until a run is where a script wants it."""

import time
from collections.abc import Callable

from orchestrator.cli.finish import exit_code
from orchestrator.errors import UsageError
from orchestrator.model import TaskState
from orchestrator.project import Project, supervisor_of
from orchestrator.quantities import parse_duration
from orchestrator.state import State

TIMED_OUT = 124
_PAUSE = 0.1
_KINDS = ("done", "idle", "needs-you")


def wait_for(until: str, timeout: str | None, *, project: Project, read: Callable[[], State]) -> int:
    """Wait; gives 0 when it is so, 124 when the time is over, else the code the run would have ended with.

    Raises:
        UsageError: There is no such thing to wait for.
    """
    if until not in _KINDS:
        raise UsageError(f"--for {until}: expected {', '.join(_KINDS)}")
    try:
        deadline = time.monotonic() + (parse_duration(timeout) if timeout else float("inf"))
    except ValueError as error:
        raise UsageError(f"--timeout: {error}") from error
    while True:
        lives = supervisor_of(project) is not None
        state = read()
        if _is_so(until, state, lives=lives):
            return 0
        if not lives:
            return exit_code(state, [])
        if time.monotonic() >= deadline:
            return TIMED_OUT
        time.sleep(_PAUSE)


def _is_so(until: str, state: State, *, lives: bool) -> bool:
    if until == "done":
        return state.phase == "ended" and state.outcome == "done"
    if until == "needs-you":
        return state.phase == "paused" or any(task.state is TaskState.PARKED for task in state.tasks.values())
    return not lives or all(agent.task is None for agent in state.agents.values())
