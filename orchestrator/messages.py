"""What agents say to squad, however they say it.

One vocabulary for all three ways (output lines, status pipe, socket). A message is what an agent claims; it becomes an
event only when the supervisor takes it in.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from orchestrator.model import Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Where the agent says it stands."""

    status: str | None = None  #: READY ACTIVE BLOCKED COMPLETE FAILED
    message: str = ""
    done: int | None = None
    total: int | None = None
    files: dict[str, str] = field(default_factory=dict)  #: path as written -> created | modified | deleted


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A claim: the task is done, or it failed."""

    ok: bool = True
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """The agent cannot go on without a path."""

    on: str
    meanwhile: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handoff:
    """Another agent should take over a file."""

    file: str
    to: str
    status: str = ""
    note: str = ""
    sender: str = ""  #: FROM as written; empty: the agent whose channel it came by


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A question."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What the agent consumed since its last report."""

    fresh: int = 0  #: tokens
    cached: int = 0  #: tokens
    output: int = 0  #: tokens
    money: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The provider's usage limit is reached."""

    until: float | None = None  #: seconds since the epoch at which it is lifted, if told
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversed:
    """The agent has begun a conversation of its own protocol, or taken it up again."""

    session: str  #: by which it can be resumed
    version: str = ""  #: of the agent's program


Message: TypeAlias = Status | Done | Blocked | Handoff | Ask | Usage | Limit | Conversed


# what only an agent says that is spoken to in its own protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """The agent asks before it does something, and waits for the answer."""

    request: str  #: the agent's own name for the question
    tool: str
    paths: tuple[str, ...] = ()  #: as the agent writes them
    operation: Operation
    command: str = ""  #: of a shell
    detail: str = ""  #: what else a person may want to know of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """The agent does not wait for the answer any more."""

    request: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrying:
    """The agent could not reach its model and tries again by itself."""

    error: str
    delay: float  #: seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the agent's protocol wants written back now, whatever squad decides."""

    line: bytes


class TurnEnd(StrEnum):
    """How a turn ended, by the agent's own structured account."""

    DONE = "done"  #: it has nothing more to do; a claim
    REFUSED = "refused"  #: everything it wanted to change was refused
    INTERRUPTED = "interrupted"  #: by squad; the conversation can go on
    TRANSIENT = "transient"  #: its model was out of reach; the same again may succeed
    LIMIT = "limit"  #: its account's limit
    AUTH = "auth"  #: it is not signed in
    PERMANENT = "permanent"  #: the same again fails again


@dataclass(frozen=True, slots=True, kw_only=True)
class Turned:
    """A turn is over: the agent waits for more, or for the end of its input."""

    outcome: TurnEnd
    reason: str = ""
    until: float | None = None  #: seconds since the epoch at which a limit is lifted, if told
    queued: int = 0  #: turns that follow by themselves, from what it was told meanwhile


Said: TypeAlias = Message | Permission | Withdrawn | Retrying | Reply | Turned
