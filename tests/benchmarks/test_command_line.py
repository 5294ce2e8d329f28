"""What a call of the command line costs, beside bare Python and a small typer program."""

import statistics
import subprocess
import sys
from functools import partial
from pathlib import Path

import psutil
import pytest

from tests.benchmarks.bare import alternately, cpu_of, two_command_program
from tests.support.commands import Squad
from tests.support.fake_supervisor import FakeSupervisor
from tests.support.repositories import Repository

pytestmark = pytest.mark.benchmark

ROOT = Path(__file__).parents[2]
ROUNDS = 15
FAST = 0.060  #: CPU seconds of what agents call all day
SMALL = 24_000_000  #: bytes of memory of the server of tools, of which every agent has a copy
COMPLETED = 0.100  #: CPU seconds of one completion
MORE_THAN_TYPER = 0.100  #: CPU seconds that `status` may cost above a typer program of two commands
READING, PLANNING = 4.5, 7.5  #: times such a program that `tasks` and `plan` of a small document may cost


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


def test_a_call_that_reaches_a_supervisor_is_as_cheap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    supervisor = FakeSupervisor(tmp_path / "s", tmp_path)
    supervisor.serve()
    for name, value in supervisor.variables().items():
        monkeypatch.setenv(name, value)
    enter = f"import sys; sys.path[:0] = [{str(ROOT)!r}]; from orchestrator.__main__ import main; main()"
    calls = (["lock", "a"], ["owns", "a"], ["handoff", "a", "--to", "agent-2"], ["ask", "why?", "--wait", "10m"], ["done"])
    rows = alternately(
        ROUNDS,
        lambda: cpu_of([sys.executable, "-S", "-c", "pass"], cwd=tmp_path),
        lambda: cpu_of([sys.executable, "-c", "pass"], cwd=tmp_path),
        *(partial(cpu_of, [sys.executable, "-S", "-c", enter, "agent", *call], cwd=tmp_path) for call in calls),
    )
    bare, usual, *costs = map(statistics.median, rows)
    told = ", ".join(f"{call[0]} {cost * 1000:.0f} ms" for call, cost in zip(calls, costs, strict=True))
    print(f"\nCPU p50: python -S {bare * 1000:.0f} ms, python {usual * 1000:.0f} ms; squad agent: {told}", end="")

    assert max(costs) <= FAST


def test_a_key_is_completed_before_a_person_notices(
    tmp_path: Path, repository: Repository, squad: Squad, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    repository.write({"tasks.md": "## Tasks\n" + "".join(f"- Task {number}\n" for number in range(100))})
    repository.write({".squad/plan.json": squad.ok("plan", "tasks.md", "--json")})
    squad.ok("completion", "bash")
    enter = f"import sys; sys.path[:0] = [{str(ROOT)!r}]; from orchestrator.__main__ import main; main()"
    lines = (["r"], ["diff", "T"], ["resume", ""], ["answer", ""], ["unlock", ""])
    rows = alternately(
        ROUNDS,
        *(
            partial(cpu_of, [sys.executable, "-S", "-c", enter, "completion", "--words", *line], cwd=repository.root)
            for line in lines
        ),
    )
    costs = list(map(statistics.median, rows))
    told = ", ".join(f"{' '.join(line)!r} {cost * 1000:.0f} ms" for line, cost in zip(lines, costs, strict=True))
    print(f"\nCPU p50 of completing {told}", end="")

    assert max(costs) <= COMPLETED


def test_the_server_of_tools_is_small(tmp_path: Path) -> None:
    supervisor = FakeSupervisor(tmp_path / "s", tmp_path)
    supervisor.serve()
    environment = supervisor.environment()
    argv = [sys.executable, "-P", "-m", "orchestrator", "agent", "mcp"]
    hello = b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}\n'
    call = b'{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"lock","arguments":{"path":"a"}}}\n'
    with subprocess.Popen(argv, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(hello + call)
        server.stdin.flush()
        answers = [server.stdout.readline() for _ in range(2)]
        used = psutil.Process(server.pid).memory_info().rss
        server.stdin.close()
    print(f"\nRSS of the server of tools: {used / 1e6:.1f} MB", end="")

    assert b"locked a" in answers[1]
    assert used <= SMALL


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


def test_reading_and_planning_a_small_document_cost_a_few_such_programs(tmp_path: Path, repository: Repository) -> None:
    repository.write({"tasks.md": "## Tasks\n- One\n- Two\n"})
    program = str(Path(sys.executable).with_name("squad"))
    rows = alternately(
        ROUNDS,
        partial(cpu_of, two_command_program(tmp_path), cwd=repository.root),
        partial(cpu_of, [program, "tasks", "tasks.md"], cwd=repository.root),
        partial(cpu_of, [program, "plan", "tasks.md"], cwd=repository.root),
    )
    typer, tasks, plan = map(statistics.median, rows)
    print(f"\nCPU p50: typer program {typer * 1000:.0f} ms, squad tasks {tasks * 1000:.0f} ms, plan {plan * 1000:.0f} ms", end="")

    assert tasks <= typer * READING
    assert plan <= typer * PLANNING
