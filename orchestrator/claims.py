"""Paths and operations that can be written or used, compared without ever missing an overlap.

A claim is text in canonical form: `src/app.py` (a file), `src/` (a folder, told by the slash at its end),
`src/**/*.ts` (a glob) or `op:install` (an operation). `meets` may say yes too often, never no wrongly: names are
compared after NFC and case folding, a path meets everything below it, and what a pattern could match counts as matched.
"""

import unicodedata
from collections.abc import Callable, Iterable
from functools import lru_cache
from posixpath import normpath
from typing import NewType

from orchestrator.errors import PlanError, Where

Claim = NewType("Claim", str)

#: Beginnings of keys that are no paths; `files:` keys are made by the planner for a pair of write sets.
OPERATIONS = ("op:", "api:", "table:", "files:")
_WILD = frozenset("*?[{")


class OutsideProject(PlanError):
    """A path leads out of the project."""

    def __init__(self, path: str, *, where: Where | None = None) -> None:
        super().__init__(
            f"{path!r} leaves the project", where=where, hint="name a path inside the project; a leading / means its root"
        )
        self.path = path


def canonical(text: str, *, roots: Iterable[str] = (), resolve: Callable[[str], str] = lambda path: path) -> Claim:
    """Bring a path, folder, glob or operation into the one form in which claims are compared.

    Args:
        text: As written by a person or an agent.
        roots: Absolute folders (workspace, project) below which an absolute path is made relative; else a leading
            slash means the project root.
        resolve: Follows symlinks of a relative path; gives a relative path, or one that begins with `..` if it leads out.

    Raises:
        OutsideProject: The path leads out of the project.
    """
    raw = unicodedata.normalize("NFC", text.strip())
    if raw.startswith(OPERATIONS):
        return Claim(raw)
    folder = raw.endswith(("/", "/.")) or raw in {"", "."}
    for root in roots:
        if raw == root or raw.startswith(root.rstrip("/") + "/"):
            raw = raw[len(root.rstrip("/")) :]
            break
    relative = normpath(raw.lstrip("/") or ".")
    if not is_glob(relative) and not _leads_out(relative):
        relative = normpath(resolve(relative))
    if _leads_out(relative) or "\0" in relative:
        raise OutsideProject(text)
    return Claim(relative + "/" if folder and relative != "." else relative)


def is_operation(claim: str) -> bool:
    """Tell whether the key names an operation and not a path."""
    return claim.startswith(OPERATIONS)


@lru_cache(maxsize=65536)
def is_glob(claim: str) -> bool:
    """Tell whether the claim is a pattern."""
    return not is_operation(claim) and any(sign in _WILD for sign in claim)


def is_folder(claim: str) -> bool:
    """Tell whether the claim was written as a folder."""
    return claim == "." or claim.endswith("/")


def key(claim: str) -> str:
    """Give the lock key of a claim: the same text without the slash of a folder."""
    return claim if is_operation(claim) else claim.rstrip("/") or "."


def meets(one: str, other: str) -> bool:
    """Tell whether some path (or the operation) lies in both claims; never a wrong no."""
    if is_operation(one) or is_operation(other):
        return one == other
    left, right = _parts(one), _parts(other)
    if is_glob(one) or is_glob(other):
        return _meet(left, right)
    least = min(len(left), len(right))
    return left[:least] == right[:least]


def covers(wide: str, narrow: str) -> bool:
    """Tell whether all of `narrow` surely lies in `wide`; never a wrong yes. A glob is covered only by a folder above it."""
    if is_operation(wide) or is_operation(narrow):
        return wide == narrow
    if is_glob(wide):
        return wide == narrow or (not is_glob(narrow) and _matches(_parts(wide), _parts(narrow)))
    above, below = _parts(wide), _parts(narrow)
    return below[: len(above)] == above


def any_meets(ones: Iterable[str], others: Iterable[str]) -> bool:
    """Tell whether any claim of one set meets any of the other."""
    right = tuple(others)
    return any(meets(one, other) for one in ones for other in right)


def _leads_out(relative: str) -> bool:
    return relative == ".." or relative.startswith(("../", "/"))


@lru_cache(maxsize=65536)
def _parts(claim: str) -> tuple[str, ...]:
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", claim).casefold())
    return tuple(part for part in folded.split("/") if part not in {"", "."})


def _meet(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Walk both by components with every reading of `**`; what is left below an exhausted claim lies in it."""
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
        if one[left] == "**" or other[right] == "**":
            todo += [(left + 1, right), (left, right + 1)]
        elif _same_name(one[left], other[right]):
            todo.append((left + 1, right + 1))
    return False


def _matches(pattern: tuple[str, ...], path: tuple[str, ...]) -> bool:
    """Tell whether a pattern matches the path or a folder above it; sets and braces count as not matching."""
    if not pattern:
        return True
    if pattern[0] == "**":
        return any(_matches(pattern[1:], path[skip:]) for skip in range(len(path) + 1)) if len(pattern) > 1 else bool(path)
    if not path or any(sign in pattern[0] for sign in "[{"):
        return False
    return _same_name(pattern[0], path[0]) and _matches(pattern[1:], path[1:])


@lru_cache(maxsize=65536)
def _same_name(one: str, other: str) -> bool:
    """Tell whether one name can match both patterns; a set matches any sign, braces match anything."""
    if not any(sign in _WILD for sign in one + other):
        return one == other
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
    """Split a name pattern into literal signs, `?` (one sign) and `*` (any; also braces, and sets: `[id]` may be literal)."""
    signs: list[str] = []
    place = 0
    while place < len(pattern):
        close = {"[": "]", "{": "}"}.get(pattern[place])
        end = pattern.find(close, place + 1) if close else place
        signs.append("*" if close else pattern[place])
        place = len(pattern) if end < 0 else end + 1
    return tuple(signs)
