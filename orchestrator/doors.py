"""How a granted lock makes its path writable for an agent that the kernel confines.

A path is open before its holder is told, and closed before anybody else is: what the holder still has open for writing by then
ends it, since nobody could say what it would write. Agents that are not confined have no doors.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from orchestrator.claims import is_glob, is_operation
from orchestrator.control.protocol import Rejected
from orchestrator.control.server import Later
from orchestrator.enforcement.confinement import Means
from orchestrator.events import Noticed
from orchestrator.leash import Holder
from orchestrator.locks import Grant
from orchestrator.model import AgentId
from orchestrator.recorder import Recorder

_SHOWN = 3  #: processes that are named


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

    async def expel(self, why: str) -> None:
        """End it, and wait until nothing is left of it."""


@dataclass(frozen=True, slots=True)
class Gates:
    """The doors of all agents of a run."""

    recorder: Recorder
    inmate: Callable[[AgentId], Inmate | None]

    def open(self, grant: Grant) -> Later | None:
        """Open a path for its holder.

        Raises:
            Rejected: What confines it cannot be widened.
        """
        inmate = self._inmate(grant)
        return None if inmate is None else Later(partial(self._open, grant, inmate))

    def close(self, grant: Grant) -> Later | None:
        """Close a path again."""
        inmate = self._inmate(grant)
        return None if inmate is None or inmate.means is not Means.BUBBLEWRAP else Later(partial(self._close, grant, inmate))

    def _inmate(self, grant: Grant) -> Inmate | None:
        if is_operation(grant.path):
            return None
        inmate = self.inmate(grant.holder)
        return inmate if inmate is not None and inmate.means is not None else None

    async def _open(self, grant: Grant, inmate: Inmate) -> None:
        if inmate.means is Means.LANDLOCK:
            raise Rejected(f"{grant.path} cannot be opened for you: Landlock only narrows, for as long as you run")
        if is_glob(grant.path):
            raise Rejected(f"{grant.path} is a pattern, and only files and folders can be opened: ask for one of those")
        if reason := await inmate.open(inmate.workspace / grant.path):
            raise Rejected(f"{grant.path} cannot be opened for you: {reason}")

    async def _close(self, grant: Grant, inmate: Inmate) -> None:
        if not (holders := await inmate.close(inmate.workspace / grant.path)):
            return
        named = ", ".join(f"{one.command or 'a process'} (pid {one.pid})" for one in holders[:_SHOWN])
        why = f"the lock on {grant.path} has ended, and it still can write there: {named}"
        self.recorder.record(Noticed(text=f"{grant.holder}: {why}"))
        await inmate.expel(why)
