"""The supervisor's side of the sockets.

Every client has bounded buffers and a bounded number of open requests, and gives way to everybody else after each line;
all that speak through one socket have one turn together. So one that floods, sends half a message or never reads harms
nobody else. What a client asked for and does not wait for any more is cancelled with its connection. What can be
answered at once is, without a task; the answers of one turn of the loop leave together at its end, after what they tell
of has been made durable in one step.
"""

import asyncio
import contextlib
import hmac
import os
import select
import socket
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

import anyio
import anyio.abc
import anyio.lowlevel
import msgspec

from orchestrator.control import protocol
from orchestrator.control.protocol import Rejected
from orchestrator.errors import JournalError
from orchestrator.platform import peer_pid, peer_uid

_TAKEN = memoryview(bytearray(protocol.LONGEST))


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks."""

    agent: str | None  #: None: a person
    pid: int | None = None  #: of the process that asks, where the system tells it


@dataclass(frozen=True, slots=True)
class Later:
    """An answer that takes time."""

    come: Callable[[], Awaitable[object]]  #: gives it; raises Rejected


#: Gives an answer, perhaps a later one; raises Rejected.
Handler: TypeAlias = Callable[[Caller, str, Mapping[str, object]], object]
#: Makes durable what was decided, and then calls what it is given; raises JournalError.
Settle: TypeAlias = Callable[[Callable[[], None]], None]


class _Turn:
    """The answers of one turn of the loop: none leaves before what it tells of is settled."""

    def __init__(self, settle: Settle, group: anyio.abc.TaskGroup) -> None:
        self._settle = settle
        self._group = group
        self._replies: list[tuple[_Client, dict[str, object] | None]] = []

    def add(self, client: "_Client", answer: dict[str, object] | None) -> None:
        """Answer a client at the end of this turn; None: it has only said something."""
        if not self._replies:
            asyncio.get_running_loop().call_soon(self._end)
        self._replies.append((client, answer))

    def settle(self, tell: Callable[[], None]) -> None:
        """Make durable what was decided, and then tell of it; if that fails, end everything and tell nobody."""
        try:
            self._settle(tell)
        except JournalError as error:
            self.fail(error)

    def fail(self, error: JournalError) -> None:
        """End everything: nothing can be made durable any more."""
        self._group.start_soon(_fail, error)

    def _end(self) -> None:
        self.settle(self._tell)

    def _tell(self) -> None:
        replies, self._replies = self._replies, []
        for client, answer in replies:
            client.reply(answer)


@dataclass(slots=True, kw_only=True)
class _Door:
    """One socket, and who stands at it."""

    caller: Caller
    token: str | None
    handler: Handler
    group: anyio.abc.TaskGroup
    turn: _Turn
    clients: "set[_Client]" = field(default_factory=set)
    line: "deque[_Client]" = field(default_factory=deque)  #: those who have sent more than one message, each in its turn

    def line_up(self, client: "_Client") -> None:
        """Let a client wait for its next turn; in one of the loop's a door has one, however many stand there."""
        if not self.line:
            asyncio.get_running_loop().call_soon(self._admit)
        self.line.append(client)

    def _admit(self) -> None:
        client = self.line.popleft()
        if self.line:
            asyncio.get_running_loop().call_soon(self._admit)
        client.go_on()


class Server:
    """Listens on the sockets of one run."""

    def __init__(self, handler: Handler, group: anyio.abc.TaskGroup, settle: Settle) -> None:
        """Answer by the handler, what takes time as a task of the group; `settle` makes durable what answers tell of."""
        self._handler = handler
        self._group = group
        self._turn = _Turn(settle, group)
        self._servers: list[asyncio.Server] = []
        self._doors: list[_Door] = []
        self._paths: list[Path] = []

    async def listen(self, path: Path, *, agent: str | None = None, token: str | None = None) -> None:
        """Open a socket for an agent, or for people; a file left by a dead supervisor is replaced."""
        with contextlib.suppress(FileNotFoundError):
            path.unlink()  # noqa: ASYNC240 - one system call
        listening = socket.socket(socket.AF_UNIX)
        old = os.umask(0o177)
        try:
            listening.bind(str(path))
        finally:
            os.umask(old)
        door = _Door(caller=Caller(agent), token=token, handler=self._handler, group=self._group, turn=self._turn)
        server = await asyncio.get_running_loop().create_unix_server(lambda: _Client(door), sock=listening)
        self._servers.append(server)
        self._doors.append(door)
        self._paths.append(path)

    def close(self) -> None:
        """Stop listening, remove the sockets and hang up on everybody."""
        for server in self._servers:
            server.close()
        for path in self._paths:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
        for door in self._doors:
            for client in tuple(door.clients):
                client.hang_up()


