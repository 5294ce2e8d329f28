"""Which agent or task of a run a person means; a name that fits two is refused."""

from dataclasses import dataclass

from orchestrator.state import State
from orchestrator.text.spelling import meant


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
    found = meant(name, [*state.tasks, *state.agents], what="agent or task")
    return Meant(task=found) if found in state.tasks else Meant(agent=found)


def task_named(state: State, name: str) -> str:
    """Find the task that is meant; raises as `task_or_agent`."""
    return meant(name, list(state.tasks), what="task")
