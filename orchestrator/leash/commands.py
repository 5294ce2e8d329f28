"""Commands of squad's configuration on a leash of their own, from start to exit code.

A command ends with everything that it began; one that neither says nor does anything counts as hanging and is ended.
"""

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import anyio

from orchestrator.leash import Gone, Leashed, LeashSpec, StartFailed, forget_ending, start
from orchestrator.leash.opening import Confined
from orchestrator.platform import tree_cpu
from orchestrator.scheduling.liveness import Pulse, Sign

HUNG = 124  #: exit code of a command that was ended because it hung, as of timeout(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A shell command of squad's configuration, such as a check."""

    text: str
    cwd: Path
    environment: Mapping[str, str]
    log: Path  #: its output
    silence: float = float("inf")  #: seconds without output and without work after which it counts as hanging
    confinement: Confined | None = None  #: what its processes may see and write; None: what the user may


async def run_command(command: Command) -> int:
    """Run a command on a leash of its own; gives its exit code, 128 + n for signal n, 124 if it hung.

    Raises:
        StartFailed: What it is to be confined to cannot be had.
    """
    forget_ending(command.log)
    argv, cwd = ("/bin/sh", "-c", command.text), str(command.cwd)
    mark = f"command {command.log}"
    confined = command.confinement
    spec = LeashSpec(
        argv=argv, cwd=cwd, environment=command.environment, log=command.log, mark=mark, grace=1.0, confinement=confined
    )
    pulse, ending = Pulse(started=anyio.current_time()), None
    try:
        async with start(spec) as leashed, anyio.create_task_group() as group:
            group.start_soon(_end_when_silent, leashed, pulse, command.silence)
            async for notice in leashed.notices():
                pulse.beat(Sign.OUTPUT, anyio.current_time())
                ending = notice.ending if isinstance(notice, Gone) else ending
            group.cancel_scope.cancel()
    except StartFailed:
        if confined is not None:
            raise
        return 127
    if ending is None:
        return 128 + signal.SIGKILL
    if ending.stopped == "asked":
        return HUNG
    return ending.exit if ending.exit is not None else 128 + _number(ending.signal or "SIGKILL")


def _number(name: str) -> int:
    """Give the number of a signal; real-time signals are named by it."""
    return int(name[3:]) if name[3:].isdigit() else int(signal.Signals[name])


async def _end_when_silent(leashed: Leashed, pulse: Pulse, after: float) -> None:
    while not pulse.is_silent(after, anyio.current_time()):
        await anyio.sleep_until(pulse.next_look(after))
        pulse.look(tree_cpu(leashed.pid), anyio.current_time())
    leashed.stop(leashed.grace)
