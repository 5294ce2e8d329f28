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

from orchestrator.control import protocol
from orchestrator.control.calling import Caller, Later, Line
from orchestrator.control.messages import Fault, Request, answer, line, read, request_of
from orchestrator.control.polling import READ
from orchestrator.control.protocol import Rejected
from orchestrator.control.turn import Settle, Turn
from orchestrator.control.wire import Wire
from orchestrator.errors import JournalError
from orchestrator.platform import peer_pid, peer_uid

__all__ = ["Caller", "Handler", "Later", "Line", "Server", "Settle", "serve"]

_WAITING = 128  #: connections that the system holds for a socket until they are taken
_FULL = 1.0  #: seconds without new connections when the process can have no more

#: Gives an answer, perhaps a later one; raises Rejected.
Handler: TypeAlias = Callable[[Caller, str, Mapping[str, object]], object]


@dataclass(slots=True, kw_only=True)
class _Door:
    """One socket, and who stands at it."""

    caller: Caller
    token: str | None
    handler: Handler
    group: anyio.abc.TaskGroup
    turn: Turn
    clients: "set[_Client]" = field(default_factory=set)
    line: "deque[_Client]" = field(default_factory=deque)  #: those who have sent more than one message, each in its turn
    is_open: bool = True

    def start(self, work: Callable[[], Awaitable[object]]) -> None:
        """Do something beside, as long as anybody is listened to; what cannot be made durable ends everything."""
        if self.is_open:
            self.group.start_soon(_done, work)

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
        self._turn = Turn(settle, group)
        self._listening: dict[Path, socket.socket] = {}
        self._doors: list[_Door] = []

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
        listening.listen(_WAITING)
        listening.setblocking(False)
        door = _Door(caller=Caller(agent), token=token, handler=self._handler, group=self._group, turn=self._turn)
        self._listening[path] = listening
        self._doors.append(door)
        self._take_in(listening, door)

    def close(self) -> None:
        """Stop listening, remove the sockets and hang up on everybody."""
        for path, listening in self._listening.items():
            self._turn.watch(listening, 0, lambda _: None)
            listening.close()
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
        for door in self._doors:
            door.is_open = False
            for client in tuple(door.clients):
                client.abort()
        self._turn.close()

    def _take_in(self, listening: socket.socket, door: _Door) -> None:
        if listening.fileno() >= 0:
            self._turn.watch(listening, READ, lambda _: self._accept(listening, door))

    def _accept(self, listening: socket.socket, door: _Door) -> None:
        try:
            while True:
                _Client(door, listening.accept()[0]).begin()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError:  # no descriptor or no memory is left: who waits is taken in when others have gone
            self._turn.watch(listening, 0, lambda _: None)
            asyncio.get_running_loop().call_later(_FULL, self._take_in, listening, door)


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


