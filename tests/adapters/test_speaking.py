"""A program that speaks squad's own protocol: what it is told, what it asks, and when it has said its last word."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.adapters import Conversing, make_adapter
from orchestrator.adapters.command import CommandAdapter
from orchestrator.adapters.speaking import SpeakingAdapter, SpeakingConversation
from orchestrator.messages import Done, Permission, Said, Status, Turned, TurnEnd
from orchestrator.model import Operation
from tests.support.builders import order, task

OVER = Turned(outcome=TurnEnd.DONE)


def adapter(*command: str) -> SpeakingAdapter:
    return SpeakingAdapter(program=CommandAdapter(command=command))


def lines(*rows: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def asked(path: str, number: int = 1) -> Permission:
    return Permission(request=str(number), tool="lock", paths=(path,), operation=Operation.WRITE)


@pytest.mark.parametrize("command", [("agent",), ("agent", "{prompt_file}"), ("agent", "{prompt}")])
def test_its_stdin_stays_open_with_the_task_as_the_first_line_wherever_the_prompt_goes(command: tuple[str, ...]) -> None:
    invocation = adapter(*command).invoke(order())

    assert invocation.keep_stdin
    assert invocation.exit_claims
    told = json.loads(invocation.stdin or b"")
    assert (told["type"], told["task"], told["attempt"], told["prompt"]) == ("task", "T1", 1, order().prompt)
    assert ("prompt.md" in invocation.files) == ("{prompt_file}" in command)


def test_a_tasks_own_command_is_not_spoken_with() -> None:
    invocation = adapter("agent").invoke(replace(order(), task=task("T1", command=["make", "types"])))

    assert (invocation.argv, invocation.stdin, invocation.keep_stdin) == (("make", "types"), None, False)


def test_it_is_chosen_by_the_configuration() -> None:
    made = make_adapter("command", command=["sh"], speaks_squad=True, path="/bin")

    assert isinstance(made, Conversing)
    assert (made.name, made.nudges, made.interrupts, made.missing("/bin")) == ("command", True, False, None)
    assert "not installed" in (make_adapter("command", command=["no-such"], speaks_squad=True, path="/bin").missing("/bin") or "")


def test_a_path_is_asked_for_and_answered_once() -> None:
    conversation = SpeakingConversation()

    said = conversation.feed(lines({"type": "lock", "path": "a"}, {"type": "lock", "path": "b"}))

    assert said == [asked("a", 1), asked("b", 2)]
    assert json.loads(conversation.answer(asked("b", 2), allow=True)) == {"type": "granted", "path": "b"}
    denied = conversation.answer(asked("a", 1), allow=False, reason="not yours")
    assert json.loads(denied) == {"type": "denied", "path": "a", "reason": "not yours"}
    assert conversation.answer(asked("a", 1), allow=True) == b""


@pytest.mark.parametrize("line", [b'{"type": "lock"}\n', b'{"type": "lock", "path": 3}\n', b'["lock", "a"]\n', b"lock a\n"])
def test_what_asks_for_no_path_is_no_question(line: bytes) -> None:
    assert SpeakingConversation().feed(line) == []


def test_what_it_claims_is_its_last_word() -> None:
    conversation = SpeakingConversation()

    assert conversation.feed(lines({"type": "done", "note": "Well."})) == [Done(note="Well."), OVER]
    assert conversation.feed(b"Status: FAILED\n")[-2:] == [Done(ok=False), OVER]


def test_it_is_told_things_and_asked_to_stop() -> None:
    conversation = SpeakingConversation()

    assert json.loads(conversation.tell("go on")) == {"type": "tell", "text": "go on"}
    assert json.loads(conversation.interrupt()) == {"type": "stop"}


@given(st.data())
def test_bytes_may_be_cut_anywhere(data: st.DataObject) -> None:
    printed = lines({"type": "lock", "path": "a"}, {"type": "status", "status": "ACTIVE"}, {"type": "done"}) + b"\xff{\n"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(printed)), max_size=6)))
    conversation, said = SpeakingConversation(), list[Said]()
    for start, end in zip([0, *cuts], [*cuts, len(printed)], strict=True):
        said += conversation.feed(printed[start:end])
        assert conversation.held <= end

    assert said + conversation.finish() == [asked("a"), Status(status="ACTIVE"), Done(), OVER]


@given(st.binary())
def test_any_bytes_are_understood(printed: bytes) -> None:
    conversation = SpeakingConversation()

    conversation.feed(printed)
    conversation.finish()

    assert conversation.held == 0
