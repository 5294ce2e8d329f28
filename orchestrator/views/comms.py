"""The comm files of hand-run squads, kept true: one per agent, readable by people and by `grep "Status:"`.

The head of a file has a fixed size and is rewritten in place; everything below it is only ever appended to, by squad
and by the agent alike. So nothing is ever cut off, and a line that an agent appends at any moment stays. An agent that
does more than append (edits the head, empties the file, puts another in its place) is heard too, and what it wrote is
moved below the head.
"""

import fcntl
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.exchange.speech import Lines
from orchestrator.messages import Message
from orchestrator.model import AgentId, Plan, Seat
from orchestrator.state import State
from orchestrator.views.comm_head import HEAD, MASKED, WORD, block, head, history_line, quiet, read_so_far, tasks_by_agent
from orchestrator.views.folder import Folder
from orchestrator.views.text import utc

_REWRITE = 150.0  #: seconds after which an unchanged block is written again
_QUIET = 2.0  #: seconds without a byte after which an unfinished line or block counts as finished
_PATIENCE = 10.0  #: seconds for which somebody else's flock is respected
_CHUNK = 1 << 20  #: bytes read in one step
_MOST = 64 * _CHUNK  #: bytes read when an agent is heard out
_ANCHOR = 400  #: bytes by which the place is found up to which a replaced file is known
_MOST_KNOWN = 100_000  #: lines
_MARK = WORD.encode()
_MASKED = MASKED.encode()


@dataclass(slots=True)
class _Book:
    """What squad knows of one file."""

    seat: Seat
    wanted: tuple[str, ...] = ()  #: the block as it should be
    shown: tuple[str, ...] = ()  #: as it was last written
    head: bytes = b""  #: the same, as it stands in the file
    written: float = 0.0
    stamp: tuple[int, int, int] | None = None  #: which file that was
    read: int = 0  #: bytes understood
    anchor: bytes = b""  #: the last of them
    known: set[int] = field(default_factory=set)  #: digests of the lines understood
    moved: list[tuple[int, int]] = field(default_factory=list)  #: what squad moved to the end, and has understood already
    reader: Lines = field(default_factory=Lines)
    unfinished: bool = False  #: the reader may hold half a line or half a block
    grew: float = 0.0  #: when bytes last came
    said: str = ""  #: the last line of history
    pending: list[str] = field(default_factory=list)  #: lines of history to be appended
    locked: float | None = None  #: since when somebody else holds the file's lock

    @property
    def name(self) -> str:
        """Give the file's name."""
        return f"{self.seat.id}-comm.md"

    def is_quiet(self, now: float) -> bool:
        """Tell whether nothing more comes of what was begun."""
        return abs(now - self.grew) > _QUIET

    def is_old(self, now: float) -> bool:
        """Tell whether the file does not show what it should, or shows it with an old time."""
        return self.wanted != self.shown or abs(now - self.written) > _REWRITE


