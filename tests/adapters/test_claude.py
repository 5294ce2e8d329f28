import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.adapters.base import Order
from orchestrator.adapters.claude import ClaudeAdapter, ClaudeConversation
from orchestrator.adapters.jsonlines import LONGEST
from orchestrator.messages import Conversed, Done, Permission, Retrying, Said, Status, Turned, TurnEnd, Usage, Withdrawn
from orchestrator.model import Operation
from tests.adapters import recordings
from tests.support.builders import order

ORDER = order(mark="project/demo-1/T1.1")


def recording(name: str) -> bytes:
    return recordings.recording("claude", name)


RECORDINGS = [recording(name) for name in recordings.recordings("claude")]


def hear(printed: bytes, *, resumed: bool = False) -> list[Said]:
    conversation = ClaudeConversation(resumed=resumed)
    return [*conversation.feed(printed), *conversation.finish()]


def lines(*rows: Mapping[str, Any]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def of(said: Iterable[Said], *kinds: type) -> list[Said]:
    return [one for one in said if isinstance(one, kinds)]


def ending(said: Iterable[Said]) -> list[tuple[TurnEnd, float | None]]:
    return [(one.outcome, one.until) for one in said if isinstance(one, Turned)]


def asking(tool: str, told: Mapping[str, Any], *, request: str = "r1", use: str = "u1") -> dict[str, Any]:
    body = {"subtype": "can_use_tool", "tool_name": tool, "input": told, "tool_use_id": use}
    return {"type": "control_request", "request_id": request, "request": body}


def saying(text: str, **more: Any) -> dict[str, Any]:
    content = [{"type": "text", "text": text}]
    return {"type": "assistant", "message": {"content": content}, "parent_tool_use_id": None, **more}


def consumed(said: Iterable[Said]) -> list[tuple[int, int, int, float | None]]:
    """Give fresh, cached and written tokens, and the money in cents."""
    rows = [one for one in said if isinstance(one, Usage)]
    return [(one.fresh, one.cached, one.output, None if one.money is None else round(one.money * 100, 6)) for one in rows]


def result(**told: Any) -> dict[str, Any]:
    return {"type": "result", "is_error": False, "terminal_reason": "completed", "result": "", **told}


# what was recorded


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("write", TurnEnd.DONE),
        ("held", TurnEnd.DONE),
        ("refused", TurnEnd.REFUSED),
        ("shell", TurnEnd.DONE),
        ("withdrawn", TurnEnd.INTERRUPTED),
        ("interrupt-silence", TurnEnd.INTERRUPTED),
        ("status-400", TurnEnd.PERMANENT),
        ("status-401", TurnEnd.AUTH),
        ("status-403", TurnEnd.AUTH),
        ("status-404", TurnEnd.PERMANENT),
        ("status-429", TurnEnd.TRANSIENT),
        ("status-500", TurnEnd.TRANSIENT),
        ("status-529", TurnEnd.TRANSIENT),
        ("cut", TurnEnd.TRANSIENT),
        ("no-credit", TurnEnd.LIMIT),
        ("no-conversation", TurnEnd.PERMANENT),
        ("begun", TurnEnd.DONE),
        ("resumed", TurnEnd.DONE),
    ],
)
def test_a_turn_ends_as_it_was_seen_to(name: str, outcome: TurnEnd) -> None:
    assert ending(hear(recording(name))) == [(outcome, None)]


def test_a_write_is_asked_for_done_and_told() -> None:
    said = hear(recording("write"))

    assert [type(one).__name__ for one in said] == ["Conversed", "Permission", "Status", "Status", "Done", "Usage", "Turned"]
    [asked] = of(said, Permission)
    assert isinstance(asked, Permission)
    assert (asked.tool, asked.paths, asked.operation) == ("Write", ("/project/hello.txt",), Operation.WRITE)
    assert Status(files={"hello.txt": "created"}) in said
    assert consumed(said) == [(2000, 400, 100, 1.008)]


def test_an_edit_is_asked_for_and_told_as_a_change() -> None:
    said = hear(recording("held"))

    [asked] = of(said, Permission)
    assert isinstance(asked, Permission)
    assert (asked.tool, asked.paths) == ("Edit", ("/project/README.md",))
    assert of(said, Status) == [Status(files={"README.md": "modified"})]


