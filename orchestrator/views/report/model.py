"""A run told, as one frozen value: every rendering shows this and nothing else, so that no two can disagree."""

from dataclasses import dataclass

from orchestrator.views.contention import Contention
from orchestrator.views.figures import Figures, Idle

UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRow:
    """One start of an agent."""

    id: str
    agent: str
    level: str  #: of enforcement
    outcome: str
    reason: str
    work_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRow:
    """One task of the report."""

    id: str
    title: str
    state: str
    agent: str
    attempts: int
    work_s: float
    claim: str  #: what its agent said
    evidence: str  #: what squad found
    reason: str
    commit: str | None  #: the merge
    history: tuple[AttemptRow, ...]  #: its attempts, oldest first


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRow:
    """One agent of the report."""

    id: str
    role: str
    level: str
    tasks_done: int
    attempts: int
    work_s: float
    refused: int  #: requests for locks
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A task that went to another agent than planned."""

    task: str
    from_: str
    to: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything the renderings show."""

    run: str
    title: str
    phase: str
    outcome: str
    started_at: float
    branch: str | None
    split: bool  #: it only proposed the tasks of its document
    tasks: tuple[TaskRow, ...]
    agents: tuple[AgentRow, ...]
    figures: Figures
    locks: Contention
    idle: Idle
    usage: dict[str, object]
    moves: tuple[Move, ...]  #: oldest first
    attention: tuple[str, ...]
    limits: dict[str, object]
    limit_lines: tuple[str, ...]
