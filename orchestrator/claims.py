"""Paths and operations that can be written or used, compared without ever missing an overlap.

A claim is text in canonical form: `src/app.py` (a file), `src/` (a folder, told by the slash at its end),
`src/**/*.ts` (a glob) or `op:install` (an operation). `meets` may say yes too often, never no wrongly: names are
compared after NFC and case folding, a path meets everything below it, and what a pattern could match in any usual
reading counts as matched. `covers` errs the other way. Both take polynomial time, whatever the pattern. A whole name in
brackets, such as `[id]`, is no set but what routes of web frameworks are called, and a bracket or brace that nothing closes
stands for itself: for everybody, since all ask `is_pattern`.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import lru_cache
from posixpath import normpath
from typing import NewType

from orchestrator.errors import PlanError, Where

Claim = NewType("Claim", str)

#: Beginnings of keys that are no paths; `files:` keys are made by the planner for a pair of write sets.
OPERATIONS = ("op:", "api:", "table:", "files:")
#: What may begin a pattern; the last is a choice such as `@(a|b)`, which some shells read.
_WILD = re.compile(r"[*?\[{]|[@+!]\(")
#: What is open until something closes it, and how far behind that must stand: `[]` holds nothing.
_PAIRS = ((re.compile(r"\["), "]", 1), (re.compile(r"\{"), "}", 0), (re.compile(r"[@+!]\("), ")", 0))
_WORDS = r"(?:\.\.\.)?(?:\w+|\w{2,}(?:-\w{2,})+)(?:=\w+)?"  # `a-z` is a range
#: `[id]`, `[post-id]`, `[...rest]`, `[[...slug]]`, `[id=integer]`.
_ROUTE = re.compile(rf"\[{_WORDS}\]|\[\[{_WORDS}\]\]")
_CHOICE = re.compile(r"[@+!?*]\(")
#: A path that is written as it is compared: nothing to be folded together, taken off or left out.
_PLAIN = re.compile(r"(?:\w|\.(?!\.?(?:/|$)))[\w.-]*(?:/(?:\w|\.(?!\.?(?:/|$)))[\w.-]*)*", re.ASCII)
#: Names of more signs, and paths of more names, are not walked: none exists.
LONGEST = 512


class OutsideProject(PlanError):
    """A path leads out of the project, or is none."""

    def __init__(self, path: str, reason: str = "leaves the project", *, where: Where | None = None) -> None:
        super().__init__(f"{path!r} {reason}", where=where, hint="name a path inside the project; a leading / means its root")
        self.path = path


def canonical(
    text: str, *, roots: Iterable[str] = (), resolve: Callable[[str], str] = lambda path: path, is_spelled: bool = False
) -> Claim:
    """Bring a path, folder, glob or operation into the one form in which claims are compared.

    Args:
        text: As written by a person or an agent.
        roots: Absolute folders (workspace, project) below which an absolute path is made relative; else a leading
            slash means the project root.
        resolve: Follows symlinks of a relative path, however much of it exists; gives a relative path, or one that begins
            with `..` if it leads out.
        is_spelled: What is resolved is spelled as it stands in a tree, and stays so; else it is brought to NFC. Claims are
            compared as if it were anyway.

    Raises:
        OutsideProject: The path leads out of the project, or is none.
    """
    if is_plain(text) and resolve(text) == text:
        return Claim(text)
    raw = text.strip()
    if raw.startswith(OPERATIONS):
        return Claim(_composed(raw))
    if not _is_path(raw):
        raise OutsideProject(text, "is no path")
    inside = _below(raw, roots).lstrip("/") or "."
    if inside.split("/")[0] == "~" or _climbs_over_pattern(inside):
        raise OutsideProject(text)
    relative = normpath(inside)
    if not _leads_out(relative):
        relative = normpath(resolve(relative))
    if _leads_out(relative):
        raise OutsideProject(text)
    folder = raw.endswith(("/", "/."))
    return Claim((relative if is_spelled else _composed(relative)) + ("/" if folder and relative != "." else ""))


@lru_cache(maxsize=4096)
def is_plain(text: str) -> bool:
    """Tell whether a path is in canonical form as it is written, whatever else would have to be brought into it."""
    return _PLAIN.fullmatch(text) is not None


def is_operation(claim: str) -> bool:
    """Tell whether the key names an operation and not a path."""
    return claim.startswith(OPERATIONS)


@lru_cache(maxsize=65536)
def is_glob(claim: str) -> bool:
    """Tell whether the claim is a pattern."""
    return not is_operation(claim) and is_pattern(claim)


def is_pattern(name: str) -> bool:
    """Tell whether one name of a claim, or any of several, is a pattern."""
    if _WILD.search(name) is None:
        return False
    rest = "/".join(one for one in name.split("/") if not is_route(one))
    if "*" in rest or "?" in rest:
        return True
    return any((sign := begins.search(rest)) and rest.rfind(end) >= sign.end() + away for begins, end, away in _PAIRS)


def is_route(name: str) -> bool:
    """Tell whether a name stands for what an address holds there: it looks like a pattern and is none."""
    return name.startswith("[") and _ROUTE.fullmatch(folded(name)) is not None


def begins_with(pattern: str) -> str:
    """Give the folder that a pattern begins with."""
    names = pattern.split("/")
    plain = (number for number, name in enumerate(names) if _WILD.search(name) and not is_route(name))
    return "/".join(names[: next(plain, len(names))]) or "."


def is_folder(claim: str) -> bool:
    """Tell whether the claim was written as a folder."""
    return claim == "." or claim.endswith("/")


@lru_cache(maxsize=65536)
def key(claim: str) -> str:
    """Give the lock key of a claim: the same text without the slash of a folder."""
    return claim if is_operation(claim) else claim.rstrip("/") or "."


def head(claim: str) -> str | None:
    """Give the first name of a claim as `meets` compares it; None if the claim could begin anywhere."""
    parts = parts_of(claim)
    return parts[0] if parts and not is_pattern(parts[0]) else None


def meets(one: str, other: str) -> bool:
    """Tell whether some path (or the operation) lies in both claims; never a wrong no."""
    if is_operation(one) or is_operation(other):
        return one == other
    if not (is_glob(one) or is_glob(other)):
        left, right = parts_of(one), parts_of(other)
        least = min(len(left), len(right))
        return left[:least] == right[:least]
    if not (one.isascii() and other.isascii()):
        # a letter is one sign or several, depending on case and file system
        one, other = one.replace("?", "*"), other.replace("?", "*")
    return _meet(parts_of(one), parts_of(other))


def covers(wide: str, narrow: str) -> bool:
    """Tell whether all of `narrow` surely lies in `wide`; never a wrong yes. A glob is covered only by what stands above it."""
    if is_operation(wide) or is_operation(narrow):
        return wide == narrow
    above, below = parts_of(wide), parts_of(narrow)
    if below[: len(above)] == above:
        return True
    if is_glob(narrow) or ("?" in wide and not narrow.isascii()):
        return False
    return is_glob(wide) and _matches(above, below)


def any_meets(ones: Iterable[str], others: Iterable[str]) -> bool:
    """Tell whether any claim of one set meets any of the other."""
    right = tuple(others)
    return any(meets(one, other) for one in ones for other in right)


def _is_path(raw: str) -> bool:
    """Tell whether a file system could be asked for it: bytes that are no UTF-8 come escaped, other half signs are nothing."""
    try:
        raw.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return raw != "" and "\0" not in raw


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _below(raw: str, roots: Iterable[str]) -> str:
    """Take the deepest root that an absolute path lies below off its front, component by component."""
    if not raw.startswith("/"):
        return raw
    names = [name for name in raw.split("/") if name not in {"", "."}]
    composed = [_composed(name) for name in names]
    for root in sorted(roots, key=len, reverse=True):
        above = [_composed(name) for name in root.split("/") if name]
        if composed[: len(above)] == above:
            return "/".join(names[len(above) :])
    return raw


def _leads_out(relative: str) -> bool:
    return relative == ".." or relative.startswith(("../", "/"))


def _climbs_over_pattern(path: str) -> bool:
    """Tell whether a `..` follows a pattern of unknown depth, so that nobody can say where it leads."""
    before, climbs, _ = f"/{path}/".rpartition("/../")
    return bool(climbs) and ("**" in before or "{" in before or _CHOICE.search(before) is not None)


@lru_cache(maxsize=65536)
def parts_of(claim: str) -> tuple[str, ...]:
    """Split a claim into folded names; braces and sets with a slash inside stay one part of unknown depth."""
    if claim.isascii() and not is_pattern(claim):
        return tuple([name for name in claim.lower().split("/") if name not in {"", "."}])
    names = folded(claim).split("/")
    closing = {close: number for number, name in enumerate(names) if not is_route(name) for close in "}])" if close in name}
    parts: list[str] = []
    for number, name in enumerate(names):
        if parts and _is_open(parts[-1], {close for close, last in closing.items() if last >= number}):
            parts[-1] += f"/{name}"
        elif name not in {"", "."}:
            parts.append(name)
    return tuple(parts)


def folded(text: str) -> str:
    """Give what is equal for all spellings of a path, or of a name: in one Unicode form, whatever its case."""
    if text.isascii():
        return text.lower()
    return _composed(_composed(text).casefold())


def _is_open(part: str, closing: set[str]) -> bool:
    """Tell whether something in a part is still to be closed, by what closes further on."""
    pairs = (("{", "}"), ("[", "]"), ("(", ")"))[: 3 if _CHOICE.search(part) else 2]
    return any(close in closing and part.count(sign) > part.count(close) for sign, close in pairs)


def is_deep(part: str) -> bool:
    """Tell whether a name of a claim stands for any number of names."""
    return "**" in part or "/" in part


def _meet(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Walk both by components with every reading of `**`; what is left below an exhausted claim lies in it."""
    if max(len(one), len(other)) > LONGEST:
        return True
    seen: set[tuple[int, int]] = set()
    todo = [(0, 0)]
    while todo:
        place = todo.pop()
        if place in seen:
            continue
        seen.add(place)
        left, right = place
        if left == len(one) or right == len(other):
            return True
        if is_deep(one[left]) or is_deep(other[right]):
            todo += [(left + 1, right), (left, right + 1)]
        elif same_name(one[left], other[right]):
            todo.append((left + 1, right + 1))
    return False


