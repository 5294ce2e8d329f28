"""Who can still write what was closed: found by looking at each process of an agent, as the system tells of it.

A part of the leash's program: the standard library alone, loaded by its place beside it. Looks into the current folder,
which must be the sandbox's `/proc`. A process holds what was closed if it has it open for writing, has it mapped, or has a copy
of the mounts made while they were writable: in a namespace of its own, behind a descriptor, or as the folder it works in. One
that cannot be looked at may do any of this.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat

TYPE_CHECKING = False  # importing it from typing would cost every start
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, TypeAlias

    Message: TypeAlias = dict[str, Any]

CLOSE = 0x08 | 0x10  #: IN_CLOSE_WRITE and IN_CLOSE_NOWRITE of linux/inotify.h
COPY = "a copy of the mounts"
UNSEEN = "it cannot be looked at"

_libc = ctypes.CDLL(None, use_errno=True)


class Mounts:
    """The mounts of one namespace, as /proc tells them."""

    def __init__(self, told: str) -> None:
        self.rows: dict[int, tuple[str, str, bool]] = {}  #: number -> device, root within it, writable
        for line in told.splitlines():
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

    def __init__(self, system: int) -> None:
        self.system = System(system)
        self.space = os.readlink("1/ns/mnt")
        self.events = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self.followed: dict[tuple[int, str], int] = {}

    def holders(self, mounts: list[int], path: str) -> list[Message]:
        """Give who can write through some mounts of a path, or through copies of them."""
        ours = Mounts(self.system.mountinfo())
        numbers = {self.system.mount_of(mount) for mount in mounts}
        closed = [ours.rows[number][:2] for number in numbers if number in ours.rows]
        devices = {os.fstat(mount).st_dev for mount in mounts}
        looked = Looked(numbers, closed, devices, ours, path)
        found: list[Message] = []
        for name in os.listdir("."):
            if name.isdigit():
                found += self.held_by(name, looked)
        return found

    def held_by(self, name: str, looked: Looked) -> list[Message]:
        try:
            return [self.system.holder(name, what, descriptor) for what, descriptor in self.ways(name, looked)]
        except PermissionError:
            return [self.system.holder(name, UNSEEN, "")]
        except OSError:
            return []  # it has just ended

    def ways(self, pid: str, looked: Looked) -> Iterator[tuple[str, str]]:
        """Give each way in which a process holds on: what it holds, and the number of its descriptor if it is one."""
        known = set(looked.ours.rows)
        if os.readlink(f"{pid}/ns/mnt") != self.space:
            own = Mounts(text(f"{pid}/mountinfo"))
            known |= set(own.rows)
            if own.has_copy(looked.closed):
                yield COPY, ""
        for name in os.listdir(f"{pid}/fd"):
            with contextlib.suppress(FileNotFoundError):  # it has just been closed
                if what := self.held_open(f"{pid}/fd/{name}", f"{pid}/fdinfo/{name}", known, looked):
                    yield what, name
        for name in ("cwd", "root"):
            place = os.open(f"{pid}/{name}", os.O_PATH | os.O_CLOEXEC)
            try:
                if self.system.mount_of(place) not in known and os.fstat(place).st_dev in looked.devices:
                    yield COPY, ""
            finally:
                os.close(place)
        if path := mapped(pid, looked.path):
            yield path, ""

    def held_open(self, link: str, info: str, known: set[int], looked: Looked) -> str:
        told = fields(text(info))
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
                    _libc.inotify_add_watch(self.events, os.fsencode(name), CLOSE)
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


class System:
    """The processes of the whole system, by the numbers that the leash knows."""

    def __init__(self, folder: int) -> None:
        self.folder = folder
        self.me = os.getpid()

    def mountinfo(self) -> str:
        """Give the mounts of this process, which are the sandbox's."""
        return text(f"{self.me}/mountinfo", self.folder)

    def mount_of(self, descriptor: int) -> int:
        """Give the number of the mount that a descriptor looks through."""
        return int(fields(text(f"{self.me}/fdinfo/{descriptor}", self.folder))["mnt_id"])

    def holder(self, inside: str, path: str, descriptor: str) -> Message:
        """Say who holds what."""
        command = ""
        with contextlib.suppress(OSError):
            command = text(f"{inside}/cmdline").replace("\0", " ").strip()
        name = f"{inside}/fd/{descriptor}" if descriptor else ""
        return {"pid": self.outside(inside), "command": command, "path": path, "descriptor": name}

    def outside(self, inside: str) -> int:
        """Give the number outside of a process that is known by its number in the sandbox; 0 if it has ended."""
        with contextlib.suppress(OSError):
            chain, born = numbers(text(f"{inside}/status")), birth(text(f"{inside}/stat"))
            for name in os.listdir(self.folder):
                with contextlib.suppress(OSError):
                    is_same = name.isdigit() and numbers(text(f"{name}/status", self.folder))[1:] == chain
                    if is_same and birth(text(f"{name}/stat", self.folder)) == born:
                        return int(name)
        return 0


def numbers(status: str) -> list[str]:
    """Give a process's numbers, one for each namespace from the looker's down to its own."""
    return fields(status)["NSpid"].split()


def birth(stat_line: str) -> str:
    """Give when a process was started."""
    return stat_line.rpartition(")")[2].split()[19]


def mapped(pid: str, path: str) -> str:
    """Give a file at or below a path that a process has in its memory and can write there."""
    for line in text(f"{pid}/maps").splitlines():
        words = line.split(None, 5)
        if len(words) == 6 and words[1][1] == "w" and words[1][3] == "s" and is_below(words[5], path):
            return words[5]
    return ""


def text(path: str, folder: int | None = None) -> str:
    """Read a file of /proc whole."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
    with open(descriptor, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


def fields(told: str) -> dict[str, str]:
    """Take apart what consists of names and values."""
    return {name: value.strip() for name, _, value in (line.partition(":") for line in told.splitlines())}


def is_below(path: str, folder: str) -> bool:
    """Tell whether a path is a folder or lies in it."""
    return folder in {path, "/"} or path.startswith(f"{folder}/")
