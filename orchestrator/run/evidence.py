"""What an attempt left, held against what it may change.

Everything is kept before anything is said about it. A foreign change is kept under a ref and taken out, so that the honest
part of the work stays; what cannot be laid at one door is told of and held against nobody.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import anyio.to_thread

from orchestrator import strange
from orchestrator.claims import is_operation
from orchestrator.enforcement.detect import foreign
from orchestrator.events import Event, Noticed
from orchestrator.gitturn import GitTurn
from orchestrator.journal.recorder import Recorder
from orchestrator.model import Access, AttemptId, Isolation, PlannedTask, Seat
from orchestrator.parties import NOBODY
from orchestrator.rights import Rights
from orchestrator.scheduling.outcomes import named
from orchestrator.state import AttemptStatus
from orchestrator.workspaces import Signed, Untaken, Work, Workspaces
from orchestrator.workspaces.outside import Outside

_TIMES = 3  #: how often taking something back may bring something else to light, such as what a rule had hidden
_SHOWN = 5  #: paths that are named
_PASSED = "changed {paths} in commits of its own and changed it back; they are kept under {ref}, and one commit stands for them"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found of an attempt."""

    work: Work
    foreign: tuple[str, ...] = ()
    untaken: tuple[str, ...] = ()  #: its own, each with why
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """How the work of one attempt is taken and looked at; git is written to by one attempt at a time."""

    recorder: Recorder
    workspaces: Workspaces
    outside: Outside | None
    git: GitTurn
    rights: Rights
    planned: PlannedTask
    seat: Seat
    attempt: AttemptId

    async def begin(self) -> None:
        """Note what stands outside of the workspaces, before the agent is started."""
        if self.outside is not None:
            alone = not strange.beside(self.recorder.state, self.attempt)
            async with self.git:
                await anyio.to_thread.run_sync(partial(self.outside.begin, alone=alone))

    async def take(self, *, judged: bool) -> Found:
        """Keep what the attempt left; unless it never began, look at it.

        Raises:
            RepositoryError: It could not be kept or taken back; it still lies in the workspace.
        """
        work = await self.keep()
        if not judged:
            return Found(work=work)
        events, blamed = list[Event](), list[str]()
        for _ in range(_TIMES):
            if not (new := [path for path in self._blamed(work) if path not in blamed]):
                break
            async with self.git:
                ref = await anyio.to_thread.run_sync(self._set_aside, work, tuple(new))
            events.append(self._foreign_change(work, new, ref))
            blamed += new
            work = await self.keep()
        if passing := self._not_its(work.passing):
            async with self.git:
                ref = await anyio.to_thread.run_sync(self._flatten, work)
            events.append(Noticed(text=f"{self.attempt} {_PASSED.format(paths=', '.join(passing[:_SHOWN]), ref=ref)}"))
            work = await self.keep()
        events += self._doubts(work) if self._is_shared else self._late(work)
        events += self._left(work)
        untaken = tuple(str(one) for one in work.untaken if one.path not in blamed)
        events += await self._outside()
        return Found(work=_without(work, blamed), foreign=tuple(blamed), untaken=untaken, events=tuple(events))

    async def keep(self) -> Work:
        """Keep everything that lies in the workspace."""
        async with self.git:
            try:
                work = await anyio.to_thread.run_sync(self._harvest)
                return replace(work, untaken=tuple(filter(self._is_new, work.untaken))) if self._is_shared else work
            finally:
                if self.outside is not None and self._status.branch:
                    # before it counts as ended: from then on whoever moves its branch is told of
                    await anyio.to_thread.run_sync(self.outside.own, self._status.branch)

    def _is_new(self, one: Untaken) -> bool:
        """Tell whether something came to be, or was shut, since the attempt's start."""
        at = strange.changed_at(self._folder, one.path)
        return at is not None and at >= self._status.prepared_at

    @property
    def _status(self) -> AttemptStatus:
        return self.recorder.state.attempts[self.attempt]

    @property
    def _folder(self) -> Path:
        return Path(self._status.workspace)

    def _harvest(self) -> Work:
        named = (*(self.planned.writes or ()), *self._status.locked)
        return self.workspaces.harvest(self.attempt, self._folder, base=self._status.base, signed=self._signed, named=named)

    def _flatten(self, work: Work) -> str:
        return self.workspaces.flatten(self.attempt, self._folder, work, base=self._status.base, signed=self._signed)

    @property
    def _signed(self) -> Signed:
        task = self.planned.task
        trailers = {"Squad-Run": self.recorder.state.run, "Squad-Task": task.id, "Squad-Attempt": self.attempt}
        return Signed(agent=self.seat.id, title=task.title, trailers=trailers)

    def _not_its(self, paths: Sequence[str]) -> tuple[str, ...]:
        status, writes = self._status, self.planned.writes
        agent, rights, revoked = self.seat.id, self.rights, status.revoked
        return foreign(paths, writes=writes, locked=status.locked, agent=agent, rights=rights, revoked=revoked)

    def _owned(self, path: str) -> tuple[str, str]:
        """Give a path with whom it belongs to: nothing if the agent may ask for it."""
        owned = self.rights.owner(path)
        if owned.access is Access.READ_ONLY:
            return path, "read-only"
        is_anothers = owned.access is Access.EXCLUSIVE and self.seat.id not in owned.owners
        return path, (owned.owners[0] if owned.owners else "nobody") if is_anothers else ""

    @property
    def _is_shared(self) -> bool:
        return self.recorder.state.isolation == Isolation.SHARED

    def _blamed(self, work: Work) -> list[str]:
        """Give what is held against the attempt: what it may not write of its own, and what only it can have written."""
        doubtful = (path for doubt in work.doubts if doubt.attempt == self.attempt for path in doubt.paths)
        changed = (*work.paths, *(one.path for one in work.untaken))
        return list(dict.fromkeys((*self._not_its(changed), *doubtful)))

    def _foreign_change(self, work: Work, paths: Sequence[str], ref: str) -> Event:
        found = (doubt.why for doubt in work.doubts if doubt.attempt == self.attempt and not set(paths).isdisjoint(doubt.paths))
        why = next(found, "it lies where its task may write, but not this")
        return strange.foreign_change(self.recorder.state, self.attempt, dict(map(self._owned, paths)), ref, shared_why=why)

    def _doubts(self, work: Work) -> list[Event]:
        """Tell of changes that several may have made, or none of those at work."""
        state, ref = self.recorder.state, self._kept(work)
        told = (
            strange.unsure(state, self.attempt, "tree", doubt.paths, why=doubt.why, ref=ref, among=doubt.among)
            for doubt in work.doubts
            if not doubt.attempt
        )
        return [event for events in told for event in events]

    def _left(self, work: Work) -> list[Event]:
        """Tell of what is kept nowhere but in the workspace."""
        if not work.untaken:
            return []
        told = named([str(one) for one in work.untaken])
        return [Noticed(text=f"{self.attempt} left what squad cannot take in: {told}; it lies in {self._folder}")]

    def _set_aside(self, work: Work, paths: tuple[str, ...]) -> str:
        return self.workspaces.set_aside(self.attempt, self._folder, work, paths, base=self._status.base)

    def _kept(self, work: Work) -> str:
        return self.workspaces.kept(self.attempt) if work.commit else ""

    def _late(self, work: Work) -> list[Event]:
        """Tell of what was written, as it seems, after the lock that allowed it was given back."""
        status, rights, agent = self._status, self.rights, self.seat.id
        held = [key for key in status.locked if key not in status.released and not is_operation(key)]
        allowed = foreign(work.paths, writes=self.planned.writes, locked=held, agent=agent, rights=rights)
        gives, when = (lambda key, path: rights.gives(key, agent, path)), partial(strange.changed_at, self._folder)
        late = strange.too_late(self.recorder.state, self.attempt, allowed, gives, when)
        why = "it was changed after the lock on it had been given back: a kept descriptor writes on, but so do tools that tidy up"
        return list(strange.unsure(self.recorder.state, self.attempt, "workspace", late, why=why, ref=self._kept(work)))

    async def _outside(self) -> list[Event]:
        if self.outside is None:
            return []
        async with self.git:
            moving = {one.branch for one in self.recorder.state.attempts.values() if one.branch and one.ended_at is None}
            changes = await anyio.to_thread.run_sync(partial(self.outside.changes, moving=moving))
        state = self.recorder.state
        if strange.is_out_of_reach(state, self.attempt):
            told = (strange.unsure(state, self.attempt, one.where, one.paths, why=NOBODY, among=()) for one in changes)
        else:
            told = (strange.unsure(state, self.attempt, one.where, one.paths, why=one.why) for one in changes)
        return [event for events in told for event in events]


def _without(work: Work, paths: Sequence[str]) -> Work:
    return replace(work, paths=tuple(path for path in work.paths if path not in paths))
