"""A command that runs beside an agent whose walls cannot be opened: under wider ones of its own, while its lock is held.

A part of the leash's program: the standard library alone, loaded by its place beside it. Whoever asks is a process of the
agent's that waits meanwhile; its descriptors, environment and folder are the command's, its terminal is not: the command leads
a session without one. Nothing of the command is left when its end is told: what it leaves behind could write on. Only what it
handed on to others, an open descriptor, is theirs to keep.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import select
import selectors
import signal
import subprocess
import time

TYPE_CHECKING = False  # importing it from typing would cost every start
if TYPE_CHECKING or __package__:
    from orchestrator.leash import kernel, landlock, placeholders, processes, starting
else:
    import kernel
    import landlock
    import placeholders
    import processes
    import starting

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    Message: TypeAlias = dict[str, Any]

NOT_FOUND, NOT_RUN = 127, 126  #: as a shell tells it
HIGH = 100  #: beyond what shell scripts open by number
EARLY = 64  #: signals that are kept
PAUSE = 0.005  #: seconds between two looks at what is being killed
OUTLIVED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)  #: what ends a tree gently; the father ends after all below it


class Beside:
    """One command, seen from the leash."""

    def __init__(self, confine: Message, asked: Message, told: Callable[[Message], None]) -> None:
        """Start it. Raises OSError if what it may write cannot be made writable."""
        self.asked = asked
        self.told = told
        self.made = placeholders.Placeholders()
        try:
            for path, folder in asked["writable"]:
                placeholders.must_be_plain(path)
                self.made.make(path, folder=folder)
        except OSError:
            self.unmake()
            raise
        self.pid = 0  #: of the command
        self.early: list[int] = []  #: signals that came before its number was known
        self.inner: list[Beside] = []  #: those that may write what this one may, because they were started by it
        self.is_over = False
        self.heard = b""
        self.read, write = os.pipe()
        self.father = starting.forked(lambda: _Father(confine, asked, write).run(), self.read)
        os.close(write)

    def hear(self, selector: selectors.BaseSelector) -> bool:
        """Take what its father tells; tells whether that was all, and then how it ended."""
        data = os.read(self.read, 65536)
        self.heard += data
        *lines, _ = self.heard.split(b"\n")
        rows = [json.loads(line) for line in lines]
        has_ended = any("code" in row for row in rows)  # from now on its number may be another's
        self.pid = 0 if has_ended else next((row["pid"] for row in rows if "pid" in row), 0)
        early, self.early = (self.early, []) if self.pid else ([], self.early)
        for number in early if data else ():
            self.send(number)
        if data:
            return False
        ended = next((row for row in rows if "code" in row), None)
        if (ended is None and self.kill_rest()) or self.kill_inner():
            time.sleep(PAUSE)
            return False  # the pipe stays at its end: it is looked at again at once
        self.is_over = True
        selector.unregister(self.read)
        os.close(self.read)
        self.unmake()
        ended = ended or {"code": 128 + signal.SIGKILL, "fault": ""}
        self.told({"event": "ended", "id": self.asked["id"], **ended})
        return True

    def unmake(self) -> None:
        """Take away what was made to be writable and was not used."""
        self.made.remove_all()
        self.made.close()

    def kill_rest(self) -> bool:
        """Kill the command, whose father was killed, and what is below it; tells whether there was anything."""
        found: set[int] = set()
        while new := self.living() - found:
            processes.signal_all([*new], signal.SIGSTOP)  # what is stopped forks no more
            found |= new
        processes.signal_all([*found], signal.SIGKILL)
        return bool(found)

    def kill_inner(self) -> bool:
        """Kill the commands that were started by this one; tells whether there was anything."""
        left = [one for one in self.inner if not one.is_over]
        for one in left:
            one.signal(signal.SIGKILL)
        return bool(left)

    def living(self) -> set[int]:
        if not self.pid:
            return set()
        led = {pid for pid, (_, group, dead) in processes.parents().items() if self.pid in (pid, group) and not dead}
        return led | {*processes.descendants(self.pid)}

    def is_around(self, pid: int) -> bool:
        """Tell whether a process is of this command: what that starts under a lock may write what it may."""
        return pid in processes.descendants(self.father)

    def signal(self, number: int) -> None:
        """Hand a signal on to the command, once it is known; one whose end is told may be buried, and its number another's."""
        if self.pid and not select.select([self.read], [], [], 0)[0]:
            self.send(number)
        elif len(self.early) < EARLY:
            self.early.append(number)

    def send(self, number: int) -> None:
        with contextlib.suppress(OSError, OverflowError):  # an agent may have made the number up
            os.kill(self.pid, number)


