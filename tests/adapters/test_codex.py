import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.adapters.codex import CodexAdapter, CodexConversation
from orchestrator.messages import Conversed, Done, Permission, Reply, Retrying, Said, Status, Turned, TurnEnd, Usage, Withdrawn
from orchestrator.model import Operation
from tests.adapters import recordings
from tests.support.builders import order

ORDER = order()


def recording(name: str) -> bytes:
    return recordings.recording("codex", name)


RECORDINGS = [recording(name) for name in recordings.recordings("codex")]
_LINES = sorted({line for printed in RECORDINGS for line in printed.splitlines() if line.startswith(b"{")})


def hear(printed: bytes) -> list[Said]:
    conversation = CodexConversation(prompt="do T1")
    return [*conversation.feed(printed), *conversation.finish()]


def lines(*rows: Mapping[str, Any]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def of(said: Iterable[Said], *kinds: type) -> list[Said]:
    return [one for one in said if isinstance(one, kinds)]


def ending(said: Iterable[Said]) -> list[tuple[TurnEnd, float | None]]:
    return [(one.outcome, one.until) for one in said if isinstance(one, Turned)]


def notice(method: str, **params: Any) -> dict[str, Any]:
    return {"method": method, "params": {"threadId": "thread", **params}}


OPENED = {"id": 2, "result": {"thread": {"id": "thread", "cliVersion": "0.169.0"}}}
STARTED = notice("turn/started", turn={"id": "turn"})
COMPLETED = notice("turn/completed", turn={"id": "turn", "status": "completed"})


def changing(*changes: Mapping[str, Any], item: str = "i1", request: int = 0) -> bytes:
    announced = notice("item/started", item={"type": "fileChange", "id": item, "changes": changes})
    return lines(announced, {**notice("item/fileChange/requestApproval", itemId=item), "id": request})


def change(path: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"path": path, "kind": {"type": kind, **more}, "diff": ""}


# what was recorded


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("write", TurnEnd.DONE),
        ("held", TurnEnd.DONE),
        ("refused", TurnEnd.REFUSED),
        ("shell", TurnEnd.DONE),
        ("escalated", TurnEnd.DONE),
        ("withdrawn", TurnEnd.INTERRUPTED),
        ("status-400", TurnEnd.PERMANENT),
        ("status-401", TurnEnd.AUTH),
        ("status-404", TurnEnd.PERMANENT),
        ("status-429", TurnEnd.TRANSIENT),
        ("status-500", TurnEnd.TRANSIENT),
        ("status-529", TurnEnd.TRANSIENT),
        ("cut", TurnEnd.TRANSIENT),
        ("no-conversation", TurnEnd.PERMANENT),
        ("begun", TurnEnd.DONE),
        ("resumed", TurnEnd.DONE),
    ],
)
def test_a_turn_ends_as_it_was_seen_to(name: str, outcome: TurnEnd) -> None:
    assert ending(hear(recording(name))) == [(outcome, None)]


def test_a_limit_tells_when_it_is_lifted() -> None:
    assert ending(hear(recording("limit"))) == [(TurnEnd.LIMIT, 4102444800.0)]


def test_after_an_interrupt_the_conversation_goes_on() -> None:
    assert ending(hear(recording("interrupt"))) == [(TurnEnd.INTERRUPTED, None), (TurnEnd.DONE, None)]


def test_a_write_is_asked_for_with_the_path_that_was_announced() -> None:
    said = hear(recording("write"))

    [asked] = of(said, Permission)
    assert asked == Permission(request="0", tool="apply_patch", paths=("/project/hello.txt",), operation=Operation.CREATE)
    assert Status(files={"/project/hello.txt": "created"}) in said
    assert Done(ok=True) in said


def test_the_prompt_is_said_when_the_thread_is_open() -> None:
    first, second, *_ = hear(recording("write"))

    assert isinstance(first, Conversed)
    assert first.version == "0.169.0"
    assert isinstance(second, Reply)
    told = json.loads(second.line)
    assert told["method"] == "turn/start"
    assert told["params"] == {"threadId": first.session, "input": [{"type": "text", "text": "do T1"}]}


def test_a_turn_of_which_everything_was_refused_says_what() -> None:
    [turned] = of(hear(recording("refused")), Turned)

    assert isinstance(turned, Turned)
    assert turned.reason == "refused: /project/hello.txt"


def test_a_command_is_asked_for_by_its_text() -> None:
    [asked] = of(hear(recording("escalated")), Permission)

    assert isinstance(asked, Permission)
    assert (asked.tool, asked.paths, asked.command) == ("shell", (), "/bin/bash -lc 'echo hello > hello.txt'")


def test_a_question_is_withdrawn_by_an_interrupt() -> None:
    assert of(hear(recording("withdrawn")), Withdrawn) == [Withdrawn(request="0")]


def test_a_resumed_conversation_has_its_name_and_tells_only_what_is_new() -> None:
    begun, resumed = hear(recording("begun")), hear(recording("resumed"))

    assert of(begun, Conversed) == of(resumed, Conversed)
    assert of(begun, Usage) == [Usage(fresh=1000, cached=200, output=50)] * 2
    assert of(resumed, Usage) == [Usage(fresh=1000, cached=200, output=50)]


