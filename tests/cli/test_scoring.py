"""The user's own score function: it runs only when these very bytes were agreed to, and its faults have a place."""

import importlib.util
import json
import py_compile
from pathlib import Path

import pytest

from tests.support.commands import Squad
from tests.support.here import Here

CONFIGURATION = """\
agents: {agent-1-web: {use: simulated}, agent-2-api: {use: simulated}}
allocation:
  score: scoring:score
"""
SECOND = "def score(task, agent):\n    return agent.id == 'agent-2-api' and 1.0 or 0\n"


@pytest.fixture
def scored(here: Here) -> Here:
    """A project with a function that prefers the second agent."""
    write(here, "prd.md", "- [ ] Write `a.py`\n")
    write(here, "squad.yaml", CONFIGURATION)
    write(here, "scoring.py", SECOND)
    return here


def write(here: Here, name: str, text: str) -> None:
    path = here.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def agent(here: Here) -> str:
    return str(here.json("-y", "plan", "prd.md")["tasks"][0]["agent"])


def refused(here: Here) -> str:
    said = here("--no-input", "plan", "prd.md")
    assert said.code == 6, said.err
    return said.err


def fault(here: Here) -> str:
    said = here("-y", "plan", "prd.md")
    assert said.code == 3, said.err
    return said.err


def test_nothing_of_it_runs_before_a_person_agreed_and_the_command_that_helps_is_named(scored: Here) -> None:
    write(scored, "scoring.py", f"open({str(scored.folder / 'ran')!r}, 'w')\n{SECOND}")

    told = refused(scored)

    assert "score: scoring:score (scoring.py, sha256 " in told
    assert "-y" in told
    assert not (scored.folder / "ran").exists()


def test_consent_is_remembered_until_a_byte_of_it_changes(scored: Here) -> None:
    assert agent(scored) == "agent-2-api"
    scored.ok("--no-input", "plan", "prd.md")

    write(scored, "scoring.py", SECOND.replace("agent-2-api", "agent-1-web"))
    refused(scored)
    assert agent(scored) == "agent-1-web"


def test_what_it_imports_from_the_project_is_agreed_to_with_it(scored: Here) -> None:
    write(scored, "tools/__init__.py", "")
    write(scored, "tools/rank.py", "from .table import ROWS\n")
    write(scored, "tools/table.py", "ROWS = {'agent-2-api': 1}\n")
    write(scored, "scoring.py", "from tools.rank import ROWS\ndef score(task, agent):\n    return ROWS.get(agent.id, 0)\n")

    told = refused(scored)
    assert [
        name for name in ("scoring.py", "tools/__init__.py", "tools/rank.py", "tools/table.py") if f"({name}," not in told
    ] == []
    assert agent(scored) == "agent-2-api"
    write(scored, "tools/table.py", "ROWS = {'agent-1-web': 1}\n")
    refused(scored)


def test_a_run_asks_as_a_plan_does_and_carries_out_what_was_agreed_to(scored: Here) -> None:
    assert scored("--no-input", "run", "prd.md").code == 6
    assert not (scored.folder / ".squad").exists()

    scored.ok("-y", "run", "prd.md")

    assert [one["agent"] for one in scored.json("status")["tasks"]] == ["agent-2-api"]


def test_what_was_compiled_of_something_else_is_not_taken_instead(scored: Here) -> None:
    cached = Path(importlib.util.cache_from_source(str(scored.folder / "scoring.py")))
    evil = scored.folder / "evil.py"
    evil.write_text(SECOND.replace("agent-2-api", "agent-1-web"))
    py_compile.compile(str(evil), str(cached), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)

    assert agent(scored) == "agent-2-api"


def test_what_it_prints_is_no_data(scored: Here) -> None:
    write(scored, "scoring.py", SECOND.replace("    return", "    print('looking')\n    return"))

    said = scored("-y", "plan", "prd.md", "--json")

    assert json.loads(said.out)["tasks"][0]["agent"] == "agent-2-api"
    assert "looking" in said.err


def test_it_lies_beside_the_configuration_else_in_the_project(scored: Here) -> None:
    write(scored, "configs/fast.yaml", CONFIGURATION)
    assert "(scoring.py," in scored("--no-input", "-c", "fast", "plan", "prd.md").err
    write(scored, "configs/scoring.py", SECOND)
    assert "(configs/scoring.py," in scored("--no-input", "-c", "fast", "plan", "prd.md").err


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (
            "def score(task, agent):\n    return 1 / 0\n",
            "for T1 (prd.md:1) and agent-1-web failed: ZeroDivisionError: division by zero",
        ),
        ("def score(task, agent):\n    raise SystemExit(9)\n", "failed: SystemExit: 9"),
        ("def score(task, agent):\n    return 'much'\n", "gave 'much': expected a number"),
        ("def score(task, agent):\n    return float('nan')\n", "gave nan: expected a number"),
        ("def score(task, agent):\n    return True\n", "gave True: expected a number"),
        ("def score(task):\n    return 1\n", "failed: TypeError"),
        ("def score(task, agent):\n    task.title = ''\n", "failed: FrozenInstanceError"),
        ("import nowhere_at_all\n", "scoring cannot be imported: ModuleNotFoundError"),
        ("def score(:\n", "scoring cannot be imported: SyntaxError"),
        ("score = 5\n", "scoring has no function 'score'"),
    ],
)
def test_a_fault_of_it_ends_with_the_place_of_the_key_and_the_way_out(scored: Here, body: str, told: str) -> None:
    write(scored, "scoring.py", body)

    said = fault(scored)

    assert said.splitlines()[0].startswith("squad: squad.yaml:3:3: allocation.score: ")
    assert told in said
    assert "mend it, or take allocation.score away" in said


def test_a_module_that_is_not_there_is_told_with_where_it_was_looked_for(scored: Here) -> None:
    (scored.folder / "scoring.py").unlink()

    assert f"there is no module 'scoring' in {scored.folder}" in fault(scored)


def test_a_function_that_is_installed_is_agreed_to_as_well(scored: Here) -> None:
    write(scored, "squad.yaml", CONFIGURATION.replace("scoring:score", "operator:eq"))

    assert "score: operator:eq (installed, not of this project)" in refused(scored)
    assert "gave False: expected a number" in fault(scored)


def test_numbers_are_rounded_so_that_the_last_digit_of_a_machine_decides_nothing(scored: Here) -> None:
    write(scored, "scoring.py", "def score(task, agent):\n    return 1 + ('2' in agent.id) * 1e-9\n")

    assert agent(scored) == "agent-1-web"


def test_the_same_function_gives_the_same_bytes_in_every_process(scored: Here, squad: Squad) -> None:
    scored.ok("-y", "plan", "prd.md")

    plans = set()
    for seed in ("1", "2"):
        squad.environment["PYTHONHASHSEED"] = seed
        plans.add(squad.ok("plan", "prd.md", "--json"))

    assert len(plans) == 1
    assert not (scored.folder / "__pycache__").exists()
