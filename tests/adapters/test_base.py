import pytest

from orchestrator.adapters.base import Conversation, Conversing
from orchestrator.adapters.claude import ClaudeAdapter
from orchestrator.adapters.codex import CodexAdapter
from tests.support.builders import order


@pytest.mark.parametrize("adapter", [ClaudeAdapter(), CodexAdapter()], ids=lambda adapter: adapter.name)
def test_whoever_converses_can_be_nudged_and_interrupted(adapter: Conversing) -> None:
    conversation: Conversation = adapter.conversation(order())

    assert (adapter.nudges, adapter.interrupts) == (True, True)
    assert all(line.endswith(b"\n") for line in (conversation.tell("go on"), conversation.interrupt()))
    assert adapter.invoke(order()).keep_stdin
