"""The adapter against the real program, which talks to the stub model; each test says what the adapter relies on."""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from orchestrator.adapters.claude import ClaudeAdapter
from orchestrator.messages import Conversed, Permission, Said, Status, Turned, TurnEnd, Usage, Withdrawn
from tests.adapters.recordings import keep
from tests.support.builders import order
from tests.support.real_agents import Hear, Talk, obliging, program, talk
from tests.support.repositories import Repository
from tests.support.stub_model import Call, Cut, Fail, Limit, Say, Silence, Step, StubModel
from tests.support.waiting import marked, until

LIMITED_UNTIL = 4102444800.0
WRITE = Call("write", {"path": "hello.txt", "content": "hello\n"})
READ = Call("Read", {"file_path": "README.md"})
EDIT = Call("edit", {"path": "README.md", "old": "# Project", "new": "# Edited"})


@dataclass(slots=True)
class Claude:
    """The real program in a repository."""

    adapter: ClaudeAdapter
    repository: Repository
    home: Path
    model: StubModel
    variables: dict[str, str] = field(default_factory=lambda: {"ANTHROPIC_API_KEY": "test"})

    def talk(self, hear: Hear = obliging, *, prompt: str = "do T1", conversation: str = "", record: str = "") -> Talk:
        told = order(prompt, workspace=self.repository.root, conversation=conversation, mark=f"{self.home}/demo-1/T1.1")
        environment = {
            "HOME": str(self.home),
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "AGENT_ID": str(self.home),
            "ANTHROPIC_BASE_URL": self.model.url,
            **self.variables,
        }
        invocation, understood = self.adapter.invoke(told), self.adapter.conversation(told)
        gone = talk(invocation, understood, hear, cwd=self.repository.root, environment=environment)
        if record:
            places = {str(self.repository.root): "/project", str(self.home): "/home/ada", self.model.url: "URL"}
            keep("claude", record, gone.printed, places)
        return gone

    def exists(self, path: str) -> bool:
        return (self.repository.root / path).exists()

    def text(self, path: str) -> str:
        return (self.repository.root / path).read_text(encoding="utf-8")


@pytest.fixture
def claude(repository: Repository, home: Path) -> Iterator[Claude]:
    adapter = ClaudeAdapter(command=(program("claude"),))
    with StubModel({}) as model:
        yield Claude(adapter, repository, home, model)
    assert until(lambda: not marked(str(home)), "the end of every process")


def test_a_file_is_written_after_the_agent_has_asked(claude: Claude) -> None:
    claude.model.play(T1=[WRITE, Say("Status: COMPLETE")])

    gone = claude.talk(record="write")

    path = str(claude.repository.root / "hello.txt")
    [asked] = gone.of(Permission)
    assert isinstance(asked, Permission)
    assert (asked.tool, asked.paths) == ("Write", (path,))
    assert claude.text("hello.txt") == "hello\n"
    assert [turn.outcome for turn in gone.turns] == [TurnEnd.DONE]
    assert gone.process.returncode == 0


def test_an_edit_waits_for_its_answer(claude: Claude) -> None:
    claude.model.play(T1=[READ, EDIT, Say()])
    before: list[str] = []

    def hold(said: Said, going: Talk) -> None:
        if isinstance(said, Permission):
            time.sleep(2)  # as long as a lock may take
            before.append(claude.text("README.md"))
        obliging(said, going)

    gone = claude.talk(hold, record="held")

    assert before == ["# Project\n"]
    assert claude.text("README.md") == "# Edited\n"
    assert Status(files={"README.md": "modified"}) in gone.said


def test_a_refusal_is_read_word_for_word(claude: Claude) -> None:
    claude.model.play(T1=[WRITE, Say("I could not.")])
    reason = "hello.txt belongs to agent-2-backend (/: EXCLUSIVE)\nask its owner: squad agent handoff hello.txt"

    def refuse(said: Said, going: Talk) -> None:
        if isinstance(said, Permission):
            going.refuse(said, reason)
        else:
            obliging(said, going)

    gone = claude.talk(refuse, record="refused")

    assert claude.model.asked[-1].results == [reason]
    assert not claude.exists("hello.txt")
    assert [turn.outcome for turn in gone.turns] == [TurnEnd.REFUSED]


