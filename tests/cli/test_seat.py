"""`squad doctor AGENT`, of an agent of the latest run."""

import json

import pytest

from tests.support.here import Here
from tests.support.repositories import Repository

TASKS = """\
version: 1
tasks:
  - {id: T1, title: Goes well, writes: [a.txt], agents: [agent-1], simulate: {work: 0s}}
  - {id: T2, title: Goes wrong, writes: [b.txt], agents: [agent-2], simulate: {work: 0s, then: [fail]}}
"""
SETTINGS = """\
agents:
  agent-1: {use: simulated}
  agent-2: {use: simulated, role: tester, environment: {API_TOKEN: very-secret-word, MODE: test}}
run: {attempts: 1}
"""


@pytest.fixture
def ran(here: Here, repository: Repository) -> Here:
    repository.write({"squad.yaml": SETTINGS, "tasks.yaml": TASKS})
    assert here("run", "tasks.yaml", "-y", "-q").code == 1
    return here


def test_an_agent_of_the_run_is_told_with_surroundings_plan_locks_last_attempt_and_what_to_do(ran: Here) -> None:
    said = ran.ok("doctor", "agent-2")

    assert said.startswith("agent-2: tester, by simulated; idle, in tasks-1\n")
    assert "  MODE=test\n" in said
    assert "  API_TOKEN=[hidden]\n" in said
    assert "very-secret-word" not in said
    assert "  T2  failed      Goes wrong\n" in said
    assert "T1" not in said
    assert "locks\n  none\n" in said
    assert "  T2.1: failed: the agent says that it failed\n" in said
    assert "what to do: see why T2.1 ended: squad logs agent-2\n" in said
    assert ran.ok("doctor", "agent-1").endswith("what to do: nothing stands in its way\n")


def test_the_document_says_the_same(ran: Here) -> None:
    told = ran.json("doctor", "agent-2")

    assert (told["schema_version"], told["agent"], told["program"], told["state"]) == (1, "agent-2", "simulated", "idle")
    assert told["environment"]["API_TOKEN"] == "[hidden]"
    assert [(task["id"], task["state"]) for task in told["tasks"]] == [("T2", "failed")]
    assert told["last_attempt"]["attempt"] == "T2.1"


def test_without_a_run_an_agent_is_unknown_as_before(here: Here) -> None:
    said = here("doctor", "agent-2")

    assert said.code == 2
    assert "there is no agent program or agent 'agent-2'" in said.err


def test_doctor_looks_at_the_ground_too(here: Here) -> None:
    document = here("doctor", "--quick", "--json")

    names = [tool["name"] for tool in json.loads(document.out)["tools"]]
    assert names == ["git", "python", "folders", "disk", "enforcement", "clock"]
