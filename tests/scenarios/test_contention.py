"""Real processes that fight for locks through a real run: never two writers, no circle, and a journal that tells the same."""

import contextlib
import json
import socket
import sys
from functools import partial
from pathlib import Path

import pytest

from orchestrator.claims import meets
from tests.support import contender
from tests.support.commands import Squad
from tests.support.lock_clients import sleeping_agents, squads
from tests.support.repositories import Repository
from tests.support.waiting import NEVER, until

AGENTS = 8
ROOT = Path(__file__).parents[2]


def fight(repository: Repository, squad: Squad, folder: Path, *, seconds: float) -> None:
    """Let eight processes fight for twenty nested paths, and look at what they and the journal tell."""
    folder.mkdir()
    command = [sys.executable, contender.__file__, str(folder), str(seconds)]
    names = [f"agent-{number}" for number in range(1, AGENTS + 1)]
    tasks = [
        {"id": f"T{name[6:]}", "title": f"Fight {name}", "writes": [f"own-{name}.md"], "agents": [name], "command": command}
        for name in names
    ]
    agents = {name: {"use": "command", "environment": {"PYTHONPATH": str(ROOT)}} for name in names}
    repository.write({"tasks.json": json.dumps({"version": 1, "tasks": tasks}), "squad.yaml": json.dumps({"agents": agents})})
    run = squad.start("run", "tasks.json", "-n", str(AGENTS), "-y", "-q")

    assert run.wait(seconds + NEVER) == 0, squad.output()
    assert not (folder / "violations").exists(), (folder / "violations").read_text()
    rounds = {path.stem: int(path.read_text()) for path in folder.glob("*.rounds")}
    assert sorted(rounds) == names
    assert min(rounds.values()) > 0, rounds
    assert grants_told_by_journal(squad) == sum(rounds.values())


def grants_told_by_journal(squad: Squad) -> int:
    """Replay who held what; gives how often something was granted to one who asked, and never beside what meets it."""
    held: dict[int, tuple[str, str]] = {}
    asked = 0
    for row in squad.events("LockGranted", "LockReleased"):
        if row["type"] == "LockReleased":
            del held[row["fence"]]
            continue
        strangers = [one for one in held.values() if one[0] != row["holder"] and meets(one[1], row["path"])]
        assert strangers == [], (row, strangers)
        held[row["fence"]] = row["holder"], row["path"]
        asked += not row["declared"]
    assert held == {}
    return asked


def test_eight_processes_that_fight_for_twenty_nested_paths_never_write_together(
    repository: Repository, squad: Squad, tmp_path: Path
) -> None:
    fight(repository, squad, tmp_path / "arena", seconds=1.0)


@pytest.mark.soak
def test_eight_processes_that_fight_for_a_minute_never_write_together(
    repository: Repository, squad: Squad, tmp_path: Path
) -> None:
    fight(repository, squad, tmp_path / "arena", seconds=60.0)


def has_asked(squad: Squad, times: int) -> bool:
    return len(squad.events("LockRequested")) == times


def test_a_ring_of_four_is_refused_at_once_and_named(squad: Squad) -> None:
    doors = sleeping_agents(squad, 4)
    with contextlib.ExitStack() as open_:
        for number, (_, path, token, _) in enumerate(doors):
            own = squads(path, token, f"ring/{number}.md")
            assert own.granted in open_.enter_context(own.connected())(own.lock)
        for number, (_, path, token, _) in enumerate(doors[:3]):
            waiting = open_.enter_context(socket.socket(socket.AF_UNIX))
            waiting.connect(path)
            waiting.sendall(squads(path, token, f"ring/{number + 1}.md").lock.replace(b'"wait":0', b'"wait":600'))
            until(partial(has_asked, squad, number + 1), "the wait")
        _, path, token, _ = doors[3]
        last = squads(path, token, "ring/0.md")
        answer = open_.enter_context(last.connected())(last.lock.replace(b'"wait":0', b'"wait":600'))

    message = json.loads(answer)["error"]["message"]
    assert "agent-4 -> agent-1 -> agent-2 -> agent-3 -> agent-4" in message
    assert [row["reason"] for row in squad.events("LockRefused")][:1] == [message]
    assert squad.json("status")["contention"]["refused"] >= 1
    squad.ok("stop", "--now")