def test_its_own_retries_are_told() -> None:
    assert len(of(hear(recording("status-401")), Retrying)) == 1


# bytes


@settings(deadline=None)
@given(data=st.data())
def test_any_chunking_gives_the_same(data: st.DataObject) -> None:
    printed = data.draw(st.sampled_from(RECORDINGS))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(printed)), max_size=8)))
    conversation = CodexConversation(prompt="do T1")

    said: list[Said] = []
    for start, end in zip([0, *cuts], [*cuts, len(printed)], strict=True):
        said += conversation.feed(printed[start:end])
        assert conversation.held == end - (printed.rfind(b"\n", 0, end) + 1)

    assert [*said, *conversation.finish()] == hear(printed)


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**400), 10**400) | st.floats() | st.text(),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=3), inside, max_size=3),
    max_leaves=4,
)


@settings(deadline=None)
@given(data=st.data())
def test_a_line_of_which_anything_was_replaced_is_no_error(data: st.DataObject) -> None:
    spoilt = json.loads(data.draw(st.sampled_from(_LINES)))
    place = spoilt
    while isinstance(place, dict) and place:
        key = data.draw(st.sampled_from(sorted(place)))
        if data.draw(st.booleans()) or not isinstance(place[key], dict):
            place[key] = data.draw(_ANYTHING)
            break
        place = place[key]

    for one in hear(lines(OPENED, STARTED, spoilt)):
        msgspec.json.encode(one)  # nothing that could not be written to a journal


# questions and answers


@pytest.mark.parametrize(
    ("changes", "paths", "operation"),
    [
        ([change("/p/a", "add")], ("/p/a",), Operation.CREATE),
        ([change("/p/a", "delete")], ("/p/a",), Operation.DELETE),
        ([change("/p/a", "update", move_path=None)], ("/p/a",), Operation.WRITE),
        ([change("/p/a", "update", move_path="/p/b")], ("/p/a", "/p/b"), Operation.WRITE),
        ([change("/p/a", "add"), change("/p/b", "delete")], ("/p/a", "/p/b"), Operation.WRITE),
    ],
)
def test_a_patch_is_asked_for_with_every_path_it_touches(
    changes: list[dict[str, Any]], paths: tuple[str, ...], operation: Operation
) -> None:
    assert hear(changing(*changes)) == [Permission(request="0", tool="apply_patch", paths=paths, operation=operation)]


def test_a_patch_that_was_never_announced_asks_for_a_path_outside_the_project() -> None:
    [asked] = hear(lines({**notice("item/fileChange/requestApproval", itemId="i9"), "id": 3}))

    assert isinstance(asked, Permission)
    assert asked.paths == ("..",)


def test_an_answer_goes_to_the_request_as_codex_numbers_it() -> None:
    conversation = CodexConversation(prompt="")
    [asked] = conversation.feed(changing(change("/p/a", "add"), request=7))
    assert isinstance(asked, Permission)

    assert json.loads(conversation.answer(asked, allow=True)) == {"id": 7, "result": {"decision": "accept"}}
    assert conversation.answer(asked, allow=True) == b""


def test_a_refusal_comes_after_its_reason() -> None:
    conversation = CodexConversation(prompt="")
    [asked] = of(conversation.feed(lines(OPENED, STARTED) + changing(change("/p/a", "add"))), Permission)
    assert isinstance(asked, Permission)

    reason, decision = map(json.loads, conversation.answer(asked, allow=False, reason="a is locked").splitlines())

    assert (reason["method"], reason["params"]["expectedTurnId"]) == ("turn/steer", "turn")
    assert reason["params"]["input"] == [{"type": "text", "text": "a is locked"}]
    assert decision == {"id": 0, "result": {"decision": "decline"}}


def test_a_question_of_another_kind_is_never_left_open() -> None:
    [reply] = hear(lines({**notice("mcpServer/elicitation/request"), "id": 5}))

    assert isinstance(reply, Reply)
    told = json.loads(reply.line)
    assert (told["id"], "error" in told) == (5, True)


# turns


def test_what_is_said_in_mid_turn_steers_and_else_begins_a_turn() -> None:
    conversation = CodexConversation(prompt="")
    conversation.feed(lines(OPENED, STARTED))
    steered = json.loads(conversation.tell("go on"))
    conversation.feed(lines(COMPLETED))
    begun = json.loads(conversation.tell("go on"))

    assert (steered["method"], begun["method"]) == ("turn/steer", "turn/start")
    assert steered["id"] != begun["id"]


def test_what_was_said_as_the_turn_ended_begins_the_next() -> None:
    conversation = CodexConversation(prompt="")
    conversation.feed(lines(OPENED, STARTED))
    steered = json.loads(conversation.tell("go on"))
    conversation.feed(lines(COMPLETED))

    [reply] = conversation.feed(lines({"id": steered["id"], "error": {"code": -32600, "message": "no active turn"}}))

    assert isinstance(reply, Reply)
    told = json.loads(reply.line)
    assert (told["method"], told["params"]["input"][0]["text"]) == ("turn/start", "go on")


