"""What programs that are spoken with have in common: how they are found, JSON lines taken one by one, and a bounded memory.

A program of its own protocol derives from both and adds what only it knows; nothing here knows any of them.
"""

import shutil
from dataclasses import dataclass
from typing import TypeVar

from orchestrator.adapters.base import Conversation, Invocation, Order
from orchestrator.adapters.jsonlines import LONGEST, JsonLines, Object
from orchestrator.adapters.known import Known
from orchestrator.messages import Said

T = TypeVar("T")

#: The path of a change that names none: outside of every project, and so refused.
NOWHERE = ".."
_AT_ONCE = 64  #: more questions, or calls, than an agent ever has open


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program with a protocol of its own, which can be spoken to in mid-turn and whose turns can be interrupted."""

    known: Known
    command: tuple[str, ...]  #: how it is started, without what makes it speak
    model: str = ""  #: empty: the user's own choice

    @property
    def name(self) -> str:
        """Give the name by which the configuration calls it."""
        return self.known.name

    @property
    def nudges(self) -> bool:
        """What it is told in mid-turn reaches the model."""
        return True

    @property
    def interrupts(self) -> bool:
        """An interrupt ends the turn and not the conversation."""
        return True

    def missing(self, path: str) -> str | None:
        """Say that the program is not to be found."""
        if shutil.which(self.command[0], path=path) is None:
            return f"{self.command[0]!r} is not installed: {self.known.install}"
        return None

    @property
    def needs(self) -> tuple[str, ...]:
        """Name the variables of the user's environment that it signs in by; a star stands for any ending."""
        return self.known.needs

    def invoke(self, order: Order) -> Invocation:
        """Translate a task."""
        raise NotImplementedError

    def conversation(self, order: Order) -> Conversation:
        """Give what speaks with one process."""
        raise NotImplementedError


class Hearing:
    """Hears what one process prints, line by line."""

    def __init__(self, *, longest: int = LONGEST, plain: str = "") -> None:
        """Begin at the start of the process's output; with `plain` another line is heard too, under that one key."""
        self._lines = JsonLines(longest=longest, plain=plain)

    @property
    def held(self) -> int:
        """Give how many of the bytes fed last belong to a line that is not complete."""
        return self._lines.held

    def feed(self, chunk: bytes) -> list[Said]:
        """Give what the next bytes complete; never raises."""
        return [said for line in self._lines.feed(chunk) for said in self._line(line)]

    def finish(self) -> list[Said]:
        """Give what was left unfinished."""
        return [said for line in self._lines.finish() for said in self._line(line)]

    def _line(self, line: Object) -> list[Said]:
        """Give what one line says."""
        raise NotImplementedError


def keep(kept: dict[str, T], key: str, value: T) -> None:
    """Keep a value; of more than an agent ever has open at once, the oldest goes."""
    kept[key] = value
    if len(kept) > _AT_ONCE:
        kept.pop(next(iter(kept)))