def test_a_turn_of_which_everything_was_refused_says_what() -> None:
    [turned] = of(hear(recording("refused")), Turned)

    assert isinstance(turned, Turned)
    assert turned.reason == "refused: Write /project/hello.txt"


def test_a_shell_is_asked_for_by_its_command() -> None:
    [asked] = of(hear(recording("shell")), Permission)

    assert isinstance(asked, Permission)
    assert (asked.tool, asked.command, asked.paths) == ("Bash", "echo hello > hello.txt", ())


def test_a_limit_tells_when_it_is_lifted() -> None:
    assert ending(hear(recording("limit"))) == [(TurnEnd.LIMIT, 4102444800.0)]


def test_after_an_interrupt_the_conversation_goes_on() -> None:
    assert ending(hear(recording("interrupt"))) == [(TurnEnd.INTERRUPTED, None), (TurnEnd.DONE, None)]


def test_a_question_is_withdrawn_by_an_interrupt() -> None:
    said = hear(recording("withdrawn"))

    [asked], [withdrawn] = of(said, Permission), of(said, Withdrawn)
    assert isinstance(asked, Permission)
    assert withdrawn == Withdrawn(request=asked.request)


def test_a_resumed_conversation_has_its_name_and_tells_only_what_is_new() -> None:
    begun, resumed = hear(recording("begun")), hear(recording("resumed"), resumed=True)

    assert of(begun, Conversed) == of(resumed, Conversed)
    assert (consumed(begun), consumed(resumed)) == ([(2000, 400, 100, 1.008)], [(1000, 200, 50, 0.504)])


def test_the_conversation_tells_its_name_once_and_the_version() -> None:
    [conversed] = of(hear(recording("interrupt")), Conversed)

    assert isinstance(conversed, Conversed)
    assert str(uuid.UUID(conversed.session)) == conversed.session
    assert conversed.version == "2.1.330"


# bytes


@settings(deadline=None)
@given(data=st.data())
def test_any_chunking_gives_the_same(data: st.DataObject) -> None:
    printed = data.draw(st.sampled_from(RECORDINGS))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(printed)), max_size=8)))
    conversation = ClaudeConversation()

    said: list[Said] = []
    for start, end in zip([0, *cuts], [*cuts, len(printed)], strict=True):
        said += conversation.feed(printed[start:end])
        assert conversation.held == end - (printed.rfind(b"\n", 0, end) + 1)

    assert [*said, *conversation.finish()] == hear(printed)


@settings(deadline=None)
@given(st.lists(st.one_of(st.binary(), st.sampled_from([b"\n", b"{", b'{"type":"result"', b"}", b"[" * 5000]))))
def test_noise_is_passed_over(chunks: Sequence[bytes]) -> None:
    conversation = ClaudeConversation()

    for chunk in chunks:
        conversation.feed(chunk)
    conversation.finish()
    assert of(conversation.feed(b"\n" + recording("shell")), Permission)


_LINES = sorted({line for printed in RECORDINGS for line in printed.splitlines() if line.startswith(b"{")})
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

    for one in hear(lines(spoilt)):
        msgspec.json.encode(one)  # nothing that could not be written to a journal


def test_a_line_of_100_mb_is_skipped_without_being_kept() -> None:
    conversation = ClaudeConversation()
    piece = b"x" * (1 << 20)

    conversation.feed(b'{"type": "user", "text": "')
    held = []
    for _ in range(100):
        conversation.feed(piece)
        held.append(conversation.held)

    assert max(held) <= LONGEST
    assert held[-1] == 0
    assert of(conversation.feed(b'"}\n' + recording("shell")), Permission)


def test_a_long_line_gives_the_same_in_one_chunk_and_in_many() -> None:
    long = lines(asking("Write", {"file_path": "/project/a", "content": "x" * 100}))
    whole, cut = ClaudeConversation(longest=100), ClaudeConversation(longest=100)

    assert whole.feed(long) == [said for byte in long for said in cut.feed(bytes([byte]))] == []


def test_the_whole_content_of_a_large_file_can_be_asked_for() -> None:
    told = {"file_path": "/project/a", "content": "x" * (2 << 20)}
    conversation = ClaudeConversation()

    [asked] = conversation.feed(lines(asking("Write", told)))

    assert isinstance(asked, Permission)
    assert json.loads(conversation.answer(asked, allow=True))["response"]["response"]["updatedInput"] == told


