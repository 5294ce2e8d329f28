"""Going on after something happened to the machine or the folder: nothing that was kept is lost, nobody else is hurt."""

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.project import find
from orchestrator.supervised import supervisor_of
from tests.support.commands import LONGEST, Squad
from tests.support.here import Here
from tests.support.repositories import Repository
from tests.support.waiting import marked, until

#: The first attempt leaves half of its work uncommitted and waits; the second finds it, or begins anew, and ends.
SCRIPT = """\
echo "$SQUAD_TASK began at $(pwd)"
if [ -e half.md ]; then cp half.md found.md; fi
echo half >> half.md
case "$SQUAD_ATTEMPT_MARK" in *B.1) echo waiting; sleep 600;; esac
"""


@pytest.fixture
def killed(squad: Squad, repository: Repository) -> Iterator[Squad]:
    """Give a project whose supervisor was killed when one task was done and another half done."""
    rows = [
        {"id": "A", "title": "First", "writes": ["a.md"], "command": ["sh", "-c", "echo a > a.md"]},
        {"id": "B", "title": "Second", "needs": ["A"], "writes": ["half.md", "found.md"], "command": ["sh", "-ec", SCRIPT]},
    ]
    repository.commit({"tasks.json": json.dumps({"version": 1, "tasks": rows}), "squad.yaml": "enforce: detect\n"})
    process = squad.start("run", "tasks.json", "-y", "--agent", "command")
    until(lambda: any(b"waiting" in log.read_bytes() for log in find(squad.folder).logs.glob("*/B.1.log")), "half of the work")
    key = find(squad.folder).key
    squad.kill(process)
    until(lambda: not marked(key), "the end of everything the run had started")
    yield squad
    if owner := supervisor_of(find(squad.folder)) if squad.folder.is_dir() else None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(owner, signal.SIGKILL)


def resumed(folder: Path) -> str:
    """Go on with the run in a folder; gives what was said."""
    said = Here(folder)("resume")
    assert said.code == 0, said.err + said.out
    return said.out + said.err


def result(repository: Repository) -> list[str]:
    return [name for name in repository.files("squad/tasks-1") if name.endswith(".md") and name != "README.md"]


def work_goes_on(folder: Path) -> None:
    """See to it that the half of the killed attempt was found by the next and is kept."""
    there = Repository(folder)
    assert result(there) == ["a.md", "found.md", "half.md"]
    assert there.show("squad/tasks-1", "half.md") == "half\nhalf"
    assert there.show("refs/squad/kept/tasks-1/B.1", "half.md") == "half"


def test_after_a_kill_the_next_attempt_finds_what_was_not_committed(killed: Squad) -> None:
    resumed(killed.folder)

    work_goes_on(killed.folder)


def moved(folder: Path, do: Callable[[Path, Path], object]) -> Path:
    there = folder.with_name("another place")
    do(folder, there)
    return there


def test_a_moved_project_brings_its_worktrees_along(killed: Squad) -> None:
    there = moved(killed.folder, Path.rename)
    assert "waiting" in Here(there).ok("logs", "B")

    said = resumed(there)

    assert f"the project was moved here from {killed.folder}: 2 worktrees of 2 brought along" in said
    work_goes_on(there)
    assert not killed.folder.exists(), "something was made in the old place"
    listed = Repository(there).git("worktree", "list", "--porcelain")
    assert str(killed.folder) + "/" not in listed
    assert "prunable" not in listed
    logs = Here(there).json("logs")["logs"]
    assert all(Path(row["path"]).is_relative_to(there) and row["bytes"] for row in logs if row["task"] == "B")
    assert Here(there / ".squad" / "worktrees" / "tasks-1" / "B.1").json("status")["run"]["id"] == "tasks-1"


@pytest.mark.soak
def test_moved_and_killed_while_it_is_brought_along_it_is_brought_along_again(killed: Squad) -> None:
    there = moved(killed.folder, Path.rename)
    Repository(there).git("worktree", "repair", str(there / ".squad" / "worktrees" / "tasks-1" / "B.1"))

    resumed(there)

    work_goes_on(there)


def test_a_run_of_a_moved_project_is_dropped_and_its_work_kept(killed: Squad) -> None:
    there = moved(killed.folder, Path.rename)

    Here(there).ok("discard", "-y")

    assert Repository(there).show("refs/squad/kept/tasks-1/B.1", "half.md") == "half"
    assert not list((there / ".squad" / "worktrees").glob("*/*"))
    assert Repository(there).git("worktree", "list").count("\n") == 0
    assert Here(there)("resume").code == 1


def test_a_copy_goes_on_by_itself_and_leaves_the_original_alone(killed: Squad) -> None:
    def copy(old: Path, new: Path) -> None:
        shutil.copytree(old, new, symlinks=True)

    there = moved(killed.folder, copy)
    resumed(there)
    work_goes_on(there)

    assert killed.json("status")["run"]["state"] == "paused"
    resumed(killed.folder)
    work_goes_on(killed.folder)


def test_a_deleted_worktree_is_made_anew_from_what_was_committed_also_where_the_project_was_moved(killed: Squad) -> None:
    """Its branch was once said to be checked out in the old place, and the task was parked."""
    shutil.rmtree(killed.folder / ".squad" / "worktrees" / "tasks-1" / "B.1")
    there = moved(killed.folder, Path.rename)

    resumed(there)

    assert result(Repository(there)) == ["a.md", "half.md"]


def test_a_deleted_folder_of_views_is_made_anew(killed: Squad) -> None:
    shutil.rmtree(killed.folder / ".squad")
    assert "waiting" in killed.here.ok("logs", "B")

    resumed(killed.folder)

    assert result(Repository(killed.folder)) == ["a.md", "half.md"]
    folder = killed.folder / ".squad"
    assert (folder / "parallel-plans" / "agent-1-plan.md").is_file()
    assert "Status: COMPLETE" in (folder / "comms" / "agent-1-comm.md").read_text(encoding="utf-8")


@pytest.mark.soak
def test_moved_and_its_folder_of_views_deleted_it_still_goes_on(killed: Squad) -> None:
    there = moved(killed.folder, Path.rename)
    shutil.rmtree(there / ".squad")

    resumed(there)

    assert result(Repository(there)) == ["a.md", "half.md"]
    assert not killed.folder.exists()


def test_after_a_reboot_a_process_that_has_the_number_of_an_agent_now_is_left_alone(killed: Squad) -> None:
    with subprocess.Popen(["sleep", "600"]) as stranger:
        _as_if_of_another_boot(killed, stranger.pid)

        resumed(killed.folder)

        assert stranger.poll() is None
        stranger.kill()
        stranger.wait(LONGEST)
    work_goes_on(killed.folder)


def _as_if_of_another_boot(squad: Squad, pid: int) -> None:
    """Let the journal tell of processes of another boot, whose numbers another process has now; their leash left no word."""
    state = find(squad.folder).state
    with contextlib.closing(sqlite3.connect(state / "state.db")) as journal, journal:
        rows = journal.execute("select seq, body from events where type = 'AttemptStarted'").fetchall()
        for seq, body in rows:
            event = {**json.loads(body), "boot": "another-boot", "pid": pid, "leash": pid}
            journal.execute("update events set body = ? where seq = ?", (json.dumps(event).encode(), seq))
        journal.execute("delete from snapshots")
    for end in state.glob("logs/*/B.1.log.end"):
        end.unlink()
    for end in state.glob("logs/*/B.1.end"):
        end.unlink()
