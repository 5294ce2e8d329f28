"""Ending a run for good, and stopping one: what was under way is kept, and nothing goes on."""

import json
import os
import time
from pathlib import Path

from tests.support.commands import Squad
from tests.support.repositories import Repository
from tests.support.runs import shell
from tests.support.waiting import NEVER, marked, until


def _write(repository: Repository, *tasks: dict[str, object], settings: str = "{}") -> None:
    repository.write({"tasks.yaml": json.dumps({"version": 1, "tasks": tasks}), "squad.yaml": settings})


def test_discard_after_a_kill_keeps_what_the_agent_had_not_committed(repository: Repository, squad: Squad) -> None:
    _write(repository, shell("T1", "echo half > a.txt; sleep 600", writes=["a.txt"]))
    process = squad.start("run", "tasks.yaml", "-y")
    workspace = repository.root / ".squad" / "worktrees" / "tasks-1" / "T1.1"
    until(lambda: (workspace / "a.txt").is_file() and (workspace / "a.txt").stat().st_size, "the agent's half work")
    squad.kill(process)
    assert squad.here("discard").code == 6

    assert squad.here("discard", "-y").code == 0

    assert not workspace.exists()
    assert repository.show("refs/squad/kept/tasks-1/T1.1", "a.txt") == "half"
    assert repository.git("branch", "--format=%(refname:short)") == "main"
    assert squad.json("status")["run"]["state"] == "ended"
    assert squad.here("resume").code == 1


def test_a_stop_does_not_wait_for_a_long_set_up(repository: Repository, squad: Squad, tmp_path: Path) -> None:
    _write(
        repository,
        shell("T1", "true", writes=[]),
        settings=json.dumps({"isolation": {"setup": [f"touch {tmp_path}/on; sleep 600"]}}),
    )
    process = squad.start("run", "tasks.yaml", "-y")
    until((tmp_path / "on").exists, "the set-up")

    began = time.monotonic()
    assert squad.here("stop").code == 0
    assert process.wait(NEVER) == 6
    assert time.monotonic() - began < 300
    assert marked(f"{repository.root}/.squad") == []
    assert [event["outcome"] for event in squad.events("AttemptEnded")] == ["stopped"]


def test_agents_in_the_shared_tree_are_not_said_to_miss_what_is_not_committed(repository: Repository, squad: Squad) -> None:
    _write(repository, shell("T1", "cat tasks.yaml > a.txt", writes=["a.txt"]), settings="{isolation: {mode: shared}}")

    assert "uncommitted" not in squad("run", "tasks.yaml", "-y").stderr


def test_there_is_nothing_to_merge_before_a_task_is_integrated_nor_twice(repository: Repository, squad: Squad) -> None:
    """A run without a result was once said to be merged."""
    _write(repository, shell("T1", 'test -e "$HOME/go"; echo one > a.txt', writes=["a.txt"]), settings="{run: {attempts: 1}}")
    assert squad("run", "tasks.yaml", "-y").returncode == 1

    assert "nothing to merge: no task is integrated yet" in squad.ok("merge")
    assert not squad.json("ls")["runs"][0]["merged"]
    (Path(os.environ["HOME"]) / "go").touch()
    squad.ok("run", "tasks.yaml", "-y")
    assert "merged squad/tasks-2 into main" in squad.ok("merge")
    assert "nothing to merge: main has all of squad/tasks-2 already" in squad.ok("merge")