# questions and answers


@pytest.mark.parametrize(
    ("tool", "told", "paths", "operation"),
    [
        ("Write", {"file_path": "/project/a"}, ("/project/a",), Operation.WRITE),
        ("Edit", {"file_path": "/project/a"}, ("/project/a",), Operation.WRITE),
        ("MultiEdit", {"file_path": "/project/a"}, ("/project/a",), Operation.WRITE),
        ("NotebookEdit", {"notebook_path": "/project/a.ipynb"}, ("/project/a.ipynb",), Operation.WRITE),
        ("Read", {"file_path": "/etc/hostname"}, ("/etc/hostname",), Operation.READ),
        ("Grep", {"pattern": "x"}, (), Operation.READ),
        ("WebFetch", {"url": "https://example.org"}, (), Operation.WRITE),
    ],
)
def test_a_tool_is_asked_for_by_what_it_does(
    tool: str, told: Mapping[str, Any], paths: tuple[str, ...], operation: Operation
) -> None:
    detail = json.dumps(told) if tool == "WebFetch" else ""  # of what squad cannot tell a person is asked
    asked = Permission(request="r1", tool=tool, paths=paths, operation=operation, detail=detail)
    assert hear(lines(asking(tool, told))) == [asked]


def test_a_writing_tool_that_hides_its_path_asks_for_one_outside_the_project() -> None:
    [asked] = hear(lines(asking("Write", {"path": "/project/a"})))

    assert isinstance(asked, Permission)
    assert asked.paths == ("..",)


def test_half_a_surrogate_in_a_path_reads_as_it_is_written_to_disk() -> None:
    [asked] = hear(b'{"type":"control_request","request_id":"r1","request":{"subtype":"can_use_tool","tool_name":"Write",'
                   b'"input":{"file_path":"/project/\\ud800"}}}\n')  # fmt: skip

    assert isinstance(asked, Permission)
    assert asked.paths == ("/project/\ufffd",)


def test_permission_is_given_with_the_input_as_it_was_asked_for() -> None:
    conversation = ClaudeConversation()
    [asked] = conversation.feed(lines(asking("Write", {"file_path": "/project/a", "content": "ä"})))
    assert isinstance(asked, Permission)

    answer = conversation.answer(asked, allow=True)

    assert answer.endswith(b"\n")
    assert json.loads(answer) == {
        "type": "control_response",
        "response": {
            "subtype": "success",
            "request_id": "r1",
            "response": {"behavior": "allow", "updatedInput": {"file_path": "/project/a", "content": "ä"}},
        },
    }


def test_a_refusal_carries_the_reason() -> None:
    conversation = ClaudeConversation()
    [asked] = conversation.feed(lines(asking("Write", {"file_path": "/project/a"})))
    assert isinstance(asked, Permission)

    answer = json.loads(conversation.answer(asked, allow=False, reason="a is locked by agent-2"))

    assert answer["response"]["response"] == {"behavior": "deny", "message": "a is locked by agent-2"}


def test_nothing_is_answered_twice_or_after_it_was_withdrawn() -> None:
    conversation = ClaudeConversation()
    first, second = of(conversation.feed(lines(asking("Bash", {}), asking("Bash", {}, request="r2"))), Permission)
    assert isinstance(first, Permission)
    assert isinstance(second, Permission)

    withdrawal = {"type": "control_cancel_request", "request_id": "r1"}
    assert conversation.feed(lines(withdrawal, withdrawal)) == [Withdrawn(request="r1")]
    assert conversation.answer(first, allow=True) == b""
    assert conversation.answer(second, allow=True)
    assert conversation.answer(second, allow=True) == b""


@pytest.mark.parametrize("allow", [True, False])
def test_a_question_of_another_kind_is_never_left_open(allow: bool) -> None:  # noqa: FBT001 - a parameter of the test
    conversation = ClaudeConversation()
    question = {"type": "control_request", "request_id": "r1", "request": {"subtype": "elicitation", "message": "which?"}}
    [asked] = conversation.feed(lines(question))
    assert isinstance(asked, Permission)

    answer = json.loads(conversation.answer(asked, allow=allow, reason="nobody answers now"))

    assert asked.tool == "elicitation"
    assert (answer["response"]["subtype"], answer["response"]["request_id"]) == ("error", "r1")


