"""A run whose supervisor is killed, and everything that must be true of it afterwards."""

import json
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from orchestrator.events import AttemptStarted, RunStarted, TaskDone, kind
from orchestrator.journal import Journal
from orchestrator.project import Project, find
from tests.support.commands import LONGEST, Squad
from tests.support.repositories import Repository
from tests.support.waiting import marked, until

#: Prints numbered lines and notes beside, after each, how many it has printed; at the end it writes its file.
AGENT = """\
import os, sys, time
side, file, seconds = sys.argv[1:4]
attempt = os.environ["SQUAD_ATTEMPT_MARK"].rpartition("/")[2]
noted = os.open(f"{side}/{attempt}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
number, end = 0, time.monotonic() + float(seconds)
while time.monotonic() < end:
    for _ in range(20):
        number += 1
        os.write(1, b"line %08d\\n" % number)
        os.pwrite(noted, b"%08d" % number, 0)
    time.sleep(0.002)
with open(file, "a") as out:
    out.write(attempt + "\\n")
"""

E = TypeVar("E")
TASKS = ("A", "B", "C", "D")
#: Seconds after the death of a supervisor in which its last process must be gone; a promise for a machine that has time.
GONE = 2.0


@dataclass(slots=True)
class Story:
    """Four tasks on two agents, one of them needing two others, with a check; and a user's tree with changes in it."""

    repository: Repository
    squad: Squad
    work: float = 0.15  #: seconds of each task
    check: float = 0.02  #: seconds of each check
    gone_after: list[float] = field(default_factory=list)  #: seconds until nothing was left, one for each kill

    @property
    def side(self) -> Path:
        return self.repository.root.parent / "side"

    @property
    def project(self) -> Project:
        return find(self.repository.root)

    def prepare(self) -> None:
        self.side.mkdir()
        (self.side.parent / "agent.py").write_text(AGENT, encoding="utf-8")
        self.repository.commit({"squad.yaml": self.settings(), "tasks.yaml": self.tasks()})
        self.repository.write({"README.md": "# Being rewritten\n", "staged.md": "staged\n", "untracked.md": "untracked\n"})
        self.repository.git("add", "staged.md")

    def settings(self) -> str:
        return f'run: {{agents: 2, restart: {{backoff: 0s..0s}}, checks: ["sleep {self.check} && ls *.txt"]}}\n'

    def tasks(self) -> str:
        argv = [sys.executable, "-I", "-S", str(self.side.parent / "agent.py"), str(self.side)]
        rows = [
            {
                "id": name,
                "title": f"Write {name}",
                "needs": ["A", "B"] if name == "D" else [],
                "writes": [f"{name.lower()}.txt"],
                "command": [*argv, f"{name.lower()}.txt", str(self.work)],
            }
            for name in TASKS
        ]
        return json.dumps({"version": 1, "tasks": rows})

    def rewrite_settings(self) -> None:
        """Let changed times count, as part of the first commit."""
        self._amend({"squad.yaml": self.settings()})

    def rewrite_tasks(self) -> None:
        self._amend({"tasks.yaml": self.tasks()})

    def _amend(self, files: dict[str, str]) -> None:
        self.repository.write(files)
        self.repository.git("commit", "--quiet", "--amend", "--no-edit", "--only", "--", *files)

    def last(self) -> int:
        """Give the number of the last event."""
        entries = self.squad.entries()
        return entries[-1].seq if entries else 0

    def has_events(self, number: int) -> bool:
        return self.last() >= number

    def events(self, of: type[E]) -> list[E]:
        return [entry.event for entry in self.squad.entries() if isinstance(entry.event, of)]

    def kinds(self) -> list[str]:
        return [kind(entry.event) for entry in self.squad.entries()]

    def kill_after(self, events: int, *command: str, later: float = 0.0) -> bool:
        """Start a supervisor and kill it `later` seconds after so many events are there; tell whether it lived until then."""
        process = self.squad.start(*command)
        state = self.project.state
        journal = until(lambda: Journal.read(state) or process.poll() is not None, "a journal")
        if isinstance(journal, Journal):
            with journal:
                while journal.last() < events and process.poll() is None:
                    time.sleep(0.0005)
        time.sleep(later)
        return self.kill(process)

    def kill(self, process: subprocess.Popen[str]) -> bool:
        """Kill a supervisor, and wait until nothing of its run is left; tell whether it left something to be done."""
        lived = process.poll() is None
        process.kill()
        process.wait(LONGEST)
        began = time.monotonic()
        until(lambda: not marked(self.project.key), "the end of everything the supervisor had started")
        self.gone_after.append(time.monotonic() - began)
        return lived and "RunEnded" not in self.kinds()  # else it was only saying its last words

    def must_be_whole(self) -> None:
        """Hold the end of the run against everything that was promised."""
        self._journal_must_be_whole()
        self._branch_must_be_whole()
        self._output_must_be_whole()
        self._tree_must_be_untouched()
        assert not marked(self.project.key)

    def _journal_must_be_whole(self) -> None:
        entries = self.squad.entries()
        assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
        counted = Counter((kind(entry.event), getattr(entry.event, "task", "")) for entry in entries)
        assert [counted["TaskDone", task] for task in TASKS] == [1, 1, 1, 1]
        assert [counted["Integrated", task] for task in TASKS] == [1, 1, 1, 1]
        assert counted["RunEnded", ""] == 1
        open_locks = counted["LockGranted", ""] - counted["LockReleased", ""]
        assert open_locks == 0, "locks that nobody gave back"

    def _branch_must_be_whole(self) -> None:
        done = {event.task: event.attempt for event in self.events(TaskDone)}
        for task in TASKS:
            lines = self.repository.show(self.branch, f"{task.lower()}.txt").splitlines()
            assert lines.count(str(done[task])) == 1
            assert len(set(lines)) == len(lines)
            assert {line.rpartition(".")[0] for line in lines} == {task}
        merges = self.repository.git("log", "--merges", "--format=%(trailers:key=Squad-Task,valueonly,separator=)", self.branch)
        assert sorted(merges.split()) == sorted(TASKS)

    def _output_must_be_whole(self) -> None:
        for event in self.events(AttemptStarted):
            noted = self.side / event.attempt
            printed = int(noted.read_bytes() or b"0") if noted.is_file() else 0
            lines = Path(event.log).read_bytes().splitlines(keepends=True)
            assert lines == [b"line %08d\n" % number for number in range(1, len(lines) + 1)]
            assert len(lines) >= printed, f"{event.attempt} printed {printed} lines, {len(lines)} are kept"

    def _tree_must_be_untouched(self) -> None:
        assert self.repository.git("status", "--porcelain") == " M README.md\nA  staged.md\n?? untracked.md".strip("\n")
        assert self.repository.git("symbolic-ref", "HEAD") == "refs/heads/main"
        assert self.repository.git("log", "--format=%s", "main") == "Change\nStart"

    @property
    def branch(self) -> str:
        return str(self.events(RunStarted)[0].branch)
