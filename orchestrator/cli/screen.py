"""What a run shows while it goes on: a table that is redrawn in place, or one line for each change.

Writing happens beside the supervisor's loop: a terminal that was stopped with Ctrl-S, a pager that does not read and a
pipe that was closed hold up what is shown, and nothing else.
"""

import os
import sys
from collections.abc import Callable

import anyio.to_thread

from orchestrator.views.text import columns

_FALLBACK = (80, 24)
_NO_WRAP, _WRAP = "\x1b[?7l", "\x1b[?7h"
_BEGIN, _END = "\x1b[?2026h", "\x1b[?2026l"  #: shown at once by terminals that know it, ignored by others


class Screen:
    """Redraws a few lines at the bottom of a terminal; what was there before stays above."""

    def __init__(self) -> None:
        """Begin with nothing drawn."""
        self._drawn: list[int] = []  #: columns of the lines that stand there
        self._last = ""
        self._size = _FALLBACK
        self._messages: list[str] = []

    def say(self, message: str) -> None:
        """Let a line come above the table with the next frame."""
        self._messages.append(message)

    def frame(self, paint: Callable[[int, int], str]) -> str:
        """Give what to write so that the terminal shows what `paint` gives for its columns and lines."""
        size = terminal_size()
        text = paint(*size).rstrip("\n")
        if (text, size, self._messages) == (self._last, self._size, []):
            return ""
        lines = text.split("\n")
        begin = self._back(size[0]) + ("" if size == self._size else "\x1b[J")  # whose lines were broken are no whole lines
        begin += "".join(f"\x1b[J{message}\n" for message in self._messages)
        self._last, self._size, self._messages = text, size, []
        self._drawn = [columns(_bare(line)) for line in lines]
        body = "".join(f"\x1b[K{line}\n" for line in lines)  # not behind it: that takes the last sign of a line that is full
        return f"{_BEGIN}{begin}{_NO_WRAP}{body}\x1b[J{_WRAP}{_END}"  # a message may be longer than a line; the table is not

    def _back(self, width: int) -> str:
        """Move to where the table begins; a terminal that became narrower has broken its long lines."""
        rows = min(sum(max(1, -(-drawn // width)) for drawn in self._drawn), terminal_size()[1] - 1)
        return f"\r\x1b[{rows}A" if rows else "\r"


async def display(text: str) -> bool:
    """Write to standard output without holding up anything else; tells whether somebody can still see it."""
    if not text:
        return True
    return await anyio.to_thread.run_sync(_write, text, abandon_on_cancel=True)


def is_terminal() -> bool:
    """Tell whether standard output is a terminal that can move its cursor."""
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def terminal_size() -> tuple[int, int]:
    """Give columns and lines of the terminal."""
    try:
        size = os.get_terminal_size(sys.stdout.fileno())
    except (OSError, ValueError):
        return _FALLBACK
    return (size.columns or _FALLBACK[0], size.lines or _FALLBACK[1])


def _write(text: str) -> bool:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except (OSError, ValueError):
        return False
    return True


def _bare(line: str) -> str:
    """Take the colours of our own out of a line."""
    return "".join(part.partition("m")[2] if place else part for place, part in enumerate(line.split("\x1b[")))
