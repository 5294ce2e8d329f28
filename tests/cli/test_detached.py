"""A run in the background: it outlives its terminal, is found by every command, and leaves nothing behind."""

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.holding import OWNER
from orchestrator.project import find
from orchestrator.supervised import supervisor_of
from tests.support.commands import LONGEST, Squad
from tests.support.repositories import Repository
from tests.support.waiting import marked, until

#: Works until somebody makes the file `release` beside the project.
WAITING = 'while [ ! -e "$PROJECT/../release" ]; do sleep 0.02; done; echo done > '


@pytest.fixture
def detached(squad: Squad, repository: Repository) -> Iterator[Squad]:
    """Give a command line in a project whose two tasks wait to be released; whatever happens, nothing of it is left."""
    rows = [{"id": name, "title": name, "writes": [name], "command": ["sh", "-ec", WAITING + name]} for name in ("a", "b")]
    agents = {f"agent-{n}": {"use": "command", "environment": {"PROJECT": str(repository.root)}} for n in (1, 2)}
    settings = {"agents": agents, "run": {"checks": ["test -d .git -o -f .git"], "restart": {"backoff": "1ms..2ms"}}}
    repository.commit(
        {"tasks.yaml": json.dumps({"version": 1, "tasks": rows}), "squad.yaml": json.dumps(settings)},
    )
    yield squad
    release(squad)
    if owner := supervisor_of(find(squad.folder)):
        os.kill(owner, signal.SIGKILL)
    until(lambda: not marked(find(squad.folder).key), "the end of everything the run had started")


def release(squad: Squad) -> None:
    (squad.folder.parent / "release").touch()


def owner_of(squad: Squad) -> int:
    return supervisor_of(find(squad.folder)) or 0


