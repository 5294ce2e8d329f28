"""Landlock as walls: the agent's own process gives up the right to write, before its program begins.

A part of the leash's program: the standard library alone, loaded by its place beside it. Nothing can be given back later; only
a command beside the agent can be given more.
"""

from __future__ import annotations

import os
import selectors

TYPE_CHECKING = False  # importing it from typing would cost every start
if TYPE_CHECKING or __package__:
    from orchestrator.leash import kernel, landlock, starting
    from orchestrator.leash.walls import Open, part
else:
    import kernel
    import landlock
    import starting
    from walls import Open, part

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from typing import Any

    from orchestrator.leash.beside import Beside
    from orchestrator.leash.starting import Child, Start


class Narrowed(Open):
    """A process that can only ever do less."""

    refusal = "Landlock only narrows: what an attempt may write is settled when it starts"

    def __init__(self, confine: dict[str, Any]) -> None:
        self.ruleset = landlock.ruleset(confine)
        self.confine = confine
        self.besides: dict[int, Beside] = {}

    def start(self, start: Start) -> subprocess.Popen[bytes] | Child:
        try:
            return starting.popen(start, start.stdin(), before=self.narrow)
        finally:
            os.close(self.ruleset)

    def narrow(self) -> None:
        """Give up the rights of root too: with them another agent's memory could be read, and so its token."""
        kernel.renounce()
        kernel.landlock_restrict(self.ruleset)

    def ask(self, command: dict[str, Any], selector: selectors.BaseSelector, send: Callable[[dict[str, Any]], None]) -> None:
        if command["op"] == "pass on":
            if (known := self.besides.get(command["id"])) is not None:
                known.signal(command["signal"])
        elif command["op"] == "beside":
            self.start_beside(command, selector, send)
        else:
            super().ask(command, selector, send)

    def start_beside(
        self, command: dict[str, Any], selector: selectors.BaseSelector, send: Callable[[dict[str, Any]], None]
    ) -> None:
        """Run a command that may write more than the agent."""
        number = command["id"]
        around = [one for one in self.besides.values() if one.is_around(command["pid"])]
        inherited = [place for one in around for place in one.asked["writable"]]
        asked = {**command, "writable": [*command["writable"], *inherited]}
        try:
            one = self.besides[number] = part("beside").Beside(self.confine, asked, send)
        except OSError as error:
            send({"event": "failed", "id": number, "reason": part("placeholders").reason(error)})
            return
        for outer in around:
            outer.inner.append(one)

        def hear() -> None:
            if one.hear(selector):
                del self.besides[number]

        selector.register(one.read, selectors.EVENT_READ, hear)
