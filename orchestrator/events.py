"""Everything that can have happened in a run: a closed union of facts in the past tense.

`record` of the supervisor is the only place that makes an event take effect: journal, then state, then feed. What an
agent prints is never an event; what it reports through the protocol becomes one only when squad takes it in.
Field names are those of design section 14, because other programs read them.
"""

from collections.abc import Callable
from typing import Any, TypeAlias, get_args

import msgspec


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=False):
    pass


# the run


class RunStarted(_Event, frozen=True, kw_only=True):
    """A plan begins to be carried out."""

    title: str
    source: str  #: the PRD as named by the user
    source_digest: str  #: sha256 of its bytes
    plan: str  #: digest of the plan document in the journal
    settings: str  #: digest of the settings document in the journal
    isolation: str
    base: str | None  #: commit the run starts from; None without git
    branch: str | None  #: integration branch
    agents: list[str]
    split: bool = False  #: an agent only proposes the tasks of a document; never the latest run


class RunPaused(_Event, frozen=True, kw_only=True):
    """The supervisor ended with work left; `resume` goes on."""

    reason: str  #: stopped | interrupted | terminated | needs-you | limit


class RunResumed(_Event, frozen=True, kw_only=True):
    """A supervisor took the run over from its journal."""

    reason: str  #: what the run had been ended by
    settings: str = ""  #: digest of the settings document that holds from here on; empty: as before


class ProjectMoved(_Event, frozen=True, kw_only=True):
    """The project's folder lies elsewhere than when its run began; paths that name the old place mean the new one."""

    from_: str = msgspec.field(name="from")
    to: str


class StopRequested(_Event, frozen=True, kw_only=True):
    """Somebody wants the supervisor to end; what is under way is stopped first."""

    reason: str  #: stopped | interrupted | terminated


class WorkPaused(_Event, frozen=True, kw_only=True):
    """A person lets nothing more be started; the supervisor lives on."""

    now: bool  #: what was under way is stopped too, uncounted; else it goes on to its end


class WorkResumed(_Event, frozen=True, kw_only=True):
    """A person lets a paused run go on whose supervisor lives."""

    reason: str


class RunEnded(_Event, frozen=True, kw_only=True):
    """No supervisor will go on with this run."""

    outcome: str  #: done | failed | discarded


class RunReopened(_Event, frozen=True, kw_only=True):
    """A person changed a run that had ended, or whose supervisor was gone without a word; `resume` goes on with it."""

    reason: str


# attempts


class AttemptPrepared(_Event, frozen=True, kw_only=True):
    """An attempt is about to be started: the intent, written before the workspace is made and a process runs."""

    task: str
    agent: str
    attempt: str
    workspace: str  #: absolute path
    branch: str | None
    base: str | None  #: commit the workspace starts from
    locks: list[str]
    adapter: str = ""  #: by which the agent works; empty: its own


class AttemptStarted(_Event, frozen=True, kw_only=True):
    """An agent's process runs."""

    task: str
    agent: str
    attempt: str
    node: str
    boot: str  #: boot id of the machine
    pid: int
    born: float  #: start time of the process as the system tells it: with node, boot and pid its identity
    leash: int  #: pid of the leash
    workspace: str
    level: str
    adapter: str
    log: str  #: raw log, absolute path


class OutputRead(_Event, frozen=True, kw_only=True):
    """The raw log was read and understood up to here; reading begins here after a death of the supervisor."""

    task: str
    attempt: str
    log: int  #: bytes
    status: int  #: bytes of the status pipe


class AttemptEnded(_Event, frozen=True, kw_only=True):
    """The whole process tree of an attempt is gone, and what it left was looked at."""

    task: str
    agent: str
    attempt: str
    outcome: str
    exit: int | None
    signal: str | None
    reason: str
    commit: str | None = None  #: the attempt's work
    paths: list[str] = []  #: changed paths


class ResultRefused(_Event, frozen=True, kw_only=True):
    """An attempt that ended well did not become a result; its task waits for another attempt."""

    task: str
    agent: str
    attempt: str
    cause: str  #: check | conflict | overlap | environment | interrupted
    reason: str
    counted: bool  #: against the ceiling `run.attempts`
    log: str = ""  #: of the check that refused it, below the project's folder; no part of the reason: it differs each time
    merged: str | None = None  #: the merge whose checks failed; the next attempt starts there and sees both sides


# tasks


class TaskDone(_Event, frozen=True, kw_only=True):
    """A task's result stands on the integration branch, or it had nothing to write."""

    task: str
    attempt: str | None
    checked: bool


class TaskFailed(_Event, frozen=True, kw_only=True):
    """A task failed for good."""

    task: str
    reason: str


