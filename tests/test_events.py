"""Names and fields of the events that other programs read: those of design section 14, word for word."""

from typing import get_args

import msgspec
import pytest

from orchestrator import events as ev
from orchestrator.events import Event, decode, encode, fields, kind, kinds
from tests.support.builders import ended, granted, prepared, run_started, started

PROMISED = {
    "RunStarted": "",
    "RunEnded": "outcome",
    "AttemptStarted": "task agent attempt node pid workspace level",
    "AttemptEnded": "task agent attempt outcome exit signal reason",
    "TaskDone": "task",
    "TaskFailed": "task reason",
    "TaskParked": "task reason",
    "TaskSkipped": "task reason",
    "TaskReassigned": "task from to reason",
    "LockRequested": "path holder",
    "LockGranted": "path holder fence waited_s",
    "LockReleased": "path holder",
    "LockRefused": "path holder reason",
    "AgentStalled": "agent task verdict evidence",
    "HandoffRequested": "from to file status",
    "ForeignChangeFound": "task agent paths ref",
    "CheckEnded": "command ok where log",
    "Integrated": "task commit",
    "LimitReached": "limit",
}
#: Ours beside them: whoever reads them would miss one that goes.
OURS = {
    "StopRequested": "reason",
    "RunPaused": "reason",
    "RunReopened": "reason",
    "TaskRetried": "task reason",
    "RunScaled": "agents leaving",
    "AgentAdded": "agent role like plan settings",
    "AgentLeft": "agent",
    "TaskAdded": "task agent title plan",
    "AttemptRecalled": "task agent attempt then to reason",
    "RunResumed": "reason",
    "ProjectMoved": "from to",
    "AttemptPrepared": "task agent attempt workspace branch base locks",
    "OutputRead": "task attempt log status",
    "ResultRefused": "task agent attempt cause reason counted",
    "TaskRevived": "task reason",
    "WorkPaused": "now",
    "WorkResumed": "reason",
    "RestartOrdered": "task agent attempt",
    "RemarkMade": "id agent task text",
    "RemarkTold": "id agent task attempt way",
    "AgentWarned": "agent task attempt paths text heard",
    "AgentReported": "agent task status message done total files",
    "ConversationKnown": "agent task attempt session version",
    "ClaimMade": "agent task attempt done note",
    "AgentBlocked": "agent task on meanwhile",
    "QuestionAsked": "id agent task attempt kind text waits refused",
    "QuestionAnswered": "id agent task by answer allow",
    "QuestionTold": "id agent task attempt way",
    "QuestionClosed": "id agent task how reason",
    "UsageReported": "agent task attempt fresh cached output money",
    "RungClimbed": "agent task attempt rung reason",
    "IntegrationStarted": "task attempt commit onto",
    "MergeConflicted": "task agent attempt paths",
    "Merged": "into commit",
    "UnsureChangeFound": "task agent attempt where paths among certainty why ref",
    "LockLent": "path holder fence pid born boot node ended starter",
    "Noticed": "text",
    "Notified": "what about of ways later",
}


def outside_names(name: str) -> set[str]:
    event: type[msgspec.Struct] = getattr(ev, name)
    return {one.encode_name for one in msgspec.structs.fields(event)}


@pytest.mark.parametrize(("name", "promised"), [*PROMISED.items(), *OURS.items()])
def test_each_event_has_the_fields_that_were_promised(name: str, promised: str) -> None:
    assert set(promised.split()) <= outside_names(name)


def test_there_are_no_other_events() -> None:
    assert set(kinds()) == PROMISED.keys() | OURS.keys()
    assert kinds() == tuple(one.__name__ for one in get_args(Event))


def test_no_event_has_a_field_that_the_line_needs_for_itself() -> None:
    for name in kinds():
        assert not {"v", "seq", "at", "run", "type", "from_"} & outside_names(name)


@pytest.mark.parametrize(
    "event",
    [
        ev.TaskReassigned(task="T1", from_="agent-1", to="agent-2", reason="x"),
        ev.HandoffRequested(from_="agent-1", to="agent-2", file="a.py", status="x"),
    ],
)
def test_from_is_called_from_outside(event: Event) -> None:
    assert fields(event)["from"] == "agent-1"
    assert list(msgspec.json.decode(encode(event)))[:1] == ["type"]
    assert decode(encode(event)) == event


@pytest.mark.parametrize("event", [run_started(), prepared(), started(), ended(), granted("a"), ev.Noticed(text="é\0\n")])
def test_an_event_is_read_back_as_it_was_written(event: Event) -> None:
    body = encode(event)

    assert decode(body) == event
    assert body.startswith(b'{"type":"' + kind(event).encode() + b'"')
    assert b"\n" not in body
    assert "type" not in fields(event)


def test_a_field_of_a_later_squad_does_not_hinder_an_older_one() -> None:
    assert decode(b'{"type":"TaskFailed","task":"T1","reason":"x","more":[1]}') == ev.TaskFailed(task="T1", reason="x")


@pytest.mark.parametrize("body", [b"", b"{}", b'{"type":"Unknown"}', b'{"type":"TaskFailed","task":1,"reason":"x"}', b"\xff"])
def test_what_is_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(body)


def test_an_event_cannot_be_changed() -> None:
    event = ev.TaskFailed(task="T1", reason="x")

    with pytest.raises(AttributeError):
        event.reason = "y"  # type: ignore[misc]  # that is the point
