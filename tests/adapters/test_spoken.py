"""What people read of an agent's own protocol."""

from pathlib import Path

import pytest

from orchestrator.adapters.spoken import spoken
from tests.support.real_agents import DATA


def shown(path: Path) -> list[str]:
    return [said for line in path.read_text(encoding="utf-8").splitlines() if (said := spoken(line))]


def test_what_claude_said_and_did() -> None:
    assert shown(DATA / "claude" / "write.jsonl") == ["[Write hello.txt]", "Status: COMPLETE", "[turn ended: completed]"]


def test_what_codex_said_and_did() -> None:
    assert shown(DATA / "codex" / "write.jsonl")[-3:] == [
        "[/project/hello.txt: completed]",
        "Status: COMPLETE",
        "[turn ended: completed]",
    ]


def test_what_an_agent_said_and_did_over_acp() -> None:
    shown_ = [
        said for said in shown(DATA / "gemini" / "write.jsonl") if said.startswith(("[asks", "[Writing", "[turn", "Status"))
    ]

    assert shown_ == [
        "[asks: Writing to hello.txt]",
        "[Writing to hello.txt: completed]",
        "Status: COMPLETE",
        "[turn ended: end_turn]",
    ]


@pytest.mark.parametrize("path", sorted(DATA.glob("*/*.jsonl")), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_no_json_is_left_of_a_recorded_stream(path: Path) -> None:
    assert [said for said in shown(path) if said.startswith("{")] == []


OURS = ('{"type": "status", "status": "ACTIVE"}', '{"method": "status", "params": {}}')


@pytest.mark.parametrize("line", ["", "plain", "{", "{}", '{"type": "user"}', '{"type": []}', *OURS])
def test_what_is_no_line_of_a_known_protocol_is_shown_as_it_is(line: str) -> None:
    assert spoken(line) == line
