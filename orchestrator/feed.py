"""Events to those who look on inside the supervisor's process.

Publishing never waits and never grows without bound: a subscriber who falls more than `ROOM` events behind loses the
oldest and sees `lagged`, upon which it looks at the state, which is always whole.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import anyio

from orchestrator.events import Entry

ROOM = 4096


class Subscription:
    """One who looks on."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self.lagged = False
        self._entries: deque[Entry] = deque(maxlen=ROOM)
        self._news = anyio.Event()

    def offer(self, entry: Entry) -> None:
        """Hand an event over without waiting."""
        self.lagged = self.lagged or len(self._entries) == ROOM
        self._entries.append(entry)
        self._news.set()

    @property
    def is_empty(self) -> bool:
        """Tell whether everything was taken."""
        return not self._entries

    async def wait(self) -> None:
        """Wait until there is something to take."""
        await self._news.wait()

    def drain(self) -> list[Entry]:
        """Take everything that has come since the last time."""
        self._news = anyio.Event()
        entries = list(self._entries)
        self._entries.clear()
        return entries


class Feed:
    """Hands each event to all who look on."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._subscriptions: list[Subscription] = []

    def publish(self, entry: Entry) -> None:
        """Hand an event to everybody."""
        for subscription in self._subscriptions:
            subscription.offer(entry)

    @contextmanager
    def subscribe(self) -> Iterator[Subscription]:
        """Look on while inside the block."""
        subscription = Subscription()
        self._subscriptions.append(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.remove(subscription)
