"""What squad knows about one agent program.

An adapter is a pure translation: a task into an invocation, bytes into messages, a decision into bytes. It starts
nothing, reads no clock, and keeps no state beyond its readers, so it can be tested on recorded streams alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeAlias, runtime_checkable

from orchestrator.claims import Claim
from orchestrator.messages import Message, Permission, Said
from orchestrator.model import AgentId, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """How the server is started that offers squad's requests to a program as tools of MCP, under the name `squad`."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]  #: also of the program itself; holds a secret, and so never stands on a command line


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A task as it is handed to an agent."""

    task: Task
    agent: AgentId
    role: str
    attempt: int  #: 1 for the first
    workspace: Path
    prompt: str
    area: tuple[Claim, ...]
    writes: tuple[Claim, ...] | None
    scratch: Path  #: a private folder for this attempt; made only if the invocation has files
    mark: str = ""  #: names the attempt among those of all runs, also of runs whose journal is gone; always the same
    conversation: str = ""  #: of the attempt before, as the agent called it; to be resumed
    tools: Tools | None = None  #: squad's own; None: there are none


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """How an agent's program is started for an order."""

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    stdin: bytes | None = None  #: None: nothing to read
    keep_stdin: bool = False
    files: Mapping[str, bytes] = field(default_factory=dict)  #: name below the order's scratch folder -> content
    exit_claims: bool = False  #: exit 0 claims done


class Reader(Protocol):
    """Understands what one agent prints."""

    @property
    def held(self) -> int:
        """Give how many of the bytes fed last are not understood yet, because their line is not complete."""

    def feed(self, chunk: bytes) -> list[Message]:
        """Give the messages that the next bytes complete; never raises."""

    def finish(self) -> list[Message]:
        """Give what was left unfinished."""


class Conversation(Protocol):
    """Speaks one process's own protocol: understands what it prints, and words what is written to its stdin."""

    @property
    def held(self) -> int:
        """Give how many of the bytes fed last are not understood yet, because their line is not complete."""

    def feed(self, chunk: bytes) -> list[Said]:
        """Give what the next bytes complete; never raises."""

    def finish(self) -> list[Said]:
        """Give what was left unfinished."""

    def answer(self, permission: Permission, *, allow: bool, reason: str = "") -> bytes:
        """Word the answer to a question; empty for one that is not open."""

    def tell(self, text: str) -> bytes:
        """Say something to the model: at once in mid-turn, else as the next turn."""

    def interrupt(self) -> bytes:
        """End the turn and not the conversation."""


class Adapter(Protocol):
    """One agent program."""

    @property
    def name(self) -> str:
        """Give the name by which the configuration calls it."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Name the variables of the user's environment that the program needs, such as those of its sign-in."""

    @property
    def nudges(self) -> bool:
        """Tell whether a working agent can be spoken to."""

    @property
    def interrupts(self) -> bool:
        """Tell whether an interrupt leaves the agent able to go on."""

    def missing(self, path: str) -> str | None:
        """Say why the program cannot be started with this PATH, and what helps; None if it can."""

    def invoke(self, order: Order) -> Invocation:
        """Translate a task."""

    def reader(self) -> Reader:
        """Give a fresh reader for the output of one attempt."""

    def tell(self, text: str) -> bytes:
        """Give what is written to the agent's stdin to say something to it; empty if it cannot be spoken to."""


@runtime_checkable
class Conversing(Protocol):
    """An agent program that is spoken with in its own protocol."""

    @property
    def name(self) -> str:
        """Give the name by which the configuration calls it."""

    @property
    def nudges(self) -> bool:
        """Tell whether a working agent can be spoken to."""

    @property
    def interrupts(self) -> bool:
        """Tell whether an interrupt leaves the agent able to go on."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Name the variables of the user's environment that the program needs; a star stands for any ending."""

    def missing(self, path: str) -> str | None:
        """Say why the program cannot be started with this PATH, and what helps; None if it can."""

    def invoke(self, order: Order) -> Invocation:
        """Translate a task."""

    def conversation(self, order: Order) -> Conversation:
        """Give what speaks with one process."""


AnyAdapter: TypeAlias = Adapter | Conversing
