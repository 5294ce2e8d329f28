"""`squad doctor` with the real programs, and a model that does what a script says."""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import Squad
from tests.support.conformance.subjects import CODEX
from tests.support.real_agents import program
from tests.support.stub_model import Call, Fail, Limit, Say, Step, StubModel
from tests.support.waiting import marked

NAMES = ("claude", "codex")
KEY = "sk-ant-recognisable-secret-key"


def write(path: str) -> Call:
    return Call("write", {"path": path, "content": "ready\n"})


@dataclass(slots=True)
class Practice:
    """A machine with Claude Code and Codex on it."""

    squad: Squad
    model: StubModel
    home: Path

    def examine(self, *, write: Sequence[Step], refuse: Sequence[Step] = ()) -> dict[str, Any]:
        """Let the doctor look at both; the word of each script stands in the prompt that it answers."""
        self.model.play(**{"squad-doctor.txt": list(write), "squad-refused.txt": list(refuse)})
        done = self.squad("doctor", "--json", *NAMES)
        assert KEY not in done.stdout + done.stderr
        document: dict[str, Any] = json.loads(done.stdout)
        assert done.returncode == (0 if document["ok"] else 4)
        return {one["name"]: one for one in document["programs"]}


@pytest.fixture
def practice(squad: Squad, home: Path, tmp_path: Path) -> Iterator[Practice]:
    folders = {str(Path(program(name)).parent) for name in NAMES}
    temporary = tmp_path / "temporary"  # Codex refuses a home that lies below TMPDIR
    temporary.mkdir()
    with StubModel({}) as model:
        (home / ".codex").mkdir()
        (home / ".codex" / "config.toml").write_text(CODEX.format(url=model.url), encoding="utf-8")
        squad.environment |= {
            "PATH": ":".join([*folders, "/usr/local/bin", "/usr/bin", "/bin"]),
            "TMPDIR": str(temporary),
            "ANTHROPIC_BASE_URL": model.url,
            "ANTHROPIC_API_KEY": KEY,
            "OPENAI_STUB_KEY": KEY,
        }
        yield Practice(squad, model, home)
    assert marked("squad-doctor-") == []
    assert list(temporary.glob("squad-*")) == []


def answers(one: dict[str, Any]) -> tuple[object, ...]:
    return one["in_range"], one["signed_in"], one["can_write"], one["can_be_refused"]


def test_both_write_what_they_may_and_leave_what_they_may_not(practice: Practice) -> None:
    found = practice.examine(
        write=[write("squad-doctor.txt"), Say("Written.")], refuse=[write("squad-refused.txt"), Say("I was refused.")]
    )

    assert {name: answers(found[name]) for name in NAMES} == dict.fromkeys(NAMES, (True, True, True, True))
    assert [found[name]["findings"] for name in NAMES] == [[], []]


@pytest.mark.soak
def test_a_bad_key_is_told_without_being_shown(practice: Practice) -> None:
    found = practice.examine(write=[Fail(401, f"Incorrect API key provided: {KEY}")])

    assert {name: answers(found[name]) for name in NAMES} == dict.fromkeys(NAMES, (True, False, None, None))
    assert [found[name]["findings"][0]["remedy"] for name in NAMES] == ["claude auth login", "codex login"]


def test_an_account_at_its_limit_is_signed_in(practice: Practice) -> None:
    practice.squad.environment |= {"CLAUDE_CODE_OAUTH_TOKEN": KEY}  # an account, and no key
    del practice.squad.environment["ANTHROPIC_API_KEY"]

    found = practice.examine(write=[Limit(until=time.time() + 3600)])

    assert {name: answers(found[name]) for name in NAMES} == dict.fromkeys(NAMES, (True, True, None, None))
    assert all("usage limit until" in found[name]["findings"][0]["text"] for name in NAMES)
