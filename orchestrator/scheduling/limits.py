"""What a run may consume, and whether another attempt may begin.

Pure. A limit is refused before the next start, with what is under way counted in: each attempt is expected to consume what
those of the same program did on average. So it is passed by what was under way already, and by nothing that came later.
What is under way goes on, and is checked and integrated; therefore time closes for starts earlier, by the reserve.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from orchestrator.state import AttemptStatus, State, TaskStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a run may consume; None: as much as it takes."""

    time: float | None = None  #: seconds, without those in which no supervisor lived, or a person paused the run
    reserve: float = 0.0  #: seconds at the end of the time in which nothing is started
    money: float | None = None
    money_per_task: float | None = None
    tokens: int | None = None
    attempts: int | None = None  #: starts of agents
    currency: str = "USD"


UNLIMITED = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """A limit, and what was used of it."""

    limit: str
    used: float
    allowed: float
    unit: str  #: s | tokens | starts | a currency


def reached(state: State, limits: Limits, *, now: float) -> Reached | None:
    """Give the first limit of the run that leaves nothing for another start, whatever ends meanwhile."""
    if limits.time is not None and now >= _closes_at(state, limits.time - limits.reserve):
        return Reached(limit="time", used=elapsed(state, now=now), allowed=limits.time, unit="s")
    return next((one for one in _counted(state, limits) if one.used >= one.allowed), None)


def may_begin(state: State, limits: Limits, *, now: float) -> bool:
    """Tell whether one more attempt may begin, beside what is under way."""
    if reached(state, limits, now=now) is not None:
        return False
    return all(one.used + _expected(state, one.limit) < one.allowed for one in _counted(state, limits))


def time_is_up(state: State, limits: Limits, *, now: float) -> bool:
    """Tell whether what still runs is to be ended."""
    return limits.time is not None and now >= _closes_at(state, limits.time)


def changes(state: State, limits: Limits) -> Iterator[float]:
    """Give the moments at which time closes for starts, and is up."""
    if limits.time is not None:
        yield _closes_at(state, limits.time - limits.reserve)
        yield _closes_at(state, limits.time)


def spent(status: TaskStatus, limits: Limits) -> Reached | None:
    """Tell whether a task has used up what it alone may."""
    if limits.money_per_task is None or round(status.money, 6) < limits.money_per_task:
        return None
    return Reached(limit="money_per_task", used=status.money, allowed=limits.money_per_task, unit=limits.currency)


def elapsed(state: State, *, now: float) -> float:
    """Give the seconds that supervisors of the run have lived."""
    if state.held:
        return state.lived
    end = now if state.phase in {"running", "ending"} else state.seen
    return state.lived + max(0.0, end - state.since)


def all_of(state: State, limits: Limits, *, now: float) -> Iterator[Reached]:
    """Give each limit that the run has, with what was used of it."""
    if limits.time is not None:
        yield Reached(limit="time", used=elapsed(state, now=now), allowed=limits.time, unit="s")
    yield from _counted(state, limits)


def _closes_at(state: State, seconds: float) -> float:
    return math.inf if state.held else state.since + (seconds - state.lived)


def _counted(state: State, limits: Limits) -> Iterator[Reached]:
    if limits.money is not None:
        yield Reached(limit="money", used=round(state.money, 6), allowed=limits.money, unit=limits.currency)
    if limits.tokens is not None:
        yield Reached(limit="tokens", used=state.tokens, allowed=limits.tokens, unit="tokens")
    if limits.attempts is not None:
        yield Reached(limit="attempts", used=state.starts, allowed=limits.attempts, unit="starts")


def _expected(state: State, name: str) -> float:
    """Give what the attempts under way will still consume."""
    if name == "attempts":
        return sum(1 for attempt in state.attempts.values() if attempt.outcome is None and attempt.started_at is None)
    return _on_average(state, _tokens if name == "tokens" else _money)


def _on_average(state: State, told: Callable[[AttemptStatus], float | None]) -> float:
    """Expect of each attempt under way the mean of those that have ended and told, by their programs; else nothing."""
    past: dict[str, list[float]] = {}
    for attempt in state.attempts.values():
        if attempt.outcome is not None and (amount := told(attempt)) is not None:
            past.setdefault(attempt.adapter, []).append(amount)
    means = {adapter: sum(amounts) / len(amounts) for adapter, amounts in past.items()}
    under_way = (attempt for attempt in state.attempts.values() if attempt.outcome is None)
    return sum(max(0.0, means.get(attempt.adapter, 0.0) - (told(attempt) or 0.0)) for attempt in under_way)


def _tokens(attempt: AttemptStatus) -> float | None:
    return attempt.tokens


def _money(attempt: AttemptStatus) -> float | None:
    return attempt.money
