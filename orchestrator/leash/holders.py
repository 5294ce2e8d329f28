"""Who can still write what was closed: found by looking at each process of an agent, as the system tells of it.

A part of the leash's program: the standard library alone, loaded by its place beside it. Looks into the current folder,
which must be the sandbox's `/proc`. A process holds what was closed if it has it open for writing, has it mapped, has put it
into a socket or a ring of the kernel's, or has a copy of the mounts made while they were writable: in a namespace of its own,
behind a descriptor, or as the folder it works in. Each of its threads may do so by itself. One that cannot be looked at may do
any of this, and so may nobody in sight, where the kernel says that something is held all the same.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat

TYPE_CHECKING = False  # importing it from typing would cost every start
if TYPE_CHECKING or __package__:
    from orchestrator.leash import kernel
else:
    import kernel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, TypeAlias

    Message: TypeAlias = dict[str, Any]

CLOSE = 0x08 | 0x10  #: IN_CLOSE_WRITE and IN_CLOSE_NOWRITE of linux/inotify.h
COPY = "a copy of the mounts"
UNSEEN = "it cannot be looked at"
ON_ITS_WAY = "descriptors that lie in a socket"
IN_A_RING = "descriptors that are registered with io_uring"
HELD = "something that is open for writing, and that no process shows"

_libc = ctypes.CDLL(None, use_errno=True)


class Mounts:
    """The mounts of one namespace, as /proc tells them."""

    def __init__(self, told: str) -> None:
        self.rows: dict[int, tuple[str, str, str, bool]] = {}  #: number -> device, root within it, place, writable
        self.upon: dict[int, list[str]] = {}  #: number -> the places of the mounts that stand on it
        for line in told.splitlines():
            number, under, device, root, place, options = line.split(" ", 6)[:6]
            self.rows[int(number)] = (device, root, place, "rw" in options.split(","))
            self.upon.setdefault(int(under), []).append(place)

    def has_copy(self, closed: list[tuple[str, str]]) -> bool:
        """Tell whether something of what was closed is writable here."""
        return any(
            writable and device == other and (is_below(root, above) or self.is_seen(number, above))
            for number, (device, root, _, writable) in self.rows.items()
            for other, above in closed
        )

    def is_seen(self, number: int, path: str) -> bool:
        """Tell whether a mount shows what lies at a path of its device, and no other one stands over that."""
        _, root, place, _ = self.rows[number]
        if not is_below(path, root):
            return False
        seen = os.path.normpath(f"{place}/{os.path.relpath(path, root)}")
        return not any(is_below(seen, other) for other in self.upon.get(number, ()))


class Watch:
    """Looks at the processes of an agent, and wakes when one of those found ends or closes something."""

    def __init__(self, system: int) -> None:
        self.system = System(system)
        self.space = os.readlink("1/ns/mnt")
        self.events = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self.followed: dict[tuple[int, str], int] = {}

    def holders(self, mounts: list[int], path: str) -> list[Message]:
        """Give who can write through some mounts of a path, or through copies of them."""
        self.system.chains.clear()
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

    def unnamed(self, mounts: list[int]) -> list[Message]:
        """Give a holder without a number if one of some mounts could not be turned although nobody was found."""
        rows = Mounts(self.system.mountinfo()).rows
        is_writable = any(rows[number][3] for mount in mounts if (number := self.system.mount_of(mount)) in rows)
        return [{"pid": 0, "command": "", "path": HELD, "descriptor": ""}] if is_writable else []

    def held_by(self, name: str, looked: Looked) -> list[Message]:
        """Give what a process holds, each thing once, however many of its threads do."""
        ways: dict[str, str] = {}
        for thread, is_apart in self.system.threads(name):
            try:
                for what, descriptor in self.ways(thread, looked, is_apart=is_apart):
                    ways.setdefault(what, descriptor)
            except PermissionError:
                ways.setdefault(UNSEEN, "")
            except OSError:
                continue  # it has just ended
        found = (self.system.holder(name, what, descriptor) for what, descriptor in ways.items())
        return [one for one in found if one["pid"]]  # the others have ended meanwhile

    def ways(self, pid: str, looked: Looked, *, is_apart: bool) -> Iterator[tuple[str, str]]:
        """Give each way in which a thread holds on: what it holds, and its descriptor if it is one.

        What it has open is looked at only if it `is_apart` from the threads that were looked at before.
        """
        known = set(looked.ours.rows)
        if os.readlink(f"{pid}/ns/mnt") != self.space:
            own = Mounts(text(f"{pid}/mountinfo"))
            known |= set(own.rows)
            if own.has_copy(looked.closed):
                yield COPY, ""
        for name in os.listdir(f"{pid}/fd") if is_apart else ():
            with contextlib.suppress(FileNotFoundError):  # it has just been closed
                if what := self.held_open(f"{pid}/fd/{name}", f"{pid}/fdinfo/{name}", known, looked):
                    yield what, f"{pid}/fd/{name}"
        for name in ("cwd", "root"):
            place = os.open(f"{pid}/{name}", os.O_PATH | os.O_CLOEXEC)
            try:
                if self.system.mount_of(place) not in known and os.fstat(place).st_dev in looked.devices:
                    yield COPY, ""
            finally:
                os.close(place)
        if is_apart and (what := mapped(pid, looked)):
            yield what, ""

    def held_open(self, link: str, info: str, known: set[int], looked: Looked) -> str:
        told = fields(text(info))
        if told.get("scm_fds", "0") != "0":  # proc(5): how many lie in the socket
            return ON_ITS_WAY
        if told.get("UserFiles", "0") != "0":
            return IN_A_RING
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

    def mapping(self, device: str, number: int, name: str) -> str:
        """Say what a mapped file is to who looks: below the path, in a copy of the mounts, or nothing (empty)."""
        if is_below(name, self.path):
            return name
        major, _, minor = device.partition(":")
        if f"{int(major, 16)}:{int(minor, 16)}" not in {device for device, _ in self.closed} or name.endswith(" (deleted)"):
            return ""
        with contextlib.suppress(OSError, ValueError):
            if os.stat(name).st_ino == number:
                return ""  # it is where it says
        return COPY


class System:
    """The processes of the whole system, by the numbers that the leash knows."""

    def __init__(self, folder: int) -> None:
        self.folder = folder
        self.me = os.getpid()
        self.chains: dict[tuple[str, ...], list[str]] = {}

    def mountinfo(self) -> str:
        """Give the mounts of this process, which are the sandbox's."""
        return text(f"{self.me}/mountinfo", self.folder)

    def mount_of(self, descriptor: int) -> int:
        """Give the number of the mount that a descriptor looks through."""
        return int(fields(text(f"{self.me}/fdinfo/{descriptor}", self.folder))["mnt_id"])

    def threads(self, inside: str) -> list[tuple[str, bool]]:
        """Give the threads of a process, and whether each has descriptors that none before it has; in doubt it has."""
        names = threads(inside)
        if len(names) < 2:
            return [(name, True) for name in names]
        numbered = self.outside_threads(inside)
        apart: list[int] = []
        found = []
        for name in names:
            number = numbered.get(os.path.basename(name), 0)
            is_apart = not number or not any(kernel.share_descriptors(number, other) for other in apart)
            if number and is_apart:
                apart.append(number)
            found.append((name, is_apart))
        return found

    def outside_threads(self, inside: str) -> dict[str, int]:
        """Give the numbers outside of a process's threads, by those inside."""
        found = {}
        with contextlib.suppress(OSError):
            folder = os.open(f"{self.outside(inside)}/task", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self.folder)
            try:
                for name in os.listdir(folder):
                    found[numbers(text(f"{name}/status", folder))[-1]] = int(name)
            finally:
                os.close(folder)
        return found

    def holder(self, inside: str, path: str, descriptor: str) -> Message:
        """Say who holds what."""
        command = ""
        with contextlib.suppress(OSError):
            command = text(f"{inside}/cmdline").replace("\0", " ").strip()
        return {"pid": self.outside(inside), "command": command, "path": path, "descriptor": descriptor}

    def outside(self, inside: str) -> int:
        """Give the number outside of a process that is known by its number in the sandbox; 0 if it has ended."""
        with contextlib.suppress(OSError):
            chain, born = numbers(text(f"{inside}/status")), birth(text(f"{inside}/stat"))
            for name in self.chained().get(tuple(chain), ()):
                with contextlib.suppress(OSError):
                    if birth(text(f"{name}/stat", self.folder)) == born:
                        return int(name)
        return 0

    def chained(self) -> dict[tuple[str, ...], list[str]]:
        """Give the processes of the system by their numbers in the namespaces below; once for each look."""
        if not self.chains:
            for name in filter(str.isdigit, os.listdir(self.folder)):
                with contextlib.suppress(OSError):
                    self.chains.setdefault(tuple(numbers(text(f"{name}/status", self.folder))[1:]), []).append(name)
        return self.chains


