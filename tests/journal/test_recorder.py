"""Journal first, then state, then feed; and nothing of a change is seen before all of it is."""

from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from orchestrator.errors import JournalError
from orchestrator.events import Entry, Event, LockRefused, Noticed
from orchestrator.journal import SNAPSHOT_EVERY, Journal
from orchestrator.journal.feed import ROOM
from orchestrator.journal.recorder import Recorder
from orchestrator.state import decode, initial
from tests.support.builders import RUN, plan, planned, run_started, task


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal.open(tmp_path) as opened:
        yield opened


@pytest.fixture
def recorder(journal: Journal) -> Recorder:
    of = plan(planned(task("T1")))
    return Recorder(journal, of, initial(RUN, of), clock=lambda: 5.0)


def notices(*texts: str) -> list[Event]:
    return [Noticed(text=text) for text in texts]


def test_an_event_is_in_the_journal_the_state_and_the_feed(recorder: Recorder, journal: Journal) -> None:
    with recorder.feed.subscribe() as news:
        recorder.record(*notices("one", "two"))

        assert [entry.event for entry in journal.entries()] == notices("one", "two")
        assert recorder.state.notices == ["one", "two"]
        assert recorder.state.seq == 2
        assert [(entry.seq, entry.at) for entry in news.drain()] == [(1, 5.0), (2, 5.0)]


def test_what_cannot_be_written_changes_nothing(recorder: Recorder, journal: Journal) -> None:
    journal._connection.execute("pragma query_only = on")
    with recorder.feed.subscribe() as news:
        with pytest.raises(JournalError):
            recorder.record(*notices("lost"))

        assert recorder.state.notices == []
        assert news.is_empty


def test_a_snapshot_is_saved_every_thousand_events(recorder: Recorder, journal: Journal) -> None:
    recorder.record(run_started())
    for number in range(SNAPSHOT_EVERY // 10):
        recorder.record(*notices(*(f"{number}-{digit}" for digit in range(10))))

    saved = journal.snapshot(RUN)
    assert saved is not None
    assert SNAPSHOT_EVERY <= saved[0] <= recorder.state.seq
    assert decode(saved[1]).notices == recorder.state.notices[: saved[0] - 1]


def test_a_snapshot_that_cannot_be_saved_is_no_reason_to_stop(
    recorder: Recorder, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise JournalError("no room left")

    monkeypatch.setattr(Journal, "save_snapshot", full)
    recorder.record(*notices(*map(str, range(SNAPSHOT_EVERY))))

    assert recorder.state.seq == SNAPSHOT_EVERY
    assert journal.last() == SNAPSHOT_EVERY


async def test_whoever_waits_for_a_change_is_woken_by_the_next_one(recorder: Recorder) -> None:
    woken = anyio.Event()

    async def wait() -> None:
        await recorder.changed()
        woken.set()

    async with anyio.create_task_group() as group:
        group.start_soon(wait)
        await anyio.wait_all_tasks_blocked()
        assert not woken.is_set()
        recorder.record(*notices("news"))
        await woken.wait()


async def test_a_subscriber_who_falls_behind_loses_the_oldest_and_knows_it(recorder: Recorder) -> None:
    with recorder.feed.subscribe() as slow:
        recorder.record(*notices(*map(str, range(ROOM + 2))))
        await slow.wait()

        assert slow.lagged
        assert [entry.seq for entry in slow.drain()][:1] == [3]
        assert slow.lagged
        slow.noted()
        assert not slow.lagged
        assert slow.is_empty


def test_each_who_looks_on_takes_everything_from_its_own_place(recorder: Recorder) -> None:
    with recorder.feed.subscribe() as early:
        recorder.record(*notices("one"))
        with recorder.feed.subscribe() as late:
            late.offer([Entry(0, 1.0, RUN, Noticed(text="before"))])
            recorder.record(*notices("two"))

            assert [entry.event for entry in late.drain()] == notices("before", "two")
            assert late.is_empty
            assert [entry.event for entry in early.drain()] == notices("one", "two")
        recorder.record(*notices("three"))
        assert [entry.event for entry in early.drain()] == notices("three")


async def test_whoever_waits_for_a_kind_is_woken_by_nothing_else(recorder: Recorder) -> None:
    with recorder.feed.subscribe() as news:
        taken: list[Event] = []

        async def take() -> None:
            await news.wait(LockRefused)
            taken.extend(entry.event for entry in news.drain())

        async with anyio.create_task_group() as group:
            group.start_soon(take)
            await anyio.wait_all_tasks_blocked()
            recorder.record(*notices("not for you"))
            await anyio.wait_all_tasks_blocked()
            assert taken == []
            refused = LockRefused(path="a", holder="agent-1", reason="x")
            recorder.record(refused)
        assert taken == [*notices("not for you"), refused]


def test_whoever_left_is_told_nothing_more(recorder: Recorder) -> None:
    with recorder.feed.subscribe() as news:
        pass
    recorder.record(*notices("later"))

    assert news.is_empty
