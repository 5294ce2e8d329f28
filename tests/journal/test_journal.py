"""Events on disk: never lost, never torn, never numbered twice, and readable by anybody at any time."""

import contextlib
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import JournalError
from orchestrator.events import AgentReported, Noticed, RunEnded, RunPaused, RunResumed, TaskDone
from orchestrator.journal import Journal, slugged
from orchestrator.model import RunId
from orchestrator.platform.watching import watching
from tests.support.builders import RUN, run_started
from tests.support.waiting import NEVER

OTHER = RunId("other-1")

#: Writes events until it is killed, and tells after each step that it is written.
WRITER = """\
import sys
from pathlib import Path
from orchestrator.events import Noticed
from orchestrator.journal import Journal
journal = Journal.open(Path(sys.argv[1]))
number = 0
while True:
    number += 1
    journal.append_all("demo-1", [Noticed(text=f"{number} a"), Noticed(text=f"{number} b")], at=1.0)
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
"""


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal.open(tmp_path) as opened:
        yield opened


def notices(journal: Journal) -> list[str]:
    return [entry.event.text for entry in journal.entries() if isinstance(entry.event, Noticed)]


def test_events_are_numbered_without_a_gap_over_all_runs(journal: Journal) -> None:
    journal.append(RUN, Noticed(text="one"), at=1.0)
    journal.append_all(OTHER, [Noticed(text="two"), Noticed(text="three")], at=2.0)
    journal.append(RUN, Noticed(text="four"), at=3.0)

    assert [entry.seq for entry in journal.entries()] == [1, 2, 3, 4]
    assert [(entry.seq, entry.at, entry.run) for entry in journal.entries(run=RUN)] == [(1, 1.0, RUN), (4, 3.0, RUN)]
    assert [entry.seq for entry in journal.entries(after=2)] == [3, 4]


def test_what_was_written_is_there_after_opening_again(tmp_path: Path) -> None:
    with Journal.open(tmp_path) as first:
        first.append(RUN, Noticed(text="before"), at=1.0)
    with Journal.open(tmp_path) as second:
        second.append(RUN, Noticed(text="after"), at=2.0)

        assert notices(second) == ["before", "after"]
        assert [entry.seq for entry in second.entries()] == [1, 2]


def test_two_writers_never_give_one_number_twice(journal: Journal, tmp_path: Path) -> None:
    with Journal.open(tmp_path) as merge_command:
        journal.append(RUN, Noticed(text="supervisor"), at=1.0)
        merge_command.append(RUN, Noticed(text="a person's merge"), at=2.0)
        journal.append(RUN, Noticed(text="supervisor again"), at=3.0)

    assert [entry.seq for entry in journal.entries()] == [1, 2, 3]


def test_a_reader_sees_each_event_as_soon_as_it_is_written(journal: Journal, tmp_path: Path) -> None:
    journal.append(RUN, Noticed(text="one"), at=1.0)
    reader = Journal.read(tmp_path)
    assert reader is not None
    with reader:
        assert notices(reader) == ["one"]
        journal.append(RUN, Noticed(text="two"), at=2.0)
        assert reader.last() == 2
        assert notices(reader) == ["one", "two"]


def test_the_numbers_of_one_step_follow_each_other_however_many_there_are(journal: Journal) -> None:
    for count in (1, 2, 16, 17, 100):
        last = journal.last()
        entries = journal.append_all(RUN, [Noticed(text=str(number)) for number in range(count)], at=1.0)
        assert [entry.seq for entry in entries] == list(range(last + 1, last + count + 1))

    assert [entry.event for entry in journal.entries()][-100:] == [Noticed(text=str(number)) for number in range(100)]


