"""The time of a run: from its start to its last result, or until now.

The times in which no supervisor lived, or a person's pause lasted, are no part of it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from orchestrator import events as ev
from orchestrator.events import Entry
from orchestrator.fold import AFTERWARDS
from orchestrator.views.pauses import pauses

_PHASES = (ev.RunStarted, ev.RunResumed, ev.RunPaused, ev.RunEnded, ev.RunReopened)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wall:
    """The time of a run: from its start to its last result or the end of its last attempt, or until now."""

    start: float  #: seconds since the epoch
    end: float
    gaps: tuple[tuple[float, float], ...]  #: times in which no supervisor lived, or a person's pause lasted, by their beginning
    is_over: bool  #: the run has ended by itself

    @property
    def seconds(self) -> float:
        """Give how long a supervisor lived in it."""
        return self.between(self.start, self.end)

    def between(self, begin: float, end: float) -> float:
        """Give how much of a span lies inside, without the gaps."""
        return sum((stop - start for start, stop in self.pieces(begin, end)), 0.0)

    def pieces(self, begin: float, end: float) -> Iterator[tuple[float, float]]:
        """Give the parts of a span that lie inside, without the gaps."""
        begin, end = max(begin, self.start), min(end, self.end)
        for start, stop in self.gaps:
            if start >= end:
                break
            if begin < start:
                yield begin, start
            begin = max(begin, stop)
        if begin < end:
            yield begin, end


def wall_of(entries: Sequence[Entry], *, now: float) -> Wall:
    """Find the time of a run; one under way is measured up to `now`."""
    start = next((entry.at for entry in entries if isinstance(entry.event, ev.RunStarted)), now)
    last = next((entry for entry in reversed(entries) if isinstance(entry.event, _PHASES)), None)
    end = now
    if last is not None and isinstance(last.event, ev.RunPaused):
        end = last.at
    elif last is not None and isinstance(last.event, ev.RunEnded):
        end = max(_results(entries), default=last.at)
    elif last is not None and isinstance(last.event, ev.RunReopened):
        end = min(last.at, max(_results(entries), default=last.at))
    over = last is not None and isinstance(last.event, ev.RunEnded) and last.event.outcome != "discarded"
    return Wall(start=start, end=max(start, end), gaps=tuple(sorted((*_gaps(entries), *pauses(entries)))), is_over=over)


def _results(entries: Iterable[Entry]) -> list[float]:
    """Give the times of the results and of the ends of attempts; what was merged is a result from its merge on."""
    merged = {entry.event.task: entry.at for entry in entries if isinstance(entry.event, ev.Integrated)}
    others = [
        entry.at
        for entry in entries
        if isinstance(entry.event, ev.AttemptEnded) or (isinstance(entry.event, ev.TaskDone) and entry.event.task not in merged)
    ]
    return [*merged.values(), *others]


def _gaps(entries: Iterable[Entry]) -> Iterator[tuple[float, float]]:
    """Give the times in which no supervisor lived: from its last event to `RunResumed`."""
    before, is_alone = None, False
    for entry in entries:
        if isinstance(entry.event, ev.RunResumed) and before is not None and before < entry.at:
            yield before, entry.at
        is_alone = isinstance(entry.event, ev.RunReopened) or (is_alone and not isinstance(entry.event, ev.RunResumed))
        if not is_alone and not isinstance(entry.event, AFTERWARDS):
            before = entry.at
        is_alone = is_alone or isinstance(entry.event, ev.RunPaused)
