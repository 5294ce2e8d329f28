"""What the orders of a person change of a run's state.

The time in which a person lets nothing be started belongs to nobody: it is no part of what limits of time count.
"""

from typing import TypeAlias, assert_never

from orchestrator import events as ev
from orchestrator.exchange import remarks
from orchestrator.state import State

Order: TypeAlias = ev.WorkPaused | ev.WorkResumed | ev.RestartOrdered | ev.RemarkMade | ev.RemarkTold
SAFE, NOW = "safe", "now"


def fold_order(state: State, event: Order, at: float) -> None:
    """Let an order take effect."""
    match event:
        case ev.WorkPaused(now=now):
            if not state.held:
                state.lived, state.since = state.lived + max(0.0, at - state.since), at
            state.held = NOW if now else SAFE
        case ev.WorkResumed():
            state.held, state.since = "", at if state.held else state.since
        case ev.RestartOrdered(task=task):
            state.tasks[task].ordered = True
        case ev.RemarkMade() | ev.RemarkTold():
            remarks.take(state, event, at)
        case _:
            assert_never(event)


def live_on(state: State, at: float) -> None:
    """Let a new supervisor begin: whoever starts one lets a paused run go on."""
    state.lived += 0.0 if state.held else max(0.0, state.seen - state.since)
    state.held, state.since = "", at
