"""How a path is spelled where it stands.

A name that is there is never changed, and what is meant by one that is not is never guessed: it means the one name of its
folder that differs from it in case or Unicode form alone. Folders are listed only for names that are not there, and again only
once they have changed.
"""

import os
import time
from functools import lru_cache

from orchestrator.claims import folded

_SETTLED = 2_000_000_000  #: nanoseconds after a change from which on the next one surely shows in a folder's time


def as_it_stands(root: str, relative: str, *, there: int | None = None) -> str:
    """Give a relative path as the tree below a root spells it, as far as it is there in any spelling.

    Of `there` so many names are known to stand as they are spelled, and the next one is known not to.
    """
    names, missing = relative.split("/"), there
    here = "/".join((root, *names[:there])) if there else root
    for place in range(there or 0, len(names)):
        name = names[place]
        if place == missing or not os.path.lexists(f"{here}/{name}"):
            if (found := _only_one_like(name, here)) is None:
                return relative if place == missing else "/".join(names)
            names[place] = found
        here = f"{here}/{names[place]}"
    return "/".join(names)


def _only_one_like(name: str, folder: str) -> str | None:
    try:
        found = os.stat(folder)  # noqa: PTH116 - as names are put together here
        listed = _listed if time.time_ns() - found.st_mtime_ns > _SETTLED else _listed.__wrapped__
        return listed(folder, found.st_dev, found.st_ino, found.st_mtime_ns).get(folded(name))
    except OSError:
        return None


@lru_cache(maxsize=32)
def _listed(folder: str, _device: int, _number: int, _changed: int) -> dict[str, str | None]:
    """Give the names in a folder by what is equal for all their spellings; None where there are several."""
    names: dict[str, str | None] = {}
    for name in os.listdir(folder):  # noqa: PTH208 - names are all that is needed
        like = folded(name)
        names[like] = None if like in names else name
    return names
