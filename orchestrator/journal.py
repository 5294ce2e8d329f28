"""Events on disk: the durable sequence of everything that was decided and found out.

One SQLite database per project, over all its runs; one writer, who holds the project's lock; any number of readers,
who never hold the writer up. When `append_all` returns, its events survive the death of the process; the ends of tasks
and runs survive the loss of power too. Numbers are 1, 2, 3 ... without a gap.
"""

import contextlib
import hashlib
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
    QuestionAnswered,
    RunEnded,
    RunPaused,
    TaskDone,
    decode,
    encode,
    kind,
    storable,
)
from orchestrator.model import RunId

SNAPSHOT_EVERY = 1000
VERSION = 1
_NAME = "state.db"
_LOG_PAGES = 4000  #: 16 MiB of events before they move from SQLite's log to its table, for which everybody waits
_TABLES = """
create table if not exists events (
    seq integer primary key, at real not null, run text not null, type text not null, body blob not null
);
create index if not exists events_by_run on events (run, seq);
create index if not exists events_by_type on events (type, seq);
create table if not exists documents (digest text primary key, body blob not null) without rowid;
create table if not exists snapshots (run text primary key, seq integer not null, body blob not null) without rowid;
"""
#: Runs that only propose the tasks of a document. The bytes cannot stand in a text of the event: its quotes are escaped there.
_SPLITS = """select run from events where type = 'RunStarted' and instr(body, cast('"split":true' as blob))"""
#: Runs whose end was not taken back; the type beside the highest number is the last one's (SQLite's bare columns).
_UNFINISHED = """select run from events where type = 'RunStarted' and run not in (select run from (
select run, type, max(seq) from events where type in ('RunEnded', 'RunReopened') group by run) where type = 'RunEnded')"""
#: The number comes from the table itself, since a command of a person's may have written meanwhile.
_APPEND = "insert into events select coalesce(max(seq), 0) + 1, ?, ?, ?, ? from events"
_LASTING = (TaskDone, Integrated, RunEnded, RunPaused, QuestionAnswered)


