"""The one way in which anything changes: journal first, then state, then feed.

The recorder never waits, so between two events nobody sees half a change; who wants to go on after a change waits for
`changed`. When `record` returns, the events survive the death of the supervisor.
"""

import contextlib
from collections.abc import Callable

import anyio

from orchestrator.errors import JournalError
from orchestrator.events import Event
from orchestrator.feed import Feed
from orchestrator.fold import fold
from orchestrator.journal import SNAPSHOT_EVERY, Journal
from orchestrator.model import Plan, RunId
from orchestrator.state import State, encode


class Recorder:
    """Writes the events of one run and keeps the state they add up to."""

    def __init__(self, journal: Journal, plan: Plan, state: State, *, clock: Callable[[], float]) -> None:
        """Go on from the state that the journal already adds up to."""
        self.journal = journal
        self.plan = plan
        self.state = state
        self.feed = Feed()
        self.clock = clock  #: seconds since the epoch, UTC
        self.touched: set[str] = set()  #: tasks that events named, until somebody takes them out
        self._change = anyio.Event()
        self._saved = state.seq

    def record(self, *events: Event) -> None:
        """Let events take effect together.

        Raises:
            JournalError: They could not be written; then nothing has changed.
        """
        entries = self.journal.append_all(RunId(self.state.run), events, at=self.clock())
        for entry in entries:
            fold(self.state, entry)
            self.touched.add(getattr(entry.event, "task", None) or "")
        for entry in entries:
            self.feed.publish(entry)
        if self.state.seq - self._saved >= SNAPSHOT_EVERY:
            self._saved = self.state.seq
            with contextlib.suppress(JournalError):  # it only saves time: the events are there
                self.journal.save_snapshot(RunId(self.state.run), self.state.seq, encode(self.state))
        self.wake()

    def wake(self) -> None:
        """Let everybody who waits for a change look again."""
        self._change.set()
        self._change = anyio.Event()

    async def changed(self) -> None:
        """Wait for the next change."""
        await self._change.wait()
