"""Durations, ranges, rates, counts and money as people write them.

A number without a unit is never guessed at: `10` could be seconds or minutes, so it is an error that names the units.
All durations are seconds.
"""

import math
import re
from datetime import UTC, datetime

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_WHOLE = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+")
_LONGEST = 100 * 365.25 * 86400  #: seconds
_NUMBER = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,9})?")
_TIMES = {"": 1, "k": 1_000, "M": 1_000_000, "G": 1_000_000_000}


def parse_duration(text: str) -> float:
    """Read `10m`, `1h30m`, `250ms` or `0`; gives seconds.

    Raises:
        ValueError: It is no duration; the text says what is expected.
    """
    clean = text.strip()
    if re.fullmatch(r"0+(\.0+)?", clean):
        return 0.0
    if re.fullmatch(r"\d+(\.\d+)?", clean):
        msg = f"{clean!r} has no unit: write {clean}s, {clean}m, {clean}h or {clean}d (or ms)"
        raise ValueError(msg)
    if not _WHOLE.fullmatch(clean):
        msg = f"{clean!r} is no duration: expected a number with ms, s, m, h or d, such as 10m or 1h30m"
        raise ValueError(msg)
    seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(clean))
    if seconds > _LONGEST:
        msg = f"{clean!r} is longer than a hundred years"
        raise ValueError(msg)
    return seconds


def format_duration(seconds: float) -> str:
    """Write seconds for people: `850ms`, `12s`, `3m05s`, `1h30m`."""
    if not math.isfinite(seconds):
        return "?"
    if seconds < 0.9995:
        return f"{max(1, round(seconds * 1000))}ms" if seconds > 0 else "0s"
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f}s".replace(".0s", "s") if seconds < 9.95 else f"{whole}s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}m{rest:02d}s" if rest else f"{minutes}m"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}m" if minutes else f"{hours}h"


def format_moment(at: float) -> str:
    """Write seconds since the epoch for people: `2026-11-24 10:15:00 UTC`."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def parse_range(text: str) -> tuple[float, float]:
    """Read `1s..60s`; gives both ends in seconds.

    Raises:
        ValueError: It is no range, or its end lies before its start.
    """
    first, dots, last = text.partition("..")
    if not dots:
        msg = f"{text!r} is no range: expected two durations such as 1s..60s"
        raise ValueError(msg)
    low, high = parse_duration(first), parse_duration(last)
    if high < low:
        msg = f"{text!r} ends before it starts"
        raise ValueError(msg)
    return low, high


def parse_rate(text: str) -> tuple[int, float]:
    """Read `5/10m`; gives how many in how many seconds.

    Raises:
        ValueError: It is no rate.
    """
    count, slash, span = text.partition("/")
    number, seconds = count.strip(), parse_duration(span) if slash else 0.0
    if not number.isdecimal() or int(number) == 0 or seconds == 0:
        msg = f"{text!r} is no rate: expected a count and a duration such as 5/10m"
        raise ValueError(msg)
    return int(number), seconds


def parse_hours(text: str) -> tuple[int, int]:
    """Read `22:00..07:00`; gives both ends in minutes since midnight.

    Raises:
        ValueError: It is no span of a day.
    """
    ends = [re.fullmatch(r"([01]?[0-9]|2[0-3]):([0-5][0-9])", part.strip()) for part in text.split("..")]
    minutes = [60 * int(end[1]) + int(end[2]) for end in ends if end]
    if len(ends) != 2 or len(minutes) != 2 or minutes[0] == minutes[1]:
        msg = f"{text!r} is no span of a day: expected two times such as 22:00..07:00"
        raise ValueError(msg)
    return minutes[0], minutes[1]


def parse_count(text: str) -> int:
    """Read `300`, `300k`, `5M` or `1.5M`.

    Raises:
        ValueError: It is no count.
    """
    clean = text.strip()
    number, unit = (clean[:-1], clean[-1]) if clean[-1:].isalpha() else (clean, "")
    if not _NUMBER.fullmatch(number) or unit.casefold() not in {name.casefold() for name in _TIMES}:
        msg = f"{clean!r} is no count: expected a number such as 5000, 300k or 5M"
        raise ValueError(msg)
    if unit == "m":
        msg = f"{clean!r} reads like minutes: write {number}M for millions"
        raise ValueError(msg)
    times = next(value for name, value in _TIMES.items() if name.casefold() == unit.casefold())
    whole, dot, part = number.partition(".")
    return int(whole) * times + (int(part) * times // 10 ** len(part) if dot else 0)


def parse_money(text: str) -> float:
    """Read `20` or `2.50`.

    Raises:
        ValueError: It is no amount.
    """
    clean = text.strip()
    if not _NUMBER.fullmatch(clean):
        msg = f"{clean!r} is no amount of money: expected a number such as 20 or 2.50; its unit is limits.currency"
        raise ValueError(msg)
    return float(clean)


def format_count(number: int) -> str:
    """Write a count for people: `850`, `12.5k`, `5M`."""
    for unit in ("G", "M", "k"):
        if number >= _TIMES[unit]:
            return f"{number / _TIMES[unit]:.2f}".rstrip("0").rstrip(".") + unit
    return str(number)
