"""How a granted lock makes its path writable for an agent that the kernel confines.

A path is open before its holder is told, and closed before anybody else is: what the holder still has open for writing by then
ends it, since nobody could say what it would write. Agents that are not confined have no doors. Where walls cannot be
opened, a command under the lock is run beside the agent instead, and has ended before anybody else is told of the lock.
"""

import shlex
import signal
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Protocol

import anyio

from orchestrator.claims import Claim, covers, is_folder, is_glob, is_operation, key
from orchestrator.control.protocol import Rejected
from orchestrator.control.server import Later
from orchestrator.enforcement.confinement import Means
from orchestrator.events import Noticed
from orchestrator.journal.recorder import Recorder
from orchestrator.leash import Beside, Holder
from orchestrator.locks import Grant
from orchestrator.model import AgentId
from orchestrator.ownership import is_reserved

_SHOWN = 3  #: processes that are named
_NARROW = "Landlock only narrows, for as long as you run"
_NOT_FOUND = 127  #: as a shell tells it
_PATTERN = "is a pattern, and only files and folders can be opened: ask for one of those"


class Inmate(Protocol):
    """An agent whose paths can be opened and closed while it works."""

    @property
    def means(self) -> Means | None:
        """Give what confines it."""

    @property
    def workspace(self) -> Path:
        """Give where it works."""

    async def open(self, path: Path) -> str | None:
        """Let it write a path; gives the reason if it cannot be."""

    async def close(self, path: Path) -> tuple[Holder, ...]:
        """Let it write a path no longer; gives who still can."""

    async def beside(self, command: Beside) -> Mapping[str, object]:
        """Run a command that may write more than it does, to its end; gives its `code`, or the `reason` why not."""

    async def expel(self, why: str) -> None:
        """End it, and wait until nothing is left of it."""


@dataclass(slots=True, eq=False)
class _Running:
    """A command beside its agent."""

    fences: Collection[int]  #: of the locks that it runs under
    command: Beside
    over: anyio.Event = field(default_factory=anyio.Event)

    async def kill(self) -> None:
        """End it, and wait until nothing is left of it."""
        for hand_on in self.command.signals:
            hand_on(signal.SIGKILL)
        await self.over.wait()


