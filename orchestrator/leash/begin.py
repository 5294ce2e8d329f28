"""The first thing that a leash does: let bubblewrap begin, and only then load what else it needs.

Run as a program, with the arguments of bubblewrap if there is to be a sandbox. One takes about as long to be made as the rest of
the program takes to be loaded; so here nothing may be loaded that is not there anyway.
"""

from __future__ import annotations

import os
import sys

#: Waits in the sandbox until the leash lets go; its line says that the sandbox stands.
HOLDER = ("/bin/sh", "-c", "echo; read -r _")


class Begun:
    """A sandbox that bwrap has begun to make, unless there is no bwrap."""

    def __init__(self, arguments: list[str]) -> None:
        self.info, info_write = os.pipe()  #: what bwrap knows of it
        self.ready, ready_write = os.pipe()  #: where it says that it stands
        hold_read, self.hold = os.pipe()  #: closed, it ends
        self.pid = 0
        self.fault: OSError | None = None
        os.set_inheritable(info_write, True)
        argv = ["bwrap", "--info-fd", str(info_write), *arguments, "--", *HOLDER]
        ends = [(os.POSIX_SPAWN_DUP2, end, number) for number, end in enumerate((hold_read, ready_write, ready_write))]
        try:
            self.pid = os.posix_spawnp(
                "bwrap", argv, {"PATH": os.environ.get("PATH", os.defpath)}, file_actions=ends, setsid=True
            )
        except OSError as error:
            self.fault = error
        for descriptor in (info_write, ready_write, hold_read):
            os.close(descriptor)


if __name__ == "__main__":
    begun = Begun(sys.argv[1:]) if len(sys.argv) > 1 else None
    sys.path.append(os.path.dirname(os.path.abspath(__file__)))  # nothing of squad's is in reach but what lies beside this
    __import__("program").main(begun)
