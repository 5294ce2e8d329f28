"""Whether two claims could hold the same path, worked out a second time for the checker of certificates.

It shares no code with the planner. In doubt it says yes, and it says no wherever the planner may: a pattern is read in each way
that some tool reads it (`[id]` is a set or a name, a backslash escapes or not), and nothing else is guessed.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

#: Beginnings of keys that are no paths.
KEYS = ("op:", "api:", "table:", "files:")
#: What begins a pattern; the last is a choice such as `@(a|b)`, which some shells read.
_WILD = re.compile(r"[*?\[{]|[@+!]\(")
_CHOICE = re.compile(r"[@+!?*]\(")
_LONGEST = 512  #: signs of a name, beyond which its pattern is taken to match anything
_ANY, _ONE = "any", "one"  #: in a list of signs: any number of them, exactly one


def overlap(one: str, other: str) -> bool:
    """Tell whether some path, or the operation, could lie in both claims."""
    if one.startswith(KEYS) or other.startswith(KEYS):
        return one == other
    if is_wild(one) or is_wild(other):
        if not (one + other).isascii():  # a letter may be several signs, by its case or its Unicode form
            one, other = one.replace("?", "*"), other.replace("?", "*")
        return _reaches_end(_names(one), _names(other))
    return all(a == b for a, b in zip(_names(one), _names(other), strict=False))


def above(wide: str, narrow: str) -> bool:
    """Tell whether one claim is another, or lies below it."""
    if wide.startswith(KEYS) or narrow.startswith(KEYS):
        return wide == narrow
    return _names(narrow)[: len(_names(wide))] == _names(wide)


def beginning(claim: str) -> tuple[str, ...]:
    """Give the names of a claim up to the first that is a pattern; an operation lies nowhere.

    Claims can only overlap where one's beginning leads to the other's.
    """
    if claim.startswith(KEYS):
        return ("", claim)
    names = _names(claim)
    if not is_wild(claim):
        return names
    return names[: next((depth for depth, name in enumerate(names) if is_wild(name)), len(names))]


def is_wild(text: str) -> bool:
    """Tell whether a claim or a name is a pattern."""
    return _WILD.search(text) is not None


@lru_cache(maxsize=65536)
def _names(claim: str) -> tuple[str, ...]:
    """Give the components as a file system that ignores case and Unicode form would compare them.

    A slash within brackets, braces or a choice parts nothing: what stands around it is one name of any depth.
    """
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", claim).casefold())
    names: list[str] = []
    opened = False
    for name in folded.split("/"):
        if opened:
            names[-1] = f"{names[-1]}/{name}"
        elif name not in {"", "."}:
            names.append(name)
        else:
            continue
        opened = _is_open(names[-1])
    return tuple(names)


def _is_open(name: str) -> bool:
    if any(name.count(opening) > name.count(closing) for opening, closing in (("[", "]"), ("{", "}"))):
        return True
    return _CHOICE.search(name) is not None and name.count("(") > name.count(")")


def _reaches_end(one: Sequence[str], other: Sequence[str]) -> bool:
    """Read both from the left, row by row of all pairs of places reached; at the end of one, all below it lies in both."""
    row = {0}
    for name in one:
        below: set[int] = set()
        for place in range(len(other) + 1):
            if place not in row:
                continue
            if place == len(other):
                return True
            if _is_deep(name) or _is_deep(other[place]):
                row.add(place + 1)
                below.add(place)
            elif _alike(name, other[place]):
                below.add(place + 1)
        row = below
    return bool(row)


def _is_deep(name: str) -> bool:
    return "/" in name or "**" in name


@lru_cache(maxsize=65536)
def _alike(one: str, other: str) -> bool:
    """Tell whether one name could match both patterns, row by row of all pairs of signs reached."""
    if not is_wild(one) and not is_wild(other):
        return one == other
    if max(len(one), len(other)) > _LONGEST:
        return True
    left, right = _signs(one), _signs(other)
    row = _skipped({0}, right)
    for sign in left:
        if sign == _ANY:
            row = set(range(min(row), len(right) + 1)) if row else row
            continue
        stays = {place for place in row if place < len(right) and right[place] == _ANY}
        moves = {place + 1 for place in row if place < len(right) and right[place] != _ANY and _fits(sign, right[place])}
        row = _skipped(stays | moves, right)
    return len(right) in row


def _fits(sign: str, other: str) -> bool:
    return sign == other or _ONE in (sign, other)


def _skipped(row: set[int], signs: Sequence[str]) -> set[int]:
    """Add the places that are reached because any number of signs may be none."""
    reached = set(row)
    for place, sign in enumerate(signs):
        if place in reached and sign == _ANY:
            reached.add(place + 1)
    return reached


def _signs(name: str) -> list[str]:
    """Spell a name out; whatever has several readings stands for any signs."""
    if not is_wild(name):
        return list(name)
    if "\\" in name:
        return [_ANY]
    signs: list[str] = []
    place = 0
    while place < len(name):
        end = _end_of_group(name, place)
        sign = {"*": _ANY, "?": _ONE}.get(name[place], name[place])
        signs.append(_ANY if end else sign)
        place = end or place + 1
    return signs


def _end_of_group(name: str, start: int) -> int:
    """Give where a set, braces or a choice that begin here are over: at the end if nothing closes them; 0: none begins."""
    if _CHOICE.match(name, start):
        return name.rfind(")") + 1 if name.rfind(")") > start else len(name)
    if name[start] == "[":
        return name.rfind("]") + 1 if name.rfind("]") > start else len(name)
    if name[start] != "{":
        return 0
    depth = 0
    for place in range(start, len(name)):
        depth += {"{": 1, "}": -1}.get(name[place], 0)
        if depth == 0:
            return place + 1
    return len(name)
