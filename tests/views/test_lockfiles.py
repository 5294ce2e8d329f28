import os
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.locks import Grant
from orchestrator.views.lockfiles import LockFiles, content, file_name
from tests.support.builders import ONE

SINCE = 1_800_000_000.0


def grant(path: str = "shared/types.ts", *, purpose: str = "Types", expires: float = 1800.0) -> Grant:
    return Grant(path=path, holder=ONE, fence=1, since=SINCE, expires=SINCE + expires, purpose=purpose)


class Table:
    """A lock table, and a person's wish to free one of its locks."""

    def __init__(self, folder: Path, *paths: str, gives_way: bool = False) -> None:
        self.folder = folder / "locks"
        self.held = [grant(path) for path in paths]
        self.forced: list[str] = []
        self.gives_way = gives_way
        self.files = LockFiles(self.folder)

    def sync(self) -> None:
        self.files.sync(lambda: self.held, self._force)

    def names(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()} if self.folder.is_dir() else set()

    def _force(self, key: str) -> None:
        self.forced.append(key)
        if self.gives_way:
            self.held = [held for held in self.held if held.path != key]


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("shared/types/metrics.ts", "shared%2Ftypes%2Fmetrics.ts.lock"),
        ("op:install", "op%3Ainstall.lock"),
        ("100%.txt", "100%25.txt.lock"),
        ("a\nb\x7f", "a%0Ab%7F.lock"),
        ("with space/漢字", "with space%2F漢字.lock"),
        ("src/*.py", "src%2F*.py.lock"),
        ("raw\udcff", "raw%FF.lock"),
        ("half\ud83d", "half%ED%A0%BD.lock"),
    ],
)
def test_the_name_of_a_lock_file_is_its_key_escaped(key: str, name: str) -> None:
    assert file_name(key) == name


@given(st.lists(st.text(max_size=260), unique=True, max_size=3))
def test_every_key_has_a_name_of_its_own_that_a_folder_can_hold(keys: Iterable[str]) -> None:
    names = [file_name(key) for key in keys]

    assert len(set(names)) == len(names)
    assert all(len(name.encode()) <= 255 and "/" not in name for name in names)
    assert all(ord(sign) >= 32 for name in names for sign in name)


def test_a_name_over_two_hundred_bytes_is_cut_and_told_apart_by_a_digest() -> None:
    one, other = file_name("漢" * 100 + "a"), file_name("漢" * 100 + "b")

    assert one != other
    assert len(one.encode()) <= 200 + len(".lock")
    assert one.startswith("漢" * 40)


def test_a_lock_file_says_who_holds_what_since_when_for_what_and_until_when() -> None:
    assert content(grant("my  file.ts", purpose="two\nlines\x1b[31m")) == (
        "FILE: my  file.ts\n"
        "LOCKED_BY: agent-1\n"
        "LOCKED_AT: 2027-01-15T08:00:00Z\n"
        "PURPOSE: two lines\n"
        "EXPIRES_AT: 2027-01-15T08:30:00Z\n"
    )


def test_files_come_with_the_grant_and_go_with_the_release(tmp_path: Path) -> None:
    table = Table(tmp_path, "a.py", "b.py")
    table.sync()
    assert table.names() == {"a.py.lock", "b.py.lock"}

    table.held = table.held[:1]
    table.sync()
    assert table.names() == {"a.py.lock"}
    assert table.forced == []


def test_a_renewed_lock_says_so(tmp_path: Path) -> None:
    table = Table(tmp_path, "a.py")
    table.sync()
    table.held = [grant("a.py", expires=3600)]
    table.sync()

    assert "EXPIRES_AT: 2027-01-15T09:00:00Z" in (table.folder / "a.py.lock").read_text(encoding="utf-8")


def test_a_file_removed_by_hand_asks_for_its_lock_once_and_is_put_back_when_refused(tmp_path: Path) -> None:
    table = Table(tmp_path, "a.py", "b.py")
    table.sync()
    (table.folder / "a.py.lock").unlink()
    table.sync()
    table.sync()

    assert table.forced == ["a.py"]
    assert table.names() == {"a.py.lock", "b.py.lock"}


def test_a_file_removed_by_hand_stays_away_when_its_lock_was_stale(tmp_path: Path) -> None:
    table = Table(tmp_path, "a.py", gives_way=True)
    table.sync()
    (table.folder / "a.py.lock").unlink()
    table.sync()

    assert table.forced == ["a.py"]
    assert table.names() == set()


def test_files_of_a_former_supervisor_go_and_files_of_others_stay(tmp_path: Path) -> None:
    table = Table(tmp_path, "b.py")
    table.folder.mkdir()
    (table.folder / "old.py.lock").write_text(content(grant("old.py")), encoding="utf-8")
    (table.folder / "mine.lock").write_text("LOCKED_BY: agent-9\nLOCKED_AT: x\nPURPOSE: by hand\n", encoding="utf-8")
    (table.folder / "intentions.md").touch()
    (table.folder / "folder.lock").mkdir()
    (table.folder / "link.lock").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(table.folder / "pipe.lock")

    table.sync()

    assert table.names() == {"b.py.lock", "mine.lock", "intentions.md", "folder.lock", "link.lock", "pipe.lock"}


def test_whatever_stands_in_the_place_of_a_lock_file_nothing_is_written_elsewhere(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious", encoding="utf-8")
    table = Table(tmp_path, "link.py", "folder.py")
    table.folder.mkdir()
    (table.folder / "link.py.lock").symlink_to(victim)
    (table.folder / "folder.py.lock").mkdir()
    (table.folder / "folder.py.lock" / "kept").touch()

    table.sync()

    assert victim.read_text(encoding="utf-8") == "precious"
    assert all(
        (table.folder / name).read_text(encoding="utf-8").startswith("FILE: ") for name in ("link.py.lock", "folder.py.lock")
    )
    assert list(table.folder.rglob("kept"))


def test_a_removed_folder_is_made_again(tmp_path: Path) -> None:
    table = Table(tmp_path, "a.py")
    table.sync()
    (table.folder / "a.py.lock").unlink()
    table.folder.rmdir()
    table.sync()

    assert table.names() == {"a.py.lock"}
    assert table.forced == ["a.py"]


def test_a_file_that_cannot_be_written_is_told_and_the_others_are_written(tmp_path: Path) -> None:
    table = Table(tmp_path, "x" * 180 + "/" * 20, "a.py")
    table.sync()
    table.folder.rename(tmp_path / "gone")
    table.folder.write_text("a file", encoding="utf-8")

    table.sync()

    assert "a.py.lock" in table.names()
