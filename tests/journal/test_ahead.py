"""Steps ahead of the journal's table: as safe as in it, soon there, and never twice."""

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import JournalError
from orchestrator.events import LockGranted, Noticed
from orchestrator.journal import Journal
from orchestrator.journal.ahead import Ahead, Step
from orchestrator.project import find
from orchestrator.supervised import supervisor_of
from tests.support.builders import RUN
from tests.support.commands import Squad
from tests.support.lock_clients import Pair, at_work, sleeping_agents, squads
from tests.support.waiting import until

#: Writes steps about locks in haste until it is killed, and tells after each that it is written.
WRITER = """\
import sys
from pathlib import Path
from orchestrator.journal import ahead
from orchestrator.events import LockGranted, LockReleased
from orchestrator.journal import Journal
ahead.BEHIND = ahead._LATEST = 3600.0
journal = Journal.open(Path(sys.argv[1]))
with journal.writing_ahead(lambda: None):
    for fence in range(1, sys.maxsize):
        granted = LockGranted(path="a", holder="agent-1", fence=fence, waited_s=0.0)
        released = LockReleased(path="a", holder="agent-1", fence=fence, reason="unlocked")
        journal.append_all("demo-1", [granted, released], at=1.0)
        sys.stdout.write(f"{fence}\\n")
        sys.stdout.flush()
"""


