"""Runs with programs that speak squad: their claims are final, and each has an account of its own."""

from pathlib import Path
from typing import Any

import pytest

from orchestrator import events as ev
from orchestrator.run import agent as agents
from tests.support.fake_speaker import FakeSpeaker
from tests.support.repositories import Repository
from tests.support.runs import Ran, Runs

SPEAKER = {"use": "command", "command": ["speaker"], "speaks": "squad"}


@pytest.fixture
def speaker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSpeaker:
    installed = FakeSpeaker(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{installed.folder}:/usr/local/bin:/usr/bin:/bin")
    return installed


def outcomes(ran: Ran) -> list[tuple[str, str]]:
    return sorted((end.attempt, end.outcome) for end in ran.all(ev.AttemptEnded))


def writing(name: str, agent: str) -> dict[str, Any]:
    return {"id": name, "title": f"Write {name}", "writes": [f"{name}.txt"], "agents": [agent]}


def test_one_that_claims_by_its_socket_and_waits_for_more_is_done(
    repository: Repository, speaker: FakeSpeaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agents, "LINGER", 0.5)
    speaker.play({"T1.1": [["write", "T1.txt"], ["shell", "squad agent done"], ["wait", "/never"]]})

    ran = Runs(repository)(writing("T1", "agent-1"), settings={"agents": {"agent-1": SPEAKER}})

    assert outcomes(ran) == [("T1.1", "done")]


def test_the_limit_of_one_is_not_the_limit_of_another(repository: Repository, speaker: FakeSpeaker) -> None:
    speaker.play({"T1.1": [["limit", 2]], "T1.2": [["write", "T1.txt"]], "T2.1": [["write", "T2.txt"]]})
    both = {"agents": {"agent-1": SPEAKER, "agent-2": SPEAKER}}

    ran = Runs(repository)(writing("T1", "agent-1"), writing("T2", "agent-2"), settings=both)

    assert outcomes(ran) == [("T1.1", "limit"), ("T1.2", "done"), ("T2.1", "done")]
    assert [limit.agent for limit in ran.all(ev.LimitReached)] == ["agent-1"]
