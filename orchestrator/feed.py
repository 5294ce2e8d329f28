"""Events to those who look on inside the supervisor's process.

Publishing never waits and never grows without bound: a subscriber who falls more than `ROOM` events behind loses the
oldest and sees `lagged`, upon which it looks at the state, which is always whole.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import anyio

from orchestrator.events import Entry, Event

ROOM = 4096


class Subscription:
    """One who looks on."""

    def __init__(self, *kinds: type[Event]) -> None:
        """Begin with nothing seen; with kinds nothing else is handed over."""
        self.lagged = False
        self._kinds = kinds
        self._entries: deque[Entry] = deque(maxlen=ROOM)
        self._news = anyio.Event()

    def offer(self, entries: Sequence[Entry]) -> None:
        """Hand events over without waiting."""
        wanted = [entry for entry in entries if isinstance(entry.event, self._kinds)] if self._kinds else entries
        if not wanted:
            return
        self.lagged = self.lagged or len(self._entries) + len(wanted) > ROOM
        self._entries.extend(wanted)
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

    def publish(self, entries: Sequence[Entry]) -> None:
        """Hand events to everybody."""
        for subscription in self._subscriptions:
            subscription.offer(entries)

    @contextmanager
    def subscribe(self, *kinds: type[Event]) -> Iterator[Subscription]:
        """Look on while inside the block, at events of all kinds or of some."""
        subscription = Subscription(*kinds)
        self._subscriptions.append(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.remove(subscription)
