"""Whether a path lies in a pattern, read as people mean sets and braces.

`claims.covers` says no to those, since they have several readings; here an agent asks for what its own task names, so
each usual reading gives the right to it.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

from orchestrator.claims import covers, is_glob, is_operation, is_pattern, parts_of

_BRACES = re.compile(r"\{([^{}]*,[^{}]*)\}")
_MOST_BRACES = 6


class Among:
    """Claims, however many: of each path the few are told in which it could lie."""

    def __init__(self, claims: Iterable[str]) -> None:
        """Take claims in: those that are no patterns by their names, all others for each path."""
        self._plain: dict[tuple[str, ...], list[str]] = {}
        self._patterns: list[str] = []
        for claim in claims:
            if is_glob(claim):
                self._patterns.append(claim)
            else:
                self._plain.setdefault(_place(claim), []).append(claim)

    def around(self, path: str) -> Iterator[str]:
        """Give each claim in which the path lies, and some others."""
        yield from self._patterns
        names = _place(path)
        for end in range(len(names) + 1):
            yield from self._plain.get(names[:end], ())


def _place(claim: str) -> tuple[str, ...]:
    return (claim,) if is_operation(claim) else parts_of(claim)


def lies_in(path: str, claim: str) -> bool:
    """Tell whether all of the path surely lies in the claim; unlike `covers` it reads sets and braces too."""
    if covers(claim, path):
        return True
    if is_operation(path) or not is_glob(claim):
        return False
    return any(_fits(_names(pattern), _names(path)) for pattern in (claim, *_without_braces(claim)))


def _without_braces(pattern: str) -> list[str]:
    """Give the patterns that one with braces stands for; innermost first, none for a pattern with too many."""
    found = _BRACES.search(pattern)
    if found is None or pattern.count("{") > _MOST_BRACES:
        return [] if found else [pattern]
    choices = [pattern[: found.start()] + choice + pattern[found.end() :] for choice in found[1].split(",")]
    return [one for choice in choices for one in _without_braces(choice)]


def _fits(pattern: Sequence[str], names: Sequence[str]) -> bool:
    """Tell whether the pattern matches the path or a folder above it; a name may also stand for itself, as `[id].tsx`."""
    reach = {0}
    for name in (*names, None):
        todo = sorted(reach)
        for at in todo:  # `**` may stand for nothing, unless it is the last
            if at < len(pattern) - 1 and pattern[at] == "**" and at + 1 not in todo:
                todo.append(at + 1)
        if len(pattern) in todo:
            return True
        if name is None:
            break
        reach = {at for at in todo if pattern[at] == "**"} | {at + 1 for at in todo if _fits_name(pattern[at], name)}
    return False


def _fits_name(pattern: str, name: str) -> bool:
    return pattern in {"**", name} or (is_pattern(pattern) and fnmatchcase(name, pattern.replace("[^", "[!")))


def _names(path: str) -> tuple[str, ...]:
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
    return tuple(name for name in folded.split("/") if name not in {"", "."})
