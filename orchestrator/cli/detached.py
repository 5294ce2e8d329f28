"""A supervisor that outlives its terminal.

It is forked only once nothing is left to ask, leads a session of its own without a terminal, and keeps nothing of its
caller's open. The caller hears one thing of it: that it owns the run, or why it does not.
"""

import contextlib
import io
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec

from orchestrator.cli.context import Context, out, out_json
from orchestrator.cli.exits import BUG
from orchestrator.errors import SquadError
from orchestrator.model import RunId
from orchestrator.project import Project

Begun = Callable[[RunId], None]
Carry = Callable[[Context, Begun], int]
_TOLD = 20  #: lines of the log that are shown of a supervisor that ended without a word


class NotBegun(SquadError):
    """The supervisor in the background does not own the run; told in its own words, with its own exit code."""

    @classmethod
    def with_code(cls, code: int) -> type["NotBegun"]:
        """Give the error that ends the command with a code."""
        return type(cls.__name__, (cls,), {"exit_code": code})


class _Word(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a supervisor in the background tells its caller: the run that it owns, or why it owns none."""

    run: str | None = None
    message: str = ""
    hint: str | None = None
    exit_code: int = BUG


def told_nobody(run: RunId) -> None:
    """Be what a supervisor in the foreground tells of its beginning: nothing."""


def output_of(project: Project) -> Path:
    """Give the file that supervisors in the background write what they would have shown to."""
    return project.logs / "supervisor.out"


def in_background(options: Context, project: Project, carry: Carry) -> int:
    """Have a process of its own carry a run out, and wait until it owns the run; gives 0 then.

    In that process this gives what `carry` gives.

    Raises:
        NotBegun: It was refused, or ended before.
    """
    log = output_of(project)
    log.parent.mkdir(parents=True, exist_ok=True)
    seen = log.stat().st_size if log.exists() else 0
    reading, writing = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    # blocked meanwhile, so that no moment is left in which a terminal that closes takes the new process with it
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    child = os.fork()
    if child == 0:
        os.close(reading)
        _leave_terminal(log, keep=writing)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return _carry_on(options, carry, writing)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    os.close(writing)
    told = _word_of(child, reading)
    if told is None:
        raise NotBegun.with_code(BUG)(_last_words(log, seen), hint=f"all it said is in {log}")
    if told.run is None:
        raise NotBegun.with_code(told.exit_code)(told.message, hint=told.hint)
    _show(options, told.run, child, log)
    return 0


def _leave_terminal(log: Path, *, keep: int) -> None:
    """Lead a session without a terminal, with a log for output and nothing else of the caller's open."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # one that came while it was blocked is dropped by this
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for there, here in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(there, here)
    os.closerange(3, keep)
    os.closerange(keep + 1, _highest() + 1)


def _highest() -> int:
    """Give the highest descriptor that may be open."""
    for folder in ("/proc/self/fd", "/dev/fd"):
        with contextlib.suppress(OSError, ValueError):
            return max(int(name) for name in os.listdir(folder))  # noqa: PTH208 - numbers, no paths
    return int(os.sysconf("SC_OPEN_MAX"))


def _carry_on(options: Context, carry: Carry, writing: int) -> int:
    """Carry the run out in the new process; an error that ends it before it owns the run is told, and goes on to the log."""
    own = replace(options, as_json=False, quiet=False, no_input=True, color="never")
    with open(writing, "wb", buffering=0) as caller:
        try:
            return carry(own, lambda run: _tell(caller, _Word(run=run)))
        except SquadError as error:
            place = f"{error.where}: " if error.where else ""
            _tell(caller, _Word(message=f"{place}{error.message}", hint=error.hint, exit_code=error.exit_code))
            raise


def _tell(caller: io.FileIO, word: _Word) -> None:
    """Say the one thing that the caller waits for; one that is gone with its terminal is no reason to end."""
    if not caller.closed:
        with contextlib.suppress(OSError):
            caller.write(msgspec.json.encode(word))
        with contextlib.suppress(OSError):
            caller.close()


def _word_of(child: int, reading: int) -> _Word | None:
    """Wait for what the new process says; None if it ended without a word. Interrupted, it is ended too."""
    said = b""
    try:
        while part := os.read(reading, 1 << 16):
            said += part
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGTERM)
        raise
    finally:
        os.close(reading)
    return msgspec.json.decode(said, type=_Word) if said else None


def _last_words(log: Path, seen: int) -> str:
    with contextlib.suppress(OSError), log.open("rb") as file:
        file.seek(seen)
        lines = file.read().decode(errors="replace").splitlines()[-_TOLD:]
        return "\n".join(["the supervisor ended before it owned the run", *(f"  {line}" for line in lines)])
    return "the supervisor ended before it owned the run"


def _show(options: Context, run: str, pid: int, log: Path) -> None:
    if options.as_json:
        out_json({"schema_version": 1, "run": run, "pid": pid, "output": str(log)})
        return
    out(f"{run} is carried out in the background by process {pid}")
    options.note(
        f"look: squad status   squad logs -f   squad events -f\nwait: squad wait   end it: squad stop\nits output: {log}"
    )