def test_questions_that_nobody_answers_do_not_pile_up() -> None:
    conversation = ClaudeConversation()
    asked = conversation.feed(lines(*(asking("Bash", {}, request=f"r{number}") for number in range(1000))))

    first, last = asked[0], asked[-1]
    assert isinstance(first, Permission)
    assert isinstance(last, Permission)
    assert conversation.answer(first, allow=True) == b""
    assert conversation.answer(last, allow=True) != b""


# what the model says


def test_the_model_claims_by_its_text() -> None:
    assert Done(ok=True) in hear(lines(saying("I tried it.\nStatus: COMPLETE")))
    assert Done(ok=False) in hear(lines(saying("Status: FAILED")))


def test_an_agent_of_the_agent_claims_nothing() -> None:
    assert hear(lines(saying("Status: COMPLETE", parent_tool_use_id="u1"))) == []


def test_what_a_tool_gave_back_claims_nothing() -> None:
    content = [{"type": "tool_result", "content": "Status: COMPLETE"}]

    assert hear(lines({"type": "user", "message": {"content": content}, "tool_use_result": "Status: COMPLETE"})) == []


def test_what_was_read_is_no_change() -> None:
    read = {"type": "text", "file": {"filePath": "/project/a", "content": ""}}

    assert hear(lines({"type": "user", "message": {}, "tool_use_result": read})) == []


# how turns end


def test_text_that_mentions_an_error_is_no_error() -> None:
    words = "API Error: 529 overloaded. You've hit your 5-hour limit. Failed to authenticate. Credit balance is too low"

    assert ending(hear(lines(saying(words), result(result=words)))) == [(TurnEnd.DONE, None)]


def test_a_failure_that_calls_itself_success_is_a_failure() -> None:
    failed = result(subtype="success", is_error=True, api_error_status=529)

    assert ending(hear(lines(failed))) == [(TurnEnd.TRANSIENT, None)]


def test_a_result_that_does_not_say_whether_it_failed_has_failed() -> None:
    assert ending(hear(lines({"type": "result", "subtype": "success"}))) == [(TurnEnd.PERMANENT, None)]


def test_a_turn_that_was_refused_something_and_found_another_way_is_done() -> None:
    denied = [{"tool_name": "Write", "tool_use_id": "u1", "tool_input": {"file_path": "/project/a"}}]
    both = lines(asking("Write", {"file_path": "/project/a"}), asking("Write", {"file_path": "/project/b"}, use="u2"))

    assert ending(hear(both + lines(result(permission_denials=denied)))) == [(TurnEnd.DONE, None)]
    assert ending(hear(lines(result(permission_denials=denied)))) == [(TurnEnd.REFUSED, None)]


def test_the_reset_of_a_limit_is_told_only_of_a_limit() -> None:
    rejected = {"type": "rate_limit_event", "rate_limit_info": {"status": "rejected", "resetsAt": 4102444800}}
    limited = result(is_error=True, api_error_status=429, api_error="usage_limit_reached")
    overloaded = result(is_error=True, api_error_status=529)

    assert ending(hear(lines(rejected, limited))) == [(TurnEnd.LIMIT, 4102444800.0)]
    assert ending(hear(lines(rejected, overloaded))) == [(TurnEnd.TRANSIENT, None)]
    assert ending(hear(lines(rejected, {**rejected, "rate_limit_info": {"status": "allowed"}}, limited))) == [
        (TurnEnd.LIMIT, None)
    ]


def test_an_error_of_one_turn_does_not_colour_the_next() -> None:
    failed = lines(saying("", error="authentication_failed"), result(is_error=True))

    assert ending(hear(failed + lines(result(is_error=True)))) == [(TurnEnd.AUTH, None), (TurnEnd.PERMANENT, None)]


def test_turns_that_follow_by_themselves_are_told() -> None:
    [turned] = of(hear(lines(result(queued_turn_count=1))), Turned)

    assert isinstance(turned, Turned)
    assert turned.queued == 1


def test_a_retry_of_its_own_is_told_with_its_delay() -> None:
    retry = {"type": "system", "subtype": "api_retry", "attempt": 1, "retry_delay_ms": 1500, "error": "overloaded"}

    assert hear(lines(retry)) == [Retrying(error="overloaded", delay=1.5)]


# consumption of versions that tell totals


