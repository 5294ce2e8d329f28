"""A run told, as one frozen value: every rendering shows this and nothing else, so that no two can disagree.

Texts in it are as they came, a stranger's; whoever renders them makes them safe.
"""

from dataclasses import dataclass

from orchestrator.model import Former
from orchestrator.views.attention import Need
from orchestrator.views.contention import Contention
from orchestrator.views.figures import Figures, Idle
from orchestrator.views.usage import Usage

UNCHECKED = "unchecked"
REFUSED = "not accepted"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    """One path that was changed, by git's numbers."""

    path: str
    added: int | None  #: lines; None: not known, or no text
    removed: int | None
    is_text: bool
    is_result: bool  #: of an attempt whose result stands


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRow:
    """One check that was run."""

    attempt: str
    command: str
    ok: bool
    where: str  #: attempt | combined | base
    seconds: float
    log: str
    beside: tuple[str, ...]  #: agents that worked in the same tree meanwhile
    confined: bool | None  #: None: not known


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRow:
    """One start of an agent."""

    id: str
    agent: str
    adapter: str
    node: str  #: the machine
    level: str  #: of enforcement
    outcome: str
    reason: str
    refusal: str  #: why its result was not accepted; empty: it was, or there was none
    work_s: float
    begin_s: float  #: after the start of the run, while a supervisor lived
    end_s: float | None  #: None: it goes on
    wait_s: float  #: for locks and for a person's answers
    tokens: int | None  #: None: not told
    money: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRow:
    """One task of the report: what its agent claimed beside what squad found."""

    id: str
    title: str
    state: str
    agent: str
    attempts: int
    work_s: float
    claim: str  #: what its agent said
    note: str  #: in its own words
    evidence: str  #: what squad found
    checks: tuple[CheckRow, ...]  #: of its last attempt
    conflicts: int  #: how often it could not be merged
    foreign: tuple[str, ...]  #: paths that an attempt at it changed without the right to
    files: tuple[FileRow, ...]  #: that its last attempt changed
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
    idle: Idle
    refused: int  #: requests for locks
    usage: Usage
    paths: tuple[str, ...]
    files: tuple[FileRow, ...]
    added: int | None  #: lines, of what is known; None: nothing is
    removed: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A task that went to another agent than planned."""

    task: str
    from_: str
    to: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreign:
    """A change that was found where none may be."""

    task: str
    agent: str | None  #: None: nobody is blamed
    among: tuple[str, ...]  #: agents that may have made it then
    attempt: str
    paths: tuple[str, ...]
    certainty: str
    why: str
    ref: str
    look: str  #: the command that shows it


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """What an agent did for a while, on the timeline."""

    agent: str
    task: str
    attempt: str
    what: str  #: work, or the cause for which it waited
    outcome: str  #: of the attempt, or `not accepted`; empty: it has none yet, or is no work
    begin_s: float  #: after the start of the run, while a supervisor lived
    end_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A moment on the timeline."""

    agent: str  #: empty: of all
    what: str  #: stall | gap
    text: str
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """The share of time that working at once saved."""

    share: float
    beside: str | None  #: the sequential run of the same tasks that it was measured against; None: an estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything the renderings show."""

    run: str
    title: str
    source: str
    phase: str
    outcome: str
    started_at: float
    told_at: float  #: time of the last event that it tells of
    branch: str | None
    split: bool  #: it only proposed the tasks of its document
    tasks: tuple[TaskRow, ...]
    agents: tuple[AgentRow, ...]
    figures: Figures
    saved: Saved | None  #: None: it cannot be said
    locks: Contention
    idle: Idle
    usage: Usage
    moves: tuple[Move, ...]  #: oldest first
    before: tuple[Former, ...]  #: tasks of the document that runs before have done
    before_lines: tuple[str, ...]
    foreign: tuple[Foreign, ...]  #: oldest first
    attention: tuple[Need, ...]
    ways: tuple[str, ...]  #: commands by which a run that stands still goes on
    bars: tuple[Bar, ...]  #: agent by agent, in their order
    marks: tuple[Mark, ...]
    limits: dict[str, object]
    limit_lines: tuple[str, ...]

    @property
    def worked(self) -> int:
        """Count the agents that were started: one alone speeds nothing up, however many there were."""
        return sum(row.attempts > 0 for row in self.agents)
