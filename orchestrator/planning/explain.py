"""Why a task is where it is: who owns it, where its paths come from, what it waits for and why."""

from orchestrator.errors import UsageError
from orchestrator.model import Plan, PlannedTask, TaskId
from orchestrator.text.quantities import format_duration
from orchestrator.text.spelling import nearest


class UnknownTask(UsageError):
    """There is no such task in the plan."""

    def __init__(self, task: str, known: tuple[str, ...]) -> None:
        super().__init__(f"there is no task {task!r} in the plan", hint=nearest(task, known) or f"tasks: {', '.join(known[:20])}")
        self.task = task


def explain(plan: Plan, task: TaskId) -> tuple[str, ...]:
    """Give one sentence for each fact about a task.

    Raises:
        UnknownTask: The plan does not hold it.
    """
    planned = next((one for one in plan.tasks if one.task.id == task), None)
    if planned is None:
        raise UnknownTask(task, tuple(one.task.id for one in plan.tasks))
    writes = "not known" if planned.writes is None else ", ".join(planned.writes) or "nothing"
    return (
        f"{task} {planned.task.title} ({planned.task.source.file}:{planned.task.source.line})",
        f"done by {planned.agent}: {planned.why[0] if planned.why else 'as planned'}",
        f"may write {writes}" + "".join(f": {reason}" for reason in planned.why[1:2]),
        *planned.why[2:],
        *waits(plan, planned),
    )


def waits(plan: Plan, planned: PlannedTask) -> tuple[str, ...]:
    """Say what a task waits for, and why: needs, its agent, locks."""
    return Waits(plan).of(planned)


class Waits:
    """What the tasks of a plan wait for: looked up by lock and agent, since many are asked about."""

    def __init__(self, plan: Plan) -> None:
        """Sort the tasks once."""
        self._tasks = plan.tasks
        self._by_id = {one.task.id: one for one in plan.tasks}
        self._locking: dict[str, list[int]] = {}
        self._ending: dict[tuple[str, float], list[int]] = {}  #: agent and end -> tasks
        for place, one in enumerate(plan.tasks):
            self._ending.setdefault((one.agent, one.finish), []).append(place)
            for lock in one.locks:
                self._locking.setdefault(lock, []).append(place)

    def of(self, planned: PlannedTask) -> tuple[str, ...]:
        """Say what a task waits for, and why."""
        told = [
            f"needs {need} {self._by_id[need].task.title}, which is done at {format_duration(self._by_id[need].finish)}"
            for need in planned.needs
            if need in self._by_id
        ]
        places = {place for lock in planned.locks for place in self._locking.get(lock, ())}
        for place in sorted(places.union(self._ending.get((planned.agent, planned.start), ()))):
            other = self._tasks[place]
            if other is planned or other.start >= planned.start or other.task.id in planned.needs:
                continue
            common = sorted(set(other.locks) & set(planned.locks))
            if common:
                told.append(f"waits for {other.task.id}: both lock {', '.join(common[:3])}")
            else:
                told.append(f"waits for {other.task.id}: {planned.agent} does one task at a time")
        return tuple(told) if told else ("waits for nothing",)
