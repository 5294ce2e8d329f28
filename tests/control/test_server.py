"""The sockets under hostile clients: raw bytes in, JSON-RPC 2.0 out, and nobody else disturbed."""

import asyncio
import contextlib
import json
import os
import resource
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.control import protocol
from orchestrator.control.client import Unreachable, call
from orchestrator.control.protocol import Rejected
from orchestrator.control.server import Caller, Later, Server, serve
from orchestrator.control.wire import Wire
from tests.support.waiting import soon

TOKEN = "t0ken"
NEVER = 30.0  #: seconds; bounds a failing test


@dataclass(slots=True)
class Bench:
    """A server whose handler is a test's own."""

    folder: Path
    asked: list[tuple[str | None, str, Mapping[str, object]]] = field(default_factory=list)
    waiting: int = 0
    opened: anyio.Event = field(default_factory=anyio.Event)
    server: Server | None = None

    @property
    def agents(self) -> Path:
        return self.folder / "agent-1.sock"

    @property
    def people(self) -> Path:
        return self.folder / "control.sock"

    def handle(self, caller: Caller, method: str, params: Mapping[str, object]) -> object:
        self.asked.append((caller.agent, method, params))
        match method:
            case "echo":
                return params.get("value")
            case "refuse":
                raise Rejected("no, because")
            case "wait":
                return Later(self.wait)
        raise Rejected(f"unknown method {method!r}", code=protocol.METHOD_NOT_FOUND)

    async def wait(self) -> str:
        self.waiting += 1
        try:
            await self.opened.wait()
        finally:
            self.waiting -= 1
        return "opened"


@asynccontextmanager
async def bench(folder: Path) -> AsyncIterator[Bench]:
    opened = Bench(folder)
    with anyio.fail_after(NEVER):
        async with serve(opened.handle) as server:
            await server.listen(opened.people)
            await server.listen(opened.agents, agent="agent-1", token=TOKEN)
            opened.server = server
            yield opened


