"""A comm file into which many write at once while a living supervisor rewrites it: every line stays, and is heard once."""

import json
import subprocess
import sys
from collections import Counter

from tests.support.commands import Squad
from tests.support.repositories import Repository
from tests.support.runs import simulated
from tests.support.waiting import until
from tests.views.test_comms import APPENDER

WRITERS, EACH = 8, 125


def test_of_a_thousand_appends_at_once_no_line_is_lost_while_squad_rewrites(squad: Squad, repository: Repository) -> None:
    repository.write({"tasks.json": json.dumps({"version": 1, "tasks": [simulated("T1", "hang")]})})
    squad.start("run", "tasks.json", "-n", "1", "--agent", "simulated")
    squad.wait_for_event("OutputRead")
    path = repository.root / ".squad" / "comms" / "agent-1-comm.md"
    first = path.read_bytes()

    command = [sys.executable, "-c", APPENDER, str(path)]
    writers = [subprocess.Popen([*command, f"writer-{number}", str(EACH), "whole lines"]) for number in range(WRITERS)]
    assert [writer.wait() for writer in writers] == [0] * WRITERS

    expected = {f"writer-{number} {line} 漢字" for number in range(WRITERS) for line in range(EACH)}
    until(lambda: expected <= set(heard(squad)), "the last of what was appended")
    assert {name: count for name, count in heard(squad).items() if name in expected and count != 1} == {}
    text = path.read_text(encoding="utf-8")
    lines = Counter(line for line in text.splitlines() if line.startswith("Current Task: writer-"))
    assert {f"Current Task: {name}" for name in expected} <= set(lines)
    assert text.encode()[: len(first) // 2] != first[: len(first) // 2], "squad has rewritten the head meanwhile"
    assert len([line for line in text.splitlines() if line.startswith("Status:")]) == 1


def heard(squad: Squad) -> Counter[str]:
    """Count what the agent is said to have reported."""
    return Counter(row["message"] for row in squad.events("AgentReported"))