@asynccontextmanager
async def serve(handler: Handler, *, settle: Settle = lambda tell: tell()) -> AsyncIterator[Server]:
    """Answer requests while inside the block; leaving it ends every open one. Answers leave as `settle` says."""
    async with anyio.create_task_group() as group:
        server = Server(handler, group, settle)
        try:
            yield server
        finally:
            server.close()
            group.cancel_scope.cancel()


class _Client(asyncio.BufferedProtocol):
    """One connection."""

    def __init__(self, door: _Door) -> None:
        self._door = door
        self._caller = door.caller
        self._buffer = bytearray()
        self._is_busy = False
        self._is_over = False  #: nothing more comes; what was asked is still answered
        self._unanswered = 0  #: lines
        self._open: set[anyio.CancelScope] = set()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.Transport) or not _is_own(transport):
            transport.close()
            return
        self._transport = transport
        self._caller = replace(self._door.caller, pid=peer_pid(transport.get_extra_info("socket")))
        transport.set_write_buffer_limits(high=protocol.UNSENT)
        if len(self._door.clients) >= protocol.CLIENTS:
            self._drop(f"more than {protocol.CLIENTS} connections")
        else:
            self._door.clients.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the reason does not matter
        self._transport = None
        self._door.clients.discard(self)
        self._buffer.clear()
        for scope in self._open:
            scope.cancel()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - what is too long is read in pieces
        return _TAKEN

    def buffer_updated(self, nbytes: int) -> None:
        """Take what was read at once, so that one buffer does for all: to get memory for each read takes longer than to read."""
        self._buffer += _TAKEN[:nbytes]
        if not self._is_busy:
            self.go_on()

    def eof_received(self) -> bool:
        """Answer what was asked before a client ended its side; one that is gone waits for nothing."""
        if self._transport is None or _is_gone(self._transport):
            return False
        self._is_over = True
        if self._buffer.strip():
            self._receive(bytes(self._buffer))
        self._buffer.clear()
        return self._unanswered > 0

    def hang_up(self) -> None:
        """Close the connection after what was written to it."""
        if self._transport is not None:
            self._transport.close()

    def go_on(self) -> None:
        """Take one line and give everybody else a turn before the next; nothing more is read until all are taken."""
        self._is_busy = False
        if self._transport is None or self._transport.is_closing():
            return
        end = self._buffer.find(b"\n")
        if end > protocol.LONGEST or (end < 0 and len(self._buffer) > protocol.LONGEST):
            self._drop(f"a line of more than {protocol.LONGEST} bytes")
            return
        if end >= 0:
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            if line.strip():
                self._receive(line)
        if end >= 0 and self._buffer:
            self._transport.pause_reading()
            self._is_busy = True
            self._door.line_up(self)
        elif not self._transport.is_reading():
            self._transport.resume_reading()

    def _receive(self, line: bytes) -> None:
        try:
            message = msgspec.json.decode(line)
        except (ValueError, RecursionError):
            self._send(protocol.error(None, protocol.PARSE_ERROR, "not JSON: expected one JSON-RPC 2.0 object a line"))
            return
        self._unanswered += 1
        if isinstance(message, list) and message:
            self._door.group.start_soon(self._answer_batch, message)
        else:
            self._answer_line(message)

    def _answer_line(self, message: object) -> None:
        """Answer a message at the end of this turn, or as a task when that takes longer."""
        try:
            answer = self._ask(message)
        except JournalError as error:
            self._door.turn.fail(error)
            return
        if isinstance(answer, Later):
            self._door.group.start_soon(self._answer_later, message, answer)
        else:
            self._door.turn.add(self, answer)

    async def _answer_later(self, message: object, later: Later) -> None:
        answer = await self._wait(message, later)
        self._door.turn.settle(partial(self.reply, answer))

    async def _answer_batch(self, messages: list[object]) -> None:
        """Answer several messages in one line, one after another; notifications are not answered."""
        answers = []
        for one in messages:
            answer = self._ask(one)
            answers.append(await self._wait(one, answer) if isinstance(answer, Later) else answer)
            await anyio.lowlevel.checkpoint()
        self._door.turn.settle(partial(self.reply, [answer for answer in answers if answer is not None] or None))

    def reply(self, answer: object) -> None:
        """Send an answer, if there is one, and hang up after the last on one who has ended its side."""
        if answer is not None:
            self._send(answer)
        self._unanswered -= 1
        if self._is_over and not self._unanswered:
            self.hang_up()

    def _ask(self, message: object) -> dict[str, object] | Later | None:
        """Give the answer to one message, or what it will come from; none to a notification."""
        if (wrong := _wrong(message)) or not isinstance(message, dict):
            return protocol.error(_number(message), protocol.INVALID_REQUEST, wrong)
        try:
            answer = self._handle(message["method"], message.get("params", {}))
        except Rejected as refusal:
            return _answer(message, refusal)
        return answer if isinstance(answer, Later) else _answer(message, answer)

    def _handle(self, method: str, params: object) -> object:
        if not isinstance(params, dict):
            raise Rejected("expected params as an object", code=protocol.INVALID_PARAMS)
        if self._door.token is not None and not _same(params.get("token"), self._door.token):
            raise Rejected("wrong token: use the one in SQUAD_TOKEN")
        if len(self._open) >= protocol.PENDING:
            raise Rejected(f"more than {protocol.PENDING} requests wait for an answer")
        return self._door.handler(self._caller, method, params)

    async def _wait(self, message: object, later: Later) -> dict[str, object] | None:
        """Wait for an answer, but not longer than its client does."""
        with anyio.CancelScope() as scope:
            self._open.add(scope)
            if self._transport is None:
                scope.cancel()  # gone before its turn came
            try:
                return _answer(message, await later.come())
            except Rejected as refusal:
                return _answer(message, refusal)
            finally:
                self._open.discard(scope)
        return _answer(message, Rejected("the connection ended"))

    def _send(self, message: object) -> None:
        if self._transport is None:
            return
        self._transport.write(_line(message))
        if self._transport.get_write_buffer_size() > protocol.UNSENT:
            self._transport.abort()

    def _drop(self, reason: str) -> None:
        self._buffer.clear()
        self._send(protocol.error(None, protocol.INVALID_REQUEST, reason))
        self.hang_up()


