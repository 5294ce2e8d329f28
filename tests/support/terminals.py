"""Commands on a terminal: a pseudo-terminal whose output is read all the time, so that nobody waits for room in it."""

import contextlib
import os
import pty
import signal
import sys
from pathlib import Path
from typing import Self

from tests.support.waiting import until


class Terminal:
    """A command on a terminal; what it writes is kept."""

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        self.text = b""
        self._code: int | None = None
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.environ.update(PYTHONPATH=str(Path(__file__).parents[2]), TERM="xterm", **environment)
            os.execv(sys.executable, [sys.executable, "-m", "orchestrator", *arguments])
        os.set_blocking(self.descriptor, False)

    def type(self, text: bytes) -> None:
        """Type something; \\x03 is Ctrl-C."""
        os.write(self.descriptor, text)

    def wait_for(self, text: bytes) -> None:
        """Read until something was written."""

        def is_there() -> bool:
            self._read()
            return text in self.text

        until(is_there, f"{text!r} on the terminal")

    def finish(self) -> int:
        """Read to the end; gives the exit code."""
        return until(self._ended, f"the end of the command ({self.text[-500:]!r})")[0]

    def _ended(self) -> tuple[int] | None:
        self._read()
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid == 0:
            return None
        self._read()
        self._code = os.waitstatus_to_exitcode(status)
        return (self._code,)

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            while data := os.read(self.descriptor, 65536):
                self.text += data

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)
        if self._code is None:
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
