"""`wait`: until a run is where a script wants it."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.cli.context import say
from orchestrator.cli.exits import FAILED, TIMED_OUT
from orchestrator.cli.finish import exit_code
from orchestrator.errors import UsageError
from orchestrator.model import Plan, TaskState
from orchestrator.platform.watching import watching
from orchestrator.project import Project
from orchestrator.scheduling.scheduler import is_work_left
from orchestrator.state import State
from orchestrator.text.quantities import parse_duration
from orchestrator.text.spelling import nearest

_KINDS = ("done", "idle", "needs-you")


@dataclass(frozen=True, slots=True)
class Wish:
    """What a script waits for."""

    until: str
    seconds: float  #: how long at most


def wish(until: str, timeout: str | None) -> Wish:
    """Read what is to be waited for.

    Raises:
        UsageError: There is no such thing to wait for, or the time is no duration.
    """
    if until not in _KINDS:
        raise UsageError(f"--for {until}: expected {', '.join(_KINDS)}", hint=nearest(until, _KINDS) or None)
    try:
        return Wish(until, parse_duration(timeout) if timeout is not None else float("inf"))
    except ValueError as error:
        raise UsageError(f"--timeout: {error}") from error


def wait_for(wanted: Wish, *, project: Project, plan: Plan, lives: Callable[[], bool], read: Callable[[], State]) -> int:
    """Wait; gives 0 when it is so, 124 when the time is over, else how the run ended, and 1 if it ended well otherwise."""
    deadline = time.monotonic() + wanted.seconds
    with watching(project.state) as changes:
        while True:
            is_alive = lives()
            state = read()
            if _is_so(wanted.until, plan, state, lives=is_alive):
                return 0
            if not is_alive:
                say(f"squad: {_never(wanted.until, state)}")
                return exit_code(state, []) or FAILED
            left = deadline - time.monotonic()
            if left <= 0:
                say(f"squad: {state.run} is still {state.phase}: the time to wait is over")
                return TIMED_OUT
            changes.wait(left)


def _never(until: str, state: State) -> str:
    """Say why what is waited for does not come by itself, and what helps."""
    if state.phase == "ended":
        return f"{state.run} has ended: {state.outcome}; {until} does not come any more\nlook: squad report --run {state.run}"
    return f"nobody works on {state.run}, so {until} does not come by itself\ngo on with it: squad resume {state.run}"


def _is_so(until: str, plan: Plan, state: State, *, lives: bool) -> bool:
    if until == "done":
        return state.phase == "ended" and state.outcome == "done"
    if until == "needs-you":
        return (
            state.phase == "paused"
            or (state.phase == "running" and (not lives or bool(state.held)))
            or any(task.state is TaskState.PARKED for task in state.tasks.values())
            or any(question.state == "open" for question in state.questions.values())
        )
    return not lives or _is_idle(plan, state)


def _is_idle(plan: Plan, state: State) -> bool:
    """Tell whether nothing is under way and nothing will be by itself: not between two tasks, nor in a back-off."""
    if any(agent.task is not None for agent in state.agents.values()):
        return False
    return bool(state.held) or state.phase != "running" or not is_work_left(plan, state)
