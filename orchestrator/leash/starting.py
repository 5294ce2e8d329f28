"""One process more: how an agent is to be started, and the last steps before its program begins.

A part of the leash's program: the standard library alone, loaded by its place beside it. Whatever the making of a sandbox gave
is given up before the agent's first instruction, and can never be had again.
"""

from __future__ import annotations

import contextlib
import os
import signal

TYPE_CHECKING = False  # importing it from typing would cost every start
if TYPE_CHECKING or __package__:
    from orchestrator.leash import kernel
else:
    import kernel


class Start:
    """How the agent is to be started."""

    def __init__(self, argv: list[str], environment: dict[str, str], cwd: str, *, feeds: bool, output: int, status: int) -> None:
        self.argv = argv
        self.environment = environment
        self.cwd = cwd
        self.feeds = feeds  #: whether it has something to read
        self.output = output
        self.status = status


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


def become(start: Start, stdin: int, scope: int | None) -> None:
    """Become the agent's program, in a session of its own and without any right that the sandbox's making gave."""
    for name in signal.valid_signals():
        if callable(signal.getsignal(name)):
            signal.signal(name, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.setsid()
    for number, source in enumerate((stdin, start.output, start.output)):
        os.dup2(source, number)
    os.set_inheritable(start.status, True)
    os.chdir(start.cwd)
    kernel.renounce()
    if scope is not None:
        kernel.landlock_restrict(scope)
    try:
        os.execvpe(start.argv[0], start.argv, start.environment)  # noqa: S606 - it is what the agent's command says
    except OSError as error:
        raise OSError(error.errno, error.strerror, start.argv[0]) from None  # not the last place where it was looked for


def until_line(descriptor: int) -> bytes:
    """Read up to a line's end or the end of all."""
    said = b""
    while not said.endswith(b"\n") and (data := os.read(descriptor, 4096)):
        said += data
    return said


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