class Line:
    """A client that sends bytes as they are."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, *messages: object) -> None:
        for message in messages:
            self.writer.write(message if isinstance(message, bytes) else json.dumps(message).encode() + b"\n")

    async def answer(self) -> object:
        return json.loads(await self.reader.readline())

    async def ask(self, *messages: object) -> object:
        self.send(*messages)
        return await self.answer()

    async def is_closed(self) -> bool:
        with contextlib.suppress(ConnectionResetError):
            while await self.reader.read(65536):
                pass
        return True


@asynccontextmanager
async def line(path: Path) -> AsyncIterator[Line]:
    reader, writer = await asyncio.open_unix_connection(str(path), limit=2**26)
    try:
        yield Line(reader, writer)
    finally:
        writer.transport.abort()


def request(number: object, method: str = "echo", **params: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": {"token": TOKEN, **params}}


async def is_served(of: Bench) -> bool:
    """Tell whether another client is answered."""
    async with line(of.agents) as other:
        return await other.ask(request(1, value="here")) == {"jsonrpc": "2.0", "id": 1, "result": "here"}


def shape(answer: object) -> object:
    """Give id and code of a refusal."""
    assert isinstance(answer, dict), answer
    assert answer["jsonrpc"] == "2.0"
    assert isinstance(answer["error"]["message"], str)
    return answer["id"], answer["error"]["code"]


# JSON-RPC 2.0


@pytest.mark.parametrize("number", [1, 0, -5, "a", "", 1.5, 2**62])
async def test_the_id_comes_back_as_it_was(tmp_path: Path, number: object) -> None:
    async with bench(tmp_path) as of, line(of.agents) as client:
        assert await client.ask(request(number, value=7)) == {"jsonrpc": "2.0", "id": number, "result": 7}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"nonsense\n", (None, -32700)),
        (b'{"jsonrpc": "2.0"\n', (None, -32700)),
        (b"\xff\xfe\n", (None, -32700)),
        (b'{"jsonrpc":"2.0","id":1,"method":"echo","params":{"value":NaN}}\n', (None, -32700)),
        (b'{"jsonrpc":"2.0","id":1,"method":"echo","params":{"value":"\\ud800"}}\n', (None, -32700)),
        (b"[" * 30_000 + b"\n", (None, -32700)),
        (b'{"a":' * 3_000 + b"\n", (None, -32700)),
        (b"[]\n", (None, -32600)),
        (b"5\n", (None, -32600)),
        (b"null\n", (None, -32600)),
        (b"{}\n", (None, -32600)),
        (b'{"jsonrpc":"2.0","id":1}\n', (1, -32600)),
        (b'{"jsonrpc":"1.0","id":1,"method":"echo"}\n', (1, -32600)),
        (b'{"id":1,"method":"echo"}\n', (1, -32600)),
        (b'{"jsonrpc":"2.0","id":1,"method":5}\n', (1, -32600)),
        (b'{"jsonrpc":"2.0","id":{},"method":"echo"}\n', (None, -32600)),
        (b'{"jsonrpc":"2.0","id":true,"method":"echo"}\n', (None, -32600)),
        (b'{"jsonrpc":"2.0","id":1' + b"0" * 5000 + b',"method":"echo"}\n', (None, -32600)),
        (b'{"jsonrpc":"2.0","id":1,"method":"echo","params":[1]}\n', (1, -32602)),
        (b'{"jsonrpc":"2.0","id":1,"method":"echo","params":"x"}\n', (1, -32602)),
        (b'{"jsonrpc":"2.0","id":1,"method":"echo"}\n', (1, -32000)),
        (b'{"jsonrpc":"2.0","id":1,"method":"echo","params":{"token":"wrong"}}\n', (1, -32000)),
        (b'{"jsonrpc":"2.0","id":1,"method":"echo","params":{"token":7}}\n', (1, -32000)),
    ],
)
async def test_what_is_no_request_is_answered_with_its_error(tmp_path: Path, raw: bytes, expected: object) -> None:
    async with bench(tmp_path) as of, line(of.agents) as client:
        answer = await client.ask(raw)
        assert shape(answer) == expected or (b"0000" in raw and shape(answer) == (None, -32700))
        assert of.asked == []
        assert await client.ask(request(9, value="after")) == {"jsonrpc": "2.0", "id": 9, "result": "after"}


async def test_an_unknown_method_and_a_refusal_have_codes_of_their_own(tmp_path: Path) -> None:
    async with bench(tmp_path) as of, line(of.agents) as client:
        assert shape(await client.ask(request(1, "nothing"))) == (1, -32601)
        assert await client.ask(request(2, "refuse")) == {
            "jsonrpc": "2.0",
            "id": 2,
            "error": {"code": -32000, "message": "no, because"},
        }


async def test_a_notification_is_taken_in_and_never_answered(tmp_path: Path) -> None:
    async with bench(tmp_path) as of, line(of.agents) as client:
        for method in ("echo", "refuse", "nothing"):
            client.send({"jsonrpc": "2.0", "method": method, "params": {"token": TOKEN}})
        client.send(
            {"jsonrpc": "2.0", "method": "echo", "params": {"token": "wrong"}}, {"jsonrpc": "2.0", "method": "echo", "params": 5}
        )

        assert await client.ask(request(9, value=1)) == {"jsonrpc": "2.0", "id": 9, "result": 1}
        assert [method for _, method, _ in of.asked] == ["echo", "refuse", "nothing", "echo"]


async def test_a_batch_is_answered_in_one_array_without_its_notifications(tmp_path: Path) -> None:
    async with bench(tmp_path) as of, line(of.agents) as client:
        batch = [
            request(1, value="x"),
            {"jsonrpc": "2.0", "method": "echo", "params": {"token": TOKEN}},
            7,
            request("b", "refuse"),
        ]
        answers = await client.ask(batch)

        assert isinstance(answers, list)
        assert answers[0] == {"jsonrpc": "2.0", "id": 1, "result": "x"}
        assert [shape(answer) for answer in answers[1:]] == [(None, -32600), ("b", -32000)]


async def test_a_batch_of_notifications_is_not_answered(tmp_path: Path) -> None:
    async with bench(tmp_path) as of, line(of.agents) as client:
        client.send([{"jsonrpc": "2.0", "method": "echo", "params": {"token": TOKEN}}] * 3)

        assert await client.ask(request(1, value=1)) == {"jsonrpc": "2.0", "id": 1, "result": 1}
        assert len(of.asked) == 4


async def test_a_request_may_be_answered_late_and_others_meanwhile(tmp_path: Path) -> None:
    async with bench(tmp_path) as of, line(of.agents) as client:
        client.send(request(1, "wait"))
        assert await client.ask(request(2, value=2)) == {"jsonrpc": "2.0", "id": 2, "result": 2}
        of.opened.set()
        assert await client.answer() == {"jsonrpc": "2.0", "id": 1, "result": "opened"}


# lines as they come


async def test_a_message_may_come_in_pieces_and_two_in_one(tmp_path: Path) -> None:
    async with bench(tmp_path) as of, line(of.agents) as client:
        first, second = (json.dumps(request(number, value=number)).encode() + b"\n" for number in (1, 2))
        for place in range(len(first)):
            client.send(first[place : place + 1])
            await client.writer.drain()
        assert await client.answer() == {"jsonrpc": "2.0", "id": 1, "result": 1}
        client.send(b"\n\r\n" + second + first)
        assert await client.answer() == {"jsonrpc": "2.0", "id": 2, "result": 2}
        assert await client.answer() == {"jsonrpc": "2.0", "id": 1, "result": 1}


async def test_a_line_of_the_longest_length_is_taken(tmp_path: Path) -> None:
    async with bench(tmp_path) as of, line(of.agents) as client:
        empty = len(json.dumps(request(1, value="")))
        answer = await client.ask(request(1, value="x" * (protocol.LONGEST - empty)))
        assert isinstance(answer, dict)
        assert len(answer["result"]) == protocol.LONGEST - empty


@pytest.mark.parametrize("end", [b"", b"\n"])
async def test_a_longer_line_ends_the_connection_with_the_reason(tmp_path: Path, end: bytes) -> None:
    async with bench(tmp_path) as of, line(of.agents) as client:
        client.send(b'{"jsonrpc":"2.0","id":1,"method":"echo","params":{"value":"' + b"x" * protocol.LONGEST + b'"}}' + end)
        assert shape(await client.answer()) == (None, -32600)
        assert await client.is_closed()
        assert await is_served(of)


async def test_half_a_message_harms_nobody(tmp_path: Path) -> None:
    async with bench(tmp_path) as of, line(of.agents) as client:
        client.send(b'{"jsonrpc": "2.0", "id"')
        await client.writer.drain()
        assert await is_served(of)
    assert of.asked[0][1] == "echo"


async def test_one_who_only_ends_its_side_is_still_answered(tmp_path: Path) -> None:
    async with bench(tmp_path) as of, line(of.agents) as client:
        client.send(request(1, "wait"), json.dumps(request(2, value="no newline")).encode())
        client.writer.write_eof()
        assert await client.answer() == {"jsonrpc": "2.0", "id": 2, "result": "no newline"}
        of.opened.set()
        assert await client.answer() == {"jsonrpc": "2.0", "id": 1, "result": "opened"}
        assert await client.is_closed()


async def test_what_one_asked_for_who_is_gone_is_cancelled(tmp_path: Path) -> None:
    async with bench(tmp_path) as of:
        async with line(of.agents) as client:
            client.send(request(1, "wait"))
            await soon(lambda: of.waiting, "the request")
        await soon(lambda: not of.waiting, "the end of waiting")
        assert await is_served(of)


@pytest.mark.skipif(sys.platform != "linux", reason="kqueue tells of nothing but what can be read or written")
async def test_what_one_asked_for_who_ends_its_side_and_then_goes_is_cancelled(tmp_path: Path) -> None:
    async with bench(tmp_path) as of:
        async with line(of.agents) as client:
            client.send(request(1, "wait"))
            client.writer.write_eof()
            assert await is_served(of)
            assert of.waiting
        await soon(lambda: not of.waiting, "the end of waiting")


# floods


async def test_a_flood_is_answered_to_the_end_while_others_are_served(tmp_path: Path) -> None:
    async with bench(tmp_path) as of, line(of.agents) as client:
        client.send(*(request(number, value=number) for number in range(3_000)))
        assert await is_served(of)
        for number in range(3_000):
            answer = await client.answer()
            assert isinstance(answer, dict)
            assert answer["id"] == number


async def test_all_who_flood_one_socket_have_one_turn_together(tmp_path: Path) -> None:
    async with bench(tmp_path) as of, contextlib.AsyncExitStack() as open_:
        for _ in range(40):
            one = await open_.enter_async_context(line(of.agents))
            one.send(*[request(0)] * 500)
        await soon(lambda: len(of.asked) > 80, "the flood")
        async with line(of.people) as other:
            before = len(of.asked)
            assert await other.ask({"jsonrpc": "2.0", "id": 1, "method": "echo", "params": {"value": "here"}}) == {
                "jsonrpc": "2.0",
                "id": 1,
                "result": "here",
            }
        place = next(place for place, (agent, _, _) in enumerate(of.asked) if agent is None)

    assert place - before < 40


async def test_one_that_never_reads_is_dropped(tmp_path: Path) -> None:
    async with bench(tmp_path) as of:
        quiet = socket.socket(socket.AF_UNIX)
        quiet.connect(str(of.agents))
        body = json.dumps(request(1, value="x" * 60_000)).encode() + b"\n"

        def flood() -> bool:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                for _ in range(1000):
                    quiet.sendall(body)
                return False
            return True

        assert await anyio.to_thread.run_sync(flood)
        quiet.close()
        assert await is_served(of)


async def test_more_requests_than_may_wait_are_refused_and_the_others_go_on(tmp_path: Path) -> None:
    async with bench(tmp_path) as of, line(of.agents) as client:
        client.send(*(request(number, "wait") for number in range(protocol.PENDING)))
        assert shape(await client.ask(request("more", "wait"))) == ("more", -32000)
        of.opened.set()
        ids = {answer["id"] for _ in range(protocol.PENDING) if isinstance(answer := await client.answer(), dict)}
        assert ids == set(range(protocol.PENDING))


async def test_two_hundred_connections_are_served(tmp_path: Path) -> None:
    async with bench(tmp_path) as of, contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(line(of.agents)) for _ in range(200)]
        for number, client in enumerate(clients):
            assert await client.ask(request(number, value=0)) == {"jsonrpc": "2.0", "id": number, "result": 0}


async def test_one_agent_cannot_use_up_all_connections(tmp_path: Path) -> None:
    async with bench(tmp_path) as of, contextlib.AsyncExitStack() as stack:
        for _ in range(protocol.CLIENTS):
            client = await stack.enter_async_context(line(of.agents))
            await client.ask(request(1, value=0))
        async with line(of.agents) as more:
            assert shape(await more.answer()) == (None, -32600)
            assert await more.is_closed()
        async with line(of.people) as person:
            assert await person.ask(request(1, value=5)) == {"jsonrpc": "2.0", "id": 1, "result": 5}
        await stack.aclose()
        await soon(lambda: not any(_connected(of)), "the end of all connections")
        assert await is_served(of)


def _connected(of: Bench) -> list[int]:
    assert of.server is not None
    return [len(door.clients) for door in of.server._doors]


# ends, rights


async def test_whoever_waits_when_the_server_ends_is_not_left_hanging(tmp_path: Path) -> None:
    ended: list[object] = []

    def wait() -> None:
        with pytest.raises(Unreachable) as caught:
            call(str(tmp_path / "agent-1.sock"), "wait", {"token": TOKEN}, timeout=NEVER)
        ended.append(caught.value)

    async with anyio.create_task_group() as group, bench(tmp_path) as of:
        group.start_soon(anyio.to_thread.run_sync, wait)
        await soon(lambda: of.waiting, "the request")
    assert "closed the connection" in str(ended[0])
    assert not of.agents.exists()
    assert not of.people.exists()


async def test_what_is_left_unread_keeps_no_connection_beyond_the_end_of_the_server(tmp_path: Path) -> None:
    asked = b"".join(json.dumps(request(number, value="x" * 10_000)).encode() + b"\n" for number in range(64))
    with socket.socket(socket.AF_UNIX) as unread:
        async with bench(tmp_path) as of:
            unread.connect(str(of.agents))
            await anyio.to_thread.run_sync(unread.sendall, asked)
            await soon(lambda: any(wire._unsent for wire in _wires(of)), "unsent answers")
            wires = _wires(of)

        assert [wire.is_open for wire in wires] == [False]
        wires[0].write(b"too late")


def _wires(of: Bench) -> list[Wire]:
    assert of.server is not None
    return [client for door in of.server._doors for client in door.clients]


async def test_a_socket_left_by_a_dead_supervisor_is_replaced(tmp_path: Path) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(tmp_path / "agent-1.sock"))
    left.close()

    async with bench(tmp_path) as of:
        assert await is_served(of)


async def test_only_the_user_may_open_a_socket(tmp_path: Path) -> None:
    async with bench(tmp_path) as of:
        for path in (of.agents, of.people):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_people_need_no_token_and_agents_their_own(tmp_path: Path) -> None:
    async with bench(tmp_path) as of:
        assert of.server is not None
        await of.server.listen(tmp_path / "agent-2.sock", agent="agent-2", token="other")

        def ask(path: Path, token: str) -> object:
            return call(str(path), "echo", {"value": 1, "token": token}, timeout=NEVER)

        assert await anyio.to_thread.run_sync(ask, of.people, "") == 1
        assert await anyio.to_thread.run_sync(ask, of.agents, TOKEN) == 1
        with pytest.raises(Rejected, match="wrong token"):
            await anyio.to_thread.run_sync(ask, tmp_path / "agent-2.sock", TOKEN)
        assert [agent for agent, _, _ in of.asked] == [None, "agent-1"]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
async def test_another_user_is_hung_up_on_even_if_the_file_lets_it_in(tmp_path: Path) -> None:
    async with bench(tmp_path) as of:
        for path in (tmp_path, *tmp_path.parents):
            if str(path).startswith("/tmp/"):
                path.chmod(path.stat().st_mode | 0o055)
        of.people.chmod(0o666)
        program = (
            "import os, socket, sys; os.setgid(65534); os.setuid(65534); s = socket.socket(socket.AF_UNIX); s.settimeout(20);"
            "s.connect(sys.argv[1]); print(s.recv(100))"
        )
        done = await anyio.to_thread.run_sync(
            lambda: subprocess.run(
                [sys.executable, "-c", program, str(of.people)], capture_output=True, text=True, check=False, timeout=NEVER
            )
        )
    assert done.stdout == "b''\n", done.stderr
    assert of.asked == []


# noise

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(["2.0", "echo", TOKEN])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
)
MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.just("2.0") | VALUES,
        "id": VALUES,
        "method": st.sampled_from(["echo", "refuse", "x"]) | VALUES,
        "params": st.fixed_dictionaries({"token": st.just(TOKEN)}, optional={"value": VALUES}) | VALUES,
    },
)
NOISE = st.lists(
    st.binary(max_size=200) | (MESSAGES | VALUES | st.lists(MESSAGES, max_size=4)).map(lambda it: json.dumps(it).encode()),
    max_size=20,
)


@settings(max_examples=15)
@given(noise=NOISE)
def test_no_noise_keeps_the_next_request_from_its_answer(tmp_path_factory: pytest.TempPathFactory, noise: list[bytes]) -> None:
    asyncio.run(_stand(tmp_path_factory.mktemp("noise"), noise))


@pytest.mark.soak
@settings(max_examples=1000)
@given(noise=NOISE)
def test_ten_thousand_pieces_of_noise(tmp_path_factory: pytest.TempPathFactory, noise: list[bytes]) -> None:
    asyncio.run(_stand(tmp_path_factory.mktemp("noise"), noise))


async def _stand(folder: Path, noise: list[bytes]) -> None:
    async with bench(folder) as of, line(of.agents) as client:
        for piece in noise:
            client.send(piece + b"\n")
        client.send(request("last one", value="still here"))
        while True:
            answer = await client.answer()
            for one in answer if isinstance(answer, list) else [answer]:
                assert isinstance(one, dict)
                assert one["jsonrpc"] == "2.0"
                assert ("result" in one) != ("error" in one)
            if answer == {"jsonrpc": "2.0", "id": "last one", "result": "still here"}:
                return


async def test_what_all_have_asked_by_one_moment_is_settled_in_one_step(tmp_path: Path) -> None:
    steps: list[str] = []

    def settle(tell: Callable[[], None]) -> None:
        steps.append("durable")
        tell()
        steps.append("told")

    opened = Bench(tmp_path)
    with anyio.fail_after(NEVER), contextlib.ExitStack() as ends:
        async with serve(opened.handle, settle=settle) as server:
            await server.listen(opened.agents, agent="agent-1", token=TOKEN)
            clients = [ends.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(8)]
            for number, client in enumerate(clients):
                client.connect(str(opened.agents))
                client.sendall(json.dumps(request(number, value=number)).encode() + b"\n")
            answers = [json.loads(await anyio.to_thread.run_sync(client.recv, 65536)) for client in clients]

    assert [answer["result"] for answer in answers] == list(range(8))
    assert steps == ["durable", "told"]


async def test_who_comes_when_the_process_can_have_no_more_connections_is_taken_in_later(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with bench(tmp_path) as of:
        with socket.socket(socket.AF_UNIX) as client, contextlib.ExitStack() as taken:
            client.settimeout(NEVER)
            highest = client.fileno()
            resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, limits[1]))
            try:
                with contextlib.suppress(OSError):
                    while True:
                        taken.callback(os.close, os.dup(highest))
                client.connect(str(of.agents))
                client.sendall(json.dumps(request(1, value="late")).encode() + b"\n")
                await anyio.lowlevel.checkpoint()
                await anyio.wait_all_tasks_blocked()
                assert not of.asked
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, limits)
                taken.close()
            assert b"late" in await anyio.to_thread.run_sync(client.recv, 65536)
