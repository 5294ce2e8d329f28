"""How long tasks are expected to take: the document's word, else what finished tasks tell, else a default by their complexity.

All of them are estimates; each says where it comes from, and those that were learned how far such tasks were apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.model import Task, TaskId
from orchestrator.planning.complexity import PLAIN, complexity
from orchestrator.planning.learning import learn
from orchestrator.planning.surroundings import Surroundings
from orchestrator.text.quantities import format_duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """How long a task is expected to take."""

    seconds: float  #: in whole milliseconds
    told: str
    complexity: float  #: times a plain task; where its length is known otherwise, as far as somebody asks
    spread: tuple[float, float] | None = None  #: seconds between which the middle half of those like it lay


def lengths_of(tasks: Sequence[Task], surroundings: Surroundings) -> dict[TaskId, Length]:
    """Give the length of each task."""
    files = frozenset(surroundings.files)
    return {task.id: _length(task, surroundings, files) for task in tasks}


def _length(task: Task, surroundings: Surroundings, files: frozenset[str]) -> Length:
    is_known = task.estimate is not None or task.simulate is not None
    if is_known and surroundings.allocation.score is None:  # only a function of the user's asks how complex such a task is
        found = PLAIN
    else:
        found = complexity(task, weights=surroundings.allocation.weights.complexity, files=files)
    if task.estimate is not None:
        told = f"is estimated at {format_duration(task.estimate)} in {task.source.file}:{task.source.line}"
        return Length(seconds=round(task.estimate, 3), told=told, complexity=found.factor)
    if task.simulate is not None:
        told = f"takes {format_duration(task.simulate.work)}, as its simulation does"
        return Length(seconds=round(task.simulate.work, 3), told=told, complexity=found.factor)
    if known := learn(task, surroundings.samples):
        spread = (round(known.low, 3), round(known.high, 3))
        between = f"{format_duration(known.low)}..{format_duration(known.high)}"
        told = f"takes about {format_duration(known.seconds)}, as {known.count} finished tasks like it did ({between})"
        return Length(seconds=known.seconds, told=told, complexity=found.factor, spread=spread)
    seconds = round(surroundings.estimate * found.factor, 3)
    default = format_duration(surroundings.estimate)
    sum_ = f": the default of {default} x {found.factor:g} for its complexity ({found.told})" if found.told else ", the default"
    return Length(seconds=seconds, told=f"takes about {format_duration(seconds)}{sum_}", complexity=found.factor)
