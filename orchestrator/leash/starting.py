"""How an agent's program is started, wherever it will live.

A part of the leash's program: the standard library alone, loaded by its place beside it. An agent leads a session of its own, and
inherits three descriptors and its status pipe.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import subprocess

TYPE_CHECKING = False  # importing it from typing would cost every start
if TYPE_CHECKING:
    from collections.abc import Callable


class Start:
    """How the agent is to be started."""

    def __init__(
        self, argv: list[str], environment: dict[str, str], cwd: str, *, feeds: bool, output: int, status: int, control: int
    ) -> None:
        self.argv = argv
        self.environment = environment
        self.cwd = cwd
        self.feeds = feeds  #: whether it has something to read
        self.output = output
        self.status = status
        self.control = control  #: readable before the agent runs: whoever asked for it wants it no more

    def stdin(self) -> int:
        """Say what it reads, in Popen's words."""
        return subprocess.PIPE if self.feeds else subprocess.DEVNULL


class Child:
    """A process that became our child by adoption, in the shape of subprocess.Popen."""

    def __init__(self, pid: int, stdin: int | None) -> None:
        self.pid = pid
        self.stdin = None if stdin is None else os.fdopen(stdin, "wb", buffering=0)
        self.status: int | None = None

    def poll(self) -> int | None:
        """Never asked where the kernel tells more."""
        return self.status

    def wait(self) -> int:
        """Reap it."""
        if self.status is None:
            with contextlib.suppress(ChildProcessError):
                self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.status or 0


def popen(start: Start, stdin: int, *, before: Callable[[], None] | None = None) -> subprocess.Popen[bytes]:
    """Start an agent's program in a session of its own."""
    return subprocess.Popen(
        start.argv,
        stdin=stdin,
        stdout=start.output,
        stderr=start.output,
        pass_fds=(start.status,),
        env=start.environment,
        cwd=start.cwd,
        start_new_session=True,
        preexec_fn=before,  # noqa: PLW1509 - the leash has one thread
    )


def forked(act: Callable[[], None], *ours: int) -> int:
    """Let a copy of the leash do something instead of going on as a leash; it does not have what is `ours` open."""
    signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())
    try:
        if pid := os.fork():
            return pid
        try:
            signal.set_wakeup_fd(-1)
            for number in signal.valid_signals():
                if callable(signal.getsignal(number)):
                    signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            for descriptor in ours:
                os.close(descriptor)
            act()
        finally:
            os._exit(0)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, ())


def until_line(descriptor: int, control: int) -> bytes:
    """Read up to a line's end or the end of all. Raises OSError if there is something to be obeyed before."""
    said = b""
    while not said.endswith(b"\n") and (data := _read(descriptor, control)):
        said += data
    return said


def _read(descriptor: int, control: int) -> bytes:
    if descriptor not in select.select([descriptor, control], [], [])[0]:
        raise OSError(errno.ECANCELED, "it was given up before it began")
    return os.read(descriptor, 4096)


def until_end(descriptor: int) -> bytes:
    """Read everything."""
    return b"".join(iter(lambda: os.read(descriptor, 4096), b""))


def worded(error: BaseException) -> list[object]:
    """Put an error into words that cross a pipe."""
    text = getattr(error, "strerror", None) or str(error)
    return [getattr(error, "errno", None) or 0, text, getattr(error, "filename", None) or ""]


def fault(number: int, text: str, name: str) -> OSError:
    """Give the error back that was put into words."""
    return OSError(number, text, name) if name else OSError(number, text)
