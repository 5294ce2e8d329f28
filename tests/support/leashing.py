"""Agents on leashes, for tests: small Python programs as agents, and supervisors that can be killed."""

import contextlib
import json
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import anyio
import pytest

from orchestrator.leash import Leashed, LeashSpec, Notice, program, start

_HERE = str(Path(__file__).parents[2])
_SUPERVISOR = """
import json, sys, anyio
from pathlib import Path
from orchestrator.enforcement.confinement import Confinement, Means
from orchestrator.leash import LeashSpec, start
from orchestrator.platform import become_subreaper

async def main(told):
    become_subreaper()
    spec = LeashSpec(
        argv=tuple(told["argv"]), cwd=told["cwd"], environment=told["environment"], log=Path(told["log"]), mark=told["mark"],
        socket=Path(told["socket"]), grace=1.0,
        confinement=told["writable"] and Confinement(means=Means.BUBBLEWRAP, writable=tuple(map(Path, told["writable"]))),
    )
    async with start(spec) as leashed:
        print(leashed.leash_pid, leashed.pid, flush=True)
        async for notice in leashed.notices():
            print(type(notice).__name__, flush=True)

anyio.run(main, json.loads(sys.argv[1]))
"""


def python(code: str) -> tuple[str, ...]:
    """Give the command line of a small program."""
    return (sys.executable, "-I", "-S", "-c", textwrap.dedent(code))


def on_leash(
    folder: Path,
    argv: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    keep_stdin: bool = False,
    grace: float = 10.0,
) -> LeashSpec:
    """Say how to start an agent that works and logs in a folder."""
    return LeashSpec(
        argv=tuple(argv),
        cwd=str(folder),
        environment={"PATH": "/usr/bin:/bin", **(environment or {})},
        log=folder / "logs" / "T1.1.log",
        mark=f"mark of {folder}",
        socket=folder / "T1.1.sock",
        stdin=stdin,
        keep_stdin=keep_stdin,
        grace=grace,
    )


async def see_through(spec: LeashSpec) -> list[Notice]:
    """Run an agent to its end; gives everything its leash told."""
    async with start(spec) as leashed:
        return [notice async for notice in leashed.notices()]


@asynccontextmanager
async def followed(leashed: Leashed) -> AsyncIterator[list[Notice]]:
    """Follow what a leash tells while the block lasts; gives what it has told."""
    told: list[Notice] = []

    async def follow() -> None:
        async with aclosing(leashed.notices()) as notices:  # type: ignore[type-var]  # it is a generator
            async for notice in notices:
                told.append(notice)  # noqa: PERF401 - it is read meanwhile

    async with anyio.create_task_group() as group:
        group.start_soon(follow)
        yield told
        group.cancel_scope.cancel()


def supervised(spec: LeashSpec) -> tuple[subprocess.Popen[str], int, int]:
    """Start an agent under a supervisor of its own, which can be killed; gives it, the leash's number and the agent's."""

    told = {
        "argv": spec.argv,
        "cwd": spec.cwd,
        "environment": dict(spec.environment),
        "log": str(spec.log),
        "mark": spec.mark,
        "socket": str(spec.socket),
        "writable": spec.confinement and spec.confinement.to_spec()["writable"],
    }
    process = subprocess.Popen(
        [sys.executable, "-c", _SUPERVISOR, json.dumps(told)], stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": _HERE}
    )
    assert process.stdout is not None
    leash, agent = process.stdout.readline().split()
    return process, int(leash), int(agent)


@contextlib.contextmanager
def changed_program(folder: Path, *changes: tuple[str, str]) -> Iterator[None]:
    """Let leashes run a copy of their program in which some lines read differently."""
    parts = {part.name: part.read_text(encoding="utf-8") for part in Path(program.__file__).parent.glob("*.py")}
    for old, new in changes:
        assert sum(old in text for text in parts.values()) == 1
        parts = {name: text.replace(old, new) for name, text in parts.items()}
    for name, text in parts.items():
        (folder / name).write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("orchestrator.leash._PROGRAM", str(folder / "begin.py"))
        yield