class _Father:
    """The process between: father of the command, and of everything that it leaves."""

    def __init__(self, confine: Message, asked: Message, tell: int) -> None:
        self.confine = confine
        self.asked = asked
        self.tell = tell

    def run(self) -> None:
        processes.become_subreaper()
        for number in OUTLIVED:
            signal.signal(number, signal.SIG_IGN)
        try:
            command = self.start()
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            is_missing = isinstance(error, FileNotFoundError) and error.filename == self.asked["argv"][0]
            code = NOT_FOUND if is_missing else NOT_RUN
            self.say({"code": code, "fault": getattr(error, "strerror", None) or str(error)})
            return
        self.say({"pid": command.pid})
        ended = os.waitid(os.P_PID, command.pid, os.WEXITED | os.WNOWAIT)  # its number stays its own
        while left := [pid for pid in processes.descendants(os.getpid()) if pid != command.pid]:
            processes.signal_all(left, signal.SIGKILL)
            processes.reap(os.getpid(), besides=command.pid)
            time.sleep(PAUSE)
        code = 0 if ended is None else ended.si_status if ended.si_code == os.CLD_EXITED else 128 + ended.si_status
        self.say({"code": code, "fault": ""})
        command.wait()

    def start(self) -> subprocess.Popen[bytes]:
        """Start the command with what belongs to who asks. Raises OSError."""
        asker = self.asked["pid"]
        process = os.pidfd_open(asker)
        if asker not in processes.descendants(os.getppid()):
            raise ProcessLookupError(errno.ESRCH, "the process that asked for it has ended")  # its number may be another's
        rules = landlock.ruleset(self.confine)
        for path, _ in self.asked["writable"]:
            for one in landlock.spared(path, [held for held in self.confine["protected"] if held.startswith(f"{path}/")]):
                landlock.allow(rules, one)
        with open(f"/proc/{asker}/environ", "rb") as file:
            pairs = (row.partition(b"=") for row in file.read().split(b"\0") if row)
            environment = {name: value for name, _, value in pairs}
        stdin, stdout, stderr, line = (kernel.descriptor_of(process, number) for number in (0, 1, 2, self.asked["line"]))
        argv, cwd = self.asked["argv"], os.readlink(f"/proc/{asker}/cwd")
        if select.select([process], [], [], 0)[0]:
            raise ProcessLookupError(errno.ESRCH, "the process that asked for it has ended")
        try:
            return self.popen(argv, cwd, environment, (stdin, stdout, stderr), line, rules)
        except OSError as error:
            if error.strerror != "Exec format error":
                raise
            return self.popen(["sh", *argv], cwd, environment, (stdin, stdout, stderr), line, rules)

    def popen(
        self, argv: list[str], cwd: str, environment: dict[bytes, bytes], standard: tuple[int, int, int], line: int, rules: int
    ) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            argv,
            stdin=standard[0],
            stdout=standard[1],
            stderr=standard[2],
            pass_fds=(fcntl.fcntl(line, fcntl.F_DUPFD_CLOEXEC, HIGH),),
            env=environment,
            cwd=cwd,
            start_new_session=True,
            preexec_fn=lambda: self.narrow(rules),  # noqa: PLW1509 - this process has one thread
        )

    def narrow(self, rules: int) -> None:
        for number in OUTLIVED:
            signal.signal(number, signal.SIG_DFL)
        kernel.renounce()
        kernel.landlock_restrict(rules)

    def say(self, message: Message) -> None:
        os.write(self.tell, json.dumps(message).encode() + b"\n")
