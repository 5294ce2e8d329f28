import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import LONGEST, Squad
from tests.support.here import Here
from tests.support.repositories import Repository
from tests.support.waiting import marked, until

QUICK = """\
version: 1
tasks:
  - {id: A, title: First, writes: [a/x.md], simulate: {work: 50ms}}
  - {id: B, title: Second, needs: [A], writes: [b/x.md], simulate: {work: 50ms}}
"""
LONG = """\
version: 1
tasks:
  - {id: A, title: Long, writes: [a/x.md], simulate: {work: 120s}}
"""
DEAF = """\
version: 1
tasks:
  - {id: A, title: Deaf, writes: [a/x.md], simulate: {work: 100ms, then: [deaf, done]}}
"""


@pytest.fixture
def document(repository: Repository) -> str:
    repository.commit({"tasks.yaml": QUICK})
    return "tasks.yaml"


def test_a_run_tells_its_changes_and_every_reading_command_tells_it_afterwards(squad: Squad, here: Here, document: str) -> None:
    told = squad.ok("run", document, "--agent", "simulated").splitlines()

    assert told[0].startswith("run tasks-1: tasks, 2 tasks, ")
    assert [line for line in told if line.endswith("(unchecked)")] == ["A done (unchecked)", "B done (unchecked)"]
    assert_documents(here)
    assert_texts(here)


def assert_documents(here: Here) -> None:
    status, report = here.json("status"), here.json("report")
    assert (status["schema_version"], status["run"]["id"], status["run"]["state"]) == (1, "tasks-1", "ended")
    assert [(task["id"], task["state"], task["attempts"]) for task in status["tasks"]] == [("A", "done", 1), ("B", "done", 1)]
    assert {agent["state"] for agent in status["agents"]} == {"stopped"}
    assert (status["locks"], status["needs_you"]) == ([], [])
    assert report == here.json("report", "--format", "json")
    assert {"tasks", "agents", "figures", "idle", "usage", "attention"} <= set(report)
    assert [run["id"] for run in here.json("ls")["runs"]] == ["tasks-1"]
    assert here.json("locks") == {"schema_version": 1, "locks": []}
    assert here.json("owns", "a/x.md")["path"] == "a/x.md"
    assert [one["path"] for one in here.json("diff")["files"]] == ["a/x.md", "b/x.md"]
    assert [one["path"] for one in here.json("diff", "B")["files"]] == ["b/x.md"]
    assert here.json("wait") == {"schema_version": 1, "run": "tasks-1", "for": "done", "reached": True, "exit_code": 0}
    events = [json.loads(line) for line in here.ok("events", "--json").splitlines()]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert {event["v"] for event in events} == {1}
    (log,) = here.json("logs", "A")["logs"]
    assert Path(log["path"]).stat().st_size == log["bytes"]


def assert_texts(here: Here) -> None:
    assert here.ok("events", "-f") == here.ok("events")
    assert here.ok("logs", "-f") == here.ok("logs")
    assert here.ok("logs", "B").startswith("==> B.1 (agent-1)\nsimulated agent: no model is at work here (B, attempt 1)\n")
    assert here.ok("status", "--run", "tas") == here.ok("status")
    assert "+A.1 First" in here.ok("diff", "A")
    refused = {
        ("logs", "C"): 2,
        ("diff", "C"): 2,
        ("status", "--run", "other"): 3,
        ("resume",): 1,
        ("stop",): 1,
        ("unlock", "a"): 1,
        ("wait", "--for", "needs-you"): 1,
        ("discard",): 6,
    }
    assert {command: here(*command).code for command in refused} == refused


def test_with_json_a_run_gives_its_report_and_nothing_else(squad: Squad, document: str) -> None:
    squad.folder.joinpath("untracked").touch()
    said = squad.here("run", document, "--agent", "simulated", "--json")

    assert (said.code, said.err) == (0, "")
    assert json.loads(said.out) == squad.json("report")


def test_with_v_a_run_tells_every_event(squad: Squad, document: str) -> None:
    done = squad("run", document, "--agent", "simulated", "-v")

    events = [line for line in done.stdout.splitlines() if line.startswith("{")]
    assert events == squad.ok("events").splitlines()
    assert "journal and logs: " in done.stderr


def test_with_q_a_run_says_nothing(squad: Squad, document: str) -> None:
    said = squad.here("run", document, "--agent", "simulated", "-q")

    assert (said.code, said.out, said.err) == (0, "", "")


def test_a_run_goes_on_when_nobody_reads_its_output_any_more(squad: Squad, document: str) -> None:
    done = shell(squad, f"run {document} --agent simulated | head -n 1; exit ${{PIPESTATUS[0]}}")

    assert (done.returncode, done.stdout[:12]) == (0, "run tasks-1:")
    assert squad.json("status")["run"]["outcome"] == "done"


def test_events_end_quietly_when_their_reader_has_enough(squad: Squad, document: str) -> None:
    squad.here.ok("run", document, "--agent", "simulated")

    done = shell(squad, "events | head -n 1; exit ${PIPESTATUS[0]}")

    assert (done.returncode, done.stderr, done.stdout.count("\n")) == (0, "", 1)


def shell(squad: Squad, line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", f"{sys.executable} -m orchestrator {line}"],
        cwd=squad.folder,
        env=squad.surroundings,
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )


def test_a_run_whose_task_fails_for_good_ends_with_1(squad: Squad, repository: Repository) -> None:
    repository.commit({"tasks.yaml": QUICK.replace("work: 50ms", "work: 50ms, then: [fail]", 1)})
    repository.write({"squad.yaml": "run: {attempts: 1}\n"})

    assert squad.here("run", "tasks.yaml", "--agent", "simulated").code == 1
    assert {task["id"]: task["state"] for task in squad.json("status")["tasks"]} == {"A": "failed", "B": "skipped"}
    assert squad.here("wait").code == 1


