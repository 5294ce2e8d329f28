"""What a call of the command line costs, beside bare Python and a small typer program."""

import statistics
import sys
from pathlib import Path

import pytest

from tests.benchmarks.bare import alternately, cpu_of, two_command_program
from tests.support.commands import Squad
from tests.support.repositories import Repository

pytestmark = pytest.mark.benchmark

ROOT = Path(__file__).parents[2]
ROUNDS = 15
FAST = 0.060  #: CPU seconds of what agents call all day
MORE_THAN_TYPER = 0.100  #: CPU seconds that `status` may cost above a typer program of two commands


def test_calls_of_agents_are_cheap(tmp_path: Path) -> None:
    """Without `site`, since the finder of an editable installation, which no user has, costs more than squad."""
    enter = f"import sys; sys.path[:0] = [{str(ROOT)!r}]; from orchestrator.__main__ import main; main()"
    bare_python = [sys.executable, "-S", "-c"]
    rows = alternately(
        ROUNDS,
        lambda: cpu_of([*bare_python, "pass"], cwd=tmp_path),
        lambda: cpu_of([*bare_python, enter, "--version"], cwd=tmp_path),
        lambda: cpu_of([*bare_python, enter, "agent", "status"], cwd=tmp_path),
    )
    bare, version, status = map(statistics.median, rows)
    print(
        f"\nCPU p50: bare Python {bare * 1000:.0f} ms, --version {version * 1000:.0f} ms, agent status {status * 1000:.0f} ms",
        end="",
    )

    assert max(version, status) <= FAST


def test_status_costs_little_more_than_any_typer_program(tmp_path: Path, repository: Repository, squad: Squad) -> None:
    repository.write({"tasks.md": "## Tasks\n- One\n- Two\n"})
    squad.ok("run", "tasks.md", "--agent", "simulated")
    peer = two_command_program(tmp_path)
    rows = alternately(
        ROUNDS,
        lambda: cpu_of(peer, cwd=repository.root),
        lambda: cpu_of([str(Path(sys.executable).with_name("squad")), "status"], cwd=repository.root),
    )
    typer, status = map(statistics.median, rows)
    print(f"\nCPU p50: typer program {typer * 1000:.0f} ms, squad status {status * 1000:.0f} ms", end="")

    assert status <= typer + MORE_THAN_TYPER
