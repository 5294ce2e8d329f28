"""Which commands of people hold locks or wait for them, and which of those were started under which.

Two commands of a person keep each other out as any two holders do: each has a name that no other living one has. What was
started under a command has what that one holds, and nothing else without asking for it. That is told by processes, as the
system names them and with the time of their start, and never by what a caller says.
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
    around: tuple["Command", ...] = ()  #: those under which it was started, the nearest first

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

    def name(self) -> AgentId:
        """Give a name that no living command has."""
        taken = set(self.holders())
        return next(name for number in count(1) if (name := AgentId(numbered(number))) not in taken)

    def around(self, pid: int | None) -> tuple[Command, ...]:
        """Give the commands under which a process was started, or which it is itself, the nearest first."""
        if pid is None or not self._living:
            return ()
        known: dict[int, list[Command]] = {}
        for command in self._living:
            for number in self._numbers(command):
                known.setdefault(number, []).append(command)
        found = [command for one in lineage(pid) for command in known.get(one, ())]
        return tuple(dict.fromkeys(outer for command in found for outer in (command, *command.around)))

    def lenders(self, command: Command) -> tuple[AgentId, ...]:
        """Give the holders whose locks are a command's too: those around it that still live."""
        return tuple(one.holder for one in command.around if one in self._living)

    def inside(self, holder: AgentId) -> tuple[AgentId, ...]:
        """Give the holders whose commands were started under a holder's: it ends after them."""
        return tuple(one.holder for one in self._living if any(outer.holder == holder for outer in one.around))

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

    def _numbers(self, command: Command) -> Iterator[int]:
        """Give the numbers of a command's processes; one that was given to another process since is not its own."""
        for process in command.processes():
            if identity(process.pid) == process:
                yield process.pid
