"""Which symlinks lead from a path to what it names.

Where a folder looks empty, or another stands in its place, the links in it are gone too, and whoever goes over them finds
nothing, however visible the end is. So they are told one by one, and made again where they would be missing.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_MOST = 40  #: links on one way; the kernel follows no more


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """The way from a path to what it names."""

    links: Mapping[Path, str]  #: place of each symlink on it, its folder without any -> what it says
    names: tuple[Path, ...]  #: what it is called on the way, from the path as it was given to the real one
    crossed: frozenset[Path]  #: folders that are entered only to be left by `..`


def trail(path: Path) -> Trail | None:
    """Follow an absolute path as the kernel does; None if it leads nowhere, or nowhere that this user may look."""
    links: dict[Path, str] = {}
    names, crossed = [path], set()
    here, todo = Path("/"), _steps(str(path))
    if not os.access(path, os.F_OK):  # the kernel may not follow a link that another user left in everybody's folder
        return None
    followed = 0
    while todo:
        name = todo.pop()
        if name == "..":
            crossed.add(here)
            here = here.parent
            continue
        place = here / name
        try:
            links[place] = said = str(place.readlink())
        except OSError:  # it is none
            here = place
            continue
        followed += 1
        if followed > _MOST:
            return None
        if not todo:
            names.append(place)
        here = Path("/") if said.startswith("/") else here
        todo += _steps(said)
    return Trail(links=links, names=tuple(dict.fromkeys((*names, here))), crossed=frozenset(crossed))


def _steps(path: str) -> list[str]:
    """Give the steps of a path, the last first."""
    return [name for name in reversed(path.split("/")) if name not in {"", "."}]
