"""`--optimise`: a shorter order from OR-tools, made in a child process that is killed when it takes too long.

Whatever the child does, squad's own order stands: nothing of the child's is taken but a schedule, and that only if it is
sound and shorter (`planning.order`).
"""

import importlib.util
import subprocess
import sys
from collections.abc import Sequence

from orchestrator.cli.context import Context
from orchestrator.errors import ToolMissing
from orchestrator.planning.optimal import problem_of, timetable_of
from orchestrator.planning.order import Improve
from orchestrator.planning.shop import Shop, Timetable

_CHILD = (sys.executable, "-m", "orchestrator.planning.optimal")
_LIMIT = 60.0  #: seconds
_GRACE = 1.0  #: seconds beyond the limit, after which it is killed
_MOST = 150  #: tasks: beyond that the solver seldom finds what squad has not found


def optimiser(options: Context) -> Improve:
    """Give what asks OR-tools for a shorter schedule.

    Raises:
        ToolMissing: OR-tools is not installed.
    """
    if importlib.util.find_spec("ortools") is None:
        raise ToolMissing(
            "--optimise needs OR-tools, which is not installed", hint="install it: pip install 'squad-orchestrator[optimal]'"
        )

    def improve(shop: Shop, first: Timetable) -> Timetable | None:
        if len(shop.length) > _MOST:
            options.note(f"--optimise is for up to {_MOST} tasks, and here are {len(shop.length)}: squad's own order stands")
            return None
        found, trouble = ask(_CHILD, shop, first, limit=_LIMIT)
        options.note(f"--optimise: {trouble}: squad's own order stands" if trouble else "")
        return found

    return improve


def ask(child: Sequence[str], shop: Shop, first: Timetable, *, limit: float) -> tuple[Timetable | None, str]:
    """Ask a child for a schedule; gives it, or what went wrong."""
    try:
        done = subprocess.run(child, input=problem_of(shop, first), capture_output=True, timeout=limit + _GRACE, check=False)
    except subprocess.TimeoutExpired:
        return None, f"no answer within {limit + _GRACE:g} s"
    except OSError as error:
        return None, str(error)
    if done.returncode != 0:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        return None, f"the solver ended with {done.returncode}: {''.join(last)}"
    found = timetable_of(done.stdout)
    return found, "" if found else "no schedule came back"
