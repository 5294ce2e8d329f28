"""Pages that are carried out: their files are written, their commands are run, and what they print is held against what is shown.

Two marks stand before a fence. `<!-- file: NAME -->` writes it. `<!-- shown -->` runs each line that begins with `$ `, the lines
below it being what it prints; `<!-- shown: in any order -->` where agents work side by side. A line `...` stands for any lines,
and at the end of a line for any end. What differs from run to run (times, dates, numbers of processes, commits, the level that
this machine allows) counts for nothing. What only looks is asked again until it sees what the page shows.
"""

import contextlib
import os
import re
import shlex
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

import pytest

from orchestrator.cli.app import run_app
from tests.support.here import Stream
from tests.support.waiting import NEVER

_STEP = re.compile(
    r"^<!-- (?:file: (?P<file>\S+)|shown(?P<any>: in any order)?) -->\n```\w*\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL
)
_COMMAND = re.compile(r"^\$ ", re.MULTILINE)
_SHELL = re.compile(r"[|&;<>$`*?~]")
_SETTING = re.compile(r"[A-Z_]+=")
_LOOKING = frozenset({"status", "locks", "owns", "inbox", "logs", "ls", "report", "diff", "doctor"})
_PAUSE = 0.1  #: seconds between two looks
#: What differs from run to run, and what stands for it; in this order.
_DIFFERS = tuple(
    (re.compile(pattern), instead)
    for pattern, instead in (
        (r"[ \t]+", " "),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z|\d{8}T\d{6}Z", "<date>"),
        (r"\b(?:process|pid) \d+", "<process>"),
        (r"\b(?=[0-9]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{7,40}\b", "<commit>"),
        (r"-?\b\d+(?:\.\d+)?(?:ms|s|m|h|d| s| %| GB)(?![\w/])", "<much>"),
        (r"\b\d+\.\d+\b(?!\.)", "<much>"),
        (r"(?<=enforcement: )(?:deny|hook|detect)\b|(?<=<much> )(?:deny|hook|detect)\b", "<level>"),
    )
)


@dataclass(frozen=True, slots=True)
class File:
    """A file that a page tells its reader to write."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command, and what the page shows of its output."""

    text: str
    shown: tuple[str, ...]
    any_order: bool


def steps(page: str) -> Iterator[File | Command]:
    """Give what a page tells its reader to do, in order."""
    for found in _STEP.finditer(page):
        if found["file"]:
            yield File(found["file"], found["body"])
            continue
        for part in _COMMAND.split(found["body"])[1:]:
            text, shown = _parted(part)
            yield Command(text, tuple(shown.splitlines()), bool(found["any"]))


def _parted(part: str) -> tuple[str, str]:
    """Part a command, which goes on after a backslash at the end of a line, from what it prints."""
    end = part.index("\n")
    while part[end - 1] == "\\":
        end = part.index("\n", end + 1)
    return part[:end], part[end + 1 :]


@dataclass(slots=True)
class Reader:
    """Somebody who does what a page says, in one folder."""

    folder: Path
    programs: Path  #: a folder that is on the PATH
    code: int = 0  #: of the last command
    _ran: list[str] = field(default_factory=list)

    def follow(self, page: Path) -> None:
        """Carry a page out to its end."""
        for step in steps(page.read_text(encoding="utf-8")):
            if isinstance(step, File):
                self.write(step)
            else:
                self.run(step)

    def write(self, file: File) -> None:
        """Write a file; a script may be run."""
        path = self.folder / Path(file.name).expanduser()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.text, encoding="utf-8")
        path.chmod(0o755 if file.text.startswith("#!") else 0o644)

    def run(self, command: Command) -> None:
        """Run a command, and hold what it prints against what is shown."""
        self._ran.append(command.text)
        looks = _LOOKING & set(command.text.split()[1:3])
        end = time.monotonic() + (NEVER if looks else 0)
        while True:
            said = self._said(command.text)
            if agrees(command.shown, said, any_order=command.any_order):
                return
            if time.monotonic() >= end:
                told = [*self._ran, "--- shown", *command.shown, f"--- said, exit {self.code}", *said]
                raise AssertionError("\n".join(told))
            time.sleep(_PAUSE)

    def _said(self, text: str) -> list[str]:
        words = shlex.split(text.replace("\\\n", " "), comments=True)
        settings = [word.partition("=")[::2] for word in takewhile(_SETTING.match, words)]
        rest = words[len(settings) :]
        if rest[0] == "squad" and "-d" not in rest and not _SHELL.search(text):  # -d forks, and no open journal outlives that
            self.code, said = self._here(rest[1:], dict(settings))
        else:
            self.code, said = self._shell(text)
        return said.replace(str(self.folder), "/home/ada/project").splitlines()

    def _here(self, arguments: Sequence[str], settings: Mapping[str, str]) -> tuple[int, str]:
        """Call a command of squad's in this process: as a process of its own it would take ten times as long."""
        stream = Stream()
        with (
            pytest.MonkeyPatch.context() as patch,
            contextlib.chdir(self.folder),
            contextlib.redirect_stdout(stream),
            contextlib.redirect_stderr(stream),
        ):
            for name, value in settings.items():
                patch.setenv(name, value)
            code = run_app(list(arguments))
        return code, stream.text()

    def _shell(self, text: str) -> tuple[int, str]:
        environment = {**os.environ, "PATH": f"{self.programs}{os.pathsep}{os.environ['PATH']}"}
        environment.pop("PYTHONUNBUFFERED", None)  # which readers do not have
        done = subprocess.run(
            ["sh", "-c", f"(exit {self.code})\n{text}"],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout


def agrees(shown: Sequence[str], said: Sequence[str], *, any_order: bool = False) -> bool:
    """Tell whether an output is as shown, but for what differs from run to run."""
    wanted, given = [_settled(line) for line in shown], [_settled(line) for line in said]
    if any_order:
        left = list(given)
        for line in (line for line in wanted if line != "..."):
            found = next((one for one in left if _fits(line, one)), None)
            if found is None:
                return False
            left.remove(found)
        return not left or "..." in wanted
    return _follows(wanted, given)


def _follows(wanted: Sequence[str], given: Sequence[str]) -> bool:
    if not wanted:
        return not given
    if wanted[0] == "...":
        return any(_follows(wanted[1:], given[place:]) for place in range(len(given) + 1))
    return bool(given) and _fits(wanted[0], given[0]) and _follows(wanted[1:], given[1:])


def _fits(wanted: str, given: str) -> bool:
    return given.startswith(wanted.removesuffix("...")) if wanted.endswith("...") else given == wanted


def _settled(line: str) -> str:
    for pattern, instead in _DIFFERS:
        line = pattern.sub(instead, line)
    return line.rstrip()
