"""A sandbox of bubblewrap's with an agent in it.

A part of the leash's program: the standard library alone, loaded by its place beside it. The leash stays outside. bwrap makes
the sandbox and a holder in it that only waits; the agent is a child of the leash that enters it. So its number, its exit code
and its signal are its own, what it leaves behind gets its grace, and when the sandbox falls the kernel ends what is in it.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import selectors
import signal
import socket
import subprocess

TYPE_CHECKING = False  # importing it from typing would cost every start
if TYPE_CHECKING or __package__:
    from orchestrator.leash import kernel, landlock, placeholders
    from orchestrator.leash.starting import Child, Start, fault, forked, popen, until_end, until_line, worded
    from orchestrator.leash.walls import Open, part
else:
    import kernel
    import landlock
    import placeholders
    from starting import Child, Start, fault, forked, popen, until_end, until_line, worded
    from walls import Open, part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, TypeAlias

    from orchestrator.leash.begin import Begun

    Message: TypeAlias = dict[str, Any]


_OUT_OF_REACH = {errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.ELOOP}


class Sandbox(Open):
    """bubblewrap: namespaces of their own, in which paths are opened and closed as mounts."""

    def __init__(self, confine: Message, begun: Begun) -> None:
        self.confine = confine
        self.bwrap, self.ready, self.info, self.hold = begun.pid, begun.ready, begun.info, begun.hold
        self.placeholders = placeholders.Placeholders()
        self.channel: socket.socket | None = None  #: to the keeper of the mounts, once something was asked of it
        self.buffer = b""
        self.asked: dict[int, Message] = {}
        self.keeper = 0
        self.scope = landlock.abstract_scope()

    def start(self, start: Start) -> subprocess.Popen[bytes] | Child:
        """Wait for the sandbox, and start the agent in it. Raises OSError as Popen does."""
        stdin_read, stdin_write = os.pipe() if start.feeds else (os.open(os.devnull, os.O_RDONLY), None)
        go_read, go_write = os.pipe()
        told_read, told_write = os.pipe()
        # the agent's father is born while bwrap is at work
        father = forked(lambda: self.enter_and_start(start, stdin_read, go_read, told_write), go_write)
        for descriptor in (stdin_read, go_read, told_write):
            os.close(descriptor)
        try:
            self.await_sandbox(start.control)
            self.doors = doors(self.init)  # while it stands for certain: the agent may end it at once
            os.write(go_write, b"%d %d" % (self.init, self.holder))
        except OSError:
            os.kill(self.bwrap, signal.SIGKILL)
            raise
        finally:
            os.close(go_write)
            os.waitpid(father, 0)
        told = json.loads(until_end(told_read) or b"{}")
        os.close(told_read)
        if "pid" in told:
            self.laid = told["laid"]
            return Child(told["pid"], stdin_write)
        raise fault(*told.get("fault", (0, "its sandbox is gone", "")))

    def await_sandbox(self, control: int) -> None:
        """Wait until the sandbox stands. Raises OSError with what bwrap said if it does not."""
        said = until_line(self.ready, control)
        if said != b"\n":
            raise OSError(errno.EPERM, f"bubblewrap made no sandbox: {said.decode(errors='replace').strip() or 'it ended'}")
        self.init = int(json.loads(os.read(self.info, 65536))["child-pid"])
        with open(f"/proc/{self.init}/task/{self.init}/children", encoding="ascii") as file:
            self.holder = int(file.read().split()[0])
        self.killable = [os.pidfd_open(pid) for pid in (self.init, self.bwrap)]  # their numbers may be given to others
        for descriptor in (self.ready, self.info):
            os.close(descriptor)

    def go_on(self) -> None:
        """Let a copy of the leash keep the mounts, so that it is there when something is to be opened."""
        self.keeping, theirs = socket.socketpair()
        outer, mounts = self.doors[:2]
        self.keeper = forked(
            lambda: part("mounting").keep(theirs, (outer, mounts), self.confine, self.laid), self.keeping.fileno()
        )
        theirs.close()
        self.killable.append(os.pidfd_open(self.keeper))
        for door in self.doors:
            os.close(door)

    def enter_and_start(self, start: Start, stdin: int, go: int, told: int) -> None:
        """Join the namespaces, and be the father of the agent, who is born in them, with nothing that their making gave."""
        ground = part("floors").Floors(self.confine["grounds"], self.confine["sights"])
        first = ground.first()
        if not (numbers := os.read(go, 100).split()):
            return
        try:
            init, holder = map(int, numbers)
            inner, (outer, *others) = os.open(f"/proc/{holder}/ns/user", os.O_RDONLY), doors(init)
            for space in (outer, *others):
                kernel.enter(space)
            root = os.open("/", os.O_PATH | os.O_DIRECTORY)
            for folder in first:  # an agent that stood there before would not see it opened; here, where that may still be done
                ground.lay(root, folder)
            silence(root, self.confine["silenced"])
            if not os.path.sameopenfile(outer, inner):  # for root they are one
                kernel.enter(inner)
            kernel.renounce()
            if self.scope is not None:
                kernel.landlock_restrict(self.scope)
            agent = popen(start, stdin)
            os.write(told, json.dumps({"pid": agent.pid, "laid": list(ground.laid)}).encode())
            os._exit(0)  # while it is held: a Popen that nobody holds buries its process if that has ended already
        except BaseException as error:  # noqa: BLE001 - it cannot be raised here, so it is told
            os.write(told, json.dumps({"fault": worded(error)}).encode())

    def own(self) -> set[int]:
        return {self.bwrap, self.init, self.holder, self.keeper}

    def ask(self, command: Message, selector: selectors.BaseSelector, send: Callable[[Message], None]) -> None:
        try:
            placeholders.must_be_plain(command["path"])
            if command["op"] == "open":
                self.placeholders.make(command["path"], folder=command["folder"])
            if self.channel is None:
                self.channel = self.keeping
                selector.register(self.channel, selectors.EVENT_READ, lambda: self.hear(selector, send))
            self.channel.sendall(json.dumps(command).encode() + b"\n")
            self.asked[command["id"]] = command
        except OSError as error:
            send({"event": "failed", "id": command["id"], "reason": placeholders.reason(error)})

    def hear(self, selector: selectors.BaseSelector, send: Callable[[Message], None]) -> None:
        """Pass on what the keeper of the mounts answers; without a keeper nothing can be opened any more."""
        assert self.channel is not None
        data = b""
        with contextlib.suppress(OSError):
            data = self.channel.recv(65536)
        *lines, self.buffer = (self.buffer + data).split(b"\n")
        for line in lines:
            self.pass_on(json.loads(line), send)
        if data:
            return
        selector.unregister(self.channel)
        self.channel.close()
        for number in list(self.asked):
            self.pass_on({"event": "failed", "id": number, "reason": "the keeper of the mounts ended"}, send)

    def pass_on(self, answer: Message, send: Callable[[Message], None]) -> None:
        command = self.asked.pop(answer["id"])
        if answer.pop("idle", answer["event"] == "failed" and command["op"] == "open"):
            self.placeholders.remove(command["path"])
        send(answer)

    def fall(self) -> None:
        """Kill the sandbox's first process, and with it, in one step, everything in the sandbox."""
        for process in self.killable:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(process, signal.SIGKILL)
        self.placeholders.remove_all()


def doors(init: int) -> tuple[int, ...]:
    """Open the namespaces of a sandbox, in the order in which they are joined: first the users' one that owns the mounts."""
    mounts, *others = (os.open(f"/proc/{init}/ns/{name}", os.O_RDONLY) for name in ("mnt", "pid", "ipc"))
    return (kernel.owner_of(mounts), mounts, *others)


def silence(root: int, sockets: Iterable[str]) -> None:
    """Put nothing in the place of sockets; what has gone meanwhile, or lies where nobody here can go, need not be covered.

    Only now, and not by bubblewrap: sockets come and go with the programs of the machine, and it ends where one has gone.
    """
    nothing = os.open(os.devnull, os.O_PATH)
    for path in sockets:
        mount = kernel.clone_mount(nothing)
        kernel.set_read_only(mount, on=True)
        try:
            place = kernel.open_plain(root, path, os.O_PATH)
            try:
                kernel.place_mount(mount, place)
            finally:
                os.close(place)
        except OSError as error:
            if error.errno not in _OUT_OF_REACH:
                raise
        finally:
            os.close(mount)
    os.close(nothing)
