"""The one way in which anything changes: journal first, then state, then feed.

The recorder never waits, so between two events nobody sees half a change; who wants to go on after a change waits for
`changed`. When `record` or `settle` returns, the events survive the death of the supervisor; what `record_soon` took
stands before everything that is recorded after it.
"""

import contextlib
from collections.abc import Callable, Sequence

import anyio

from orchestrator.errors import JournalError
from orchestrator.events import Event
from orchestrator.fold import fold
from orchestrator.journal import SNAPSHOT_EVERY, Journal
from orchestrator.journal.feed import Feed
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
        self._run = RunId(state.run)
        self._saved = state.seq
        self._soon: list[Event] = []
        self._wakes = False  #: somebody must look again after those

    def record(self, *events: Event) -> None:
        """Let events take effect together, behind those that were to be recorded soon.

        Raises:
            JournalError: They could not be written; then nothing has changed.
        """
        self._write([*self._soon, *events], wakes=True)

    def amend(self, plan: Plan, *events: Event) -> None:
        """Let events take effect that tell of another plan; its document must be in the journal.

        Raises:
            JournalError: They could not be written; then the plan is as it was.
        """
        self._write([*self._soon, *events], wakes=False)
        self.plan = plan
        self.wake()

    def record_soon(self, *events: Event, wakes: bool = True) -> None:
        """Let events take effect in one step of the journal with others of the same turn of the loop, at `settle`.

        Until then nobody may be told of them. With `wakes` false nobody looks again: nothing can be decided upon them.
        """
        self._soon += events
        self._wakes = self._wakes or wakes

    def settle(self, tell: Callable[[], None] | None = None) -> None:
        """Let everything take effect that was to be recorded soon; `tell` is called as soon as it is durable.

        Raises:
            JournalError: It could not be written; then nothing has changed, and it is tried again with what comes next.
        """
        if self._soon:
            self._write(self._soon, wakes=self._wakes, tell=tell)
        elif tell is not None:
            tell()

    def _write(self, events: Sequence[Event], *, wakes: bool, tell: Callable[[], None] | None = None) -> None:
        entries = self.journal.append_all(self._run, events, at=self.clock())
        self._soon, self._wakes = [], False
        if tell is not None:
            tell()
        for entry in entries:
            fold(self.state, entry)
            self.touched.add(getattr(entry.event, "task", None) or "")
        self.feed.publish(entries)
        if self.state.seq - self._saved >= SNAPSHOT_EVERY:
            self._saved = self.state.seq
            with contextlib.suppress(JournalError):  # it only saves time: the events are there
                self.journal.save_snapshot(self._run, self.state.seq, encode(self.state))
        if wakes:
            self.wake()

    def wake(self) -> None:
        """Let everybody who waits for a change look again."""
        self._change.set()
        self._change = anyio.Event()

    async def changed(self) -> None:
        """Wait for the next change."""
        await self._change.wait()
