"""What an agent at work is told of its foreign changes before its attempt ends, so that it need not do all of it again.

Nothing is decided by it: what counts is what is found at the end. A look at a workspace costs time and nobody tells of a write,
so that it is taken now and then, and more rarely where it takes long. Where the kernel refuses there is nothing to look at, and
nobody tells squad of a refusal either: but the program that met it mostly says so, with the path, and that is overheard.
"""

import os
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

import anyio
import anyio.lowlevel
import anyio.to_thread

from orchestrator.claims import Claim
from orchestrator.enforcement.detect import foreign, is_free
from orchestrator.errors import SquadError
from orchestrator.events import AgentWarned
from orchestrator.journal.recorder import Recorder
from orchestrator.model import AgentId, Operation
from orchestrator.ownership import NEVER
from orchestrator.refusals import Advice, worded
from orchestrator.rights import Deny, Rights, Wait
from orchestrator.state import AttemptStatus
from orchestrator.workspaces.worktree import Worktrees

T = TypeVar("T")
EVERY = 30.0  #: seconds between two looks
_SHARE = 20  #: a look takes at most this part of the time
_MOST = 5  #: paths that are told with whose they are
_AROUND = 400  #: bytes about a refusal in which its path is looked for
_WORDS = b"ead-only file system"
_REFUSED = re.compile(b"[Rr]" + _WORDS)
_BREAK = re.compile(rb"[\r\n]|\\n")  #: a line ends, also within a text of JSON's
_NAMED = re.compile(rb"""(?:['"`]|\xe2\x80\x98)([^'"`\\\xe2]+)|([^\s:'"]+): $""")  #: in quotes, or last
_MOST_REFUSED = 20  #: paths of one attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """Tells the agent of one attempt, once each, of paths that it may not write."""

    recorder: Recorder
    rights: Rights
    attempt: str
    writes: tuple[Claim, ...] | None
    tell: Callable[[str], bool]  #: says something to the agent; tells whether it can hear it
    told: set[str] = field(default_factory=set)

    @property
    def status(self) -> AttemptStatus:
        """Give what the journal knows of the attempt."""
        return self.recorder.state.attempts[self.attempt]

    def warn(self, head: str, paths: Sequence[str]) -> None:
        """Tell of some paths, with whose they are and what helps."""
        self.told.update(paths)
        status = self.status
        told = [self._about(AgentId(status.agent), path) for path in paths[:_MOST]]
        more = [f"and {len(paths) - _MOST} more"] if len(paths) > _MOST else []
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Overhearing:
    """Reads in what a confined agent prints of which paths the kernel refused it."""

    voice: Voice
    _rest: bytearray = field(default_factory=bytearray)

    def hear(self, chunk: bytes) -> None:
        """Take in what it printed; a line may come in parts."""
        text = bytes(self._rest) + chunk
        self._rest[:] = text[max(len(text) - _AROUND, text.rfind(b"\n") + 1) :]
        if _WORDS not in text:
            return
        paths = (path for found in _REFUSED.finditer(text) for path in self._paths(text, found.start(), found.end()))
        if new := [path for path in dict.fromkeys(paths) if path not in self.voice.told][: _MOST_REFUSED - len(self.voice.told)]:
            self.voice.warn("the kernel refused you a write: your task may not change this, unless you ask for it:", new)

    def _paths(self, text: bytes, begin: int, end: int) -> Iterator[str]:
        """Give what a line that tells of a refusal names, and what is there and not the agent's to write."""
        before, after = _BREAK.split(text[max(0, begin - _AROUND) : begin])[-1], _BREAK.split(text[end : end + _AROUND])[0]
        if b"temporary" in before:  # a name that nobody will ask for
            return
        for quoted, last in (*_NAMED.findall(before), *_NAMED.findall(after)):
            path = self._path((quoted or last).decode("utf-8", "replace"))
            if path is not None and not self._is_its(path):
                yield path

    def _path(self, name: str) -> Claim | None:
        """Read a name as a path; only what is there, or could be in a folder that is: the agent may stand somewhere else."""
        root = Path(self.voice.status.workspace)
        inside = os.path.normpath(name.removeprefix(f"{root}/"))
        if "\0" in inside or inside.startswith("/") or inside.split("/")[0] in (*NEVER, ".", ".."):
            return None
        path = Claim(inside)
        place = root / path
        is_there = os.path.lexists(place) or (place.parent != root and os.path.isdir(place.parent))  # noqa: PTH112 - of any name
        return path if is_there else None

    def _is_its(self, path: Claim) -> bool:
        agent, rights, is_known = AgentId(self.voice.status.agent), self.voice.rights, self.voice.writes is not None
        return rights.has(agent, path) or is_free(path, agent, rights, is_known=is_known)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forewarning:
    """Looks at the worktree of one attempt while its agent works."""

    voice: Voice
    worktrees: Worktrees

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
        status = self.voice.status
        look = partial(self.worktrees.glance, Path(status.workspace), base=status.base)
        try:
            changed = await anyio.to_thread.run_sync(look)
        except (SquadError, OSError):
            return  # it is at work there; what lies there at the end is looked at then
        await anyio.lowlevel.checkpoint_if_cancelled()  # at work no more: nobody is to be told
        if new := [path for path in self._foreign(changed) if path not in self.voice.told]:
            self.voice.warn(
                "squad sees changes in your workspace that your task may not make; at its end they would be taken back:", new
            )

    def _foreign(self, changed: Sequence[str]) -> tuple[str, ...]:
        status, agent = self.voice.status, AgentId(self.voice.status.agent)
        held = {"locked": status.locked, "revoked": status.revoked}
        return foreign(changed, writes=self.voice.writes, agent=agent, rights=self.voice.rights, **held)


def _asking(path: str) -> Advice:
    return Advice(call="lock", arguments={"path": path, "wait": "10m"}, why="if you need it, ask for it before you go on")
