"""The supervisor's side of the sockets.

Every client has bounded buffers and a bounded number of open requests, so one that floods, sends half a message or
never reads harms nobody else. What a client asked for and does not wait for any more is cancelled with its connection.
"""

import asyncio
import contextlib
import hmac
import json
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import anyio
import anyio.abc

from orchestrator.control import protocol
from orchestrator.control.protocol import Rejected
from orchestrator.platform import peer_uid


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks."""

    agent: str | None  #: None: a person


Handler: TypeAlias = Callable[[Caller, str, Mapping[str, object]], Awaitable[object]]


class Server:
    """Listens on the sockets of one run."""

    def __init__(self, handler: Handler, group: anyio.abc.TaskGroup) -> None:
        """Answer by the handler, every request as a task of the group."""
        self._handler = handler
        self._group = group
        self._servers: list[asyncio.Server] = []
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
        loop = asyncio.get_running_loop()
        caller = Caller(agent)
        server = await loop.create_unix_server(lambda: _Client(self._handler, self._group, caller, token), sock=listening)
        self._servers.append(server)
        self._paths.append(path)

    def close(self) -> None:
        """Stop listening and remove the sockets."""
        for server in self._servers:
            server.close()
        for path in self._paths:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()


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

    def __init__(self, handler: Handler, group: anyio.abc.TaskGroup, caller: Caller, token: str | None) -> None:
        self._handler = handler
        self._group = group
        self._caller = caller
        self._token = token
        self._buffer = b""
        self._open: set[anyio.CancelScope] = set()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.Transport) or not _is_own(transport):
            transport.close()
            return
        self._transport = transport
        transport.set_write_buffer_limits(high=protocol.UNSENT)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the reason does not matter
        self._transport = None
        for scope in self._open:
            scope.cancel()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        *lines, self._buffer = self._buffer.split(b"\n")
        for line in lines:
            if line.strip():
                self._receive(line)
        if len(self._buffer) > protocol.LONGEST:
            self._drop(protocol.error(None, protocol.INVALID_REQUEST, f"a line of more than {protocol.LONGEST} bytes"))

    def _receive(self, line: bytes) -> None:
        if self._transport is None:
            return
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            self._send(protocol.error(None, protocol.PARSE_ERROR, "not JSON: expected one JSON-RPC 2.0 object a line"))
            return
        if not isinstance(message, dict) or not isinstance(message.get("method"), str):
            self._send(protocol.error(None, protocol.INVALID_REQUEST, "expected an object with method and params"))
            return
        number, params = message.get("id"), message.get("params", {})
        if isinstance(number, dict | list) or not isinstance(params, dict):
            self._send(protocol.error(None, protocol.INVALID_PARAMS, "expected params as an object, and a plain id"))
        elif self._token is not None and not _same(params.get("token"), self._token):
            self._send(protocol.error(number, protocol.REJECTED, "wrong token: use the one in SQUAD_TOKEN"))
        elif len(self._open) >= protocol.PENDING:
            self._send(protocol.error(number, protocol.REJECTED, f"more than {protocol.PENDING} requests wait for an answer"))
        else:
            self._group.start_soon(self._answer, number, message["method"], params)

    async def _answer(self, number: object, method: str, params: Mapping[str, object]) -> None:
        with anyio.CancelScope() as scope:
            self._open.add(scope)
            try:
                answer = protocol.result(number, await self._handler(self._caller, method, params))
            except Rejected as refusal:
                answer = protocol.error(number, refusal.code, refusal.reason)
            finally:
                self._open.discard(scope)
            if number is not None:
                self._send(answer)

    def _send(self, line: bytes) -> None:
        if self._transport is None:
            return
        self._transport.write(line)
        if self._transport.get_write_buffer_size() > protocol.UNSENT:
            self._transport.abort()

    def _drop(self, line: bytes) -> None:
        self._buffer = b""
        self._send(line)
        if self._transport is not None:
            self._transport.close()


def _is_own(transport: asyncio.Transport) -> bool:
    """Tell whether the other end belongs to the same user, or to root."""
    connection = transport.get_extra_info("socket")
    return connection is not None and peer_uid(connection) in {os.getuid(), 0}


def _same(given: object, expected: str) -> bool:
    return isinstance(given, str) and hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode())