def test_what_was_said_too_late_for_its_turn_begins_the_next_also_if_that_is_told_before_the_end() -> None:
    """Codex 0.169.0 refuses with "no active turn to steer" while its `turn/completed` is still to come: the text was lost."""
    conversation = CodexConversation(prompt="")
    conversation.feed(lines(OPENED, STARTED))
    steered = json.loads(conversation.tell("go on"))

    assert conversation.feed(lines({"id": steered["id"], "error": {"code": -32600, "message": "no active turn to steer"}})) == []
    ended, reply = conversation.feed(lines(COMPLETED))

    assert ended == Turned(outcome=TurnEnd.DONE, queued=1)
    assert isinstance(reply, Reply)
    told = json.loads(reply.line)
    assert (told["method"], told["params"]["input"][0]["text"]) == ("turn/start", "go on")


def test_the_end_of_a_turn_waits_until_it_is_known_whether_all_was_heard() -> None:
    conversation = CodexConversation(prompt="")
    conversation.feed(lines(OPENED, STARTED))
    steered = json.loads(conversation.tell("go on"))

    assert conversation.feed(lines(COMPLETED)) == []
    assert conversation.feed(lines({"id": steered["id"], "result": {}})) == [Turned(outcome=TurnEnd.DONE)]


def test_the_end_of_a_turn_is_told_when_the_process_leaves_without_an_answer() -> None:
    conversation = CodexConversation(prompt="")
    conversation.feed(lines(OPENED, STARTED))
    conversation.tell("go on")

    assert [*conversation.feed(lines(COMPLETED)), *conversation.finish()] == [Turned(outcome=TurnEnd.DONE)]


def test_an_agent_of_the_agent_ends_nothing_and_claims_nothing() -> None:
    theirs = {"threadId": "another"}
    message = notice("item/completed", item={"type": "agentMessage", "text": "Status: COMPLETE"}, **theirs)
    ended = notice("turn/completed", turn={"status": "completed"}, **theirs)

    assert of(hear(lines(OPENED, STARTED, message, ended)), Done, Turned) == []


def test_who_began_to_read_in_the_middle_hears_the_end() -> None:
    printed = recording("write")
    middle = printed.index(b"turn/diff/updated")

    said = hear(printed[middle:])

    assert ending(said) == [(TurnEnd.DONE, None)]
    assert Usage(fresh=1000, cached=200, output=50) in said


def test_text_that_mentions_an_error_is_no_error() -> None:
    words = "You've hit your usage limit. unexpected status 401 Unauthorized"
    message = notice("item/completed", item={"type": "agentMessage", "text": words})

    assert ending(hear(lines(OPENED, STARTED, message, COMPLETED))) == [(TurnEnd.DONE, None)]


def test_a_turn_that_was_refused_something_and_found_another_way_is_done() -> None:
    declined = notice("item/completed", item={"type": "fileChange", "status": "declined", "changes": [change("/p/a", "add")]})
    both = changing(change("/p/a", "add")) + changing(change("/p/b", "add"), item="i2", request=1)

    assert ending(hear(lines(OPENED, STARTED) + both + lines(declined, COMPLETED))) == [(TurnEnd.DONE, None)]


def test_an_error_that_says_nothing_is_passing_only_if_it_was_tried_again() -> None:
    failed = notice("turn/completed", turn={"status": "failed", "error": {"message": "", "codexErrorInfo": "other"}})
    retried = notice("error", error={"message": "Reconnecting... 1/5"}, willRetry=True)

    assert ending(hear(lines(OPENED, STARTED, failed))) == [(TurnEnd.PERMANENT, None)]
    assert ending(hear(lines(OPENED, STARTED, retried, failed))) == [(TurnEnd.TRANSIENT, None)]
    assert ending(hear(lines(OPENED, STARTED, retried, COMPLETED, STARTED, failed)))[-1] == (TurnEnd.PERMANENT, None)


# how it is started


def test_a_thread_is_opened_in_which_everything_asks() -> None:
    invocation = CodexAdapter(model="gpt-5.5").invoke(ORDER)

    greeting, _, opening = map(json.loads, (invocation.stdin or b"").splitlines())
    assert invocation.argv == ("codex", "app-server")
    assert invocation.keep_stdin
    assert greeting["method"] == "initialize"
    assert opening["method"] == "thread/start"
    asking = {"sandbox": "read-only", "approvalPolicy": "on-request", "approvalsReviewer": "user"}
    assert opening["params"] == {"cwd": "/project", "model": "gpt-5.5", **asking}


def test_a_thread_is_taken_up_again_by_its_name() -> None:
    invocation = CodexAdapter().invoke(replace(ORDER, conversation="t1"))

    opening = json.loads((invocation.stdin or b"").splitlines()[-1])
    assert (opening["method"], opening["params"]["threadId"]) == ("thread/resume", "t1")
    assert "model" not in opening["params"]


def test_it_says_how_to_install_what_is_missing(tmp_path: Path) -> None:
    assert "npm install -g @openai/codex" in (CodexAdapter().missing(str(tmp_path)) or "")