def test_a_journal_of_an_older_squad_is_gone_on_with_without_the_indices_that_made_it_slow(tmp_path: Path) -> None:
    with Journal.open(tmp_path) as old:
        old.append_all(RUN, [run_started(), Noticed(text="before")], at=1.0)
    with contextlib.closing(sqlite3.connect(tmp_path / "state.db")) as connection:
        connection.execute("create index events_by_run on events (run, seq)")
        connection.execute("create index events_by_type on events (type, seq)")
        for name in ("runs_started", "runs_resumed", "runs_ended"):
            connection.execute(f"drop index {name}")
        connection.commit()
    before = Journal.read(tmp_path)
    assert before is not None
    with before:
        assert (before.latest(), before.last_begun(), len(list(before.entries(run=RUN)))) == (RUN, RUN, 2)

    with Journal.open(tmp_path) as journal:
        journal.append(RUN, Noticed(text="after"), at=2.0)
        assert [entry.seq for entry in journal.entries(run=RUN)] == [1, 2, 3]
    with contextlib.closing(sqlite3.connect(tmp_path / "state.db")) as connection:
        names = {row[0] for row in connection.execute("select name from sqlite_master where type = 'index' and sql is not null")}
    assert names == {"runs_started", "runs_resumed", "runs_ended"}


def test_a_reader_in_the_middle_of_reading_does_not_hold_the_writer_up(journal: Journal, tmp_path: Path) -> None:
    journal.append_all(RUN, [Noticed(text=str(number)) for number in range(3)], at=1.0)
    reader = Journal.read(tmp_path)
    assert reader is not None
    with reader:
        reading = reader.entries()
        next(reading)
        journal.append(RUN, Noticed(text="meanwhile"), at=2.0)
        assert len(list(reading)) == 2


def test_a_reader_cannot_write(journal: Journal, tmp_path: Path) -> None:
    reader = Journal.read(tmp_path)
    assert reader is not None
    with reader, pytest.raises(JournalError):
        reader.append(RUN, Noticed(text="no"), at=1.0)


def test_a_reader_that_opened_between_two_runs_sees_the_next_one(tmp_path: Path) -> None:
    with Journal.open(tmp_path) as first:
        first.append(RUN, Noticed(text="one"), at=1.0)
    reader = Journal.read(tmp_path)
    assert reader is not None
    with reader, Journal.open(tmp_path) as second:
        second.append(RUN, Noticed(text="two"), at=2.0)
        assert notices(reader) == ["one", "two"]


def test_without_a_journal_there_is_nothing_to_read_and_nothing_is_made(tmp_path: Path) -> None:
    assert Journal.read(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_a_journal_that_is_just_being_made_is_no_journal_yet(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "state.db")) as connection:
        connection.execute("pragma journal_mode = wal")

        assert Journal.read(tmp_path) is None


def _killed_writer(folder: Path) -> int:
    """Write until killed at a moment of the system's choosing; gives the last step that was told as written."""
    path = str(Path(__file__).parents[2])
    argv = [sys.executable, "-c", WRITER, str(folder)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path}) as writer:
        assert writer.stdout is not None
        told = int(writer.stdout.readline())
        while told < 20:
            told = int(writer.stdout.readline())
        writer.kill()
        rest = [line for line in writer.stdout.read().splitlines(keepends=True) if line.endswith(b"\n")]
        return int(rest[-1]) if rest else told