class _Client(Wire):
    """One connection."""

    def __init__(self, door: _Door, end: socket.socket) -> None:
        super().__init__(end, door.turn)
        self._door = door
        self._caller = replace(door.caller, pid=peer_pid(end), line=Line(door.start))
        self._is_own = peer_uid(end) in {os.getuid(), 0}
        self._buffer = bytearray()
        self._is_busy = False
        self._is_over = False  #: nothing more comes; what was asked is still answered
        self._unanswered = 0  #: lines
        self._open: set[anyio.CancelScope] = set()

    def begin(self) -> None:
        """Hear who has connected, unless it is a stranger or one too many."""
        if not self._is_own:
            self.abort()
        elif len(self._door.clients) >= protocol.CLIENTS:
            self._drop(f"more than {protocol.CLIENTS} connections")
        else:
            self._door.clients.add(self)
            self.read_on(wanted=True)

    def lost(self) -> None:
        """Let go of what it waits for."""
        self._door.clients.discard(self)
        self._buffer.clear()
        for scope in tuple(self._open):
            scope.cancel()
        if (line := self._caller.line) is not None:
            for ended in line.at_end:
                ended()

    def taken(self, data: bytes) -> None:
        """Take what came; mostly it is one line, whole."""
        if not self._buffer and not self._is_busy and data.find(b"\n") == len(data) - 1:
            self._receive(data)
            return
        self._buffer += data
        if not self._is_busy:
            self.go_on()

    def ended(self) -> bool:
        """Answer what was asked before a client ended its side; one that is gone waits for nothing."""
        if self.is_gone:
            return False
        self._is_over = True
        if self._buffer.strip():
            self._receive(bytes(self._buffer))
        self._buffer.clear()
        return self._unanswered > 0

    def go_on(self) -> None:
        """Take one line and give everybody else a turn before the next; nothing more is read until all are taken."""
        self._is_busy = False
        if not self.is_open or self._is_closing:
            return
        end = self._buffer.find(b"\n")
        if end > protocol.LONGEST or (end < 0 and len(self._buffer) > protocol.LONGEST):
            self._drop(f"a line of more than {protocol.LONGEST} bytes")
            return
        if end >= 0:
            message = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            self._receive(message)
        self._is_busy = end >= 0 and bool(self._buffer)
        self.read_on(wanted=not self._is_busy)
        if self._is_busy:
            self._door.line_up(self)

    def _receive(self, data: bytes) -> None:
        try:
            message = read(data)
        except (ValueError, RecursionError):
            if data.strip():
                self.write(line(protocol.error(None, protocol.PARSE_ERROR, "not JSON: expected one JSON-RPC 2.0 object a line")))
            return
        self._unanswered += 1
        if isinstance(message, list):
            self._door.group.start_soon(self._answer_batch, message)
        else:
            self._answer_line(message)

    def _answer_line(self, message: Request | Fault) -> None:
        """Answer a message at the end of this turn, or as a task when that takes longer."""
        try:
            answered = self._ask(message)
        except JournalError as error:
            self._door.turn.fail(error)
            return
        if isinstance(answered, _Open):
            self._door.group.start_soon(self._answer_later, answered)
        else:
            self._door.turn.add(self, answered)

    async def _answer_later(self, asked: "_Open") -> None:
        answered = await self._wait(asked)
        self._door.turn.settle(partial(self.reply, answered))

    async def _answer_batch(self, messages: list[object]) -> None:
        """Answer several messages in one line, one after another; notifications are not answered."""
        answers = []
        for one in messages:
            answered = self._ask(request_of(one))
            answers.append(await self._wait(answered) if isinstance(answered, _Open) else answered)
            await anyio.lowlevel.checkpoint()
        self._door.turn.settle(partial(self.reply, [one for one in answers if one is not None] or None))

    def reply(self, answer: object) -> None:
        """Send an answer, if there is one, and hang up after the last on one who has ended its side."""
        if answer is not None:
            self.write(line(answer))
        self._unanswered -= 1
        if self._is_over and not self._unanswered:
            self.hang_up()

    def _ask(self, message: Request | Fault) -> "object | _Open":
        """Give the answer to one message, or what it will come from; None to a notification."""
        if isinstance(message, Fault):
            return message.answer
        try:
            found = self._handle(message.method, message.params)
        except Rejected as refusal:
            found = refusal
        return _Open(message, found) if isinstance(found, Later) else answer(message, found)

    def _handle(self, method: str, params: object) -> object:
        if not isinstance(params, dict):
            raise Rejected("expected params as an object", code=protocol.INVALID_PARAMS)
        if (token := self._door.token) is not None and not _same(params.get("token"), token):
            raise Rejected("wrong token: use the one in SQUAD_TOKEN")
        if len(self._open) >= protocol.PENDING:
            raise Rejected(f"more than {protocol.PENDING} requests wait for an answer")
        return self._door.handler(self._caller, method, params)

    async def _wait(self, asked: "_Open") -> object:
        """Wait for an answer, but not longer than its client does."""
        with anyio.CancelScope() as scope:
            self._open.add(scope)
            if not self.is_open:
                scope.cancel()  # gone before its turn came
            try:
                return answer(asked.request, await asked.later.come())
            except Rejected as refusal:
                return answer(asked.request, refusal)
            finally:
                self._open.discard(scope)
        return answer(asked.request, Rejected("the connection ended"))

    def _drop(self, reason: str) -> None:
        self._buffer.clear()
        self.write(line(protocol.error(None, protocol.INVALID_REQUEST, reason)))
        self.hang_up()


async def _done(work: Callable[[], Awaitable[object]]) -> None:
    await work()


@dataclass(frozen=True, slots=True)
class _Open:
    """A request whose answer takes time."""

    request: Request
    later: Later


def _same(given: object, expected: str) -> bool:
    return isinstance(given, str) and given.isascii() and hmac.compare_digest(given, expected)