@pytest.fixture(autouse=True)
def haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every step about locks that follows another be in haste, however slow the machine is."""
    monkeypatch.setattr("orchestrator.journal.ahead.BEHIND", 3600.0)
    monkeypatch.setattr("orchestrator.journal.ahead._LATEST", 3600.0)


@contextlib.contextmanager
def written_ahead(folder: Path, fences: range) -> Iterator[Journal]:
    """Open a journal and write grants; all but the first are ahead of its table."""
    with Journal.open(folder) as journal, journal.writing_ahead(lambda: None):
        journal.append(RUN, Noticed(text="first"), at=1.0)
        for fence in fences:
            journal.append(RUN, granted(fence), at=1.0)
        yield journal


def granted(fence: int) -> LockGranted:
    return LockGranted(path="a", holder="agent-1", fence=fence, waited_s=0.0)


def fences(folder: Path) -> list[int]:
    """Give the fences that a reader finds, whose events must be numbered without a gap."""
    reader = Journal.read(folder)
    assert reader is not None
    with reader:
        entries = list(reader.entries())
        assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
        assert reader.last() == len(entries)
    return [entry.event.fence for entry in entries if isinstance(entry.event, LockGranted)]


def in_table(folder: Path) -> int:
    """Count what a program finds that knows nothing but SQLite."""
    with contextlib.closing(sqlite3.connect(folder / "state.db")) as connection:
        return int(connection.execute("select count(*) from events").fetchone()[0])


def ahead_of(folder: Path) -> list[Step]:
    return Ahead(folder / "state.db-ahead").read()


def test_what_comes_in_haste_is_read_at_once_and_in_the_table_with_the_next_of_another_kind(tmp_path: Path) -> None:
    with written_ahead(tmp_path, range(1, 6)) as journal:
        assert in_table(tmp_path) == 1
        assert fences(tmp_path) == [1, 2, 3, 4, 5]

        assert journal.append(RUN, Noticed(text="other"), at=2.0).seq == 7

        assert in_table(tmp_path) == 7
        assert ahead_of(tmp_path) == []
        assert fences(tmp_path) == [1, 2, 3, 4, 5]


def test_whoever_looks_after_it_is_told_once_that_the_table_is_behind(tmp_path: Path) -> None:
    told: list[None] = []
    with Journal.open(tmp_path) as journal, journal.writing_ahead(lambda: told.append(None)):
        journal.append(RUN, Noticed(text="first"), at=1.0)
        for fence in range(1, 4):
            journal.append(RUN, granted(fence), at=1.0)
        assert len(told) == 1
        journal.absorb()
        assert in_table(tmp_path) == 4
        journal.append(RUN, granted(4), at=1.0)
        assert len(told) == 2
    assert in_table(tmp_path) == 5


def test_what_does_not_come_in_haste_is_in_the_table_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.journal.ahead.BEHIND", 0.0)
    with written_ahead(tmp_path, range(1, 4)):
        assert in_table(tmp_path) == 4


def test_where_nobody_takes_in_what_is_behind_the_next_step_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with written_ahead(tmp_path, range(1, 4)) as journal:
        monkeypatch.setattr("orchestrator.journal.ahead._LATEST", 0.0)
        assert in_table(tmp_path) == 1
        journal.append(RUN, granted(4), at=1.0)
        assert in_table(tmp_path) == 5


def test_a_snapshot_never_stands_before_the_events_it_was_made_of(tmp_path: Path) -> None:
    with written_ahead(tmp_path, range(1, 4)) as journal:
        journal.save_snapshot(RUN, 4, b"{}")
        assert in_table(tmp_path) == 4


def _killed_in_haste(folder: Path) -> int:
    argv = [sys.executable, "-c", WRITER, str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(argv, stdout=subprocess.PIPE, env=environment) as writer:
        assert writer.stdout is not None
        told = 0
        while told < 50:
            told = int(writer.stdout.readline())
        writer.kill()
        rest = [line for line in writer.stdout.read().splitlines(keepends=True) if line.endswith(b"\n")]
        return int(rest[-1]) if rest else told


def test_a_killed_writer_loses_nothing_that_it_told_of(tmp_path: Path) -> None:
    told = _killed_in_haste(tmp_path)

    found = fences(tmp_path)
    assert len(found) >= told
    assert found == list(range(1, len(found) + 1))
    assert in_table(tmp_path) < 2 * told
    with Journal.open(tmp_path):
        assert in_table(tmp_path) == 2 * len(found)
        assert ahead_of(tmp_path) == []
    assert fences(tmp_path) == found


def test_what_the_table_had_already_when_the_writer_was_killed_is_not_taken_in_twice(tmp_path: Path) -> None:
    path = tmp_path / "state.db-ahead"
    with written_ahead(tmp_path, range(1, 6)) as journal:
        shutil.copy(path, tmp_path / "copy")
        journal.absorb()
        shutil.copy(tmp_path / "copy", path)
    shutil.copy(tmp_path / "copy", path)
    assert fences(tmp_path) == [1, 2, 3, 4, 5]

    with Journal.open(tmp_path):
        assert fences(tmp_path) == [1, 2, 3, 4, 5]
        assert in_table(tmp_path) == 6


def test_behind_a_gap_that_a_loss_of_power_left_nothing_is_taken_in(tmp_path: Path) -> None:
    with written_ahead(tmp_path, range(1, 3)):
        pass
    writer = Ahead(tmp_path / "state.db-ahead")
    assert writer.take()
    writer.add(Step(9, 1.0, RUN, [("Noticed", b'{"type":"Noticed","text":"far"}')]))
    writer.release()

    with Journal.open(tmp_path) as journal:
        assert journal.last() == 3


def test_what_a_living_writer_has_ahead_is_not_touched_by_another_one(tmp_path: Path) -> None:
    with written_ahead(tmp_path, range(1, 4)) as journal:
        with Journal.open(tmp_path) as other, other.writing_ahead(lambda: None):
            assert in_table(tmp_path) == 1
            other.append(RUN, Noticed(text="meanwhile"), at=1.0)
            other.append(RUN, granted(99), at=1.0)
        journal.append(RUN, granted(4), at=1.0)
    assert sorted(fences(tmp_path)) == [1, 2, 3, 4, 99]


@given(cut=st.integers(min_value=0), flipped=st.none() | st.integers(min_value=0))
def test_of_a_torn_file_the_whole_steps_before_the_tear_are_left(
    tmp_path_factory: pytest.TempPathFactory, cut: int, flipped: int | None
) -> None:
    folder = tmp_path_factory.mktemp("torn")
    path = folder / "state.db-ahead"
    writer = Ahead(path)
    assert writer.take()
    written = [Step(number, 1.0, RUN, [("Noticed", b"x" * number)]) for number in range(1, 8)]
    ends = []
    for step in written:
        writer.add(step)
        ends.append(path.stat().st_size)
    writer.release()
    body = bytearray(path.read_bytes())
    cut %= len(body) + 1
    whole = cut
    if flipped is not None and cut:
        body[flipped % cut] ^= 0x10
        whole = flipped % cut
    path.write_bytes(body[:cut])

    left = Ahead(path).read()

    assert left == written[: sum(end <= whole for end in ends)]


def test_where_no_room_is_left_a_step_is_refused_whole_and_those_before_it_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    with written_ahead(tmp_path, range(1, 4)) as journal:
        with monkeypatch.context() as full:
            full.setattr(os, "write", lambda descriptor, body: write(descriptor, body[: len(body) // 2]))
            with pytest.raises(JournalError, match="no room left"):
                journal.append(RUN, granted(4), at=1.0)
        assert fences(tmp_path) == [1, 2, 3]
        journal.append(RUN, granted(5), at=1.0)
    assert fences(tmp_path) == [1, 2, 3, 5]


# whole runs


class Asker(threading.Thread):
    """Locks and unlocks as fast as it is answered, and notes the grants it was told of."""

    def __init__(self, pair: Pair) -> None:
        super().__init__(daemon=True)
        self.pair = pair
        self.told: list[int] = []

    def run(self) -> None:
        with contextlib.suppress(OSError), self.pair.connected() as ask:
            while self.pair.granted in (answer := ask(self.pair.lock)):
                self.told.append(int(answer.split(b'"fence":')[1].split(b",")[0]))
                ask(self.pair.unlock)

    def ended(self) -> list[int]:
        """Wait until nobody answers any more; gives the fences that were told."""
        self.join()
        return self.told


def test_a_supervisor_killed_in_a_burst_loses_no_grant_that_it_told_of_and_gives_no_number_twice(squad: Squad) -> None:
    first = _burst(doors := sleeping_agents(squad, 2))
    os.kill(supervisor_of(find(squad.folder)) or 0, signal.SIGKILL)
    told = [fence for asker in first for fence in asker.ended()]
    assert set(told) <= {row["fence"] for row in squad.events("LockGranted")}

    squad.start("resume", "-y", "-q")
    second = _burst(at_work(squad, len(doors), since=len(doors)))
    squad.ok("stop", "--now")
    told += [fence for asker in second for fence in asker.ended()]

    found = [row["fence"] for row in squad.events("LockGranted")]
    assert set(told) <= set(found)
    assert len(told) == len(set(told))
    assert len(found) == len(set(found))


def _burst(doors: list[tuple[str, str, str, int]]) -> list[Asker]:
    askers = [Asker(squads(path, token, f"free/{agent}.md")) for agent, path, token, _ in doors]
    for asker in askers:
        asker.start()
    until(lambda: min(len(asker.told) for asker in askers) > 100, "a burst")
    return askers


def test_the_table_of_a_living_supervisor_is_whole_soon_after_a_burst(squad: Squad) -> None:
    [(agent, path, token, _)] = sleeping_agents(squad, 1)
    state = find(squad.folder).state
    pair = squads(path, token, f"free/{agent}.md")
    with pair.connected() as ask:
        for _ in range(100):
            ask(pair.lock)
            ask(pair.unlock)
    until(lambda: in_table(state) == len(squad.entries()), "the table")
    assert ahead_of(state) == []
    squad.ok("stop", "--now")
