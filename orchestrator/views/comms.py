"""The comm files of hand-run squads, kept true: one per agent, readable by people and by `grep "Status:"`.

The head of the file has a fixed size and is rewritten in place; everything below it is only ever appended to, by squad
and by the agent alike. So nothing is ever cut off, and a line that an agent appends at any moment stays.
"""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from orchestrator.messages import Message
from orchestrator.model import AgentId, AgentState, Plan, Seat, TaskState
from orchestrator.quantities import format_duration
from orchestrator.speech import parse_blocks
from orchestrator.state import FINAL, State
from orchestrator.views.text import plain, shortened, utc

HEAD = 2048  #: bytes of the part that is rewritten in place
_MOST_FILES = 12
_WORD = b"Status:"


class CommFiles:
    """All comm files of a run."""

    def __init__(self, folder: Path, plan: Plan, hear: Callable[[AgentId, Sequence[Message]], None]) -> None:
        """Keep the files in a folder; what agents append goes to `hear`."""
        self._folder = folder
        self._plan = plan
        self._hear = hear
        self._read: dict[AgentId, int] = {}
        self._said: dict[AgentId, str] = {}

    def write(self, state: State, *, now: float) -> None:
        """Bring all files up to date, and take in what agents appended."""
        for seat in self._plan.agents:
            self.take_in(seat.id)
            with _opened(self._folder / f"{seat.id}-comm.md") as descriptor:
                os.pwrite(descriptor, head(self._plan, state, seat, now=now), 0)
                line = history_line(self._plan, state, seat)
                if self._said.get(seat.id) != line:
                    self._said[seat.id] = line
                    self._append(seat.id, descriptor, f"- {utc(now)} {line}\n".encode())

    def take_in(self, agent: AgentId) -> None:
        """Read what the agent appended since the last time, if anything."""
        path = self._folder / f"{agent}-comm.md"
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            return
        start = self._read.get(agent)
        if start is None:
            self._read[agent] = size
        elif size > start:
            with _opened(path) as descriptor:
                new = os.pread(descriptor, size - start, start)
                whole = new.rpartition(b"\n")[0] + b"\n" if b"\n" in new else b""
                _mask(descriptor, whole, start)
            self._read[agent] = start + len(whole)
            if messages := parse_blocks(whole.decode("utf-8", "replace")):
                self._hear(agent, messages)

    def _append(self, agent: AgentId, descriptor: int, line: bytes) -> None:
        """Append a line of squad's own; what an agent appended just before it is still read later."""
        before = os.fstat(descriptor).st_size
        with contextlib.closing(_Appender(self._folder / f"{agent}-comm.md")) as appender:
            appender.write(line)
        if self._read.get(agent, before) == before:
            self._read[agent] = before + len(line)


class _Appender:
    """Appends whole lines, wherever the end of the file is by then."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)

    def write(self, line: bytes) -> None:
        os.write(self._descriptor, line)

    def close(self) -> None:
        os.close(self._descriptor)


def head(plan: Plan, state: State, seat: Seat, *, now: float) -> bytes:
    """Give the current status block, filled up to the size of the head."""
    agent = state.agents[seat.id]
    own = [planned for planned in plan.tasks if state.tasks[planned.task.id].agent == seat.id]
    done = sum(1 for planned in own if state.tasks[planned.task.id].state is TaskState.DONE)
    waiting = [planned for planned in own if state.tasks[planned.task.id].state is TaskState.WAITING]
    task = next((planned for planned in plan.tasks if planned.task.id == agent.task), None)
    files = [f"  - {plain(path)} ({change})" for path, change in list(agent.files.items())[:_MOST_FILES]]
    left = sum(planned.estimate for planned in own if state.tasks[planned.task.id].state not in FINAL)
    lines = [
        f"# Agent {seat.id.split('-')[1]} Communication Log",
        "",
        f"## Status Update [{utc(now)}]",
        f"Status: {status_word(plan, state, seat.id)}",
        f"Current Task: {shortened(f'{task.task.id} {task.task.title}', 120) if task else 'none'}",
        *([f"Waiting for: {shortened(agent.blocked_on, 120)}"] if agent.blocked_on else []),
        "Files Modified:" if files else "Files Modified: none",
        *files,
        f"Progress: {done}/{len(own)} tasks complete",
        f"Next: {shortened(f'{waiting[0].task.id} {waiting[0].task.title}', 120) if waiting else 'nothing'}",
        f"Estimate: {format_duration(left) if left else 'none left'}",
    ]
    block = "\n".join(lines).encode()
    tail = b"\n\n## History\n"
    block = block[: HEAD - len(tail)].decode("utf-8", "ignore").encode()
    return block + b" " * (HEAD - len(tail) - len(block)) + tail


def status_word(plan: Plan, state: State, agent: AgentId) -> str:
    """Give the word of the seed for where an agent stands."""
    status = state.agents[agent]
    if status.task is not None:
        blocked = status.state is AgentState.WAITING or status.says == "BLOCKED"
        return "BLOCKED" if blocked else "ACTIVE"
    own = [state.tasks[planned.task.id] for planned in plan.tasks if state.tasks[planned.task.id].agent == agent]
    if any(task.state is TaskState.FAILED for task in own) and all(task.state in FINAL for task in own):
        return "FAILED"
    if any(task.state is TaskState.PARKED for task in own):
        return "BLOCKED"
    if all(task.state in FINAL for task in own) and (own or state.phase == "ended"):
        return "COMPLETE"
    return "READY"


def history_line(plan: Plan, state: State, seat: Seat) -> str:
    """Give what is noted of the current state once it has passed, without the word that people grep for."""
    agent = state.agents[seat.id]
    task = f" {agent.task}" if agent.task else ""
    message = f": {shortened(agent.message, 100)}" if agent.message else ""
    return f"{status_word(plan, state, seat.id)}{task}{message}".replace("Status:", "Status")


def _mask(descriptor: int, text: bytes, start: int) -> None:
    """Take the colon from what an agent wrote, so that the current status stays the only one that grep finds."""
    place = text.find(_WORD)
    while place >= 0:
        os.pwrite(descriptor, b"=", start + place + len(_WORD) - 1)
        place = text.find(_WORD, place + 1)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """Open a comm file for writing in place, under a lock that agents may take too."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)
