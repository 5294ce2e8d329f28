"""Waiting until something changes in a folder, without looking again and again.

Linux tells through inotify; where the system does not tell, or has no watch left to give, waiting ends after `TICK`
seconds and the caller looks for itself. A change may be told twice, but never not at all: what happened between two
waits ends the next one at once.
"""

import ctypes
import math
import os
import select
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import anyio

TICK = 0.5  #: seconds between two looks where the system tells nothing
_FLAGS = os.O_NONBLOCK | os.O_CLOEXEC  #: IN_NONBLOCK and IN_CLOEXEC have the same values
_MODIFY, _ATTRIB, _CLOSE_WRITE, _MOVED_FROM, _MOVED_TO = 0x002, 0x004, 0x008, 0x040, 0x080  # linux/inotify.h
_CREATE, _DELETE, _ONLYDIR = 0x100, 0x200, 0x01000000
_MASK = _MODIFY | _ATTRIB | _CLOSE_WRITE | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE | _ONLYDIR
_ROOM = 64 * 1024  #: bytes of one read of what was told


class Watch:
    """Looks at some folders, not at what lies deeper."""

    def __init__(self, descriptor: int | None) -> None:
        """Use `watching` instead; without a descriptor the system tells nothing."""
        self._descriptor = descriptor

    def wait(self, seconds: float | None = None) -> None:
        """Block until something changed, or until the time is over."""
        if self._descriptor is None:
            time.sleep(TICK if seconds is None else min(TICK, seconds))
            return
        bound = seconds if seconds is not None and math.isfinite(seconds) else None
        ready, _, _ = select.select([self._descriptor], [], [], bound)
        if ready:
            self._take()

    async def changed(self) -> None:
        """Wait until something changed."""
        if self._descriptor is None:
            await anyio.sleep(TICK)
            return
        await anyio.wait_readable(self._descriptor)
        self._take()

    @classmethod
    def of(cls, folders: Iterable[Path]) -> Self:
        """Begin to look at those of the folders that exist."""
        descriptor = _start(folders) if sys.platform == "linux" else None
        return cls(descriptor)

    def close(self) -> None:
        """Look no longer."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _take(self) -> None:
        """Take what was told, so that the next wait ends only with something new."""
        try:
            while self._descriptor is not None and os.read(self._descriptor, _ROOM):
                pass
        except BlockingIOError:
            return


@contextmanager
def watching(*folders: Path) -> Iterator[Watch]:
    """Look at folders while inside the block."""
    watch = Watch.of(folders)
    try:
        yield watch
    finally:
        watch.close()


def identities(folders: Iterable[Path]) -> list[tuple[int, int] | None]:
    """Tell the folders from others that stand in their places later; None: there is none."""
    return [_identity(folder) for folder in folders]


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _start(folders: Iterable[Path]) -> int | None:
    """Give a descriptor that becomes readable with each change; None if one of the folders cannot be watched."""
    system = ctypes.CDLL(None, use_errno=True)
    descriptor = int(system.inotify_init1(_FLAGS))
    if descriptor < 0:
        return None
    added = [system.inotify_add_watch(descriptor, os.fsencode(folder), _MASK) for folder in folders]
    if any(number < 0 for number in added):
        os.close(descriptor)
        return None
    return descriptor
