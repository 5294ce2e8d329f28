"""Confined agents in a small workspace that do what they are told."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from orchestrator.enforcement.confinement import Confinement, Means
from orchestrator.leash import Leashed, LeashSpec, start
from tests.support import escaping
from tests.support.leashing import followed, on_leash
from tests.support.waiting import soon


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """A confined agent that does what it is told, in a workspace with the folders `own` and `shared`."""

    folder: Path
    leashed: Leashed
    spec: LeashSpec

    @property
    def shared(self) -> Path:
        return self.folder / "shared"

    async def tries(self, what: str, at: object) -> bool:
        """Let it try one thing; tells whether the kernel allowed it."""
        before = self.lines()
        self.leashed.send(f"{what} {at}\n".encode("utf-8", "surrogateescape"))
        await soon(lambda: self.lines() > before, f"an answer to {what}")
        return self.spec.log.read_text(encoding="utf-8", errors="replace").splitlines()[-1] == "allowed"

    def lines(self) -> int:
        return self.spec.log.read_bytes().count(b"\n") if self.spec.log.exists() else 0


@asynccontextmanager
async def agent(folder: Path, **more: Any) -> AsyncIterator[Agent]:
    """Start one; it may write `own`, and what is opened to it."""
    for name in ("own", "shared/deep", "shared/held/deep"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "shared" / "file").write_text("text\n", encoding="utf-8")
    spec = on_leash(folder, (sys.executable, "-I", "-S", escaping.__file__), keep_stdin=True, grace=1.0)
    confinement = Confinement(
        means=Means.BUBBLEWRAP, writable=(folder / "own", *more.pop("writable", ())), grounds=(folder,), **more
    )
    spec = replace(spec, confinement=confinement)
    async with start(spec) as leashed, followed(leashed):
        yield Agent(folder=folder, leashed=leashed, spec=spec)
