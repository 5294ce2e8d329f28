"""Who could do each task, and what it may write: the agents that fit it best, among whom the order chooses.

Decided by the sum of `allocation` over declared paths, area label, skills, role and words; a list of agents bounds the choice.
Everything that is asked again and again (what an owner's name means, the words of an area) is looked up once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from orchestrator.claims import Claim
from orchestrator.errors import PlanError, Where
from orchestrator.model import AgentId, Seat, Task
from orchestrator.ownership import MatrixIndex, owners_of, slug
from orchestrator.planning.allocation import NO_FIT, AgentFacts, Allocation, Fit, TaskFacts
from orchestrator.planning.seats import Seating, Territory
from orchestrator.text.spelling import nearest_or_all
from orchestrator.text.stems import shared, stems

_NOWHERE = "it names no path and no area fits, so its write set is not known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """A task with who could do it and its write set."""

    task: Task
    agents: tuple[AgentId, ...]
    writes: tuple[Claim, ...] | None
    why: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class _Look:
    """A task beside the agents that may do it."""

    task: Task
    seats: list[Seat]
    votes: dict[AgentId, list[str]] = field(default_factory=dict)  #: of its paths, those that are an agent's, and why
    territory: Territory | None = None
    why: str = ""  #: of the territory
    is_labelled: bool = False


class Owners:
    """Finds the owners of tasks, in document order: who has least goes first where a choice must be made before the order."""

    def __init__(self, seating: Seating, matrix: MatrixIndex, allocation: Allocation | None = None) -> None:
        self._seating = seating
        self._matrix = matrix
        self._allocation = allocation or Allocation()
        self._loads = {seat.id: 0.0 for seat in seating.seats}
        self._meant = cache(lambda name: frozenset(owners_of(name, seating.seats)))
        self._listed = cache(self._seats_of)
        self._roles = {seat.id: stems(f"{seat.role} {seat.label}") for seat in seating.seats}
        self._skills = {seat.id: stems(" ".join(seat.skills)) for seat in seating.seats}
        self._known = frozenset[str]().union(*self._roles.values(), *self._skills.values())
        self._areas = [(stems(one.words), one) for one in seating.territories]

    def assign(self, task: Task, *, seconds: float, complexity: float = 1.0) -> Assigned:
        """Decide who could do a task.

        Raises:
            PlanError: It lists only agents that do not exist.
        """
        one = self._assigned(task, seconds=seconds, complexity=complexity)
        if len(one.agents) == 1:
            self._loads[one.agents[0]] += seconds
        return one

    def _assigned(self, task: Task, *, seconds: float, complexity: float) -> Assigned:
        look = self._look(task)
        fits = self._fits(look)
        scores = {agent: self._allocation.sum_of(fit) for agent, fit in fits.items()}
        if self._allocation.score is not None and len(scores) > 1:
            scores = self._asked(look, fits, scores, seconds=seconds, complexity=complexity)
        agents = self._allocation.best(scores)
        here = f"{task.source.file}:{task.source.line}"
        why = f"{here} names {', '.join(task.agents)}" if task.agents else self._why(look, agents, fits)
        fitting = bool(task.agents) or len(agents) < len(scores) or (self._allocation.score is None and max(scores.values()) > 0)
        declared = f"its write set is declared in {here}"
        agents, writes, told = self._settled(look, agents, declared=declared, is_fitting=fitting)
        reasons = (why, told, self._allocation.told(scores, fits))
        return Assigned(task=task, agents=agents, writes=writes, why=tuple(filter(None, reasons)))

    def _look(self, task: Task) -> _Look:
        """Find what speaks for an agent: paths that it owns count before an area."""
        look = _Look(task=task, seats=self._allowed(task))
        look.votes = self._votes(look)
        if not look.votes:
            self._find_territory(look)
        return look

    def _fits(self, look: _Look) -> dict[AgentId, Fit]:
        named = stems(look.task.title)
        words = named | {skill.casefold() for skill in look.task.skills} if look.task.skills else named
        if not look.votes and look.territory is None and words.isdisjoint(self._known):
            return dict.fromkeys([seat.id for seat in look.seats], NO_FIT)
        votes = sum(map(len, look.votes.values()))
        owner = look.territory.owner if look.territory is not None else None
        fits = {}
        for seat in look.seats:
            skill, role = len(words & self._skills[seat.id]), len(words & self._roles[seat.id])
            home = seat.id == owner
            own = len(look.votes[seat.id]) / votes if seat.id in look.votes else float(home and look.is_labelled)
            there = float(home and not look.is_labelled)
            if own or there or skill or role:
                fits[seat.id] = Fit(area=own, words=there, skill=skill / max(1, len(words)), role=role / max(1, len(words)))
            else:
                fits[seat.id] = NO_FIT
        return fits

    def _asked(
        self, look: _Look, fits: dict[AgentId, Fit], scores: dict[AgentId, float], *, seconds: float, complexity: float
    ) -> dict[AgentId, float]:
        """Let the user's own function score each agent."""
        task, score = look.task, self._allocation.score
        facts = TaskFacts(
            id=task.id,
            title=task.title,
            text=task.text,
            area=task.area,
            writes=task.writes,
            skills=task.skills,
            priority=task.priority,
            seconds=seconds,
            complexity=complexity,
            file=task.source.file,
            line=task.source.line,
        )
        agents = [
            AgentFacts(
                id=seat.id,
                role=seat.role,
                label=seat.label,
                skills=seat.skills,
                owns=seat.owns,
                load=self._loads[seat.id],
                fit=fits[seat.id],
                score=scores[seat.id],
            )
            for seat in look.seats
        ]
        return {AgentId(agent.id): round(score(facts, agent), 3) + 0.0 for agent in agents} if score is not None else scores

    def _why(self, look: _Look, agents: Sequence[AgentId], fits: dict[AgentId, Fit]) -> str:
        """Say what spoke for the agents that were found."""
        first, weights = agents[0], self._allocation.weights
        if self._allocation.score is not None and len(look.seats) > 1:
            is_choice = len(agents) < len(look.seats)
            return f"{weights.score} scores {first} highest" if is_choice else f"{weights.score} scores all the same"
        fit = fits[first]
        if fit.area * weights.area and look.votes:
            return f"{first} owns it: {look.votes[first][0]}"
        if fit.area * weights.area + fit.words * weights.words:
            return look.why
        if len(agents) < len(look.seats) or fit.skill * weights.skill + fit.role * weights.role:
            return f"its words fit the role and skills of {first}"
        return f"nothing in {look.task.source.file}:{look.task.source.line} says whose it is"

    def _settled(
        self, look: _Look, agents: tuple[AgentId, ...], *, declared: str, is_fitting: bool
    ) -> tuple[tuple[AgentId, ...], tuple[Claim, ...] | None, str]:
        """Give who could do it, what it may write, and why; where the write set depends on who does it, who has least."""
        if look.task.writes is not None:
            return agents, look.task.writes, declared
        owns = {seat.id: seat.owns for seat in look.seats}
        if look.territory is not None and look.territory.owner in agents:
            owner, folders, why = look.territory.owner, look.territory.folders, f" ({look.territory.why})"
            area = f"the area of {owner}: {', '.join(sorted(folders))}{why}"
            return (owner,), tuple(sorted(folders)) or None, f"it names no path, so it may write {area}"
        if not is_fitting or not any(owns[agent] for agent in agents):
            return agents, None, _NOWHERE
        best = min(agents, key=lambda agent: self._loads[agent])
        told = f"it names no path, so it may write the area of {best}" if owns[best] else _NOWHERE
        return (best,), tuple(sorted(owns[best])) or None, told

    def _allowed(self, task: Task) -> list[Seat]:
        """Give who may do a task: those it lists, else those with all its skills, else everybody."""
        seats = self._seating.seats
        if not task.agents:
            wanted = {skill.casefold() for skill in task.skills}
            skilled = [seat for seat in seats if wanted and wanted <= {skill.casefold() for skill in seat.skills}]
            return skilled or list(seats)
        listed = self._listed(task.agents)
        if not listed:
            where = Where(task.source.file, task.source.line)
            message = f"task {task.id} may only be done by {', '.join(task.agents)}, and there is no such agent"
            known = [seat.id for seat in seats]
            raise PlanError(message, where=where, hint=nearest_or_all(task.agents[0], known, "agents"))
        return listed

    def _seats_of(self, names: tuple[AgentId, ...]) -> list[Seat]:
        listed = frozenset[AgentId]().union(*map(self._meant, names))
        return [seat for seat in self._seating.seats if seat.id in listed]

    def _votes(self, look: _Look) -> dict[AgentId, list[str]]:
        """Give of the declared paths those that an agent owns, with the row that says so."""
        rows = [(claim, row) for claim in look.task.writes or () if (row := self._matrix.row_of(claim)) is not None]
        allowed = {seat.id for seat in look.seats} if rows else ()
        votes: dict[AgentId, list[str]] = {}
        for claim, row in rows:
            for owner in row.owners:
                if owner in allowed:
                    votes.setdefault(owner, []).append(f"{claim} lies in {row.path}")
        return votes

    def _find_territory(self, look: _Look) -> None:
        """Find the area that a task belongs to: by its label, else by the words of its title; its owner may always do it."""
        task = look.task
        if not self._areas:
            return
        here = f"{task.source.file}:{task.source.line}"
        skilled = {seat.id for seat in look.seats}
        allowed = skilled if task.agents else self._loads.keys()
        label = slug(task.area) if task.area else ""
        labelled = [one for _, one in self._areas if task.area and slug(one.label) == label and one.owner in allowed]
        if labelled:
            look.territory, look.is_labelled = labelled[0], True
            look.why = f"{here} puts it under {labelled[0].label!r}, which is {labelled[0].owner}'s"
            if labelled[0].owner not in skilled:
                look.seats = [seat for seat in self._seating.seats if seat.id in skilled or seat.id == labelled[0].owner]
            return
        words = stems(task.title)
        scores = [(len(words & known), one) for known, one in self._areas if one.owner in skilled]
        best = max((score for score, _ in scores), default=0)
        if best:
            look.territory = next(territory for score, territory in scores if score == best)
            both = ", ".join(shared(task.title, look.territory.words))
            look.why = f"its title shares the words {both!r} with {look.territory.label!r}, which is {look.territory.owner}'s"
