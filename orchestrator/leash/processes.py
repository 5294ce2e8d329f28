"""Processes as the leash sees them: who descends from whom, how they end, and how they are ended.

A part of the leash's program: the standard library alone, loaded by its place beside it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time

PR_SET_CHILD_SUBREAPER = 36

TYPE_CHECKING = False  # importing it from typing would cost every start
if TYPE_CHECKING:
    from typing import Protocol

    class Process(Protocol):
        """A child of the leash."""

        pid: int

        def poll(self) -> int | None: ...


def become_subreaper() -> None:
    """Adopt orphans of the agent where the system can do that."""
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - it is slow to load, and bubblewrap may be at work meanwhile

        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def start_time(pid: int) -> float:
    """Give when a process started: seconds after boot on Linux, 0 where that is not told."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        return int(fields[19]) / os.sysconf("SC_CLK_TCK")
    except OSError:
        return 0.0


def parents() -> dict[int, tuple[int, int, bool]]:
    """Give pid -> parent, process group and whether it is dead already, of all processes."""
    if sys.platform != "linux":
        text = subprocess.run(["ps", "-axo", "pid=,ppid=,pgid=,stat="], capture_output=True, text=True, check=False).stdout
        rows = (line.split(None, 3) for line in text.splitlines())
        return {int(row[0]): (int(row[1]), int(row[2]), row[3].startswith("Z")) for row in rows if len(row) == 4}
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    fields = file.read().rpartition(b")")[2].split()
            except OSError:
                continue
            found[int(name)] = (int(fields[1]), int(fields[2]), fields[0] in (b"Z", b"X"))
    return found


def descendants(root: int) -> list[int]:
    """Give all living processes below one; zombies do not count, but what is below them does."""
    table = parents()
    children: dict[int, list[int]] = {}
    for pid, (parent, _, _) in table.items():
        children.setdefault(parent, []).append(pid)
    found: list[int] = []
    todo = [root]
    while todo:
        for pid in children.get(todo.pop(), ()):
            found.append(pid)
            todo.append(pid)
    groups = {pid for pid in found if table[pid][1] == pid}
    found += [pid for pid, (_, group, _) in table.items() if group in groups and pid not in found and pid != root]
    return [pid for pid in found if not table[pid][2]]


def has_only_children(pids: set[int]) -> bool:
    """Tell, where the kernel can without a look at all processes, that there is no child besides some that have ended."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", "rb") as file:
            return {int(pid) for pid in file.read().split()} <= pids
    except OSError:
        return False


def reap(root: int, besides: int) -> None:
    """Bury adopted children that have ended."""
    for pid, (parent, _, dead) in parents().items() if sys.platform == "linux" and not has_only_children({besides}) else ():
        if parent == root and dead and pid != besides:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)


def signal_all(pids: list[int], *signals: int) -> None:
    """Signal processes; those that are gone already do not matter."""
    for pid in pids:
        for one in signals:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, one)


def kill_groups(pids: list[int]) -> None:
    """Kill the process groups of an agent's processes: the kernel does that in one step, so that no fork slips through."""
    own = os.getpgrp()
    groups = set()
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            groups.add(os.getpgid(pid))
    for group in groups - {own}:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


def how_ended(process: Process) -> tuple[int | None, str | None] | None:
    """Give exit code or signal of a process; None while it lives. It keeps its number where the system can do that."""
    if not hasattr(os, "waitid"):
        code = process.poll()
        return None if code is None else (code, None) if code >= 0 else (None, signal_name(-code))
    found = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if found is None:
        return None
    return (found.si_status, None) if found.si_code == os.CLD_EXITED else (None, signal_name(found.si_status))


def signal_name(number: int) -> str:
    """Name a signal; real-time signals have numbers only."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIG{number}"


def kill_all(root: int) -> None:
    """Kill everything below, as the last act of a leash that failed."""
    until = time.monotonic() + 2.0
    while (left := descendants(root)) and time.monotonic() < until:
        signal_all(left, signal.SIGKILL)
        reap(root, besides=0)
