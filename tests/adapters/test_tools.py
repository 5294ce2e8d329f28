"""squad's own tools, as each adapter hands them to its program."""

import json
from typing import Any

import pytest

from orchestrator.adapters import make_adapter, takes_tools
from orchestrator.adapters.acp import acp_adapter
from orchestrator.adapters.acp_conversation import AcpConversation, Wanted
from orchestrator.adapters.base import Conversing, Invocation, Tools
from orchestrator.adapters.claude import ClaudeAdapter, ClaudeConversation
from orchestrator.adapters.codex import CodexAdapter
from orchestrator.messages import Permission, Reply
from orchestrator.model import Operation
from tests.support.builders import order

VARIABLES = {"AGENT_ID": "agent-1", "SQUAD_SOCKET": "/run/s", "SQUAD_TOKEN": "t0ken", "SQUAD_WORKSPACE": "/project"}
TOOLS = Tools(argv=("python", "-m", "squad"), environment=VARIABLES)
WITH, WITHOUT = order(tools=TOOLS), order()


def following(invocation: Invocation, flag: str) -> Any:
    return json.loads(invocation.argv[invocation.argv.index(flag) + 1])


@pytest.mark.parametrize("adapter", [ClaudeAdapter(), CodexAdapter(), acp_adapter("gemini", profile="gemini")])
def test_no_secret_stands_on_a_command_line(adapter: Conversing) -> None:
    assert "t0ken" not in " ".join(adapter.invoke(WITH).argv)


def test_claude_is_handed_them_beside_the_users_own_servers_and_asks_nobody_about_them() -> None:
    invocation = ClaudeAdapter().invoke(WITH)

    server = {"type": "stdio", "command": "python", "args": ["-m", "squad"], "alwaysLoad": True}
    assert following(invocation, "--mcp-config") == {"mcpServers": {"squad": server}}
    assert "--strict-mcp-config" not in invocation.argv
    assert following(invocation, "--settings")["permissions"]["allow"] == ["mcp__squad"]
    assert "--mcp-config" not in ClaudeAdapter().invoke(WITHOUT).argv


@pytest.mark.parametrize(
    ("tool", "operation"),
    [("mcp__squad__lock", Operation.READ), ("mcp__squads__lock", Operation.WRITE), ("mcp__x", Operation.WRITE)],
)
def test_claude_asking_about_them_all_the_same_is_allowed(tool: str, operation: Operation) -> None:
    asked = {"subtype": "can_use_tool", "tool_name": tool, "input": {"path": "a"}}
    line = json.dumps({"type": "control_request", "request_id": "r", "request": asked}).encode() + b"\n"

    [permission] = ClaudeConversation().feed(line)

    assert isinstance(permission, Permission)
    assert permission.operation is operation


def test_codex_is_handed_them_with_its_thread_and_inherits_what_they_need() -> None:
    [opening] = [json.loads(line) for line in (CodexAdapter().invoke(WITH).stdin or b"").splitlines() if b"thread/start" in line]

    server = opening["params"]["config"]["mcp_servers"]["squad"]
    assert (server["command"], server["args"], server["env_vars"]) == ("python", ["-m", "squad"], sorted(VARIABLES))
    assert b"mcp_servers" not in (CodexAdapter().invoke(WITHOUT).stdin or b"")


def test_an_acp_agent_is_handed_them_with_its_session() -> None:
    talk = AcpConversation(Wanted(prompt="do T1", workspace="/project", tools=TOOLS))
    hello = {"jsonrpc": "2.0", "id": 1, "result": {"protocolVersion": 1, "agentCapabilities": {}}}

    [reply] = talk.feed(json.dumps(hello).encode() + b"\n")

    assert isinstance(reply, Reply)
    variables = [{"name": name, "value": value} for name, value in VARIABLES.items()]
    assert json.loads(reply.line)["params"]["mcpServers"] == [
        {"name": "squad", "command": "python", "args": ["-m", "squad"], "env": variables}
    ]


@pytest.mark.parametrize(
    ("title", "kind", "operation"),
    [
        ("lock (squad MCP Server)", "other", Operation.READ),
        ("mcp__squad__lock", "other", Operation.READ),
        ("squad_lock", "other", Operation.READ),
        ("squad/lock", "other", Operation.READ),
        ("lock (squads MCP Server)", "other", Operation.WRITE),
        ("squad_lock", "execute", Operation.WRITE),
        ("squad_lock", "edit", Operation.WRITE),
        ("rm -rf (squad MCP Server)", "other", Operation.WRITE),
    ],
)
def test_an_acp_agent_asking_about_them_is_allowed_and_about_nothing_else(title: str, kind: str, operation: Operation) -> None:
    talk = AcpConversation(Wanted(prompt="do T1", workspace="/project"))
    call = {"toolCallId": "c", "title": title, "kind": kind, "status": "pending"}
    params = {"sessionId": "s", "options": [{"optionId": "y", "name": "Allow", "kind": "allow_once"}], "toolCall": call}
    asked = {"jsonrpc": "2.0", "id": 7, "method": "session/request_permission", "params": params}

    [permission] = talk.feed(json.dumps(asked).encode() + b"\n")

    assert isinstance(permission, Permission)
    assert permission.operation is operation


@pytest.mark.parametrize(
    ("use", "command", "takes"),
    [
        ("claude", (), True),
        ("codex", (), True),
        ("gemini", (), True),
        ("acp", ("agent",), True),
        ("claude", ("my-claude",), False),
        ("command", ("agent",), False),
        ("simulated", (), False),
    ],
)
def test_only_programs_with_a_protocol_for_them_take_them(use: str, command: tuple[str, ...], takes: bool) -> None:  # noqa: FBT001 - a row
    assert takes_tools(make_adapter(use, command=command, path="")) is takes
