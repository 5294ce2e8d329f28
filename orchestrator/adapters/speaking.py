"""Any program that speaks squad's own protocol: JSON lines both ways.

Its stdin stays open. squad writes `task` first, then `granted` or `denied` for each path that it asks for, `tell`, and `stop`;
it prints what every agent may print, and before it writes a path

    {"type": "lock", "path": "src/a.py"}

What is refused comes with the reason. It has no turns: what it claims is final, and its end claims as any program's does.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from orchestrator.adapters.base import Invocation, Order
from orchestrator.adapters.command import CommandAdapter
from orchestrator.adapters.jsonlines import JsonLines, clean, word, write
from orchestrator.exchange.speech import LONGEST, Lines
from orchestrator.messages import Done, Message, Permission, Said, Turned, TurnEnd
from orchestrator.model import Operation

#: Whatever it claims, it says nothing after it that squad would have to answer.
_OVER = Turned(outcome=TurnEnd.DONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakingAdapter:
    """Starts a configured program and listens to it."""

    program: CommandAdapter
    name: str = "command"

    @property
    def nudges(self) -> bool:
        """It reads what squad says."""
        return True

    @property
    def interrupts(self) -> bool:
        """It has no turn that could be interrupted; `stop` is for good."""
        return False

    @property
    def needs(self) -> tuple[str, ...]:
        """Name the variables of the user's environment that the program needs."""
        return self.program.needs

    def missing(self, path: str) -> str | None:
        """Say that the program is not to be found."""
        return self.program.missing(path)

    def invoke(self, order: Order) -> Invocation:
        """Keep the program's stdin and say the task there, wherever else the prompt goes; a task's own command gets neither."""
        started = self.program.invoke(order)
        if order.task.command:
            return started
        return Invocation(argv=started.argv, stdin=_task(order), keep_stdin=True, files=started.files, exit_claims=True)

    def conversation(self, order: Order) -> "SpeakingConversation":  # noqa: ARG002 - all are alike
        """Give what speaks with one process."""
        return SpeakingConversation()


class SpeakingConversation:
    """Understands what one process prints, and words what is written to it."""

    def __init__(self) -> None:
        """Begin at the start of the process's output."""
        self._speech = Lines()
        self._asking = JsonLines(longest=LONGEST)
        self._numbers = count(1)
        self._asked: set[str] = set()

    @property
    def held(self) -> int:
        """Give the bytes since the unfinished line or block began."""
        return max(self._speech.held, self._asking.held)

    def feed(self, chunk: bytes) -> list[Said]:
        """Give what the next bytes complete; never raises."""
        asked = [said for line in self._asking.feed(chunk) for said in self._ask(line)]
        return [*asked, *_final(self._speech.feed(chunk))]

    def finish(self) -> list[Said]:
        """Give what was left unfinished."""
        asked = [said for line in self._asking.finish() for said in self._ask(line)]
        return [*asked, *_final(self._speech.finish())]

    def answer(self, permission: Permission, *, allow: bool, reason: str = "") -> bytes:
        """Word the answer to a question; empty for one that is not open."""
        if permission.request not in self._asked:
            return b""
        self._asked.remove(permission.request)
        said = {"type": "granted"} if allow else {"type": "denied", "reason": clean(reason)}
        return write({**said, "path": permission.paths[0]})

    def tell(self, text: str) -> bytes:
        """Say something to the program."""
        return write({"type": "tell", "text": clean(text)})

    def interrupt(self) -> bytes:
        """Ask it to come to its end."""
        return write({"type": "stop"})

    def _ask(self, line: dict[str, object]) -> list[Said]:
        path = word(line, "path")
        if line.get("type") != "lock" or not path:
            return []
        request = str(next(self._numbers))
        self._asked.add(request)
        return [Permission(request=request, tool="lock", paths=(path,), operation=Operation.WRITE)]


def _final(messages: Sequence[Message]) -> list[Said]:
    over = [_OVER] if any(isinstance(message, Done) for message in messages) else []
    return [*messages, *over]


def _task(order: Order) -> bytes:
    told = {
        "type": "task",
        "task": order.task.id,
        "title": order.task.title,
        "attempt": order.attempt,
        "writes": None if order.writes is None else list(order.writes),
        "prompt": order.prompt,
    }
    return json.dumps(told).encode() + b"\n"
