"""Holders that die or are silent for too long, in real runs: who has the lock next, and what late work is worth."""

import json
import os
import signal
import socket
from pathlib import Path

import pytest

from tests.support.commands import Squad
from tests.support.lock_clients import sleeping_agents, squads
from tests.support.repositories import Repository
from tests.support.waiting import NEVER, until


def test_the_lock_of_an_agent_that_is_killed_goes_to_the_next_before_its_workspace_is_looked_at(squad: Squad) -> None:
    (one, first, token, pid), (two, second, other, _) = sleeping_agents(squad, 2)
    holds, wants = squads(first, token, "free.md"), squads(second, other, "free.md")
    with holds.connected() as ask:
        assert holds.granted in ask(holds.lock)

    with socket.socket(socket.AF_UNIX) as waiting:
        waiting.connect(second)
        waiting.sendall(wants.lock.replace(b'"wait":0', b'"wait":60'))
        squad.wait_for_event("LockRequested")
        os.kill(pid, signal.SIGKILL)
        answer = json.loads(waiting.recv(65536))

    assert answer["result"]["path"] == "free.md"
    squad.wait_for_event("AttemptEnded", lambda row: row["agent"] == one)
    rows = squad.events("LockReleased", "LockGranted", "AttemptEnded")
    told = [(row["type"], row.get("holder", row.get("agent"))) for row in rows if row.get("path", "free.md") == "free.md"]
    assert told[:4] == [("LockGranted", one), ("LockReleased", one), ("LockGranted", two), ("AttemptEnded", one)]
    squad.ok("stop", "--now")
    until(lambda: squad.json("status")["run"]["state"] == "paused", "the end of the run")


@pytest.mark.usefixtures("at_detect")
def test_what_is_written_after_the_lock_was_taken_away_is_foreign_although_the_task_declared_it(
    squad: Squad, repository: Repository
) -> None:
    go = repository.root.parent / "go"
    command = ["sh", "-c", f"until test -e {go}; do sleep 0.2; done; echo late > a.txt"]
    tasks = [{"id": "T1", "title": "Write late", "writes": ["a.txt"], "command": command}]
    configuration = {"locks": {"warn_after": "100ms", "stale_after": "200ms"}, "run": {"attempts": 1}}
    repository.write({"tasks.json": json.dumps({"tasks": tasks, "version": 1}), "squad.yaml": json.dumps(configuration)})
    run = squad.start("run", "tasks.json", "-n", "1", "-y", "-q")
    squad.wait_for_event("Noticed", lambda row: "has shown no life" in row["text"])

    file = repository.root / ".squad" / "locks" / "a.txt.lock"
    until(lambda: removed(file, squad), "the lock to be freed")
    released = squad.events("LockReleased")
    go.touch()

    assert run.wait(NEVER) == 1
    assert [(row["path"], row["reason"]) for row in released] == [("a.txt", "forced")]
    [foreign] = squad.events("ForeignChangeFound")
    assert foreign["paths"] == ["a.txt"]
    assert repository.show(foreign["ref"], "a.txt") == "late"
    assert "a person freed the lock on a.txt" in next((repository.root / ".squad" / "comms").iterdir()).read_text()
    assert squad.json("report")["locks"]["grants"] == 1


def removed(file: Path, squad: Squad) -> bool:
    """Remove a lock's file, again and again until its lock is stale and so is freed."""
    file.unlink(missing_ok=True)
    return bool(squad.events("LockReleased"))
