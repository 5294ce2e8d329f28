"""Events on disk: the durable sequence of everything that was decided and found out.

One SQLite database per project, over all its runs; one writer, who holds the project's lock; any number of readers,
who never hold the writer up. When `append_all` returns, its events survive the death of the process; the ends of tasks
and runs survive the loss of power too. Numbers are 1, 2, 3 ... without a gap.

A supervisor may write ahead: what is about locks, while one step follows another within `BEHIND` seconds, goes to a file
beside the database first, and is in its table that much later, or with the next step of any other kind. Whoever reads
through this module sees both as one, also what a killed supervisor left; the next writer takes that in before all else.
"""

import contextlib
import hashlib
import os
import re
import sqlite3
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from orchestrator.errors import JournalError
from orchestrator.events import (
    Entry,
    Event,
    Integrated,
    LockGranted,
    LockRefused,
    LockReleased,
    LockRequested,
    QuestionAnswered,
    RunEnded,
    RunPaused,
    TaskDone,
    decode,
    encode,
    storable,
)
from orchestrator.journal.ahead import Ahead, Step
from orchestrator.journal.database import connect_reader, connect_writer, trouble
from orchestrator.model import RunId

SNAPSHOT_EVERY = 1000
_NAME = "state.db"
_AHEAD = "state.db-ahead"
_TOGETHER = 16  #: events that one statement writes
#: Runs that only propose the tasks of a document. The bytes cannot stand in a text of the event: its quotes are escaped there.
_SPLITS = """select run from events where type = 'RunStarted' and instr(body, cast('"split":true' as blob))"""
#: Runs whose end was not taken back; the type beside the highest number is the last one's (SQLite's bare columns).
_UNFINISHED = """select run from events where type = 'RunStarted' and run not in (select run from (
select run, type, max(seq) from events where type in ('RunEnded', 'RunReopened') group by run) where type = 'RunEnded')"""
_LAST_BEGUN = """
select run from events where seq = max(
    coalesce((select max(seq) from events where type = 'RunStarted'), 0),
    coalesce((select max(seq) from events where type = 'RunResumed'), 0))
"""
_LAST_BEGUN_BUT_SPLITS = (
    f"select run from events where type in ('RunStarted', 'RunResumed') and run not in ({_SPLITS})"  # noqa: S608 - a constant
    " order by seq desc limit 1"
)
#: The numbers come from the table itself, since a command of a person's may have written meanwhile.
_ROW = "(?, ?, ?, ?)"
_APPEND = "insert into events (at, run, type, body) values "
_APPENDS = [_APPEND + ", ".join([_ROW] * count) for count in range(_TOGETHER + 1)]  #: by how many
_LASTING = (TaskDone, Integrated, RunEnded, RunPaused, QuestionAnswered)
#: Of these there are so many that they may be written ahead.
_HASTY = frozenset({LockGranted, LockReleased, LockRequested, LockRefused})


