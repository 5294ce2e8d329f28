"""Events to those who look on inside the supervisor's process.

Publishing never waits, never grows without bound and costs the same however many look on: all read from one row of the
newest events, each from its own place. A subscriber who falls more than `ROOM` events behind loses the oldest and sees
`lagged`, upon which it looks at the state, which is always whole.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

import anyio

from orchestrator.events import Entry, Event

ROOM = 4096


class Feed:
    """Hands each event to all who look on."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self.published = 0  #: events, ever
        self._newest: deque[Entry] = deque(maxlen=ROOM)  #: what somebody may not have taken yet
        self._places: list[Subscription] = []
        self._awaited: dict[type[Event] | None, anyio.Event] = {}  #: by the kind that is waited for; None: any

    def publish(self, entries: Sequence[Entry]) -> None:
        """Hand events to everybody."""
        self.published += len(entries)
        if self._places:
            self._newest.extend(entries)
        if self._awaited:
            for kind in {None, *(type(entry.event) for entry in entries)} & self._awaited.keys():
                self._awaited.pop(kind).set()

    async def news(self, kind: type[Event] | None) -> None:
        """Wait for the next event, of one kind or of any."""
        if kind not in self._awaited:
            self._awaited[kind] = anyio.Event()
        await self._awaited[kind].wait()

    def since(self, place: int) -> list[Entry]:
        """Give what was published after so many events, as far as it is kept, oldest first."""
        return list(islice(reversed(self._newest), max(0, self.published - place)))[::-1]

    def forget(self) -> None:
        """Keep no longer what everybody has taken."""
        slowest = min((one.place for one in self._places), default=self.published)
        while len(self._newest) > self.published - slowest:
            self._newest.popleft()

    @contextmanager
    def subscribe(self) -> "Iterator[Subscription]":
        """Look on while inside the block."""
        subscription = Subscription(self)
        self._places.append(subscription)
        try:
            yield subscription
        finally:
            self._places.remove(subscription)
            subscription.leave()
            self.forget()


class Subscription:
    """One who looks on."""

    def __init__(self, feed: Feed) -> None:
        """Begin with nothing seen."""
        self._has_lost = False
        self.place = feed.published  #: how many events have been taken, or were there before
        self._feed: Feed | None = feed
        self._before: list[Entry] = []

    def offer(self, entries: Sequence[Entry]) -> None:
        """Hand over what happened before."""
        self._has_lost = self._has_lost or len(entries) > ROOM
        self._before += entries[-ROOM:]

    def leave(self) -> None:
        """Look on no longer."""
        self._feed = None
        self._before.clear()

    @property
    def lagged(self) -> bool:
        """Tell whether it has lost the oldest that it had not taken, until that is noted."""
        return self._has_lost or (self._feed is not None and self._feed.published - self.place > ROOM)

    def noted(self) -> None:
        """Take in that something was lost."""
        self._has_lost = False

    @property
    def is_empty(self) -> bool:
        """Tell whether everything was taken."""
        return not self._before and (self._feed is None or self.place == self._feed.published)

    async def wait(self, kind: type[Event] | None = None) -> None:
        """Wait until there is something to take, of one kind or of any."""
        while self._feed is not None and not self._has(kind):
            await self._feed.news(kind)

    def _has(self, kind: type[Event] | None) -> bool:
        if kind is None or self._feed is None:
            return not self.is_empty
        return any(isinstance(entry.event, kind) for entry in (*self._before, *self._feed.since(self.place)))

    def drain(self) -> list[Entry]:
        """Take everything that has come since the last time."""
        entries, self._before = self._before, []
        if self._feed is not None and self.place < self._feed.published:
            self._has_lost = self.lagged
            entries += self._feed.since(self.place)
            self.place = self._feed.published
            self._feed.forget()
        return entries
