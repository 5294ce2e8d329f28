"""Looks at a path of a shared tree when a lock on it begins and when it ends, so that what its holder wrote is its own.

A look comes before anybody is told: of a grant, so that what was written before is not the holder's; of the end, so that it is
not the next one's. Where everybody has a workspace of its own nothing is looked at.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import anyio.to_thread

from orchestrator.claims import is_operation
from orchestrator.control.server import Later
from orchestrator.desk.lockdesk import Doors
from orchestrator.errors import SquadError
from orchestrator.events import Noticed
from orchestrator.journal.recorder import Recorder
from orchestrator.locks import Grant
from orchestrator.persons import is_person
from orchestrator.workspaces import Workspaces
from orchestrator.workspaces.shared import SharedTree


@dataclass(frozen=True, slots=True)
class Witness:
    """Doors that are looked at while they are closed."""

    doors: Doors
    tree: SharedTree
    recorder: Recorder

    def open(self, grant: Grant) -> Later | None:
        """Look, then open."""
        if is_operation(grant.path) or is_person(grant.holder) or grant.declared:
            return self.doors.open(grant)
        return Later(partial(self._open, grant))

    def close(self, grant: Grant) -> Later | None:
        """Close, then look."""
        if is_operation(grant.path) or is_person(grant.holder):
            return self.doors.close(grant)
        return Later(partial(self._close, grant))

    async def _open(self, grant: Grant) -> None:
        await self._look(partial(self.tree.look, within=grant.path, besides=grant.fence), grant)
        if (door := self.doors.open(grant)) is not None:
            await door.come()

    async def _close(self, grant: Grant) -> None:
        if (door := self.doors.close(grant)) is not None:
            await door.come()
        await self._look(partial(self.tree.look, within=grant.path), grant)

    async def _look(self, look: Callable[[], str], grant: Grant) -> None:
        try:
            await anyio.to_thread.run_sync(look)
        except (SquadError, OSError) as error:  # a lock is worth more than a look: the next one sees the change too
            self.recorder.record(Noticed(text=f"{grant.path} could not be looked at for {grant.holder}: {error}"))


def witnessed(doors: Doors, workspaces: Workspaces, recorder: Recorder) -> Doors:
    """Have the doors of a shared tree looked at."""
    return Witness(doors, workspaces, recorder) if isinstance(workspaces, SharedTree) else doors
