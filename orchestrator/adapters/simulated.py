"""The simulated agent: a real subprocess without a model, for demos, tests and benchmarks.

The program is `simulated_agent.py` beside this file; it reads what it shall do from its stdin and speaks the protocol
that every agent speaks.
"""

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from orchestrator.adapters.base import Invocation, Order, Reader
from orchestrator.claims import is_folder, is_glob, is_route
from orchestrator.exchange.speech import Lines
from orchestrator.model import Simulation

_WILDCARD = re.compile(r"\*+|\?|\[[^\]]+\]|\{[^{}]*\}")
_PROGRAM = str(Path(__file__).with_name("simulated_agent.py"))


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedAdapter:
    """Starts the simulated agent."""

    name: str = "simulated"
    needs: tuple[str, ...] = ()

    @property
    def nudges(self) -> bool:
        """It does not listen once it works."""
        return False

    @property
    def interrupts(self) -> bool:
        """It cannot go on after an interrupt."""
        return False

    def missing(self, path: str) -> str | None:  # noqa: ARG002 - it needs no program of the user's
        """It comes with squad."""
        return None

    def invoke(self, order: Order) -> Invocation:
        """Say what to write and how to end."""
        told = simulation(order)
        return Invocation(argv=(sys.executable, "-I", "-S", _PROGRAM), stdin=json.dumps(told).encode())

    def reader(self) -> Reader:
        """Understand squad's own protocol."""
        return Lines()

    def tell(self, text: str) -> bytes:  # noqa: ARG002 - it does not listen
        """It cannot be spoken to."""
        return b""


def simulation(order: Order) -> dict[str, object]:
    """Give what the program is told: which files, how long, which ending."""
    simulate = order.task.simulate or Simulation()
    declared = simulate.write if simulate.write is not None else order.writes
    wishes = (_area(order),) if declared is None else declared
    return {
        "task": order.task.id,
        "title": order.task.title,
        "attempt": order.attempt,
        "work": simulate.work,
        "text": simulate.text,
        "locks": list(simulate.lock),
        "files": [_file(wish, order) for wish in wishes],
        "ending": simulate.then[min(order.attempt, len(simulate.then)) - 1] if simulate.then else "done",
    }


def _area(order: Order) -> str:
    """Give the folder for a task that names no path: the first of the agent's area, else `docs/`."""
    folders = (area for area in order.area if is_glob(area) or not (order.workspace / area).is_file())
    area = next(folders, "docs/")
    return area if area.endswith("/") or is_glob(area) else area + "/"


def _file(wish: str, order: Order) -> str:
    """Name the file to write for a claim: itself, one inside a folder, or a glob with its wildcards filled in."""
    task = order.task.id.replace("/", "-")
    if is_glob(wish):
        routes = {f"\0{number}": name for number, name in enumerate(wish.split("/")) if is_route(name)}
        hidden = [f"\0{number}" if is_route(name) else name for number, name in enumerate(wish.split("/"))]
        filled = _WILDCARD.sub(lambda found: _filled(found[0], task), "/".join(hidden))
        return "/".join(routes.get(name, name) for name in filled.split("/"))
    if is_folder(wish) or (order.workspace / wish).is_dir():
        return f"{wish.rstrip('/')}/{task}.md" if wish != "." else f"{task}.md"
    return wish


def _filled(wildcard: str, task: str) -> str:
    """Give what a wildcard of a glob could stand for: the task's id where anything may stand."""
    if wildcard.startswith("*"):
        return task
    if wildcard == "?":
        return task[:1]
    if wildcard.startswith("{"):
        return wildcard[1:-1].partition(",")[0]
    return "_" if wildcard[1] in "!^" else wildcard[1]
