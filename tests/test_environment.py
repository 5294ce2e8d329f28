"""What an agent's process sees of its surroundings."""

import os
import sys
from pathlib import Path

from orchestrator.environment import Place, for_agent, passed
from orchestrator.model import AgentId, RunId, TaskId

PLACE = Place(
    run=RunId("demo-1"),
    task=TaskId("T1"),
    agent=AgentId("agent-1-frontend"),
    role="frontend",
    workspace=Path("/w"),
    plan=Path("/p/plan.md"),
    comm=Path("/p/comm.md"),
    socket=Path("/p/a.sock"),
    token="secret",
)
OWN = {
    "AGENT_ID": "agent-1-frontend",
    "AGENT_TYPE": "frontend",
    "AGENT_PLAN": "/p/plan.md",
    "AGENT_COMM": "/p/comm.md",
    "PARALLEL_MODE": "1",
    "SQUAD_SOCKET": "/p/a.sock",
    "SQUAD_TOKEN": "secret",
    "SQUAD_RUN": "demo-1",
    "SQUAD_TASK": "T1",
    "SQUAD_WORKSPACE": "/w",
}
HOME = {
    "HOME": "/h",
    "PATH": "/bin",
    "LANG": "C",
    "LC_ALL": "C",
    "TERM": "xterm",
    "TZ": "UTC",
    "TMPDIR": "/t",
    "https_proxy": "p",
}
BIN = str(Path(sys.executable).parent)


def test_of_squads_environment_only_the_allow_list_passes() -> None:
    surroundings = {
        **HOME,
        "AWS_SECRET_ACCESS_KEY": "x",
        "GITHUB_TOKEN": "y",
        "USER": "ada",
        "SQUAD_CONFIG_ENFORCE": "z",
        "LD_PRELOAD": "w",
    }

    given = for_agent(surroundings, PLACE, adapter={}, configured={})

    assert given == {**HOME, **OWN, "PATH": f"/bin:{BIN}"}


def test_what_the_program_needs_passes_too() -> None:
    surroundings = {**HOME, "ANTHROPIC_API_KEY": "k", "OPENAI_API_KEY": "l"}

    given = for_agent(surroundings, PLACE, adapter={}, configured={}, needs=("ANTHROPIC_API_KEY", "NOT_SET"))

    assert given["ANTHROPIC_API_KEY"] == "k"
    assert not {"OPENAI_API_KEY", "NOT_SET"} & set(given)


def test_a_star_stands_for_any_ending_of_what_the_program_needs() -> None:
    surroundings = {**HOME, "ANTHROPIC_API_KEY": "k", "ANTHROPIC_MODEL": "m", "MY_ANTHROPIC_KEY": "x", "OPENAI_API_KEY": "l"}

    given = for_agent(surroundings, PLACE, adapter={}, configured={}, needs=("ANTHROPIC_*",))

    assert set(given) - set(OWN) - set(HOME) == {"ANTHROPIC_API_KEY", "ANTHROPIC_MODEL"}


def test_the_configured_environment_wins_over_everything_but_squads_own() -> None:
    configured = {"HOME": "/other", "NODE_ENV": "test", "AGENT_ID": "me", "SQUAD_TOKEN": "mine"}

    given = for_agent(HOME, PLACE, adapter={"NODE_ENV": "dev"}, configured=configured)

    assert (given["HOME"], given["NODE_ENV"], given["AGENT_ID"], given["SQUAD_TOKEN"]) == (
        "/other",
        "test",
        "agent-1-frontend",
        "secret",
    )


def test_the_programs_of_a_run_are_found_first_whatever_is_configured() -> None:
    given = for_agent(HOME, PLACE, adapter={}, configured={"PATH": "/mine"}, first=Path("/p/run/bin"))

    assert given["PATH"] == f"/p/run/bin:/mine:{BIN}"


def test_squad_is_found_on_a_configured_path() -> None:
    given = for_agent(HOME, PLACE, adapter={}, configured={"PATH": "/only"})

    assert given["PATH"] == f"/only:{BIN}"


def test_without_a_path_the_systems_own_is_taken() -> None:
    assert passed({})["PATH"] == f"{os.defpath}:{BIN}"
    assert passed({"PATH": f"{BIN}:/bin"})["PATH"] == f"{BIN}:/bin"
