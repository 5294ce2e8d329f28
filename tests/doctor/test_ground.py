"""Folders, disk, clock and enforcement, each with what mends it."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from orchestrator.doctor import ground
from orchestrator.doctor.findings import Tool, Weight
from orchestrator.doctor.ground import Clock, disk, enforcement, folders, told_time
from orchestrator.enforcement.confinement import Means
from orchestrator.enforcement.probing import Probed
from orchestrator.project import Project, find
from tests.support.repositories import Repository

NOW = 1_800_000_000.0


def found(tool: Tool) -> list[tuple[Weight, str, str]]:
    return [(one.weight, one.text, one.remedy) for one in tool.findings]


def clock(*walls: float) -> Clock:
    told: Iterator[float] = iter([*walls, *(walls[-1] for _ in range(9))])
    ticks = count(100.0, 0.0)
    return Clock(wall=lambda: next(told), monotonic=lambda: next(ticks), sleep=lambda _: None)


def test_folders_that_can_be_written_are_quiet_and_nothing_is_left_in_them(repository: Repository) -> None:
    project = replace(find(repository.root), root=repository.root)
    before = sorted(path.name for path in repository.root.iterdir())

    assert [weight for weight, *_ in found(folders(project, project.folder / "worktrees"))] in ([], [Weight.NOTE])
    assert sorted(path.name for path in repository.root.iterdir()) == before


def test_a_folder_that_cannot_be_written_is_a_fault_with_its_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    project = Project(root=tmp_path, repository=False, state=tmp_path / "state")

    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", refuse)
    [first, *_] = found(folders(project, tmp_path / "worktrees"))

    assert first[0] is Weight.FAULT
    assert "the project cannot be written" in first[1]
    assert first[2] == f"sudo chown -R $(id -un) {tmp_path}"


@pytest.mark.skipif(not os.path.ismount("/dev/shm"), reason="needs a second file system")
def test_worktrees_on_another_file_system_are_told_of(repository: Repository) -> None:
    said = found(folders(find(repository.root), Path("/dev/shm/worktrees")))

    assert any(
        weight is Weight.WARNING and "another file system" in text and "isolation.place" in way for weight, text, way in said
    )


@pytest.mark.parametrize(("free", "weight"), [(10**8, Weight.FAULT), (10**9, Weight.WARNING), (10**11, None)])
def test_little_room_is_told_before_it_is_none(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, free: int, weight: Weight | None
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: type("Usage", (), {"free": free}))
    monkeypatch.setattr(ground, "_files", lambda _: -1)

    said = found(disk(find(repository.root)))

    assert [one[0] for one in said] == ([] if weight is None else [weight])
    assert all("du -sh" in way for *_, way in said)


def test_a_level_that_is_not_to_be_had_says_why_and_what_helps() -> None:
    faults = {Means.BUBBLEWRAP: "bubblewrap is not installed: sudo apt install bubblewrap", Means.LANDLOCK: "too old a kernel"}

    tool = enforcement(Probed(means=(), faults=faults))

    assert tool.found == "agree, detect, hook (agents that ask)"
    assert found(tool)[0] == (
        Weight.WARNING,
        "level deny by bubblewrap is not to be had: bubblewrap is not installed",
        "sudo apt install bubblewrap",
    )
    assert found(tool)[1][0] is Weight.NOTE
    assert enforcement(Probed(means=(Means.BUBBLEWRAP,))).found.endswith("deny (bubblewrap)")


def test_a_clock_that_jumps_or_was_put_back_is_told_of() -> None:
    assert found(told_time(NOW - 5, {}, clock(NOW, NOW))) == []
    [jumped] = found(told_time(None, {}, clock(NOW, NOW + 3600)))
    [back] = found(told_time(NOW + 90, {}, clock(NOW, NOW)))

    assert "jumped by 3600 s" in jumped[1]
    assert "90 s in the future" in back[1]
    assert jumped[2] == back[2] == "sudo timedatectl set-ntp true"


@pytest.mark.parametrize("zone", ["Europe/Berlin", "UTC", "EST5EDT", "CET-1", ":America/New_York"])
def test_a_zone_that_is_known_is_quiet(zone: str) -> None:
    assert found(told_time(None, {"TZ": zone}, clock(NOW, NOW))) == []


def test_a_zone_that_nobody_knows_is_told_of() -> None:
    [said] = found(told_time(None, {"TZ": "Mars/X"}, clock(NOW, NOW)))

    assert "TZ=Mars/X is no zone" in said[1]
    assert "unset TZ" in said[2]
