"""Runs with an agent that speaks ACP: what it asks, what it reads of a refusal, how its turns end, and where it goes on.

What it does as every agent program does stands in the conformance list.
"""

from pathlib import Path
from typing import Any

import pytest

from orchestrator import events as ev
from tests.support.commands import Squad
from tests.support.fake_acp import FakeAcp
from tests.support.repositories import Repository
from tests.support.runs import Ran, Runs


@pytest.fixture
def agent(tmp_path: Path, squad: Squad) -> FakeAcp:
    return FakeAcp(tmp_path / "bin")


@pytest.fixture
def runs(repository: Repository) -> Runs:
    return Runs(repository)


def one(runs: Runs, agent: FakeAcp, *arguments: str, run: dict[str, Any] | None = None, **more: Any) -> Ran:
    command = [str(agent.folder / agent.name), *arguments]
    settings = {
        "agents": {"agent-1": {"use": "acp", "command": command}, "agent-2": {"use": "simulated"}},
        "ownership": {"theirs/**": {"owner": "agent-2"}},
    }
    task = {"id": "T1", "title": "Write a", "writes": ["a.txt"], "agents": ["agent-1"], **more}
    return runs(task, settings=settings, run=run)


def outcomes(ran: Ran) -> list[tuple[str, str]]:
    return [(end.attempt, end.outcome) for end in ran.all(ev.AttemptEnded)]


def test_a_file_of_its_task_is_written_and_the_end_of_its_turn_claims_done(
    runs: Runs, repository: Repository, agent: FakeAcp
) -> None:
    agent.play({"T1.1": [["write", "a.txt"], ["spend", 0.5], ["say", "The file is there."]]})

    ran = one(runs, agent)

    assert ran.code == 0
    assert repository.show("squad/tasks-1", "a.txt") == "written"
    assert agent.notes("T1.1", "answer") == [{"outcome": "selected", "optionId": "yes"}], "once, and never for good"
    assert agent.notes("T1.1", "ended") == ["end of stdin"], "it leaves by itself, and is not killed"
    assert [started.adapter for started in ran.all(ev.AttemptStarted)] == ["acp"]
    assert [(told.fresh, told.cached, told.output, told.money) for told in ran.all(ev.UsageReported)] == [(1000, 200, 50, 0.5)]


def test_an_edit_outside_of_its_task_is_locked_first(runs: Runs, agent: FakeAcp) -> None:
    agent.play({"T1.1": [["write", "a.txt"], ["write", "b.txt"]]})

    ran = one(runs, agent)

    assert ran.code == 0
    assert [lock.path for lock in ran.all(ev.LockGranted) if not lock.declared] == ["b.txt"]


@pytest.mark.parametrize("stop", ["end_turn", "cancelled"])
def test_a_refusal_that_ends_the_turn_is_followed_by_its_reason(runs: Runs, agent: FakeAcp, stop: str) -> None:
    agent.play({"T1.1": [["write", "theirs/b.txt"], ["end", stop], ["write", "a.txt"]]})

    ran = one(runs, agent)

    assert outcomes(ran) == [("T1.1", "done")]
    first, second = agent.notes("T1.1", "told")
    assert "Write a" in first
    assert "theirs/b.txt belongs to agent-2" in second


def test_one_that_asks_again_and_again_for_what_is_refused_has_failed(runs: Runs, agent: FakeAcp) -> None:
    agent.play({"T1.1": [["write", "theirs/b.txt"], ["end"]] * 20, "T1.2": [["write", "a.txt"]]})

    ran = one(runs, agent, run={"stall": {"same_failure": 9}})

    assert outcomes(ran) == [("T1.1", "failed"), ("T1.2", "done")]
    assert len(agent.notes("T1.1", "told")) == 4, "the task, and three times the reasons"
    assert "theirs/b.txt" in agent.notes("T1.2", "told")[0]


def test_the_third_refusal_of_one_path_is_a_verdict_with_its_reason(runs: Runs, agent: FakeAcp) -> None:
    agent.play({"T1.1": [["write", "theirs/b.txt"], ["end"]] * 20, "T1.2": [["write", "a.txt"]]})

    ran = one(runs, agent)

    assert outcomes(ran) == [("T1.1", "stalled"), ("T1.2", "done")]
    [stalled] = ran.all(ev.AgentStalled)
    assert stalled.verdict == "refused"
    assert stalled.evidence.startswith("refused 3 times: theirs/b.txt belongs to agent-2")


@pytest.mark.parametrize("kind", ["edit", "other", "switch_mode"])
def test_what_tells_no_path_is_refused(runs: Runs, agent: FakeAcp, kind: str) -> None:
    agent.play({"T1.1": [["blind", kind], ["write", "a.txt"]]})

    ran = one(runs, agent, run={"questions": {"wait": 0}})  # nobody is there to be asked

    assert ran.code == 0
    assert [answer["optionId"] for answer in agent.notes("T1.1", "answer")] == ["no", "yes"]


def test_the_same_conversation_goes_on_after_its_model_was_out_of_reach(runs: Runs, agent: FakeAcp) -> None:
    agent.play({"T1.1": [["say", "half"], ["fail", 529, "overloaded"]], "T1.2": [["write", "a.txt"]]})

    ran = one(runs, agent)

    assert outcomes(ran) == [("T1.1", "transient"), ("T1.2", "done")]
    assert "session/load" in agent.notes("T1.2", "asked")
    assert "Go on with your task" in agent.notes("T1.2", "told")[0]


def test_an_agent_that_cannot_take_up_a_conversation_is_told_everything_anew(runs: Runs, agent: FakeAcp) -> None:
    agent.play({"T1.1": [["fail", 529, "overloaded"]], "T1.2": [["write", "a.txt"]]})

    ran = one(runs, agent, "fresh")

    assert outcomes(ran) == [("T1.1", "transient"), ("T1.2", "done")]
    assert ran.all(ev.ConversationKnown) == []
    assert "Rules of this run" in agent.notes("T1.2", "told")[0]


def test_a_bad_sign_in_parks_the_task_and_says_so(runs: Runs, agent: FakeAcp) -> None:
    agent.play({f"T1.{number}": [["fail", -32000, "Authentication required"]] for number in range(1, 5)})

    ran = one(runs, agent)

    assert {outcome for _, outcome in outcomes(ran)} == {"environment"}
    assert "not signed in" in ran.all(ev.TaskParked)[0].reason


def test_a_silent_turn_is_cancelled_and_goes_on(runs: Runs, agent: FakeAcp) -> None:
    agent.play({"T1.1": [["hang"], ["write", "a.txt"]]})

    ran = one(runs, agent, run={"stall": {"after": "1s"}})

    assert outcomes(ran) == [("T1.1", "done")]
    assert [climbed.rung for climbed in ran.all(ev.RungClimbed)] == ["interrupt"]
    assert "session/cancel" in agent.notes("T1.1", "asked")