@dataclass(frozen=True, slots=True)
class Gates:
    """The doors of all agents of a run."""

    recorder: Recorder
    inmate: Callable[[AgentId], Inmate | None]
    _lent: dict[AgentId, list[Claim]] = field(default_factory=dict)  #: asked for, for commands beside agents: no right of one
    _running: dict[AgentId, list[_Running]] = field(default_factory=dict)

    def open(self, grant: Grant) -> Later | None:
        """Open a path for its holder.

        Raises:
            Rejected: What confines it cannot be widened.
        """
        inmate = self._inmate(grant)
        if inmate is None or not grant.declared:
            return None if inmate is None else Later(partial(self._open, grant, inmate))
        is_file = inmate.means is Means.BUBBLEWRAP and (inmate.workspace / grant.path).is_file()
        return Later(partial(self._open_around, grant, inmate)) if is_file else None

    def close(self, grant: Grant) -> Later | None:
        """Close a path again; a command beside the agent that may write there has ended before."""
        inmate = self._inmate(grant)
        if inmate is not None and inmate.means is Means.LANDLOCK:
            running = [one for one in self._running.get(grant.holder, ()) if grant.fence in one.fences]
            return Later(partial(self._kill, running)) if running else None
        return None if inmate is None or inmate.means is not Means.BUBBLEWRAP else Later(partial(self._close, grant, inmate))

    def is_narrow(self, holder: AgentId, places: Sequence[Claim]) -> bool:
        """Tell whether a command would have to run beside its agent to write these."""
        inmate = self.inmate(holder)
        return inmate is not None and inmate.means is Means.LANDLOCK and not all(map(is_operation, places))

    def lend(self, holder: AgentId, places: Sequence[Claim]) -> Callable[[], None]:
        """Grant places for a command beside an agent, which stays as narrow as it is; gives what takes them back."""
        lent = self._lent.setdefault(holder, [])
        lent += places

        def take_back() -> None:
            for place in places:
                lent.remove(place)

        return take_back

    async def run(self, holder: AgentId, places: Mapping[Claim, int], command: Beside) -> int:
        """Run a command beside an agent, which may write these places and what the command around it may; gives its exit code.

        Raises:
            Rejected: It cannot be run.
        """
        if (inmate := self.inmate(holder)) is None:
            raise Rejected(f"the attempt of {holder} has ended")
        lent = [place for place in places if not is_operation(place)]
        if patterns := [place for place in lent if _is_pattern(place, inmate)]:
            raise Rejected(f"{patterns[0]} {_PATTERN}")
        if reserved := [place for place in lent if is_reserved(place)]:
            raise Rejected(f"{reserved[0]} is opened to nobody")
        writable = tuple((inmate.workspace / key(place), is_folder(place)) for place in lent)
        running = _Running(frozenset(places.values()), command)
        self._running.setdefault(holder, []).append(running)
        try:
            answer = await inmate.beside(replace(command, writable=writable))
        finally:
            self._running[holder].remove(running)
            running.over.set()
        if "code" not in answer:
            raise Rejected(f"{' and '.join(lent)} cannot be opened for you: {answer['reason']}")
        if fault := answer["fault"]:
            is_missing = answer["code"] == _NOT_FOUND and "/" not in command.argv[0]
            raise Rejected(f"{command.argv[0]}: {'command not found' if is_missing else fault}", data={"code": answer["code"]})
        return int(str(answer["code"]))

    async def _kill(self, running: Sequence[_Running]) -> None:
        for one in running:
            await one.kill()

    def _inmate(self, grant: Grant) -> Inmate | None:
        if is_operation(grant.path):
            return None
        inmate = self.inmate(grant.holder)
        return inmate if inmate is not None and inmate.means is not None else None

    async def _open(self, grant: Grant, inmate: Inmate) -> None:
        if inmate.means is Means.LANDLOCK:
            if any(covers(place, grant.path) for place in self._lent.get(grant.holder, ())):
                return
            way_out = f"run what writes it under the lock: squad with-lock {shlex.quote(grant.path)} -- CMD"
            raise Rejected(f"{grant.path} cannot be opened for you: {_NARROW}; {way_out}")
        if _is_pattern(grant.path, inmate):
            raise Rejected(f"{grant.path} {_PATTERN}")
        if reason := await inmate.open(inmate.workspace / grant.path):
            raise Rejected(f"{grant.path} cannot be opened for you: {reason}")

    async def _open_around(self, grant: Grant, inmate: Inmate) -> None:
        """Open the folder of a file that its task declares, so that another can be renamed over it; the file itself is open."""
        if reason := await inmate.open(inmate.workspace / grant.path):
            self.recorder.record(Noticed(text=f"{grant.path} can be written by {grant.holder} in place only: {reason}"))

    async def _close(self, grant: Grant, inmate: Inmate) -> None:
        if not (holders := await inmate.close(inmate.workspace / grant.path)):
            return
        named = ", ".join(map(_named, holders[:_SHOWN]))
        why = f"the lock on {grant.path} has ended, and it still can write there: {named}"
        self.recorder.record(Noticed(text=f"{grant.holder}: {why}"))
        await inmate.expel(why)


def _is_pattern(place: str, inmate: Inmate) -> bool:
    """Tell whether a place is no file or folder but a pattern: of what exists by that very name, that is meant."""
    return is_glob(place) and not (inmate.workspace / key(place)).exists()


def _named(holder: Holder) -> str:
    """Name who still can write, or by what means if no process is seen to."""
    return f"{holder.command or 'a process'} (pid {holder.pid})" if holder.pid else holder.path
