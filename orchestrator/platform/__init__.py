"""What differs between Linux and macOS, and what only the system can tell about processes and files.

Nothing here decides: it looks and reports. In doubt about a process the answer is that it is not the one that was
meant, so that a stranger is never signalled.
"""

import contextlib
import ctypes
import os
import platform as system
import signal
import socket
import stat
import struct
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import psutil

LINUX = sys.platform == "linux"
_MOST_LOOKED_AT = 20_000  #: entries below a folder, when its newest write is looked for
_SUBREAPER, _GET_SUBREAPER = 36, 37  #: PR_SET_CHILD_SUBREAPER and PR_GET_CHILD_SUBREAPER of linux/prctl.h


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Which process is meant: a number alone may have been given to another one."""

    node: str
    boot: str
    pid: int
    born: float  #: seconds after boot (Linux) or since the epoch (elsewhere)


def identity(pid: int) -> Identity:
    """Give the identity of a process; born is 0 if it is gone."""
    return Identity(node=system.node(), boot=boot_id(), pid=pid, born=_born(pid))


def boot_time() -> float:
    """Give when this machine was started, in seconds since the epoch."""
    return psutil.boot_time()


def boot_id() -> str:
    """Name the boot of this machine."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{psutil.boot_time():.0f}"


def asleep() -> float:
    """Give the seconds that this machine has been suspended since its start, as far as the system tells."""
    names = ("CLOCK_BOOTTIME", "CLOCK_MONOTONIC") if LINUX else ("CLOCK_MONOTONIC", "CLOCK_UPTIME_RAW")
    with contextlib.suppress(AttributeError, OSError):
        counting, standing = (time.clock_gettime(getattr(time, name)) for name in names)
        return max(0.0, counting - standing)
    return 0.0


def become_subreaper() -> None:
    """Adopt orphans of killed leashes, where the system can do that."""
    if LINUX:
        ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, 1, 0, 0, 0)


def processes_marked(name: str, value: str) -> list[int]:
    """Give the living processes of this user that have `name=value` in their environment."""
    wanted = f"{name}={value}".encode()
    found = []
    for pid in psutil.pids():
        if not is_living(pid):
            continue
        if LINUX:
            with contextlib.suppress(OSError):
                if wanted in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                    found.append(pid)
        else:
            with contextlib.suppress(psutil.Error, OSError):
                if psutil.Process(pid).environ().get(name) == value:
                    found.append(pid)
    return found


def sweep(name: str, value: str, *, strays: Callable[[], list[int]] = list, seconds: float = 5.0) -> list[int]:
    """Kill all processes marked so and everything below them, until none is left; gives what was found.

    Used only when a leash was lost; `strays` gives more processes that are known to have been on it.
    """
    seen: list[int] = []
    until = time.monotonic() + seconds
    while (left := below([*processes_marked(name, value), *strays()])) and time.monotonic() < until:
        seen += [pid for pid in left if pid not in seen]
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        bury(seen)
    bury(seen)
    return seen


def below(roots: Sequence[int]) -> list[int]:
    """Give processes and all their living descendants."""
    children: dict[int, list[int]] = {}
    for pid in psutil.pids() if roots else ():
        if (parent := _parent(pid)) is not None:
            children.setdefault(parent, []).append(pid)
    found = list(dict.fromkeys(roots))
    for pid in found:
        found += [child for child in children.get(pid, ()) if child not in found and is_living(child)]
    return found


def children(pid: int) -> list[int]:
    """Give the living processes that a process started itself."""
    return [one for one in psutil.pids() if _parent(one) == pid and is_living(one)]


def adopted(*, besides: str) -> list[int]:
    """Give the living processes that orphaned themselves and that this one adopted as their subreaper.

    They are told from processes that this one started by their session, since only what it puts on a leash gets one; and
    from leashes, also those that are just being started, by `besides` or this process's own words on their command line.
    """
    if not LINUX or not _is_subreaper():
        return []
    own, session = _command_line(os.getpid()), os.getsid(0)
    found = []
    for pid in psutil.pids():
        if _parent(pid) == os.getpid() and is_living(pid):
            with contextlib.suppress(OSError):
                words = _command_line(pid)
                if words and os.getsid(pid) != session and words != own and os.fsencode(besides) not in words:
                    found.append(pid)
    return found


def is_living(pid: int) -> bool:
    """Tell whether a process exists and has not ended."""
    return _state(pid) not in {"Z", "X", ""}


