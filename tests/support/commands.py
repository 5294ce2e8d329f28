"""The command line as a user has it: real processes in a real folder."""

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from orchestrator.errors import JournalError
from orchestrator.events import Entry, kind
from orchestrator.journal import Journal
from orchestrator.model import RunId
from orchestrator.project import find
from orchestrator.views.events import line
from tests.support.here import Here
from tests.support.waiting import until

LONGEST = 120.0  #: seconds after which a command counts as hanging


@dataclass(slots=True)
class Squad:
    """Runs `squad` in a folder."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    _started: list[subprocess.Popen[str]] = field(default_factory=list)
    _state: Path | None = None  #: the journal's folder, once it was looked for

    def __call__(self, *arguments: str, stdin: str | None = None, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            self.argv(*arguments),
            cwd=cwd or self.folder,
            env=self.surroundings,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=LONGEST,
            check=False,
        )

    def ok(self, *arguments: str) -> str:
        """Run a command that must succeed; gives its output."""
        done = self(*arguments)
        assert done.returncode == 0, f"squad {' '.join(arguments)} ended with {done.returncode}: {done.stderr}{done.stdout}"
        return done.stdout

    def json_of(self, *arguments: str) -> Any:
        """Run a command in a process of its own; gives its document."""
        return json.loads(self.ok(*arguments, "--json"))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command in the background; its output goes to `squad.out` beside the project."""
        with (self.folder.parent / "squad.out").open("a", encoding="utf-8") as out:
            process = subprocess.Popen(
                self.argv(*arguments),
                cwd=self.folder,
                env=self.surroundings,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                text=True,
                start_new_session=True,
            )
        self._started.append(process)
        return process

    def script(self, text: str) -> subprocess.CompletedProcess[str]:
        """Carry out a shell script that calls `squad`; the first command that fails ends it."""
        preamble = f'set -e; squad() {{ {shlex.join(self.argv())} "$@"; }}\n'
        return subprocess.run(
            ["sh", "-c", preamble + text],
            cwd=self.folder,
            env=self.surroundings,
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=False,
        )

    def argv(self, *arguments: str) -> list[str]:
        """Give the words by which the system starts a command."""
        return [sys.executable, "-m", "orchestrator", *arguments]

    @property
    def surroundings(self) -> dict[str, str]:
        """Give the environment of commands."""
        return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **self.environment}

    @property
    def here(self) -> Here:
        """Give the same command line in the test's own process."""
        return Here(self.folder)

    def json(self, *arguments: str) -> Any:
        """Call a reading command; gives its document."""
        return self.here.json(*arguments)

    def entries(self) -> list[Entry]:
        """Give what the journal holds about the latest run; nothing before a run began."""
        self._state = self._state or find(self.folder).state
        try:
            journal = Journal.read(self._state)
        except JournalError:  # it may be just about to be made
            return []
        if journal is None:
            return []
        with journal:
            return list(journal.entries(run=journal.latest() or RunId("")))

    def events(self, *kinds: str) -> list[dict[str, Any]]:
        """Give the events of the latest run as `squad events` prints them, of the given kinds or all."""
        return [json.loads(line(entry)) for entry in self.entries() if not kinds or kind(entry.event) in kinds]

    def wait_for_event(self, kind: str, fits: Callable[[dict[str, Any]], bool] = lambda _: True) -> dict[str, Any]:
        """Wait until an event of a kind is in the journal; gives it."""
        try:
            return until(lambda: next((row for row in self.events(kind) if fits(row)), None), f"an event {kind}")
        except AssertionError as error:
            codes = [process.poll() for process in self._started]
            told = self.output() if self._started else ""
            raise AssertionError(
                f"{error}; commands ended with {codes}, events {self.events()[-5:]}, they said:\n{told}"
            ) from error

    def kill(self, process: subprocess.Popen[str]) -> None:
        """Kill a command's own process, and nothing else, as the system would when memory runs out."""
        process.kill()
        process.wait(LONGEST)

    def output(self) -> str:
        """Give what commands in the background have printed so far."""
        return (self.folder.parent / "squad.out").read_text(encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for process in self._started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(LONGEST)
