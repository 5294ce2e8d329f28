"""JSON with the line of each object, fast: the standard decoder reads it, and a scan of its braces tells the lines.

Objects end in the order of their closing braces, and so the decoder gives them; the n-th that it gives is the n-th
closing brace that stands in no text.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from typing import TypeAlias

from orchestrator.errors import PrdError, Where
from orchestrator.model import Skipped
from orchestrator.prd.page import Page
from orchestrator.text.expressions import expression

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
_TITLE = expression(r'"title"\s*:\s*"((?:[^"\\]|\\.)*)"')
#: A brace, and all before it: texts in quotes are stepped over.
_BRACE = expression(r'[^"{}]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^"{}]*+)*+([{}])')


class Row(dict[str, "Json"]):
    """An object that knows its line; the last of two equal keys counts, and both are told."""

    line: int = 1
    twice: tuple[str, ...] = ()


def parse_json(text: str, *, name: str, first_line: int = 1) -> object:
    """Read a JSON text; objects become rows, numbers their text.

    Raises:
        PrdError: It is no JSON; with its place.
    """
    lines = _lines(text, first_line)
    count = 0

    def row(pairs: list[tuple[str, "Json"]]) -> Row:
        nonlocal count
        made = Row(pairs)
        made.line = lines[count] if count < len(lines) else first_line
        if len(made) != len(pairs):
            names = [key for key, _ in pairs]
            made.twice = tuple(dict.fromkeys(key for key in names if names.count(key) > 1))
        count += 1
        return made

    try:
        return json.loads(text, object_pairs_hook=row, parse_float=str, parse_int=str)
    except json.JSONDecodeError as error:
        where = Where(name, first_line + error.lineno - 1, error.colno)
        raise PrdError(f"no JSON: {error.msg}", where=where, hint="look at it: python3 -m json.tool FILE") from error
    except RecursionError as error:
        raise PrdError("nested too deeply", where=Where(name, first_line)) from error


def _lines(text: str, first_line: int) -> list[int]:
    """Give the lines of the opening braces, in the order of their closing ones."""
    opened: list[int] = []
    lines: list[int] = []
    line, here = first_line, 0
    end = 0
    while found := _BRACE.match(text, end):  # never sought from the next sign on: that would take the square of the length
        end = found.end()
        if found[1] == "{":
            line += text.count("\n", here, here := end)
            opened.append(line)
        elif opened:
            lines.append(opened.pop())
    return lines


def text_of(value: object) -> str:
    """Give a value as one text; what is no text and no number is none."""
    return value.strip() if isinstance(value, str) else ""


def texts_of(value: object) -> list[str]:
    """Give the texts of a list; a single text is a list of one, a mapping gives what it says of itself."""
    if value is None or isinstance(value, str):
        return [text] if value and (text := value.strip()) else []
    rows = value if isinstance(value, list) else [value]
    named = [_said(row) if isinstance(row, dict) else text_of(row) for row in rows]
    return [text for text in named if text]


def rows_of(value: object) -> list[Row]:
    """Give the objects of a list."""
    return [row for row in value if isinstance(row, Row)] if isinstance(value, list) else []


def scan_json(page: Page, taken: Collection[int]) -> tuple[list[Skipped], list[str]]:
    """Find the objects with a title that were not taken; by counting first, since that is mostly enough."""
    titles = list(_TITLE.finditer(page.text))
    if len(titles) <= len(taken):
        return [], []
    lines = zip(titles, _lines_around(page.text, [found.start() for found in titles]), strict=True)
    reason = "an object with a title that stands in no list of tasks"
    return [Skipped(line=line, text=found[1][:200], reason=reason) for found, line in lines if line not in taken], []


def _lines_around(text: str, places: Sequence[int]) -> Iterator[int]:
    """Give the line of the opening brace around each of the places, which ascend; its own line where there is none."""
    opened: list[int] = []
    line, here, end = 1, 0, 0
    found = _BRACE.match(text)
    for place in places:
        while found and found.start(1) < place:
            end = found.end()
            if found[1] == "{":
                line += text.count("\n", here, here := end)
                opened.append(line)
            elif opened:
                opened.pop()
            found = _BRACE.match(text, end)
        yield opened[-1] if opened else 1 + text.count("\n", 0, place)


def _said(row: "dict[str, Json]") -> str:
    return next((text for key in ("text", "description", "title", "criterion") if (text := text_of(row.get(key)))), "")