def is_gone(pid: int) -> bool:
    """Tell whether a process has ended; who inherits orphans here may not have collected it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def over(squad: Squad) -> bool:
    """Wait for the end of the run; tell whether it ended well."""
    return squad.here("wait", "--timeout", "100s").code == 0


def left_of(squad: Squad) -> list[int]:
    return marked(find(squad.folder).key)


def test_it_returns_when_the_run_is_owned_and_every_command_finds_it(detached: Squad) -> None:
    told = detached.json_of("run", "tasks.yaml", "-d", "-y")

    assert (told["run"], told["pid"]) == ("tasks-1", owner_of(detached))
    status = detached.json("status")
    assert (status["run"]["state"], status["run"]["supervised"]) == ("running", True)
    follower = detached.start("events", "-f")
    second = detached("run", "tasks.yaml", "-d", "-y")
    assert (second.returncode, second.stdout) == (7, "")
    assert f"(process {told['pid']})" in second.stderr
    assert "tasks-1" in second.stderr
    release(detached)
    assert over(detached)
    assert follower.wait(LONGEST) == 0
    assert '"type":"RunEnded"' in detached.output()
    until(lambda: is_gone(told["pid"]), "the end of the supervisor")
    assert left_of(detached) == []
    assert "2 of 2 tasks done" in Path(told["output"]).read_text(encoding="utf-8")


def test_the_terminal_may_be_closed_and_is_asked_before(detached: Squad) -> None:
    child, terminal = pty.fork()
    if not child:
        os.chdir(detached.folder)
        os.execve(sys.executable, detached.argv("run", "tasks.yaml", "-d"), detached.surroundings)
    seen = read_until(terminal, b"[y/N]")
    assert b"test -d .git" in seen
    assert detached.entries() == []
    os.write(terminal, b"y\n")
    read_until(terminal, b"squad stop")
    os.close(terminal)
    os.waitpid(child, 0)

    owner = owner_of(detached)
    assert os.getsid(owner) == owner
    assert Path(f"/proc/{owner}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[4] == "0", "it has a terminal"
    os.kill(owner, signal.SIGHUP)
    release(detached)
    assert over(detached)
    assert [event["outcome"] for event in detached.events("RunEnded")] == ["done"]
    until(lambda: is_gone(owner), "the end of the supervisor")
    assert left_of(detached) == []


def read_until(terminal: int, text: bytes) -> bytes:
    """Read from a terminal until a text has come."""
    seen = b""
    while text not in seen:
        try:
            seen += os.read(terminal, 65536)
        except OSError as error:
            raise AssertionError(f"the command ended before it said {text!r}: {seen.decode()}") from error
    return seen


def test_what_its_caller_has_open_is_let_go(detached: Squad) -> None:
    reading, writing = os.pipe()
    argv = detached.argv("run", "tasks.yaml", "-d", "-y")
    environment = detached.surroundings
    done = subprocess.run(  # returns only when nobody holds its output any more
        argv, cwd=detached.folder, env=environment, capture_output=True, pass_fds=(writing,), timeout=LONGEST, check=False
    )
    os.close(writing)

    assert done.returncode == 0
    assert os.read(reading, 1) == b"", "somebody holds the caller's pipe"
    os.close(reading)
    assert owner_of(detached)


@pytest.mark.parametrize("number", [3, pytest.param(20, marks=pytest.mark.soak)])
def test_of_many_starters_one_owns_the_project_and_each_other_is_told_so(detached: Squad, number: int) -> None:
    starters = [
        subprocess.Popen(
            detached.argv("run", "tasks.yaml", "-d", "-y"),
            cwd=detached.folder,
            env=detached.surroundings,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(number)
    ]
    said = [starter.communicate(timeout=LONGEST) for starter in starters]

    assert sorted(starter.returncode for starter in starters) == [0] + [7] * (number - 1)
    refused = [error for _, error in said if "another supervisor" in error]
    assert len(refused) == number - 1
    assert all(f"(process {owner_of(detached)})" in error for error in refused)
    assert len(detached.json("ls")["runs"]) == 1


def test_killed_while_others_start_it_never_has_two_owners_and_comes_to_its_end(detached: Squad) -> None:
    detached.ok("run", "tasks.yaml", "-d", "-y")
    owner = owner_of(detached)
    resuming = [detached.start("resume", "-d") for _ in range(2)]
    os.kill(owner, signal.SIGKILL)
    for process in resuming:
        process.wait(LONGEST)
    if not owner_of(detached):  # all came while the first still lived
        detached.ok("resume", "-d")
    assert owner_of(detached) not in {0, owner}

    release(detached)
    assert over(detached)
    entries = detached.entries()
    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
    assert sorted(event["task"] for event in detached.events("TaskDone")) == ["a", "b"]


def test_stop_ends_it_and_resume_d_goes_on(detached: Squad) -> None:
    detached.ok("run", "tasks.yaml", "-d", "-y")
    detached.wait_for_event("AttemptStarted")
    detached.here.ok("stop")
    assert left_of(detached) == []

    assert "tasks-1 is carried out in the background" in detached.ok("resume", "-d")
    release(detached)
    assert over(detached)


def test_a_stop_that_comes_while_agents_are_being_started_is_heeded(detached: Squad) -> None:
    detached.ok("run", "tasks.yaml", "-d", "-y")

    detached.here.ok("stop")

    assert owner_of(detached) == 0
    assert left_of(detached) == []


def test_what_stands_in_the_way_is_told_as_in_the_foreground(detached: Squad, repository: Repository) -> None:
    assert detached("run", "tasks.yaml", "-d", "--no-input").returncode == 6
    detached.ok("run", "tasks.yaml", "-d", "-y")
    detached.here.ok("stop")

    before, behind = detached.here("run", "tasks.yaml", "--json"), detached("run", "tasks.yaml", "-d", "--json")

    assert before.code == behind.returncode == 6
    assert before.error == json.loads(behind.stderr)["error"]
    assert "squad resume tasks-1" in behind.stderr


@contextlib.contextmanager
def helper_of(squad: Squad) -> Iterator[None]:
    """Have something left of a dead supervisor, so that the next one waits before it owns a run."""
    key = find(squad.folder).key
    with subprocess.Popen(["sleep", "60"], env={**os.environ, OWNER: key}) as helper:
        until(lambda: marked(key), "the helper")
        try:
            yield
        finally:
            helper.kill()


def test_ctrl_c_before_it_owns_the_run_ends_it_too(detached: Squad) -> None:
    with helper_of(detached):
        caller = detached.start("run", "tasks.yaml", "-d", "-y")
        owner = until(lambda: owner_of(detached), "the supervisor")
        caller.send_signal(signal.SIGINT)

        assert caller.wait(LONGEST) == 130
        until(lambda: is_gone(owner), "the end of the supervisor")
    assert detached.entries() == []


def test_one_that_ends_without_a_word_is_told_with_the_place_of_its_output(detached: Squad) -> None:
    with helper_of(detached):
        caller = detached.start("run", "tasks.yaml", "-d", "-y")
        os.kill(until(lambda: owner_of(detached), "the supervisor"), signal.SIGKILL)

        assert caller.wait(LONGEST) == 70
    assert "ended before it owned the run" in detached.output()
    assert "supervisor.out" in detached.output()
