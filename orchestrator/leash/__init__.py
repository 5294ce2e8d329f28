"""The supervisor's end of a leash: start an agent, follow it, and be certain of its end.

`start` is a context manager: leaving its block, cancelled or not, means that no process of the agent is left. Output is
never read from a pipe here but from the log file, up to the offset that the leash tells.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

import anyio
import anyio.to_thread
import msgspec

from orchestrator.errors import SquadError
from orchestrator.holding import OWNER
from orchestrator.leash.opening import Beside as Beside
from orchestrator.leash.opening import Confined, Openings
from orchestrator.leash.opening import Holder as Holder
from orchestrator.leash.tail import Tail as Tail
from orchestrator.platform import adopted, sweep

MARK = "SQUAD_ATTEMPT_MARK"  #: in the environment of every process on a leash
_PROGRAM = str(Path(__file__).with_name("begin.py"))
_PATIENCE = 20.0  #: seconds beyond the grace in which a leash must have ended
_START = 30.0  #: seconds in which a leash must have started its agent


class StartFailed(SquadError):
    """The agent's program could not be started."""

    exit_code = 4

    def __init__(self, argv: tuple[str, ...], reason: str) -> None:
        self.program = argv[0] if argv else ""
        self.reason = reason
        super().__init__(f"cannot start {self.program!r}: {reason}", hint="check the command of the agent in the configuration")


@dataclass(frozen=True, slots=True, kw_only=True)
class LeashSpec:
    """What to put on a leash."""

    argv: tuple[str, ...]
    cwd: str
    environment: Mapping[str, str]
    log: Path  #: raw bytes of stdout and stderr; beside it `.status` and, at the end, `.end`
    mark: str  #: tells the processes of this attempt from all others
    socket: Path | None = None  #: where a later supervisor finds the leash
    stdin: bytes | None = None  #: None: nothing to read
    keep_stdin: bool = False
    grace: float = 10.0  #: seconds between TERM and KILL
    confinement: Confined | None = None  #: what its processes may see and write; None: what the user may


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How an agent ended, as its leash wrote it down."""

    exit: int | None
    signal: str | None
    stopped: str | None  #: asked, terminated or supervisor gone; None: by itself
    pid: int
    born: float
    ended_at: float
    log: int  #: bytes
    status: int
    survivors: list[int] = []
    lost: int = 0  #: bytes that could not be written to the log


@dataclass(frozen=True, slots=True)
class Output:
    """The logs have grown to these offsets."""

    log: int
    status: int


@dataclass(frozen=True, slots=True)
class Exited:
    """The agent's own process ended; others of its tree may be left."""

    exit: int | None
    signal: str | None


@dataclass(frozen=True, slots=True)
class Full:
    """The log cannot be written now; the agent waits."""

    reason: str


@dataclass(frozen=True, slots=True)
class Room:
    """The log can be written again."""


@dataclass(frozen=True, slots=True)
class Gone:
    """Nothing is left of the agent."""

    ending: Ending


@dataclass(frozen=True, slots=True)
class Lost:
    """The leash itself was killed; what it held was swept away."""


Notice: TypeAlias = Output | Exited | Full | Room | Gone | Lost


