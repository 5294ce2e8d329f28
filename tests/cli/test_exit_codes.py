"""Every exit code of squad's, gotten by a real process, and none besides."""

import ast
import functools
import importlib
import json
import pkgutil
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import orchestrator
import orchestrator.cli
from orchestrator.cli.finish import exit_code
from orchestrator.errors import SquadError
from orchestrator.model import TaskState
from orchestrator.state import State, TaskStatus
from tests.support.commands import LONGEST, Squad
from tests.support.here import Here
from tests.support.parser import commands
from tests.support.programs import Programs
from tests.support.runs import simulated

PAGE = Path(__file__).parents[2] / "docs" / "exit-codes.md"
ROW = re.compile(r"^\| (\d+) \| (.+) \| (.+) \| `(test_\w+)` \|$", re.MULTILINE)
#: What the design promises, and `wait`, which ends as timeout(1) does.
DOCUMENTED = {0, 1, 2, 3, 4, 5, 6, 7, 10, 70, 124, 130, 143}
#: Of what a command of the user's ended with, as a shell tells it.
OF_COMMANDS = {126, 127, 128}

Ended = subprocess.CompletedProcess[str] | subprocess.Popen[str]
Scene = Callable[..., Sequence[Ended]]
shown: set[tuple[int, str]] = set()


def shows(*codes: int) -> Callable[[Scene], Callable[..., None]]:
    """Let a scene give the processes that end with these codes, in this order."""

    def of(scene: Scene) -> Callable[..., None]:
        shown.update((code, scene.__name__) for code in codes)

        @functools.wraps(scene)
        def test(*given: Any, **named: Any) -> None:
            ended = scene(*given, **named)
            assert [one.returncode for one in ended] == list(codes), [one.stderr for one in ended]

        return test

    return of


def write(squad: Squad, *tasks: dict[str, Any], name: str = "tasks.json") -> None:
    (squad.folder / name).write_text(json.dumps({"version": 1, "tasks": list(tasks)}), encoding="utf-8")


