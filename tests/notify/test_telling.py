"""A person is told of runs with real agents, by a command of theirs."""

import json
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

from orchestrator.cli.limiting import amended
from orchestrator.config import combine, layer
from orchestrator.notify import Reach, tell_later
from orchestrator.sections import NotifySettings
from tests.support.commands import Squad
from tests.support.repositories import Repository
from tests.support.waiting import NEVER, until

DONE = "version: 1\ntasks:\n  - {id: T1, title: One, writes: [a.txt], simulate: {work: 0s}}\n"
ASKS = """\
version: 1
tasks:
  - {id: T1, title: One, writes: [a.txt], command: [sh, -c, "squad agent ask Which --wait 60s; true"]}
"""


class Told:
    """What a person was told."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "told.jsonl"
        folder.joinpath("tell.sh").write_text(f"cat >> {self.file}\n", encoding="utf-8")
        self.command = f"[sh, {folder / 'tell.sh'}]"

    @property
    def rows(self) -> list[Any]:
        return [json.loads(line) for line in self.file.read_text(encoding="utf-8").splitlines()] if self.file.exists() else []


@pytest.fixture
def told(tmp_path: Path) -> Told:
    return Told(tmp_path)


def around_now() -> str:
    now = datetime.fromtimestamp(time.time()).astimezone()
    return f"{(now.hour - 1) % 24:02}:{now.minute:02}..{(now.hour + 2) % 24:02}:{now.minute:02}"


def test_the_end_of_a_run_is_told_once_and_the_command_was_agreed_to(squad: Squad, repository: Repository, told: Told) -> None:
    repository.write({"squad.yaml": f"notify: {{command: {told.command}}}\n", "tasks.yaml": DONE})

    refused = squad.here("run", "tasks.yaml", "--agent", "simulated", "--no-input")
    assert refused.code == 6
    assert f"notify: sh {told.file.parent}" in refused.err
    squad.here.ok("run", "tasks.yaml", "--agent", "simulated", "-y")

    [row] = told.rows
    assert (row["event"], row["text"], row["command"]) == ("finished", "tasks-1 is done: 1 of 1 tasks done", "squad diff")
    assert row["project"] == str(repository.root)
    [noted] = squad.events("Notified")
    assert (noted["what"], noted["ways"], noted["of"]) == ("finished", ["command"], row["seq"])


def test_what_needs_a_person_is_told_once_over_stop_and_resume(squad: Squad, repository: Repository, told: Told) -> None:
    repository.write({"squad.yaml": f"notify: {{command: {told.command}, events: [needs-you]}}\n", "tasks.yaml": ASKS})
    running = squad.start("run", "tasks.yaml", "--agent", "command", "-y")
    until(lambda: told.rows, "a message")
    [row] = told.rows
    assert (row["event"], row["about"], row["command"]) == ("needs-you", "Q1", "squad answer Q1 TEXT")

    squad.kill(running)
    again = squad.start("resume", "-y")
    squad.wait_for_event("RunResumed")
    squad.wait_for_event("AttemptStarted", lambda event: event["attempt"] == "T1.2")
    squad.ok("stop", "--now")
    again.wait(NEVER)

    assert [row["about"] for row in told.rows].count("Q1") == 1


def test_what_happens_in_quiet_hours_is_left_to_a_process_that_waits_for_their_end(
    squad: Squad, repository: Repository, told: Told, home: Path
) -> None:
    quiet = f"notify: {{command: {told.command}, quiet: '{around_now()}'}}\n"
    repository.write({"squad.yaml": quiet, "tasks.yaml": DONE})

    squad.here.ok("run", "tasks.yaml", "--agent", "simulated", "-y")

    [noted] = squad.events("Notified")
    assert 3600 < noted["later"] - time.time() < 3 * 3600
    assert told.rows == []
    [waiting] = [one for one in psutil.process_iter() if _belongs_to(one, home)]
    waiting.kill()


def test_urgent_things_are_told_in_quiet_hours_too(squad: Squad, repository: Repository, told: Told) -> None:
    quiet = f"notify: {{command: {told.command}, quiet: '{around_now()}', urgent: [finished]}}\n"
    repository.write({"squad.yaml": quiet, "tasks.yaml": DONE})

    squad.here.ok("run", "tasks.yaml", "--agent", "simulated", "-y")

    assert [row["event"] for row in told.rows] == ["finished"]


def test_the_process_that_tells_in_the_morning_needs_nothing_of_the_run(tmp_path: Path, told: Told) -> None:
    settings = NotifySettings(command=("sh", str(tmp_path / "tell.sh")), desktop=False)
    document = {"event": "finished", "about": "run", "seq": 7, "text": "x-1 is done", "command": "squad diff"}

    tell_later(Reach(settings=settings, root=tmp_path, log=tmp_path / "log"), [document], at=time.time() + 0.2)

    until(lambda: told.rows, "the message")
    assert told.rows == [document]


def test_resume_tells_in_the_way_that_is_wanted_by_then() -> None:
    before = combine([layer("notify: {command: [old], quiet: 22:00..07:00}\n", name="squad.yaml")])

    now = amended(before, [layer("enforce: agree\nnotify: {command: [new]}\n", name="squad.yaml")])

    assert (now.notify.command, now.notify.quiet, now.enforce) == (("new",), (22 * 60, 7 * 60), before.enforce)


def test_a_command_that_fails_does_not_hurt_the_run_and_is_told_of(squad: Squad, repository: Repository) -> None:
    repository.write({"squad.yaml": f"notify: {{command: ['{sys.executable}', -c, 'exit(3)']}}\n", "tasks.yaml": DONE})

    squad.here.ok("run", "tasks.yaml", "--agent", "simulated", "-y")

    [noticed] = [event["text"] for event in squad.events("Noticed") if event["text"].startswith("notify: ")]
    assert noticed.startswith("notify: command: exit 3, see ")


def _belongs_to(process: psutil.Process, home: Path) -> bool:
    try:
        return "orchestrator.notify.later" in process.cmdline() and process.environ().get("HOME") == str(home)
    except psutil.Error:
        return False
