"""What a path means that an agent writes, by what stands in its workspace."""

import os
import unicodedata
from pathlib import Path

import pytest

from orchestrator.claims import OutsideProject
from orchestrator.desk.seats import Seated, Seats
from orchestrator.model import AttemptId, TaskId

COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "shared/Café.txt") for form in ("NFC", "NFD"))


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "at" / "shared" / "deep").mkdir(parents=True)
    (tmp_path / "at" / "shared" / "case.txt").touch()
    return tmp_path / "at"


def claimed(workspace: Path, raw: str) -> str:
    seated = Seated(task=TaskId("T1"), attempt=AttemptId("T1.1"), workspace=workspace)
    return Seats(workspace.parent).claim(seated, raw)


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("SHARED/Case.txt", "shared/case.txt"),
        ("./SHARED//Case.txt", "shared/case.txt"),
        ("/Shared/CASE.TXT", "shared/case.txt"),
        ("Shared/Deep/", "shared/deep/"),
        ("Shared/Deep/New/File.py", "shared/deep/New/File.py"),
        ("Shared/*.py", "shared/*.py"),
        ("nowhere/Case.txt", "nowhere/Case.txt"),
        ("SHARED/case.txt/x", "shared/case.txt/x"),
        ("op:Install", "op:Install"),
    ],
)
def test_what_is_asked_for_in_another_case_is_what_stands_there(workspace: Path, asked: str, meant: str) -> None:
    """A lock on `SHARED/Case.txt` was once granted, and an empty `SHARED` was made and opened for it."""
    assert claimed(workspace, asked) == meant
    assert claimed(workspace, f"{workspace}/{asked}") == meant or asked.startswith(("op:", "/"))


@pytest.mark.parametrize("stands", [COMPOSED, DECOMPOSED], ids=["NFC", "NFD"])
@pytest.mark.parametrize("asked", [COMPOSED, DECOMPOSED, COMPOSED.upper()], ids=["NFC", "NFD", "upper"])
def test_what_is_asked_for_in_another_unicode_form_is_what_stands_there(workspace: Path, stands: str, asked: str) -> None:
    (workspace / stands).touch()

    assert claimed(workspace, asked) == stands


@pytest.mark.skipif((Path(__file__).parent / Path(__file__).name.upper()).exists(), reason="all spellings are one file here")
def test_of_two_spellings_that_exist_each_is_itself_and_a_third_is_neither(workspace: Path) -> None:
    (workspace / "shared" / "CASE.txt").touch()
    spelled = ["shared/CASE.txt", "shared/case.txt", "shared/Case.txt"]

    assert [claimed(workspace, one) for one in spelled] == spelled


def test_a_link_in_another_spelling_is_followed_too(workspace: Path) -> None:
    (workspace / "link").symlink_to("shared")
    (workspace / "out").symlink_to("..")

    assert claimed(workspace, "LINK/Case.txt") == "shared/case.txt"
    with pytest.raises(OutsideProject):
        claimed(workspace, "OUT/Case.txt")


def test_what_comes_into_a_folder_that_was_listed_is_seen(workspace: Path) -> None:
    os.utime(workspace / "shared", (1.0, 1.0))
    assert [claimed(workspace, "shared/New.txt") for _ in range(2)] == ["shared/New.txt"] * 2

    (workspace / "shared" / "new.txt").touch()
    assert claimed(workspace, "shared/New.txt") == "shared/new.txt"

    (workspace / "shared" / "NEW.txt").touch()
    assert claimed(workspace, "shared/New.txt") in {"shared/New.txt", "shared/new.txt"}


def test_no_folder_is_listed_for_what_is_there_as_it_is_written(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.listdir", lambda folder: pytest.fail(f"listed {folder}"))

    assert claimed(workspace, "shared/case.txt") == "shared/case.txt"
    assert claimed(workspace, "shared/deep/") == "shared/deep/"
