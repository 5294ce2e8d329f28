"""One connection as bytes: what comes is taken at once, what goes is sent at once or waits, up to a bound."""

import select
import socket

from orchestrator.control import protocol
from orchestrator.control.polling import GONE, READ, WRITE
from orchestrator.control.turn import Turn

#: One for all, so that no memory is got for each read; what was read is copied before anybody else reads.
_TAKEN = memoryview(bytearray(protocol.LONGEST))


class Wire:
    """One connection; what is to be done with what comes is said by who inherits."""

    def __init__(self, end: socket.socket, turn: Turn) -> None:
        """Take over a connected socket; nothing is read before `begin`."""
        end.setblocking(False)
        self._end: socket.socket | None = end
        self._turn = turn
        self._unsent = b""
        self._reads = False
        self._has_ended = False  #: nothing more comes
        self._is_closing = False  #: nothing is read any more, and it ends when all is sent

    def taken(self, data: bytes) -> None:
        """Take in what came."""
        raise NotImplementedError

    def ended(self) -> bool:
        """Take in that nothing more will come; tell whether something is still to be sent."""
        raise NotImplementedError

    def lost(self) -> None:
        """Take in that the connection is no more."""
        raise NotImplementedError

    @property
    def is_open(self) -> bool:
        """Tell whether anything can be sent."""
        return self._end is not None

    @property
    def is_gone(self) -> bool:
        """Tell whether the other end is closed, and not only done with sending."""
        if self._end is None:
            return True
        poll = select.poll()
        poll.register(self._end, select.POLLHUP)
        return any(events & (select.POLLHUP | select.POLLERR) for _, events in poll.poll(0))

    def read_on(self, *, wanted: bool) -> None:
        """Read, or leave what comes to the system until it is wanted."""
        if wanted is not self._reads and not self._is_closing:
            self._reads = wanted
            self._watch()

    def write(self, data: bytes) -> None:
        """Send what can be sent now, and the rest later; who leaves too much unread is hung up on."""
        if self._end is None:
            return
        sent = 0 if self._unsent else self._sent(self._end, data)
        if sent == len(data) or self._end is None:
            return
        self._unsent += data[sent:]
        if len(self._unsent) > protocol.UNSENT:
            self.abort()
        else:
            self._watch()

    def hang_up(self) -> None:
        """Close the connection after what was written to it."""
        self._is_closing = True
        self._reads = False
        if self._unsent:
            self._watch()
        else:
            self.abort()

    def abort(self) -> None:
        """Close the connection now."""
        if self._end is not None:
            end, self._end = self._end, None
            self._turn.watch(end, 0, self._ready)
            end.close()
            self._unsent = b""
            self.lost()

    def _ready(self, events: int) -> None:
        if events & WRITE and self._unsent and self._end is not None:
            self._unsent = self._unsent[self._sent(self._end, self._unsent) :]
            self._watch()
            if self._is_closing and not self._unsent:
                self.abort()
        if events & READ and self._end is not None and self._reads:
            self._read(self._end)
        elif self._has_ended and self.is_gone:
            self.abort()

    def _read(self, end: socket.socket) -> None:
        try:
            count = end.recv_into(_TAKEN)
        except BlockingIOError:
            return
        except OSError:
            self.abort()
            return
        if count:
            self.taken(bytes(_TAKEN[:count]))
        elif self.ended():
            self._has_ended = True  # and whether it goes away before it is answered is still looked at
            self.read_on(wanted=False)
        else:
            self.hang_up()

    def _sent(self, end: socket.socket, data: bytes) -> int:
        try:
            return end.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            self.abort()
            return 0

    def _watch(self) -> None:
        if self._end is not None:
            events = (READ if self._reads else 0) | (WRITE if self._unsent else 0) | (GONE if self._has_ended else 0)
            self._turn.watch(self._end, events, self._ready)
