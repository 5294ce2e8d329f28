"""Who can still write what was closed: found by looking at each process of an agent, as the system tells of it.

A part of the leash's program: the standard library alone, loaded by its place beside it. Looks into the current folder,
which must be `/proc`. A process holds what was closed if it has it open for writing, has it mapped, or has a copy of the
mounts made while they were writable: in a namespace of its own, behind a descriptor, or as the folder it works in.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat

TYPE_CHECKING = False  # importing it from typing would cost every start
if TYPE_CHECKING or __package__:
    from orchestrator.leash import processes
else:
    import processes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, TypeAlias

    Message: TypeAlias = dict[str, Any]

CLOSE = 0x08 | 0x10  #: IN_CLOSE_WRITE and IN_CLOSE_NOWRITE of linux/inotify.h
COPY = "a copy of the mounts"

_libc = ctypes.CDLL(None, use_errno=True)


class Mounts:
    """The mounts of one namespace, as /proc tells them."""

    def __init__(self, pid: int) -> None:
        self.rows: dict[int, tuple[str, str, bool]] = {}  #: number -> device, root within it, writable
        with open(f"{pid}/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                number, _, device, root, _, options = line.split(" ", 6)[:6]
                self.rows[int(number)] = (device, root, "rw" in options.split(","))

    def has_copy(self, closed: list[tuple[str, str]]) -> bool:
        """Tell whether something of what was closed is writable here."""
        return any(
            writable and device == other and is_below(root, above)
            for device, root, writable in self.rows.values()
            for other, above in closed
        )


class Watch:
    """Looks at the processes of an agent, and wakes when one of those found ends or closes something."""

    def __init__(self, leash: int, outside: set[int]) -> None:
        self.leash = leash
        self.outside = outside | {os.getpid()}  #: ours, not the agent's
        self.space = os.readlink(f"{os.getpid()}/ns/mnt")
        self.events = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self.followed: dict[tuple[int, str], int] = {}

    def holders(self, mounts: list[int], path: str) -> list[Message]:
        """Give who can write through some mounts of a path, or through copies of them."""
        ours = Mounts(os.getpid())
        numbers = {mount_of(mount) for mount in mounts}
        closed = [ours.rows[number][:2] for number in numbers if number in ours.rows]
        devices = {os.fstat(mount).st_dev for mount in mounts}
        found: list[Message] = []
        for pid in processes.descendants(self.leash, "."):
            if pid not in self.outside:
                with contextlib.suppress(OSError):  # a process that has just ended holds nothing
                    found += self.held_by(pid, Looked(numbers, closed, devices, ours, path))
        return found

    def held_by(self, pid: int, looked: Looked) -> Iterator[Message]:
        known = set(looked.ours.rows)
        if os.readlink(f"{pid}/ns/mnt") != self.space:
            own = Mounts(pid)
            known |= set(own.rows)
            if own.has_copy(looked.closed):
                yield holder(pid, COPY)
        for name in os.listdir(f"{pid}/fd"):
            with contextlib.suppress(OSError):
                if what := self.held_open(f"{pid}/fd/{name}", f"{pid}/fdinfo/{name}", known, looked):
                    yield holder(pid, what, name)
        for name in ("cwd", "root"):
            place = os.open(f"{pid}/{name}", os.O_PATH | os.O_CLOEXEC)
            try:
                if mount_of(place) not in known and os.fstat(place).st_dev in looked.devices:
                    yield holder(pid, COPY)
            finally:
                os.close(place)
        if path := mapped(pid, looked.path):
            yield holder(pid, path)

    def held_open(self, link: str, info: str, known: set[int], looked: Looked) -> str:
        told = fields(info)
        number, flags = int(told["mnt_id"]), int(told["flags"], 8)
        if number in known and (number not in looked.numbers or not flags & (os.O_WRONLY | os.O_RDWR) or flags & os.O_PATH):
            return ""
        name = os.readlink(link)
        if number in known:
            return name
        if name.startswith("mnt:"):
            return COPY if name != self.space else ""
        found = os.stat(link)
        is_place = stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)
        return COPY if is_place and found.st_dev in looked.devices else ""

    def follow(self, found: list[Message]) -> bool:
        """Be woken when one of these ends or closes what it holds; tells whether one is new, so that it must be asked again."""
        new = [one for one in found if (one["pid"], one["path"]) not in self.followed]
        for one in new:
            with contextlib.suppress(OSError):
                self.followed[one["pid"], one["path"]] = os.pidfd_open(one["pid"])
                if name := one.get("descriptor"):
                    _libc.inotify_add_watch(self.events, os.fsencode(f"{one['pid']}/fd/{name}"), CLOSE)
        return bool(new)

    def descriptors(self) -> list[int]:
        """Give what becomes readable when it is worth looking again."""
        return [self.events, *self.followed.values()]

    def clear(self) -> None:
        """Take what was told."""
        with contextlib.suppress(BlockingIOError):
            while os.read(self.events, 65536):
                pass

    def forget(self) -> None:
        """Follow nobody any more."""
        for descriptor in self.followed.values():
            os.close(descriptor)
        self.followed.clear()


class Looked:
    """What is looked for."""

    def __init__(self, numbers: set[int], closed: list[tuple[str, str]], devices: set[int], ours: Mounts, path: str) -> None:
        self.numbers = numbers
        self.closed = closed
        self.devices = devices
        self.ours = ours
        self.path = path


def mapped(pid: int, path: str) -> str:
    """Give a file at or below a path that a process has in its memory and can write there."""
    with open(f"{pid}/maps", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            words = line.rstrip("\n").split(None, 5)
            if len(words) == 6 and words[1][1] == "w" and words[1][3] == "s" and is_below(words[5], path):
                return words[5]
    return ""


def mount_of(descriptor: int) -> int:
    """Give the number of the mount that a descriptor looks through."""
    return int(fields(f"{os.getpid()}/fdinfo/{descriptor}")["mnt_id"])


def fields(path: str) -> dict[str, str]:
    """Read a file of /proc whose lines are names and values."""
    with open(path, encoding="utf-8", errors="replace") as file:
        return {name: value.strip() for name, _, value in (line.partition(":") for line in file)}


def holder(pid: int, path: str, descriptor: str = "") -> Message:
    """Say who holds what."""
    command = b""
    with contextlib.suppress(OSError), open(f"{pid}/cmdline", "rb") as file:
        command = file.read(4096)
    text = command.replace(b"\0", b" ").strip().decode("utf-8", "replace")
    return {"pid": pid, "command": text, "path": path, "descriptor": descriptor}


def is_below(path: str, folder: str) -> bool:
    """Tell whether a path is a folder or lies in it."""
    return folder in {path, "/"} or path.startswith(f"{folder}/")
