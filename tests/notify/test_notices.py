"""Which events are told, in which words, and which are no news."""

import json

import pytest

from orchestrator import events as ev
from orchestrator.events import Entry, Event
from orchestrator.notify.notices import Notice, document, is_news, notice_of, still_stands
from orchestrator.state import State
from tests.support.builders import ONE, RUN, plan, planned, prepared, started, state_after, task

PLAN = plan(planned(task("T1")), planned(task("T2")))
ASKED = ev.QuestionAsked(id="Q1", agent=ONE, task="T1", attempt="T1.1", kind="question", text="Which\x1b[2J one?")
BEGUN = (prepared("T1.1"), started("T1.1"))


def after(*events: Event) -> State:
    return state_after(PLAN, *events)


def notice(event: Event, *before: Event) -> Notice | None:
    return notice_of(Entry(7, 1000.0, RUN, event), after(*before))


def some(event: Event, *before: Event) -> Notice:
    found = notice(event, *before)
    assert found is not None
    return found


def test_a_step_for_a_person_is_told_with_what_is_to_be_done_and_not_with_logs() -> None:
    assert some(ev.TaskParked(task="T1", reason="a step for a person")).command == "squad report"


@pytest.mark.parametrize(
    ("event", "what", "about", "command"),
    [
        (ev.TaskParked(task="T1", reason="stalled"), "needs-you", "T1", "squad logs T1"),
        (ev.RunPaused(reason="needs-you"), "needs-you", "run", "squad status"),
        (ev.RunPaused(reason="limit"), "stopped-early", "run", f"squad resume {RUN}"),
        (ev.RunPaused(reason="terminated"), "stopped-early", "run", f"squad resume {RUN}"),
        (ev.RunEnded(outcome="done"), "finished", "run", "squad diff"),
        (ev.RunEnded(outcome="failed"), "finished", "run", "squad report"),
    ],
)
def test_what_a_person_wants_to_know_is_told_with_what_helps(event: Event, what: str, about: str, command: str) -> None:
    told = some(event, *BEGUN)

    assert (told.what, told.about, told.command, told.of) == (what, about, command, 7)


def test_a_question_is_told_with_the_command_that_answers_and_cannot_steer_a_terminal() -> None:
    told = some(ASKED, *BEGUN, ASKED)

    assert (told.what, told.about, told.command) == ("needs-you", "Q1", "squad answer Q1 TEXT")
    assert told.text.startswith(f"{ONE} asks: Which")
    assert "\x1b" not in told.text


@pytest.mark.parametrize(
    "event",
    [
        ev.RunEnded(outcome="discarded"),
        ev.TaskFailed(task="T1", reason="x"),
        ev.Noticed(text="x"),
        ev.QuestionAsked(id="Q1", agent=ONE, task="T1", attempt="T1.1", kind="question", text="x", refused="nobody is there"),
    ],
)
def test_of_other_things_nobody_is_told(event: Event) -> None:
    assert notice(event) is None


def test_a_question_that_was_told_is_no_news_for_the_next_supervisor() -> None:
    told = some(ASKED, *BEGUN, ASKED)
    noted = ev.Notified(what="needs-you", about="Q1", of=7, ways=["command"])

    assert is_news(told, after(*BEGUN, ASKED), set())
    assert not is_news(told, after(*BEGUN, ASKED), {"Q1"})
    assert not is_news(told, after(*BEGUN, ASKED, noted), set())


def test_that_a_run_waits_is_no_news_to_whoever_was_told_for_what() -> None:
    waits, limited = some(ev.RunPaused(reason="needs-you")), some(ev.RunPaused(reason="limit"))

    assert is_news(waits, after(), set())
    assert not is_news(waits, after(), {"T1"})
    assert is_news(limited, after(), {"T1"})


def test_what_was_settled_meanwhile_is_not_told_any_more() -> None:
    answered = ev.QuestionAnswered(id="Q1", agent=ONE, task="T1", by="person", answer="a")
    asked, parked = some(ASKED, *BEGUN, ASKED), some(ev.TaskParked(task="T2", reason="x"))

    assert still_stands(asked, after(*BEGUN, ASKED))
    assert not still_stands(asked, after(*BEGUN, ASKED, answered))
    assert not still_stands(parked, after(*BEGUN))
    assert still_stands(parked, after(ev.TaskParked(task="T2", reason="x")))


def test_the_document_can_be_sent() -> None:
    told = document(some(ev.RunEnded(outcome="done")), after(), root="/project")

    assert json.loads(json.dumps(told)) == told
    assert told["at"] == "1970-01-01T00:16:40Z"
    assert told["tasks"] == {"waiting": 2}
