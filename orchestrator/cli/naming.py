"""Which agent, task or attempt a person means: by its exact name, else by the one name that begins so; never by a guess."""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.errors import UsageError
from orchestrator.spelling import nearest
from orchestrator.state import State


class NothingSo(UsageError):
    """Nothing of the kind has that name."""

    def __init__(self, name: str, known: list[str], *, what: str) -> None:
        super().__init__(f"there is no {what} {name!r}", hint=nearest(name, known) or f"known: {', '.join(known[:16])}")
        self.name = name


class AmbiguousName(UsageError):
    """Several agents or tasks begin so."""

    def __init__(self, name: str, fitting: list[str]) -> None:
        super().__init__(f"{name!r} may be any of {', '.join(fitting[:16])}", hint="name one of them")
        self.fitting = fitting


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """A task, or an agent; one of both is empty."""

    task: str = ""
    agent: str = ""

    def as_params(self) -> dict[str, object]:
        """Give the parameters of a request about it."""
        return {"task": self.task} if self.task else {"agent": self.agent}


def task_or_agent(state: State, name: str) -> Meant:
    """Find what is meant.

    Raises:
        UsageError: Nothing begins so, or several do.
    """
    found = named(name, [*state.tasks, *state.agents], what="agent or task")
    return Meant(task=found) if found in state.tasks else Meant(agent=found)


def task_named(state: State, name: str) -> str:
    """Find the task that is meant; raises as `task_or_agent`."""
    return named(name, list(state.tasks), what="task")


def named(name: str, known: Sequence[str], *, what: str, beside: Sequence[str] = ()) -> str:
    """Find what is meant among the known names; those beside count where none of these begins so.

    Raises:
        UsageError: Nothing begins so, or several do.
    """
    if name in known or name in beside:
        return name
    whole = [one for one in known if one.startswith(f"{name}-")]  # agent-1 is agent-1-frontend, and not agent-10
    fitting = (whole if len(whole) == 1 else []) or _begin(name, known) or _begin(name, beside)
    fitting = fitting or [one for one in known if one.casefold() == name.casefold()]
    if not fitting:
        raise NothingSo(name, [*known, *beside], what=what)
    if len(fitting) > 1:
        raise AmbiguousName(name, fitting)
    return fitting[0]


def _begin(name: str, known: Sequence[str]) -> list[str]:
    return [one for one in known if name and one.startswith(name)]