async def _fail(error: JournalError) -> None:
    raise error


def _answer(message: object, given: object) -> dict[str, object] | None:
    """Give the answer to a message, with what was found or why it was refused; none to a notification."""
    if not isinstance(message, dict) or "id" not in message:
        return None
    if isinstance(given, Rejected):
        return protocol.error(message["id"], given.code, given.reason)
    return protocol.result(message["id"], given)


def _line(message: object) -> bytes:
    """Write an answer as a line; names of files that are no UTF-8 are escaped."""
    try:
        return msgspec.json.encode(message) + b"\n"
    except UnicodeEncodeError:
        return protocol.line(message)


def _wrong(message: object) -> str:
    """Say what makes a message no request; empty if it is one."""
    if not isinstance(message, dict) or not isinstance(message.get("method"), str):
        return "expected an object with jsonrpc, method, params and id"
    if message.get("jsonrpc") != "2.0":
        return 'expected "jsonrpc": "2.0"'
    return "" if "id" not in message or _number(message) == message["id"] else "expected an id that is a text or a number"


def _number(message: object) -> object:
    """Give the id of a message if it can be one."""
    number = message.get("id") if isinstance(message, dict) else None
    is_plain = isinstance(number, str | float) or (isinstance(number, int) and abs(number) < 2**63)
    return number if is_plain and not isinstance(number, bool) else None


def _is_own(transport: asyncio.Transport) -> bool:
    """Tell whether the other end belongs to the same user, or to root."""
    connection = transport.get_extra_info("socket")
    return connection is not None and peer_uid(connection) in {os.getuid(), 0}


def _is_gone(transport: asyncio.Transport) -> bool:
    """Tell whether the other end is closed, and not only done with sending."""
    poll = select.poll()
    poll.register(transport.get_extra_info("socket"), select.POLLHUP)
    return any(events & select.POLLHUP for _, events in poll.poll(0))


def _same(given: object, expected: str) -> bool:
    return isinstance(given, str) and hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode())