class Journal:
    """The journal of a project."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        """Use `open` or `read` instead."""
        self._connection = connection
        self._path = path
        self._writer = connection.cursor()  #: kept: to make one for each step takes a tenth of its time
        self._level = ""  #: of `pragma synchronous`
        self._ahead = Ahead(path.with_name(_AHEAD))
        self._last = 0  #: number of the last event that this writer wrote

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the journal for writing, making it if there is none.

        Raises:
            JournalError: It cannot be written, is damaged, or was written by a newer squad.
        """
        path = folder / _NAME
        try:
            folder.mkdir(parents=True, exist_ok=True)
            journal = cls(connect_writer(path), path)
            journal._recover()
        except (sqlite3.Error, OSError) as error:
            raise trouble(path, error) from error
        return journal

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Open the journal for reading, with or without a living writer; None if there is none yet.

        Raises:
            JournalError: It is damaged, or was written by a newer squad.
        """
        path = folder / _NAME
        try:
            if not path.exists():
                return None
            connection = connect_reader(path)
            return cls(connection, path) if connection else None
        except (sqlite3.Error, OSError) as error:
            raise trouble(path, error) from error

    def append(self, run: RunId, event: Event, *, at: float) -> Entry:
        """Write one event; see `append_all`."""
        return self.append_all(run, [event], at=at)[0]

    def append_all(self, run: RunId, events: Sequence[Event], *, at: float) -> list[Entry]:
        """Write events in one step: all of them or, after an error, none.

        Raises:
            JournalError: They could not be written.
        """
        if not events:
            return []
        if self._ahead.is_wanted() and _HASTY.issuperset(map(type, events)):
            return self._add(run, *_written(events), at)
        told, bodies = _written(events)
        values: list[object] = []
        level = "normal"
        for event, body in zip(told, bodies, strict=True):
            values += at, run, type(event).__name__, body
            if isinstance(event, _LASTING):
                level = "full"
        is_one = len(told) <= _TOGETHER and not self._ahead.rows
        self._last = self._insert(values, level) if is_one else self._insert_many(values, level)
        self._tell()
        self._ahead.is_whole()
        return _entries(self._last - len(told) + 1, at, run, told)

    def _tell(self) -> None:
        """Wake those who watch the folder: what woke them so far may have been the write, before it could be read.

        SQLite shows a step to others in memory that they share, after the write is on disk, and nobody is told of that.
        """
        with contextlib.suppress(OSError):  # only then do they look again later
            os.utime(self._path)

    def _insert(self, values: Sequence[object], level: str) -> int:
        """Write a few events by one statement, which is a step by itself; gives the last one's number."""
        try:
            if self._level != level:
                self._synchronous(level)
            cursor = self._writer.execute(_APPENDS[len(values) // 4], values)
        except sqlite3.Error as error:
            raise trouble(self._path, error) from error
        return cursor.lastrowid or 0

    def _insert_many(self, values: Sequence[object], level: str) -> int:
        with self._writing(lasting=level == "full"):
            self._connection.executemany(_APPENDS[1], (values[place : place + 4] for place in range(0, len(values), 4)))
            return self._newest()

    def _add(self, run: RunId, events: Sequence[Event], bodies: Sequence[bytes], at: float) -> list[Entry]:
        """Write a step ahead of the table."""
        first = self._last + 1
        told = [(type(event).__name__, body) for event, body in zip(events, bodies, strict=True)]
        try:
            self._ahead.add(Step(first, at, run, told))
        except OSError as error:
            raise trouble(self._path, error) from error
        self._last += len(events)
        return _entries(first, at, run, events)

    @contextmanager
    def writing_ahead(self, behind: Callable[[], None]) -> Iterator[None]:
        """Write ahead while inside the block; whoever is told `behind` calls `absorb` within `BEHIND` seconds.

        Raises:
            JournalError: What was written ahead could not be taken in at the end.
        """
        self._last = self._newest()
        with contextlib.suppress(OSError):  # where it cannot be, each step goes to the table at once
            if self._ahead.take():
                self._ahead.begin(behind)
        try:
            yield
        finally:
            try:
                self.absorb()
            finally:
                self._ahead.release()

    def absorb(self) -> None:
        """Take what was written ahead into the table.

        Raises:
            JournalError: It could not be; it is still written ahead.
        """
        if self._ahead.rows:
            with self._writing(lasting=False):
                pass
            self._last = self._newest()

    def _recover(self) -> None:
        """Take in what a killed writer had written ahead; behind a gap, from a loss of power, there is nothing to go on."""
        if not self._ahead.is_there or not self._ahead.take():
            return
        try:
            last = self._newest()
            for step in self._ahead.read():
                if step.first <= last + 1 and not self._has(step):
                    self._ahead.take_in(step)
                    last = max(last, step.last)
            self.absorb()
            self._ahead.is_whole()
        finally:
            self._ahead.release()

    def _has(self, step: Step) -> bool:
        query = "select 1 from events where seq = ? and at = ? and run = ? and body = ?"
        return self._connection.execute(query, (step.first, step.at, step.run, step.events[0][1])).fetchone() is not None

    def entries(self, *, run: RunId | None = None, after: int = 0) -> Iterator[Entry]:
        """Give the events after a number, oldest first, of one run or of all.

        Raises:
            JournalError: An event cannot be read.
        """
        which = "" if run is None else " and run = ?"
        query = f"select seq, at, run, body from events where seq > ?{which} order by seq"  # noqa: S608 - both parts are constants
        try:
            ahead, newest = self._beside()
            after = after if run is None else max(after, self._first(run) - 1)
            for seq, at, of_run, body in self._connection.execute(query, (after,) if run is None else (after, run)):
                newest = max(newest, seq)
                yield Entry(seq, at, of_run, decode(body))
            for step in ahead:
                for number, (_, body) in enumerate(step.events, step.first):
                    if number > max(newest, after) and run in {None, step.run}:
                        yield Entry(number, step.at, step.run, decode(body))
        except (sqlite3.Error, msgspec.DecodeError) as error:
            raise trouble(self._path, error) from error

    def _first(self, run: RunId) -> int:
        """Give the number of the event that began a run; before it there is nothing of it."""
        row = self._connection.execute("select min(seq) from events where type = 'RunStarted' and run = ?", (run,)).fetchone()
        return int(row[0] or 1)

    def last(self) -> int:
        """Give the number of the newest event, also of one written by another process since."""
        ahead, newest = self._beside()
        return max([newest, *(step.last for step in ahead[-1:])])

    def _beside(self) -> tuple[list[Step], int]:
        """Give what others have written ahead of the table, and the table's newest number, looked at in that order."""
        self.absorb()
        return self._ahead.left(), self._newest()

    def _newest(self) -> int:
        row = self._connection.execute("select max(seq) from events").fetchone()
        return int(row[0] or 0)

    def save_document(self, body: bytes) -> str:
        """Keep a document; gives the sha256 by which it is found again.

        Raises:
            JournalError: It could not be written.
        """
        digest = hashlib.sha256(body).hexdigest()
        with self._writing(lasting=False):
            self._connection.execute("insert or ignore into documents values (?, ?)", (digest, body))
        return digest

    def document(self, digest: str) -> bytes:
        """Give a kept document.

        Raises:
            JournalError: There is none of that digest.
        """
        try:
            row = self._connection.execute("select body from documents where digest = ?", (digest,)).fetchone()
        except sqlite3.Error as error:
            raise trouble(self._path, error) from error
        if row is None:
            message = f"the journal {self._path} has lost the document {digest[:12]}"
            raise JournalError(message, hint="start anew: squad run FILE --new")
        return bytes(row[0])

    def save_snapshot(self, run: RunId, seq: int, body: bytes) -> None:
        """Keep the state of a run as of an event, in place of an older one.

        Raises:
            JournalError: It could not be written.
        """
        with self._writing(lasting=False):
            self._connection.execute("insert or replace into snapshots values (?, ?, ?)", (run, seq, body))

    def snapshot(self, run: RunId) -> tuple[int, bytes] | None:
        """Give the newest kept state of a run and the number of its last event."""
        row = self._connection.execute("select seq, body from snapshots where run = ?", (run,)).fetchone()
        return (int(row[0]), bytes(row[1])) if row else None

    def runs(self) -> list[RunId]:
        """Give the ids of all runs, oldest first."""
        query = "select run from events where type = 'RunStarted' order by seq"
        return [RunId(row[0]) for row in self._connection.execute(query)]

    def latest(self) -> RunId | None:
        """Give the id of the newest run that carries a plan out."""
        splits = set(self.splits())
        return next((run for run in reversed(self.runs()) if run not in splits), None)

    def splits(self) -> list[RunId]:
        """Give the ids of the runs that only propose the tasks of a document, oldest first."""
        return [RunId(row[0]) for row in self._connection.execute(f"{_SPLITS} order by seq")]

    def unfinished(self, *, splits: bool = False) -> list[RunId]:
        """Give the ids of the runs that have no end, oldest first: of those that carry a plan out, or of the splits."""
        which = "in" if splits else "not in"
        return [RunId(row[0]) for row in self._connection.execute(f"{_UNFINISHED} and run {which} ({_SPLITS}) order by seq")]

    def last_begun(self, *, splits: bool = True) -> RunId | None:
        """Give the run that was begun or resumed last: the one that a living supervisor works on; or the last but for splits."""
        row = self._connection.execute(_LAST_BEGUN if splits else _LAST_BEGUN_BUT_SPLITS).fetchone()
        return RunId(row[0]) if row else None

    def next_run_id(self, title: str, *, is_taken: Callable[[RunId], bool] = lambda _: False) -> RunId:
        """Give an id for a new run: the slug of its title and the next number that nothing else has."""
        slug = slugged(title) or "run"
        numbers = [int(run.rpartition("-")[2]) for run in self.runs() if run.rpartition("-")[0] == slug]
        number = max(numbers, default=0) + 1
        while is_taken(RunId(f"{slug}-{number}")):
            number += 1
        return RunId(f"{slug}-{number}")

    def close(self) -> None:
        """Give the file back."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _synchronous(self, level: str) -> None:
        if self._level != level:
            self._connection.execute(f"pragma synchronous = {level}")
            self._level = level

    @contextmanager
    def _writing(self, *, lasting: bool) -> Iterator[None]:
        """Make one step of what is written inside the block: all of it or, after an error, none."""
        connection = self._connection
        try:
            self._synchronous("full" if lasting else "normal")
            connection.execute("begin immediate")
            if self._ahead.rows:
                connection.executemany(_APPENDS[1], self._ahead.rows)
            yield
            connection.execute("commit")
            self._ahead.is_whole()
        except sqlite3.Error as error:
            raise trouble(self._path, error) from error
        finally:
            if connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("rollback")


def _entries(first: int, at: float, run: RunId, events: Sequence[Event]) -> list[Entry]:
    return [Entry(number, at, run, event) for number, event in enumerate(events, first)]


def _written(events: Sequence[Event]) -> tuple[Sequence[Event], list[bytes]]:
    """Give events as they can be written down, and their bodies."""
    try:
        return events, list(map(encode, events))
    except UnicodeEncodeError:
        told = [storable(event) for event in events]
        return told, [encode(event) for event in told]


def slugged(title: str) -> str:
    """Give a title as lower-case ascii words joined by dashes, 40 characters at most."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    plain = re.sub(r"^\s*feature\s*:", "", plain)
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-")
