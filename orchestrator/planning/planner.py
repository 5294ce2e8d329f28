"""Makes the plan: owners, write sets, locks, order, certificate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from orchestrator.claims import Claim, covers, key
from orchestrator.errors import PlanError, Where
from orchestrator.model import Access, AgentId, Area, Document, Isolation, Mark, Plan, PlannedTask, Seat, Task, TaskId
from orchestrator.planning.guard import certify, guard_pairs, reach_of
from orchestrator.planning.order import Slot, arrange
from orchestrator.planning.seats import Seating, Territory, owners_of, seat_agents
from orchestrator.planning.surroundings import SeatSpec, Surroundings
from orchestrator.stems import shared, stems


class NothingToDo(PlanError):
    """Every task of the document is done already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """A task with its owner and write set."""

    task: Task
    agent: AgentId
    needs: tuple[TaskId, ...]
    writes: tuple[Claim, ...] | None
    why: tuple[str, ...]


def make_plan(document: Document, surroundings: Surroundings, *, source_digest: str) -> Plan:
    """Plan a document.

    Raises:
        PlanError: It cannot be planned: nothing is open, a task names an agent that does not exist.
    """
    tasks, needs, warnings = _to_plan(document)
    seating = seat_agents(document, surroundings, width=_width(tasks, needs))
    assigned = _assign(tasks, needs, seating)
    reach = reach_of({one.task.id: one.needs for one in assigned})
    keys = guard_pairs([(one.task.id, one.writes) for one in assigned], reach, shared=surroundings.isolation is Isolation.SHARED)
    locks = {one.task.id: _locks(one, keys.get(one.task.id, ()), surroundings) for one in assigned}
    order = arrange([_slot(one, locks, surroundings) for one in assigned], agents=len(seating.seats))
    planned = tuple(
        PlannedTask(
            task=one.task,
            agent=one.agent,
            needs=one.needs,
            writes=one.writes,
            locks=locks[one.task.id],
            estimate=_estimate(one.task, surroundings),
            start=order.times[one.task.id][0],
            finish=order.times[one.task.id][1],
            tail=order.tails[one.task.id],
            why=one.why,
        )
        for one in assigned
    )
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
        certificate=certify(planned, reach, shared=surroundings.isolation is Isolation.SHARED),
        warnings=(*document.warnings, *warnings, *seating.warnings, *_forbidden(planned, seating.matrix)),
        done=tuple(task.id for task in document.tasks if task.state is Mark.DONE),
    )


def _to_plan(document: Document) -> tuple[list[Task], dict[TaskId, tuple[TaskId, ...]], list[str]]:
    """Give the tasks that will be done, with needs on parents turned into needs on their children."""
    parents = {task.parent for task in document.tasks if task.parent}
    children: dict[TaskId, list[TaskId]] = {}
    for task in document.tasks:
        if task.parent:
            children.setdefault(task.parent, []).append(task.id)
    by_id = {task.id: task for task in document.tasks}
    wanted = [task for task in document.tasks if task.id not in parents and task.state not in {Mark.DONE, Mark.DEFERRED}]
    warnings = [
        f"line {task.source.line}: {task.id} is deferred and not planned"
        for task in document.tasks
        if task.state is Mark.DEFERRED
    ]
    if not wanted:
        raise NothingToDo("every task is marked done", where=Where(document.path), hint="open one again: - [ ]")
    kept = {task.id for task in wanted}
    needs = {task.id: _needs(task, by_id, children, kept) for task in wanted}
    return wanted, needs, warnings


def _needs(
    task: Task, by_id: Mapping[TaskId, Task], children: Mapping[TaskId, list[TaskId]], kept: set[TaskId]
) -> tuple[TaskId, ...]:
    asked = list(task.needs)
    above = task.parent
    while above is not None and above in by_id:
        asked += by_id[above].needs
        above = by_id[above].parent
    met: dict[TaskId, None] = {}
    while asked:
        need = asked.pop(0)
        if need in children:
            asked += children[need]
        elif need in kept and need != task.id:
            met[need] = None
    return tuple(met)


def _width(tasks: Sequence[Task], needs: Mapping[TaskId, tuple[TaskId, ...]]) -> int:
    """Count the tasks of the widest level of the needs."""
    level: dict[TaskId, int] = {}
    todo = [task.id for task in tasks]
    while todo:
        here = todo.pop()
        missing = [need for need in needs[here] if need not in level]
        if missing:
            todo += [here, *missing]
        else:
            level[here] = 1 + max((level[need] for need in needs[here]), default=0)
    counts = list(level.values())
    return max((counts.count(one) for one in set(counts)), default=1)


def _assign(tasks: Sequence[Task], needs: Mapping[TaskId, tuple[TaskId, ...]], seating: Seating) -> list[Assigned]:
    """Give each task its owner in document order; who has least goes first where nothing else decides."""
    loads = {seat.id: 0 for seat in seating.seats}
    assigned = []
    for task in tasks:
        one = _owner(task, seating, loads)
        one = replace(one, needs=needs[task.id])
        loads[one.agent] += 1
        assigned.append(one)
    return assigned


