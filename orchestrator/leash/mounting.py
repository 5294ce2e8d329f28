"""The keeper of a sandbox's mounts: opens paths in it to writing, and closes them again, while the agent runs.

A part of the leash's program, and a child of it, forked without a new interpreter while bubblewrap is at work. It lives in the
sandbox's mounts but not among its processes, so that the agent can neither see nor signal it. A path counts as closed only when
no process can write what was opened.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import select
import signal
import socket
import time

TYPE_CHECKING = False  # importing it from typing would cost every start
if TYPE_CHECKING or __package__:
    from orchestrator.leash import floors, ground, holders, kernel, placeholders
else:
    import floors
    import ground
    import holders
    import kernel
    import placeholders

if TYPE_CHECKING:
    from typing import Any, TypeAlias

    Message: TypeAlias = dict[str, Any]

BATCH = 16  #: floors that are laid between two looks at what is asked
TICK = 0.1  #: seconds between two looks at who holds something, should no event tell


def keep(channel: socket.socket, doors: tuple[int, int], confine: Message, laid: list[str]) -> None:
    """Keep the mounts behind two doors, of users and of mounts, until the connection ends; some floors are laid already."""
    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    system = os.open("/", os.O_PATH | os.O_DIRECTORY)
    processes = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)
    forget_all_but({0, 1, 2, channel.fileno(), *doors, system, processes})
    for door in doors:
        kernel.enter(door)
    os.chdir("/proc")  # the sandbox's own: whoever is in it is there, and nobody else
    watch = holders.Watch(processes)
    land = ground.Ground(system, watch.system, floors.Floors(confine["grounds"], confine["sights"]), confine["protected"])
    land.floors.laid.update(laid)
    Keeper(channel, land, watch).run()


def forget_all_but(kept: set[int]) -> None:
    """Close what the leash had open: an agent would wait for ever for the end of a pipe that is open twice."""
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in kept:
            with contextlib.suppress(OSError):
                os.close(int(name))


class Closing:
    """A path that is to be closed and is still held."""

    def __init__(self, number: int, path: str, patience: float, *, wanted: str) -> None:
        self.number = number
        self.path = path
        self.wanted = wanted  #: what in it was to be written; empty: all of it
        self.until = time.monotonic() + patience


class Keeper:
    """One sandbox's mounts, as the leash asks for them."""

    def __init__(self, channel: socket.socket, land: ground.Ground, watch: holders.Watch) -> None:
        self.channel = channel
        self.ground = land
        self.closing: list[Closing] = []
        self.watch = watch
        self.unlaid = land.unlaid()
        self.buffer = b""

    def run(self) -> None:
        """Obey until the leash is gone."""
        channel = self.channel.fileno()
        while batch := list(itertools.islice(self.unlaid, BATCH)):
            if select.select([channel], [], [], 0)[0] and not self.read():
                return
            self.ground.lay(batch)
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
        path, wanted = command["path"], command.get("wanted", "")
        if command["op"] == "open":
            self.ground.open(path, wanted=wanted, beside=command.get("beside", ()))
            self.answer(command["id"], "opened")
            return
        self.ground.close(path, wanted=wanted)
        closing = Closing(command["id"], path, command["patience"], wanted=wanted)
        self.closing.append(closing)
        self.try_to_close(closing)

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
            self.answer(one.number, "closed", idle=self.ground.is_closed(one.path))
            self.ground.restore(one.path)

    def holders(self, one: Closing) -> list[Message]:
        """Give who can still write what is to be closed; of a folder that stays writable only what is not so in it."""
        closed = self.ground.settle(one.path)
        found = (self.watch.holders(closed, one.path) or self.watch.unnamed(closed)) if closed else []
        if self.ground.is_writable_anyway(one.path) or not self.ground.is_closed(one.path):
            with contextlib.suppress(OSError):
                folder = kernel.open_plain(self.ground.root, one.path, os.O_PATH)
                try:
                    around = self.watch.holders([folder], one.path)
                finally:
                    os.close(folder)
                found += [held for held in around if self.is_held_shut(held["path"]) and held not in found]
        return found

    def is_held_shut(self, path: str) -> bool:
        """Tell whether a path is closed in a folder that is not."""
        return path.startswith("/") and self.ground.is_closed(path) and not self.ground.is_writable_anyway(path)

    def answer(self, number: int, event: str, **more: object) -> None:
        self.channel.sendall(json.dumps({"event": event, "id": number, **more}).encode() + b"\n")
