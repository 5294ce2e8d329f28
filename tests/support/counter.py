"""A desk that is open to real processes: agents and a person call it over real sockets, without a run around it."""

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import anyio.to_thread

from orchestrator.control.server import Server, serve
from orchestrator.model import AgentId, Isolation
from orchestrator.standins import make, signs_of
from tests.support.desks import AGENTS, Office
from tests.support.waiting import NEVER

ROOT = Path(__file__).parents[2]
ENTER = f"import sys; sys.path[:0] = [{str(ROOT)!r}]; from orchestrator.__main__ import main; main()"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended, and what it said."""

    code: int
    out: str
    err: str


@dataclass(slots=True)
class Counter:
    """Starts programs as agents do."""

    desk: Office
    server: Server
    sockets: Path
    programs: Path  #: fake ones, found behind the stand-ins
    started: list[subprocess.Popen[str]] = field(default_factory=list)
    first: Path | None = None  #: the stand-ins

    def program(self, name: str, script: str) -> None:
        """Install a fake program: a shell script."""
        self.programs.mkdir(exist_ok=True)
        (self.programs / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (self.programs / name).chmod(0o755)

    def stand_in(self, never_parallel: Mapping[str, Sequence[str]], *, git: bool = False) -> Path:
        """Put the stand-ins of a run before everything else."""
        path = os.pathsep.join((str(self.programs), os.environ["PATH"]))
        self.first = make(self.desk.folder / "bin", signs_of(never_parallel, Isolation.WORKTREE, git=git), path=path)
        assert self.first is not None
        return self.first

    def environment(self, agent: AgentId) -> dict[str, str]:
        """Give what an agent's processes see."""
        folders = (self.first, self.programs, os.environ["PATH"])
        return {
            "PATH": os.pathsep.join(str(folder) for folder in folders if folder is not None),
            "HOME": os.environ["HOME"],
            "AGENT_ID": agent,
            "SQUAD_SOCKET": str(self.sockets / agent),
            "SQUAD_TOKEN": f"token-{agent}",
        }

    def start(self, agent: AgentId, *argv: str, **more: str) -> subprocess.Popen[str]:
        """Start a program as an agent; `more` is set in its environment besides."""
        process = subprocess.Popen(
            argv,
            cwd=self.desk.folder,
            env={**self.environment(agent), **more},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    async def run(self, agent: AgentId, *argv: str, **more: str) -> Ended:
        """Run a program as an agent to its end."""
        return await self.ended(self.start(agent, *argv, **more))

    async def ended(self, process: subprocess.Popen[str]) -> Ended:
        """Wait for a program's end."""
        out, err = await anyio.to_thread.run_sync(lambda: process.communicate(timeout=NEVER))
        return Ended(process.returncode, out, err)

    def held(self) -> list[tuple[str, str]]:
        """Give who holds what, besides what their tasks declare."""
        return [(grant.path, grant.holder) for grant in self.desk.table.grants() if not grant.declared]

    def close(self) -> None:
        """End every program that still runs."""
        for process in self.started:
            process.kill()
            process.wait()
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()


@asynccontextmanager
async def counter(desk: Office, runtime: Path) -> AsyncIterator[Counter]:
    """Open the desk to processes; in a task of its own, since a fixture's begin and end are not in one task."""
    opened: asyncio.Future[Counter] = asyncio.get_running_loop().create_future()
    closing = asyncio.Event()

    async def stay_open() -> None:
        async with _open(desk, runtime) as at:
            opened.set_result(at)
            await closing.wait()

    hosting = asyncio.create_task(stay_open())
    try:
        yield await asyncio.wait_for(opened, NEVER)
    finally:
        closing.set()
        await hosting


@asynccontextmanager
async def _open(desk: Office, runtime: Path) -> AsyncIterator[Counter]:
    """Listen for all agents and for people; everybody is at a task."""
    with tempfile.TemporaryDirectory(dir=runtime) as folder, anyio.fail_after(2 * NEVER):
        async with serve(desk.desk.answer, settle=desk.recorder.settle) as server:
            opened = Counter(desk, server, Path(folder), desk.folder.parent / "programs")
            opened.program("squad", f'exec {sys.executable} -S -c "{ENTER}" "$@"')
            await server.listen(opened.sockets / "control.sock")
            for agent in AGENTS:
                desk.sit(agent, declares=[f"own-{agent}.md"])
                await server.listen(opened.sockets / agent, agent=agent, token=f"token-{agent}")
            try:
                yield opened
            finally:
                opened.close()