def test_what_a_killed_writer_had_written_is_read_without_a_writer(tmp_path: Path) -> None:
    told = _killed_writer(tmp_path)

    reader = Journal.read(tmp_path)
    assert reader is not None
    with reader:
        texts = notices(reader)
        assert len(texts) >= 2 * told
        # a step is there whole or not at all
        assert texts == [f"{number} {half}" for number in range(1, len(texts) // 2 + 1) for half in "ab"]
        assert [entry.seq for entry in reader.entries()] == list(range(1, len(texts) + 1))


def test_a_new_writer_goes_on_after_a_killed_one(tmp_path: Path) -> None:
    _killed_writer(tmp_path)

    with Journal.open(tmp_path) as journal:
        last = journal.last()
        assert journal.append(RUN, Noticed(text="resumed"), at=2.0).seq == last + 1


@contextlib.contextmanager
def _mounted(folder: Path, *options: str) -> Iterator[None]:
    """Mount something; only where the machine lets the test do that."""
    done = subprocess.run(["mount", *options, str(folder)], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("mounting is not allowed here")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_read_only_folder_is_read_with_what_a_killed_writer_left(tmp_path: Path) -> None:
    writable, shown = tmp_path / "writable", tmp_path / "shown"
    shown.mkdir()
    told = _killed_writer(writable)
    assert (writable / "state.db-wal").stat().st_size > 0
    with _mounted(shown, "--bind", str(writable)):
        subprocess.run(["mount", "-o", "remount,bind,ro", str(shown)], check=True)
        reader = Journal.read(shown)
        assert reader is not None
        with reader:
            assert len(notices(reader)) >= 2 * told


def test_a_read_only_folder_is_read_after_an_orderly_end(tmp_path: Path) -> None:
    writable, shown = tmp_path / "writable", tmp_path / "shown"
    shown.mkdir()
    with Journal.open(writable) as journal:
        journal.append(RUN, Noticed(text="one"), at=1.0)
    with _mounted(shown, "--bind", str(writable)):
        subprocess.run(["mount", "-o", "remount,bind,ro", str(shown)], check=True)
        reader = Journal.read(shown)
        assert reader is not None
        with reader:
            assert notices(reader) == ["one"]
        with pytest.raises(JournalError, match="cannot use the journal"):
            Journal.open(shown)


def test_on_a_full_disk_the_step_fails_as_a_whole_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    with _mounted(disk, "-t", "tmpfs", "-o", "size=512k", "tmpfs"), Journal.open(disk) as journal:
        journal.append(RUN, Noticed(text="before"), at=1.0)
        ballast = disk / "ballast"
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)
        with pytest.raises(JournalError, match="no room left") as raised:
            journal.append_all(RUN, [Noticed(text="x" * 50_000), Noticed(text="y" * 50_000)], at=2.0)
        assert "squad resume" in (raised.value.hint or "")
        assert notices(journal) == ["before"]

        ballast.unlink()
        assert journal.append(RUN, Noticed(text="after"), at=3.0).seq == 2
        assert notices(journal) == ["before", "after"]


def test_a_file_that_is_no_database_is_called_damaged(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"something else\n" * 1000)

    for open_it in (Journal.open, Journal.read):
        with pytest.raises(JournalError, match="is damaged") as raised:
            open_it(tmp_path)
        assert "keep a copy" in (raised.value.hint or "")


def test_a_journal_with_torn_pages_is_called_damaged_when_they_are_met(tmp_path: Path) -> None:
    with Journal.open(tmp_path) as journal:
        journal.append_all(RUN, [Noticed(text="x" * 900) for _ in range(400)], at=1.0)
    path = tmp_path / "state.db"
    data = bytearray(path.read_bytes())
    data[8192:] = b"\xff" * (len(data) - 8192)
    path.write_bytes(bytes(data))

    with pytest.raises(JournalError, match="is damaged"):
        _read_all(tmp_path)


def _read_all(folder: Path) -> None:
    reader = Journal.read(folder)
    assert reader is not None
    with reader:
        list(reader.entries())


def test_a_newer_journal_is_left_alone_and_says_what_helps(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "state.db")) as connection:
        connection.execute("pragma user_version = 99")
    before = (tmp_path / "state.db").read_bytes()

    for open_it in (Journal.open, Journal.read):
        with pytest.raises(JournalError, match="newer squad") as raised:
            open_it(tmp_path)
        assert "pip install --upgrade" in (raised.value.hint or "")
    assert (tmp_path / "state.db").read_bytes() == before


def test_names_that_are_no_text_are_written_in_visible_escapes(journal: Journal) -> None:
    entry = journal.append(RUN, TaskDone(task="caf\udce9", attempt="x\ud800.1", checked=False), at=1.0)

    assert entry.event == TaskDone(task="caf\\udce9", attempt="x\\ud800.1", checked=False)
    assert list(journal.entries()) == [entry]


def test_odd_names_in_keys_are_written_too(journal: Journal) -> None:
    journal.append(RUN, AgentReported(agent="a", task="t", files={"\udcff": "created"}), at=1.0)

    assert [entry.event for entry in journal.entries()] == [AgentReported(agent="a", task="t", files={"\\udcff": "created"})]


def test_documents_are_found_by_their_digest_and_kept_once(journal: Journal) -> None:
    digest = journal.save_document(b"a plan")

    assert journal.save_document(b"a plan") == digest
    assert journal.document(digest) == b"a plan"
    with pytest.raises(JournalError, match="has lost the document"):
        journal.document("0" * 64)


def test_only_the_newest_snapshot_of_a_run_is_kept(journal: Journal) -> None:
    assert journal.snapshot(RUN) is None
    journal.save_snapshot(RUN, 1000, b"old")
    journal.save_snapshot(RUN, 2000, b"new")

    assert journal.snapshot(RUN) == (2000, b"new")
    assert journal.snapshot(OTHER) is None


def test_runs_without_an_end_are_unfinished(journal: Journal) -> None:
    journal.append_all(RUN, [run_started(), RunPaused(reason="stopped")], at=1.0)
    journal.append_all(OTHER, [run_started(), RunEnded(outcome="done")], at=2.0)

    assert journal.runs() == [RUN, OTHER]
    assert journal.unfinished() == [RUN]
    assert journal.latest() == OTHER


def test_a_split_is_never_the_latest_run_nor_among_the_unfinished_ones(journal: Journal) -> None:
    title = 'of "split":true and \\"split\\":true'
    journal.append_all(RUN, [run_started(title=title), RunPaused(reason="stopped")], at=1.0)
    journal.append(OTHER, run_started(split=True), at=2.0)

    assert journal.runs() == [RUN, OTHER]
    assert journal.latest() == RUN
    assert journal.splits() == [OTHER]
    assert (journal.unfinished(), journal.unfinished(splits=True)) == ([RUN], [OTHER])
    assert journal.last_begun() == OTHER
    journal.append(RUN, RunResumed(reason="stopped"), at=3.0)
    assert journal.last_begun() == RUN


def test_run_ids_count_up_for_each_title_and_pass_over_what_is_taken(journal: Journal) -> None:
    assert journal.next_run_id("User Dashboard") == "user-dashboard-1"
    journal.append(RunId("user-dashboard-1"), run_started(), at=1.0)
    journal.append(RunId("user-dashboard-1-1"), run_started(), at=1.0)
    assert journal.next_run_id("User Dashboard") == "user-dashboard-2"
    assert journal.next_run_id("user dashboard 1") == "user-dashboard-1-2"
    assert journal.next_run_id("User Dashboard", is_taken=lambda run: run < "user-dashboard-4") == "user-dashboard-4"
    assert journal.next_run_id("***") == "run-1"


@given(st.text())
def test_a_slug_is_a_name_for_branches_and_folders_whatever_the_title(title: str) -> None:
    slug = slugged(title)

    assert len(slug) <= 40
    assert all(sign in "abcdefghijklmnopqrstuvwxyz0123456789-" for sign in slug)
    assert not slug.startswith("-")
    assert not slug.endswith("-")
    assert slugged(slug) == slug or slug.startswith("feature")


@pytest.mark.soak
def test_killed_between_any_two_writes_the_journal_is_whole(tmp_path: Path) -> None:
    for number in range(50):
        told = _killed_writer(tmp_path / str(number))
        with Journal.open(tmp_path / str(number)) as journal:
            texts = notices(journal)
            assert len(texts) >= 2 * told
            assert len(texts) % 2 == 0


def test_a_journal_is_made_while_somebody_looks_into_the_new_file(tmp_path: Path) -> None:
    """SQLite refuses at once to begin its log meanwhile, so that of two that started at one moment one once failed."""
    reader = sqlite3.connect(tmp_path / "state.db", isolation_level=None, check_same_thread=False)
    reader.execute("create table other (x)")
    reader.execute("begin")
    reader.execute("select * from other").fetchall()
    made: list[int] = []

    def make() -> None:
        with Journal.open(tmp_path) as journal:
            made.append(journal.last())

    making = threading.Thread(target=make)
    making.start()
    assert not made
    reader.execute("commit")
    making.join(timeout=60)
    reader.close()

    assert made == [0]


def test_who_is_woken_by_a_write_that_cannot_be_read_yet_is_woken_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    insert = Journal._insert
    with Journal.open(tmp_path) as journal, watching(tmp_path) as changes:

        def insert_slowly(self: Journal, values: Sequence[object], level: str) -> int:
            number = insert(self, values, level)
            changes.wait(0)  # a reader was told of the write, and read what stood there before
            return number

        monkeypatch.setattr(Journal, "_insert", insert_slowly)
        journal.append(RUN, Noticed(text="one"), at=1.0)

        async def told() -> None:
            with anyio.fail_after(NEVER):
                await changes.changed()

        anyio.run(told)