class Journal:
    """The journal of a project."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        """Use `open` or `read` instead."""
        self._connection = connection
        self._path = path
        self._level = ""  #: of `pragma synchronous`

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the journal for writing, making it if there is none.

        Raises:
            JournalError: It cannot be written, is damaged, or was written by a newer squad.
        """
        path = folder / _NAME
        try:
            folder.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
            path.chmod(0o600)
            _check_version(connection, path)
            connection.execute("pragma journal_mode = wal")
            connection.execute("pragma synchronous = normal")
            connection.execute(f"pragma wal_autocheckpoint = {_LOG_PAGES}")
            # in one step, so that a reader finds either no journal or a whole one
            connection.executescript(f"begin immediate; {_TABLES} pragma user_version = {VERSION}; commit")
            return cls(connection, path)
        except (sqlite3.Error, OSError) as error:
            raise _trouble(path, error) from error

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Open the journal for reading, with or without a living writer; None if there is none yet.

        Raises:
            JournalError: It is damaged, or was written by a newer squad.
        """
        path = folder / _NAME
        if not path.exists():
            return None
        try:
            connection = _connect_reader(path)
            return cls(connection, path) if connection else None
        except (sqlite3.Error, OSError) as error:
            raise _trouble(path, error) from error

    def append(self, run: RunId, event: Event, *, at: float) -> Entry:
        """Write one event; see `append_all`."""
        return self.append_all(run, [event], at=at)[0]

    def append_all(self, run: RunId, events: Sequence[Event], *, at: float) -> list[Entry]:
        """Write events in one step: all of them or, after an error, none.

        Raises:
            JournalError: They could not be written.
        """
        if len(events) == 1 and not isinstance(events[0], _LASTING):
            return [self._append(run, events[0], at)]
        if not events:
            return []
        with self._writing(lasting=any(isinstance(event, _LASTING) for event in events)):
            last = self.last()  # inside the step, since a command of a person's may have written meanwhile
            entries = [Entry(last + number, at, run, storable(event)) for number, event in enumerate(events, start=1)]
            rows = [(entry.seq, at, run, kind(entry.event), encode(entry.event)) for entry in entries]
            self._connection.executemany("insert into events values (?, ?, ?, ?, ?)", rows)
        return entries

    def _append(self, run: RunId, event: Event, at: float) -> Entry:
        """Write one event by one statement, which is a step by itself: locks are granted by the hundred."""
        try:
            body = encode(event)
        except UnicodeEncodeError:
            event = storable(event)
            body = encode(event)
        try:
            self._synchronous("normal")
            cursor = self._connection.execute(_APPEND, (at, run, kind(event), body))
        except sqlite3.Error as error:
            raise _trouble(self._path, error) from error
        return Entry(int(cursor.lastrowid or 0), at, run, event)

    def entries(self, *, run: RunId | None = None, after: int = 0) -> Iterator[Entry]:
        """Give the events after a number, oldest first, of one run or of all.

        Raises:
            JournalError: An event cannot be read.
        """
        which = "" if run is None else " and run = ?"
        query = f"select seq, at, run, body from events where seq > ?{which} order by seq"  # noqa: S608 - both parts are constants
        try:
            for seq, at, of_run, body in self._connection.execute(query, (after,) if run is None else (after, run)):
                yield Entry(seq, at, of_run, decode(body))
        except (sqlite3.Error, msgspec.DecodeError) as error:
            raise _trouble(self._path, error) from error

    def last(self) -> int:
        """Give the number of the newest event, also of one written by another process since."""
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
            raise _trouble(self._path, error) from error
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

    def last_begun(self) -> RunId | None:
        """Give the run that was begun or resumed last: the one that a living supervisor works on."""
        query = "select run from events where type in ('RunStarted', 'RunResumed') order by seq desc limit 1"
        row = self._connection.execute(query).fetchone()
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
            yield
            connection.execute("commit")
        except sqlite3.Error as error:
            raise _trouble(self._path, error) from error
        finally:
            if connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("rollback")


def slugged(title: str) -> str:
    """Give a title as lower-case ascii words joined by dashes, 40 characters at most."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    plain = re.sub(r"^\s*feature\s*:", "", plain)
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-")


def _connect_reader(path: Path) -> sqlite3.Connection | None:
    """Open for reading, in the strongest way the folder allows.

    Writable comes first, since a reader must be able to make the shared index and to take in what a killed writer left
    in its log; what cannot be written to at all is read as it stands.
    """
    escaped = str(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    for mode in ("mode=rw", "mode=ro", "immutable=1"):
        try:
            connection = sqlite3.connect(
                f"file:{escaped}?{mode}", uri=True, isolation_level=None, check_same_thread=False, timeout=10
            )
            connection.execute("pragma query_only = on")
            version = _check_version(connection, path)
        except sqlite3.OperationalError:
            if mode == "immutable=1":
                raise
        else:
            return connection if version else None
    raise AssertionError


def _check_version(connection: sqlite3.Connection, path: Path) -> int:
    version = int(connection.execute("pragma user_version").fetchone()[0])
    if version > VERSION:
        connection.close()
        message = f"{path} was written by a newer squad (journal version {version}, this one reads {VERSION})"
        raise JournalError(message, hint="upgrade: pip install --upgrade squad-orchestrator")
    return version


def _trouble(path: Path, error: Exception) -> JournalError:
    text = str(error)
    if "full" in text or "No space" in text:
        return JournalError(f"no room left to write the journal {path}", hint="free some space, then: squad resume")
    if "malformed" in text or "not a database" in text or isinstance(error, msgspec.DecodeError):
        return JournalError(
            f"the journal {path} is damaged: {text}", hint="keep a copy, move it away, and start anew: squad run FILE"
        )
    return JournalError(
        f"cannot use the journal {path}: {text}", hint="check the folder's permissions: squad must be able to write there"
    )