def _matches(pattern: tuple[str, ...], path: tuple[str, ...]) -> bool:
    """Tell whether a pattern surely matches the path or a folder above it."""
    if max(len(pattern), len(path)) > LONGEST:
        return False
    places = _skipping(pattern, {0})
    for name in path:
        onward = {place for place in places if pattern[place] == "**"}
        onward |= {place + 1 for place in places if pattern[place] != "**" and _surely_matches(pattern[place], name)}
        if len(pattern) in onward or (pattern[-1] == "**" and len(pattern) - 1 in places):
            return True
        places = _skipping(pattern, onward)
    return False


def _skipping(pattern: tuple[str, ...], places: set[int]) -> set[int]:
    """Add the places reached by letting `**` stand for no folder; the last one stands for at least one name."""
    reached = set(places)
    for place in range(min(places, default=0), len(pattern) - 1):
        if place in reached and pattern[place] == "**":
            reached.add(place + 1)
    return reached


def _surely_matches(pattern: str, name: str) -> bool:
    """Tell whether a name matches in every reading; sets, braces, choices and escapes have several."""
    if not is_pattern(pattern):
        return pattern == name
    if _CHOICE.search(pattern) or any(sign in pattern for sign in "[{\\") or max(len(pattern), len(name)) > LONGEST:
        return False
    return same_name(pattern, name)