class TaskParked(_Event, frozen=True, kw_only=True):
    """Only a person can say how the task goes on."""

    task: str
    reason: str


class TaskSkipped(_Event, frozen=True, kw_only=True):
    """A task will not be done because of another, or because a person says so."""

    task: str
    reason: str
    by: str = ""  #: person; empty: it needs one that is never done


class TaskRevived(_Event, frozen=True, kw_only=True):
    """A parked task gets another chance."""

    task: str
    reason: str


class TaskRetried(_Event, frozen=True, kw_only=True):
    """A person has a task tried again, its counts anew; one that was to be taken from its agent stays with it."""

    task: str
    reason: str


class TaskAdded(_Event, frozen=True, kw_only=True):
    """A person put another task into the plan, which was amended for it and holds."""

    task: str
    agent: str  #: its planned owner
    title: str
    plan: str  #: digest of the amended plan document in the journal


class TaskReassigned(_Event, frozen=True, kw_only=True):
    """Another agent than before does the task."""

    task: str
    from_: str = msgspec.field(name="from")
    to: str
    reason: str
    by: str = ""  #: person: it stays with that agent; empty: squad


class AttemptRecalled(_Event, frozen=True, kw_only=True):
    """A person takes a task from the agent that is at it: the intent, before its attempt is stopped."""

    task: str
    agent: str
    attempt: str
    then: str  #: what becomes of the task when nothing of the attempt is left: skip | reassign | leave (its agent does)
    to: str = ""  #: agent that goes on with it
    reason: str


# the agents


class RunScaled(_Event, frozen=True, kw_only=True):
    """A person said how many agents may work at once, and who leaves for that as soon as it has no task."""

    agents: int
    leaving: list[str] = []


class AgentAdded(_Event, frozen=True, kw_only=True):
    """An agent joined the run, or came back to it."""

    agent: str
    role: str
    like: str = ""  #: the agent whose program and settings it has; empty: its own, it was there before
    plan: str = ""  #: digest of the plan document with it; empty: as before
    settings: str = ""  #: digest of the settings document with it; empty: as before


class AgentLeft(_Event, frozen=True, kw_only=True):
    """An agent does nothing more in the run."""

    agent: str


class RestartOrdered(_Event, frozen=True, kw_only=True):
    """A person wants another attempt by the same agent: written before the present one is stopped, which does not count."""

    task: str
    agent: str
    attempt: str


# what is said to agents


class RemarkMade(_Event, frozen=True, kw_only=True):
    """A person has something to tell an agent: written before it hears of it."""

    id: str  #: R1, R2 ... within the run
    agent: str
    task: str  #: empty: the next one that the agent does
    text: str


class RemarkTold(_Event, frozen=True, kw_only=True):
    """An attempt was told what a person has to say."""

    id: str
    agent: str
    task: str
    attempt: str
    way: str  #: said | prompt


# what agents say


class AgentReported(_Event, frozen=True, kw_only=True):
    """An agent told its status, progress or files."""

    agent: str
    task: str
    status: str | None = None  #: READY ACTIVE BLOCKED COMPLETE FAILED
    message: str = ""
    done: int | None = None
    total: int | None = None
    files: dict[str, str] = {}  #: path -> created | modified | deleted


class ConversationKnown(_Event, frozen=True, kw_only=True):
    """An agent told the name by which its conversation can be taken up again."""

    agent: str
    task: str
    attempt: str
    session: str
    version: str = ""  #: of the agent's program


class ClaimMade(_Event, frozen=True, kw_only=True):
    """An agent says that its task is done, or that it failed: a claim, no evidence."""

    agent: str
    task: str
    attempt: str
    done: bool
    note: str = ""


class AgentBlocked(_Event, frozen=True, kw_only=True):
    """An agent cannot go on without a path."""

    agent: str
    task: str
    on: str
    meanwhile: str = ""


class QuestionAsked(_Event, frozen=True, kw_only=True):
    """An agent asked something that only a person can answer."""

    id: str  #: Q1, Q2 ... within the run
    agent: str
    task: str
    attempt: str
    kind: str  #: question | permission
    text: str
    waits: bool = False  #: the agent does nothing else meanwhile
    refused: str = ""  #: why nobody is asked; then it is closed already


class QuestionAnswered(_Event, frozen=True, kw_only=True):
    """A person answered a question: written before the agent hears of it."""

    id: str
    agent: str
    task: str
    by: str  #: person
    answer: str
    allow: bool | None = None  #: of a permission


class QuestionTold(_Event, frozen=True, kw_only=True):
    """An attempt was told what became of a question."""

    id: str
    agent: str
    task: str
    attempt: str
    way: str  #: prompt | reply | said


