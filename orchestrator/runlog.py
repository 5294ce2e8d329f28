"""squad's own structured log: what it decided, as JSON lines, beside the raw logs of the agents.

A line is written whole or not at all. A log that cannot be opened is a fault of the configuration; one that cannot be
written any more is told and ends nothing: the journal, not the log, is what a run rests on.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path

import msgspec

from orchestrator.errors import FolderError
from orchestrator.events import Entry, Event, encode, fields
from orchestrator.project import Project

_encode = msgspec.json.Encoder().encode
#: Keys of the log's own, and one that readers of logs take for how grave a line is.
_TAKEN = frozenset({"event", "level", "timestamp", "seq", "run"})
_BEFORE = len('{"type":""')  #: and its name stand before an event's fields


class RunLog:
    """Appends a JSON line for each event."""

    def __init__(self, path: Path) -> None:
        """Open the log for appending; raises OSError. A failure to write later is kept in `failure`."""
        self.failure = ""
        self.told = False
        path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor: int | None = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK, 0o644)
        self._torn = _is_torn(self._descriptor)

    def note(self, *entries: Entry) -> None:
        """Write a line for each event, all of them at once."""
        if self._descriptor is None or not entries:
            return
        body = (b"\n" if self._torn else b"") + b"".join(map(_line, entries))
        try:
            self._torn = os.write(self._descriptor, body) < len(body)
        except OSError as error:
            self.failure = self.failure or str(error.strerror)

    def close(self) -> None:
        """Write no more."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


@contextmanager
def open_log(project: Project, folder: str | None) -> Iterator[RunLog]:
    """Give the log `squad.log` in the configured folder, by default beside the raw logs.

    Raises:
        FolderError: It cannot be written there.
    """
    place = project.root / Path(folder).expanduser() if folder else project.logs
    try:
        log = RunLog(place / "squad.log")
    except OSError as error:
        message = f"cannot write squad's log in {place}: {error.strerror}"
        raise FolderError(message, hint="choose another folder: log: {folder: ...} in squad.yaml") from error
    try:
        yield log
    finally:
        log.close()


def _line(entry: Entry) -> bytes:
    """Give the line of an event; the names of its fields never hide those of the log."""
    event = entry.event
    name, hides = _named(type(event))
    told = _renamed(event) if hides else encode(event)[len(name) + _BEFORE : -1]
    second, part = divmod(round(entry.at * 1e6), 10**6)
    at = b"%b.%06d" % (_moment(second), part)
    return b'{"timestamp":"%bZ","seq":%d,"run":%b%b,"event":"%b"}\n' % (at, entry.seq, _quoted(entry.run), told, name)


def _renamed(event: Event) -> bytes:
    told = {f"{name}_" if name in _TAKEN else name: value for name, value in fields(event).items()}
    return b"," + _encode(told)[1:-1]


@cache
def _named(kind: type[Event]) -> tuple[bytes, bool]:
    """Give the name of a kind of events, and whether a field of it is named as one of the log's own."""
    return kind.__name__.encode(), not _TAKEN.isdisjoint(field.encode_name for field in msgspec.structs.fields(kind))


@lru_cache(maxsize=16)
def _quoted(run: str) -> bytes:
    return _encode(run)


@lru_cache(maxsize=16)
def _moment(second: int) -> bytes:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S").encode()


def _is_torn(descriptor: int) -> bool:
    """Tell whether a supervisor was killed while it wrote the last line."""
    size = os.fstat(descriptor).st_size
    return size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
