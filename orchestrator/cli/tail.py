"""Raw logs on a terminal: made safe to look at, one attempt after another or as they grow."""

import codecs
import os
import sys
from collections.abc import Callable
from pathlib import Path

from orchestrator.adapters.spoken import spoken
from orchestrator.state import State
from orchestrator.text.spelling import meant
from orchestrator.views.text import plain_lines

_CHUNK = 1 << 20


def follow_logs(
    read: Callable[[], State], name: str | None, *, folder: Path, raw: bool, over: Callable[[], bool], wait: Callable[[], None]
) -> None:
    """Print the logs of an agent, a task, an attempt, or of all as they grow, until the run is over.

    Args:
        read: Gives the state as it is now.
        name: An agent, a task, an attempt, or the beginning of one; None: all.
        folder: Where the logs of the run lie now; the project may have been moved since they were begun.
        raw: The bytes as they came.
        over: Tells whether nothing more will come.
        wait: Returns when something may have changed.
    """
    tails: dict[str, _Tail] = {}
    shown = ""
    while True:
        is_over = over()
        state = read()
        for attempt in attempts_of(state, name):
            if attempt not in tails and (log := state.attempts[attempt].log):  # one that is not started yet has none
                tails[attempt] = _Tail(folder / Path(log).name, raw=raw)
            if (tail := tails.get(attempt)) is not None and tail.has_more():
                if shown != attempt and not raw:
                    sys.stdout.write(f"==> {attempt} ({state.attempts[attempt].agent})\n")
                shown = attempt
                tail.print(is_last=is_over)
        sys.stdout.flush()
        if is_over:
            return
        wait()


def _place(log: str, folder: Path) -> Path:
    return folder / Path(log).name if log else Path(os.devnull)


def logs_json(state: State, name: str | None, *, folder: Path) -> dict[str, object]:
    """Give the document of `squad logs --json`: where the raw bytes of each attempt are."""
    rows = [(attempt, state.attempts[attempt]) for attempt in attempts_of(state, name)]
    return {
        "schema_version": 1,
        "run": state.run,
        "logs": [
            {
                "attempt": attempt,
                "task": status.task,
                "agent": status.agent,
                "path": str(_place(status.log, folder)) if status.log else "",
                "bytes": _place(status.log, folder).stat().st_size if _place(status.log, folder).is_file() else 0,
            }
            for attempt, status in rows
        ],
    }


def attempts_of(state: State, name: str | None) -> list[str]:
    """Give the attempts that a name means: of an agent, of a task, itself, or of what begins so and is the only one.

    Raises:
        UsageError: Nothing is called so, or several begin so.
    """
    if name is None:
        return list(state.attempts)
    name = meant(name, [*state.tasks, *state.agents], what="agent, task or attempt", beside=list(state.attempts))
    return [attempt for attempt, status in state.attempts.items() if name in (attempt, status.agent, status.task)]


class _Tail:
    """What of one log is not printed yet."""

    def __init__(self, path: Path, *, raw: bool) -> None:
        """Begin at the log's beginning."""
        self._path = path
        self._raw = raw
        self._offset = 0
        self._rest = ""  #: the line that has not ended yet
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    def has_more(self) -> bool:
        """Tell whether the log grew, or holds a line that was held back."""
        return bool(self._rest) or (self._path.is_file() and self._path.stat().st_size > self._offset)

    def print(self, *, is_last: bool) -> None:
        """Print what is there; an unfinished line waits for its end, unless it is the last or too long to be kept."""
        with self._path.open("rb") as file:
            file.seek(self._offset)
            while chunk := file.read(_CHUNK):
                self._offset += len(chunk)
                self._put(chunk)
        if is_last and self._rest:
            _write(self._rest)
            self._rest = ""

    def _put(self, data: bytes) -> None:
        if self._raw:
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
            return
        *lines, self._rest = (self._rest + self._decode(data)).split("\n")
        for line in lines:
            _write(line)
        if len(self._rest) > _CHUNK:
            sys.stdout.write(plain_lines(self._rest))
            self._rest = ""


def _write(line: str) -> None:
    """Print a line as people read it; mere bookkeeping of an agent's protocol is left out."""
    if (said := spoken(line)) or not line:
        sys.stdout.write(plain_lines(said) + "\n")
