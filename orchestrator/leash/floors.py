"""Each folder of a workspace is a mount of its own before anybody stands in it.

A part of the leash's program: the standard library alone, loaded by its place beside it. Who stands in a folder, or has it open,
looks through the mount that was there when it came, and never through one that is put on top later. So what may be opened
while an agent runs is a mount beforehand: then it is turned, and nobody has to move. A floor is read-only until then.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os

TYPE_CHECKING = False  # importing it from typing would cost every start
if TYPE_CHECKING or __package__:
    from orchestrator.leash import kernel
    from orchestrator.leash.holders import is_below
else:
    import kernel
    from holders import is_below

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

MOST = 1000  #: floors, the uppermost first: each takes some of the kernel's memory, and of the time of who copies the mounts
FIRST = 60  #: floors that are laid before the agent begins
_NEVER = (".git", ".squad")  #: folders that are opened to nobody


class Floors:
    """The floors of one sandbox."""

    def __init__(self, grounds: list[str], sights: dict[str, str]) -> None:
        self.grounds = grounds  #: folders that with all in them may be opened
        self.sights = sights  #: what was settled at the start, by place
        self.laid: set[str] = set()

    def first(self) -> list[str]:
        """Give the folders that are to be floors before the agent begins."""
        return list(itertools.islice(self.wanted(), FIRST))

    def wanted(self) -> Iterator[str]:
        """Give the folders that are to be floors, each after those above it."""
        return itertools.islice(self.walk(), MOST)

    def walk(self) -> Iterator[str]:
        """Walk what is read-only in the grounds."""
        starts = [place for place, sight in self.sights.items() if sight == "read" and self.is_ground(place)]
        starts += [ground for ground in self.grounds if ground not in self.sights and not self.is_writable_anyway(ground)]
        for start in starts:
            if start not in self.sights and os.path.isdir(start):
                yield start
        yield from self.below(starts)

    def below(self, starts: Iterable[str]) -> Iterator[str]:
        """Give the folders in folders, the uppermost first; what was settled at the start is not walked into."""
        todo = list(starts)
        for folder in todo:
            for path in folders_in(folder):
                if path not in self.sights:
                    todo.append(path)
                    yield path

    def is_writable_anyway(self, path: str) -> bool:
        """Tell whether a path is writable for as long as the agent lives."""
        said = [place for place in self.sights if is_below(path, place)]
        return bool(said) and self.sights[max(said, key=len)] == "write"

    def is_never(self, path: str) -> bool:
        """Tell whether a path is git's or squad's own: what was granted by mistake is not opened either."""
        above = max((ground for ground in self.grounds if is_below(path, ground)), key=len, default=path)
        names = path[len(above) :].lower().strip("/").split("/")
        return names[0] in _NEVER or ".git" in names

    def is_ground(self, path: str) -> bool:
        """Tell whether a path may be opened."""
        return any(is_below(path, ground) for ground in self.grounds)

    def lay(self, root: int, path: str) -> bool:
        """Make a folder a mount of its own, read-only, with all mounts in it; tells whether it was none and is one now."""
        if path in self.laid or len(self.laid) >= MOST:
            return False
        with contextlib.suppress(OSError):  # one that is gone needs none
            place = kernel.open_plain(root, path, os.O_PATH | os.O_DIRECTORY)
            try:
                os.close(laid_mount(place))
                self.laid.add(path)
            finally:
                os.close(place)
        return path in self.laid

    def lift(self, root: int, path: str, is_spared: Callable[[str], bool]) -> list[str]:
        """Take the floors in a folder away, for nothing can be renamed over their borders; gives those that stay.

        Those on which somebody stands do, and those above them.
        """
        inside = [one for one in self.laid if one != path and is_below(one, path)]
        deepest_first = sorted(inside, key=len, reverse=True)
        return [floor for floor in deepest_first if is_spared(floor) or not self.lift_one(root, floor)]

    def lift_one(self, root: int, floor: str) -> bool:
        """Take one away, unless somebody stands there: the kernel tells that in the same step."""
        try:
            folder = kernel.open_plain(root, os.path.dirname(floor), os.O_PATH)
        except OSError:
            self.laid.discard(floor)
            return True
        here = os.open(".", os.O_PATH)
        try:
            os.fchdir(folder)
            kernel.unmount_idle(os.path.basename(floor))
        except OSError as error:
            if error.errno == errno.EBUSY:
                return False
        finally:
            os.fchdir(here)
            os.close(folder)
            os.close(here)
        self.laid.discard(floor)
        return True


def laid_mount(place: int, *, read_only: bool = True) -> int:
    """Let what stands at a place stand there once more, as a mount of its own; gives the mount."""
    mount = kernel.clone_mount(place)
    try:
        kernel.set_read_only(mount, on=read_only)
        kernel.place_mount(mount, place)
    except OSError:
        os.close(mount)
        raise
    return mount


def folders_in(folder: str) -> list[str]:
    """Give the folders in a folder by name, besides those that are opened to nobody; none if it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return sorted(one.path for one in entries if one.is_dir(follow_symlinks=False) and one.name not in _NEVER)
    except OSError:
        return []
