"""Raw logs on a terminal: made safe to look at, one attempt after another or as they grow."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from orchestrator.errors import UsageError
from orchestrator.places import nearest
from orchestrator.state import State
from orchestrator.views.text import plain_lines

_PAUSE = 0.1
_CHUNK = 1 << 20


class UnknownName(UsageError):
    """No agent, task or attempt has that name."""

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(
            f"there is no agent, task or attempt {name!r}", hint=nearest(name, known) or f"known: {', '.join(known[:16])}"
        )


def print_logs(state: State, name: str | None, *, raw: bool) -> None:
    """Print the logs of an agent, a task, an attempt, or of all."""
    for attempt in attempts_of(state, name):
        log = state.attempts[attempt].log
        if log and Path(log).is_file():
            _header(state, attempt, raw=raw)
            with Path(log).open("rb") as file:
                while chunk := file.read(_CHUNK):
                    _put(chunk, raw=raw)
    sys.stdout.flush()


def follow_logs(read: Callable[[], State], name: str | None, *, raw: bool, over: Callable[[], bool]) -> None:
    """Print logs as they grow, until the run is over."""
    offsets: dict[str, int] = {}
    shown = ""
    while True:
        is_over = over()
        state = read()
        for attempt in attempts_of(state, name):
            log = Path(state.attempts[attempt].log or "/nonexistent")
            size = log.stat().st_size if log.is_file() else 0
            if size > offsets.get(attempt, 0):
                if shown != attempt:
                    _header(state, attempt, raw=raw)
                    shown = attempt
                with log.open("rb") as file:
                    file.seek(offsets.get(attempt, 0))
                    data = file.read(_CHUNK)
                _put(data, raw=raw)
                offsets[attempt] = offsets.get(attempt, 0) + len(data)
        sys.stdout.flush()
        if is_over:
            return
        time.sleep(_PAUSE)


def attempts_of(state: State, name: str | None) -> list[str]:
    """Give the attempts that a name means: of an agent, of a task, itself, or of what begins so and is the only one.

    Raises:
        UnknownName: Nothing is called so.
    """
    if name is None:
        return list(state.attempts)
    known = [*state.agents, *state.tasks, *state.attempts]
    if name not in known:
        fitting = [one for one in (*state.agents, *state.tasks) if one.startswith(name)]
        if len(fitting) != 1:
            raise UnknownName(name, known)
        name = fitting[0]
    return [attempt for attempt, status in state.attempts.items() if name in (attempt, status.agent, status.task)]


def _header(state: State, attempt: str, *, raw: bool) -> None:
    if not raw:
        sys.stdout.write(f"==> {attempt} ({state.attempts[attempt].agent})\n")


def _put(data: bytes, *, raw: bool) -> None:
    if raw:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
    else:
        sys.stdout.write(plain_lines(data.decode("utf-8", "replace")))
