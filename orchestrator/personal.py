"""Which commands of people hold locks or wait for them, and which of those are one holder.

Two commands of a person keep each other out as any two holders do: each has a name that no other living one has. Only what
was started under a command is one holder with it. That is told by processes, as the system names them and with the time of
their start, and never by what a caller says.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from orchestrator.model import AgentId
from orchestrator.persons import numbered
from orchestrator.platform import Identity, identity, lineage

_LONGEST = 60  #: characters of a purpose that are told


@dataclass(slots=True, eq=False)
class Command:
    """A command of a person's that holds something, or waits for it."""

    holder: AgentId
    purpose: str
    starter: Identity | None  #: the `squad with-lock` that asked, where the system tells it
    process: Identity | None = None  #: the command itself, once it runs

    def processes(self) -> tuple[Identity, ...]:
        """Give its processes, as far as they are known."""
        return tuple(one for one in (self.starter, self.process) if one is not None)


class Commands:
    """The commands of people under one supervisor."""

    def __init__(self) -> None:
        """Begin with none."""
        self._living: dict[Command, None] = {}  #: oldest first

    def begin(self, command: Command) -> Command:
        """Take one in that asks for something."""
        self._living[command] = None
        return command

    def end(self, command: Command) -> None:
        """Forget one that holds nothing any more; it may be forgotten already."""
        self._living.pop(command, None)

    def holder(self, pid: int | None) -> AgentId:
        """Give as whom a process asks: as the command under which it was started, else as nobody who is there already."""
        if (within := self.within(pid)) is not None:
            return within
        taken = set(self.holders())
        return next(name for number in count(1) if (name := AgentId(numbered(number))) not in taken)

    def within(self, pid: int | None) -> AgentId | None:
        """Give the holder under whose command a process was started, or which it is itself."""
        living = dict(self._processes()) if self._living and pid is not None else {}
        return next((living[one] for one in lineage(pid) if one in living), None) if living and pid is not None else None

    def holders(self) -> tuple[AgentId, ...]:
        """Give all holders."""
        return tuple(dict.fromkeys(command.holder for command in self._living))

    def told(self, holder: AgentId) -> str:
        """Name a holder's command for a person, who can look at its process."""
        command = next((one for one in self._living if one.holder == holder), None)
        if command is None:
            return "a command of yours"
        purpose = " ".join(command.purpose.split())[:_LONGEST]
        process = command.process or command.starter
        known = ", ".join([*([purpose] if purpose else []), *([f"process {process.pid}"] if process else [])])
        return f"a command of yours ({known})" if known else "a command of yours"

    def _processes(self) -> Iterator[tuple[int, AgentId]]:
        """Give whose process a number is; one that was given to another process since is nobody's."""
        for command in self._living:
            for process in command.processes():
                if identity(process.pid) == process:
                    yield process.pid, command.holder