class Leashed:
    """An agent on its leash."""

    def __init__(self, connection: socket.socket, process: subprocess.Popen[bytes], spec: LeashSpec) -> None:
        """Speak with the leash; use `start`."""
        self.pid = 0
        self.born = 0.0
        self.leash_pid = process.pid
        self.grace = spec.grace
        self.is_over = False
        self._connection = connection
        self._process = process
        self._spec = spec
        self._buffer = b""
        self._unsent = bytearray()
        self._owes_ack = False
        self._openings = Openings(self._send)

    async def notices(self) -> AsyncIterator[Notice]:
        """Give what the leash tells, until the agent is gone; after each the leash may tell the next offsets."""
        while not self.is_over:
            message = await self._receive()
            if message is None:
                yield await self._sweep()
                return
            if self._openings.hear(message):
                continue
            match message.pop("event"):
                case "output":
                    self._owes_ack = True
                    yield msgspec.convert(message, Output)
                case "exited":
                    yield msgspec.convert(message, Exited)
                case "full":
                    yield msgspec.convert(message, Full)
                case "room":
                    yield Room()
                case "gone":
                    self._end()
                    yield msgspec.convert(message, Gone)

    def send(self, data: bytes) -> None:
        """Write to the agent's stdin."""
        self._send({"op": "stdin", "data": data.decode("utf-8", "surrogateescape")})

    def close_stdin(self) -> None:
        """Let the agent see the end of its stdin."""
        self._send({"op": "eof"})

    async def open(
        self, path: Path, *, folder: bool = False, wanted: Path | None = None, beside: Sequence[Path] = ()
    ) -> str | None:
        """Let the agent write a path from now on; gives why not if it cannot be. Somebody must be following `notices`.

        Each wants its closing. What is missing is made. Of a folder that is opened for something in it, `beside` stays read-only.
        """
        return await self._openings.open(path, folder=folder, wanted=wanted, beside=beside)

    async def close(self, path: Path, *, patience: float = 1.0, wanted: Path | None = None) -> tuple[Holder, ...]:
        """Let the agent write a path no longer; gives who still can, after `patience` seconds to let go of it."""
        return await self._openings.close(path, patience=patience, wanted=wanted)

    def beside(self, command: Beside) -> Awaitable[Mapping[str, object]]:
        """Run a command beside the agent to its end."""
        return self._openings.beside(command)

    def interrupt(self) -> None:
        """Send INT to the agent's process group."""
        self._send({"op": "signal", "signal": "SIGINT"})

    def resume(self) -> None:
        """Let a stopped agent go on."""
        self._send({"op": "signal", "signal": "SIGCONT"})

    def stop(self, grace: float) -> None:
        """Send TERM to the whole tree, and KILL after `grace` seconds to what is left."""
        self._send({"op": "stop", "grace": grace})

    async def end(self) -> None:
        """See to it that nothing is left, whatever it takes."""
        self.stop(self._spec.grace)
        with anyio.move_on_after(self._spec.grace + _PATIENCE):
            async for _ in self.notices():
                pass
        if not self.is_over:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._sweep()

    async def bury(self) -> None:
        """Reap the leash and close the connection."""
        await anyio.to_thread.run_sync(self._process.wait)
        self._connection.close()

    async def greet(self) -> None:
        """Hand the specification over and wait until the agent runs.

        Raises:
            StartFailed: It does not.
        """
        self._send(_spec_message(self._spec))
        message: dict[str, object] | None = None
        with anyio.move_on_after(_START):
            message = await self._receive()
        if message is None or message["event"] != "started":
            reason = str(message["reason"]) if message else "its leash did not start it"
            raise StartFailed(self._spec.argv, reason)
        self.pid, self.born = int(str(message["pid"])), float(str(message["born"]))

    async def _sweep(self) -> Lost:
        """Kill what a lost leash held; what hides its mark became our child when the leash died."""
        with anyio.CancelScope(shield=True):
            strays = partial(adopted, besides=_PROGRAM)
            await anyio.to_thread.run_sync(partial(sweep, MARK, self._spec.mark, strays=strays))
        self._end()
        return Lost()

    def _end(self) -> None:
        self.is_over = True
        self._openings.end()

    async def _receive(self) -> dict[str, object] | None:
        if self._owes_ack:
            # whoever asks for more has done with the last offsets
            self._owes_ack = False
            self._send({"op": "ack"})
        while b"\n" not in self._buffer:
            if self._unsent:
                await anyio.wait_writable(self._connection)
                self._push()
                continue
            await anyio.wait_readable(self._connection)
            try:
                data = self._connection.recv(65536)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if not data:
                return None
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        told: dict[str, object] = json.loads(line)
        return told

    def _send(self, message: Mapping[str, object]) -> None:
        """Send a command whole and in its turn, without ever waiting; a leash that is gone needs none."""
        # the standard library's codec, which carries names and values of the system that are not UTF-8
        self._unsent += json.dumps(message).encode() + b"\n"
        self._push()

    def _push(self) -> None:
        try:
            while self._unsent:
                del self._unsent[: self._connection.send(self._unsent)]
        except BlockingIOError:
            pass  # the rest goes when the leash has read
        except OSError:
            self._unsent.clear()


