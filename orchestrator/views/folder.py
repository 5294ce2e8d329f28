"""A folder under `.squad/` that agents can reach as well, and in which nothing is trusted.

No name is followed out of the folder, nothing but a plain file with one name is opened, and no call blocks. What
stands where squad has to write is put aside and not deleted. A folder that was removed is made again.
"""

import contextlib
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Folder:
    """Opens, replaces and removes files in one folder, whatever others make of it."""

    def __init__(self, path: Path) -> None:
        """Use a folder, which need not exist yet."""
        self._path = path

    def names(self) -> set[str]:
        """Give the names of all that lies in the folder."""
        with self._opened() as folder:
            return {entry.name for entry in os.scandir(folder)}

    def look(self, name: str) -> os.stat_result | None:
        """Give what is known of a plain file; None for anything else."""
        try:
            found = (self._path / name).stat(follow_symlinks=False)
        except OSError:
            return None
        return found if _is_plain(found) else None

    @contextmanager
    def open(self, name: str) -> Iterator[int]:
        """Open a plain file for reading and writing; a new one where there was none."""
        with self._opened() as folder:
            descriptor = _open_plain(folder, name, os.O_RDWR)
            if descriptor is None:
                _put_aside(folder, name)
                descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | _FILE, 0o644, dir_fd=folder)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def read(self, name: str, most: int) -> bytes:
        """Give the beginning of a plain file; nothing for anything else."""
        with self._opened() as folder:
            descriptor = _open_plain(folder, name, os.O_RDONLY)
        if descriptor is None:
            return b""
        try:
            return os.read(descriptor, most)
        finally:
            os.close(descriptor)

    def replace(self, name: str, body: bytes) -> None:
        """Put a file in the place of whatever has the name, in one step."""
        fresh = f".{os.getpid()}-{time.monotonic_ns():x}.new"
        with self._opened() as folder:
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FILE, 0o644, dir_fd=folder)
            try:
                _write(descriptor, body)
                if not _may_be_replaced(folder, name):
                    _put_aside(folder, name)
                os.rename(fresh, name, src_dir_fd=folder, dst_dir_fd=folder)
            except OSError:
                os.unlink(fresh, dir_fd=folder)
                raise

    def remove(self, name: str) -> None:
        """Remove a file, if it is there; a folder stays."""
        with self._opened() as folder, contextlib.suppress(FileNotFoundError, IsADirectoryError, PermissionError):
            os.unlink(name, dir_fd=folder)

    @contextmanager
    def _opened(self) -> Iterator[int]:
        self._make()
        descriptor = os.open(self._path, _FOLDER)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _make(self) -> None:
        """Make the folder where it is missing, or where something else has its name."""
        with contextlib.suppress(FileNotFoundError):
            if not stat.S_ISDIR(self._path.stat(follow_symlinks=False).st_mode):
                self._path.rename(self._path.with_name(_aside(self._path.name)))
        self._path.mkdir(parents=True, exist_ok=True)


def _write(descriptor: int, body: bytes) -> None:
    """Write all of it, where a disk that fills takes only a part at a time, and close."""
    try:
        left = memoryview(body)
        while left:
            left = left[os.write(descriptor, left) :]
    finally:
        os.close(descriptor)


def _open_plain(folder: int, name: str, flags: int) -> int | None:
    """Open a plain file; None for anything else, and for nothing at all."""
    try:
        descriptor = os.open(name, flags | _FILE, dir_fd=folder)
    except OSError:
        return None
    if _is_plain(os.fstat(descriptor)):
        return descriptor
    os.close(descriptor)
    return None


def _is_plain(found: os.stat_result) -> bool:
    return stat.S_ISREG(found.st_mode) and found.st_nlink == 1


def _may_be_replaced(folder: int, name: str) -> bool:
    """Tell whether a rename to the name takes nothing away that is not a file of squad's kind."""
    try:
        return not stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return True


def _put_aside(folder: int, name: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.rename(name, _aside(name), src_dir_fd=folder, dst_dir_fd=folder)


def _aside(name: str) -> str:
    """Give a name that no pattern of hand-run squads finds."""
    return f".{name[:150]}.aside-{time.time_ns():x}"
