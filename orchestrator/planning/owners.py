"""Who could do each task: one agent where the document or the matrix says whose it is, else all among whom the order chooses.

Decided by declared paths, area label, skills, words; a list of agents bounds the choice. Everything that is asked again and
again (what an owner's name means, the words of an area) is looked up once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from orchestrator.claims import Claim
from orchestrator.errors import PlanError, Where
from orchestrator.model import AgentId, Seat, Task
from orchestrator.ownership import MatrixIndex, owners_of, slug
from orchestrator.planning.seats import Seating, Territory
from orchestrator.spelling import nearest
from orchestrator.stems import shared, stems

_NOWHERE = "it names no path and no area fits, so its write set is not known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """A task with who could do it and its write set."""

    task: Task
    agents: tuple[AgentId, ...]
    writes: tuple[Claim, ...] | None
    why: tuple[str, ...]


class Owners:
    """Finds the owners of tasks, in document order: who has least goes first where a choice must be made before the order."""

    def __init__(self, seating: Seating, matrix: MatrixIndex) -> None:
        self._seating = seating
        self._matrix = matrix
        self._loads = {seat.id: 0.0 for seat in seating.seats}
        self._meant = cache(lambda name: frozenset(owners_of(name, seating.seats)))
        self._seat_words = {seat.id: stems(" ".join((seat.role, seat.label, *seat.skills))) for seat in seating.seats}
        self._areas = [(stems(one.words), one) for one in seating.territories]

    def assign(self, task: Task, *, seconds: float) -> Assigned:
        """Decide who could do a task.

        Raises:
            PlanError: It lists only agents that do not exist.
        """
        one = self._assigned(task)
        if len(one.agents) == 1:
            self._loads[one.agents[0]] += seconds
        return one

    def _assigned(self, task: Task) -> Assigned:
        here = f"{task.source.file}:{task.source.line}"
        seats = self._allowed(task)
        listed = f"{here} names {', '.join(task.agents)}" if task.agents else ""
        declared = f"its write set is declared in {here}" if task.writes is not None else ""
        if task.writes and (owned := self._owning(task.writes, [seat.id for seat in seats])):
            agents, why = owned
            return _one(task, agents, task.writes, listed or why, declared)
        if (found := self._territory(task, seats)) is not None:
            territory, why = found
            area = f"the area of {territory.owner}: {', '.join(sorted(territory.folders))} ({territory.why})"
            told = declared or f"it names no path, so it may write {area}"
            return _one(task, (territory.owner,), _or_area(task, territory.folders), listed or why, told)
        fitting = self._by_words(task, seats)
        if fitting:
            return self._of_seats(task, fitting, listed or f"its words fit the role and skills of {fitting[0].id}", declared)
        if task.agents:
            return self._of_seats(task, seats, listed, declared)
        why = f"nothing in {here} says whose it is"
        return _one(task, tuple(seat.id for seat in seats), task.writes, why, declared or _NOWHERE)

    def _of_seats(self, task: Task, seats: Sequence[Seat], why: str, declared: str) -> Assigned:
        """Leave the choice to the order, unless the write set depends on it."""
        if task.writes is not None or not any(seat.owns for seat in seats):
            return _one(task, tuple(seat.id for seat in seats), task.writes, why, declared or _NOWHERE)
        best = min(seats, key=lambda seat: self._loads[seat.id])
        told = f"it names no path, so it may write the area of {best.id}" if best.owns else _NOWHERE
        return _one(task, (best.id,), _or_area(task, best.owns), why, told)

    def _allowed(self, task: Task) -> list[Seat]:
        """Give who may do a task: those it lists, else those with all its skills, else everybody."""
        seats = self._seating.seats
        if not task.agents:
            wanted = {skill.casefold() for skill in task.skills}
            skilled = [seat for seat in seats if wanted and wanted <= {skill.casefold() for skill in seat.skills}]
            return skilled or list(seats)
        listed = frozenset[AgentId]().union(*(self._meant(wanted) for wanted in task.agents))
        if not listed:
            where = Where(task.source.file, task.source.line)
            message = f"task {task.id} may only be done by {', '.join(task.agents)}, and there is no such agent"
            known = [seat.id for seat in seats]
            raise PlanError(message, where=where, hint=nearest(task.agents[0], known) or f"agents: {', '.join(known)}")
        return [seat for seat in seats if seat.id in listed]

    def _owning(self, writes: Sequence[Claim], allowed: Sequence[AgentId]) -> tuple[tuple[AgentId, ...], str] | None:
        """Give the agents that own most of a write set: several where they share it."""
        votes: dict[AgentId, list[str]] = {}
        for claim in writes:
            row = self._matrix.row_of(claim)
            for owner in row.owners if row else ():
                if row and owner in allowed:
                    votes.setdefault(owner, []).append(f"{claim} lies in {row.path}")
        if not votes:
            return None
        most = max(map(len, votes.values()))
        owners = tuple(owner for owner in allowed if len(votes.get(owner, ())) == most)
        return owners, f"{owners[0]} owns it: {votes[owners[0]][0]}"

    def _territory(self, task: Task, seats: Sequence[Seat]) -> tuple[Territory, str] | None:
        """Give the area that a task belongs to: by its label, else by the words of its title."""
        if not self._areas:
            return None
        here = f"{task.source.file}:{task.source.line}"
        skilled = {seat.id for seat in seats}
        allowed = skilled if task.agents else self._loads.keys()
        label = slug(task.area) if task.area else ""
        labelled = [one for _, one in self._areas if task.area and slug(one.label) == label and one.owner in allowed]
        if labelled:
            return labelled[0], f"{here} puts it under {labelled[0].label!r}, which is {labelled[0].owner}'s"
        words = stems(task.title)
        scores = [(len(words & known), one) for known, one in self._areas if one.owner in skilled]
        best = max((score for score, _ in scores), default=0)
        if best == 0:
            return None
        territory = next(territory for score, territory in scores if score == best)
        both = ", ".join(shared(task.title, territory.words))
        return territory, f"its title shares the words {both!r} with {territory.label!r}, which is {territory.owner}'s"

    def _by_words(self, task: Task, seats: Sequence[Seat]) -> list[Seat]:
        """Give the agents whose role and skills share most words with a task."""
        words = stems(task.title) | {skill.casefold() for skill in task.skills}
        scores = [len(words & self._seat_words[seat.id]) for seat in seats]
        best = max(scores, default=0)
        return [seat for score, seat in zip(scores, seats, strict=True) if score == best] if best else []


def _or_area(task: Task, area: Sequence[Claim]) -> tuple[Claim, ...] | None:
    """Give what a task declares, else an area, else None: not known."""
    return task.writes if task.writes is not None else tuple(sorted(area)) or None


def _one(task: Task, agents: tuple[AgentId, ...], writes: tuple[Claim, ...] | None, *why: str) -> Assigned:
    return Assigned(task=task, agents=agents, writes=writes, why=tuple(reason for reason in why if reason))
