"""squad's requests as tools of MCP: by the official client, and line by line."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.client.client import Client, ConnectMode
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp_types import TextContent
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS

from orchestrator.control import mcp, tools
from orchestrator.control.mcp import Server
from orchestrator.text.tokens import tokens
from tests.support.fake_supervisor import FakeSupervisor
from tests.support.waiting import NEVER, until

COMMAND = (sys.executable, "-P", "-m", "orchestrator", "agent", "mcp")
MODES: tuple[ConnectMode, ...] = ("legacy", "auto", "2026-07-28")
THEIRS = {
    "code": -32000,
    "message": "theirs belongs to agent-2\nask its owner: squad agent handoff theirs --to agent-2",
    "data": {
        "reason": "theirs belongs to agent-2",
        "advice": [{"tool": "handoff", "arguments": {"file": "theirs", "to": "agent-2"}, "why": "ask its owner"}],
    },
}


@pytest.fixture
def supervisor(tmp_path: Path) -> FakeSupervisor:
    served = FakeSupervisor(tmp_path / "s", tmp_path, refusals={"theirs": THEIRS})
    served.serve()
    return served


# the official client


def client(supervisor: FakeSupervisor, mode: ConnectMode = "auto") -> Client:
    parameters = StdioServerParameters(command=COMMAND[0], args=list(COMMAND[1:]), env=supervisor.environment())
    return Client(stdio_client(parameters), mode=mode)


def text(content: list[Any]) -> str:
    [one] = content
    assert isinstance(one, TextContent)
    return one.text


@pytest.mark.parametrize("mode", MODES)
async def test_the_official_client_lists_the_tools_and_calls_them(supervisor: FakeSupervisor, mode: ConnectMode) -> None:
    async with client(supervisor, mode) as talk:
        listed = (await talk.list_tools()).tools
        granted = await talk.call_tool("lock", {"path": "a", "wait": "90s", "purpose": "add a field"})
        standing = await talk.call_tool("status", {})
        refused = await talk.call_tool("lock", {"path": "theirs"})
        wrong = await talk.call_tool("lock", {"file": "a"})

    assert [tool.name for tool in listed] == ["lock", "unlock", "owns", "status", "handoff", "ask", "blocked", "done"]
    assert (text(granted.content), granted.structured_content, granted.is_error) == (
        "locked a",
        {"path": "a", "fence": 3, "waited_s": 0.0},
        False,
    )
    assert text(standing.content) == "agent-1: working 3/5\ntask: T1\nlocks: a"
    assert (refused.is_error, refused.structured_content) == (True, THEIRS["data"])
    assert (
        text(refused.content) == 'theirs belongs to agent-2\nask its owner: call handoff with {"file": "theirs", "to": "agent-2"}'
    )
    assert (wrong.is_error, text(wrong.content)) == (True, "lock does not know 'file'; it takes: path, wait, purpose")
    assert supervisor.asked[0]["params"] == {"path": "a", "wait": 90.0, "purpose": "add a field", "token": "t0ken"}


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_a_lock_that_waits_tells_of_it_and_is_withdrawn_when_the_client_gives_up(
    supervisor: FakeSupervisor, mode: ConnectMode
) -> None:
    supervisor.waits["busy"] = threading.Event()
    told: list[tuple[float, float | None, str | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, total, message))
        scope.cancel()

    async with client(supervisor, mode) as talk:
        with anyio.CancelScope() as scope:
            await talk.call_tool("lock", {"path": "busy", "wait": "4m"}, progress_callback=hear)
        meanwhile = await talk.call_tool("lock", {"path": "a"})

    assert told == [(1.0, 240.0, "still waiting, of 240 s")]
    assert text(meanwhile.content) == "locked a"
    assert until(lambda: supervisor.withdrawn == ["busy"], "the lock that nobody waits for any more")


def test_every_released_version_of_the_protocol_is_spoken() -> None:
    assert (mcp.HANDSHAKE, mcp.STATELESS) == (HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS)


# one process, line by line


@contextmanager
def process(supervisor: FakeSupervisor) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(COMMAND, env=supervisor.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        never = threading.Timer(NEVER, started.kill)
        never.start()
        try:
            yield started
        finally:
            never.cancel()
            started.kill()


def call(number: int, tool: str, **arguments: str) -> bytes:
    params = {"name": tool, "arguments": arguments}
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}).encode() + b"\n"


def hello(version: str = "2025-11-25") -> bytes:
    params = {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "test", "version": "0"}}
    return json.dumps({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}).encode() + b"\n"


def test_the_end_of_stdin_ends_it_after_what_can_be_answered_and_withdraws_what_waits(supervisor: FakeSupervisor) -> None:
    supervisor.waits["busy"] = threading.Event()
    with process(supervisor) as started:
        out, _ = started.communicate(hello() + call(1, "lock", path="busy") + call(2, "status").rstrip(b"\n"), timeout=NEVER)

    assert [json.loads(line)["id"] for line in out.splitlines()] == [0, 2]
    assert started.returncode == 0
    assert until(lambda: supervisor.withdrawn == ["busy"], "the lock that was withdrawn")


def test_a_supervisor_that_takes_its_time_is_heard_out_after_the_end_of_stdin(supervisor: FakeSupervisor) -> None:
    supervisor.waits["slow"] = threading.Event()
    with process(supervisor) as started:
        threading.Timer(1.3, supervisor.waits["slow"].set).start()  # longer than a lock is waited for then
        out, _ = started.communicate(hello() + call(1, "owns", path="slow"), timeout=NEVER)

    assert [json.loads(line)["id"] for line in out.splitlines()] == [0, 1]


def test_a_lock_is_answered_as_soon_as_it_is_handed_over(supervisor: FakeSupervisor) -> None:
    supervisor.waits["busy"] = threading.Event()
    with process(supervisor) as started:
        assert started.stdin is not None
        assert started.stdout is not None
        started.stdin.write(hello() + call(1, "lock", path="busy") + call(2, "lock", path="a"))
        started.stdin.flush()
        first = [json.loads(started.stdout.readline())["id"] for _ in range(2)]
        supervisor.waits["busy"].set()
        last = json.loads(started.stdout.readline())["id"]

    assert (first, last) == ([0, 2], 1)


@pytest.mark.parametrize("sent", [b"\xff\xfe\n", b"[" * 100_000 + b"\n", b"x" * (3 << 20) + b"\n", b"\x00\n"])
def test_a_line_that_is_no_message_is_answered_and_the_next_is_taken(supervisor: FakeSupervisor, sent: bytes) -> None:
    with process(supervisor) as started:
        out, _ = started.communicate(hello() + sent + call(1, "done"), timeout=NEVER)

    _, wrong, right = map(json.loads, out.splitlines())
    assert (wrong["id"], wrong["error"]["code"]) == (None, -32700)
    assert right["id"] == 1


def test_a_supervisor_that_is_gone_is_a_refusal_and_not_the_end(tmp_path: Path) -> None:
    gone = FakeSupervisor(tmp_path / "gone", tmp_path)
    with process(gone) as started:
        out, _ = started.communicate(hello() + call(1, "lock", path="a") + call(2, "done"), timeout=NEVER)

    results = [json.loads(line)["result"] for line in out.splitlines()[1:]]
    assert [result["isError"] for result in results] == [True, True]
    assert "no supervisor answers" in results[0]["content"][0]["text"]


def test_a_client_that_stops_reading_ends_it(supervisor: FakeSupervisor) -> None:
    with process(supervisor) as started:
        assert started.stdin is not None
        assert started.stdout is not None
        started.stdout.close()
        started.stdin.write(hello())
        started.stdin.flush()

        assert started.wait(NEVER) == 0


def test_outside_of_an_agent_it_is_wrong_usage(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in {"AGENT_ID", "SQUAD_SOCKET"}}
    done = subprocess.run(COMMAND, cwd=tmp_path, env=environment, capture_output=True, timeout=NEVER, check=False)

    assert (done.returncode, done.stdout) == (2, b"")


# the protocol without a process


@dataclass(slots=True)
class Asked:
    """A request at a supervisor that answers when the test says so."""

    method: str
    params: dict[str, object]
    given: list[object] = field(default_factory=list)
    is_closed: bool = False

    def fileno(self) -> int:
        raise AssertionError

    def answer(self) -> tuple[object] | None:
        return (self.given[0],) if self.given else None

    def close(self) -> None:
        self.is_closed = True


@dataclass(slots=True)
class Talk:
    """A server and what it asks."""

    asked: list[Asked] = field(default_factory=list)
    time: float = 0.0
    server: Server = field(init=False)

    def __post_init__(self) -> None:
        self.server = Server(self._ask, version="0", now=lambda: self.time)

    def _ask(self, method: str, params: dict[str, object]) -> Asked:
        self.asked.append(Asked(method, params))
        return self.asked[-1]

    def __call__(self, *messages: object) -> list[Any]:
        return [answer for message in messages for answer in self.server.take(json.dumps(message).encode())]


def asking(method: str, number: object = 1, **params: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def spoken(version: str = "2025-11-25") -> Talk:
    talk = Talk()
    talk(asking("initialize", protocolVersion=version))
    return talk


@pytest.mark.parametrize(
    ("wanted", "agreed"),
    [(version, version) for version in mcp.HANDSHAKE] + [("2030-01-01", "2025-11-25"), ("", "2025-11-25"), (7, "2025-11-25")],
)
def test_the_version_is_the_clients_if_it_is_known_else_the_newest_with_a_handshake(wanted: object, agreed: str) -> None:
    [answer] = Talk()(asking("initialize", protocolVersion=wanted))

    assert answer["result"]["protocolVersion"] == agreed
    assert answer["result"]["capabilities"] == {"tools": {}}


def test_a_request_that_names_its_version_needs_no_handshake() -> None:
    named = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
    listed, unknown = Talk()(
        asking("tools/list", _meta=named),
        asking("tools/list", _meta={**named, "io.modelcontextprotocol/protocolVersion": "2031-01-01"}),
    )

    assert (listed["result"]["resultType"], listed["result"]["cacheScope"]) == ("complete", "private")
    assert unknown["error"]["code"] == -32022
    assert "2026-07-28" in unknown["error"]["data"]["supported"]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"id": 1, "method": "ping"}, -32600),
        ({"jsonrpc": "2.0", "id": 1}, -32600),
        ({"jsonrpc": "2.0", "id": None, "method": "ping"}, -32600),
        ({"jsonrpc": "2.0", "id": True, "method": "ping"}, -32600),
        ("ping", -32600),
        ([], -32600),
        ([asking("ping")], -32600),
        (asking("resources/list"), -32601),
        (asking("server/discover"), -32601),
        (asking("tools/call", name="nope"), -32602),
        (asking("tools/call", name=["lock"]), -32602),
        (asking("tools/call", name="lock", arguments=[]), -32602),
    ],
)
def test_what_is_wrong_is_an_error_of_the_protocol(message: object, code: int) -> None:
    [answer] = spoken()(message)

    assert answer["error"]["code"] == code


def test_before_the_handshake_only_a_ping_is_answered() -> None:
    pong, early = Talk()(asking("ping"), asking("tools/list"))

    assert pong["result"] == {}
    assert early["error"]["code"] == -32600


def test_notifications_and_answers_are_never_answered() -> None:
    said = [
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 9}},
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": [9]}},
        {"jsonrpc": "2.0", "method": "nope"},
        {"jsonrpc": "2.0", "id": 4, "result": {}},
    ]

    assert spoken()(*said) == []


def test_a_batch_is_answered_in_one_line_when_its_last_call_is_in_the_version_that_has_them() -> None:
    talk = spoken("2025-03-26")
    lock = asking("tools/call", "two", name="lock", arguments={"path": "a"})

    assert talk([asking("ping", "one"), lock, {"jsonrpc": "2.0", "method": "notifications/initialized"}]) == []
    talk.asked[0].given.append({"path": "a"})
    [answers] = talk.server.answered()

    assert isinstance(answers, list)
    assert sorted(answer["id"] for answer in answers) == ["one", "two"]


def test_a_batch_whose_waiting_call_is_cancelled_is_answered_without_it() -> None:
    talk = spoken("2025-03-26")
    talk([asking("ping", 1), asking("tools/call", 2, name="lock", arguments={"path": "a"})])

    [answers] = talk({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 2}})

    assert [answer["id"] for answer in answers] == [1]
    assert talk.asked[0].is_closed


def test_a_lock_that_is_handed_over_in_the_moment_of_its_cancelling_is_given_back() -> None:
    talk = spoken()
    talk(asking("tools/call", name="lock", arguments={"path": "a"}))
    talk.asked[0].given.append({"path": "a", "fence": 7, "waited_s": 3.0})

    assert talk({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}) == []
    assert [(one.method, one.params) for one in talk.asked[1:]] == [("unlock", {"path": "a", "fence": 7})]


def test_a_supervisor_that_never_answers_is_given_up() -> None:
    talk = spoken()
    talk(asking("tools/call", name="done"))
    talk.time = 31.0

    [answer] = talk.server.answered()

    assert isinstance(answer, dict)
    assert answer["result"]["isError"] is True
    assert talk.server.pending() == []


def test_nobody_has_more_than_so_many_calls_waiting() -> None:
    talk = spoken()
    answers = talk(*(asking("tools/call", number, name="lock", arguments={"path": "a"}) for number in range(65)))

    assert [answer["id"] for answer in answers] == [64]
    assert answers[0]["result"]["isError"] is True


def test_an_id_that_is_in_use_is_refused() -> None:
    lock = asking("tools/call", name="lock", arguments={"path": "a"})

    [answer] = spoken()(lock, lock)

    assert answer["error"]["code"] == -32600


def test_an_argument_that_is_null_is_one_that_was_left_out() -> None:
    talk = spoken()

    talk(asking("tools/call", name="lock", arguments={"path": "a", "wait": None, "purpose": None}))

    assert [one.params for one in talk.asked] == [{"path": "a", "wait": 300.0}]


@pytest.mark.parametrize(
    ("tool", "given", "wrong"),
    [
        ("lock", {}, "lock wants path"),
        ("lock", {"path": None}, "lock wants path"),
        ("lock", {"path": 7}, "lock wants path as a text"),
        ("lock", {"path": "a", "wait": "soon"}, "wait wants a duration such as 30s or 10m (0: try once), not 'soon'"),
        ("handoff", {"file": "a"}, "handoff wants to"),
        ("status", {"progress": "most"}, "status wants progress such as 3/5, not 'most'"),
        ("done", {"really": "yes"}, "done does not know 'really'; it takes: note"),
    ],
)
def test_wrong_arguments_are_told_to_the_model_and_ask_nothing(tool: str, given: dict[str, object], wrong: str) -> None:
    talk = spoken()

    [answer] = talk(asking("tools/call", name=tool, arguments=given))

    assert (answer["result"]["isError"], answer["result"]["content"][0]["text"]) == (True, wrong)
    assert talk.asked == []


def test_the_tools_cost_a_model_few_tokens() -> None:
    offered = [{key: tool[key] for key in ("name", "description", "inputSchema")} for tool in tools.listed()]

    assert tokens(json.dumps(offered) + tools.INSTRUCTIONS) <= 860
