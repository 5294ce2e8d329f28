"""Which chain of needs decides how long a plan takes at least, however many agents there are."""

from orchestrator.model import Plan, PlannedTask, TaskId


def critical_path(plan: Plan) -> tuple[TaskId, ...]:
    """Give the longest chain of needs, by estimate; of equal ones that which begins first in the document."""
    by_id = {one.task.id: one for one in plan.tasks}
    after: dict[TaskId, list[PlannedTask]] = {}
    for one in plan.tasks:
        for need in one.needs:
            after.setdefault(need, []).append(one)
    here = max(
        (one for one in plan.tasks if not any(need in by_id for need in one.needs)), key=lambda one: one.tail, default=None
    )
    path: list[TaskId] = []
    while here is not None:
        path.append(here.task.id)
        here = max(after.get(here.task.id, ()), key=lambda one: one.tail, default=None)
    return tuple(path)
