"""Whole runs in this process: real agents, real git, the real supervisor; only the interpreter's start is saved."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from orchestrator.cli.context import Context
from orchestrator.cli.launch import Wishes, launch, relaunch
from orchestrator.errors import SquadError
from orchestrator.events import Entry, Event, kind
from orchestrator.journal import Journal
from orchestrator.project import find
from tests.support.repositories import Repository

E = TypeVar("E")
#: Failed attempts are tried again at once, and those that ran into a usage limit as soon as it is lifted.
AT_ONCE = {
    "restart": {"backoff": "1ms..2ms", "per_agent": "50/10m", "fleet": "50/10m"},
    "on_quota": {"margin": "0s"},
}


@dataclass(frozen=True, slots=True)
class Ran:
    """How a run ended, and what happened in it."""

    code: int
    entries: tuple[Entry, ...]

    def all(self, of: type[E]) -> list[E]:
        """Give the events of a kind."""
        return [entry.event for entry in self.entries if isinstance(entry.event, of)]

    def about(self, task: str, *kinds: type[Event]) -> list[str]:
        """Name the events about a task, in order; of the given kinds or all."""
        told = (entry.event for entry in self.entries if getattr(entry.event, "task", None) == task)
        return [kind(event) for event in told if not kinds or isinstance(event, kinds)]

    def order(self, of: type[Event], *, key: str = "task") -> list[str]:
        """Give what the events of a kind speak of, in order."""
        return [str(getattr(event, key)) for event in self.all(of)]


@dataclass(frozen=True, slots=True)
class Runs:
    """Carries tasks out in a repository."""

    repository: Repository

    def __call__(
        self,
        *tasks: Mapping[str, Any],
        count: int | None = None,
        agent: str | None = None,
        settings: Mapping[str, Any] | None = None,
        run: Mapping[str, Any] | None = None,
    ) -> Ran:
        """Run tasks; `settings` and `run` are the configuration and its part of that name."""
        configuration = {**(settings or {}), "run": {**AT_ONCE, **(run or {})}}
        self.repository.write(
            {"squad.yaml": json.dumps(configuration), "tasks.yaml": json.dumps({"version": 1, "tasks": list(tasks)})}
        )
        wishes = Wishes(file="tasks.yaml", count=count, agent=agent, enforce=None, new=False)
        return self._ran(launch(self._options, wishes))

    def resume(self) -> Ran:
        """Resume the run."""
        return self._ran(relaunch(self._options, None))

    @property
    def _options(self) -> Context:
        return Context(folder=self.repository.root, yes=True, quiet=True, no_input=True)

    def _ran(self, code: int) -> Ran:
        journal = Journal.read(find(self.repository.root).state)
        assert journal is not None
        with journal:
            return Ran(code, tuple(journal.entries()))


def shell(name: str, script: str, **more: Any) -> dict[str, Any]:
    """Give a task whose agent is a shell script."""
    return {"id": name, "title": f"Do {name}", "command": ["sh", "-ec", script], **more}


def simulated(name: str, *then: str, work: str = "10ms", **more: Any) -> dict[str, Any]:
    """Give a task for the simulated agent; `lock` and `write` are what it asks for and writes."""
    simulate: dict[str, object] = {"work": work, **({"then": list(then)} if then else {})}
    simulate |= {key: more.pop(key) for key in ("lock", "write") if key in more}
    return {"id": name, "title": f"Do {name}", "simulate": simulate, **more}


def first_leaf(error: BaseException) -> SquadError:
    """Give the first of squad's errors in a group."""
    while isinstance(error, BaseExceptionGroup):
        parts: Sequence[BaseException] = error.exceptions
        error = next(part for part in parts if isinstance(part, SquadError | BaseExceptionGroup))
    assert isinstance(error, SquadError)
    return error
