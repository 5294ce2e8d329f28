"""Whether two claims could hold the same path, worked out a second time for the checker of certificates.

It shares no code with the planner. In doubt it says yes, and it says no wherever the planner may: a pattern is read in each way
that some tool reads it (`[id].ts` holds a set or is a name, a backslash escapes or not), and nothing else is guessed. A whole
name of one word in brackets (`[id]`, `[[...slug]]`) is a name, and what nothing closes stands for itself.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

#: Beginnings of keys that are no paths.
KEYS = ("op:", "api:", "table:", "files:")
#: What makes a pattern, each looked for from its first place on; the last is a choice such as `@(a|b)`, which some shells read.
_WILD = re.compile(r"[*?]|\A[^[]*\[(?=.+\])|\A[^{]*\{(?=.*\})|\A(?:(?![@+!]\().)*[@+!]\((?=.*\))", re.DOTALL)
_SIGNS = frozenset("*?[{(")
#: One or two pairs of brackets around a word, or around words of two signs or more with `-` between them.
_ROUTE = re.compile(r"(\[{1,2})(\.\.\.)?(\w+|\w\w+(-\w\w+)+)(=\w+)?(\]{1,2})")
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
    if _SIGNS.isdisjoint(text):
        return False
    return _WILD.search("/".join(name for name in text.split("/") if not _is_route(name))) is not None


def _is_route(name: str) -> bool:
    found = _ROUTE.fullmatch(name if name.isascii() else _fold(name))
    return found is not None and len(found[1]) == len(found[6])


def _fold(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


@lru_cache(maxsize=65536)
def _names(claim: str) -> tuple[str, ...]:
    """Give the components as a file system that ignores case and Unicode form would compare them.

    A slash within brackets, braces or a choice parts nothing: what stands around it is one name of any depth.
    """
    given = _fold(claim).split("/")
    ends = [max((at for at, name in enumerate(given) if close in name and not _is_route(name)), default=-1) for close in "]})"]
    names: list[str] = []
    opened = False
    for at, name in enumerate(given):
        if opened:
            names[-1] = f"{names[-1]}/{name}"
        elif name not in {"", "."}:
            names.append(name)
        else:
            continue
        opened = _is_open(names[-1], [end > at for end in ends])
    return tuple(names)


def _is_open(name: str, closes: Sequence[bool]) -> bool:
    """Tell whether a set, braces or a choice are open in a name and closed further on, as is told for each of the three."""
    is_set, is_braces, is_choice = closes
    if (is_set and name.count("[") > name.count("]")) or (is_braces and name.count("{") > name.count("}")):
        return True
    return is_choice and _CHOICE.search(name) is not None and name.count("(") > name.count(")")


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
