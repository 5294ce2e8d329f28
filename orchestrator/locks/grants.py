"""What comes and goes at the lock table: grants, requests that wait, and what is answered. All of it is a value."""

import msgspec

from orchestrator.model import AgentId


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """The right of one agent to one key."""

    path: str
    holder: AgentId
    fence: int  #: grows with each grant; a late write with an older number is refused
    since: float  #: seconds since the epoch
    expires: float  #: stale from then on, unless renewed by a sign of life
    waited: float = 0.0  #: seconds between asking and granting
    purpose: str = ""
    declared: bool = False  #: by the task, before its start
    ticket: int | None = None  #: the waiting request it answers


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """A request that waits."""

    number: int
    path: str
    holder: AgentId  #: who asks
    since: float
    purpose: str = ""


class Denied(msgspec.Struct, frozen=True, kw_only=True):
    """A refused request."""

    path: str
    holder: AgentId | None  #: who stands in the way
    reason: str
    is_circle: bool = False  #: waiting would never end


class Blocked(msgspec.Struct, frozen=True, kw_only=True):
    """Why a declaration cannot be granted now."""

    path: str
    holders: tuple[AgentId, ...]


class Freed(msgspec.Struct, frozen=True, kw_only=True):
    """What became of grants and waiting requests in one step."""

    released: tuple[Grant, ...] = ()
    granted: tuple[Grant, ...] = ()  #: thereby, to those who waited
    dropped: tuple[Ticket, ...] = ()  #: requests of an agent that has ended
    answered: tuple[int, ...] = ()  #: requests that wait no more, by their numbers: by a grant of their own or an equal one
