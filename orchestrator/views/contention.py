"""What locks cost a run, measured from its journal alone: waiting, holding, and which keys are fought for.

Waits are those of locks that agents asked for while they worked, also of those granted at once; what a task declares is
taken before its start and waits as a task, not here. A key is held from its grant to its release, or until now.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

from orchestrator import events as ev
from orchestrator.events import Entry
from orchestrator.text.quantities import format_duration
from orchestrator.views.text import plain_path

_SHOWN = 5  #: keys in a text


@dataclass(slots=True, kw_only=True)
class KeyUse:
    """What became of one key."""

    path: str
    grants: int = 0  #: asked for and declared
    waited: int = 0  #: requests that had to wait
    wait_s: float = 0.0  #: of those that were granted in the end
    refused: int = 0  #: requests, also those that waited in vain
    held_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Contention:
    """What locks cost a run; seconds."""

    wait_mean_s: float
    wait_p50_s: float
    wait_p95_s: float
    hold_mean_s: float
    hold_p95_s: float
    grants: int
    waited: int
    refused: int
    keys: tuple[KeyUse, ...]  #: those that were waited for or refused, the longest waits first


@dataclass(slots=True)
class _Book:
    keys: dict[str, KeyUse] = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)
    holds: list[float] = field(default_factory=list)
    since: dict[int, tuple[str, float]] = field(default_factory=dict)  #: by fence

    def note(self, entry: Entry) -> None:
        match entry.event:
            case ev.LockRequested(path=path):
                self._key(path).waited += 1
            case ev.LockGranted(path=path, fence=fence):
                self._key(path).grants += 1
                self.since[fence] = path, entry.at
                if not entry.event.declared:
                    self.waits.append(entry.event.waited_s)
                    self._key(path).wait_s += entry.event.waited_s
            case ev.LockReleased(fence=fence):
                self.end(fence, entry.at)
            case ev.LockRefused(path=path):
                self._key(path).refused += 1

    def end(self, fence: int, at: float) -> None:
        if fence in self.since:
            path, since = self.since.pop(fence)
            self.holds.append(max(0.0, at - since))
            self._key(path).held_s += max(0.0, at - since)

    def _key(self, path: str) -> KeyUse:
        return self.keys.setdefault(path, KeyUse(path=path))


def contention(entries: Iterable[Entry], *, now: float) -> Contention:
    """Measure the locks of a run; what is still held is held up to `now`."""
    book = _Book()
    for entry in entries:
        book.note(entry)
    for fence in tuple(book.since):
        book.end(fence, now)
    fought = [use for use in book.keys.values() if use.waited or use.refused]
    waits, holds = sorted(book.waits), sorted(book.holds)
    return Contention(
        wait_mean_s=mean(waits),
        wait_p50_s=percentile(waits, 50),
        wait_p95_s=percentile(waits, 95),
        hold_mean_s=mean(holds),
        hold_p95_s=percentile(holds, 95),
        grants=sum(use.grants for use in book.keys.values()),
        waited=sum(use.waited for use in fought),
        refused=sum(use.refused for use in fought),
        keys=tuple(sorted(fought, key=lambda use: (-use.wait_s, -use.waited, -use.refused, use.path))),
    )


def contention_json(measured: Contention) -> dict[str, object]:
    """Give the part of a document that tells of it."""
    told = asdict(measured)
    keys = told.pop("keys")
    return {**_rounded(told), "keys": [_rounded(use) for use in keys]}


def contention_lines(measured: Contention) -> list[str]:
    """Say it in a few lines; in none if no lock was ever asked for."""
    if not measured.grants and not measured.refused:
        return []
    mean_, p50, p95 = map(format_duration, (measured.wait_mean_s, measured.wait_p50_s, measured.wait_p95_s))
    held = f"held {format_duration(measured.hold_mean_s)} mean, {format_duration(measured.hold_p95_s)} p95"
    first = f"lock wait {mean_} mean, {p50} p50, {p95} p95; {held}; {measured.refused} requests refused"
    return [first, *map(_use_line, measured.keys[:_SHOWN])]


def mean(values: list[float]) -> float:
    """Give the mean; 0 of nothing."""
    return sum(values) / len(values) if values else 0.0


def percentile(ordered: list[float], percent: int) -> float:
    """Give the smallest value that so many percent do not exceed; 0 of nothing."""
    return ordered[-(-len(ordered) * percent // 100) - 1] if ordered else 0.0


def _use_line(use: KeyUse) -> str:
    waited = f"{use.waited} waits ({format_duration(use.wait_s)} in all)"
    return f"  {plain_path(use.path)}: {waited}, {use.refused} refused, held {format_duration(use.held_s)}"


def _rounded(told: dict[str, object]) -> dict[str, object]:
    return {name: round(value, 6) if isinstance(value, float) else value for name, value in told.items()}