class CommFiles:
    """All comm files of a run."""

    def __init__(self, folder: Path, plan: Plan, hear: Callable[[AgentId, Sequence[Message]], None]) -> None:
        """Keep the files in a folder; what agents append goes to `hear`."""
        self._folder = Folder(folder)
        self._plan = plan
        self._hear = hear
        self._books = {seat.id: _Book(seat) for seat in plan.agents}

    def heed(self, plan: Plan) -> None:
        """Go by an amended plan from here on; agents that it adds get their files."""
        self._plan = plan
        for seat in plan.agents:
            self._books.setdefault(seat.id, _Book(seat))

    @property
    def patience(self) -> float:
        """Give the seconds after which to look again although nothing changed: for what was begun, or a new time."""
        is_begun = any(book.unfinished or book.pending or book.locked is not None for book in self._books.values())
        return _QUIET + 0.1 if is_begun else _REWRITE / 5

    def write(self, state: State, *, now: float) -> None:
        """Take in what agents appended, and bring all files up to date.

        Raises:
            OSError: A file cannot be written; the others may be out of date too.
        """
        own = tasks_by_agent(self._plan, state)
        for book in self._books.values():
            book.wanted = block(state, book.seat, own[book.seat.id])
            line = history_line(state, book.seat, own[book.seat.id])
            if book.said != line:
                book.said = line
                book.pending.append(f"- {utc(now)} {line}\n")
        self.look(now=now)

    def look(self, *, now: float) -> None:
        """Take in what agents appended since the last time, if anything; cheap when there is nothing.

        Raises:
            OSError: A file cannot be read or written.
        """
        for book in self._books.values():
            is_due = book.pending or (book.unfinished and book.is_quiet(now))
            if is_due or book.is_old(now) or self._has_changed(book):
                self._update(book, now)

    def hear_out(self, agent: AgentId, *, now: float) -> None:
        """Take in all that an agent has appended; nothing more will come, its processes are gone.

        Raises:
            OSError: A file cannot be read or written.
        """
        book = self._books[agent]
        book.locked = float("-inf")
        for _ in range(_MOST // _CHUNK):
            if not self._has_changed(book):
                break
            self._update(book, now)
        self._finish(book)

    def note(self, agent: AgentId, text: str, *, now: float, width: int = 240) -> None:
        """Write a line for the agent's reader into its history."""
        if agent in self._books:
            self._books[agent].pending.append(f"- {utc(now)} {quiet(text, width)}\n")

    def _has_changed(self, book: _Book) -> bool:
        found = self._folder.look(book.name)
        return found is None or found.st_size != book.read or _stamp(found) != book.stamp

    def _update(self, book: _Book, now: float) -> None:
        with self._folder.open(book.name) as descriptor:
            if not _lock(descriptor) and self._is_patient(book, now):
                return
            book.locked = None
            begin = os.pread(descriptor, HEAD, 0)
            if begin != book.head or len(begin) < HEAD:
                self._settle(book, descriptor, begin)
            self._take_in(book, descriptor, now)
            if book.unfinished and book.is_quiet(now):
                self._finish(book)
            self._append_history(book, descriptor, now)
            if book.wanted:
                book.head, book.shown, book.written = head(book.seat, book.wanted, now=now, read=book.read), book.wanted, now
                os.pwrite(descriptor, book.head, 0)
            book.stamp = _stamp(os.fstat(descriptor))

    def _is_patient(self, book: _Book, now: float) -> bool:
        """Leave a file that an agent has locked, but not for ever: rewriting the head does no harm to appended lines."""
        book.locked = now if book.locked is None else book.locked
        return now - book.locked < _PATIENCE

    def _settle(self, book: _Book, descriptor: int, begin: bytes) -> None:
        """Make room for the head in a file whose beginning is not what squad wrote; nothing of it is lost."""
        if not book.head and (read := read_so_far(begin)) is not None:
            book.read, book.head = max(read, HEAD), begin  # left by a supervisor of this run that has died
            return
        if len(begin) < HEAD:
            _append(descriptor, b"\n" * HEAD)  # from here on, whoever appends does so below the head
        text = os.pread(descriptor, 4 * _CHUNK, 0)
        cut = text.find(b"\n", HEAD - 1) + 1 or HEAD  # no line is cut in two
        if strange := _strange(text[:cut], known=book.head):
            self._say(book, strange)
            book.moved.append(_append(descriptor, strange.replace(_MARK, _MASKED)))
        place = text.rfind(book.anchor) if book.anchor else -1
        if place < 0 and book.known:
            self._say_unknown(book, descriptor, text[cut : text.rfind(b"\n") + 1], cut)
        os.pwrite(descriptor, b" " * (cut - HEAD), HEAD)
        book.read = max(cut, place + len(book.anchor)) if place >= 0 else cut

    def _say_unknown(self, book: _Book, descriptor: int, text: bytes, start: int) -> None:
        """Take in what is new in a file that was put in the place of the known one, such as an older copy with additions."""
        _mask(descriptor, text, start)
        lines = _blanked(text, book.moved, start).splitlines(keepends=True)
        self._say(book, b"".join(line for line in lines if _digest(line) not in book.known))
        book.moved.append((start, start + len(text)))

    def _take_in(self, book: _Book, descriptor: int, now: float) -> None:
        """Read on from where reading stopped."""
        overlap = min(len(_MARK) - 1, book.read - HEAD)
        data = os.pread(descriptor, _CHUNK + overlap, book.read - overlap)
        new = data[overlap:]
        if not new:
            return
        _mask(descriptor, data, book.read - overlap)
        self._say(book, _blanked(new, book.moved, book.read))
        book.read += len(new)
        book.moved = [span for span in book.moved if span[1] > book.read]
        book.anchor = (book.anchor + new).replace(_MARK, _MASKED)[-_ANCHOR:]
        if len(book.known) < _MOST_KNOWN:
            book.known.update(map(_digest, new.splitlines()))
        book.grew = now

    def _say(self, book: _Book, text: bytes) -> None:
        book.unfinished = True
        if messages := book.reader.feed(text):
            self._hear(book.seat.id, messages)

    def _finish(self, book: _Book) -> None:
        messages = book.reader.finish()
        book.reader, book.unfinished = Lines(), False
        if messages:
            self._hear(book.seat.id, messages)

    def _append_history(self, book: _Book, descriptor: int, now: float) -> None:
        """Append squad's own lines, which mean nothing to the reader; never into a line that an agent has half written."""
        if not book.pending:
            return
        size = os.fstat(descriptor).st_size
        is_whole = os.pread(descriptor, 1, size - 1) == b"\n"
        if not is_whole and not book.is_quiet(now):
            return
        _append(descriptor, (("" if is_whole else "\n") + "".join(book.pending)).encode())
        book.pending.clear()
        grew, unfinished = book.grew, book.unfinished
        self._take_in(book, descriptor, now)
        book.grew, book.unfinished = grew, unfinished


def _strange(begin: bytes, *, known: bytes) -> bytes:
    """Give the lines at a file's beginning that squad did not write."""
    mine = set(known.split(b"\n"))
    lines = [line for line in begin.rstrip(b"\0 \n").split(b"\n") if line.strip(b"\0 ") and line not in mine]
    return b"".join(line.strip(b"\0") + b"\n" for line in lines)


def _mask(descriptor: int, text: bytes, start: int) -> None:
    """Take the colon from what an agent wrote, so that the current status stays the only one that grep finds."""
    place = text.find(_MARK)
    while place >= 0:
        os.pwrite(descriptor, b"=", start + place + len(_MARK) - 1)
        place = text.find(_MARK, place + 1)


def _append(descriptor: int, text: bytes) -> tuple[int, int]:
    """Write at the end of the file, wherever that is by then; gives where it came to stand."""
    before = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    fcntl.fcntl(descriptor, fcntl.F_SETFL, before | os.O_APPEND)
    try:
        os.write(descriptor, text)
    finally:
        fcntl.fcntl(descriptor, fcntl.F_SETFL, before)
    end = os.lseek(descriptor, 0, os.SEEK_CUR)
    return end - len(text), end


def _blanked(text: bytes, spans: Sequence[tuple[int, int]], start: int) -> bytes:
    """Give a text with blanks for what was understood already."""
    blank = bytearray(text)
    for begin, end in spans:
        here, there = max(begin - start, 0), min(end - start, len(text))
        if here < there:
            blank[here:there] = b"\n" * (there - here)
    return bytes(blank)


def _digest(line: bytes) -> int:
    return hash(line.strip().replace(_MARK, _MASKED))


def _stamp(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_ino, found.st_size, found.st_mtime_ns


def _lock(descriptor: int) -> bool:
    """Take the lock that agents may take too, until the file is closed; tells whether it was to be had."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