ALLOWING = {"permissions": {"allow": ["Write", "Edit", "Bash"], "defaultMode": "acceptEdits"}}
HOOKED = {"hookSpecificOutput": {"hookEventName": "PreToolUse", "permissionDecision": "allow"}}
HOOKING = {"hooks": {"PreToolUse": [{"matcher": "*", "hooks": [{"type": "command", "command": f"echo '{json.dumps(HOOKED)}'"}]}]}}


@pytest.mark.soak
@pytest.mark.parametrize("settings", [ALLOWING, HOOKING, {"permissions": {"defaultMode": "bypassPermissions"}}])
@pytest.mark.parametrize("whose", ["user", "project"])
def test_settings_that_allow_edits_do_not_keep_it_from_asking(claude: Claude, whose: str, settings: dict[str, object]) -> None:
    folder = (claude.home if whose == "user" else claude.repository.root) / ".claude"
    folder.mkdir()
    (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    claude.model.play(T1=[WRITE, Say()])

    assert len(claude.talk().of(Permission)) == 1


def test_a_shell_command_is_asked_for_by_its_text(claude: Claude) -> None:
    claude.model.play(T1=[Call("shell", {"command": "echo hello > hello.txt"}), Say()])

    gone = claude.talk(record="shell")

    [asked] = gone.of(Permission)
    assert isinstance(asked, Permission)
    assert (asked.tool, asked.command, asked.paths) == ("Bash", "echo hello > hello.txt", ())
    assert claude.text("hello.txt") == "hello\n"


def test_the_end_of_squad_permits_nothing(claude: Claude) -> None:
    claude.model.play(T1=[WRITE, Say()])

    def leave(said: Said, going: Talk) -> None:
        if isinstance(said, Permission):
            going.close()

    claude.talk(leave)

    assert not claude.exists("hello.txt")


@pytest.mark.parametrize(
    ("record", "step", "outcome"),
    [
        pytest.param("status-400", Fail(400), TurnEnd.PERMANENT, marks=pytest.mark.soak),
        ("status-401", Fail(401), TurnEnd.AUTH),
        pytest.param("status-403", Fail(403), TurnEnd.AUTH, marks=pytest.mark.soak),
        pytest.param("status-404", Fail(404), TurnEnd.PERMANENT, marks=pytest.mark.soak),
        ("status-429", Fail(429, retry_after=3600), TurnEnd.TRANSIENT),
        pytest.param("status-500", Fail(500), TurnEnd.TRANSIENT, marks=pytest.mark.soak),
        pytest.param("status-529", Fail(529), TurnEnd.TRANSIENT, marks=pytest.mark.soak),
        ("no-credit", Fail(400, message="Your credit balance is too low to access the Anthropic API"), TurnEnd.LIMIT),
        ("cut", Cut(), TurnEnd.TRANSIENT),
    ],
)
def test_a_failure_ends_the_turn_at_once(claude: Claude, record: str, step: Step, outcome: TurnEnd) -> None:
    claude.model.play(T1=[step])

    gone = claude.talk(record=record)

    assert [turn.outcome for turn in gone.turns] == [outcome]
    assert gone.process.returncode == 1
    assert len(claude.model.asked) < 10  # it varies a request that was called invalid, and repeats none


def test_a_usage_limit_tells_when_it_is_lifted(claude: Claude) -> None:
    claude.variables = {"CLAUDE_CODE_OAUTH_TOKEN": "test"}
    claude.model.play(T1=[Limit(LIMITED_UNTIL)])

    gone = claude.talk(record="limit")

    assert [(turn.outcome, turn.until) for turn in gone.turns] == [(TurnEnd.LIMIT, LIMITED_UNTIL)]


@pytest.mark.soak
def test_a_limited_conversation_goes_on_where_it_was(claude: Claude) -> None:
    claude.variables = {"CLAUDE_CODE_OAUTH_TOKEN": "test"}
    claude.model.play(T1=[READ, Limit(LIMITED_UNTIL, times=1), WRITE, Say()])
    [begun] = claude.talk().of(Conversed)
    assert isinstance(begun, Conversed)

    gone = claude.talk(prompt="go on", conversation=begun.session)

    assert [turn.outcome for turn in gone.turns] == [TurnEnd.DONE]
    assert claude.exists("hello.txt")


def test_an_interrupt_ends_a_running_command_and_not_the_conversation(claude: Claude) -> None:
    claude.model.play(T1=[Call("shell", {"command": "touch started; tail -f /dev/null"}), Say()], T2=[Say("Second.")])

    def interrupt(said: Said, going: Talk) -> None:
        if isinstance(said, Permission):
            going.allow(said)
            until(lambda: claude.exists("started"), "the command")
            going.send(going.conversation.interrupt())
        elif isinstance(said, Turned) and said.outcome is TurnEnd.INTERRUPTED:
            going.send(going.conversation.tell("leave it, do T2"))
        else:
            obliging(said, going)

    gone = claude.talk(interrupt, record="interrupt")

    assert [turn.outcome for turn in gone.turns] == [TurnEnd.INTERRUPTED, TurnEnd.DONE]
    assert gone.process.returncode == 0


def test_an_interrupt_withdraws_a_question(claude: Claude) -> None:
    claude.model.play(T1=[WRITE, Say()])

    def interrupt(said: Said, going: Talk) -> None:
        if isinstance(said, Permission):
            going.send(going.conversation.interrupt())
        else:
            obliging(said, going)

    gone = claude.talk(interrupt, record="withdrawn")

    [asked], [withdrawn] = gone.of(Permission), gone.of(Withdrawn)
    assert isinstance(asked, Permission)
    assert withdrawn == Withdrawn(request=asked.request)
    assert [turn.outcome for turn in gone.turns] == [TurnEnd.INTERRUPTED]


def test_an_interrupt_ends_a_model_that_says_nothing(claude: Claude) -> None:
    claude.model.play(T1=[Silence()])

    def interrupt(said: Said, going: Talk) -> None:
        if isinstance(said, Conversed):
            until(lambda: claude.model.asked, "a request")
            going.send(going.conversation.interrupt())
        obliging(said, going)

    assert [turn.outcome for turn in claude.talk(interrupt, record="interrupt-silence").turns] == [TurnEnd.INTERRUPTED]


def test_a_nudge_in_mid_turn_reaches_the_model(claude: Claude) -> None:
    claude.model.play(T1=[WRITE, Say()])

    def nudge(said: Said, going: Talk) -> None:
        if isinstance(said, Permission):
            going.send(going.conversation.tell("squad hears nothing from you"))
        obliging(said, going)

    gone = claude.talk(nudge)

    assert any("squad hears nothing from you" in text for text in claude.model.asked[-1].said)
    assert len(gone.turns) == 1


@pytest.mark.soak
def test_a_resumed_conversation_remembers_and_tells_only_what_is_new(claude: Claude) -> None:
    claude.model.play(T1=[WRITE, Say()], T2=[Say("Second.")])
    first = claude.talk(record="begun")
    [begun] = first.of(Conversed)
    assert isinstance(begun, Conversed)

    second = claude.talk(prompt="now T2", conversation=begun.session, record="resumed")

    assert second.of(Conversed) == [begun]
    assert any("do T1" in text for text in claude.model.asked[-1].said)
    assert len(claude.model.asked[-1].results) == 1
    [one], [other] = first.of(Usage), second.of(Usage)
    assert isinstance(one, Usage)
    assert isinstance(other, Usage)
    assert (one.fresh, one.cached, one.output) == (2000, 400, 100)
    assert (other.fresh, other.cached, other.output) == (1000, 200, 50)
    assert one.money == pytest.approx(2 * (other.money or 0.0))


def test_a_conversation_is_resumed_after_its_process_was_killed(claude: Claude) -> None:
    claude.model.play(T1=[READ, WRITE, Say()], T2=[Say("Second.")])

    def kill(said: Said, going: Talk) -> None:
        if isinstance(said, Permission):
            going.process.kill()

    killed = claude.talk(kill)
    [begun] = killed.of(Conversed)
    assert isinstance(begun, Conversed)
    gone = claude.talk(prompt="now T2", conversation=begun.session)

    assert [usage.fresh for usage in killed.of(Usage) + gone.of(Usage) if isinstance(usage, Usage)] == [2000, 1000]
    assert [turn.outcome for turn in gone.turns] == [TurnEnd.DONE]
    assert any("do T1" in text for text in claude.model.asked[-1].said)


def test_a_conversation_that_is_not_there_fails_for_good(claude: Claude) -> None:
    gone = claude.talk(conversation="00000000-0000-4000-8000-000000000000", record="no-conversation")

    assert [turn.outcome for turn in gone.turns] == [TurnEnd.PERMANENT]
