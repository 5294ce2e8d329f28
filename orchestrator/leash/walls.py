"""What stands between an agent and the rest of the machine: nothing, a sandbox of bubblewrap's, or Landlock.

A part of the leash's program: the standard library alone, loaded by its place beside it. Walls that cannot be raised are no
start: never weaker ones. The parts of each are loaded only by who needs them, so that an agent without walls starts as
fast as ever.
"""

from __future__ import annotations

import errno
import subprocess
import sys

TYPE_CHECKING = False  # importing it from typing would cost every start
if TYPE_CHECKING or __package__:
    from orchestrator.leash import starting
else:
    import starting

if TYPE_CHECKING:
    import selectors
    from collections.abc import Callable
    from typing import Any, TypeAlias

    from orchestrator.leash.begin import Begun
    from orchestrator.leash.starting import Child, Start

    Message: TypeAlias = dict[str, Any]


class Open:
    """No walls at all."""

    refusal = "this attempt is not confined"

    def start(self, start: Start) -> subprocess.Popen[bytes] | Child:
        """Start the agent in a session of its own."""
        return starting.popen(start, start.stdin())

    def go_on(self) -> None:
        """Do what can wait until the agent runs and that is told."""

    def own(self) -> set[int]:
        """Give the processes that are no agent's, but ours."""
        return set()

    def ask(self, command: Message, selector: selectors.BaseSelector, send: Callable[[Message], None]) -> None:  # noqa: ARG002
        """Open or close a path; the answer is sent, sooner or later."""
        send({"event": "failed", "id": command["id"], "reason": self.refusal})

    def fall(self) -> None:
        """End whatever is inside."""


def build(confine: Message | None, begun: Begun | None) -> Open:
    """Raise the walls that are asked for; of a sandbox they are begun. Raises OSError if they cannot be raised."""
    if confine is None:
        return Open()
    if sys.platform != "linux":
        raise OSError(errno.ENOSYS, "only Linux can confine an agent")
    if confine["means"] == "landlock":
        return part("narrowing").Narrowed(confine)  # type: ignore[no-any-return]  # it is loaded by its name
    if begun is None or begun.fault is not None:
        raise (begun and begun.fault) or OSError(errno.EINVAL, "no sandbox was begun")
    return part("sandbox").Sandbox(confine, begun)  # type: ignore[no-any-return]  # the same


def part(name: str) -> Any:  # noqa: ANN401 - a module
    """Load a part of this program: as a module of the package, or from beside it where there is no package."""
    if __package__:
        import importlib

        return importlib.import_module(f"{__package__}.{name}")
    return __import__(name)