def start_long(squad: Squad, repository: Repository, text: str = LONG) -> subprocess.Popen[str]:
    repository.commit({"tasks.yaml": text})
    process = squad.start("run", "tasks.yaml", "--agent", "simulated")
    squad.wait_for_event("AttemptStarted")
    return process


def left_of(squad: Squad) -> list[int]:
    """Give the processes of the project's runs that are left."""
    return marked(f"{squad.folder}/.squad/")


def test_a_run_under_way_is_looked_at_and_ended_by_stop_and_goes_on_with_resume(
    squad: Squad, here: Here, repository: Repository
) -> None:
    process = start_long(squad, repository)

    assert here("run", "tasks.yaml", "--agent", "simulated").code == 7
    assert here("resume").code == 7
    assert here("discard").code == 7
    assert here("wait", "--timeout", "0").code == 124
    assert here("unlock", "a/x.md").code == 1
    assert here.json("locks")["locks"][0]["path"] == "a/x.md"
    assert here.json("status")["run"]["state"] == "running"

    assert here.ok("stop") == "stopped; go on: squad resume\n"
    assert here.json("status")["run"]["state"] == "paused"
    assert left_of(squad) == []
    assert process.wait(LONGEST) == 6
    assert here.ok("stop") == "stopped already; go on: squad resume\n"
    assert here.ok("pause") == "tasks-1 is paused already: nothing is under way\nundo: squad resume\n"
    assert here("wait").code == 6
    assert here("wait", "--for", "needs-you").code == 0
    unfinished = here("run", "tasks.yaml", "--agent", "simulated", "--json")
    assert unfinished.code == 6
    assert unfinished.error["hint"].startswith("go on with it: squad resume tasks-1\n")

    again = squad.start("resume")
    until(lambda: len(squad.events("AttemptStarted")) == 2, "the second attempt")
    assert here.json("status")["tasks"][0]["attempts"] == 2
    here.ok("stop", "--now")
    assert again.wait(LONGEST) == 6


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_supervisor_but_not_the_run(
    squad: Squad, here: Here, repository: Repository, number: signal.Signals, code: int
) -> None:
    process = start_long(squad, repository)

    process.send_signal(number)

    assert process.wait(LONGEST) == code
    assert left_of(squad) == []
    assert here.json("status")["run"]["state"] == "paused"
    (ended,) = squad.events("AttemptEnded")
    assert ended["outcome"] == "stopped"
    assert "go on: squad resume tasks-1" in squad.output()


def test_a_second_signal_does_not_wait_for_an_agent_that_is_deaf(squad: Squad, here: Here, repository: Repository) -> None:
    process = start_long(squad, repository, DEAF)
    (agent,) = squad.events("AttemptStarted")
    until(lambda: ignores(agent["pid"], signal.SIGTERM), "an agent that ignores SIGTERM")

    process.send_signal(signal.SIGINT)
    until(lambda: "Ctrl-C once more ends them now" in squad.output(), "the offer to end at once")
    process.send_signal(signal.SIGINT)

    assert process.wait(LONGEST) == 130
    assert left_of(squad) == []


def ignores(pid: int, number: signal.Signals) -> bool:
    """Tell whether a process ignores a signal."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    mask = next(line.split()[1] for line in status.splitlines() if line.startswith("SigIgn"))
    return bool(int(mask, 16) >> (number - 1) & 1)


def test_ctrl_c_on_a_terminal_reaches_squad_alone_and_ends_it_orderly(squad: Squad, here: Here, repository: Repository) -> None:
    repository.commit({"tasks.yaml": LONG})
    child, terminal = pty.fork()
    if not child:
        os.chdir(squad.folder)
        os.execve(sys.executable, squad.argv("run", "tasks.yaml", "--agent", "simulated"), squad.surroundings)
    screen = Drained(terminal)
    squad.wait_for_event("AttemptStarted")

    os.write(terminal, b"\x03")

    assert os.waitstatus_to_exitcode(screen.outlast(child)) == 130
    assert b"A" in screen.seen
    assert [event["outcome"] for event in squad.events("AttemptEnded")] == ["stopped"]
    assert left_of(squad) == []


class Drained:
    """A terminal whose output is taken, so that nobody waits for room in it."""

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self.descriptor = descriptor
        self.seen = b""

    def outlast(self, child: int) -> int:
        """Read until a process has ended; gives its status."""

        def ended() -> tuple[int, int] | None:
            with contextlib.suppress(OSError):
                self.seen += os.read(self.descriptor, 65536)
            found = os.waitpid(child, os.WNOHANG)
            return found if found[0] else None

        return until(ended, "the end of the command")[1]


def test_a_dead_supervisor_is_told_by_every_reading_command_and_resume_finishes_its_run(
    squad: Squad, here: Here, repository: Repository
) -> None:
    process = start_long(squad, repository, QUICK.replace("50ms", "1s"))

    squad.kill(process)
    until(lambda: not left_of(squad), "the end of everything the supervisor had started")

    status: dict[str, Any] = here.json("status")
    assert (status["run"]["state"], status["run"]["supervised"]) == ("paused", False)
    assert {agent["state"] for agent in status["agents"]} == {"stopped"}
    assert status["needs_you"][0]["command"] == "squad resume tasks-1"
    assert here("stop").code == 1
    assert here("wait").code == 6
    assert here("wait", "--for", "idle").code == 0
    assert here("events", "-f").code == 0
    assert here("logs", "-f").code == 0
    assert here("resume").code == 0
    assert [event["task"] for event in squad.events("TaskDone")] == ["A", "B"]
