"""What an agent can write in its sandbox, as mounts that are turned: opened to writing, and read-only again.

A part of the leash's program: the standard library alone, loaded by its place beside it. A path is writable exactly while it is
open, or what decides nearest above it is: a folder that is open with all in it, or one that is open for the sake of something in
it, in which what stood beside that stays read-only. Mounts that were opened are never taken away while somebody stands on them.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat

TYPE_CHECKING = False  # importing it from typing would cost every start
if TYPE_CHECKING or __package__:
    from orchestrator.leash import floors, kernel
    from orchestrator.leash.holders import is_below
else:
    import floors
    import kernel
    from holders import is_below

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from orchestrator.leash.holders import System


class Place:
    """A path that is open or was."""

    def __init__(self) -> None:
        self.whole = 0  #: how often it is open with all in it
        self.wanted: dict[str, int] = {}  #: for the sake of what in it, and how often
        self.beside: set[str] = set()  #: what stood in it when it was opened for the sake of something
        self.mounts: list[int] = []  #: those through which it was ever seen

    def is_open(self) -> bool:
        """Tell whether it is open, for whatever sake."""
        return bool(self.whole or self.wanted)

    def count(self, wanted: str, step: int) -> None:
        """Note an opening, or its end. Raises OSError if there was none."""
        if wanted:
            left = self.wanted.get(wanted, 0) + step
            self.wanted[wanted] = left
            if left <= 0:
                del self.wanted[wanted]
        else:
            left = self.whole + step
            self.whole = max(0, left)
        if left < 0:
            raise OSError(errno.EINVAL, "it is not open")


class Ground:
    """One sandbox's mounts."""

    def __init__(self, system: int, seen: System, laid: floors.Floors, protected: list[str]) -> None:
        self.system = system  #: the root as the leash sees it
        self.root = os.open("/", os.O_PATH | os.O_DIRECTORY)
        self.seen = seen
        self.floors = laid
        self.protected = protected
        self.places: dict[str, Place] = {}
        self.held: set[str] = set()  #: files that are mounts only to stay read-only in a folder that is open

    def open(self, path: str, *, wanted: str = "", beside: Iterable[str] = ()) -> None:
        """Make a path writable; of a folder that is opened for the sake of something in it, not what stands beside that."""
        if self.floors.is_never(wanted or path):
            raise OSError(errno.EPERM, "it is opened to nobody")
        place = self.find(path)
        try:
            self.stand(path, place)
        finally:
            os.close(place)
        one = self.places[path]
        one.count(wanted, 1)
        if wanted:
            one.beside.update(beside, (wanted,))
        self.part(path)
        if one.whole and not self.is_writable_anyway(path):
            self.lift(path)
        self.settle(path)

    def close(self, path: str, *, wanted: str = "") -> None:
        """Make a path writable no more, as far as nothing else keeps it so. Raises OSError if it is not open."""
        if path not in self.places:
            raise OSError(errno.EINVAL, "it is not open")
        self.places[path].count(wanted, -1)
        self.part(path)

    def settle(self, path: str) -> list[int]:
        """Let each mount at a path and below be as it must be; gives those that should be closed."""
        closed = []
        for other, one in self.places.items():
            if is_below(other, path) and self.is_closed(other):
                closed += one.mounts
            elif is_below(other, path):
                for mount in one.mounts:
                    turn(mount, writable=True)
        for mount in closed:
            turn(mount, writable=False)
        return closed

    def is_closed(self, path: str) -> bool:
        """Tell whether nothing that is open makes a path writable; what is git's or squad's own nothing does."""
        if self.floors.is_never(path):
            return True
        above = {here: one for here in upward(path) if (one := self.places.get(here)) and one.is_open()}
        if any(one.whole for one in above.values()):
            return False
        for here in upward(path):
            if here in above:
                return False
            if (folder := above.get(os.path.dirname(here))) is not None:
                return here in folder.beside and here not in folder.wanted
        return True

    def is_writable_anyway(self, path: str) -> bool:
        """Tell whether a path is writable for as long as the agent lives."""
        return self.floors.is_writable_anyway(path)

    def find(self, path: str) -> int:
        """Give what stands at a path in the sandbox; it must be what stands there outside."""
        outside = kernel.open_plain(self.system, path, os.O_PATH)
        try:
            inside = kernel.open_plain(self.root, path, os.O_PATH)
        except FileNotFoundError:
            raise OSError(errno.ENOENT, "the agent does not see it") from None
        finally:
            there = os.fstat(outside)
            os.close(outside)
        here = os.fstat(inside)
        if (here.st_dev, here.st_ino) != (there.st_dev, there.st_ino):
            os.close(inside)
            raise OSError(errno.EXDEV, "something of the agent's own stands there")
        if not (stat.S_ISDIR(here.st_mode) or stat.S_ISREG(here.st_mode)):
            os.close(inside)
            raise OSError(errno.EINVAL, "it is neither a file nor a folder")
        return inside

    # mounts

    def stand(self, path: str, place: int) -> None:
        """See to it that a path is a mount of its own, and hold on to it."""
        one = self.places.setdefault(path, Place())
        if self.is_writable_anyway(path) or self.seen.mount_of(place) in map(self.seen.mount_of, one.mounts):
            return
        if self.is_mount(path, place):
            one.mounts.append(os.dup(place))  # whoever stands on it sees it opened
        else:
            one.mounts.append(floors.laid_mount(place, read_only=self.is_closed(path)))
            self.look_again(path)
            if stat.S_ISDIR(os.fstat(place).st_mode):
                self.floors.laid.add(path)
        for held in self.protected:
            if is_below(held, path) and held != path:
                self.pin(path, held)

    def is_mount(self, path: str, place: int) -> bool:
        """Tell whether a path is a mount already; what was replaced from outside is one no more."""
        above = kernel.open_plain(self.root, os.path.dirname(path), os.O_PATH)
        try:
            return self.seen.mount_of(above) != self.seen.mount_of(place)
        finally:
            os.close(above)

    def look_again(self, path: str) -> None:
        """Hold on to what is now seen of the mounts below one that was put over them."""
        for other, inner in self.places.items():
            if other != path and is_below(other, path) and inner.mounts:
                with contextlib.suppress(OSError):
                    inner.mounts.append(kernel.open_plain(self.root, other, os.O_PATH))

    def pin(self, path: str, held: str) -> None:
        """Make mounts of the folders above something protected, so that they cannot be renamed away."""
        between = list(upward(held))[1:]
        for one in reversed(between[: between.index(path)]):
            self.stand_on(one)

    def stand_on(self, path: str) -> None:
        place = kernel.open_plain(self.root, path, os.O_PATH)
        try:
            self.stand(path, place)
        finally:
            os.close(place)

    def part(self, path: str) -> None:
        """Let what stands beside something that is open be a mount to stay read-only, and what is open be none."""
        for folder, one in tuple(self.places.items()):
            if is_below(folder, path):
                is_live = one.is_open() or self.is_writable_anyway(folder)
                for entry in one.beside:
                    if not self.is_closed(entry):
                        self.release(entry)
                    elif is_live:
                        self.hold(entry)

    def hold(self, path: str) -> None:
        """Keep something in an open folder read-only."""
        if path in self.held or self.is_writable_anyway(path):
            return
        with contextlib.suppress(OSError):  # nobody is hurt by what is not there
            place = self.find(path)
            try:
                self.stand(path, place)
            finally:
                os.close(place)
            if path not in self.floors.laid:
                self.held.add(path)

    def release(self, path: str) -> None:
        """Let a file be in its folder as everything is: no mount of its own, so that another can be renamed over it."""
        one = self.places.get(path)
        if (one is not None and one.is_open()) or (path not in self.held and not self.is_file_apart(path)):
            return
        self.held.discard(path)
        self.forget(path)
        with contextlib.suppress(OSError):
            while True:
                kernel.unmount(path)

    def is_file_apart(self, path: str) -> bool:
        """Tell whether a file was made a mount at the start, to stay read-only or to be all that is writable of its folder."""
        return self.floors.sights.get(path) in {"read", "write"} and os.path.isfile(path)

    def lift(self, path: str) -> None:
        """Take the floors in a folder that is open with all in it away, besides those that somebody needs or stands on."""
        kept = [*self.protected, *self.floors.sights, *(other for other, one in self.places.items() if one.is_open())]

        def is_spared(floor: str) -> bool:
            return any(is_below(one, floor) for one in kept)

        for floor in self.floors.laid & self.places.keys():
            if floor != path and is_below(floor, path) and not is_spared(floor):
                self.forget(floor)  # what is held on to is in use
        for floor in self.floors.lift(self.root, path, is_spared):
            with contextlib.suppress(OSError):  # it was replaced from outside
                self.stand_on(floor)

    def forget(self, path: str) -> None:
        """Let go of a path."""
        for mount in self.places.pop(path, Place()).mounts:
            os.close(mount)

    def unlaid(self) -> Iterator[str]:
        """Walk the folders that are to be floors and are none yet."""
        return (one for one in self.floors.wanted() if one not in self.floors.laid)

    def restore(self, path: str) -> None:
        """Lay the floors again that were lifted, and those of folders that were made, in what is closed."""
        if self.is_closed(path) and not self.is_writable_anyway(path):
            self.lay(self.floors.below([path]))

    def lay(self, paths: Iterable[str]) -> None:
        """Make folders floors, but none of what is open."""
        for path in paths:
            if self.is_closed(path) and self.floors.lay(self.root, path):
                self.look_again(path)  # what is open in it has a copy now, which must be closed too


def turn(mount: int, *, writable: bool) -> None:
    """Turn a mount, unless it is held: who holds it is found by looking."""
    try:
        kernel.set_read_only(mount, on=not writable)
    except OSError as error:
        # EINVAL: what was replaced from outside stands nowhere any more
        if error.errno not in {errno.EBUSY, errno.EINVAL}:
            raise


def upward(path: str) -> Iterator[str]:
    """Give a path and all above it, the nearest first; nothing for what is none."""
    while path.startswith("/"):
        yield path
        if path == "/":
            return
        path = os.path.dirname(path)
