"""The adapter against the real program, which talks to the stub model; each test says what the adapter relies on."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestrator.adapters.codex import CodexAdapter
from orchestrator.messages import Conversed, Permission, Said, Status, Turned, TurnEnd, Usage, Withdrawn
from orchestrator.model import Operation
from tests.adapters.recordings import keep
from tests.support.builders import order
from tests.support.real_agents import Hear, Talk, obliging, program, talk
from tests.support.repositories import Repository
from tests.support.stub_model import Call, Cut, Fail, Limit, Say, Step, StubModel
from tests.support.waiting import marked, until

LIMITED_UNTIL = 4102444800.0
WRITE = Call("write", {"path": "hello.txt", "content": "hello\n"})
EDIT = Call("edit", {"path": "README.md", "old": "# Project", "new": "# Edited"})
ESCALATED = Call(
    "exec_command",
    {"cmd": "echo hello > hello.txt", "sandbox_permissions": "require_escalated", "justification": "to write"},
)
#: The user's own settings: whose model, and (for the sake of the tests) few retries.
SETTINGS = """
model = "gpt-5.5"
model_provider = "stub"
[model_providers.stub]
name = "stub"
base_url = "{url}/v1"
wire_api = "responses"
env_key = "STUB_KEY"
request_max_retries = 0
stream_max_retries = 1
"""


@dataclass(slots=True)
class Codex:
    """The real program in a repository."""

    adapter: CodexAdapter
    repository: Repository
    home: Path
    model: StubModel

    def talk(self, hear: Hear = obliging, *, prompt: str = "do T1", conversation: str = "", record: str = "") -> Talk:
        told = order(prompt, workspace=self.repository.root, conversation=conversation)
        scratch = self.repository.root.parent / "temporary"  # Codex refuses a home that lies below TMPDIR
        scratch.mkdir(exist_ok=True)
        environment = {
            "HOME": str(self.home),
            "PATH": os.environ["PATH"],
            "TMPDIR": str(scratch),
            "LANG": "C.UTF-8",
            "AGENT_ID": str(self.home),
            "STUB_KEY": "test",
        }
        invocation, understood = self.adapter.invoke(told), self.adapter.conversation(told)
        gone = talk(invocation, understood, hear, cwd=self.repository.root, environment=environment)
        if record:
            places = {str(self.repository.root): "/project", str(self.home): "/home/ada", self.model.url: "URL"}
            keep("codex", record, gone.printed, places)
        return gone

    def exists(self, path: str) -> bool:
        return (self.repository.root / path).exists()

    def text(self, path: str) -> str:
        return (self.repository.root / path).read_text(encoding="utf-8")


@pytest.fixture
def codex(repository: Repository, home: Path) -> Iterator[Codex]:
    adapter = CodexAdapter(command=(program("codex"),))
    with StubModel({}) as model:
        (home / ".codex").mkdir()
        (home / ".codex" / "config.toml").write_text(SETTINGS.format(url=model.url), encoding="utf-8")
        yield Codex(adapter, repository, home, model)
    assert until(lambda: not marked(str(home)), "the end of every process")


def test_a_file_is_written_after_the_agent_has_asked(codex: Codex) -> None:
    codex.model.play(T1=[WRITE, Say("Status: COMPLETE")])

    gone = codex.talk(record="write")

    [asked] = gone.of(Permission)
    assert isinstance(asked, Permission)
    path = str(codex.repository.root / "hello.txt")
    assert (asked.tool, asked.paths, asked.operation) == ("apply_patch", (path,), Operation.CREATE)
    assert codex.text("hello.txt") == "hello\n"
    assert Status(files={path: "created"}) in gone.said
    assert [turn.outcome for turn in gone.turns] == [TurnEnd.DONE]
    assert gone.process.returncode == 0


def test_an_edit_waits_for_its_answer(codex: Codex) -> None:
    codex.model.play(T1=[EDIT, Say()])
    before: list[str] = []

    def hold(said: Said, going: Talk) -> None:
        if isinstance(said, Permission):
            time.sleep(2)  # as long as a lock may take
            before.append(codex.text("README.md"))
        obliging(said, going)

    codex.talk(hold, record="held")

    assert before == ["# Project\n"]
    assert codex.text("README.md") == "# Edited\n"


def test_a_refusal_and_its_reason_are_read(codex: Codex) -> None:
    codex.model.play(T1=[WRITE, Say("I could not.")])
    reason = "hello.txt belongs to agent-2-backend"

    def refuse(said: Said, going: Talk) -> None:
        if isinstance(said, Permission):
            going.refuse(said, reason)
        else:
            obliging(said, going)

    gone = codex.talk(refuse, record="refused")

    assert codex.model.asked[-1].results == ["patch rejected by user"]
    assert reason in codex.model.asked[-1].said
    assert not codex.exists("hello.txt")
    assert [turn.outcome for turn in gone.turns] == [TurnEnd.REFUSED]


def test_the_kernel_keeps_the_shell_from_writing(codex: Codex) -> None:
    codex.model.play(T1=[Call("shell", {"command": "echo hello > hello.txt"}), Say()])

    gone = codex.talk(record="shell")

    assert gone.of(Permission) == []
    assert not codex.exists("hello.txt")
    assert "Read-only file system" in codex.model.asked[-1].results[0]


def test_settings_that_allow_everything_do_not_keep_it_from_asking(codex: Codex) -> None:
    settings = codex.home / ".codex" / "config.toml"
    allowing = 'sandbox_mode = "danger-full-access"\napproval_policy = "never"\napprovals_reviewer = "auto_review"\n'
    settings.write_text(allowing + settings.read_text(encoding="utf-8"), encoding="utf-8")
    codex.model.play(T1=[Call("shell", {"command": "echo hello > other.txt"}), WRITE, Say()])

    assert len(codex.talk().of(Permission)) == 1
    assert not codex.exists("other.txt")


def test_a_rule_of_the_user_that_allows_a_command_lets_it_write_unasked(codex: Codex) -> None:
    rules = codex.home / ".codex" / "rules"
    rules.mkdir()
    (rules / "default.rules").write_text('prefix_rule(pattern=["touch"], decision="allow")\n', encoding="utf-8")
    codex.model.play(T1=[Call("exec_command", {"cmd": "touch other.txt"}), Say()])

    assert codex.talk().of(Permission) == []
    assert codex.exists("other.txt")  # seen, not wished: the app-server has no switch for it


def test_a_command_that_must_write_is_asked_for_by_its_text(codex: Codex) -> None:
    codex.model.play(T1=[ESCALATED, Say()])

    [asked] = codex.talk(record="escalated").of(Permission)

    assert isinstance(asked, Permission)
    assert "echo hello > hello.txt" in asked.command
    assert codex.text("hello.txt") == "hello\n"


def test_the_end_of_squad_permits_nothing(codex: Codex) -> None:
    codex.model.play(T1=[WRITE, Say()])

    def leave(said: Said, going: Talk) -> None:
        if isinstance(said, Permission):
            going.close()

    codex.talk(leave)

    assert not codex.exists("hello.txt")


@pytest.mark.parametrize(
    ("record", "step", "outcome"),
    [
        pytest.param("status-400", Fail(400), TurnEnd.PERMANENT, marks=pytest.mark.soak),
        ("status-401", Fail(401), TurnEnd.AUTH),
        pytest.param("status-404", Fail(404), TurnEnd.PERMANENT, marks=pytest.mark.soak),
        ("status-429", Fail(429, retry_after=1), TurnEnd.TRANSIENT),
        pytest.param("status-500", Fail(500), TurnEnd.TRANSIENT, marks=pytest.mark.soak),
        pytest.param("status-529", Fail(529), TurnEnd.TRANSIENT, marks=pytest.mark.soak),
        ("cut", Cut(), TurnEnd.TRANSIENT),
    ],
)
def test_a_failure_ends_the_turn(codex: Codex, record: str, step: Step, outcome: TurnEnd) -> None:
    codex.model.play(T1=[step])

    assert [turn.outcome for turn in codex.talk(record=record).turns] == [outcome]


def test_a_usage_limit_tells_when_it_is_lifted(codex: Codex) -> None:
    codex.model.play(T1=[Limit(LIMITED_UNTIL)])

    gone = codex.talk(record="limit")

    assert [(turn.outcome, turn.until) for turn in gone.turns] == [(TurnEnd.LIMIT, LIMITED_UNTIL)]


def test_an_interrupt_ends_a_running_command_and_not_the_conversation(codex: Codex) -> None:
    codex.model.play(T1=[Call("shell", {"command": "tail -f /dev/null"}), Say()], T2=[Say("Second.")])

    def interrupt(said: Said, going: Talk) -> None:
        if isinstance(said, Usage) and not going.turns:  # the first answer is in: the command runs
            going.send(going.conversation.interrupt())
        elif isinstance(said, Turned) and said.outcome is TurnEnd.INTERRUPTED:
            going.send(going.conversation.tell("leave it, do T2"))
        else:
            obliging(said, going)

    gone = codex.talk(interrupt, record="interrupt")

    assert [turn.outcome for turn in gone.turns] == [TurnEnd.INTERRUPTED, TurnEnd.DONE]


def test_an_interrupt_withdraws_a_question(codex: Codex) -> None:
    codex.model.play(T1=[WRITE, Say()])

    def interrupt(said: Said, going: Talk) -> None:
        if isinstance(said, Permission):
            going.send(going.conversation.interrupt())
        elif isinstance(said, Withdrawn):
            going.close()

    gone = codex.talk(interrupt, record="withdrawn")

    [asked], [withdrawn] = gone.of(Permission), gone.of(Withdrawn)
    assert isinstance(asked, Permission)
    assert withdrawn == Withdrawn(request=asked.request)
    assert [turn.outcome for turn in gone.turns] == [TurnEnd.INTERRUPTED]


def test_a_nudge_in_mid_turn_reaches_the_model(codex: Codex) -> None:
    codex.model.play(T1=[WRITE, Say()])

    def nudge(said: Said, going: Talk) -> None:
        if isinstance(said, Permission):
            going.send(going.conversation.tell("squad hears nothing from you"))
        obliging(said, going)

    gone = codex.talk(nudge)

    assert "squad hears nothing from you" in codex.model.asked[-1].said
    assert len(gone.turns) == 1


def test_a_resumed_conversation_remembers_and_tells_only_what_is_new(codex: Codex) -> None:
    codex.model.play(T1=[WRITE, Say()], T2=[Say("Second.")])
    first = codex.talk(record="begun")
    [begun] = first.of(Conversed)
    assert isinstance(begun, Conversed)

    second = codex.talk(prompt="now T2", conversation=begun.session, record="resumed")

    assert second.of(Conversed) == [begun]
    assert "do T1" in codex.model.asked[-1].said
    assert first.of(Usage) == [Usage(fresh=1000, cached=200, output=50)] * 2
    assert second.of(Usage) == [Usage(fresh=1000, cached=200, output=50)]


def test_a_conversation_that_is_not_there_fails_for_good(codex: Codex) -> None:
    gone = codex.talk(conversation="00000000-0000-4000-8000-000000000000", record="no-conversation")

    assert [turn.outcome for turn in gone.turns] == [TurnEnd.PERMANENT]