class QuestionClosed(_Event, frozen=True, kw_only=True):
    """A question will not be answered."""

    id: str
    agent: str
    task: str
    how: str  #: expired: nobody answered in time | moot: nobody needs the answer any more
    reason: str


class HandoffRequested(_Event, frozen=True, kw_only=True):
    """An agent wants another one to take over a file."""

    from_: str = msgspec.field(name="from")
    to: str
    file: str
    status: str
    note: str = ""


class UsageReported(_Event, frozen=True, kw_only=True):
    """An agent told what it consumed since its last report."""

    agent: str
    task: str
    attempt: str
    fresh: int = 0  #: tokens
    cached: int = 0  #: tokens
    output: int = 0  #: tokens
    money: float | None = None


# locks


class LockRequested(_Event, frozen=True, kw_only=True):
    """An agent asked for a path and has to wait."""

    path: str
    holder: str  #: who asks
    purpose: str = ""
    ticket: int = 0  #: number of the request, unique within one supervisor's life


class LockGranted(_Event, frozen=True, kw_only=True):
    """An agent may write the path until it is released."""

    path: str
    holder: str
    fence: int
    waited_s: float
    purpose: str = ""
    declared: bool = False  #: by its task, before the start
    expires_at: str | None = None  #: UTC


class LockLent(_Event, frozen=True, kw_only=True):
    """A person's command runs under a grant: it is kept for this process also by the next supervisor."""

    path: str
    holder: str
    fence: int  #: of the grant
    pid: int
    born: float  #: seconds after boot, or since the epoch; tells it from a later process of the same number
    boot: str
    node: str
    ended: list[int] = []  #: processes for which the same grant was held and is no more, since the last event of this kind
    starter: int = 0  #: the process that asked for the grant, if this one is the command that it has started since


class LockReleased(_Event, frozen=True, kw_only=True):
    """A grant ended."""

    path: str
    holder: str
    fence: int
    reason: str  #: unlocked | ended | forced | withdrawn
    held_s: float | None = None  #: since its grant


class LockRefused(_Event, frozen=True, kw_only=True):
    """A request was refused."""

    path: str
    holder: str
    reason: str
    ticket: int | None = None  #: of the request that waited; None: it was refused at once
    row: str = ""  #: of the ownership matrix, or what else no waiting changes; empty: it was only not free


# supervision


class AgentStalled(_Event, frozen=True, kw_only=True):
    """A verdict: the agent shows no life, repeats one failure, or is over its budget."""

    agent: str
    task: str
    attempt: str
    verdict: str  #: silent | same-failure | refused
    evidence: str


class RungClimbed(_Event, frozen=True, kw_only=True):
    """A step of the ladder was taken."""

    agent: str
    task: str
    attempt: str
    rung: str  #: nudge | interrupt | restart | reassign | park
    reason: str


class LimitReached(_Event, frozen=True, kw_only=True):
    """Nothing more is started until the limit is lifted: by the run, by an agent with an adapter, or for a task."""

    limit: str  #: usage | time | money | tokens | attempts | money_per_task
    used: float | None = None
    allowed: float | None = None
    unit: str = ""  #: of both: s | tokens | starts | a currency
    task: str = ""  #: that has used it up, of `money_per_task`
    agent: str = ""  #: that its provider's `usage` limit stops
    adapter: str = ""  #: with which; empty: its own
    attempt: str = ""  #: whose agent told of it
    until: float | None = None  #: seconds since the epoch at which its provider lifts it, if told
    margin: float = 0.0  #: seconds after that
    instead: str = ""  #: adapter with which the agent goes on meanwhile; empty: it waits


# evidence


class ForeignChangeFound(_Event, frozen=True, kw_only=True):
    """An attempt changed what it may not write; the change is kept under the ref."""

    task: str
    agent: str
    attempt: str
    paths: list[str]
    ref: str
    certainty: str = "sure"  #: sure | likely: that it was this attempt
    why: str = ""  #: what speaks for that
    owners: dict[str, str] = {}  #: path -> the agent it belongs to, `read-only`, or empty: it may be asked for


class AgentWarned(_Event, frozen=True, kw_only=True):
    """An agent at work was told of changes that its task may not make or was refused; what counts is what is found at the end."""

    agent: str
    task: str
    attempt: str
    paths: list[str]
    text: str  #: stands in its comm file
    heard: bool  #: it was also said to the agent itself


class UnsureChangeFound(_Event, frozen=True, kw_only=True):
    """Something was changed that no attempt may change, and nobody can tell who did it; found when an attempt ended."""

    task: str
    agent: str
    attempt: str
    where: str  #: tree (shared) | workspace | main (the user's own tree) | git (its shared files) | branch
    paths: list[str]  #: files; of `branch` the full names of refs
    among: list[str]  #: agents that were at work meanwhile
    certainty: str = "unsure"
    why: str
    ref: str = ""  #: keeps how it stood when it was found, where squad could keep it


