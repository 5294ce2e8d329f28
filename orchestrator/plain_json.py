"""JSON by the standard decoder, read as `places` reads YAML: every scalar the text that was written, each object with its place.

Whatever the two could understand differently is left to the other: a key that stands twice, a sign that only one of them takes,
a half of a sign, values nested too deeply. Objects end in the order of their closing braces, and so the decoder gives them.
"""

import json
import re
from typing import TypeAlias

Plain: TypeAlias = "str | list[Plain] | dict[str, Plain] | None"
Place: TypeAlias = tuple[int, int]  #: line and column, from 1
#: What YAML reads differently: signs it refuses or takes for line ends, and escapes of halves of a sign.
_OTHERWISE = re.compile("[\x7f-\xa0\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]|\\\\u[dD][89a-fA-F]")
_NESTS = (list, dict)
_TRUTH = re.compile(r"\b(?:true|false)\b")
#: A brace, and all before it: texts in quotes are stepped over.
_BRACE = re.compile(r'[^"{}]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^"{}]*+)*+([{}])')


class _Twice(ValueError):
    """A key stands twice."""


def decoded(text: str, *, deepest: int) -> tuple[Plain, dict[int, Place]] | None:
    """Give what a JSON text says, and by the identity of each object where it begins; None where YAML has to judge."""
    if _is_otherwise(text):
        return None
    objects: list[dict[str, Plain]] = []

    def noted(pairs: list[tuple[str, Plain]]) -> dict[str, Plain]:
        row = dict(pairs)
        if len(row) != len(pairs):
            raise _Twice
        objects.append(row)
        return row

    try:
        plain = json.loads(text, object_pairs_hook=noted, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError):
        return None
    if not _is_shallow(plain, deepest):
        return None
    if ("true" in text or "false" in text) and _TRUTH.search(text):
        plain = _worded(plain)
    return plain, {id(row): place for row, place in zip(objects, _places(text), strict=True)}


def _is_otherwise(text: str) -> bool:
    """Tell whether YAML would read a sign differently; what is ASCII, as most is, need not be looked through sign by sign."""
    return not (text.isascii() and "\x7f" not in text and "\\u" not in text) and _OTHERWISE.search(text) is not None


def _worded(plain: object) -> Plain:
    """Give truth values as they were written; objects stay the same ones."""
    if isinstance(plain, bool):
        return "true" if plain else "false"
    if isinstance(plain, list):
        plain[:] = [_worded(one) for one in plain]
    elif isinstance(plain, dict):
        for key, value in plain.items():
            plain[key] = _worded(value)
    return plain  # type: ignore[return-value]  # all that is left is plain


def _is_shallow(plain: Plain, deepest: int) -> bool:
    level = [plain]
    for _ in range(deepest + 1):
        rows = [one.values() if isinstance(one, dict) else one for one in level if isinstance(one, _NESTS)]
        level = [below for row in rows for below in row]
        if not level:
            return True
    return False


def _places(text: str) -> list[Place]:
    """Give the places of the opening braces, in the order of their closing ones."""
    opened: list[Place] = []
    places: list[Place] = []
    line, start, here = 1, 0, 0
    for found in _BRACE.finditer(text):
        if found[1] == "}":
            places.append(opened.pop())
            continue
        end = found.end()
        if ends := text.count("\n", here, end):
            line, start = line + ends, text.rfind("\n", here, end) + 1
        opened.append((line, end - start))
        here = end
    return places
