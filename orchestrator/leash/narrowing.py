"""Landlock as walls: the agent's own process gives up the right to write, before its program begins.

A part of the leash's program: the standard library alone, loaded by its place beside it. Nothing can be given back later.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False  # importing it from typing would cost every start
if TYPE_CHECKING or __package__:
    from orchestrator.leash import kernel, landlock, starting
    from orchestrator.leash.walls import Open
else:
    import kernel
    import landlock
    import starting
    from walls import Open

if TYPE_CHECKING:
    import subprocess
    from typing import Any

    from orchestrator.leash.starting import Child, Start


class Narrowed(Open):
    """A process that can only ever do less."""

    refusal = "Landlock only narrows: what an attempt may write is settled when it starts"

    def __init__(self, confine: dict[str, Any]) -> None:
        self.ruleset = landlock.ruleset(confine)

    def start(self, start: Start) -> subprocess.Popen[bytes] | Child:
        try:
            return starting.popen(start, start.stdin(), before=lambda: kernel.landlock_restrict(self.ruleset))
        finally:
            os.close(self.ruleset)
