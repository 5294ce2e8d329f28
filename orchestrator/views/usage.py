"""What agents say they consumed, added up: of a run, or of any part of it.

Their word is all there is: who told nothing is unknown and not zero, and nothing they say makes a sum less.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from orchestrator.events import Entry, UsageReported
from orchestrator.text.quantities import format_count


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens and money; None where nobody told."""

    known: bool
    fresh: int | None
    cached: int | None
    output: int | None
    money: float | None
    unpriced: tuple[str, ...]  #: agents of attempts that told tokens and no money


def usage_of(told: Iterable[UsageReported]) -> Usage:
    """Add up what was told."""
    rows = list(told)
    if not rows:
        return Usage(known=False, fresh=None, cached=None, output=None, money=None, unpriced=())
    money = [(one.attempt, one.money) for one in rows if one.money is not None and math.isfinite(one.money)]
    priced = {attempt for attempt, _ in money}
    return Usage(
        known=True,
        fresh=sum(max(0, one.fresh) for one in rows),
        cached=sum(max(0, one.cached) for one in rows),
        output=sum(max(0, one.output) for one in rows),
        money=round(sum(max(0.0, amount) for _, amount in money), 6) if money else None,
        unpriced=tuple(sorted({one.agent for one in rows if one.attempt not in priced})),
    )


def usage_by(entries: Iterable[Entry], key: Callable[[UsageReported], str]) -> dict[str, Usage]:
    """Add up what was told of each agent, task or attempt; who told nothing is missing."""
    rows: dict[str, list[UsageReported]] = {}
    for entry in entries:
        if isinstance(entry.event, UsageReported):
            rows.setdefault(key(entry.event), []).append(entry.event)
    return {name: usage_of(told) for name, told in rows.items()}


def tokens_text(number: int | None) -> str:
    """Write tokens for people."""
    return "unknown" if number is None else format_count(number)


def money_text(money: float | None) -> str:
    """Write money for people."""
    return "unknown" if money is None else f"{money:g}"
