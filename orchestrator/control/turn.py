"""Who is heard when: all that have something to say at one moment have one turn together.

The sockets of a run are watched by a selector of their own, which is a single one to the loop: what is readable in one
of its turns is read, decided and answered in that turn, and no answer leaves before what it tells of is settled, in one
step for all. To wait for the loop's next turn instead would take longer than the rest.
"""

import asyncio
import selectors
import socket
import sys
from collections.abc import Callable
from typing import Protocol, TypeAlias

import anyio.abc

from orchestrator.errors import JournalError

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE

#: Makes durable what was decided, and then calls what it is given; raises JournalError.
Settle: TypeAlias = Callable[[Callable[[], None]], None]


class Answered(Protocol):
    """Who gets an answer."""

    def reply(self, answer: dict[str, object] | None) -> None:
        """Send it."""


class Turn:
    """The sockets of a run, and the answers that leave together."""

    def __init__(self, settle: Settle, group: anyio.abc.TaskGroup) -> None:
        """Watch nothing yet; what cannot be settled ends the group."""
        self._settle = settle
        self._group = group
        self._replies: list[tuple[Answered, dict[str, object] | None]] = []
        self._selector, self._descriptor = _selector()
        self._is_on = False
        asyncio.get_running_loop().add_reader(self._descriptor, self._take)

    def watch(self, end: socket.socket, events: int, ready: Callable[[int], None]) -> None:
        """Call `ready` with what a socket is ready for of these events, from now on; of none: no more."""
        if end not in self._selector.get_map():
            if events:
                self._selector.register(end, events, ready)
        elif events:
            self._selector.modify(end, events, ready)
        else:
            self._selector.unregister(end)

    def add(self, client: Answered, answer: dict[str, object] | None) -> None:
        """Answer a client at the end of this turn; None: it has only said something."""
        if not self._replies and not self._is_on:
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

    def close(self) -> None:
        """Watch nothing any more."""
        asyncio.get_running_loop().remove_reader(self._descriptor)
        self._selector.close()

    def _take(self) -> None:
        """Hear everybody who has something to say, and answer."""
        self._is_on = True
        try:
            for key, events in self._selector.select(0):
                key.data(events)
        finally:
            self._is_on = False
            if self._replies:
                self._end()

    def _end(self) -> None:
        self.settle(self._tell)

    def _tell(self) -> None:
        replies, self._replies = self._replies, []
        for client, answer in replies:
            client.reply(answer)


def _selector() -> tuple[selectors.BaseSelector, int]:
    """Give a selector that another one can wait for, and its descriptor."""
    if sys.platform == "linux":
        polling = selectors.EpollSelector()
        return polling, polling.fileno()
    queue = selectors.KqueueSelector()
    return queue, queue.fileno()


async def _fail(error: JournalError) -> None:
    raise error
