"""Who is heard when: all that have something to say at one moment have one turn together.

The sockets of a run are watched by a selector of their own, which is a single one to the loop: what is readable in one
of its turns is read, decided and answered in that turn, and no answer leaves before what it tells of is settled, in one
step for all. To wait for the loop's next turn instead would take longer than the rest.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Protocol, TypeAlias

import anyio.abc

from orchestrator.control.polling import READ, WRITE, polling
from orchestrator.errors import JournalError

_USUAL = frozenset({READ, WRITE, READ | WRITE})  #: anything else is a fault, which reading and writing both find

#: Makes durable what was decided, and then calls what it is given; raises JournalError.
Settle: TypeAlias = Callable[[Callable[[], None]], None]


class Answered(Protocol):
    """Who gets an answer."""

    def reply(self, answer: object) -> None:
        """Send it."""


class Turn:
    """The sockets of a run, and the answers that leave together."""

    def __init__(self, settle: Settle, group: anyio.abc.TaskGroup) -> None:
        """Watch nothing yet; what cannot be settled ends the group."""
        self._settle = settle
        self._group = group
        self._replies: list[tuple[Answered, object]] = []
        self._polling = polling()
        self._descriptor = self._polling.fileno()
        self._ready: dict[int, Callable[[int], None]] = {}  #: by descriptor
        self._is_on = False
        asyncio.get_running_loop().add_reader(self._descriptor, self._take)

    def watch(self, end: socket.socket, events: int, ready: Callable[[int], None]) -> None:
        """Call `ready` with what a socket is ready for of these events, from now on; of none: no more."""
        number = end.fileno()
        if events:
            self._polling.watch(number, events, is_new=number not in self._ready)
            self._ready[number] = ready
        elif self._ready.pop(number, None) is not None:
            self._polling.leave(number)

    def add(self, client: Answered, answer: object) -> None:
        """Answer a client at the end of this turn; None: it has only said something."""
        if not self._replies and not self._is_on:
            asyncio.get_running_loop().call_soon(self.settle, self._tell)
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

    def close(self) -> None:
        """Watch nothing any more."""
        asyncio.get_running_loop().remove_reader(self._descriptor)
        self._polling.close()

    def _take(self) -> None:
        """Hear everybody who has something to say, and answer."""
        self._is_on = True
        try:
            for number, events in self._polling.ready():
                if (ready := self._ready.get(number)) is not None:  # else another's turn has ended it
                    ready(events if events in _USUAL else READ | WRITE)
        finally:
            self._is_on = False
            if self._replies:
                self.settle(self._tell)

    def _tell(self) -> None:
        replies, self._replies = self._replies, []
        for client, answer in replies:
            client.reply(answer)


async def _fail(error: JournalError) -> None:
    raise error