def numbers(status: str) -> list[str]:
    """Give a process's numbers, one for each namespace from the looker's down to its own."""
    return fields(status)["NSpid"].split()


def birth(stat_line: str) -> str:
    """Give when a process was started."""
    return stat_line.rpartition(")")[2].split()[19]


def threads(pid: str) -> list[str]:
    """Give the folders of a process's threads: each may have opened for itself what the others do not see."""
    try:
        return [f"{pid}/task/{name}" for name in os.listdir(f"{pid}/task")]
    except OSError:
        return []


def mapped(pid: str, looked: Looked) -> str:
    """Give a file of the path that a process has in its memory and can write there, now or once it asks for that."""
    for line in text(f"{pid}/maps").splitlines():
        words = line.split(None, 5)
        what = looked.mapping(words[3], int(words[4]), words[5]) if len(words) == 6 and words[1][3] == "s" else ""
        if what and (words[1][1] == "w" or may_write(pid, words[0])):
            return what
    return ""


def may_write(pid: str, place: str) -> bool:
    """Tell whether a mapping may be made writable: the file was opened so."""
    is_here = False
    for line in text(f"{pid}/smaps").splitlines():
        name, _, flags = line.partition(":")
        if "-" in name:
            is_here = line.startswith(f"{place} ")
        elif is_here and name == "VmFlags":
            return "mw" in flags.split()
    return False


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
