"""Reading a log that grows: each byte is given once, whatever becomes of the file's name meanwhile."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_CHUNK = 64 * 1024


class Tail:
    """Reads a file that grows, from where it last stopped; one that is deleted meanwhile is read to its end all the same."""

    def __init__(self, path: Path, *, offset: int = 0) -> None:
        """Begin at an offset; the file need not exist yet."""
        self.offset = offset
        self._path = path
        self._file: BinaryIO | None = None

    def read(self, upto: int) -> Iterator[bytes]:
        """Give what was not read before, in chunks of 64 KiB at most; the offset moves with each."""
        if upto <= self.offset:
            return
        with contextlib.suppress(OSError):
            file = self._file = self._file or self._path.open("rb")
            file.seek(self.offset)
            while self.offset < upto and (chunk := file.read(min(_CHUNK, upto - self.offset))):
                self.offset += len(chunk)
                yield chunk

    def size(self) -> int:
        """Give the bytes that are there to be read."""
        with contextlib.suppress(OSError):
            return os.fstat(self._file.fileno()).st_size if self._file else self._path.stat().st_size
        return 0

    def close(self) -> None:
        """Let the file go."""
        if self._file is not None:
            self._file.close()
            self._file = None
