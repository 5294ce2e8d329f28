"""Paths that are opened to a running agent and closed again, seen from the supervisor.

Each question has a number, and each number gets exactly one answer: from the leash, or from the end of the agent.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import anyio
import msgspec

_ANSWERS = frozenset({"opened", "closed", "busy", "failed", "ended"})
_GONE: Mapping[str, object] = {"event": "failed", "reason": "the agent is gone"}


class Confined(Protocol):
    """What the processes of an attempt may see and write."""

    def arguments(self) -> list[str]:
        """Word it for bubblewrap; nothing where that is not to begin."""

    def to_spec(self) -> dict[str, object]:
        """Word it for the leash, as JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A process that can still write what was closed."""

    pid: int
    command: str
    path: str  #: what it holds: an open file, or a word for what else


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """A command that runs beside an agent, and may write more than it does."""

    argv: tuple[str, ...]
    pid: int  #: of the process that asks for it, whose descriptors, environment and folder it gets
    line: int  #: the descriptor of that process which the command keeps open
    writable: tuple[tuple[Path, bool], ...]  #: what it may write besides, and whether that is a folder
    signals: "list[Callable[[int], None]]" = field(default_factory=list)  #: hands a signal on, once it runs


class Openings:
    """The questions that wait for their answers."""

    def __init__(self, send: Callable[[Mapping[str, object]], None]) -> None:
        """Ask through a connection."""
        self._send = send
        self._numbers = itertools.count(1)
        self._waiting: dict[int, anyio.Event] = {}
        self._answers: dict[int, Mapping[str, object]] = {}
        self._is_over = False

    async def open(self, path: Path, *, folder: bool, wanted: Path | None = None, beside: Sequence[Path] = ()) -> str | None:
        """Open a path; gives the reason if it stays closed."""
        more = {"wanted": str(wanted), "beside": [str(one) for one in beside]} if wanted else {}
        answer = await self._ask({"op": "open", "path": str(path), "folder": folder, **more})
        return None if answer["event"] == "opened" else str(answer["reason"])

    async def close(self, path: Path, *, patience: float, wanted: Path | None = None) -> tuple[Holder, ...]:
        """Close a path; gives who still can write it."""
        more = {"wanted": str(wanted)} if wanted else {}
        answer = await self._ask({"op": "close", "path": str(path), "patience": patience, **more})
        return msgspec.convert(answer.get("holders", ()), tuple[Holder, ...])

    async def beside(self, command: Beside) -> Mapping[str, object]:
        """Run a command beside the agent to its end; gives its `code` and the `fault` if it could not be run, or a `reason`."""
        number = next(self._numbers)
        writable = [[str(path), folder] for path, folder in command.writable]
        asked = {"op": "beside", "argv": command.argv, "pid": command.pid, "line": command.line, "writable": writable}
        command.signals.append(lambda one: self._send({"op": "pass on", "id": number, "signal": one}))
        return await self._ask(asked, number)

    def hear(self, message: Mapping[str, object]) -> bool:
        """Take an answer; tell whether it was one."""
        if message["event"] not in _ANSWERS or "id" not in message:
            return False
        number = int(str(message["id"]))
        if (event := self._waiting.get(number)) is not None:
            self._answers[number] = message
            event.set()
        return True

    def end(self) -> None:
        """Answer whoever waits: the agent is gone, and can write nothing."""
        self._is_over = True
        for event in self._waiting.values():
            event.set()

    async def _ask(self, question: dict[str, object], number: int | None = None) -> Mapping[str, object]:
        if self._is_over:
            return _GONE
        number = number or next(self._numbers)
        event = self._waiting[number] = anyio.Event()
        self._send({**question, "id": number})
        try:
            await event.wait()
        finally:
            del self._waiting[number]
        return self._answers.pop(number, _GONE)
