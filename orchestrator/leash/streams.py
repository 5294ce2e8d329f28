"""What an agent says, on its way from a pipe to a file: at any instant each byte is in the one or in the other.

A part of the leash's program: the standard library alone, loaded by its place beside it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import sys
import termios

SPLICE_NONBLOCK = 2  #: SPLICE_F_NONBLOCK of fcntl.h
CHUNK = 1 << 20  #: bytes moved by one call
TURN = 16  #: calls for one pipe before the others get their turn


class Stream:
    """One pipe of the agent and the file its bytes go to."""

    def __init__(self, path: str) -> None:
        self.read, self.write = os.pipe()
        os.set_blocking(self.read, False)
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        self.size = os.lseek(self.file, 0, os.SEEK_END)
        self.open = True
        self.splices = hasattr(os, "splice")
        self.held = b""

    def move(self) -> bool:
        """Move what is there, as much as fits into one turn; tell whether anything moved. Raises OSError on a full disk."""
        moved = False
        for _ in range(TURN):
            try:
                count = self._step()
            except BlockingIOError:
                return moved
            if count == 0:
                self.open = False
                return moved
            self.size += count
            moved = True
        return moved

    def drain(self) -> None:
        """Move what is left in the pipe, after everybody who could write to it is gone or cannot be killed."""
        with contextlib.suppress(OSError):
            for _ in range(TURN):  # a pipe holds 1 MiB at most; somebody who cannot be killed may go on filling it
                if not (self.open and self.move()):
                    break

    def waiting(self) -> int:
        """Count the bytes that are not in the file yet."""
        count = fcntl.ioctl(self.read, termios.FIONREAD, b"\0" * 4)
        return len(self.held) + int.from_bytes(count, sys.byteorder)

    def _step(self) -> int:
        if self.splices:
            try:
                return os.splice(self.read, self.file, CHUNK, flags=SPLICE_NONBLOCK)
            except OSError as error:
                if error.errno not in (errno.EINVAL, errno.ENOSYS):
                    raise
                self.splices = False
        self.held = self.held or os.read(self.read, 65536)
        # one write at a time: of two, the first may succeed and the second meet the full disk
        count = os.write(self.file, self.held) if self.held else 0
        self.held = self.held[count:]
        return count
