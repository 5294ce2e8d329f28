"""A file in a folder that others reach is replaced whole or not at all."""

import errno
import os
from pathlib import Path

import pytest

from orchestrator.views.folder import Folder


def test_a_disk_that_takes_a_part_at_a_time_gets_the_whole_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, body: write(descriptor, bytes(body[:7])))

    Folder(tmp_path).replace("report", b"x" * 100)

    assert (tmp_path / "report").read_bytes() == b"x" * 100


def test_a_disk_that_fills_half_way_leaves_the_former_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Folder(tmp_path)
    folder.replace("report", b"former")
    write = os.write

    def fill(descriptor: int, body: bytes) -> int:
        if len(body) < 100:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, bytes(body[:60]))

    monkeypatch.setattr(os, "write", fill)
    with pytest.raises(OSError, match="No space left"):
        folder.replace("report", b"x" * 100)

    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("report", b"former")]
