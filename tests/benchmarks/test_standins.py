"""What a program costs more because a stand-in stands before it."""

import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.model import Isolation
from orchestrator.standins import make, signs_of
from tests.benchmarks.bare import alternately, cpu_of
from tests.support.commands import Squad
from tests.support.lock_clients import sleeping_agents
from tests.support.repositories import Repository

pytestmark = pytest.mark.benchmark

ROUNDS = 40
PASSED_BY = 0.010  #: seconds that a call which means nothing may cost more
LOCKED = 0.120  #: CPU seconds that a call which takes a lock may cost more
SIGNS = {"op:install": ("fakenpm install", "pip install")}


def test_what_means_no_operation_costs_milliseconds(tmp_path: Path) -> None:
    program, first, path = fake(tmp_path)
    git = alternately(ROUNDS, timed("/usr/bin/git", "rev-parse", cwd=tmp_path), timed(first / "git", "rev-parse", cwd=tmp_path))
    npm = alternately(ROUNDS, timed(program, "test", cwd=tmp_path), timed(first / "fakenpm", "test", cwd=tmp_path))
    bare_git, git_through, bare, through = map(statistics.median, (*git, *npm))
    print(
        f"\np50: git {bare_git * 1000:.1f} ms, through its stand-in {git_through * 1000:.1f} ms; "
        f"a script {bare * 1000:.1f} ms, through its stand-in {through * 1000:.1f} ms",
        end="",
    )

    assert path
    assert max(git_through - bare_git, through - bare) <= PASSED_BY


def test_what_takes_a_lock_costs_a_small_interpreter(
    squad: Squad, repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, first, path = fake(tmp_path)
    [(_, socket, token, _)] = sleeping_agents(squad, 1)
    for name, value in (("SQUAD_SOCKET", socket), ("SQUAD_TOKEN", token), ("PATH", path)):
        monkeypatch.setenv(name, value)
    rows = alternately(
        ROUNDS // 2,
        lambda: cpu_of([str(program), "install"], cwd=repository.root),
        lambda: cpu_of([str(first / "fakenpm"), "install"], cwd=repository.root),
    )
    bare, through = map(statistics.median, rows)
    print(f"\nCPU p50: a script {bare * 1000:.0f} ms, with the lock of an operation {through * 1000:.0f} ms", end="")

    assert through - bare <= LOCKED


def fake(folder: Path) -> tuple[Path, Path, str]:
    """Make a program that does nothing, and stand-ins before it; gives both and the PATH that finds them."""
    program = folder / "real" / "fakenpm"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
    program.chmod(0o755)
    path = f"{program.parent}:/usr/local/bin:/usr/bin:/bin"
    first = make(folder / "bin", signs_of(SIGNS, Isolation.WORKTREE, git=True), path=path)
    assert first is not None
    return program, first, f"{first}:{path}"


def timed(program: Path | str, *arguments: str, cwd: Path) -> Callable[[], float]:
    """Give what measures the seconds of a call."""
    path = f"{cwd / 'bin'}:{cwd / 'real'}:/usr/local/bin:/usr/bin:/bin"
    environment = {"PATH": path, "SQUAD_SOCKET": "/nowhere"}

    def measure() -> float:
        begun = time.perf_counter()
        subprocess.run([str(program), *arguments], cwd=cwd, env=environment, capture_output=True, check=False)
        return time.perf_counter() - begun

    return measure
