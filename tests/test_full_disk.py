"""A disk that is full or fills up: squad says so, leaves nothing by halves, and goes on when there is room."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.here import Here
from tests.support.leashing import changed_program
from tests.support.repositories import Repository
from tests.support.runs import shell, simulated
from tests.support.situations import contents, fill, small_disk
from tests.support.waiting import marked


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system of its own; only where the machine lets the test mount one."""
    with small_disk(tmp_path / "disk", size="6m") as is_mounted:
        if not is_mounted:
            pytest.skip("mounting is not allowed here")
        yield tmp_path / "disk"


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


@pytest.mark.parametrize("command", [("init", "-y"), ("run", "tasks.json", "--agent", "simulated")], ids=str)
def test_what_could_not_begin_on_a_full_disk_begins_when_there_is_room(disk: Path, command: tuple[str, ...]) -> None:
    repository = Repository.init(disk / "project")
    repository.write({"tasks.json": json.dumps({"version": 1, "tasks": [simulated("T1", writes=["a.md"])]})})
    squad, before = Here(repository.root), contents(repository.root)
    fill(disk)

    full = squad(*command)

    assert (full.code, full.out) == (3, "")
    assert "No space left on device\nfree some space" in full.err
    assert contents(repository.root) == before
    (disk / "ballast").unlink()
    assert "adopted" not in squad(*command).err
    assert squad("init", "-y").code in {0, 1}
    assert (repository.root / "squad.yaml").read_text(encoding="utf-8").count("version: 1") == 1


def test_a_plan_that_has_no_room_leaves_the_one_that_is_there(disk: Path) -> None:
    repository = Repository.init(disk / "project")
    repository.write({"tasks.json": json.dumps({"version": 1, "tasks": [simulated("T1", writes=["a.md"])]}), "plan.json": "mine"})
    fill(disk)

    said = Here(repository.root)("plan", "tasks.json", "-o", "plan.json")

    assert said.code == 3
    assert "cannot write plan.json: No space left on device\nfree some space" in said.err
    assert (repository.root / "plan.json").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("room", [0, 1 << 14])
def test_a_merge_that_has_no_room_changes_nothing_and_says_what_helps(disk: Path, room: int) -> None:
    """Git begins to write where there is a little of it, and what it had begun was in the way of the next merge."""
    repository = Repository.init(disk / "project")
    tasks = [simulated("T1", writes=["a.md"], write=["a.md"]), simulated("T2", writes=["b.md"])]
    repository.commit({"tasks.json": json.dumps({"version": 1, "tasks": tasks})})
    squad = Here(repository.root)
    squad.ok("run", "tasks.json", "-n", "1", "--agent", "simulated")
    before = contents(repository.root)
    (disk / "room").write_bytes(b"x" * room)
    fill(disk)
    (disk / "room").unlink()

    full = squad("merge")

    assert (full.code, full.out) == (3, "")
    assert "no room to merge" in full.err
    assert "free some space" in full.err
    assert contents(repository.root) == before
    (disk / "ballast").unlink()
    assert "merged squad/tasks-1 into main" in squad.ok("merge")
