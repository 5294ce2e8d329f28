"""Two runs side by side: what is the same between them, what is not, and what may be called measured therefore.

A comparison is measured only where the tasks (by content), the adapters and the machine are the same and both runs brought
every task to its end. The number of agents may differ where one run is sequential, that is by one agent: this is what the
time saved is measured by. Whatever else differs is told, and nothing is called measured.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from orchestrator.model import Plan, Task, TaskState
from orchestrator.views.report.model import Report, TaskRow

_SHOWN = 5  #: tasks that are named


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A run: what was planned, and what came of it."""

    plan: Plan
    report: Report

    @property
    def agents(self) -> tuple[str, ...]:
        """Give the agents' ids."""
        return tuple(row.id for row in self.report.agents)

    @property
    def adapters(self) -> tuple[str, ...]:
        """Give the adapters that its attempts worked by."""
        return tuple(sorted({one.adapter for row in self.report.tasks for one in row.history}))

    @property
    def nodes(self) -> tuple[str, ...]:
        """Give the machines that its attempts ran on."""
        return tuple(sorted({one.node for row in self.report.tasks for one in row.history}))

    @property
    def is_whole(self) -> bool:
        """Tell whether it is over and every task of it is done."""
        report = self.report
        return report.phase == "ended" and all(row.state == TaskState.DONE for row in report.tasks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two runs side by side."""

    first: Told
    second: Told
    same: dict[str, bool]  #: tasks, agents, adapters, node
    differences: tuple[str, ...]  #: of those, in words
    obstacles: tuple[str, ...]  #: why nothing is called measured; empty: it is
    saved: float | None  #: share of the sequential run's wall time; None: not measured

    @property
    def sequential(self) -> Told | None:
        """Give the run by one agent, if the other one is by several."""
        return sequential_of(self.first, self.second)


def content(task: Task) -> tuple[object, ...]:
    """Give what makes two tasks the same, wherever they stand and whoever does them."""
    simulate = asdict(task.simulate) if task.simulate else None
    asked = (task.title, task.text, task.criteria, task.checks, task.command, repr(simulate))
    return (*asked, task.needs, task.writes, task.locks, task.gate)


def same_tasks(first: Plan, second: Plan) -> bool:
    """Tell whether two plans carry out the same tasks."""
    return _contents(first) == _contents(second)


def compare(first: Told, second: Told) -> Comparison:
    """Hold two runs against each other."""
    kinds: dict[str, tuple[object, object]] = {
        "tasks": (_contents(first.plan), _contents(second.plan)),
        "agents": (first.agents, second.agents),
        "adapters": (first.adapters, second.adapters),
        "node": (first.nodes, second.nodes),
    }
    same = {name: one == other for name, (one, other) in kinds.items()}
    obstacles = tuple(_obstacles(first, second, same))
    return Comparison(
        first=first,
        second=second,
        same=same,
        differences=tuple(_differences(first, second, same)),
        obstacles=obstacles,
        saved=None if obstacles else _saved(first, second),
    )


def sequential_of(first: Told, second: Told) -> Told | None:
    """Give the run by one agent, if the other one is by several."""
    one, other = sorted((first, second), key=lambda told: len(told.agents))
    return one if len(one.agents) == 1 < len(other.agents) else None


def rows_of(comparison: Comparison) -> Iterator[tuple[str, TaskRow | None, TaskRow | None]]:
    """Give each task with its rows in both runs; the same id with another content is another task."""
    sides = (comparison.first, comparison.second)
    first, second = ({row.id: row for row in told.report.tasks} for told in sides)
    contents = [{str(planned.task.id): content(planned.task) for planned in told.plan.tasks} for told in sides]
    paired = {name for name in first.keys() & second.keys() if contents[0].get(name) == contents[1].get(name)}
    for name in first:
        yield name, first[name], second[name] if name in paired else None
    for name in second:
        if name not in paired:
            yield name, None, second[name]


def _contents(plan: Plan) -> Counter[tuple[object, ...]]:
    return Counter(content(planned.task) for planned in plan.tasks)


def _obstacles(first: Told, second: Told, same: dict[str, bool]) -> Iterator[str]:
    for name in ("tasks", "adapters", "node"):
        if not same[name]:
            yield f"the {name} {'differs' if name == 'node' else 'differ'}"
    if not same["agents"] and sequential_of(first, second) is None:
        yield "the agents differ, and none of the runs is sequential"
    for told in (first, second):
        if not told.is_whole:
            yield f"{told.report.run} did not bring every task to its end"


def _differences(first: Told, second: Told, same: dict[str, bool]) -> Iterator[str]:
    if not same["tasks"]:
        yield from _only(first, second)
        yield from _only(second, first)
    words: dict[str, Callable[[Told], tuple[str, ...]]] = {
        "agents": lambda told: told.agents,
        "adapters": lambda told: told.adapters,
        "node": lambda told: told.nodes,
    }
    for name, of in words.items():
        if not same[name]:
            yield f"{name}: {', '.join(of(first)) or 'none'} against {', '.join(of(second)) or 'none'}"


def _only(one: Told, other: Told) -> Iterator[str]:
    """Name the tasks of one run that the other has not."""
    left = _contents(other.plan)
    names = []
    for planned in one.plan.tasks:
        if left[content(planned.task)] > 0:
            left[content(planned.task)] -= 1
        else:
            names.append(str(planned.task.id))
    if names:
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        yield f"tasks only in {one.report.run}: {', '.join(names[:_SHOWN])}{more}"


def _saved(first: Told, second: Told) -> float | None:
    """Give the share of the sequential run's wall time that the other one saved."""
    one = sequential_of(first, second)
    if one is None or not one.report.figures.wall_s:
        return None
    other = second if one is first else first
    return 1 - other.report.figures.wall_s / one.report.figures.wall_s
