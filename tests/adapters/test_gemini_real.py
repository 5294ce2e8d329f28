"""The ACP adapter against the real Gemini CLI, which talks to the stub model; each test says what the adapter relies on."""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestrator.adapters.acp import AcpAdapter, acp_adapter
from orchestrator.messages import Conversed, Permission, Said, Status, Turned, TurnEnd, Usage
from orchestrator.model import Operation
from tests.adapters.recordings import keep
from tests.support.builders import order
from tests.support.real_agents import Hear, Talk, obliging, program, talk
from tests.support.repositories import Repository
from tests.support.stub_model import Call, Cut, Fail, Limit, Say, Silence, Step, StubModel
from tests.support.waiting import marked, until

WRITE = Call("write", {"path": "hello.txt", "content": "hello\n"})
EDIT = Call("edit", {"path": "README.md", "old": "# Project", "new": "# Edited"})
#: The user's own settings: how they sign in, and (for the sake of the tests) no retries.
SETTINGS = {
    "security": {"auth": {"selectedType": "gemini-api-key"}},
    "general": {"maxAttempts": 1, "enableAutoUpdate": False},
    "privacy": {"usageStatisticsEnabled": False},
}


@dataclass(slots=True)
class Gemini:
    """The real program in a repository."""

    adapter: AcpAdapter
    repository: Repository
    home: Path
    model: StubModel

    def talk(self, hear: Hear = obliging, *, prompt: str = "do T1", conversation: str = "", record: str = "") -> Talk:
        scratch = self.repository.root.parent / "temporary"
        scratch.mkdir(exist_ok=True)
        told = order(prompt, workspace=self.repository.root, conversation=conversation)
        environment = {
            "HOME": str(self.home),
            "PATH": os.environ["PATH"],
            "TMPDIR": str(scratch),
            "LANG": "C.UTF-8",
            "AGENT_ID": str(self.home),
            "GEMINI_API_KEY": "test",
            "GOOGLE_GEMINI_BASE_URL": self.model.url,
        }
        invocation, understood = self.adapter.invoke(told), self.adapter.conversation(told)
        gone = talk(invocation, understood, hear, cwd=self.repository.root, environment=environment)
        if record:
            places = {str(self.repository.root): "/project", str(self.home): "/home/ada", str(scratch): "/tmp"}
            installed = os.environ["SQUAD_TEST_AGENTS"].rstrip("/")
            keep("gemini", record, gone.printed, {**places, installed: "/agents", self.model.url: "URL"})
        return gone

    def settings(self, **more: object) -> None:
        (self.home / ".gemini").mkdir(exist_ok=True)
        (self.home / ".gemini" / "settings.json").write_text(json.dumps({**SETTINGS, **more}), encoding="utf-8")

    def exists(self, path: str) -> bool:
        return (self.repository.root / path).exists()

    def text(self, path: str) -> str:
        return (self.repository.root / path).read_text(encoding="utf-8")


@pytest.fixture
def gemini(repository: Repository, home: Path) -> Iterator[Gemini]:
    found = program("gemini")
    adapter = acp_adapter("gemini", profile="gemini", command=(found, "--acp"), model="gemini-2.5-pro")
    with StubModel({}) as model:
        told = Gemini(adapter, repository, home, model)
        told.settings()
        yield told
    assert until(lambda: not marked(str(home)), "the end of every process")


def test_a_file_is_written_after_the_agent_has_asked(gemini: Gemini) -> None:
    gemini.model.play(T1=[WRITE, Say("Status: COMPLETE")])

    gone = gemini.talk(record="write")

    [asked] = gone.of(Permission)
    assert isinstance(asked, Permission)
    path = str(gemini.repository.root / "hello.txt")
    assert (asked.paths, asked.operation) == ((path,), Operation.CREATE)
    assert gemini.text("hello.txt") == "hello\n"
    assert Status(files={path: "created"}) in gone.said
    assert [turn.outcome for turn in gone.turns] == [TurnEnd.DONE]
    assert gone.of(Usage) == [Usage(fresh=2400, output=100)]
    assert gemini.model.asked[-1].model == "gemini-2.5-pro"
    assert gone.process.returncode == 0


def test_an_edit_waits_for_its_answer(gemini: Gemini) -> None:
    gemini.model.play(T1=[EDIT, Say()])
    before: list[str] = []

    def hold(said: Said, going: Talk) -> None:
        if isinstance(said, Permission):
            time.sleep(2)  # as long as a lock may take
            before.append(gemini.text("README.md"))
        obliging(said, going)

    gemini.talk(hold, record="held")

    assert before == ["# Project\n"]
    assert gemini.text("README.md") == "# Edited\n"


def test_a_refusal_is_followed_by_its_reason(gemini: Gemini) -> None:
    gemini.model.play(T1=[WRITE, Say("I could not.")], squad=[Say("I see.")])
    reason = "it belongs to agent-2-backend"

    def refuse(said: Said, going: Talk) -> None:
        if isinstance(said, Permission):
            going.refuse(said, reason)
        else:
            obliging(said, going)

    gone = gemini.talk(refuse, record="refused")

    assert any(reason in text for text in gemini.model.asked[-1].said)
    assert not gemini.exists("hello.txt")
    assert [turn.outcome for turn in gone.turns] == [TurnEnd.REFUSED]


