"""Real processes that fight for locks through a real run: never two writers, no circle, and a journal that tells the same."""

import json
import sys
from pathlib import Path

import pytest

from orchestrator.claims import meets
from tests.support import contender
from tests.support.commands import Squad
from tests.support.repositories import Repository
from tests.support.waiting import NEVER

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
    fight(repository, squad, tmp_path / "arena", seconds=2.0)


@pytest.mark.soak
def test_eight_processes_that_fight_for_a_minute_never_write_together(
    repository: Repository, squad: Squad, tmp_path: Path
) -> None:
    fight(repository, squad, tmp_path / "arena", seconds=60.0)
