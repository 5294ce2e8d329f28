"""Makes the plan: owners, write sets, locks, order, certificate."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from orchestrator.claims import Claim, any_meets, key
from orchestrator.errors import PlanError, Where
from orchestrator.model import Access, AgentId, Area, Document, Isolation, Mark, Plan, PlannedTask, Seat, Task, TaskId
from orchestrator.ownership import owners_of, row_of, slug
from orchestrator.planning.closures import Tree, closures, named_keys
from orchestrator.planning.guard import certify, guard_pairs, reach_of
from orchestrator.planning.order import Slot, arrange
from orchestrator.planning.seats import Seating, Territory, seat_agents
from orchestrator.planning.selection import to_plan
from orchestrator.planning.surroundings import Surroundings
from orchestrator.spelling import nearest
from orchestrator.stems import shared, stems

_NOWHERE = "it names no path and no area fits, so its write set is not known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """A task with its owner and write set."""

    task: Task
    agent: AgentId
    writes: tuple[Claim, ...] | None
    why: tuple[str, ...]


def make_plan(document: Document, surroundings: Surroundings, *, source_digest: str) -> Plan:
    """Plan a document.

    Raises:
        PlanError: It cannot be planned: nothing is open, a task names an agent that does not exist.
    """
    tasks, warnings = to_plan(document)
    seating = seat_agents(document, surroundings, width=_width(tasks))
    assigned = _closed(_assign(tasks, seating, surroundings), surroundings)
    reach = reach_of({task.id: task.needs for task in tasks})
    keys = guard_pairs([(one.task.id, one.writes) for one in assigned], reach, shared=surroundings.isolation is Isolation.SHARED)
    locks = {one.task.id: _locks(one, keys.get(one.task.id, ()), surroundings) for one in assigned}
    at_once = min(surroundings.count or len(seating.seats), len(seating.seats))
    order = arrange([_slot(one, locks, surroundings) for one in assigned], agents=at_once)
    planned = tuple(
        PlannedTask(
            task=one.task,
            agent=one.agent,
            needs=one.task.needs,
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


def _closed(assigned: Sequence[Assigned], surroundings: Surroundings) -> list[Assigned]:
    """Add to each declared write set what goes with it, with the reasons."""
    tree = Tree.of(surroundings.files)
    closed = []
    for one in assigned:
        added = list(closures(one.task.writes or (), tree))
        writes = tuple(sorted({*one.writes, *(claim for claim, _ in added)})) if added and one.writes is not None else one.writes
        closed.append(replace(one, writes=writes, why=(*one.why, *(why for _, why in added))))
    return closed


def _width(tasks: Sequence[Task]) -> int:
    """Count the tasks of the widest level of the needs."""
    needs = {task.id: task.needs for task in tasks}
    level: dict[TaskId, int] = {}
    todo = [task.id for task in tasks]
    while todo:
        here = todo.pop()
        missing = [need for need in needs[here] if need not in level]
        if missing:
            todo += [here, *missing]
        else:
            level[here] = 1 + max((level[need] for need in needs[here]), default=0)
    return max(Counter(level.values()).values(), default=1)


def _assign(tasks: Sequence[Task], seating: Seating, surroundings: Surroundings) -> list[Assigned]:
    """Give each task its owner in document order; who has least goes first where nothing else decides."""
    loads = {seat.id: 0.0 for seat in seating.seats}
    assigned: list[Assigned] = []
    for task in tasks:
        one = _owner(task, seating, loads, assigned)
        loads[one.agent] += _estimate(task, surroundings)
        assigned.append(one)
    return assigned


def _owner(task: Task, seating: Seating, loads: Mapping[AgentId, float], assigned: Sequence[Assigned]) -> Assigned:
    """Decide by declared paths, area label, skills, words, shared files, load; a list of agents bounds the choice."""
    here = f"{task.source.file}:{task.source.line}"
    seats = _allowed(task, seating.seats)
    allowed = [seat.id for seat in seats]
    listed = f"{here} names {', '.join(task.agents)}" if task.agents else ""
    declared = f"its write set is declared in {here}" if task.writes is not None else ""
    if task.writes and (owner := _owner_of(task.writes, seating.matrix, allowed, loads)):
        return _assigned(task, owner[0], task.writes, listed or owner[1], declared)
    if (found := _territory_of(task, seating, seats)) is not None:
        territory, why = found
        area = f"the area of {territory.owner}: {', '.join(sorted(territory.folders))} ({territory.why})"
        writes = _or_area(task, territory.folders)
        return _assigned(task, territory.owner, writes, listed or why, declared or f"it names no path, so it may write {area}")
    if (skilled := _by_words(task, seats)) is not None:
        seat, why = skilled
        area = f"it names no path, so it may write the area of {seat.id}" if seat.owns else _NOWHERE
        return _assigned(task, seat.id, _or_area(task, seat.owns), listed or why, declared or area)
    best = min(seats, key=lambda seat: loads[seat.id])
    if task.agents:
        area = f"it names no path, so it may write the area of {best.id}" if best.owns else _NOWHERE
        return _assigned(task, best.id, _or_area(task, best.owns), listed, declared or area)
    if mate := next((one for one in assigned if one.agent in allowed and any_meets(one.writes or (), task.writes or ())), None):
        return _assigned(
            task, mate.agent, task.writes, f"it writes what {mate.task.id} writes, which is {mate.agent}'s", declared
        )
    return _assigned(
        task, best.id, task.writes, f"nothing in {here} says whose it is: {best.id} has least to do", declared or _NOWHERE
    )


def _or_area(task: Task, area: Sequence[Claim]) -> tuple[Claim, ...] | None:
    """Give what a task declares, else an area, else None: not known."""
    return task.writes if task.writes is not None else tuple(sorted(area)) or None


def _assigned(task: Task, agent: AgentId, writes: tuple[Claim, ...] | None, *why: str) -> Assigned:
    return Assigned(task=task, agent=agent, writes=writes, why=tuple(reason for reason in why if reason))


def _allowed(task: Task, seats: Sequence[Seat]) -> list[Seat]:
    """Give who may do a task: those it lists, else those with all its skills, else everybody.

    Raises:
        PlanError: It lists only agents that do not exist.
    """
    if not task.agents:
        wanted = {skill.casefold() for skill in task.skills}
        skilled = [seat for seat in seats if wanted and wanted <= {skill.casefold() for skill in seat.skills}]
        return skilled or list(seats)
    listed = {name for wanted in task.agents for name in owners_of(wanted, seats)}
    if not listed:
        where = Where(task.source.file, task.source.line)
        message = f"task {task.id} may only be done by {', '.join(task.agents)}, and there is no such agent"
        known = [seat.id for seat in seats]
        raise PlanError(message, where=where, hint=nearest(task.agents[0], known) or f"agents: {', '.join(known)}")
    return [seat for seat in seats if seat.id in listed]


def _owner_of(
    writes: Sequence[Claim], matrix: Sequence[Area], allowed: Sequence[AgentId], loads: Mapping[AgentId, float]
) -> tuple[AgentId, str] | None:
    """Give the agent that owns most of a write set."""
    votes: dict[AgentId, list[str]] = {}
    for claim in writes:
        row = row_of(claim, matrix)
        for owner in row.owners if row else ():
            if row and owner in allowed:
                votes.setdefault(owner, []).append(f"{claim} lies in {row.path}")
    if not votes:
        return None
    owner = min(votes, key=lambda name: (-len(votes[name]), loads[name], allowed.index(name)))
    return owner, f"{owner} owns it: {votes[owner][0]}"


def _territory_of(task: Task, seating: Seating, seats: Sequence[Seat]) -> tuple[Territory, str] | None:
    """Give the area that a task belongs to: by its label, else by the words of its title."""
    here = f"{task.source.file}:{task.source.line}"
    allowed = [seat.id for seat in (seats if task.agents else seating.seats)]
    labelled = [one for one in seating.territories if task.area and slug(one.label) == slug(task.area) and one.owner in allowed]
    if labelled:
        return labelled[0], f"{here} puts it under {labelled[0].label!r}, which is {labelled[0].owner}'s"
    words = stems(task.title)
    skilled = [seat.id for seat in seats]
    scores = [(len(words & stems(one.words)), one) for one in seating.territories if one.owner in skilled]
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
    own = [*(key(claim) for claim in one.writes or ()), *named_keys(text)]
    return tuple(sorted({*own, *(key(lock) for lock in one.task.locks), *pairs, *operations}))


def _estimate(task: Task, surroundings: Surroundings) -> float:
    """Give the seconds a task is expected to take, in whole milliseconds."""
    if task.estimate is not None:
        return round(task.estimate, 3)
    return round(task.simulate.work if task.simulate is not None else surroundings.estimate, 3)


def _slot(one: Assigned, locks: Mapping[TaskId, tuple[str, ...]], surroundings: Surroundings) -> Slot:
    return Slot(
        task=one.task.id,
        agent=one.agent,
        needs=one.task.needs,
        locks=locks[one.task.id],
        seconds=_estimate(one.task, surroundings),
    )


def _forbidden(planned: Sequence[PlannedTask], matrix: Sequence[Area]) -> tuple[str, ...]:
    return tuple(
        f"{one.task.source.file}:{one.task.source.line}: {one.task.id} says it writes {claim}, but {row.path} is read-only"
        for one in planned
        for claim in one.writes or ()
        if (row := row_of(claim, matrix)) is not None and row.access is Access.READ_ONLY
    )