@lru_cache(maxsize=65536)
def same_name(one: str, other: str) -> bool:
    """Tell whether one name can match both patterns; a set or braces match anything."""
    if not is_pattern(one) and not is_pattern(other):
        return one == other
    if max(len(one), len(other)) > LONGEST:
        return True
    left, right = _signs(one), _signs(other)
    reach = {(0, 0)}
    todo = [(0, 0)]
    while todo:
        i, j = todo.pop()
        for step in _steps(left, right, i, j):
            if step not in reach:
                reach.add(step)
                todo.append(step)
    return (len(left), len(right)) in reach


def _steps(left: tuple[str, ...], right: tuple[str, ...], i: int, j: int) -> list[tuple[int, int]]:
    a = left[i] if i < len(left) else None
    b = right[j] if j < len(right) else None
    steps = []
    if a == "*":
        steps += [(i + 1, j), *([(i, j + 1)] if b is not None else [])]
    if b == "*":
        steps += [(i, j + 1), *([(i + 1, j)] if a is not None else [])]
    if a is not None and b is not None and (a == b or "?" in (a, b)):
        steps.append((i + 1, j + 1))
    return steps


def _signs(pattern: str) -> tuple[str, ...]:
    """Split a name pattern into literal signs, `?` (one sign) and `*` (any).

    Any are also: a set, up to the last bracket (`[id].ts` may be literal, `[]a]` is a set); braces; a choice such as `@(a|b)`,
    up to the last one; and a pattern with a backslash, which escapes for some.
    """
    if not is_pattern(pattern):
        return tuple(pattern)
    if "\\" in pattern:
        return ("*",)
    signs: list[str] = []
    place = 0
    while place < len(pattern):
        sign = "@(" if _CHOICE.match(pattern, place) else pattern[place]
        end = {"[": pattern.rfind("]"), "{": _closing(pattern, place), "@(": pattern.rfind(")")}.get(sign, place)
        signs.append("*" if sign in {"[", "{", "@("} else sign)
        place = len(pattern) if end < place else end + 1
    return tuple(signs)


def _closing(pattern: str, start: int) -> int:
    """Give the place of the brace that closes the one at `start`; -1 if none does."""
    depth = 0
    for place in range(start, len(pattern)):
        depth += {"{": 1, "}": -1}.get(pattern[place], 0)
        if depth == 0:
            return place
    return -1
