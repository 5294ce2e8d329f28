"""JSON objects, one a line, out of bytes cut anywhere.

What is no object is passed over, whatever it is; a line longer than `LONGEST` too, without being kept. Nothing raises,
and memory stays bounded by one line.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, TypeAlias

#: Bytes. A request for permission carries the whole content of the file to be written, so this is far above any model's output.
LONGEST = 16 * 1024 * 1024

Object: TypeAlias = dict[str, Any]
_HALVES = re.compile("[\ud800-\udfff]")


class JsonLines:
    """Reads a stream as it comes."""

    def __init__(self, *, longest: int = LONGEST, plain: str = "") -> None:
        """Begin at the start of a line; with `plain` another line is given too, as an object with that one key."""
        self._plain = plain
        self._longest = longest
        self._pieces: list[bytes] = []
        self._skipping = False
        self.held = 0  #: bytes of the unfinished line

    def feed(self, chunk: bytes) -> list[Object]:
        """Give the objects that the next bytes complete."""
        first, *others = chunk.split(b"\n")
        self._keep(first)
        objects: list[Object] = []
        for piece in others:
            objects += self._end_line()
            self._keep(piece)
        return objects

    def finish(self) -> list[Object]:
        """Give what an unfinished line amounts to."""
        return self._end_line()

    def _keep(self, piece: bytes) -> None:
        if self._skipping or not piece:
            return
        self._pieces.append(piece)
        self.held += len(piece)
        if self.held > self._longest:
            self._skipping = True
            self._drop()

    def _end_line(self) -> list[Object]:
        line = b"".join(self._pieces)
        self._skipping = False
        self._drop()
        return _read(line) or self._as_object(line)

    def _as_object(self, line: bytes) -> list[Object]:
        return [{self._plain: line.decode("utf-8", "replace")}] if self._plain and line.strip() else []

    def _drop(self) -> None:
        self._pieces.clear()
        self.held = 0


def write(document: Object) -> bytes:
    """Give a document as one line."""
    return json.dumps(document).encode() + b"\n"


def word(document: Mapping[str, object], key: str) -> str:
    """Give a text; empty for anything else."""
    value = document.get(key)
    return clean(value) if isinstance(value, str) else ""


def clean(text: str) -> str:
    """Replace halves of surrogate pairs as programs do that write them to disk: by U+FFFD."""
    return _HALVES.sub("\ufffd", text)


def inner(document: Mapping[str, object], key: str) -> Object:
    """Give an object; empty for anything else."""
    value = document.get(key)
    return value if isinstance(value, dict) else {}


def rows(document: Mapping[str, object], key: str) -> list[Object]:
    """Give the objects of a list; none for anything else."""
    value = document.get(key)
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def number(document: Mapping[str, object], key: str) -> float:
    """Give a count, an amount or a point in time; 0 for anything else."""
    value = document.get(key)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return 0.0
    return float(value) if 0 <= value < 1e15 else 0.0


def _read(line: bytes) -> list[Object]:
    if not line.lstrip().startswith(b"{"):
        return []
    try:
        document = json.loads(line.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return []
    return [document] if isinstance(document, dict) else []
