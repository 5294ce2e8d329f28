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

from orchestrator.events import Entry

ROOM = 4096


class Feed:
    """Hands each event to all who look on."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self.published = 0  #: events, ever
        self._newest: deque[Entry] = deque(maxlen=ROOM)  #: what somebody may not have taken yet
        self._places: list[Subscription] = []
        self._news = anyio.Event()
        self._is_awaited = False

    def publish(self, entries: Sequence[Entry]) -> None:
        """Hand events to everybody."""
        self.published += len(entries)
        if self._places:
            self._newest.extend(entries)
        if self._is_awaited:
            self._is_awaited = False
            self._news.set()
            self._news = anyio.Event()

    async def news(self) -> None:
        """Wait for the next event."""
        self._is_awaited = True
        await self._news.wait()

    def since(self, place: int) -> list[Entry]:
        """Give what was published after so many events, as far as it is kept, oldest first."""
        return list(islice(self._newest, max(0, len(self._newest) - (self.published - place)), None))

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
        self.lagged = False
        self.place = feed.published  #: how many events have been taken, or were there before
        self._feed: Feed | None = feed
        self._before: list[Entry] = []

    def offer(self, entries: Sequence[Entry]) -> None:
        """Hand over what happened before."""
        self.lagged = self.lagged or len(entries) > ROOM
        self._before += entries[-ROOM:]

    def leave(self) -> None:
        """Look on no longer."""
        self._feed = None
        self._before.clear()

    @property
    def is_empty(self) -> bool:
        """Tell whether everything was taken."""
        return not self._before and (self._feed is None or self.place == self._feed.published)

    async def wait(self) -> None:
        """Wait until there is something to take."""
        while self._feed is not None and self.is_empty:
            await self._feed.news()

    def drain(self) -> list[Entry]:
        """Take everything that has come since the last time."""
        entries, self._before = self._before, []
        if self._feed is not None and self.place < self._feed.published:
            self.lagged = self.lagged or self._feed.published - self.place > ROOM
            entries += self._feed.since(self.place)
            self.place = self._feed.published
            self._feed.forget()
        return entries
