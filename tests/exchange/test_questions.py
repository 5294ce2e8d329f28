"""What the events of questions add up to: who waits, what is closed, and what which attempt is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import events as ev
from orchestrator.events import Event
from orchestrator.exchange import questions
from orchestrator.exchange.briefing import briefing
from orchestrator.exchange.questions import DECIDE, NOBODY, PATIENCE
from orchestrator.model import AgentState, TaskId, TaskState
from orchestrator.scheduling.scheduler import Park, Rules, stuck
from orchestrator.state import State, TaskStatus
from tests.support.builders import (
    ONE,
    PAIR,
    TWO,
    answers,
    asks,
    ended,
    prepared,
    run_started,
    started,
    state_after,
)
from tests.support.deciding import verdicts
from tests.support.playing import Play, plays

BEGUN = (run_started(), prepared(), started())
WAIT = 1800.0
TOLD = ev.QuestionTold(id="Q1", agent=ONE, task="T1", attempt="T1.1", way="said")
PARKED = (ended(outcome="asked", reason="asked: Q1 which colour?"), ev.TaskParked(task="T1", reason="asked"))
REVIVED = ev.TaskRevived(task="T1", reason="its question is settled")


def after(*events: Event | tuple[float, Event]) -> State:
    return state_after(PAIR, *events)


def closed(name: str = "Q1", how: str = "expired") -> ev.QuestionClosed:
    return ev.QuestionClosed(id=name, agent=ONE, task="T1", how=how, reason=f"nobody: {DECIDE}")


# waiting


def test_an_agent_that_waits_for_an_answer_waits_and_goes_on_with_it() -> None:
    assert after(*BEGUN, asks(waits=True)).agents[ONE].state is AgentState.WAITING
    assert after(*BEGUN, asks(waits=True), answers()).agents[ONE].state is AgentState.WORKING
    assert after(*BEGUN, asks(waits=True), closed()).agents[ONE].state is AgentState.WORKING


def test_an_agent_that_only_left_a_question_works() -> None:
    assert after(*BEGUN, asks()).agents[ONE].state is AgentState.WORKING
    assert after(*BEGUN, asks(waits=True, refused=NOBODY)).agents[ONE].state is AgentState.WORKING


def test_an_agent_that_tells_of_its_work_has_not_waited_for_its_answer_but_waits_for_a_permission() -> None:
    report = ev.AgentReported(agent=ONE, task="T1", message="going on")

    assert after(*BEGUN, asks(waits=True), report).agents[ONE].state is AgentState.WORKING
    assert after(*BEGUN, asks(waits=True, kind="permission"), report).agents[ONE].state is AgentState.WAITING


def test_a_task_that_ended_with_a_question_is_parked_until_it_is_answered_and_keeps_its_counts() -> None:
    failed = (prepared(), started(), ended(outcome="failed", reason="x"), prepared("T1.2"), started("T1.2"))
    asked = after(run_started(), *failed, asks(attempt="T1.2"), ended("T1.2", "asked", reason="asked"))

    [verdict] = verdicts(PAIR, asked, Rules())
    assert verdict == Park(task=TaskId("T1"), reason="asked: Q1 which colour?")

    history = (run_started(), *failed, asks(attempt="T1.2"), ended("T1.2", "asked"), PARKED[1])
    parked = after(*history)
    assert questions.waits_for_answer(parked)
    assert questions.answered(parked) == []
    revived = after(*history, answers(), REVIVED)
    assert questions.answered(after(*history, answers())) == ["T1"]
    assert (revived.tasks["T1"].state, revived.tasks["T1"].counted) == (TaskState.WAITING, 1)
    assert list(verdicts(PAIR, revived, Rules())) == []


def test_an_answer_does_not_start_a_task_again_that_has_used_up_what_it_may_before_a_person_resumes_the_run() -> None:
    spent = ev.LimitReached(limit="money_per_task", task="T1", used=0.6, allowed=0.5, unit="USD")
    over = (spent, ev.TaskParked(task="T1", reason="limit money_per_task: 0.6 of 0.5 USD used"))
    history = (*BEGUN, asks(), *PARKED, answers(), REVIVED, *over)
    state = after(*history)

    assert questions.answered(state) == []
    assert not questions.waits_for_answer(state)
    assert after(*history, ev.TaskRevived(task="T1", reason="resumed by a person")).tasks["T1"].limit is None


def test_an_answer_that_comes_before_the_attempt_has_ended_lets_the_task_simply_go_on() -> None:
    state = after(*BEGUN, asks(), answers(), ended(outcome="asked"))

    assert list(verdicts(PAIR, state, Rules(attempts=1))) == []
    assert not stuck(PAIR, state)


def test_a_task_that_failed_and_is_revived_starts_counting_anew_whatever_it_has_asked() -> None:
    history = (*BEGUN, asks(), answers(), ended(outcome="failed"), ev.TaskParked(task="T1", reason="poison"), REVIVED)

    assert after(*history).tasks["T1"] == TaskStatus(agent=ONE, attempts=1, prepared=1, attempt="T1.1")


# the end of a question


def test_a_question_is_closed_when_nobody_answered_in_time_and_not_before() -> None:
    state = after(*BEGUN, (100.0, asks()), (200.0, asks("Q2", kind="permission", waits=True)))

    assert list(questions.closings(state, now=1899.0, wait=WAIT)) == []
    assert questions.next_closing(state, wait=WAIT) == 1900.0
    [first] = questions.closings(state, now=1900.0, wait=WAIT)
    assert (first.id, first.how, first.reason) == ("Q1", "expired", f"nobody answered within 30m: {DECIDE}")
    [_, second] = questions.closings(state, now=2000.0, wait=WAIT)
    assert (second.id, second.reason) == ("Q2", "nobody answered within 30m")


def test_the_time_without_a_supervisor_is_no_time_to_answer() -> None:
    state = after(*BEGUN, (100.0, asks()), (9000.0, ev.RunResumed(reason="its supervisor was gone")))

    assert questions.next_closing(state, wait=WAIT) == 10800.0
    assert state.questions["Q1"].asked_at == 100.0


@pytest.mark.parametrize("outcome", ["done", "failed"])
def test_a_question_of_a_task_that_is_settled_is_moot(outcome: str) -> None:
    failed = () if outcome == "done" else (ev.TaskFailed(task="T1", reason="x"),)
    state = after(*BEGUN, asks(), asks("Q2", attempt="T2.1"), ended(outcome=outcome), *failed)

    [closing] = questions.closings(state, now=10.0, wait=WAIT)

    assert (closing.id, closing.how) == ("Q1", "moot")
    assert closing.reason == ("T1.1 has ended" if outcome == "done" else "T1 is failed"), "a passing state once stood there"


def test_a_request_for_permission_dies_with_its_attempt_and_a_question_does_not() -> None:
    state = after(*BEGUN, asks(), asks("Q2", kind="permission", waits=True), ended(outcome="stopped"))

    assert [(one.id, one.how) for one in questions.closings(state, now=10.0, wait=WAIT)] == [("Q2", "moot")]


def test_a_run_that_was_dropped_asks_nobody_any_more() -> None:
    state = after(*BEGUN, asks(), ev.RunEnded(outcome="discarded"))

    assert (state.questions["Q1"].state, state.questions["Q1"].reason) == ("closed", "the run has ended")


def test_nobody_is_asked_where_nobody_is() -> None:
    assert questions.refusal(after(*BEGUN), "T1", wait=0.0) == NOBODY
    assert questions.refusal(after(*BEGUN), "T1", wait=WAIT) == ""


def test_a_task_whose_questions_nobody_answers_stops_being_waited_for() -> None:
    ignored = [event for number in range(1, PATIENCE + 1) for event in (asks(f"Q{number}"), closed(f"Q{number}"))]

    assert questions.refusal(after(*BEGUN, *ignored[:-2]), "T1", wait=WAIT) == ""
    assert "nobody answered the last 3 questions of T1" in questions.refusal(after(*BEGUN, *ignored), "T1", wait=WAIT)
    assert questions.refusal(after(*BEGUN, *ignored), "T2", wait=WAIT) == ""
    answered = after(*BEGUN, *ignored[:-2], asks("Q9"), answers("Q9"), *ignored[-2:])
    assert questions.refusal(answered, "T1", wait=WAIT) == "", "somebody is there"


def test_an_attempt_leaves_with_what_it_has_not_heard() -> None:
    assert questions.left_with(after(*BEGUN, asks()), "T1") == "asked: Q1 which colour?"
    assert questions.left_with(after(*BEGUN, asks(), answers()), "T1") == "asked: Q1, and left before the answer"
    assert questions.left_with(after(*BEGUN, asks(), answers(), TOLD), "T1") == ""
    assert questions.left_with(after(*BEGUN, asks(), closed()), "T1") == "", "or it would be done again and again"


# who is meant


@pytest.mark.parametrize(
    ("name", "found", "why"),
    [
        ("Q1", "Q1", ""),
        ("q1", "Q1", ""),
        ("T2", "Q3", ""),
        (TWO, "Q3", ""),
        ("T1", "", "T1 has asked Q1, Q2: name one of them"),
        ("Q8", "", "there is no question 'Q8': open: Q1, Q2, Q3"),
        ("agent-11", "", "there is no question 'agent-11': did you mean 'agent-1'?"),
        ("", "", "there is no question '': open: Q1, Q2, Q3"),
    ],
)
def test_a_question_is_named_by_its_id_or_by_the_only_one_who_asks(name: str, found: str, why: str) -> None:
    state = after(*BEGUN, asks(), asks("Q2"), asks("Q3", agent=TWO, attempt="T2.1"))

    assert questions.find(state, name) == (found, why)


def test_a_task_without_an_open_question_says_so() -> None:
    assert questions.find(after(*BEGUN, asks(), answers()), "T1") == ("", "T1 has no open question")


# what attempts are told


def test_the_next_attempt_is_told_every_answer_and_what_is_still_open() -> None:
    state = after(*BEGUN, asks(), answers(), asks("Q2", text="size?"), closed("Q2"), asks("Q3", text="name?"), *PARKED)

    names = questions.for_prompt(state, "T1", conversation=False)

    assert names == ["Q1", "Q2"]
    assert briefing(state, "T1", names).told().splitlines() == [
        '- Answer to your question Q1 ("which colour?"): blue',
        f'- Your question Q2 ("size?") is not answered: nobody: {DECIDE}',
        '- Your question Q3 ("name?") is not answered yet.',
    ]


@pytest.mark.parametrize(("outcome", "told"), [("failed", []), ("asked", []), ("crashed", ["Q1"]), ("stopped", ["Q1"])])
def test_a_conversation_that_goes_on_is_told_again_only_what_it_may_not_have_read(outcome: str, told: list[str]) -> None:
    state = after(*BEGUN, asks(), answers(), TOLD, ended(outcome=outcome))

    assert questions.for_prompt(state, "T1", conversation=True) == told
    assert questions.for_prompt(state, "T1", conversation=False) == ["Q1"]


def test_nobody_is_told_of_permissions_and_of_what_became_moot() -> None:
    permission = (asks("Q2", kind="permission"), answers("Q2", "", allow=True))
    state = after(*BEGUN, asks(), closed(how="moot"), *permission, *PARKED[:1])

    assert questions.for_prompt(state, "T1", conversation=False) == []
    assert questions.untold(state, "T1") == []


def test_what_was_told_is_not_told_again_to_the_same_attempt() -> None:
    assert questions.untold(after(*BEGUN, asks(), answers()), "T1") == ["Q1"]
    assert questions.untold(after(*BEGUN, asks(), answers(), TOLD), "T1") == []


def test_a_long_question_is_quoted_in_part_and_an_answer_is_told_whole() -> None:
    state = after(*BEGUN, asks(text="x" * 4000), answers(text="z" * 4000))

    told = questions.said("Q1", state.questions["Q1"])

    assert told.count("x") == 200
    assert told.count("z") == 4000


# every history


@given(play=plays())
def test_whatever_happens_no_run_waits_for_ever_for_an_answer(play: Play) -> None:
    play.run()

    for name, question in play.state.questions.items():
        is_over = play.state.tasks[question.task].state in {TaskState.DONE, TaskState.FAILED, TaskState.SKIPPED}
        assert question.state != "open" or not is_over, name
    assert not questions.waits_for_answer(play.state)
    assert play.left().keys() <= {planned.task.id for planned in play.plan.tasks if planned.needs}


@given(st.text(max_size=50))
def test_any_name_finds_a_question_or_says_why_not(name: str) -> None:
    found, why = questions.find(after(*BEGUN, asks()), name)

    assert bool(found) != bool(why)
