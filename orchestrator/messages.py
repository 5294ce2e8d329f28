"""What agents say to squad, however they say it.

One vocabulary for all three ways (output lines, status pipe, socket). A message is what an agent claims; it becomes an
event only when the supervisor takes it in.
"""

from dataclasses import dataclass, field
from typing import TypeAlias


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


Message: TypeAlias = Status | Done | Blocked | Handoff | Ask | Usage | Limit
