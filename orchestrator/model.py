"""The nouns of a run: task, agent, plan and what belongs to them.

All values are frozen: what changes during a run is in `state`, and only events change it. Paths are claims (see
`claims`): relative to the project root, with a slash at the end of a folder. Durations are seconds of agent time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import NewType

import msgspec

from orchestrator import persons
from orchestrator.claims import Claim

TaskId = NewType("TaskId", str)
AgentId = NewType("AgentId", str)  #: `agent-<n>[-<label>]`
AttemptId = NewType("AttemptId", str)  #: `<task>.<n>`: `T3.2` is the second attempt at T3
RunId = NewType("RunId", str)  #: `<slug of the title>-<n>`

PERSON = AgentId(persons.PERSON)  #: holds the locks of a person's commands; no agent is called so


class Mark(StrEnum):
    """How the document marks a task."""

    OPEN = "open"
    DONE = "done"
    IN_PROGRESS = "in_progress"
    DEFERRED = "deferred"
    UNKNOWN = "unknown"  #: never taken as done


class Access(StrEnum):
    """What an ownership row allows."""

    EXCLUSIVE = "EXCLUSIVE"  #: only the owner writes
    SEQUENTIAL = "SEQUENTIAL"  #: anybody, one after another, under a lock
    READ_ONLY = "READ-ONLY"  #: nobody writes


class Level(StrEnum):
    """How firmly ownership is enforced, weakest first."""

    AGREE = "agree"
    DETECT = "detect"
    HOOK = "hook"
    DENY = "deny"


class Isolation(StrEnum):
    """Where an attempt works."""

    WORKTREE = "worktree"
    SHARED = "shared"


class Operation(StrEnum):
    """What an agent wants to do with a path."""

    READ = "read"
    WRITE = "write"
    CREATE = "create"
    DELETE = "delete"


class TaskState(StrEnum):
    """Where a task stands in a run."""

    WAITING = "waiting"
    RUNNING = "running"
    CHECKING = "checking"
    INTEGRATING = "integrating"
    DONE = "done"
    FAILED = "failed"
    PARKED = "parked"
    SKIPPED = "skipped"


class Haste(IntEnum):
    """How firmly a run is ended; what is firmer comes after what is less so."""

    ORDERLY = 1
    NOW = 2
    KILLED = 3


class AgentState(StrEnum):
    """What an agent is doing."""

    IDLE = "idle"
    STARTING = "starting"
    WORKING = "working"
    WAITING = "waiting"
    CHECKING = "checking"
    PARKED = "parked"
    STOPPED = "stopped"


class Certainty(StrEnum):
    """How sure it is who made a change."""

    SURE = "sure"
    LIKELY = "likely"  #: nothing speaks for another
    UNSURE = "unsure"  #: several could have


class Outcome(StrEnum):
    """How an attempt ended."""

    DONE = "done"  #: claims done, and changed something where it had to
    UNCHANGED = "unchanged"  #: claims done, its write set is known and not empty, and nothing changed
    FOREIGN = "foreign"  #: changed what it may not write
    FAILED = "failed"  #: claims failure, or ended without a claim
    CRASHED = "crashed"  #: ended by a signal that squad did not send
    STALLED = "stalled"  #: ended by the ladder
    LIMIT = "limit"  #: its provider's usage limit
    TRANSIENT = "transient"  #: its model was out of reach; the same again may succeed
    ENVIRONMENT = "environment"  #: could not be started, or not go on, for a reason that is not its own
    ASKED = "asked"  #: asked a question and ended without a claim; goes on with the answer
    STOPPED = "stopped"  #: ended by a person or by the end of the supervisor


#: Outcomes that count against the ceiling `run.attempts`.
COUNTED = frozenset({Outcome.UNCHANGED, Outcome.FOREIGN, Outcome.FAILED, Outcome.CRASHED, Outcome.STALLED})


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where a task stands in its document."""

    file: str  #: as named by the user
    line: int  #: counted from 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """What a simulated agent does with a task."""

    work: float = 1.0  #: seconds
    write: tuple[str, ...] | None = None  #: paths; None: what the task declares
    then: tuple[str, ...] = ("done",)  #: endings by attempt number; the last one repeats
    text: str = ""  #: what its files shall hold; empty: a line about the task is added to each
    lock: tuple[str, ...] = ()  #: paths and operations that it asks for half-way, and waits for


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of work for one agent, as its document says it; a struct, since a document can have twenty thousand."""

    id: TaskId
    title: str
    source: Source
    text: str = ""  #: what stands below the title
    area: str | None = None  #: label of the requirement or stream it belongs to
    needs: tuple[TaskId, ...] = ()
    after: tuple[TaskId, ...] = ()  #: what the document's order puts before it, by phases and sequence, without saying so
    writes: tuple[Claim, ...] | None = None  #: what nobody else may write meanwhile; None: not known; (): nothing
    locks: tuple[str, ...] = ()  #: operations that never run in parallel
    agents: tuple[AgentId, ...] = ()  #: who may do it; empty: who fits
    skills: tuple[str, ...] = ()
    estimate: float | None = None  #: seconds, if the document says it
    checks: tuple[str, ...] | None = None  #: None: the configured ones
    command: tuple[str, ...] = ()  #: what an agent of kind `command` runs instead of a prompt
    simulate: Simulation | None = None
    state: Mark = Mark.OPEN
    parallel: bool = False  #: the document's own mark; a claim, not a fact
    gate: bool = False  #: a step for a person
    parent: TaskId | None = None
    priority: int | None = None  #: 0 is the most urgent
    criteria: tuple[str, ...] = ()  #: by which it is told that it is done
    numbered: bool = False  #: its document gives it no id, so squad counts: T1, T2 ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A line that looks like a task and was not taken as one."""

    line: int
    text: str
    reason: str
    file: str = ""  #: where the document is made of several


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """A numbered requirement with an area label: `2. Backend: REST API for metrics`."""

    area: str
    text: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """An agent as planned: who it is and what it owns; how its program is started is in the configuration."""

    id: AgentId
    role: str
    label: str = ""
    skills: tuple[str, ...] = ()
    owns: tuple[Claim, ...] = ()  #: areas, without regard to access


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """A row of the ownership matrix."""

    path: Claim
    owners: tuple[AgentId, ...]  #: several agents of one role share the area under locks; empty: nobody
    access: Access
    why: str = ""  #: where the row comes from

    @property
    def is_proposed(self) -> bool:
        """Tell whether squad made the row up, and no person said so in a configuration or in CODEOWNERS."""
        return self.why != "" and not self.why.startswith(("configured", "CODEOWNERS"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What was read of a PRD, and what was not."""

    title: str
    format: str  #: one of the names of design section 7
    path: str  #: as named by the user
    tasks: tuple[Task, ...]
    requirements: tuple[Requirement, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    warnings: tuple[str, ...] = ()
    capacity: Mapping[str, int] = field(default_factory=dict)  #: how many may hold an operation at once, where it says so
    seats: tuple[Seat, ...] = ()  #: agents that it names
    ownership: tuple[Area, ...] = ()  #: rows of a matrix that it holds; owners as it names them


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTask:
    """A task with its owner, write set, locks and place in the order."""

    task: Task
    agent: AgentId
    needs: tuple[TaskId, ...]
    writes: tuple[Claim, ...] | None  #: declared or derived; None: not known
    locks: tuple[str, ...]  #: keys taken before the start, canonical, sorted
    estimate: float  #: seconds
    start: float  #: seconds after the start of the run
    finish: float
    tail: float  #: seconds of the longest remaining path over needs, agents and locks, itself included
    why: tuple[str, ...] = ()  #: one sentence per fact: owner, write set, each wait
    spread: tuple[float, float] | None = None  #: seconds between which the middle half of finished tasks like it lay


class Guarded(msgspec.Struct, frozen=True, kw_only=True):
    """Two tasks whose write sets meet and what keeps them apart; a struct, since a large plan has a hundred thousand of them."""

    a: TaskId
    b: TaskId
    by: str  #: `needs` or `lock`
    key: str  #: the lock, or the chain of needs


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """Two tasks that the plan cannot keep apart, and why."""

    a: TaskId
    b: TaskId
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """The proof that no two tasks that may run together write the same path."""

    holds: bool
    guarded: tuple[Guarded, ...] = ()
    open: tuple[Open, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Former:
    """A task of the document that is not planned, since a run before has done it and the base holds its result."""

    id: TaskId
    title: str
    run: RunId


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Tasks, owners, write sets, order and certificate; everything a run needs to know of the document."""

    title: str
    source: str  #: the PRD, relative to the project where it lies inside, else its name
    source_digest: str  #: sha256 of the document's bytes
    isolation: Isolation
    agents: tuple[Seat, ...]
    tasks: tuple[PlannedTask, ...]  #: in document order
    matrix: tuple[Area, ...]
    makespan: float  #: seconds
    bound: float  #: seconds: max(critical path, total work / agents)
    certificate: Certificate
    warnings: tuple[str, ...] = ()
    done: tuple[TaskId, ...] = field(default=())  #: not planned: marked done in the document, or done by a run before
    before: tuple[Former, ...] = ()  #: those of them that a run has done
    never_parallel: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  #: operation -> texts that mean it
    capacity: Mapping[str, int] = field(default_factory=dict)  #: operation -> how many may hold it at once; 1 unless said