class CheckEnded(_Event, frozen=True, kw_only=True):
    """A check gave its evidence."""

    task: str
    attempt: str
    command: str
    ok: bool
    where: str  #: attempt | combined | base
    log: str
    exit: int
    seconds: float
    beside: list[str] = []  #: agents at work in the same tree meanwhile, whose half-done work it saw
    confined: bool | None = None  #: by the kernel, as an agent at level `deny` is; None: nobody asked for it, or nobody knows


class IntegrationStarted(_Event, frozen=True, kw_only=True):
    """A result is about to be merged: the intent, before the branch moves."""

    task: str
    attempt: str
    commit: str
    onto: str


class MergeConflicted(_Event, frozen=True, kw_only=True):
    """A result could not be merged."""

    task: str
    agent: str
    attempt: str
    paths: list[str]


class Integrated(_Event, frozen=True, kw_only=True):
    """A result stands on the integration branch."""

    task: str
    attempt: str
    commit: str  #: the merge


class Merged(_Event, frozen=True, kw_only=True):
    """A person took the result of the run into a branch of theirs."""

    into: str
    commit: str


class Noticed(_Event, frozen=True, kw_only=True):
    """Something a person should know that changes nothing in the run."""

    text: str


class Notified(_Event, frozen=True, kw_only=True):
    """A person is told of something by ways outside of squad: written before it is done, so that nothing is told twice."""

    what: str  #: needs-you | finished | stopped-early
    about: str  #: a question, a task, or `run`
    of: int  #: number of the event that it tells of
    ways: list[str]  #: bell | desktop | command | webhook
    later: float | None = None  #: told when the quiet hours end, seconds since the epoch


Event: TypeAlias = (
    RunStarted
    | RunPaused
    | RunResumed
    | ProjectMoved
    | StopRequested
    | WorkPaused
    | WorkResumed
    | RunEnded
    | RunReopened
    | AttemptPrepared
    | AttemptStarted
    | OutputRead
    | AttemptEnded
    | ResultRefused
    | TaskDone
    | TaskFailed
    | TaskParked
    | TaskSkipped
    | TaskRevived
    | TaskRetried
    | TaskAdded
    | TaskReassigned
    | RestartOrdered
    | RemarkMade
    | RemarkTold
    | AttemptRecalled
    | RunScaled
    | AgentAdded
    | AgentLeft
    | AgentReported
    | ConversationKnown
    | ClaimMade
    | AgentBlocked
    | QuestionAsked
    | QuestionAnswered
    | QuestionTold
    | QuestionClosed
    | HandoffRequested
    | UsageReported
    | LockRequested
    | LockGranted
    | LockLent
    | LockReleased
    | LockRefused
    | AgentStalled
    | RungClimbed
    | LimitReached
    | ForeignChangeFound
    | AgentWarned
    | UnsureChangeFound
    | CheckEnded
    | IntegrationStarted
    | MergeConflicted
    | Integrated
    | Merged
    | Noticed
    | Notified
)

_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)
_encoder = msgspec.json.Encoder()


class Entry(msgspec.Struct, frozen=True):
    """An event with its place in the journal."""

    seq: int  #: 1, 2, 3 ... over all runs of the project
    at: float  #: seconds since the epoch, UTC
    run: str
    event: Event


#: Gives an event's JSON object, `type` first.
encode: Callable[[Event], bytes] = _encoder.encode


def storable(event: Event) -> Event:
    """Give an event that can be written down: bytes of file names that are no UTF-8 become visible escapes."""
    try:
        _encoder.encode(event)
    except UnicodeEncodeError:
        visible: Event = msgspec.convert(_visible(msgspec.to_builtins(event)), Event)
        return visible
    return event


def decode(body: bytes) -> Event:
    """Read an event back; raises msgspec.DecodeError."""
    return _decoder.decode(body)


def kind(event: Event) -> str:
    """Give the name by which the event is known outside."""
    return type(event).__name__


def kinds() -> tuple[str, ...]:
    """Give the names of all events, in the order of their definition."""
    return tuple(event.__name__ for event in get_args(Event))


def _visible(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, dict):
        return {_visible(key): _visible(item) for key, item in value.items()}
    return [_visible(item) for item in value] if isinstance(value, list) else value


def fields(event: Event) -> dict[str, Any]:
    """Give the event's fields by their outside names, without its type."""
    values: dict[str, Any] = msgspec.to_builtins(event)
    values.pop("type")
    return values
