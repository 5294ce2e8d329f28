"""Text of strangers made safe to show: what agents print is never trusted in any view.

Nothing that comes out of here holds a control character, a sign that turns the direction of writing, or half of a
surrogate pair; so it can be written to any terminal and encoded.
"""

import json
import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime

_SEQUENCES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\n\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|(?=[\n\x1b])|\Z)"  # OSC and other strings
    r"|\x1b[ -/]*[0-~]"  # the short ones
)
_DIRECTIONS = r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_CONTROLS = re.compile(rf"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufff9-\ufffb{_DIRECTIONS}\ud800-\udfff]")
_UNSAFE_IN_JSON = re.compile(rf"[\x7f-\x9f\u2028\u2029{_DIRECTIONS}\ud800-\udfff]")
_WIDE = frozenset("WF")
_EMOJI_FORM = "\ufe0f"  #: makes the sign before it two columns wide


def plain(text: str) -> str:
    """Give a text in one line without control sequences."""
    return " ".join(_CONTROLS.sub(" ", _SEQUENCES.sub("", text)).split())


def plain_lines(text: str) -> str:
    """Give a text without control sequences, its lines kept."""
    return _CONTROLS.sub("", _SEQUENCES.sub("", text))


def plain_path(path: str) -> str:
    """Give a path as it is, save what cannot be shown; its spaces are part of it."""
    return _CONTROLS.sub("?", path).replace("\n", "?").replace("\t", "?")


def page(rows: Iterable[str], *, width: int | None = None) -> str:
    """Give a text of one line for each row, whatever stands in the rows; their own spaces are kept."""
    lines = (_CONTROLS.sub(" ", _SEQUENCES.sub("", row)).replace("\n", " ").replace("\t", " ") for row in rows)
    return "".join(f"{line if width is None else fitted(line, width)}\n" for line in lines)


def columns(text: str) -> int:
    """Give how many columns of a terminal a line takes; where terminals disagree, the larger number."""
    return len(text) if text.isascii() else sum(map(_columns_of, text))


def shortened(text: str, width: int) -> str:
    """Cut a line to so many columns, with a sign that it was cut."""
    return fitted(plain(text), width)


def fitted(line: str, width: int) -> str:
    """Cut a line that is plain already, its spaces kept, to so many columns."""
    return line if columns(line) <= width else _cut(line, max(0, width - 1)) + "…"


def fitting(line: str, width: int) -> int:
    """Count the characters of a line that so many columns hold; one at least."""
    return max(1, len(_cut(line, width)))


def padded(text: str, width: int) -> str:
    """Cut or fill a line to exactly so many columns."""
    line = shortened(text, width)
    return line + " " * (width - columns(line))


def as_json(document: object, *, indent: int | None = None) -> str:
    """Give JSON that holds every character, and shows none that a terminal would obey."""
    separators = (",", ":") if indent is None else None
    text = json.dumps(document, indent=indent, ensure_ascii=False, separators=separators)
    return _UNSAFE_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def counted(number: int, noun: str) -> str:
    """Give a number with its noun: `1 task`, `2 tasks`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def utc(at: float) -> str:
    """Give a time as `2026-11-24T10:15:00Z`."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def utc_exact(at: float) -> str:
    """Give a time with microseconds."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _columns_of(sign: str) -> int:
    if sign == _EMOJI_FORM:
        return 1
    if unicodedata.combining(sign) or unicodedata.category(sign) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(sign) in _WIDE else 1


def _cut(line: str, width: int) -> str:
    taken = 0
    for place, sign in enumerate(line):
        taken += _columns_of(sign)
        if taken > width:
            return line[:place]
    return line
