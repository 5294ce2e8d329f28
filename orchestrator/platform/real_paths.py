"""Where many relative paths really lie, at one moment: each folder is looked at once.

Says what `real_relative` says; what changes between two questions may not be seen, so it is for reading a document and not for
watching over agents.
"""

import os
import stat
from pathlib import Path

from orchestrator.platform import real_relative

_DEEPEST = 100  #: folders of a path that are looked at one by one


class RealPaths:
    """Follows the symlinks of paths below one root."""

    def __init__(self, root: Path) -> None:
        """Look below a root."""
        self._root = root
        self._base = os.path.realpath(root)
        self._known: dict[str, tuple[str, bool]] = {"": (self._base, True), ".": (self._base, True)}

    def __call__(self, relative: str) -> str:
        """Follow the symlinks of what exists of a normal relative path; gives one that begins with `..` if it leads outside."""
        if relative.count("/") > _DEEPEST:
            return real_relative(self._root, relative)
        real, _ = self._real(relative)
        below = f"{self._base.rstrip('/')}/"
        return real[len(below) :] if real.startswith(below) else os.path.relpath(real, self._base).replace(os.sep, "/")

    def _real(self, relative: str) -> tuple[str, bool]:
        """Give where a path really is, and whether anything is there."""
        if relative not in self._known:
            folder, _, name = relative.rpartition("/")
            above, is_there = self._real(folder)
            path = f"{above.rstrip('/')}/{name}"
            self._known[relative] = _looked_at(path) if is_there else (path, False)
        return self._known[relative]


def _looked_at(path: str) -> tuple[str, bool]:
    try:
        found = os.lstat(path)
    except OSError:
        return path, False
    return (os.path.realpath(path), True) if stat.S_ISLNK(found.st_mode) else (path, True)
