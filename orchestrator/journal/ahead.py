"""What is written ahead of the journal's table: steps that are on disk already, where one write is all there is time for.

A step is there whole or not at all: whatever was torn, by a kill or a full disk, and all behind it counts as not written.
Only one process at a time writes ahead of a journal, by a kernel lock that ends with it; everybody may read.
"""

import contextlib
import errno
import fcntl
import os
import struct
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import msgspec

BEHIND = 0.02  #: seconds that the table may be behind
_LATEST = 5 * BEHIND  #: where whoever was to take it in comes too late, the next step does
_HEAD = struct.Struct("<II")  #: bytes and crc32 of what follows
_encode = msgspec.msgpack.Encoder().encode
#: An event as the table has it: when, of which run, of which kind, and its body.
Row: TypeAlias = tuple[float, str, str, bytes]


class Step(msgspec.Struct, frozen=True, array_like=True):
    """Events that were recorded together."""

    first: int  #: number of the first; the others follow
    at: float  #: seconds since the epoch, UTC
    run: str
    events: list[tuple[str, bytes]]  #: kind and body

    @property
    def last(self) -> int:
        """Give the number of the last event."""
        return self.first + len(self.events) - 1


class Ahead:
    """The file, and what of it is not in the table yet."""

    def __init__(self, path: Path) -> None:
        """Write nothing before `take`."""
        self._path = path
        self._descriptor: int | None = None
        self._size = 0
        self._behind: Callable[[], None] = lambda: None
        self._whole_since = 0.0  #: when the table was not behind, by the monotonic clock
        self._rows: list[Row] = []  #: what the table does not have yet

    @property
    def is_there(self) -> bool:
        """Tell whether there is a file."""
        return self._path.exists()

    def take(self) -> bool:
        """Open the file for writing, making it if there is none; tell whether no other process has it. Raises OSError."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptor, self._size = descriptor, os.fstat(descriptor).st_size
        return True

    def release(self) -> None:
        """Let go of the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def begin(self, behind: Callable[[], None]) -> None:
        """Let steps be added; `behind` is told of the first that the table does not have."""
        self._behind = behind

    def is_wanted(self) -> bool:
        """Tell whether steps come in haste: so soon one after another that the table may wait."""
        if self._descriptor is None:
            return False
        return time.monotonic() - self._whole_since < (_LATEST if self._rows else BEHIND)

    def add(self, step: Step) -> None:
        """Write a step; raises OSError, and then it is as if it had not been tried."""
        assert self._descriptor is not None
        body = _encode(step)
        record = _HEAD.pack(len(body), zlib.crc32(body)) + body
        written = os.write(self._descriptor, record)
        if written < len(record):
            os.ftruncate(self._descriptor, self._size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._size += written
        if not self._rows:
            self._behind()
        self.take_in(step)

    def take_in(self, step: Step) -> None:
        """Note what the table does not have yet."""
        self._rows += [(step.at, step.run, kind, body) for kind, body in step.events]

    @property
    def rows(self) -> Sequence[Row]:
        """Give what the table does not have yet."""
        return self._rows

    def is_whole(self) -> None:
        """Note that the table has everything."""
        self._whole_since = time.monotonic()
        self._rows.clear()
        if self._size and self._descriptor is not None:
            with contextlib.suppress(OSError):  # what the table has is known when it is met again
                os.ftruncate(self._descriptor, 0)
                self._size = 0

    def left(self) -> list[Step]:
        """Give the steps that stand in the file, oldest first; none to its own writer.

        To be called before the table is looked at: what leaves the file meanwhile is found there.
        """
        return [] if self._descriptor is not None else self.read()

    def read(self) -> list[Step]:
        """Give all whole steps of the file; none if there is no file."""
        try:
            left = memoryview(self._path.read_bytes())
        except OSError:
            return []
        found = []
        while (step := _first(left)) is not None:
            found.append(step)
            left = left[_HEAD.size + _HEAD.unpack_from(left)[0] :]
        return found


def _first(left: memoryview) -> Step | None:
    if len(left) < _HEAD.size:
        return None
    length, checksum = _HEAD.unpack_from(left)
    body = left[_HEAD.size : _HEAD.size + length]
    if len(body) < length or not length or zlib.crc32(body) != checksum:
        return None
    return msgspec.msgpack.decode(body, type=Step)
