"""A plan that goes on with more tasks than it was made with.

What stands in it stays: owners, write sets and needs of its tasks, whatever they are at by now. The new ones get theirs as
any task does; where one meets another that no need orders, both get a key of the pair's own, so that nothing else waits for
it. The order and the certificate are worked out anew over all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from msgspec import structs

from orchestrator.model import AgentId, Isolation, Plan, PlannedTask, Seat, Task, TaskId
from orchestrator.ownership import MatrixIndex
from orchestrator.planning.guard import certify
from orchestrator.planning.lengths import Length, lengths_of
from orchestrator.planning.meeting import meeting_pairs
from orchestrator.planning.owners import Assigned, Owners
from orchestrator.planning.planner import assign, locks_of, ordered, planned_by, with_keys
from orchestrator.planning.reach import Reach
from orchestrator.planning.seats import Seating, Territory
from orchestrator.planning.surroundings import Surroundings


def with_tasks(plan: Plan, tasks: Sequence[Task], surroundings: Surroundings, *, seats: Sequence[Seat]) -> Plan:
    """Give the plan with more tasks, for the agents that are there; needs of what was done before are met.

    Raises:
        PlanError: A task names an agent that does not exist.
    """
    kept = [structs.replace(with_keys(task), needs=tuple(need for need in task.needs if need not in plan.done)) for task in tasks]
    lengths = lengths_of(kept, surroundings)
    matrix = MatrixIndex(plan.matrix)
    seating = Seating(seats=tuple(seats), territories=tuple(_territory(seat) for seat in seats if seat.owns), matrix=plan.matrix)
    new = assign(kept, Owners(seating, matrix, surroundings.allocation), lengths, surroundings)
    fresh = {one.task.id: locks_of(one, (), surroundings) for one in new}
    return _arranged(plan, new, {**{one.task.id: one.locks for one in plan.tasks}, **fresh}, lengths, at_once=surroundings.count)


def _arranged(
    plan: Plan,
    new: Sequence[Assigned],
    locks: dict[TaskId, tuple[str, ...]],
    lengths: Mapping[TaskId, Length],
    *,
    at_once: int | None,
) -> Plan:
    shared = plan.isolation is Isolation.SHARED
    old = [Assigned(task=one.task, agents=(one.agent,), writes=one.writes, why=one.why) for one in plan.tasks]
    rows = [*old, *new]
    needs = {**{one.task.id: one.needs for one in plan.tasks}, **{one.task.id: one.task.needs for one in new}}
    claims = {one.task.id: one.writes for one in rows}
    reach, pairs = Reach(needs), list(meeting_pairs(list(claims.items())))
    is_new = {one.task.id for one in new}
    apart = [pair for pair in pairs if not is_new.isdisjoint(pair) and not reach.ordered(*pair)]
    _guard(locks, [pair for pair in apart if shared or None not in (claims[pair[0]], claims[pair[1]])], plan.capacity)
    known = {one.task.id: Length(seconds=one.estimate, told="", complexity=1.0) for one in plan.tasks}
    count = min(at_once or len(plan.agents), len(plan.agents))
    placed = [replace(one, task=structs.replace(one.task, needs=needs[one.task.id])) for one in rows]
    order = ordered(placed, locks=locks, lengths={**known, **lengths}, at_once=count, capacity=plan.capacity, effort=0)
    stay = tuple(
        replace(one, locks=locks[one.task.id], start=start, finish=finish, tail=order.tails[one.task.id])
        for one in plan.tasks
        for start, finish in [order.times[one.task.id]]
    )
    added = tuple(planned_by(one, locks[one.task.id], order, lengths[one.task.id], ()) for one in new)
    tasks: tuple[PlannedTask, ...] = (*stay, *added)
    return replace(
        plan,
        tasks=tasks,
        makespan=order.makespan,
        bound=order.bound,
        certificate=certify(tasks, pairs, reach, shared=shared, several=plan.capacity),
    )


def _guard(locks: dict[TaskId, tuple[str, ...]], pairs: Sequence[tuple[TaskId, TaskId]], several: Mapping[str, int]) -> None:
    """Give each pair that shares no key one of its own."""
    number = max(
        (int(key[6:]) for keys in locks.values() for key in keys if key[:6] == "files:" and key[6:].isdigit()), default=0
    )
    for one, other in pairs:
        if (set(locks[one]) & set(locks[other])).difference(several):
            continue
        number += 1
        for task in (one, other):
            locks[task] = tuple(sorted({*locks[task], f"files:{number}"}))


def _territory(seat: Seat) -> Territory:
    label = seat.label or seat.role
    return Territory(label=label, words=f"{label} {seat.role}", owner=AgentId(seat.id), folders=seat.owns, why="its area")
