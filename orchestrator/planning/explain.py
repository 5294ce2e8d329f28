"""Why a task is where it is: who owns it, where its paths come from, what it waits for and why."""

from orchestrator.errors import UsageError
from orchestrator.model import Plan, PlannedTask, TaskId
from orchestrator.quantities import format_duration
from orchestrator.spelling import nearest


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
    by_id = {one.task.id: one for one in plan.tasks}
    told = [
        f"needs {need} {by_id[need].task.title}, which is done at {format_duration(by_id[need].finish)}"
        for need in planned.needs
        if need in by_id
    ]
    for other in plan.tasks:
        if other is planned or other.start >= planned.start or other.task.id in planned.needs:
            continue
        common = sorted(set(other.locks) & set(planned.locks))
        if common:
            told.append(f"waits for {other.task.id}: both lock {', '.join(common[:3])}")
        elif other.agent == planned.agent and other.finish == planned.start:
            told.append(f"waits for {other.task.id}: {planned.agent} does one task at a time")
    return tuple(told) if told else ("waits for nothing",)
