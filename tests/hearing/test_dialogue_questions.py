"""Agents that are spoken with in their own protocol, and what they ask a person: told in mid-turn, after it, or next time."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import anyio
import anyio.lowlevel
import pytest

from orchestrator import events as ev
from orchestrator.hearing.dialogue import Asking, Dialogue, Line
from orchestrator.leash import Leashed
from orchestrator.messages import Ask, Done, Message, Permission, Said, Turned, TurnEnd
from orchestrator.model import AgentId, Operation
from orchestrator.rights import Allow, Deny
from tests.support.builders import ONE
from tests.support.commands import Squad
from tests.support.fake_claude import FakeClaude
from tests.support.repositories import Repository
from tests.support.runs import Ran, Runs
from tests.support.scripted import Script, Stdin
from tests.support.waiting import until

CLAUDE = {"agents": {"agent-1": {"use": "claude"}}}
ASKS = json.dumps({"type": "ask", "text": "Which colour?"})


@pytest.fixture
def claude(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, squad: Squad) -> FakeClaude:
    installed = FakeClaude(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{installed.folder}:/usr/local/bin:/usr/bin:/bin")
    return installed


@pytest.fixture
def runs(repository: Repository) -> Runs:
    return Runs(repository)


@contextmanager
def answering(squad: Squad, name: str, *words: str) -> Iterator[list[tuple[int, str, str]]]:
    """Answer a question, as a person does from another terminal, as soon as there is one."""
    said: list[tuple[int, str, str]] = []

    def answer() -> None:
        until(lambda: [row for row in squad.events("QuestionAsked") if row["id"] == name], f"question {name}")
        done = squad("answer", name, *words)
        said.append((done.returncode, done.stdout, done.stderr))

    thread = threading.Thread(target=answer)
    thread.start()
    yield said
    thread.join()


def one(runs: Runs, run: dict[str, Any] | None = None) -> Ran:
    return runs({"id": "T1", "title": "Write a", "writes": ["a.txt"]}, settings=CLAUDE, run=run)


def outcomes(ran: Ran) -> list[tuple[str, str]]:
    return [(end.attempt, end.outcome) for end in ran.all(ev.AttemptEnded)]


def told(claude: FakeClaude, attempt: str) -> list[str]:
    return [str(text) for text in claude.notes(attempt, "told")]


def test_an_answer_is_told_to_the_model_in_mid_turn_once(runs: Runs, squad: Squad, claude: FakeClaude) -> None:
    claude.play({"T1.1": [["say", ASKS], ["hear", "user"], ["write", "a.txt"]]})

    with answering(squad, "Q1", "blue"):
        ran = one(runs)

    assert outcomes(ran) == [("T1.1", "done")]
    [_, answer] = told(claude, "T1.1")
    assert answer == 'Answer to your question Q1 ("Which colour?"): blue'
    assert ran.order(ev.QuestionTold, key="way") == ["said"]


def test_a_turn_that_ends_with_a_question_parks_the_task_and_the_conversation_goes_on_with_the_answer(
    runs: Runs, squad: Squad, claude: FakeClaude
) -> None:
    claude.play({"T1.1": [["write", "a.txt"], ["say", ASKS]], "T1.2": [["say", "Thanks."]]})

    with answering(squad, "Q1", "blue", "and", "green"):
        ran = one(runs)

    assert ran.code == 0
    assert outcomes(ran) == [("T1.1", "asked"), ("T1.2", "done")]
    begun, resumed = claude.conversation("T1.1"), claude.conversation("T1.2")
    assert (resumed[0], resumed[1]) == ("--resume", begun[1])
    [prompt] = told(claude, "T1.2")
    assert prompt.count("blue and green") == 1
    assert [claim.attempt for claim in ran.all(ev.ClaimMade)] == ["T1.2"], "the end of its turn was no claim"
    assert ran.about("T1", ev.TaskParked, ev.TaskRevived) in (["TaskParked", "TaskRevived"], []), "unless the answer was faster"


def test_a_claim_of_done_outweighs_an_open_question_which_is_moot_then(runs: Runs, claude: FakeClaude) -> None:
    claude.play({"T1.1": [["write", "a.txt"], ["say", f"{ASKS}\nStatus: COMPLETE"]]})

    ran = one(runs)

    assert (ran.code, outcomes(ran)) == (0, [("T1.1", "done")])
    assert ran.order(ev.QuestionClosed, key="how") == ["moot"]


def test_where_nobody_is_a_turn_that_ends_with_a_question_goes_on_with_the_refusal(runs: Runs, claude: FakeClaude) -> None:
    claude.play({"T1.1": [["write", "a.txt"], ["say", ASKS]]})

    ran = one(runs, {"questions": {"wait": 0}})

    assert (ran.code, outcomes(ran)) == (0, [("T1.1", "done")])
    [_, refusal] = told(claude, "T1.1")
    assert "nobody is there: decide yourself, write down what you assumed" in refusal
    assert ran.order(ev.QuestionTold, key="way") == ["said"]


def test_a_question_that_nobody_answers_in_time_lets_the_task_go_on_with_that(runs: Runs, claude: FakeClaude) -> None:
    claude.play({"T1.1": [["write", "a.txt"], ["say", ASKS]], "T1.2": [["say", "Then green."]]})

    ran = one(runs, {"questions": {"wait": "300ms"}})

    assert (ran.code, ran.order(ev.QuestionClosed, key="how")) == (0, ["expired"])
    said = "".join((*told(claude, "T1.1"), *told(claude, "T1.2")))  # in its turn, where it ended after that, else in a prompt
    assert said.count("nobody answered within 300ms: decide yourself") == 1


@pytest.mark.parametrize(
    ("words", "behaviour", "message"), [(["--allow"], "allow", ""), (["--deny", "no", "network"], "deny", "no network")]
)
def test_a_tool_that_squad_does_not_know_is_asked_of_a_person(
    runs: Runs, squad: Squad, claude: FakeClaude, words: list[str], behaviour: str, message: str
) -> None:
    claude.play({"T1.1": [["use", "WebFetch", {"url": "http://x"}], ["write", "a.txt"]]})

    with answering(squad, "Q1", *words) as said:
        ran = one(runs)

    assert said[0][0] == 0, said
    assert ran.code == 0
    answer = claude.notes("T1.1", "answer")[0]
    assert (answer["behavior"], answer.get("message", "")) == (behaviour, message)
    [asked] = ran.all(ev.QuestionAsked)
    assert (asked.kind, asked.text) == ("permission", 'may it use WebFetch? {"url": "http://x"}')


def test_where_nobody_is_a_tool_that_squad_does_not_know_is_refused_with_the_reason(runs: Runs, claude: FakeClaude) -> None:
    claude.play({"T1.1": [["use", "WebFetch", {"url": "http://x"}], ["write", "a.txt"]]})

    ran = one(runs, {"questions": {"wait": 0}})

    assert ran.code == 0
    reason = "squad cannot tell what WebFetch would do, and nobody is there to be asked: do without it"
    assert claude.notes("T1.1", "answer")[0] == {"behavior": "deny", "message": reason}


# the talk alone

SAID: dict[bytes, Said] = {
    b"ask": Ask(text="which?"),
    b"failed": Done(ok=False),
    b"done": Turned(outcome=TurnEnd.DONE, reason="Well."),
    b"refused": Turned(outcome=TurnEnd.REFUSED, reason="refused: Write a"),
    b"queued": Turned(outcome=TurnEnd.DONE, queued=1),
    b"limit": Turned(outcome=TurnEnd.LIMIT),
    b"mail": Permission(request="q", tool="mcp__mail", operation=Operation.WRITE),
}


class Asked:
    """Stands for what becomes of questions: each taken in is open, or refused at once with a text."""

    def __init__(self, refusal: str = "") -> None:
        self.refusal = refusal
        self.open = 0
        self.owed = ""

    def take(self, messages: Sequence[Message]) -> None:
        for message in messages:
            if isinstance(message, Ask) and self.refusal:
                self.owed = self.refusal
            elif isinstance(message, Ask):
                self.open += 1

    def give(self) -> str:
        owed, self.owed = self.owed, ""
        return owed


async def talked(*fed: bytes, asked: Asked) -> tuple[Dialogue, list[Message], list[str]]:
    """Feed words as bytes come together; gives the dialogue, what it said to squad, and what was written to the agent."""
    asking = Asking(is_open=lambda: asked.open > 0, owed=asked.give)
    dialogue = Dialogue(Script(SAID), workspace=Path("/w"), has_claimed=lambda: False, asking=asking)
    stdin, messages = Stdin(), []
    async with anyio.create_task_group() as group:
        dialogue.begin(Line(leashed=cast("Leashed", stdin), group=group, agent=ONE, permit=nobody, inquire=person))
        for words in fed:
            new = dialogue.feed(words)
            asked.take(new)
            messages += [*new, *dialogue.settle()]
            for _ in range(3):
                await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()
    return dialogue, messages, stdin.written


async def nobody(_agent: AgentId, _paths: tuple[str, ...], _operation: Operation) -> Allow | Deny:
    raise AssertionError


async def person(_agent: AgentId, asked: Permission) -> Allow | Deny:
    return Deny(reason=f"no {asked.tool}")


@pytest.mark.parametrize("fed", [(b"ask done",), (b"ask", b"done"), (b"ask", b"refused"), (b"ask refused",)])
async def test_the_end_of_a_turn_with_an_open_question_claims_nothing(fed: tuple[bytes, ...]) -> None:
    dialogue, messages, written = await talked(*fed, asked=Asked())

    assert messages == [Ask(text="which?")]
    assert dialogue.over.is_set()
    assert dialogue.left_asking, "also when the answer comes before its process is gone"
    assert written == ["end"]


@pytest.mark.parametrize("fed", [(b"ask done", b"done"), (b"ask", b"done", b"done")])
async def test_what_is_owed_is_told_at_the_end_of_the_turn_and_begins_another(fed: tuple[bytes, ...]) -> None:
    _, messages, written = await talked(*fed, asked=Asked(refusal="decide"))

    assert messages == [Ask(text="which?"), Done(note="Well.")]
    assert written == ["tell decide", "end"]


@pytest.mark.parametrize("fed", [(b"ask failed done",), (b"ask limit",)])
async def test_who_claims_or_cannot_go_on_is_told_nothing_more(fed: tuple[bytes, ...]) -> None:
    assert (await talked(*fed, asked=Asked(refusal="decide")))[2] == ["end"]


async def test_a_person_decides_what_only_the_name_of_a_tool_is_known_of() -> None:
    assert (await talked(b"mail", asked=Asked()))[2] == ["q no: no mcp__mail"]


async def test_an_agent_whose_turn_is_over_can_be_told_nothing() -> None:
    dialogue, _, _ = await talked(b"done", asked=Asked())

    assert not dialogue.tell("too late")
