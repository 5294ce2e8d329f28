"""How a path is spelled where it stands.

A name that is there is never changed, and what is meant by one that is not is never guessed: it means the one name of its
folder that differs from it in case or Unicode form alone. Folders are listed only for names that are not there.
"""

import os
import unicodedata


def as_it_stands(root: str, relative: str) -> str:
    """Give a relative path as the tree below a root spells it, as far as it is there in any spelling."""
    names, here = relative.split("/"), root
    for place, name in enumerate(names):
        if not os.path.lexists(f"{here}/{name}"):
            if (found := _only_one_like(name, here)) is None:
                break
            names[place] = found
        here = f"{here}/{names[place]}"
    return "/".join(names)


def _only_one_like(name: str, folder: str) -> str | None:
    wanted, size = _folded(name), len(name) if name.isascii() else -1
    try:
        there = os.listdir(folder)  # noqa: PTH208 - names are all that is needed
    except OSError:
        return None
    near = (other for other in there if len(other) == size or size < 0 or not other.isascii())
    found = [other for other in near if _folded(other) == wanted]
    return found[0] if len(found) == 1 else None


def _folded(name: str) -> str:
    """Give what is equal for all spellings of a name, as claims compare it."""
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
