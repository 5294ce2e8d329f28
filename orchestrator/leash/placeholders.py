"""Paths that are made so that they can be opened, and that vanish again if nobody used them.

A part of the leash's program: the standard library alone, loaded by its place beside it. Only what was made here is ever removed,
and only while it is as it was made: an empty file that the agent has touched is the agent's.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat

TYPE_CHECKING = False  # importing it from typing would cost every start
if TYPE_CHECKING or __package__:
    from orchestrator.leash import kernel
else:
    import kernel


class Placeholders:
    """What was made, by path."""

    def __init__(self) -> None:
        self.root = os.open("/", os.O_PATH | os.O_DIRECTORY)
        self.made: dict[str, tuple[int, int, int]] = {}  #: path -> device, number and time of last change

    def close(self) -> None:
        """Let go of the machine's root; what was made stays."""
        os.close(self.root)

    def make(self, path: str, *, folder: bool) -> None:
        """Make a path and its folders if it is missing. Raises OSError; a symlink on the way is one (ELOOP)."""
        steps = [part for part in path.split("/") if part]
        here = os.dup(self.root)
        try:
            for number, name in enumerate(steps):
                last = number == len(steps) - 1
                place = "/" + "/".join(steps[: number + 1])
                try:
                    inside = kernel.open_plain(here, name, os.O_PATH)
                except FileNotFoundError:
                    self.make_one(here, name, place, folder=folder or not last)
                    inside = kernel.open_plain(here, name, os.O_PATH)
                os.close(here)
                here = inside
        finally:
            os.close(here)

    def make_one(self, folder_of: int, name: str, place: str, *, folder: bool) -> None:
        """Make one step of a path, and remember how it looks."""
        if folder:
            os.mkdir(name, dir_fd=folder_of)
        else:
            os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666, dir_fd=folder_of))
        self.made[place] = look(os.stat(name, dir_fd=folder_of, follow_symlinks=False))

    def remove(self, path: str) -> None:
        """Remove a path that was made and not used, and after it the folders made for it."""
        while path != "/":
            if path in self.made:
                self.remove_one(path)
            path = os.path.dirname(path)

    def remove_all(self) -> None:
        """Remove whatever was made and not used."""
        for path in sorted(self.made, reverse=True):
            self.remove_one(path)

    def remove_one(self, path: str) -> None:
        with contextlib.suppress(OSError):
            folder = kernel.open_plain(self.root, os.path.dirname(path), os.O_PATH)
            try:
                self.remove_from(folder, os.path.basename(path), self.made[path])
            finally:
                os.close(folder)
        self.made.pop(path, None)

    def remove_from(self, folder: int, name: str, was: tuple[int, int, int]) -> None:
        now = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISDIR(now.st_mode):
            if look(now)[:2] == was[:2]:
                os.rmdir(name, dir_fd=folder)  # which fails if there is something in it
        elif look(now) == was and now.st_size == 0:
            os.unlink(name, dir_fd=folder)


def look(found: os.stat_result) -> tuple[int, int, int]:
    """Give what tells a file from another one, and from itself once it was touched."""
    return found.st_dev, found.st_ino, found.st_ctime_ns


def must_be_plain(path: str) -> None:
    """Raise OSError if a path is not absolute or has more in it than names."""
    if os.path.normpath(path) != path or not path.startswith("/") or path.startswith("//"):
        raise OSError(errno.EINVAL, "it is not a plain absolute path")


def reason(error: OSError) -> str:
    """Say why a path cannot be opened."""
    if error.errno == errno.ELOOP:
        return "a symlink stands in its way"
    return error.strerror or str(error)
