"""The floors: the same git and process steps that squad takes for an attempt, run bare, and programs to compare with."""

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.repositories import IDENTITY, Repository


@dataclass(frozen=True, slots=True)
class Overhead:
    """Seconds around an agent's own work."""

    before: float  #: from ready to the agent's first byte
    after: float  #: from the agent's end to the integrated commit


class BareSteps:
    """What has to be done for one attempt, whoever does it: worktree, process, commit, kept ref, merge, branch."""

    def __init__(self, root: Path) -> None:
        self.repository = Repository.init(root)
        self.repository.git("branch", "integration")
        self.merges = root.parent / "merges"
        self.repository.git("worktree", "add", "--quiet", "--detach", str(self.merges), "integration")

    def attempt(self, number: int) -> Overhead:
        """Carry one attempt out; gives what it took besides the agent."""
        began = time.time()
        place = self.repository.root.parent / f"work-{number}"
        self._git(self.repository.root, "worktree", "add", "--quiet", "-B", f"work/{number}", str(place), "integration")
        script = f"date +%s.%N; echo {number} > file-{number}; date +%s.%N"
        told = subprocess.run(["sh", "-c", script], cwd=place, capture_output=True, text=True, check=True).stdout.split()
        self._git(place, "add", "--all")
        self._git(place, *IDENTITY, "commit", "--quiet", "--message", f"Work {number}")
        self._git(place, "update-ref", f"refs/kept/{number}", "HEAD")
        self._git(self.merges, "checkout", "--quiet", "--detach", "integration")
        self._git(self.merges, *IDENTITY, "merge", "--quiet", "--no-ff", "--message", f"Merge {number}", f"work/{number}")
        self._git(self.merges, "update-ref", "refs/heads/integration", "HEAD")
        return Overhead(before=float(told[0]) - began, after=time.time() - float(told[1]))

    def _git(self, folder: Path, *arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)


def cpu_of(argv: Sequence[str], *, cwd: Path) -> float:
    """Give the CPU seconds of one call, its children included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(argv, cwd=cwd, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def alternately(rounds: int, *measures: Callable[[], float]) -> list[list[float]]:
    """Take several measures in turn, so that the machine's mood falls on all of them alike."""
    rows: list[list[float]] = [[] for _ in measures]
    for _ in range(rounds):
        for row, measure in zip(rows, measures, strict=True):
            row.append(measure())
    return rows


#: A typer program of two commands that does nothing: what any such command line costs.
TWO_COMMANDS = """\
import typer
app = typer.Typer()
@app.command()
def one(name: str = "x") -> None:
    print(name)
@app.command()
def two() -> None:
    print("two")
app()
"""


def two_command_program(folder: Path) -> list[str]:
    """Give the call of a typer program with two commands."""
    path = folder / "two_commands.py"
    path.write_text(TWO_COMMANDS, encoding="utf-8")
    return [sys.executable, str(path), "one"]