def _owner(task: Task, seating: Seating, loads: Mapping[AgentId, int]) -> Assigned:
    here = f"{task.source.file}:{task.source.line}"
    allowed = _allowed(task, seating.seats)
    best = min(allowed, key=lambda name: loads[name])
    source = f"its write set is declared in {here}" if task.writes is not None else ""
    if task.agents:
        return _assigned(task, best, task.writes, f"{here} names {', '.join(task.agents)}", source)
    if task.writes and (owner := _owner_of(task.writes, seating.matrix, allowed, loads)):
        return _assigned(task, owner[0], task.writes, owner[1], source)
    found = _territory_of(task, seating, allowed)
    if found is not None:
        territory, why = found
        writes = _or_area(task, territory.folders)
        area = (
            source
            or f"it names no path, so it may write the area of {territory.owner}: {', '.join(writes or ())} ({territory.why})"
        )
        return _assigned(task, territory.owner, writes, why, area)
    skilled = _by_words(task, [seat for seat in seating.seats if seat.id in allowed])
    if skilled is not None:
        seat, why = skilled
        writes = _or_area(task, seat.owns)
        return _assigned(task, seat.id, writes, why, source or f"it names no path, so it may write the area of {seat.id}")
    fallback = source or "it names no path and no area fits, so its write set is not known"
    return _assigned(task, best, task.writes, f"nothing in {here} says whose it is: {best} has least to do", fallback)


def _or_area(task: Task, area: Sequence[Claim]) -> tuple[Claim, ...] | None:
    """Give what a task declares, else an area, else None: not known."""
    return task.writes if task.writes is not None else tuple(sorted(area)) or None


def _assigned(task: Task, agent: AgentId, writes: tuple[Claim, ...] | None, *why: str) -> Assigned:
    return Assigned(task=task, agent=agent, needs=(), writes=writes, why=tuple(reason for reason in why if reason))


def _allowed(task: Task, seats: Sequence[Seat]) -> list[AgentId]:
    known = [seat.id for seat in seats]
    if not task.agents:
        return known
    listed = [
        name for wanted in task.agents for name in owners_of(wanted, [SeatSpec(id=seat.id, role=seat.role) for seat in seats])
    ]
    if not listed:
        where = Where(task.source.file, task.source.line)
        message = f"task {task.id} may only be done by {', '.join(task.agents)}, and there is no such agent"
        raise PlanError(message, where=where, hint=f"agents: {', '.join(known)}")
    return list(dict.fromkeys(listed))


def _owner_of(
    writes: Sequence[Claim], matrix: Sequence[Area], allowed: Sequence[AgentId], loads: Mapping[AgentId, int]
) -> tuple[AgentId, str] | None:
    """Give the agent that owns most of a write set."""
    votes: dict[AgentId, list[str]] = {}
    for claim in writes:
        rows = [row for row in matrix if covers(row.path, claim)]
        if rows:
            row = max(rows, key=lambda row: len(row.path.rstrip("/")))
            for owner in row.owners:
                if owner in allowed:
                    votes.setdefault(owner, []).append(f"{claim} lies in {row.path}")
    if not votes:
        return None
    owner = min(votes, key=lambda name: (-len(votes[name]), loads[name], allowed.index(name)))
    return owner, f"{owner} owns it: {votes[owner][0]}"


def _territory_of(task: Task, seating: Seating, allowed: Sequence[AgentId]) -> tuple[Territory, str] | None:
    """Give the area that a task belongs to: by its label, else by the words of its title."""
    here = f"{task.source.file}:{task.source.line}"
    open_to = [territory for territory in seating.territories if territory.owner in allowed]
    for territory in open_to:
        if task.area == territory.label:
            return territory, f"{here} puts it under {territory.label!r}, which is {territory.owner}'s"
    words = stems(task.title)
    scores = [(len(words & stems(territory.words)), territory) for territory in open_to]
    best = max((score for score, _ in scores), default=0)
    if best == 0:
        return None
    territory = next(territory for score, territory in scores if score == best)
    both = ", ".join(shared(task.title, territory.words))
    return territory, f"its title shares the words {both!r} with {territory.label!r}, which is {territory.owner}'s"


def _by_words(task: Task, seats: Sequence[Seat]) -> tuple[Seat, str] | None:
    words = stems(task.title) | {skill.casefold() for skill in task.skills}
    scores = [(len(words & stems(" ".join((seat.role, seat.label, *seat.skills)))), seat) for seat in seats]
    best = max((score for score, _ in scores), default=0)
    if best == 0:
        return None
    seat = next(seat for score, seat in scores if score == best)
    return seat, f"its words fit the role and skills of {seat.id}"


def _locks(one: Assigned, pairs: Sequence[str], surroundings: Surroundings) -> tuple[str, ...]:
    text = "\n".join((one.task.title, one.task.text, " ".join(one.task.command)))
    operations = [name for name, signs in surroundings.never_parallel.items() if any(sign in text for sign in signs)]
    own = [key(claim) for claim in one.writes or ()]
    return tuple(sorted({*own, *(key(lock) for lock in one.task.locks), *pairs, *operations}))


def _estimate(task: Task, surroundings: Surroundings) -> float:
    if task.estimate is not None:
        return task.estimate
    return task.simulate.work if task.simulate is not None else surroundings.estimate


def _slot(one: Assigned, locks: Mapping[TaskId, tuple[str, ...]], surroundings: Surroundings) -> Slot:
    return Slot(
        task=one.task.id,
        agent=one.agent,
        needs=one.needs,
        locks=locks[one.task.id],
        seconds=_estimate(one.task, surroundings),
    )


def _forbidden(planned: Sequence[PlannedTask], matrix: Sequence[Area]) -> tuple[str, ...]:
    read_only = [row for row in matrix if row.access is Access.READ_ONLY]
    return tuple(
        f"{one.task.source.file}:{one.task.source.line}: {one.task.id} says it writes {claim}, but {row.path} is read-only"
        for one in planned
        for claim in one.writes or ()
        for row in read_only
        if covers(row.path, claim)
    )
