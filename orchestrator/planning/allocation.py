"""Who fits a task best where several could do it: a sum of weighted facts, or the user's own function instead of it.

Every fact is a number from 0 to 1 and every weight is in the configuration, so that each choice can be told and changed. A
function of the user's has to give the same for the same values: the plan is compared byte for byte. Nothing is loaded here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from orchestrator.model import AgentId
from orchestrator.sections import AllocationSettings

_TOLD = 3  #: agents whose sums are told


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """How well an agent fits a task; each from 0 to 1."""

    area: float = 0.0  #: share of the task's owned paths that are the agent's; 1 where its label is the agent's area
    words: float = 0.0  #: 1 where words of its title are those of the agent's area
    skill: float = 0.0  #: share of its words and skills that the agent has as skills
    role: float = 0.0  #: share of its words that are those of the agent's role and label


NO_FIT = Fit()


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFacts:
    """What a score function may know of a task."""

    id: str
    title: str
    text: str
    area: str | None
    writes: tuple[str, ...] | None  #: as declared; None: not known
    skills: tuple[str, ...]
    priority: int | None  #: 0 is the most urgent
    seconds: float  #: its estimate
    complexity: float  #: times a plain task
    file: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentFacts:
    """What a score function may know of an agent."""

    id: str
    role: str
    label: str
    skills: tuple[str, ...]
    owns: tuple[str, ...]
    load: float  #: seconds of the tasks before this one that only this agent does
    fit: Fit
    score: float  #: squad's own sum


Score: TypeAlias = Callable[[TaskFacts, AgentFacts], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """How agents are chosen."""

    weights: AllocationSettings = field(default_factory=AllocationSettings.model_construct)
    score: Score | None = None  #: the user's own function

    def sum_of(self, fit: Fit) -> float:
        """Give squad's own score."""
        if fit is NO_FIT:
            return 0.0
        weights = self.weights
        found = fit.area * weights.area + fit.words * weights.words + fit.skill * weights.skill + fit.role * weights.role
        return round(found, 3) + 0.0

    def best(self, scores: Mapping[AgentId, float]) -> tuple[AgentId, ...]:
        """Give the agents of the highest score, and those so near to it that the order may choose."""
        least = max(scores.values()) - self.weights.load
        return tuple(agent for agent, score in scores.items() if score >= least)

    def told(self, scores: Mapping[AgentId, float], fits: Mapping[AgentId, Fit]) -> str:
        """Tell the scores, the highest first; empty where all are the same."""
        if len(set(scores.values())) < 2:
            return ""
        ranked = sorted(scores, key=lambda agent: -scores[agent])
        name = f"by {self.weights.score}" if self.score is not None else "by fit"
        rows = [f"{agent} {scores[agent]:g}{'' if self.score else self._sum(fits[agent])}" for agent in ranked[:_TOLD]]
        return f"scores {name}: {', '.join(rows)}" + (f" and {len(ranked) - _TOLD} more" if len(ranked) > _TOLD else "")

    def _sum(self, fit: Fit) -> str:
        weights = self.weights
        terms: Sequence[tuple[str, float, float]] = (
            ("area", fit.area, weights.area),
            ("words", fit.words, weights.words),
            ("skill", fit.skill, weights.skill),
            ("role", fit.role, weights.role),
        )
        parts = [f"{name} {round(share, 3):g} x {weight:g}" for name, share, weight in terms if share and weight]
        return f" ({' + '.join(parts)})" if parts else ""
