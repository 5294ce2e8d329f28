"""Files that a person named, or that belong to them: each is written whole or not at all."""

import contextlib
import errno
import os
from pathlib import Path

from orchestrator.errors import FolderError

_FULL = {errno.ENOSPC, errno.EDQUOT}


def write_whole(path: Path, body: bytes) -> None:
    """Write a file that a person named, whole or not at all; what is no plain file, such as a pipe, is written to.

    Raises:
        FolderError: It cannot be written.
    """
    place = path.resolve()
    fresh = place.with_name(f".{place.name[:100]}.{os.getpid()}.new")
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(body)
            return
        fresh.write_bytes(body)
        fresh.replace(place)
    except OSError as error:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise _unwritable(path, error) from error


def write_new(path: Path, body: bytes) -> None:
    """Write a file that is not there yet, whole or not at all.

    Raises:
        FileExistsError: It is there.
        FolderError: It cannot be written.
    """
    try:
        file = path.open("xb")
    except FileExistsError:
        raise
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        with file:
            file.write(body)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> FolderError:
    way = "free some space, or name another place: df -h" if error.errno in _FULL else "see whose it is: ls -ld"
    return FolderError(f"cannot write {path}: {error.strerror}", hint=f"{way} {path.parent}")
