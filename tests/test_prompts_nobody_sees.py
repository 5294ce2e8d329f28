"""Programs that would wait for a person at a prompt that nobody sees: they read the end of file, or have no terminal."""

import json
import subprocess
import sys

import pytest

from orchestrator import events as ev
from tests.support.commands import LONGEST, Squad
from tests.support.repositories import Repository
from tests.support.runs import Runs, shell

TRUST = 'printf "Do you trust this folder? [y/N] "; if read answer; then exit 3; fi; echo "nobody answers" > a.txt'
TERMINAL = "if (read answer < /dev/tty) 2> /dev/null; then exit 3; fi; echo 'no terminal' > a.txt"


@pytest.fixture
def runs(repository: Repository) -> Runs:
    return Runs(repository)


def test_a_program_that_asks_whether_it_may_trust_the_folder_reads_the_end_of_file(runs: Runs, repository: Repository) -> None:
    ran = runs(shell("T1", TRUST, writes=["a.txt"]), settings={"agents": {"agent-1": {"use": "command", "command": ["true"]}}})

    assert ran.code == 0
    assert repository.show("squad/tasks-1", "a.txt") == "nobody answers"


@pytest.mark.parametrize("more", [[], ["{prompt}"], ["{prompt_file}"]], ids=["stdin", "argument", "file"])
def test_an_agent_that_asks_after_it_has_read_its_prompt_reads_the_end_of_file(
    runs: Runs, repository: Repository, more: list[str]
) -> None:
    script = f"{'' if more else 'cat > /dev/null; '}{TRUST}"
    command = ["sh", "-ec", script, "agent", *more]

    ran = runs(
        {"id": "T1", "title": "Write a", "writes": ["a.txt"]},
        settings={"agents": {"agent-1": {"use": "command", "command": command}}},
    )

    assert ran.code == 0
    assert repository.show("squad/tasks-1", "a.txt") == "nobody answers"


def test_a_check_and_a_set_up_that_ask_read_the_end_of_file_too(runs: Runs) -> None:
    silent = "! read answer"
    task = shell("T1", "echo x > a.txt", writes=["a.txt"], checks=[silent, "! (read answer < /dev/tty) 2> /dev/null"])

    ran = runs(task, settings={"isolation": {"setup": [silent]}, "agents": {"agent-1": {"use": "command", "command": ["true"]}}})

    assert ran.code == 0
    assert {check.ok for check in ran.all(ev.CheckEnded)} == {True}


def test_what_asks_at_the_terminal_of_squad_itself_finds_none(squad: Squad, repository: Repository) -> None:
    """In the foreground squad has a controlling terminal; what it starts must not reach it."""
    asks = "squad agent ask 'Which colour?' --wait 30m || true"
    task = shell(
        "T1", f"{TERMINAL}; {asks}", writes=["a.txt"], checks=["if (read answer < /dev/tty) 2> /dev/null; then exit 3; fi"]
    )
    repository.write({"tasks.yaml": json.dumps({"version": 1, "tasks": [task]}), "squad.yaml": "run: {questions: {wait: 300ms}}"})

    argv = [sys.executable, "-m", "orchestrator", "run", "tasks.yaml", "-y", "--agent", "command"]
    done = at_a_terminal(squad, argv)

    assert "Q1 agent-1 asks: Which colour?; squad answer Q1 TEXT" in done.stdout, "above the table"
    assert done.returncode == 0, done.stdout
    assert repository.show("squad/tasks-1", "a.txt") == "no terminal"


def test_a_terminal_is_what_the_programs_of_these_tests_would_wait_at(squad: Squad) -> None:
    """Without this the test above would pass where there is no terminal at all."""
    done = at_a_terminal(squad, ["sh", "-c", "exec < /dev/tty && echo opened"])

    assert "opened" in done.stdout


def at_a_terminal(squad: Squad, argv: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command as the leader of a session with a controlling terminal at which nobody types."""
    program = f"import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn({argv!r})))"
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=squad.folder,
        env={**squad.surroundings, "TERM": "xterm"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=LONGEST,
        check=False,
    )
