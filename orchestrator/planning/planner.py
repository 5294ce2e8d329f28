"""Makes the plan: owners, write sets, locks, order, certificate."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from msgspec import structs

from orchestrator.claims import key
from orchestrator.model import Access, Certificate, Document, Isolation, Mark, Plan, PlannedTask, Task, TaskId
from orchestrator.ownership import MatrixIndex
from orchestrator.planning.closures import Tree, closures, named_keys
from orchestrator.planning.guard import certify, guard_pairs
from orchestrator.planning.lengths import Length, lengths_of
from orchestrator.planning.meeting import meeting_pairs
from orchestrator.planning.order import Improve, Order, arrange
from orchestrator.planning.owners import Assigned, Owners
from orchestrator.planning.precedence import precedence
from orchestrator.planning.reach import Reach
from orchestrator.planning.seats import seat_agents
from orchestrator.planning.selection import to_plan
from orchestrator.planning.shop import Slot
from orchestrator.planning.streams import with_streams
from orchestrator.planning.surroundings import Surroundings
from orchestrator.uncollected import uncollected


def make_plan(
    document: Document,
    surroundings: Surroundings,
    *,
    source_digest: str,
    effort: int = 1,
    improve: Improve | None = None,
    may_be_empty: bool = False,
) -> Plan:
    """Plan a document; `effort` is how long a better order is looked for, 0 not at all; `improve` is asked for a better one.

    Raises:
        PlanError: It cannot be planned: nothing is open (unless it `may_be_empty`), a task names an agent that does not exist.
    """
    with uncollected():
        if may_be_empty and _is_all_done(document):
            return _empty(document, surroundings, source_digest)
        return _made(document, surroundings, source_digest=source_digest, effort=effort, improve=improve)


def _made(document: Document, surroundings: Surroundings, *, source_digest: str, effort: int, improve: Improve | None) -> Plan:
    found, warnings = to_plan(document)
    tasks = [with_keys(task) for task in found]
    seating = seat_agents(document, surroundings, width=_width(tasks))
    matrix = MatrixIndex(seating.matrix)
    lengths = lengths_of(tasks, surroundings)
    assigned = assign(tasks, Owners(seating, matrix, surroundings.allocation), lengths, surroundings)
    capacity = {name: units for name, units in {**surroundings.capacity, **document.capacity}.items() if units > 1}
    shared = surroundings.isolation is Isolation.SHARED
    reach = Reach({task.id: task.needs for task in tasks})
    claimed = [(one.task.id, one.writes) for one in assigned]
    pairs = list(meeting_pairs(claimed))
    keys = guard_pairs(claimed, pairs, reach, shared=shared, several=capacity)
    locks = {one.task.id: locks_of(one, keys.get(one.task.id, ()), surroundings) for one in assigned}
    at_once = min(surroundings.count or len(seating.seats), len(seating.seats))
    in_order = partial(ordered, locks=locks, lengths=lengths, at_once=at_once, capacity=capacity)
    agents = [seat.id for seat in seating.seats]
    weights = surroundings.allocation.weights
    assigned = with_streams(assigned, lengths=lengths, agents=agents, weights=weights, quick=partial(in_order, effort=0))
    ranked, first = precedence(assigned)
    order = in_order(ranked, effort=effort, improve=improve)
    planned = tuple(planned_by(one, locks[one.task.id], order, lengths[one.task.id], first[one.task.id]) for one in assigned)
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
        certificate=certify(planned, pairs, reach, shared=shared, several=capacity),
        warnings=(*document.warnings, *warnings, *seating.warnings, *_forbidden(planned, matrix)),
        done=_done(document),
        never_parallel=surroundings.never_parallel,
        capacity=capacity,
    )


def _is_all_done(document: Document) -> bool:
    parents = {task.parent for task in document.tasks}
    return all(task.state in {Mark.DONE, Mark.DEFERRED} for task in document.tasks if task.id not in parents)


def _empty(document: Document, surroundings: Surroundings, source_digest: str) -> Plan:
    """Give the plan of a document in which nothing is left to do."""
    return Plan(
        title=document.title,
        source=document.path,
        source_digest=source_digest,
        isolation=surroundings.isolation,
        agents=(),
        tasks=(),
        matrix=(),
        makespan=0.0,
        bound=0.0,
        certificate=Certificate(holds=True),
        warnings=document.warnings,
        done=_done(document),
    )


def _done(document: Document) -> tuple[TaskId, ...]:
    return tuple(task.id for task in document.tasks if task.state is Mark.DONE)


def assign(tasks: Sequence[Task], owners: Owners, lengths: Mapping[TaskId, Length], surroundings: Surroundings) -> list[Assigned]:
    """Find who could do each task, and add to each declared write set what goes with it, with the reasons."""
    tree = Tree.of(surroundings.files)
    closed = []
    for task in tasks:
        one = owners.assign(task, seconds=lengths[task.id].seconds, complexity=lengths[task.id].complexity)
        added = list(closures(task.writes or (), tree))
        if added:
            writes = None if one.writes is None else tuple(sorted({*one.writes, *(claim for claim, _ in added)}))
            one = replace(one, writes=writes, why=(*one.why, *(why for _, why in added)))
        closed.append(one)
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


def ordered(
    assigned: Sequence[Assigned],
    *,
    locks: Mapping[TaskId, tuple[str, ...]],
    lengths: Mapping[TaskId, Length],
    at_once: int,
    capacity: Mapping[str, int],
    effort: int,
    improve: Improve | None = None,
) -> Order:
    """Schedule tasks; of equals the first given starts first."""
    slots = [
        Slot(
            task=one.task.id,
            agents=one.agents,
            needs=one.task.needs,
            locks=locks[one.task.id],
            seconds=lengths[one.task.id].seconds,
        )
        for one in assigned
    ]
    return arrange(slots, at_once=at_once, capacity=capacity, effort=effort, improve=improve)


def planned_by(one: Assigned, locks: tuple[str, ...], order: Order, length: Length, first: tuple[str, ...]) -> PlannedTask:
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
        estimate=length.seconds,
        spread=length.spread,
        start=start,
        finish=finish,
        tail=order.tails[name],
        why=(*why, *first, length.told),
    )


def locks_of(one: Assigned, pairs: Sequence[str], surroundings: Surroundings) -> tuple[str, ...]:
    """Give what a task takes before its start: what it writes and names, keys of pairs, operations that its words mean."""
    text = _text(one.task) if surroundings.never_parallel else ""
    operations = [name for name, signs in surroundings.never_parallel.items() if any(sign in text for sign in signs)]
    return tuple(sorted({*map(key, one.writes or ()), *map(key, one.task.locks), *pairs, *operations}))


def with_keys(task: Task) -> Task:
    """Have a task hold the endpoints and tables that it names."""
    keys = named_keys(_text(task))
    return structs.replace(task, locks=(*task.locks, *keys)) if keys else task


def _text(task: Task) -> str:
    return "\n".join((task.title, task.text, " ".join(task.command)))


def _forbidden(planned: Sequence[PlannedTask], matrix: MatrixIndex) -> tuple[str, ...]:
    return tuple(
        f"{one.task.source.file}:{one.task.source.line}: {one.task.id} says it writes {claim}, but {row.path} is read-only"
        for one in planned
        for claim in one.writes or ()
        if (row := matrix.row_of(claim)) is not None and row.access is Access.READ_ONLY
    )
