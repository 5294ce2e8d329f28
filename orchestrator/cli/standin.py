"""What a stand-in does when a command line means an operation: take its lock, then become the real program.

There is no second process: whoever called the stand-in has started the real program, with its arguments, signals,
terminal and exit code. The lock ends with that process. Standard library only.
"""

import os
import signal
import sys

from orchestrator.cli.agent import Misused, duration
from orchestrator.cli.underlock import Door, Wish, failure, keep_open, take
from orchestrator.control.client import Unreachable
from orchestrator.control.protocol import Rejected

_WAIT = 100.0  #: seconds; programs that run commands for a model give up after two minutes
_REFUSED = 1


def main() -> None:
    """Take the operations' locks and become the program: `OPERATIONS PROGRAM ARGUMENTS...`."""
    operations, program, *arguments = sys.argv[1:]
    command = (program, *arguments)
    try:
        wish = Wish(paths=tuple(operations.split()), command=command, wait=_wait())
        connection, answer = take(
            Door(os.environ["SQUAD_SOCKET"], {"token": os.environ.get("SQUAD_TOKEN", "")}), wish, process=True
        )
    except (Rejected, Unreachable, Misused) as error:
        way_out = "do something else first, then run it again"
        print(f"squad: {os.path.basename(program)} was not run: {error}\n{way_out}", file=sys.stderr, flush=True)
        sys.exit(_REFUSED)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
        raise
    if answer.get("until") != "process":
        keep_open(connection)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # which Python ignores
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execv(program, command)  # noqa: S606 - it is what was called
    except OSError as error:
        sys.exit(failure(program, error))


def _wait() -> float:
    """Give how long to stand in line: as the agent's environment has it, else shorter than those wait who call us."""
    told = os.environ.get("SQUAD_LOCK_WAIT")
    return duration(told) if told else _WAIT
