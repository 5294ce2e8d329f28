"""Makes the plan: owners, write sets, locks, order, certificate."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from orchestrator.claims import key
from orchestrator.model import Access, Document, Isolation, Mark, Plan, PlannedTask, Task, TaskId
from orchestrator.ownership import MatrixIndex
from orchestrator.planning.closures import Tree, closures, named_keys
from orchestrator.planning.guard import certify, guard_pairs
from orchestrator.planning.learning import Learned, learn
from orchestrator.planning.meeting import meeting_pairs
from orchestrator.planning.order import Order, arrange
from orchestrator.planning.owners import Assigned, Owners
from orchestrator.planning.reach import Reach
from orchestrator.planning.seats import seat_agents
from orchestrator.planning.selection import to_plan
from orchestrator.planning.shop import Slot
from orchestrator.planning.surroundings import Surroundings
from orchestrator.quantities import format_duration
from orchestrator.uncollected import uncollected


def make_plan(document: Document, surroundings: Surroundings, *, source_digest: str, effort: int = 1) -> Plan:
    """Plan a document; `effort` is how long a better order is looked for, 0 not at all.

    Raises:
        PlanError: It cannot be planned: nothing is open, a task names an agent that does not exist.
    """
    with uncollected():
        return _made(document, surroundings, source_digest=source_digest, effort=effort)


def _made(document: Document, surroundings: Surroundings, *, source_digest: str, effort: int) -> Plan:
    tasks, warnings = to_plan(document)
    seating = seat_agents(document, surroundings, width=_width(tasks))
    matrix = MatrixIndex(seating.matrix)
    owners = Owners(seating, matrix)
    known = _learned(tasks, surroundings)
    seconds = {task.id: _estimate(task, surroundings, known.get(task.id)) for task in tasks}
    assigned = _closed([owners.assign(task, seconds=seconds[task.id]) for task in tasks], surroundings)
    capacity = {name: units for name, units in {**surroundings.capacity, **document.capacity}.items() if units > 1}
    isolated = surroundings.isolation is not Isolation.SHARED
    reach = Reach({task.id: task.needs for task in tasks})
    claimed = [(one.task.id, one.writes) for one in assigned]
    pairs = list(meeting_pairs(claimed))
    keys = guard_pairs(claimed, pairs, reach, shared=not isolated, several=capacity)
    locks = {one.task.id: _locks(one, keys.get(one.task.id, ()), surroundings) for one in assigned}
    at_once = min(surroundings.count or len(seating.seats), len(seating.seats))
    order = arrange([_slot(one, locks, seconds) for one in assigned], at_once=at_once, capacity=capacity, effort=effort)
    planned = tuple(_planned(one, locks[one.task.id], order, seconds[one.task.id], known.get(one.task.id)) for one in assigned)
    return Plan(
        title=document.title,
        source=document.path,
        source_digest=source_digest,
        isolation=surroundings.isolation,
        agents=seating.seats,
        tasks=planned,
        matrix=seating.matrix,
        makespan=order.makespan,
        bound=order.bound,
        certificate=certify(planned, pairs, reach, shared=not isolated, several=capacity),
        warnings=(*document.warnings, *warnings, *seating.warnings, *_forbidden(planned, matrix)),
        done=tuple(task.id for task in document.tasks if task.state is Mark.DONE),
        never_parallel=surroundings.never_parallel,
        capacity=capacity,
    )


def _closed(assigned: Sequence[Assigned], surroundings: Surroundings) -> list[Assigned]:
    """Add to each declared write set what goes with it, with the reasons."""
    tree = Tree.of(surroundings.files)
    closed = []
    for one in assigned:
        added = list(closures(one.task.writes or (), tree))
        if not added:
            closed.append(one)
            continue
        writes = tuple(sorted({*one.writes, *(claim for claim, _ in added)})) if one.writes is not None else None
        closed.append(replace(one, writes=writes, why=(*one.why, *(why for _, why in added))))
    return closed


def _width(tasks: Sequence[Task]) -> int:
    """Count the tasks of the widest level of the needs."""
    needs = {task.id: task.needs for task in tasks}
    level: dict[TaskId, int] = {}
    todo = [task.id for task in reversed(tasks)]  # so that those first in the document, which others need, come first
    while todo:
        here = todo.pop()
        if missing := [need for need in needs[here] if need not in level]:
            todo += [here, *missing]
        else:
            level[here] = 1 + max([level[need] for need in needs[here]], default=0)
    return max(Counter(level.values()).values(), default=1)


def _planned(one: Assigned, locks: tuple[str, ...], order: Order, seconds: float, known: Learned | None) -> PlannedTask:
    """Give a task its agent and its times; where there was a choice, the order has made it."""
    name = one.task.id
    agent = order.agents[name]
    why = one.why if len(one.agents) == 1 else (f"{one.why[0]}: {agent} is free first", *one.why[1:])
    start, finish = order.times[name]
    return PlannedTask(
        task=one.task,
        agent=agent,
        needs=one.task.needs,
        writes=one.writes,
        locks=locks,
        estimate=seconds,
        start=start,
        finish=finish,
        tail=order.tails[name],
        why=(*why, *([_told(known)] if known else ())),
    )


def _locks(one: Assigned, pairs: Sequence[str], surroundings: Surroundings) -> tuple[str, ...]:
    text = "\n".join((one.task.title, one.task.text, " ".join(one.task.command)))
    operations = [name for name, signs in surroundings.never_parallel.items() if any(sign in text for sign in signs)]
    own = [*(key(claim) for claim in one.writes or ()), *named_keys(text)]
    return tuple(sorted({*own, *(key(lock) for lock in one.task.locks), *pairs, *operations}))


def _learned(tasks: Sequence[Task], surroundings: Surroundings) -> dict[TaskId, Learned]:
    """Give what finished tasks tell of those that say nothing of their length."""
    silent = [task for task in tasks if task.estimate is None and task.simulate is None] if surroundings.samples else []
    return {task.id: known for task in silent if (known := learn(task, surroundings.samples))}


def _told(known: Learned) -> str:
    spread = f"{format_duration(known.low)}..{format_duration(known.high)}"
    return f"takes about {format_duration(known.seconds)}, as {known.count} finished tasks like it did ({spread})"


def _estimate(task: Task, surroundings: Surroundings, known: Learned | None) -> float:
    """Give the seconds a task is expected to take, in whole milliseconds."""
    if task.estimate is not None:
        return round(task.estimate, 3)
    if known is not None:
        return known.seconds
    return round(task.simulate.work if task.simulate is not None else surroundings.estimate, 3)


def _slot(one: Assigned, locks: Mapping[TaskId, tuple[str, ...]], seconds: Mapping[TaskId, float]) -> Slot:
    return Slot(
        task=one.task.id,
        agents=one.agents,
        needs=one.task.needs,
        locks=locks[one.task.id],
        seconds=seconds[one.task.id],
    )


def _forbidden(planned: Sequence[PlannedTask], matrix: MatrixIndex) -> tuple[str, ...]:
    return tuple(
        f"{one.task.source.file}:{one.task.source.line}: {one.task.id} says it writes {claim}, but {row.path} is read-only"
        for one in planned
        for claim in one.writes or ()
        if (row := matrix.row_of(claim)) is not None and row.access is Access.READ_ONLY
    )
