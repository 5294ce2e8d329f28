"""Text of strangers made safe to show: what agents print is never trusted in any view."""

import re
from datetime import UTC, datetime

_SEQUENCES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_].*?(?:\x07|\x1b\\|$)|\x1b.", re.DOTALL)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def plain(text: str) -> str:
    """Give a text in one line without control sequences."""
    return " ".join(_CONTROLS.sub(" ", _SEQUENCES.sub("", text)).split())


def plain_lines(text: str) -> str:
    """Give a text without control sequences, its lines kept."""
    return _CONTROLS.sub("", _SEQUENCES.sub("", text))


def shortened(text: str, width: int) -> str:
    """Cut a line to a width, with a sign that it was cut."""
    line = plain(text)
    return line if len(line) <= width else line[: max(0, width - 1)] + "…"


def utc(at: float) -> str:
    """Give a time as `2026-11-24T10:15:00Z`."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def utc_exact(at: float) -> str:
    """Give a time with microseconds."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
