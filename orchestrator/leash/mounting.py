"""The keeper of a sandbox's mounts: opens paths in it to writing, and closes them again, while the agent runs.

A part of the leash's program, and a child of it, forked without a new interpreter. It lives in the sandbox's mounts but not among
its processes, so that the agent can neither see nor signal it. Each opened path is a mount of its own, made once and from then on
writable or read-only; it is never taken away, because somebody may work in it. A path is writable exactly while it or a path
above it is open, and a path counts as closed only when no process can write what was opened.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import select
import signal
import socket
import stat
import time

TYPE_CHECKING = False  # importing it from typing would cost every start
if TYPE_CHECKING or __package__:
    from orchestrator.leash import holders, kernel, placeholders
    from orchestrator.leash.holders import is_below
else:
    import holders
    import kernel
    import placeholders
    from holders import is_below

if TYPE_CHECKING:
    from typing import Any, TypeAlias

    Message: TypeAlias = dict[str, Any]

TICK = 0.1  #: seconds between two looks at who holds something, should no event tell


def keep(outer: int, mounts: int, confine: Message) -> tuple[socket.socket, int]:
    """Start the keeper; gives the connection to it and its number. It ends with the connection."""
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid:
        theirs.close()
        return ours, pid
    try:
        signal.set_wakeup_fd(-1)
        for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(name, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        system = os.open("/", os.O_PATH | os.O_DIRECTORY)
        processes = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)
        forget_all_but({0, 1, 2, theirs.fileno(), outer, mounts, system, processes})
        kernel.enter(outer)
        kernel.enter(mounts)
        os.chdir("/proc")  # the sandbox's own: whoever is in it is there, and nobody else
        Keeper(theirs, system, confine, holders.Watch(processes)).run()
    finally:
        os._exit(0)


def forget_all_but(kept: set[int]) -> None:
    """Close what the leash had open: an agent would wait for ever for the end of a pipe that is open twice."""
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in kept:
            with contextlib.suppress(OSError):
                os.close(int(name))


class Opened:
    """A path that is open or was: how often, and the mounts through which it was ever seen."""

    def __init__(self) -> None:
        self.count = 0
        self.mounts: list[int] = []


class Closing:
    """A path that is to be closed and is still held."""

    def __init__(self, number: int, path: str, patience: float, *, wanted: str) -> None:
        self.number = number
        self.path = path
        self.wanted = wanted  #: what in it was to be written; empty: all of it
        self.until = time.monotonic() + patience


class Keeper:
    """One sandbox's mounts."""

    def __init__(self, channel: socket.socket, system: int, confine: Message, watch: holders.Watch) -> None:
        self.channel = channel
        self.system = system  #: the root as the leash sees it
        self.root = os.open("/", os.O_PATH | os.O_DIRECTORY)
        self.protected: list[str] = confine["protected"]
        self.sights: dict[str, str] = confine["sights"]  #: what was settled at the start, by place
        self.opened: dict[str, Opened] = {}
        self.held: set[str] = set()  #: what stays read-only in a folder that is opened for the sake of something else in it
        self.closing: list[Closing] = []
        self.watch = watch
        self.buffer = b""

    def run(self) -> None:
        """Obey until the leash is gone."""
        channel = self.channel.fileno()
        while True:
            waits = [channel, *self.watch.descriptors()] if self.closing else [channel]
            ready, _, _ = select.select(waits, [], [], TICK if self.closing else None)
            self.watch.clear()
            if channel in ready and not self.read():
                return
            for one in tuple(self.closing):
                self.try_to_close(one)

    def read(self) -> bool:
        data = self.channel.recv(65536)
        *lines, self.buffer = (self.buffer + data).split(b"\n")
        for line in lines:
            command = json.loads(line)
            try:
                self.obey(command)
            except OSError as error:
                self.answer(command["id"], "failed", reason=placeholders.reason(error))
        return bool(data)

    def obey(self, command: Message) -> None:
        path = command["path"]
        if command["op"] == "open":
            self.open(path)
            self.hold_back(path, command)
            self.answer(command["id"], "opened")
        elif path not in self.opened or not self.opened[path].count:
            raise OSError(errno.EINVAL, "it is not open")
        else:
            self.opened[path].count -= 1
            wanted = command.get("wanted", "")
            if wanted:
                self.hold(wanted)
            closing = Closing(command["id"], path, command["patience"], wanted=wanted)
            self.closing.append(closing)
            self.try_to_close(closing)

    def open(self, path: str) -> None:
        """Make a path writable. Raises OSError."""
        place = self.find(path)
        one = self.opened.setdefault(path, Opened())
        try:
            if not self.is_writable_anyway(path) and self.watch.system.mount_of(place) not in map(
                self.watch.system.mount_of, one.mounts
            ):
                self.mount(path, place)
        finally:
            os.close(place)
        one.count += 1
        self.settle(path)

    def hold_back(self, path: str, command: Message) -> None:
        """Let something in an open folder be written, and what stands beside it not."""
        wanted = command.get("wanted", "")
        if wanted:
            self.release(wanted)
        for other in command.get("beside", ()) if not self.is_writable_anyway(path) else ():
            self.hold(other)

    def hold(self, path: str) -> None:
        """Keep something read-only in a folder that is open, unless it is to be written itself."""
        one = self.opened.get(path)
        if path in self.held or (one is not None and one.count) or self.is_writable_anyway(path):
            return
        with contextlib.suppress(OSError):  # nobody is hurt by what is not there
            place = self.find(path)
            self.mount(path, place)
            self.held.add(path)
            os.close(place)

    def release(self, path: str) -> None:
        """Let something be in its folder as everything is: no mount of its own, so that another can be renamed over it."""
        if path not in self.held and self.sights.get(path) != "read":
            return
        self.held.discard(path)
        self.opened.pop(path, None)
        with contextlib.suppress(OSError):
            while True:
                kernel.unmount(path)

    def find(self, path: str) -> int:
        """Give what stands at a path in the sandbox; it must be what stands there outside."""
        outside = kernel.open_plain(self.system, path, os.O_PATH)
        try:
            inside = kernel.open_plain(self.root, path, os.O_PATH)
        except FileNotFoundError:
            raise OSError(errno.ENOENT, "the agent does not see it") from None
        finally:
            there = os.fstat(outside)
            os.close(outside)
        here = os.fstat(inside)
        if (here.st_dev, here.st_ino) != (there.st_dev, there.st_ino):
            os.close(inside)
            raise OSError(errno.EXDEV, "something of the agent's own stands there")
        if not (stat.S_ISDIR(here.st_mode) or stat.S_ISREG(here.st_mode)):
            os.close(inside)
            raise OSError(errno.EINVAL, "it is neither a file nor a folder")
        return inside

    def is_writable_anyway(self, path: str) -> bool:
        """Tell whether a path is writable for as long as the agent lives."""
        said = [place for place in self.sights if is_below(path, place)]
        return bool(said) and self.sights[max(said, key=len)] == "write"

    def mount(self, path: str, place: int) -> None:
        """Make a path a mount of its own, read-only for now, and hold on to what stands in it."""
        one = self.opened.setdefault(path, Opened())
        if self.sights.get(path) == "read" and not one.mounts:
            one.mounts.append(os.dup(place))  # it is a mount already, and whoever stands in it is to see it opened
        else:
            one.mounts.append(mount := kernel.clone_mount(place))
            kernel.set_read_only(mount, on=True)
            kernel.place_mount(mount, place)
        for other, inner in tuple(self.opened.items()):
            if other != path and is_below(other, path) and inner.mounts:
                with contextlib.suppress(OSError):
                    inner.mounts.append(kernel.open_plain(self.root, other, os.O_PATH))
        for held in self.protected:
            if is_below(held, path) and held != path:
                self.pin(path, held)

    def pin(self, path: str, held: str) -> None:
        """Make mounts of the folders above something protected, so that they cannot be renamed away."""
        folder = os.path.dirname(held)
        between = []
        while folder != path:
            between.append(folder)
            folder = os.path.dirname(folder)
        for one in reversed(between):
            if one not in self.opened:
                place = kernel.open_plain(self.root, one, os.O_PATH)
                self.mount(one, place)
                os.close(place)

    def settle(self, path: str) -> list[int]:
        """Let each mount at a path and below be as it must be; gives those that should be closed."""
        closed = []
        for other, one in self.opened.items():
            if is_below(other, path) and self.is_closed(other):
                closed += one.mounts
            elif is_below(other, path):
                for mount in one.mounts:
                    turn(mount, writable=True)
        for mount in closed:
            turn(mount, writable=False)
        return closed

    def is_closed(self, path: str) -> bool:
        """Tell whether neither a path nor one above it is open."""
        opened = [above for above, one in self.opened.items() if one.count and is_below(path, above)]
        return not opened or any(is_below(path, one) and len(one) > len(max(opened, key=len)) for one in self.held)

    def try_to_close(self, one: Closing) -> None:
        found = self.holders(one)
        if found and self.watch.follow(found):
            found = self.holders(one)  # whoever let go before it was followed told nobody
        if found and time.monotonic() < one.until:
            return
        self.closing.remove(one)
        if not self.closing:
            self.watch.forget()
        if found:
            self.answer(one.number, "busy", holders=found, reason="it can still be written")
        else:
            self.answer(one.number, "closed", idle=self.is_closed(one.path))

    def holders(self, one: Closing) -> list[Message]:
        """Give who can still write what is to be closed; of a folder that stays open only what was wanted in it."""
        closed = self.settle(one.path)
        if closed or not one.wanted:
            return self.watch.holders(closed, one.path) if closed else []
        with contextlib.suppress(OSError):
            folder = kernel.open_plain(self.root, one.path, os.O_PATH)
            try:
                return [held for held in self.watch.holders([folder], one.path) if held["path"] == one.wanted]
            finally:
                os.close(folder)
        return []

    def answer(self, number: int, event: str, **more: object) -> None:
        self.channel.sendall(json.dumps({"event": event, "id": number, **more}).encode() + b"\n")


def turn(mount: int, *, writable: bool) -> None:
    """Turn a mount, unless it is held: who holds it is found by looking."""
    try:
        kernel.set_read_only(mount, on=not writable)
    except OSError as error:
        # EINVAL: what was replaced from outside stands nowhere any more
        if error.errno not in {errno.EBUSY, errno.EINVAL}:
            raise