def bury(pids: list[int]) -> None:
    """Reap those of the processes that became our children."""
    for pid in pids:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def tree_cpu(pid: int) -> float:
    """Give the CPU seconds that a process, its living descendants and the children they have buried used."""
    total = 0.0
    for one in below([pid]):
        with contextlib.suppress(psutil.Error, OSError):
            times = psutil.Process(one).cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def is_frozen(pid: int) -> bool:
    """Tell whether a process was stopped by a signal."""
    return _state(pid) == "T"


def newest_write(folder: Path, within: float) -> float | None:
    """Give how many seconds ago the newest file below a folder was written, if within so many."""
    now = time.time()
    ages = (now - mtime for mtime in _mtimes(folder))
    return min((age for age in ages if age <= within), default=None)


def peer_uid(connection: socket.socket) -> int:
    """Give the user who connected to a Unix socket."""
    if LINUX:
        _, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        return int(uid)
    raw = connection.getsockopt(0, 1, 80)  # SOL_LOCAL, LOCAL_PEERCRED: struct xucred, version then uid
    return int(struct.unpack("2I", raw[:8])[1])


def peer_pid(connection: socket.socket) -> int | None:
    """Give the process that connected to a Unix socket; None if the system does not tell."""
    try:
        if LINUX:
            pid, _, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        else:
            pid = connection.getsockopt(0, 2)  # SOL_LOCAL, LOCAL_PEERPID
    except OSError:
        return None
    return int(pid) or None


def descends(pid: int, ancestors: Collection[int]) -> bool:
    """Tell whether a process is one of the given ones, or was started below one of them."""
    return any(one in ancestors for one in lineage(pid))


def lineage(pid: int) -> list[int]:
    """Give a process and those below which it was started, the nearest first; nothing if it is gone."""
    try:
        process = psutil.Process(pid)
        return [one.pid for one in (process, *process.parents())]
    except psutil.Error:
        return []


def real_relative(root: Path, relative: str) -> str:
    """Follow the symlinks of what exists of a relative path; gives a path that begins with `..` if it leads outside."""
    if not is_linked(str(root), relative):
        return relative
    base = os.path.realpath(root)
    target = os.path.realpath(PurePosixPath(base) / relative)
    return os.path.relpath(target, base).replace(os.sep, "/")


def is_linked(root: str, relative: str) -> bool:
    """Tell whether a normal relative path may lead elsewhere: over a symlink below the root, or because of what it is itself."""
    return standing(root, relative) is None


def standing(root: str, relative: str) -> int | None:
    """Give how many names of a normal relative path stand there, each in the one before; None if it may lead elsewhere."""
    names = relative.split("/")
    if not {"", ".", ".."}.isdisjoint(names):
        return None
    here = root
    for number, name in enumerate(names):
        here = f"{here}/{name}"
        try:
            if stat.S_ISLNK(os.lstat(here).st_mode):
                return None
        except FileNotFoundError:
            return number
        except OSError:
            return None
    return len(names)


def _mtimes(folder: Path) -> Iterator[float]:
    todo, seen = [str(folder)], 0
    while todo and seen < _MOST_LOOKED_AT:
        with contextlib.suppress(OSError), os.scandir(todo.pop()) as entries:
            for entry in entries:
                seen += 1
                with contextlib.suppress(OSError):
                    yield entry.stat(follow_symlinks=False).st_mtime
                    if entry.is_dir(follow_symlinks=False) and entry.name != ".git":
                        todo.append(entry.path)


def _is_subreaper() -> bool:
    answer = ctypes.c_int(0)
    ctypes.CDLL(None, use_errno=True).prctl(_GET_SUBREAPER, ctypes.byref(answer), 0, 0, 0)
    return bool(answer.value)


def _command_line(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def _parent(pid: int) -> int | None:
    if LINUX:
        fields = _stat(pid)
        return int(fields[1]) if fields else None
    with contextlib.suppress(psutil.Error):
        return psutil.Process(pid).ppid()
    return None


def _born(pid: int) -> float:
    if LINUX:
        fields = _stat(pid)
        return int(fields[19]) / os.sysconf("SC_CLK_TCK") if fields else 0.0
    with contextlib.suppress(psutil.Error):
        return psutil.Process(pid).create_time()
    return 0.0


def _state(pid: int) -> str:
    if LINUX:
        fields = _stat(pid)
        return fields[0] if fields else ""
    states = {psutil.STATUS_ZOMBIE: "Z", psutil.STATUS_STOPPED: "T", psutil.STATUS_DEAD: "X"}
    with contextlib.suppress(psutil.Error):
        return states.get(psutil.Process(pid).status(), "S")
    return ""


def _stat(pid: int) -> list[str]:
    """Give the fields of /proc/PID/stat after the name, beginning with the state; empty if the process is gone."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].decode("ascii").split()
    return []
