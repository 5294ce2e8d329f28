"""What an agent at work is told of its foreign changes before its attempt ends, so that it need not do all of it again.

Nothing is decided by it: what counts is what is found at the end. A look at a workspace costs time and nobody tells of a write,
so that it is taken now and then, and more rarely where it takes long. Where the kernel refuses, there is nothing to tell.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

import anyio
import anyio.lowlevel
import anyio.to_thread

from orchestrator.claims import Claim
from orchestrator.enforcement.detect import foreign
from orchestrator.errors import SquadError
from orchestrator.events import AgentWarned
from orchestrator.model import AgentId, Operation
from orchestrator.recorder import Recorder
from orchestrator.refusals import Advice, worded
from orchestrator.rights import Deny, Rights, Wait
from orchestrator.state import AttemptStatus
from orchestrator.workspaces.worktree import Worktrees

T = TypeVar("T")
EVERY = 30.0  #: seconds between two looks
_SHARE = 20  #: a look takes at most this part of the time
_MOST = 5  #: paths that are told with whose they are


@dataclass(frozen=True, slots=True, kw_only=True)
class Forewarning:
    """Looks at the worktree of one attempt while its agent works."""

    recorder: Recorder
    worktrees: Worktrees
    rights: Rights
    attempt: str
    writes: tuple[Claim, ...] | None
    tell: Callable[[str], bool]  #: says something to the agent; tells whether it can hear it
    _told: set[str] = field(default_factory=set)

    async def beside(self, work: Callable[[], Awaitable[T]]) -> T:
        """Look as long as something else takes; gives what that gives."""
        done: list[T] = []
        failed = None
        async with anyio.create_task_group() as group:
            group.start_soon(self._watch)
            try:
                done.append(await work())
            except (SquadError, OSError) as error:
                failed = error  # a task group would put it into a group of errors
            group.cancel_scope.cancel()
        if failed is not None:
            raise failed
        return done[0]

    async def _watch(self) -> None:
        """Look now and then until it is cancelled."""
        wait = EVERY
        while True:
            await anyio.sleep(wait)
            begun = anyio.current_time()
            await self._look()
            wait = max(EVERY, _SHARE * (anyio.current_time() - begun))

    async def _look(self) -> None:
        status = self._status
        look = partial(self.worktrees.glance, Path(status.workspace), base=status.base)
        try:
            changed = await anyio.to_thread.run_sync(look)
        except (SquadError, OSError):
            return  # it is at work there; what lies there at the end is looked at then
        await anyio.lowlevel.checkpoint_if_cancelled()  # at work no more: nobody is to be told
        if new := [path for path in self._foreign(changed) if path not in self._told]:
            self._told.update(new)
            self._warn(new)

    @property
    def _status(self) -> AttemptStatus:
        return self.recorder.state.attempts[self.attempt]

    def _foreign(self, changed: Sequence[str]) -> tuple[str, ...]:
        status, agent = self._status, AgentId(self._status.agent)
        held = {"locked": status.locked, "revoked": status.revoked}
        return foreign(changed, writes=self.writes, agent=agent, rights=self.rights, **held)

    def _warn(self, paths: Sequence[str]) -> None:
        status = self._status
        told = [self._about(AgentId(status.agent), path) for path in paths[:_MOST]]
        more = [f"and {len(paths) - _MOST} more"] if len(paths) > _MOST else []
        head = "squad sees changes in your workspace that your task may not make; at its end they would be taken back:"
        text = "\n".join((head, *told, *more))
        heard = self.tell(text)
        self.recorder.record(
            AgentWarned(agent=status.agent, task=status.task, attempt=self.attempt, paths=list(paths), text=text, heard=heard)
        )

    def _about(self, agent: AgentId, name: str) -> str:
        """Say whose a path is, and what helps."""
        path = Claim(name)
        match self.rights.may(agent, path, Operation.WRITE):
            case Deny(reason=reason, advice=advice):
                return worded(reason, advice)
            case Wait(reason=reason):
                return worded(reason, (_asking(path),))
            case _:
                return worded(path, (_asking(path),))


def _asking(path: str) -> Advice:
    return Advice(call="lock", arguments={"path": path, "wait": "10m"}, why="if you need it, ask for it before you go on")