def test_a_command_is_asked_for_by_its_text(gemini: Gemini) -> None:
    gemini.model.play(T1=[Call("shell", {"command": "echo hello > hello.txt"}), Say()])

    [asked] = gemini.talk(record="shell").of(Permission)

    assert isinstance(asked, Permission)
    assert (asked.paths, asked.command) == ((), "echo hello > hello.txt")
    assert gemini.text("hello.txt") == "hello\n"


@pytest.mark.soak
def test_settings_that_approve_edits_do_not_keep_it_from_asking(gemini: Gemini) -> None:
    gemini.settings(general={"defaultApprovalMode": "auto_edit"})
    gemini.model.play(T1=[WRITE, Say()])

    assert len(gemini.talk().of(Permission)) == 1


@pytest.mark.soak
@pytest.mark.parametrize(
    ("record", "step", "outcome"),
    [
        pytest.param("status-400", Fail(400), TurnEnd.PERMANENT, marks=pytest.mark.soak),
        ("status-401", Fail(401), TurnEnd.AUTH),
        pytest.param("status-429", Fail(429, retry_after=1), TurnEnd.TRANSIENT, marks=pytest.mark.soak),
        ("status-500", Fail(500), TurnEnd.TRANSIENT),
        pytest.param("status-529", Fail(529), TurnEnd.TRANSIENT, marks=pytest.mark.soak),
        ("limit", Limit(4102444800.0), TurnEnd.LIMIT),
        ("cut", Cut(), TurnEnd.TRANSIENT),
    ],
)
def test_a_failure_ends_the_turn(gemini: Gemini, record: str, step: Step, outcome: TurnEnd) -> None:
    gemini.model.play(T1=[step])

    assert [turn.outcome for turn in gemini.talk(record=record).turns] == [outcome]


@pytest.mark.soak
def test_an_interrupt_ends_a_silent_turn_and_not_the_conversation(gemini: Gemini) -> None:
    gemini.model.play(T1=[Call("shell", {"command": "touch other.txt"}), Silence()], T2=[Say("Second.")])

    def interrupt(said: Said, going: Talk) -> None:
        if isinstance(said, Permission):
            going.allow(said)
            assert until(lambda: len(gemini.model.asked) == 2, "the silence")
            going.send(going.conversation.interrupt())
        elif isinstance(said, Turned) and said.outcome is TurnEnd.INTERRUPTED:
            going.send(going.conversation.tell("leave it, do T2"))
        else:
            obliging(said, going)

    gone = gemini.talk(interrupt, record="interrupt")

    assert [turn.outcome for turn in gone.turns] == [TurnEnd.INTERRUPTED, TurnEnd.DONE]


@pytest.mark.soak
def test_a_loaded_conversation_remembers_and_tells_only_what_is_new(gemini: Gemini) -> None:
    looks = Call("list_directory", {"dir_path": "."})
    gemini.model.play(T1=[WRITE, looks, looks, Say("Status: COMPLETE")], T2=[Say("Second.")])
    first = gemini.talk()
    [begun] = first.of(Conversed)
    assert isinstance(begun, Conversed)

    [chat] = (gemini.home / ".gemini" / "tmp").rglob(f"chats/session-*-{begun.session[:8]}.jsonl")
    chat.rename(chat.with_name(f"session-2026-01-01T00-00-{begun.session[:8]}.jsonl"))  # one of this very minute is not found

    second = gemini.talk(prompt="now T2", conversation=begun.session, record="loaded")

    assert second.of(Conversed) == [begun]
    assert any("do T1" in text for text in gemini.model.asked[-1].said)
    assert b"Status: COMPLETE" in second.printed, "it replays what was said"
    assert second.of(Usage) == [Usage(fresh=1200, output=50)]
    assert [type(said) for said in second.said if not hasattr(said, "line")] == [Conversed, Usage, Turned]


@pytest.mark.soak
def test_a_conversation_that_is_not_there_fails_for_good(gemini: Gemini) -> None:
    gone = gemini.talk(conversation="00000000-0000-4000-8000-000000000000", record="no-conversation")

    assert [turn.outcome for turn in gone.turns] == [TurnEnd.PERMANENT]


@pytest.mark.soak
def test_one_that_waits_for_a_person_to_sign_in_fails_at_once(gemini: Gemini) -> None:
    gemini.settings(security={"auth": {"selectedType": "oauth-personal"}})

    def leave(said: Said, going: Talk) -> None:
        if isinstance(said, Turned):
            going.process.kill()

    gone = gemini.talk(leave, record="sign-in")

    assert [turn.outcome for turn in gone.turns] == [TurnEnd.AUTH]
    assert "run `gemini` once" in gone.turns[0].reason
