"""Which programs of the machine can be spoken to through a file: whoever listens there writes for anybody who asks.

A read-only mount does not keep from connecting. So what listens when an attempt starts is covered, unless the user says that
agents may speak to it; what begins to listen later is not.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

_LISTENS = 0x10000  # __SO_ACCEPTCON in the fourth column, see proc_net_unix(5)
_DATAGRAM = "0002"  # such a socket listens without saying so


def listening(table: str) -> Iterator[str]:
    """Give the absolute paths that the table of `/proc/net/unix` says somebody listens at."""
    for line in table.splitlines()[1:]:
        columns = line.split(maxsplit=7)  # number, references, protocol, flags, type, state, inode, path
        if len(columns) == 8 and columns[7].startswith("/") and (int(columns[3], 16) & _LISTENS or columns[4] == _DATAGRAM):
            yield columns[7]


def reachable(paths: Iterable[str], *, allowed: Iterable[Path]) -> tuple[Path, ...]:
    """Give the real paths of those that this user could speak to and that are not allowed, each once, in order."""
    spared = {os.path.realpath(path) for path in allowed}
    found = {real for path in paths if (real := os.path.realpath(path)) not in spared and is_socket(real)}
    return tuple(sorted(Path(real) for real in found if os.access(real, os.W_OK)))


def is_socket(path: str | Path) -> bool:
    """Tell whether a socket stands there."""
    try:
        return Path(path).is_socket()
    except (OSError, ValueError):  # such as a folder that may not be looked into
        return False
