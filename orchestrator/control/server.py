"""The supervisor's side of the sockets.

Every client has bounded buffers and a bounded number of open requests, and gives way to everybody else after each line,
so one that floods, sends half a message or never reads harms nobody else. What a client asked for and does not wait for
any more is cancelled with its connection.
"""

import asyncio
import contextlib
import hmac
import os
import select
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

import anyio
import anyio.abc
import anyio.lowlevel
import msgspec

from orchestrator.control import protocol
from orchestrator.control.protocol import Rejected
from orchestrator.platform import peer_pid, peer_uid


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks."""

    agent: str | None  #: None: a person
    pid: int | None = None  #: of the process that asks, where the system tells it


Handler: TypeAlias = Callable[[Caller, str, Mapping[str, object]], Awaitable[object]]


@dataclass(slots=True, kw_only=True)
class _Door:
    """One socket, and who stands at it."""

    caller: Caller
    token: str | None
    handler: Handler
    group: anyio.abc.TaskGroup
    clients: "set[_Client]" = field(default_factory=set)


class Server:
    """Listens on the sockets of one run."""

    def __init__(self, handler: Handler, group: anyio.abc.TaskGroup) -> None:
        """Answer by the handler, every request as a task of the group."""
        self._handler = handler
        self._group = group
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
        door = _Door(caller=Caller(agent), token=token, handler=self._handler, group=self._group)
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
async def serve(handler: Handler) -> AsyncIterator[Server]:
    """Answer requests while inside the block; leaving it ends every open one."""
    async with anyio.create_task_group() as group:
        server = Server(handler, group)
        try:
            yield server
        finally:
            server.close()
            group.cancel_scope.cancel()


class _Client(asyncio.Protocol):
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

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._is_busy:
            self._next()

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

    def _next(self) -> None:
        """Take one line and give everybody else a turn before the next; nothing more is read until all are taken."""
        self._is_busy = False
        if self._transport is None or self._transport.is_closing():
            return
        end = self._buffer.find(b"\n")
        if end > protocol.LONGEST or (end < 0 and len(self._buffer) > protocol.LONGEST):
            self._drop(f"a line of more than {protocol.LONGEST} bytes")
            return
        if end < 0:
            self._transport.resume_reading()
            return
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._transport.pause_reading()
        if line.strip():
            self._receive(line)
        self._is_busy = True
        asyncio.get_running_loop().call_soon(self._next)

    def _receive(self, line: bytes) -> None:
        try:
            message = msgspec.json.decode(line)
        except (ValueError, RecursionError):
            self._send(protocol.error(None, protocol.PARSE_ERROR, "not JSON: expected one JSON-RPC 2.0 object a line"))
            return
        self._unanswered += 1
        self._door.group.start_soon(self._answer_line, message)

    async def _answer_line(self, message: object) -> None:
        """Answer a message, or a batch in one line; notifications are not answered."""
        is_batch = isinstance(message, list) and bool(message)
        answers = []
        for one in message if isinstance(message, list) and message else [message]:
            answers.append(await self._answer(one))
            if is_batch:
                await anyio.lowlevel.checkpoint()
        told = [answer for answer in answers if answer is not None]
        if told:
            self._send(told if is_batch else told[0])
        self._unanswered -= 1
        if self._is_over and not self._unanswered:
            self.hang_up()

    async def _answer(self, message: object) -> dict[str, object] | None:
        """Give the answer to one message; none to a notification."""
        if (wrong := _wrong(message)) or not isinstance(message, dict):
            return protocol.error(_number(message), protocol.INVALID_REQUEST, wrong)
        answer = await self._ask(message.get("id"), message["method"], message.get("params", {}))
        return answer if "id" in message else None

    async def _ask(self, number: object, method: str, params: object) -> dict[str, object]:
        if not isinstance(params, dict):
            return protocol.error(number, protocol.INVALID_PARAMS, "expected params as an object")
        if self._door.token is not None and not _same(params.get("token"), self._door.token):
            return protocol.error(number, protocol.REJECTED, "wrong token: use the one in SQUAD_TOKEN")
        if len(self._open) >= protocol.PENDING:
            return protocol.error(number, protocol.REJECTED, f"more than {protocol.PENDING} requests wait for an answer")
        with anyio.CancelScope() as scope:
            self._open.add(scope)
            try:
                return protocol.result(number, await self._door.handler(self._caller, method, params))
            except Rejected as refusal:
                return protocol.error(number, refusal.code, refusal.reason)
            finally:
                self._open.discard(scope)
        return protocol.error(number, protocol.REJECTED, "the connection ended")

    def _send(self, message: object) -> None:
        if self._transport is None:
            return
        self._transport.write(protocol.line(message))
        if self._transport.get_write_buffer_size() > protocol.UNSENT:
            self._transport.abort()

    def _drop(self, reason: str) -> None:
        self._buffer.clear()
        self._send(protocol.error(None, protocol.INVALID_REQUEST, reason))
        self.hang_up()


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
