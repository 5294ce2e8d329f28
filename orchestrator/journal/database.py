"""The database in which the journal stands: its tables, how it is opened, and what its troubles mean for a person.

Nothing is written before the file is known to be one of this squad's, and a reader never changes what it reads.
"""

import contextlib
import os
import pwd
import shutil
import sqlite3
import time
from pathlib import Path

import msgspec

from orchestrator.errors import JournalError

VERSION = 1
_PATIENCE = 10.0  #: seconds for others to be done with the file
_SCARCE = 1 << 16  #: bytes; with fewer SQLite cannot make the index that readers share, and calls that an error of the disk
_LOG_PAGES = 4000  #: 16 MiB of events before they move from SQLite's log to its table, for which everybody waits
#: Whatever is not needed to find a run is not kept in order by an index: each would double what a lock costs.
_TABLES = """
create table if not exists events (
    seq integer primary key, at real not null, run text not null, type text not null, body blob not null
);
create index if not exists runs_started on events (seq) where type = 'RunStarted';
create index if not exists runs_resumed on events (seq) where type = 'RunResumed';
create index if not exists runs_ended on events (seq) where type = 'RunEnded';
create table if not exists documents (digest text primary key, body blob not null) without rowid;
create table if not exists snapshots (run text primary key, seq integer not null, body blob not null) without rowid;
drop index if exists events_by_run;
drop index if exists events_by_type;
"""


def connect_writer(path: Path) -> sqlite3.Connection:
    """Open for writing, making the file if there is none.

    Raises:
        JournalError: It was written by a newer squad.
        sqlite3.Error, OSError: It cannot be written, or is damaged; see `trouble`.
    """
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=_PATIENCE)
    path.chmod(0o600)
    _check_version(connection, path)
    _keep_log(connection)
    connection.execute("pragma synchronous = normal")
    connection.execute(f"pragma wal_autocheckpoint = {_LOG_PAGES}")
    # in one step, so that a reader finds either no journal or a whole one
    connection.executescript(f"begin immediate; {_TABLES} pragma user_version = {VERSION}; commit")
    return connection


def _keep_log(connection: sqlite3.Connection) -> None:
    """Have SQLite write to a log first; it does not wait by itself for those who read a new file at that moment."""
    patience = time.monotonic() + _PATIENCE
    while True:
        try:
            connection.execute("pragma journal_mode = wal")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > patience:
                raise
            time.sleep(0.005)
        else:
            return


def connect_reader(path: Path) -> sqlite3.Connection | None:
    """Open for reading, in the strongest way the folder allows.

    Writable comes first, since a reader must be able to make the shared index and to take in what a killed writer left
    in its log; what cannot be written to at all is read as it stands.
    """
    escaped = str(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    for mode in ("mode=rw", "mode=ro", "immutable=1"):
        try:
            connection = sqlite3.connect(
                f"file:{escaped}?{mode}", uri=True, isolation_level=None, check_same_thread=False, timeout=_PATIENCE
            )
            connection.execute("pragma query_only = on")
            version = _check_version(connection, path)
        except sqlite3.OperationalError:
            if mode == "immutable=1":
                raise
            if mode == "mode=ro" and _has_log(path):  # read as it stands, what lies in the log would be missing
                raise
        else:
            return connection if version else None
    raise AssertionError


def _has_log(path: Path) -> bool:
    log = path.with_name(f"{path.name}-wal")
    return log.exists() and log.stat().st_size > 0


def _check_version(connection: sqlite3.Connection, path: Path) -> int:
    version = int(connection.execute("pragma user_version").fetchone()[0])
    if version > VERSION:
        connection.close()
        message = f"{path} was written by a newer squad (journal version {version}, this one reads {VERSION})"
        raise JournalError(message, hint="upgrade: pip install --upgrade squad-orchestrator")
    return version


def trouble(path: Path, error: Exception) -> JournalError:
    """Say what an error of the database or its folder means, and what helps."""
    text = str(error)
    if "full" in text or "No space" in text or ("disk I/O" in text and _room(path) < _SCARCE):
        hint = "free some space there, and try again; a run that stopped goes on with: squad resume"
        return JournalError(f"no room left to write the journal {path}", hint=hint)
    if "malformed" in text or "not a database" in text or isinstance(error, msgspec.DecodeError):
        return JournalError(
            f"the journal {path} is damaged: {text}", hint="keep a copy, move it away, and start anew: squad run FILE"
        )
    if (owner := _other_owner(path)) is not None:
        hint = "work as that user, or in a clone of your own"
        return JournalError(f"cannot use the journal {path}: it belongs to {owner} ({text})", hint=hint)
    return JournalError(
        f"cannot use the journal {path}: {text}", hint=f"see that squad can write there: ls -ld {path.parent} {path}"
    )


def _room(path: Path) -> int:
    """Give how many bytes can still be written beside a file."""
    try:
        return shutil.disk_usage(path.parent).free
    except OSError:
        return _SCARCE


def _other_owner(path: Path) -> str | None:
    """Name the user to whom a file belongs, or the nearest folder above it that can be seen, if that is somebody else."""
    for place in (path, *path.parents):
        with contextlib.suppress(OSError):
            uid = place.stat().st_uid
            with contextlib.suppress(KeyError):
                return None if uid == os.geteuid() else pwd.getpwuid(uid).pw_name
            return f"user {uid}"
    return None
