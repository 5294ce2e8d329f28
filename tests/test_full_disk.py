"""A disk that fills up while agents work: squad says so, ends what it cannot record, and goes on when there is room."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.here import Here
from tests.support.leashing import changed_program
from tests.support.repositories import Repository
from tests.support.runs import shell
from tests.support.waiting import marked


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system of its own; only where the machine lets the test mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("mounting is not allowed here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


#: The ten seconds for an agent to end, and the ten for the disk to take what it wrote.
IMPATIENT = (("time.monotonic() + grace", "time.monotonic() + 0.3"), ("GIVE_UP = 10.0", "GIVE_UP = 0.3"))


def test_a_full_disk_is_named_and_after_making_room_resume_finishes_the_run(disk: Path, home: Path) -> None:
    repository = Repository.init(disk / "project")
    fill = f'test -e "{home}/once" || {{ touch "{home}/once"; dd if=/dev/zero of={disk}/ballast bs=4k 2>/dev/null || true; }}'
    tasks = [
        shell("T1", f"{fill}; echo one >> a.txt", writes=["a.txt"]),
        shell("T2", "echo two > b.txt", writes=["b.txt"], needs=["T1"]),
    ]
    settings = {"enforcement": {"writable": [str(home), str(disk)]}}
    repository.write({"tasks.yaml": json.dumps({"version": 1, "tasks": tasks}), "squad.yaml": json.dumps(settings)})
    squad = Here(repository.root)
    with changed_program(home, *IMPATIENT):
        full = squad("run", "tasks.yaml", "-y")

    assert full.code == 3, full.err
    assert "no room left" in full.err
    assert "squad resume" in full.err
    assert marked(str(disk)) == []

    (disk / "ballast").unlink()
    resumed = squad("resume", "-y")
    assert resumed.code == 0, resumed.err + resumed.out
    assert repository.files("squad/tasks-1") == ["README.md", "a.txt", "b.txt"]
