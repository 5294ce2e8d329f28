"""Questions at the desk: who is asked, who may answer, and who hears of it how often."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from orchestrator import events as ev
from orchestrator.control.protocol import INVALID_PARAMS, METHOD_NOT_FOUND, Rejected
from orchestrator.control.server import Caller
from orchestrator.exchange import questions
from orchestrator.messages import Ask, Permission
from orchestrator.model import AgentId, AgentState, Operation
from orchestrator.rights import Allow, Deny
from tests.support.builders import ONE, TWO, ended, prepared, started
from tests.support.desks import AGENTS, Office, office

QUESTIONS = (ev.QuestionAsked, ev.QuestionAnswered, ev.QuestionTold, ev.QuestionClosed)
FETCH = Permission(request="r1", tool="WebFetch", operation=Operation.WRITE, detail='{"url": "http://x"}')


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Office]:
    """A desk at which everybody is seated."""
    with office(tmp_path) as opened:
        for agent in AGENTS:
            opened.sit(agent)
        yield opened


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Office]:
    """The same where nobody is there."""
    with office(tmp_path, wait=0.0) as opened:
        for agent in AGENTS:
            opened.sit(agent)
        yield opened


def take(of: Office, agent: AgentId, *texts: str) -> None:
    """Take in what an agent asks in its output, in one step, and let the supervisor look at it."""
    of.recorder.record(*of.desk.take(agent, [Ask(text=text) for text in texts]))
    of.inbox.settle()


def told(of: Office) -> list[str]:
    return [type(event).__name__ for event in of.events(*QUESTIONS)]


async def refusal(of: Office, agent: AgentId | None, method: str, **params: object) -> Rejected:
    with pytest.raises(Rejected) as caught:
        await of.ask(agent, method, **params)
    return caught.value


async def settle() -> None:
    """Let everything that can go on do so."""
    for _ in range(10):
        await anyio.lowlevel.checkpoint()


# asking and answering


async def test_a_question_is_numbered_and_its_answer_is_said_once(desk: Office) -> None:
    assert await desk.ask(ONE, "ask", text="tabs or spaces?") == {"accepted": True, "question": "Q1"}
    assert await desk.ask(TWO, "ask", text="and here?") == {"accepted": True, "question": "Q2"}

    answer = await desk.ask(None, "answer", id="Q1", text="spaces")
    desk.inbox.settle()

    assert answer == {"id": "Q1", "agent": ONE, "task": "T1", "already": False, "told": "T1.1"}
    assert desk.lead.told == [(ONE, 'Answer to your question Q1 ("tabs or spaces?"): spaces')]
    assert told(desk) == ["QuestionAsked", "QuestionAsked", "QuestionAnswered", "QuestionTold"]


async def test_the_answer_is_in_the_journal_before_anybody_hears_of_it(desk: Office) -> None:
    take(desk, ONE, "tabs?")
    seen: list[list[str]] = []

    def tell(agent: AgentId, text: str) -> bool:
        seen.append(told(desk))
        return True

    desk.inbox._tell = tell

    await desk.ask(None, "answer", id="Q1", text="no")

    assert seen == [["QuestionAsked", "QuestionAnswered"]]


async def test_a_call_that_waits_gets_the_answer_as_its_reply_and_nobody_is_told_besides(desk: Office) -> None:
    replies: list[object] = []

    async def wait() -> None:
        replies.append(await desk.ask(ONE, "ask", text="tabs?", wait=60))

    async with anyio.create_task_group() as group:
        group.start_soon(wait)
        await settle()
        assert desk.recorder.state.agents[ONE].state is AgentState.WAITING
        answer = await desk.ask(None, "answer", id="T1", text="no")

    desk.inbox.settle()
    assert replies == [{"accepted": True, "question": "Q1", "answer": "no"}]
    assert answer["told"] == "T1.1"
    assert desk.lead.told == []
    assert [one.way for one in desk.events(ev.QuestionTold) if isinstance(one, ev.QuestionTold)] == ["reply"]


async def test_a_call_that_broke_off_leaves_its_question_and_the_answer_is_told_another_way(desk: Office) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: desk.ask(ONE, "ask", text="tabs?", wait=60))
        await settle()
        group.cancel_scope.cancel()

    await desk.ask(None, "answer", id="Q1", text="no")

    assert len(desk.lead.told) == 1


async def test_a_wait_that_is_over_says_that_the_question_stays_and_the_same_words_wait_on(desk: Office) -> None:
    assert "Q1 was not answered within 0.01 s" in (await refusal(desk, ONE, "ask", text="tabs?", wait=0.01)).reason
    desk.lead.deaf.add(ONE)
    await desk.ask(None, "answer", id="Q1", text="no")

    assert (await desk.ask(ONE, "ask", text="tabs?", wait=60))["answer"] == "no"
    assert (await desk.ask(ONE, "ask", text="tabs?"))["question"] == "Q2", "what it has heard it asks anew"


async def test_a_program_that_does_not_read_its_prompt_is_answered_when_its_next_attempt_asks_again(desk: Office) -> None:
    desk.lead.deaf.add(ONE)
    await desk.ask(ONE, "ask", text="tabs?")
    desk.end(ONE)
    desk.recorder.record(ended("T1.1", "asked"))
    await desk.ask(None, "answer", id="Q1", text="no")
    prompt = ev.QuestionTold(id="Q1", agent=ONE, task="T1", attempt="T1.2", way="prompt")
    desk.sit(ONE)
    desk.recorder.record(prompt)

    assert (await desk.ask(ONE, "ask", text="tabs?", wait=60))["answer"] == "no"


async def test_the_same_answer_again_changes_nothing_and_another_is_refused(desk: Office) -> None:
    take(desk, ONE, "tabs?")
    await desk.ask(None, "answer", id="Q1", text="no")
    before = told(desk)

    assert (await desk.ask(None, "answer", id="q1", text="no"))["already"] is True
    assert (await refusal(desk, None, "answer", id="Q1", text="yes")).reason == "Q1 was answered already: no"
    assert told(desk) == before


async def test_an_answer_goes_to_whoever_is_at_the_task_now(desk: Office) -> None:
    take(desk, ONE, "tabs?")
    desk.end(ONE)
    desk.recorder.record(ended("T1.1", "stopped"))
    desk.end(TWO)
    desk.recorder.record(ended("T2.1", "failed", agent=TWO), prepared("T1.2", agent=TWO), started("T1.2", agent=TWO))

    await desk.ask(None, "answer", id="Q1", text="no")

    assert [agent for agent, _ in desk.lead.told] == [TWO]


async def test_what_nobody_can_be_told_waits_for_the_next_attempt(desk: Office) -> None:
    desk.lead.deaf.add(ONE)
    take(desk, ONE, "tabs?")

    assert (await desk.ask(None, "answer", id="Q1", text="no"))["told"] is None
    assert questions.untold(desk.recorder.state, "T1") == ["Q1"]


@pytest.mark.parametrize("method", ["answer", "inbox"])
async def test_an_agent_may_not_answer(desk: Office, method: str) -> None:
    take(desk, ONE, "tabs?")

    assert (await refusal(desk, ONE, method, id="Q1", text="yes")).code == METHOD_NOT_FOUND
    assert desk.recorder.state.questions["Q1"].state == "open"


async def test_an_agent_may_not_answer_through_the_socket_of_people_either(desk: Office) -> None:
    take(desk, ONE, "tabs?")
    desk.lead.pids.add(77)

    with pytest.raises(Rejected, match="only a person may"):
        desk.desk.answer(Caller(None, pid=77), "answer", {"id": "Q1", "text": "yes"})
    assert desk.recorder.state.questions["Q1"].state == "open"


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"id": "Q7", "text": "x"}, "there is no question 'Q7': open: Q1, Q2\nsee: squad inbox"),
        ({"id": "Q1"}, "Q1 is a question: squad answer Q1 TEXT"),
        ({"id": "Q1", "text": "x", "allow": True}, "Q1 is a question: squad answer Q1 TEXT"),
        ({"id": "Q2", "text": "x"}, "Q2 asks for permission: squad answer Q2 --allow, or: squad answer Q2 --deny TEXT"),
        ({"id": "Q1", "text": "x" * 4001}, "an answer has at most 4000 characters: write it into a file, and name that"),
    ],
)
async def test_an_answer_that_does_not_fit_is_refused_with_what_does(
    desk: Office, params: dict[str, object], reason: str
) -> None:
    take(desk, ONE, "tabs?")
    async with anyio.create_task_group() as group:
        group.start_soon(desk.desk.inquire, TWO, FETCH)
        await settle()
        assert (await refusal(desk, None, "answer", **params)).reason == reason
        group.cancel_scope.cancel()


@pytest.mark.parametrize("params", [{}, {"id": 1, "text": "x"}, {"id": "Q1", "text": 1}, {"id": "Q1", "text": "x", "allow": "y"}])
async def test_an_answer_of_the_wrong_shape_is_refused(desk: Office, params: dict[str, object]) -> None:
    assert (await refusal(desk, None, "answer", **params)).code == INVALID_PARAMS


# permissions


async def permit(of: Office, **answer: object) -> Allow | Deny:
    decided: list[Allow | Deny] = []

    async def inquire() -> None:
        decided.append(await of.desk.inquire(ONE, FETCH))

    async with anyio.create_task_group() as group:
        group.start_soon(inquire)
        await settle()
        assert of.recorder.state.agents[ONE].state is AgentState.WAITING
        await of.ask(None, "answer", id="Q1", **answer)
    return decided[0]


async def test_a_person_permits_what_squad_cannot_decide(desk: Office) -> None:
    assert await permit(desk, allow=True) == Allow()
    assert desk.recorder.state.questions["Q1"].text == 'may it use WebFetch? {"url": "http://x"}'
    assert desk.lead.told == [], "the model has its answer"


async def test_a_person_refuses_it_and_the_model_reads_the_reason(desk: Office) -> None:
    assert await permit(desk, allow=False, text="no network") == Deny(reason="no network")


async def test_a_refusal_without_a_reason_says_who_refused(desk: Office) -> None:
    assert await permit(desk, allow=False) == Deny(reason="a person refused that WebFetch is used")


async def test_where_nobody_is_a_permission_is_refused_at_once(night: Office) -> None:
    reason = "squad cannot tell what WebFetch would do, and nobody is there to be asked: do without it"

    assert await night.desk.inquire(ONE, FETCH) == Deny(reason=reason)
    assert told(night) == ["QuestionAsked"]


async def test_a_permission_that_nobody_answers_is_refused_when_the_time_is_over(desk: Office) -> None:
    decided: list[Allow | Deny] = []

    async def inquire() -> None:
        decided.append(await desk.desk.inquire(ONE, FETCH))

    async with anyio.create_task_group() as group:
        group.start_soon(inquire)
        await settle()
        desk.time[0] += 60
        desk.inbox.settle()

    reason = "squad cannot tell what WebFetch would do, and nobody answered within 1m: do without it"
    assert decided == [Deny(reason=reason)]


async def test_a_permission_that_is_withdrawn_is_closed(desk: Office) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(desk.desk.inquire, ONE, FETCH)
        await settle()
        group.cancel_scope.cancel()

    assert told(desk) == ["QuestionAsked", "QuestionClosed"]
    assert "Q1 is closed" in (await refusal(desk, None, "answer", id="Q1", allow=True)).reason


# nobody there


async def test_where_nobody_is_a_question_is_refused_at_once(night: Office) -> None:
    refused = await refusal(night, ONE, "ask", text="tabs?", wait=60)

    assert refused.reason == "Q1 is not answered: nobody is there: decide yourself, write down what you assumed"
    assert "Q1 is closed: nobody is there" in (await refusal(night, None, "answer", id="Q1", text="x")).reason


async def test_where_nobody_is_an_agent_that_asked_in_its_output_is_told_so(night: Office) -> None:
    take(night, ONE, "tabs?")
    night.inbox.settle()

    [(agent, said)] = night.lead.told
    assert agent == ONE
    assert "nobody is there: decide yourself" in said


async def test_a_question_that_nobody_answers_is_refused_when_the_time_is_over(desk: Office) -> None:
    take(desk, ONE, "tabs?")
    assert desk.inbox.next_closing() == 1060.0
    desk.time[0] += 60

    desk.inbox.settle()

    [(_, said)] = desk.lead.told
    assert "nobody answered within 1m: decide yourself" in said
    assert desk.inbox.next_closing() is None


# floods


async def test_a_flood_of_questions_is_bounded_told_once_and_harms_nobody_else(desk: Office) -> None:
    for number in range(100):
        take(desk, ONE, f"question {number}?")
    take(desk, ONE, *(f"question {number}?" for number in range(100, 200)))
    take(desk, TWO, "and mine?")

    asked = [(event.id, event.agent) for event in desk.events(ev.QuestionAsked) if isinstance(event, ev.QuestionAsked)]
    assert asked == [*((f"Q{number}", ONE) for number in range(1, questions.AT_ONCE + 1)), ("Q11", TWO)]
    assert len(desk.events(ev.Noticed)) == 1
    assert "T1 has 10 open questions" in (await refusal(desk, ONE, "ask", text="one more?")).reason


async def test_an_attempt_that_asks_for_ever_is_not_heard_for_ever(night: Office) -> None:
    for number in range(200):
        take(night, ONE, f"question {number}?")

    assert len(night.events(ev.QuestionAsked)) == questions.MOST
    assert "T1.1 has asked 50 questions" in (await refusal(night, ONE, "ask", text="one more?")).reason


async def test_the_same_question_is_one_question_also_in_one_step(desk: Office) -> None:
    take(desk, ONE, "tabs?", "tabs?", "  tabs?\n")
    take(desk, ONE, "tabs?")

    assert len(desk.events(ev.QuestionAsked)) == 1


async def test_who_asks_again_and_waits_now_is_waiting(desk: Office) -> None:
    await desk.ask(ONE, "ask", text="tabs?")
    desk.time[0] += 30
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: desk.ask(ONE, "ask", text="tabs?", wait=60))
        await settle()
        assert desk.recorder.state.agents[ONE].state is AgentState.WAITING
        assert list(desk.recorder.state.questions) == ["Q1"]
        assert desk.inbox.next_closing() == 1060.0, "its time runs from the first time"
        group.cancel_scope.cancel()


async def test_permissions_that_nobody_answers_stop_being_waited_for_too(desk: Office) -> None:
    for number in range(questions.PATIENCE):
        async with anyio.create_task_group() as group:
            group.start_soon(desk.desk.inquire, ONE, replace(FETCH, detail=str(number)))
            await settle()
            desk.time[0] += 60
            desk.inbox.settle()

    assert await desk.desk.inquire(ONE, FETCH) == Deny(
        reason="squad cannot tell what WebFetch would do, and nobody answered the last 3 questions of T1: do without it"
    )


async def test_an_empty_question_is_none_and_a_long_one_is_cut(desk: Office) -> None:
    take(desk, ONE, "", " \n", "x" * 60_000)

    [asked] = desk.events(ev.QuestionAsked)
    assert isinstance(asked, ev.QuestionAsked)
    assert len(asked.text) == questions.LONGEST + 1


async def test_the_numbers_go_on_after_a_resume(desk: Office) -> None:
    take(desk, ONE, "tabs?")

    again = type(desk.inbox)(desk.recorder, wait=60.0)

    assert (await again.ask(ONE, desk.desk._seats.of(ONE).task, desk.desk._seats.of(ONE).attempt, "size?", wait=0)) == {
        "accepted": True,
        "question": "Q2",
    }


async def test_the_journal_alone_tells_the_same(desk: Office) -> None:
    take(desk, ONE, "tabs?")
    await desk.ask(None, "answer", id="Q1", text="no")

    assert desk.replayed().questions == desk.recorder.state.questions
