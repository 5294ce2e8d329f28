"""Where a run stands: tasks, attempts, agents, locks and what waits for them.

The state is one value, what the events of a run add up to: it holds nothing that they do not tell, so that a saved one
that is lost or cannot be read costs time and nothing else. Only `fold` changes it.
"""

import msgspec

from orchestrator.model import AgentState, Plan, RunId, TaskState

FINAL = frozenset({TaskState.DONE, TaskState.FAILED, TaskState.SKIPPED})
JUDGED = frozenset({TaskState.CHECKING, TaskState.INTEGRATING})  #: its agent has done its part
UNDER_WAY = JUDGED | {TaskState.RUNNING}
OPEN = UNDER_WAY | {TaskState.WAITING}  #: goes on without a person


class LimitStatus(msgspec.Struct, kw_only=True):
    """A usage limit of a provider."""

    until: float  #: seconds since the epoch; nothing is started before
    attempt: str = ""  #: whose agent told of it: if that ends well all the same, no limit holds


class ReachedStatus(msgspec.Struct, kw_only=True):
    """A limit of the run that was reached."""

    limit: str
    used: float
    allowed: float
    unit: str


class AttemptStatus(msgspec.Struct, kw_only=True):
    """One attempt: where it works, which process it is, how it ended."""

    task: str
    agent: str
    number: int
    workspace: str
    branch: str | None
    base: str | None
    pid: int | None = None
    node: str = ""
    boot: str = ""
    born: float = 0.0
    leash: int | None = None
    log: str = ""
    read_log: int = 0  #: bytes understood
    read_status: int = 0
    prepared_at: float = 0.0
    started_at: float | None = None
    ended_at: float | None = None
    claim: bool | None = None  #: True: done, False: failed, None: nothing said
    note: str = ""
    adapter: str = ""  #: by which its agent works
    level: str = ""  #: of enforcement; empty: it has not been started
    tokens: int | None = None  #: consumed as far as it was told; None: nothing was
    money: float | None = None
    limited: bool = False  #: its agent told of a usage limit
    conversation: str = ""  #: the agent's own name for it, by which it can be taken up again
    outcome: str | None = None
    reason: str = ""
    commit: str | None = None
    paths: list[str] = []
    locked: dict[str, None] = {}  #: keys held at any time, without those taken away
    refused: dict[str, int] = {}  #: rows of the ownership matrix -> how often its agent asked there in vain
    denied: str = ""  #: the reason of the last of those
    released: dict[str, float] = {}  #: key of a lock it gave back or lost, and has not now -> when
    released_in: dict[str, int] = {}  #: how many of those stand at or below a key, folded
    revoked: list[str] = []  #: keys that a person took away while it was silent, and that it has not locked again
    check_log: str = ""  #: of the check that refused its result, below the project's folder
    merged: str | None = None  #: its merge, if the checks of that failed
    cause: str = ""  #: why its result was refused; empty: it was not
    refusal: str = ""  #: the reason in words
    foreign: list[str] = []  #: changed paths that it may not write
    foreign_ref: str = ""  #: keeps them
    conflicts: list[str] = []  #: paths in which its result could not be merged
    progress: str = ""  #: by its agent's words, such as 2/5
    message: str = ""  #: the last that its agent said of itself


class StrangeStatus(msgspec.Struct, kw_only=True):
    """A change that was found where none may be."""

    task: str
    agent: str  #: who is meant, or at whose end it was found
    attempt: str
    where: str
    paths: list[str]
    certainty: str
    why: str
    ref: str = ""
    owners: dict[str, str] = {}  #: path -> agent, `read-only`, or empty
    among: list[str] = []  #: agents that may have made it, where nobody is blamed
    blamed: bool  #: the agent's result was refused for it


class WishStatus(msgspec.Struct, kw_only=True):
    """What a person wants of a task once the attempt under way is gone."""

    then: str  #: skip | reassign | leave
    to: str
    reason: str


class TaskStatus(msgspec.Struct, kw_only=True):
    """Where a task stands and how it came there."""

    agent: str  #: who does or did it; at first its planned owner
    state: TaskState = TaskState.WAITING
    attempts: int = 0  #: starts of an agent
    prepared: int = 0  #: number of the last attempt
    counted: int = 0  #: attempts that count against the ceiling
    uncounted: int = 0  #: attempts in a row that the environment ended
    unreached: int = 0  #: attempts in a row that could not reach their model
    conflicts: int = 0  #: how often its result could not be merged
    cause: str = ""  #: why the last result was refused; empty: the attempt itself did not end well
    attempt: str | None = None  #: the current or last one
    reason: str = ""
    failure: str = ""  #: the last one: outcome and reason
    same: int = 0  #: how often in a row it failed that way
    rungs: list[str] = []  #: of restart, reassign, park
    fresh: bool = False  #: the next attempt starts from the integration branch, not in its predecessor's workspace
    failed_with: list[str] = []  #: agents
    judged: str = ""  #: the attempt after which the last rung was climbed
    ended_at: float = 0.0  #: of the last attempt that did not become a result
    money: float = 0.0  #: of all its attempts, as far as it was told
    limit: ReachedStatus | None = None  #: that it has used up
    ordered: bool = False  #: a person wants its next attempt at once
    pinned: bool = False  #: a person gave it to its agent: squad does not move it
    wish: WishStatus | None = None
    dropped: bool = False  #: a person skipped it, and not the task it needs


