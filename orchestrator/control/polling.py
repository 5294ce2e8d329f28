"""Descriptors that the loop waits for as a single one: which of them are ready, and for what."""

import select
import selectors
import sys
from collections.abc import Sequence
from functools import partial
from typing import Protocol

READ, WRITE = select.POLLIN, select.POLLOUT
GONE = select.POLLHUP  #: the other end is closed, and not only done with sending; only some systems tell that by itself


class Polling(Protocol):
    """What looks at many descriptors at once."""

    def fileno(self) -> int:
        """Give the descriptor that is ready when one of them is."""

    def watch(self, number: int, events: int, *, is_new: bool) -> None:
        """Look from now on whether a descriptor is ready for these."""

    def leave(self, number: int) -> None:
        """Look at it no more."""

    def ready(self) -> Sequence[tuple[int, int]]:
        """Give what is ready now, and for what; a fault of a descriptor may come as a flag of its own."""

    def close(self) -> None:
        """Look at nothing more."""


class Selecting:
    """The descriptors of a selector of the standard library."""

    def __init__(self, selector: selectors.BaseSelector, number: int) -> None:
        """Look by a selector, which has a descriptor itself."""
        self._selector = selector
        self._number = number

    def fileno(self) -> int:
        """Give the descriptor that is ready when one of them is."""
        return self._number

    def watch(self, number: int, events: int, *, is_new: bool) -> None:
        """Look from now on whether a descriptor is ready for these."""
        wanted = (selectors.EVENT_READ if events & READ else 0) | (selectors.EVENT_WRITE if events & WRITE else 0)
        if not wanted:
            self.leave(number)
        elif is_new or number not in self._selector.get_map():
            self._selector.register(number, wanted)
        else:
            self._selector.modify(number, wanted)

    def leave(self, number: int) -> None:
        """Look at it no more."""
        if number in self._selector.get_map():
            self._selector.unregister(number)

    def ready(self) -> Sequence[tuple[int, int]]:
        """Give what is ready now, and for what."""
        return [(key.fd, _flags(events)) for key, events in self._selector.select(0)]

    def close(self) -> None:
        """Look at nothing more."""
        self._selector.close()


def _flags(events: int) -> int:
    return (READ if events & selectors.EVENT_READ else 0) | (WRITE if events & selectors.EVENT_WRITE else 0)


if sys.platform == "linux":

    class Epoll:
        """The descriptors of an epoll, whose flags are those of poll: a third of a selector's cost."""

        def __init__(self) -> None:
            """Look at nothing yet."""
            self._epoll = select.epoll()
            self.fileno, self.leave, self.close = self._epoll.fileno, self._epoll.unregister, self._epoll.close
            self.ready = partial(self._epoll.poll, 0)

        def watch(self, number: int, events: int, *, is_new: bool) -> None:
            """Look from now on whether a descriptor is ready for these."""
            (self._epoll.register if is_new else self._epoll.modify)(number, events)


def polling() -> Polling:
    """Give what this system has for it."""
    if sys.platform == "linux":
        return Epoll()
    queue = selectors.KqueueSelector()
    return Selecting(queue, queue.fileno())
