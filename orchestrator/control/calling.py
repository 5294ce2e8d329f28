"""Who calls over a socket, and what an answer may be: at once, later, or something that lasts as long as the call.

What stands here waits for nothing and holds nothing open; the server does.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Line:
    """The connection over which somebody asks, for what is to last as long as it does."""

    start: Callable[[Callable[[], Awaitable[object]]], None]  #: lets something be done beside; nothing once nobody listens
    at_end: list[Callable[[], None]] = field(default_factory=list)  #: called when the connection has ended


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks."""

    agent: str | None  #: None: a person
    pid: int | None = None  #: of the process that asks, where the system tells it
    line: Line | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Later:
    """An answer that takes time."""

    come: Callable[[], Awaitable[object]]  #: gives it; raises Rejected