@asynccontextmanager
async def start(spec: LeashSpec) -> AsyncIterator[Leashed]:
    """Start an agent on a leash; inside the block it may live, afterwards nothing of it is left.

    Raises:
        StartFailed: Its program could not be started.
    """
    if not spec.argv:
        raise StartFailed(spec.argv, "it has no command")
    try:
        leashed = await _put_on(spec)
    except OSError as error:
        raise StartFailed(spec.argv, str(error)) from error
    try:
        await leashed.greet()
        yield leashed
    finally:
        with anyio.CancelScope(shield=True):
            if not leashed.is_over:
                await leashed.end()
            await leashed.bury()


async def _put_on(spec: LeashSpec) -> Leashed:
    spec.log.parent.mkdir(parents=True, exist_ok=True)
    if spec.socket is not None:
        spec.socket.parent.mkdir(parents=True, exist_ok=True)
    ours, theirs = socket.socketpair()
    try:
        with theirs:
            process = await anyio.to_thread.run_sync(_spawn, theirs, spec.confinement)
    except BaseException:
        ours.close()
        raise
    ours.setblocking(False)
    return Leashed(ours, process, spec)


def read_ending(log: Path) -> Ending | None:
    """Give how the agent with this log ended; None if its leash did not live to write it down."""
    try:
        return msgspec.json.decode(_beside(log, ".end").read_bytes(), type=Ending)
    except (OSError, msgspec.DecodeError):
        return None


def forget_ending(log: Path) -> None:
    """Take away how an earlier program with this log ended."""
    _beside(log, ".end").unlink(missing_ok=True)


async def outlast(path: Path, log: Path, *, mark: str) -> None:
    """Wait until the leash of a dead supervisor has ended; sweep what it held if it cannot be asked."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.setblocking(False)
        with contextlib.suppress(OSError), anyio.move_on_after(_PATIENCE):
            connection.connect(str(path))
            await anyio.wait_readable(connection)
    if read_ending(log) is None:
        await anyio.to_thread.run_sync(sweep, MARK, mark)
    with contextlib.suppress(OSError):
        await anyio.Path(path).unlink()


def _spawn(theirs: socket.socket, confinement: Confined | None) -> subprocess.Popen[bytes]:
    """Start the leash in a session of its own; only the standard library is in its reach, and nothing of the user's."""
    return subprocess.Popen(
        [sys.executable, "-I", "-S", _PROGRAM, *(confinement.arguments() if confinement else ())],
        stdin=theirs.fileno(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
        env={"PATH": os.defpath, **{name: os.environ[name] for name in ("PATH", OWNER) if name in os.environ}},
    )


def _spec_message(spec: LeashSpec) -> dict[str, object]:
    return {
        "argv": list(spec.argv),
        "cwd": spec.cwd,
        "environment": {**spec.environment, MARK: spec.mark},
        "log": str(spec.log),
        "socket": str(spec.socket) if spec.socket else "",
        "stdin": None if spec.stdin is None else spec.stdin.decode("utf-8", "surrogateescape"),
        "keep_stdin": spec.keep_stdin,
        "grace": spec.grace,
        "confine": spec.confinement and spec.confinement.to_spec(),
    }


def _beside(log: Path, suffix: str) -> Path:
    return log.with_name(log.name + suffix)
