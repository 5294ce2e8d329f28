"""Versions of agent programs: what they say of themselves, understood, and the range that squad is known to work with.

Pure. Programs print what they like, so nothing here raises: what holds no version is no version.
"""

import re
from dataclasses import dataclass

#: How a warning about a version is told from other notices of a run.
UNTRIED = "squad was not tried with it"

_NUMBERS = r"v?([0-9]{1,9}(?:\.[0-9]{1,9}){1,5})"
_END = r"(?![0-9]|\.[0-9])"
_ALONE = re.compile(rf"\s*(?:[^\s]{{1,80}} )?{_NUMBERS}{_END}")
_ANYWHERE = re.compile(rf"(?<![0-9A-Za-z./:]){_NUMBERS}{_END}")
_COLORS = re.compile(r"\x1b\[[0-9;]*m")
_LONGEST = 64 * 1024  #: signs of a program's output that are looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Versions from one, itself included, to another, itself excluded."""

    least: str
    below: str

    def __str__(self) -> str:
        return f">={self.least},<{self.below}"

    def holds(self, version: str) -> bool | None:
        """Tell whether a version lies in the range; None for what is no version."""
        number = _numbers(version)
        if number is None:
            return None
        return _padded(self.least) <= number < _padded(self.below)

    def is_past(self, version: str) -> bool:
        """Tell whether a version is too new, rather than too old."""
        number = _numbers(version)
        return number is not None and number >= _padded(self.below)


def version_in(printed: str) -> str:
    """Give the version in what a program prints when it is asked for it; empty if there is none.

    A line that begins with it, or with the program's name and it, counts before a number in the middle of a warning.
    """
    text = _COLORS.sub("", printed[:_LONGEST])
    for line in text.splitlines():
        if found := _ALONE.match(line):
            return found[1]
    found = _ANYWHERE.search(text)
    return found[1] if found else ""


def _numbers(version: str) -> tuple[int, ...] | None:
    found = version_in(version)
    return _padded(found) if found else None


def _padded(version: str) -> tuple[int, ...]:
    numbers = [int(part) for part in version.split(".")]
    return tuple(numbers + [0] * (6 - len(numbers)))