class AgentStatus(msgspec.Struct, kw_only=True):
    """What an agent is doing, as squad knows it and as it says."""

    task: str | None = None
    state: AgentState = AgentState.IDLE
    pid: int | None = None
    says: str = "READY"
    message: str = ""
    done: int | None = None
    total: int | None = None
    files: dict[str, str] = {}  #: path -> created | modified | deleted; by its own words, then by what was found
    limits: dict[str, LimitStatus] = {}  #: adapter -> until when its provider lets it do nothing
    falls_back: bool = False  #: it goes on with another adapter meanwhile
    finished: int = 0  #: tasks
    blocked_on: str = ""
    meanwhile: str = ""
    refused: int = 0  #: requests for locks, in the whole run
    leaving: bool = False  #: it goes as soon as it has no task; who has gone is `stopped`
    starts: list[float] = []  #: times of the last restarts after a failure, for the budget


class Borrower(msgspec.Struct, frozen=True, kw_only=True):
    """The process of a command that runs under a grant, or the one that asked for it."""

    pid: int
    born: float
    boot: str
    node: str
    starter: int = 0  #: the one that asked, of a command


class LockStatus(msgspec.Struct, kw_only=True):
    """A grant."""

    path: str
    holder: str
    fence: int
    since: float
    waited_s: float
    purpose: str
    declared: bool
    lent: list[Borrower] = []  #: to commands of a person; those that ended since the last was lent still stand here


class WaitStatus(msgspec.Struct, kw_only=True):
    """A request that waits."""

    path: str
    holder: str
    since: float
    purpose: str = ""
    ticket: int = 0


class QuestionStatus(msgspec.Struct, kw_only=True):
    """What an agent asked, and what became of it; it belongs to its task, whoever does that now."""

    agent: str
    task: str
    attempt: str
    kind: str  #: question | permission
    text: str
    asked_at: float
    since: float  #: the time to answer it runs from here: not while no supervisor lives
    waits: bool = False  #: the agent does nothing else meanwhile
    state: str = "open"  #: open | answered | closed
    settled_at: float | None = None
    by: str = ""
    answer: str = ""
    allow: bool | None = None
    how: str = ""  #: it was closed: refused | expired | moot
    reason: str = ""
    told: str = ""  #: the last attempt that was told what became of it
    way: str = ""  #: how: prompt | reply | said


class RemarkStatus(msgspec.Struct, kw_only=True):
    """What a person has to tell an agent."""

    agent: str
    task: str  #: empty: the next one that the agent does
    text: str
    made_at: float
    told: str = ""  #: the last attempt that was told it
    way: str = ""  #: how: said | prompt


class State(msgspec.Struct, kw_only=True):
    """A run as its events tell it."""

    run: str
    seq: int = 0
    title: str = ""
    source: str = ""
    source_digest: str = ""
    plan: str = ""
    settings: str = ""
    isolation: str = ""
    split: bool = False  #: an agent only proposes the tasks of its document
    base: str | None = None
    branch: str | None = None
    tip: str | None = None  #: of the integration branch
    phase: str = "planning"  #: planning | running | ending | paused | ended
    outcome: str = ""
    held: str = ""  #: by a person, while a supervisor lives: `safe`, nothing is started; `now`, nothing is under way either
    started_at: float = 0.0
    ended_at: float | None = None
    since: float = 0.0  #: when the present or last supervisor began, or a person let it go on
    lived: float = 0.0  #: seconds before that in which one lived and was not paused
    seen: float = 0.0  #: time of the last event of a supervisor
    starts: int = 0  #: of agents
    tokens: int = 0  #: consumed as far as it was told
    money: float = 0.0
    reached: list[ReachedStatus] = []  #: since the run was begun or resumed
    tasks: dict[str, TaskStatus] = {}
    attempts: dict[str, AttemptStatus] = {}
    agents: dict[str, AgentStatus] = {}
    locks: dict[str, LockStatus] = {}  #: by holder and path, oldest first
    waiting: list[WaitStatus] = []
    fence: int = 0
    scaled: int = 0  #: how many agents may work at once, by a person's word; 0: as configured
    notices: list[str] = []
    strange: list[StrangeStatus] = []  #: in the order of finding
    questions: dict[str, QuestionStatus] = {}  #: by id, in the order of asking
    notified: list[str] = []  #: questions, tasks and runs of which a person was told by ways outside of squad
    remarks: dict[str, RemarkStatus] = {}  #: by id, in the order of making


def is_gone(state: State, agent: str) -> bool:
    """Tell whether the agent has left the run, or does as soon as it can."""
    return state.agents[agent].leaving or state.agents[agent].state is AgentState.STOPPED


def initial(run: RunId, plan: Plan) -> State:
    """Give the state before the first event of a run of the plan."""
    return State(
        run=run,
        tasks={planned.task.id: TaskStatus(agent=planned.agent) for planned in plan.tasks},
        agents={seat.id: AgentStatus() for seat in plan.agents},
    )


def encode(state: State) -> bytes:
    """Give the snapshot that `decode` reads back."""
    return msgspec.json.encode(state)


def decode(body: bytes) -> State:
    """Read a snapshot; raises msgspec.DecodeError."""
    return msgspec.json.decode(body, type=State)