def _total(dollars: float) -> dict[str, Any]:
    return result(total_cost_usd=dollars, usage={"input_tokens": 10, "cache_creation_input_tokens": 5, "output_tokens": 1})


def test_money_told_in_total_is_reported_as_what_is_new() -> None:
    assert consumed(hear(lines(_total(0.5), _total(0.75)))) == [(15, 0, 1, 50.0), (15, 0, 1, 25.0)]


def test_money_that_a_resumed_conversation_had_cost_before_is_not_reported_again() -> None:
    assert consumed(hear(lines(_total(0.5), _total(0.75)), resumed=True)) == [(15, 0, 1, None), (15, 0, 1, 25.0)]


def test_a_turn_without_a_result_tells_what_its_messages_consumed() -> None:
    printed = recording("write")

    killed = hear(printed[: printed.rindex(b'"duration_api_ms"')])

    assert consumed(killed) == [(2000, 400, 2, None)]
    assert ending(killed) == []


def test_a_message_that_comes_in_several_lines_is_counted_once() -> None:
    usage = {"input_tokens": 10, "cache_read_input_tokens": 3, "output_tokens": 1}
    piece = {"type": "assistant", "message": {"id": "m1", "content": [], "usage": usage}, "parent_tool_use_id": None}

    assert consumed(hear(lines(piece, piece))) == [(10, 3, 1, None)]


# how it is started


def test_the_prompt_follows_the_greeting_and_stdin_stays_open() -> None:
    invocation = ClaudeAdapter().invoke(ORDER)

    greeting, prompt = map(json.loads, (invocation.stdin or b"").splitlines())
    assert greeting["request"]["subtype"] == "initialize"
    assert prompt["message"] == {"role": "user", "content": "do T1"}
    assert invocation.keep_stdin
    assert not invocation.exit_claims


def test_a_prompt_of_any_bytes_is_valid_text() -> None:
    told = ClaudeConversation().tell("caf\udce9 \ud83d")

    assert json.loads(told)["message"]["content"].encode()


def test_edits_are_asked_for_whatever_the_user_allows() -> None:
    argv = ClaudeAdapter().invoke(ORDER).argv

    settings = json.loads(argv[argv.index("--settings") + 1])
    assert settings == {"permissions": {"ask": ["Write", "Edit", "MultiEdit", "NotebookEdit"]}}
    assert argv[argv.index("--permission-mode") + 1] == "default"


def test_tools_that_wait_for_a_person_are_not_offered() -> None:
    argv = ClaudeAdapter().invoke(ORDER).argv

    assert {"AskUserQuestion", "ExitPlanMode"} <= set(argv[argv.index("--disallowedTools") + 1].split(","))


def test_how_long_to_wait_is_for_squad_to_decide() -> None:
    assert ClaudeAdapter().invoke(ORDER).environment["CLAUDE_CODE_MAX_RETRIES"] == "0"


def test_a_conversation_is_begun_under_a_name_of_squads() -> None:
    def name(of: Order) -> str:
        argv = ClaudeAdapter().invoke(of).argv
        return argv[argv.index("--session-id") + 1]

    assert str(uuid.UUID(name(ORDER))) == name(ORDER) == name(replace(ORDER, prompt="another"))
    assert name(ORDER) != name(replace(ORDER, mark="project/demo-2/T1.1"))


def test_a_conversation_is_taken_up_again_by_its_name() -> None:
    argv = ClaudeAdapter().invoke(replace(ORDER, conversation="c1")).argv

    assert argv[argv.index("--resume") + 1] == "c1"
    assert "--session-id" not in argv


def test_the_model_is_the_users_own_unless_it_is_configured() -> None:
    assert "--model" not in ClaudeAdapter().invoke(ORDER).argv
    assert ClaudeAdapter(model="opus").invoke(ORDER).argv[-4:-2] == ("--model", "opus")


def test_an_interrupt_is_one_line() -> None:
    assert json.loads(ClaudeConversation().interrupt())["request"] == {"subtype": "interrupt"}


def test_it_says_how_to_install_what_is_missing(tmp_path: Path) -> None:
    assert "npm install -g @anthropic-ai/claude-code" in (ClaudeAdapter().missing(str(tmp_path)) or "")
    program = tmp_path / "claude"
    program.touch(mode=0o755)
    assert ClaudeAdapter().missing(str(tmp_path)) is None
