"""The end of a run that is shown on a terminal: it counts down, and each further Ctrl-C is firmer."""

import json
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.commands import LONGEST, Squad
from tests.support.here import Here
from tests.support.repositories import Repository
from tests.support.terminals import Terminal
from tests.support.waiting import marked, until

CTRL_C = b"\x03"
RUN = ("run", "tasks.yaml", "--agent", "simulated", "-n", "1", "--enforce", "detect")


def tasks(repository: Repository, then: str, *, work: str = "100ms") -> None:
    row = {"id": "T1", "title": "Stay", "writes": ["a.txt"], "simulate": {"work": work, "then": [then, "done"]}}
    repository.commit({"tasks.yaml": json.dumps({"version": 1, "tasks": [row]})})


def wait_until_deaf(squad: Squad) -> None:
    """Wait until the agent ignores TERM: from then on nothing but KILL ends it."""
    pid = squad.wait_for_event("AttemptStarted")["pid"]

    def is_deaf() -> bool:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
        mask = next(line.split()[1] for line in status.splitlines() if line.startswith("SigIgn"))
        return bool(int(mask, 16) >> (signal.SIGTERM - 1) & 1)

    until(is_deaf, "an agent that ignores SIGTERM")


def left_of(squad: Squad) -> list[int]:
    return marked(f"{squad.folder}/.squad/")


def test_a_run_counts_down_and_each_ctrl_c_is_firmer(squad: Squad, here: Here, repository: Repository) -> None:
    tasks(repository, "deaf")
    with Terminal(repository.root, *RUN) as terminal:
        wait_until_deaf(squad)
        here.ok("pause")
        terminal.wait_for(b"paused by a person; go on: squad resume")
        terminal.type(CTRL_C)
        terminal.wait_for(b"stopping: agents get 10 s; Ctrl-C once more ends them now")
        terminal.wait_for(b"s; Ctrl-C ends them now")
        terminal.type(CTRL_C)
        terminal.wait_for(b"Ctrl-C once more kills what is left")
        terminal.type(CTRL_C)
        assert terminal.finish() == 130

    assert left_of(squad) == []
    assert here.json("status")["run"]["state"] == "paused"
    assert [row["outcome"] for row in squad.events("AttemptEnded")] == ["stopped"]


def test_a_fourth_ctrl_c_leaves_and_the_leashes_end_what_is_left(squad: Squad, here: Here, repository: Repository) -> None:
    tasks(repository, "deaf")
    process = squad.start(*RUN)
    wait_until_deaf(squad)

    for _ in range(4):
        process.send_signal(signal.SIGINT)
        until(lambda: process.poll() is not None or "stopping" in squad.output(), "an answer")

    assert process.wait(LONGEST) == 130
    until(lambda: not left_of(squad), "the end of everything")
    assert here("resume", "-q").code == 0


def test_squad_stop_counts_down_too_and_ctrl_c_there_is_as_firm(squad: Squad, here: Here, repository: Repository) -> None:
    tasks(repository, "deaf")
    process = squad.start(*RUN)
    wait_until_deaf(squad)
    with Terminal(repository.root, "stop") as terminal:
        terminal.wait_for(b"stopping: agents have ")
        terminal.type(CTRL_C)
        terminal.wait_for(b"ending: agents are ended now; Ctrl-C once more kills what is left")
        assert terminal.finish() == 0

    assert b"stopped; go on: squad resume" in terminal.text
    assert process.wait(LONGEST) == 6
    assert left_of(squad) == []


@pytest.mark.parametrize("quietly", ["-q", "--json"])
def test_no_countdown_disturbs_who_wants_quiet_or_a_document(squad: Squad, repository: Repository, quietly: str) -> None:
    tasks(repository, "done", work="500s")
    process: subprocess.Popen[str] = squad.start(*RUN)
    squad.wait_for_event("AttemptStarted")
    with Terminal(repository.root, "stop", quietly) as terminal:
        assert terminal.finish() == 0

    assert b"stopping" not in terminal.text
    assert process.wait(LONGEST) == 6
