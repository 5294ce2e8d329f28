"""What stands between an agent and the rest of the machine: nothing, a sandbox of bubblewrap's, or Landlock.

A part of the leash's program: the standard library alone, loaded by its place beside it. Walls that cannot be raised are no
start: never weaker ones. The parts of each are loaded only by who needs them, so that an agent without walls starts as
fast as ever.
"""

from __future__ import annotations

import errno
import os
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

    from orchestrator.leash.starting import Child, Start

    Message: TypeAlias = dict[str, Any]

#: Waits in the sandbox until the leash lets go; its line says that the sandbox stands.
HOLDER = ("/bin/sh", "-c", "echo; read -r _")


class Open:
    """No walls at all."""

    refusal = "this attempt is not confined"

    def start(self, start: Start) -> subprocess.Popen[bytes] | Child:
        """Start the agent in a session of its own."""
        return starting.popen(start, start.stdin())

    def own(self) -> set[int]:
        """Give the processes that are no agent's, but ours."""
        return set()

    def ask(self, command: Message, selector: selectors.BaseSelector, send: Callable[[Message], None]) -> None:  # noqa: ARG002
        """Open or close a path; the answer is sent, sooner or later."""
        send({"event": "failed", "id": command["id"], "reason": self.refusal})

    def fall(self) -> None:
        """End whatever is inside."""


class Begun:
    """A sandbox that bwrap has begun to make. Raises OSError if there is no bwrap."""

    def __init__(self, confine: Message) -> None:
        self.info, info_write = os.pipe()  #: what bwrap knows of it
        self.ready, ready_write = os.pipe()  #: where it says that it stands
        hold_read, self.hold = os.pipe()  #: closed, it ends
        try:
            self.process = subprocess.Popen(
                ["bwrap", "--info-fd", str(info_write), *confine["arguments"], "--", *HOLDER],
                stdin=hold_read,
                stdout=ready_write,
                stderr=ready_write,
                pass_fds=(info_write,),
                cwd="/",
                env={"PATH": os.environ.get("PATH", os.defpath)},
                start_new_session=True,
            )
        finally:
            for descriptor in (info_write, ready_write, hold_read):
                os.close(descriptor)


def build(confine: Message | None) -> Open:
    """Raise the walls that are asked for. Raises OSError if they cannot be raised."""
    if confine is None:
        return Open()
    if sys.platform != "linux":
        raise OSError(errno.ENOSYS, "only Linux can confine an agent")
    if confine["means"] == "landlock":
        return part("narrowing").Narrowed(confine)  # type: ignore[no-any-return]  # it is loaded by its name
    begun = Begun(confine)  # which takes some ms, in which the rest of this program is loaded
    return part("sandbox").Sandbox(confine, begun)  # type: ignore[no-any-return]  # the same


def part(name: str) -> Any:  # noqa: ANN401 - a module
    """Load a part of this program: as a module of the package, or from beside it where there is no package."""
    if __package__:
        import importlib

        return importlib.import_module(f"{__package__}.{name}")
    return __import__(name)
