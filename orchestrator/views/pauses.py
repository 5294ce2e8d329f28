"""When a person had paused a run and nothing of it was under way: time that belongs to nobody's work and to nobody's waiting."""

import math
from collections.abc import Iterable, Iterator

from orchestrator import events as ev
from orchestrator.events import Entry

_GOES_ON = (ev.WorkResumed, ev.StopRequested, ev.RunPaused, ev.RunEnded)


def pauses(entries: Iterable[Entry]) -> Iterator[tuple[float, float]]:
    """Give each such span; one that is not over has no end, and one in which the supervisor died ends with its last event."""
    busy: dict[str, bool] = {}  #: task -> an agent works on it; False: its result is judged, which a pause may have broken off
    held, quiet, before = "", math.inf, 0.0
    for entry in entries:
        event = entry.event
        if isinstance(event, (*_GOES_ON, ev.RunResumed)):
            end = before if isinstance(event, ev.RunResumed) else entry.at
            if quiet < end:
                yield quiet, end
            held, quiet = "", math.inf
        elif isinstance(event, ev.WorkPaused):
            held = "now" if event.now else "safe"
        else:
            _take(busy, event)
        is_quiet = bool(held) and not (any(busy.values()) if held == "now" else busy)
        quiet = min(quiet, entry.at) if is_quiet else math.inf
        before = entry.at
    if quiet < math.inf:
        yield quiet, math.inf


def _take(busy: dict[str, bool], event: ev.Event) -> None:
    match event:
        case ev.AttemptPrepared(task=task):
            busy[task] = True
        case ev.AttemptEnded(task=task, outcome="done"):
            busy[task] = False
        case ev.AttemptEnded(task=task) | ev.ResultRefused(task=task) | ev.TaskDone(task=task):
            busy.pop(task, None)
        case _:
            pass