def run(squad: Squad, *tasks: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    write(squad, *tasks)
    return squad("run", "tasks.json", "-n", "1", "--agent", "simulated")


@shows(0, 1, 10)
def test_a_run_whose_tasks_are_all_done_and_what_is_asked_of_it_then(squad: Squad) -> list[Ended]:
    done, resumed = run(squad, simulated("T1")), squad("resume")
    write(squad, simulated("T1"), simulated("T2"))
    return [done, resumed, squad("plan", "tasks.json", "--check")]


@shows(1)
def test_a_task_that_fails_for_good(squad: Squad) -> list[Ended]:
    squad.environment["SQUAD_CONFIG_RUN__ATTEMPTS"] = "1"
    return [run(squad, simulated("T1", "fail"))]


@shows(2, 2, 2)
def test_a_command_that_there_is_not(squad: Squad) -> list[Ended]:
    return [squad("statu"), squad("status", "--jsno"), squad("status", "--color", "blue")]


@shows(2)
def test_what_only_an_agent_may_say(squad: Squad) -> list[Ended]:
    return [squad("agent", "status")]


@shows(3, 3, 3)
def test_what_cannot_be_worked_with(squad: Squad) -> list[Ended]:
    missing, none = squad("run", "missing.md"), squad("status")
    (squad.folder / "squad.yaml").write_text("agnets: {}\n", encoding="utf-8")
    write(squad, simulated("T1"))
    return [missing, none, squad("run", "tasks.json")]


@shows(3)
def test_a_plan_that_does_not_hold(squad: Squad) -> list[Ended]:
    write(squad, simulated("T1", writes=["a.md"]), simulated("T2", writes=["a.md"]))
    plan = json.loads(squad.ok("plan", "tasks.json", "--json"))
    for task in plan["tasks"]:
        task["locks"] = []
    (squad.folder / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    return [squad("verify", "plan.json")]


@shows(4)
def test_a_program_that_is_missing(squad: Squad, tmp_path: Path) -> list[Ended]:
    squad.environment["PATH"] = str(Programs.only(tmp_path / "bin").folder)
    write(squad, {"id": "T1", "title": "x"})
    return [squad("run", "tasks.json", "--agent", "codex")]


@shows(4)
def test_a_level_that_is_not_to_be_had(squad: Squad, tmp_path: Path) -> list[Ended]:
    squad.environment["PATH"] = str(Programs.only(tmp_path / "bin").folder)
    write(squad, {"id": "T1", "title": "x", "command": ["true"]})
    return [squad("run", "tasks.json", "--enforce", "hook")]


@shows(5)
def test_a_limit_with_work_left(squad: Squad) -> list[Ended]:
    squad.environment["SQUAD_CONFIG_RUN__LIMITS__ATTEMPTS"] = "1"
    return [run(squad, simulated("T1"), simulated("T2", needs=["T1"]))]


@shows(6, 6)
def test_a_step_for_a_person(squad: Squad) -> list[Ended]:
    parked = run(squad, {"id": "T1", "title": "Sign it", "gate": True})
    return [parked, squad("run", "tasks.json", "--agent", "simulated")]


@shows(7, 124, 42, 130, 143)
def test_beside_a_run_that_is_under_way(squad: Squad) -> list[Ended]:
    write(squad, simulated("T1", "hang"))
    first = squad.start("run", "tasks.json", "-n", "1", "--agent", "simulated")
    squad.wait_for_event("AttemptStarted")
    second, waited = squad("run", "tasks.json"), squad("wait", "--timeout", "10ms")
    locked = squad("with-lock", "mine.md", "--", "sh", "-c", "exit 42")
    first.send_signal(signal.SIGINT)
    first.wait(LONGEST)
    resumed = squad.start("resume")
    squad.wait_for_event("AttemptStarted", lambda row: row["attempt"] == "T1.2")
    resumed.terminate()
    resumed.wait(LONGEST)
    assert squad.json("status")["run"]["state"] == "paused"
    return [second, waited, locked, first, resumed]


@shows(70)
def test_a_bug(squad: Squad, tmp_path: Path) -> list[Ended]:
    broken = "def find(start):\n    raise ZeroDivisionError('injected')\n"
    injected = f"import orchestrator.project\n{broken}orchestrator.project.find = find\n"
    (tmp_path / "bug").mkdir()
    (tmp_path / "bug" / "sitecustomize.py").write_text(injected, encoding="utf-8")
    squad.environment |= {"PYTHONPATH": f"{tmp_path / 'bug'}:{PAGE.parents[1]}", "TMPDIR": str(tmp_path)}

    ended = squad("status", "--json")

    told = json.loads(ended.stderr)["error"]
    assert told["message"] == "a bug in squad: ZeroDivisionError: injected"
    assert "raise ZeroDivisionError" in Path(told["hint"].removeprefix("the details are in ")).read_text(encoding="utf-8")
    return [ended]


def test_each_code_of_the_page_is_gotten_by_the_test_that_it_names() -> None:
    rows = ROW.findall(PAGE.read_text(encoding="utf-8"))

    assert {(int(code), test) for code, _, _, test in rows} | {(42, "test_beside_a_run_that_is_under_way")} == shown
    assert {int(code) for code, _, _, _ in rows} == DOCUMENTED


# none besides


def test_every_error_ends_with_a_code_of_the_page() -> None:
    for module in pkgutil.walk_packages(orchestrator.__path__, "orchestrator."):
        if module.name != "orchestrator.__main__":
            importlib.import_module(module.name)

    assert {kind.exit_code for kind in _below(SquadError)} <= DOCUMENTED


def _below(kind: type[SquadError]) -> Iterator[type[SquadError]]:
    yield kind
    for one in kind.__subclasses__():
        yield from _below(one)


def test_every_number_that_a_command_gives_is_a_code_of_the_page() -> None:
    found = {number for name in _modules() for number in _given(importlib.import_module(name))}

    assert found - OF_COMMANDS <= DOCUMENTED
    assert {0, 2, 5, 6, 10, 70, 124, 130} <= found, "what is looked for is found"


def _modules() -> list[str]:
    return [f"orchestrator.cli.{one.name}" for one in pkgutil.iter_modules(orchestrator.cli.__path__)]


def _given(module: Any) -> Iterator[int]:
    """Give the numbers that functions with a whole number as their answer return, as such or by name."""
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    functions = [one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef) and one.returns is not None]
    counting = [one for one in functions if one.returns is not None and "int" in ast.unparse(one.returns).split()]
    returns = (node for one in counting for node in ast.walk(one) if isinstance(node, ast.Return))
    for value in (part for node in returns for part in ast.walk(node)):
        number = value.value if isinstance(value, ast.Constant) else getattr(module, getattr(value, "id", ""), None)
        if isinstance(number, int) and not isinstance(number, bool):
            yield number


@given(
    phase=st.sampled_from(["planning", "running", "paused", "ending", "ended"]),
    outcome=st.sampled_from(["", "done", "failed", "limit", "needs-you", "interrupted", "terminated", "discarded"]),
    states=st.lists(st.sampled_from(TaskState), max_size=4),
    ended_by=st.lists(st.sampled_from(["interrupted", "terminated"]), max_size=3),
)
def test_however_a_run_stands_its_code_is_of_the_page(
    phase: str, outcome: str, states: list[TaskState], ended_by: list[str]
) -> None:
    tasks = {f"T{number}": TaskStatus(agent="agent-1", state=state) for number, state in enumerate(states)}

    assert exit_code(State(run="r-1", phase=phase, outcome=outcome, tasks=tasks), ended_by) in DOCUMENTED - {10, 70, 124}


@pytest.mark.parametrize("given", [(), ("nothing",), ("--nothing",), ("a", "b", "c"), ("--run", "none-1")], ids=str)
def test_every_command_without_a_run_ends_with_a_code_of_the_page(here: Here, given: tuple[str, ...]) -> None:
    # these would do something with what they are given: look at the agent programs of this machine, make a demo
    for name in [one for one in commands() if one not in {"demo", "doctor"} or "--nothing" in given]:
        said = here(name, *given)
        assert said.code in DOCUMENTED - {70}, f"squad {name} {given}: {said}"
        assert said.code in {0, 1, 2, 3, 6}, f"squad {name} {given}: {said}"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full disk to write to")
@pytest.mark.parametrize("command", [("--version",), ("agent", "--help"), ("with-lock", "--help"), ("status", "--help")], ids=str)
def test_a_full_disk_below_the_output_is_told_in_one_line(squad: Squad, command: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        argv = [sys.executable, "-m", "orchestrator", *command]
        ended = subprocess.run(argv, cwd=squad.folder, stdout=full, stderr=subprocess.PIPE, text=True, check=False)

    assert (ended.returncode, ended.stderr) == (1, "squad: cannot write the output: No space left on device\n")
