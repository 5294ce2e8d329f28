"""One turn of an agent program outside of a run: the same leash, the same adapter, the same talk as in an attempt.

Leaving `take_turn` means that nothing of the program is left. The raw log lies in the order's scratch folder.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import anyio.abc

from orchestrator.adapters import AnyAdapter, Conversing, Order, Reader
from orchestrator.adapters.spoken import spoken
from orchestrator.hearing.dialogue import Dialogue, Line, Permit
from orchestrator.leash import Ending, Gone, Leashed, LeashSpec, Output, StartFailed, Tail, start
from orchestrator.messages import Conversed, Message, Status, Turned

LOG = "output.log"
GRACE = 1.0  #: seconds between TERM and KILL
_LEAVE = 5.0  #: seconds that a program has to leave by itself after its last turn
_LOOKED_AT = 16 * 1024  #: bytes at the end of the log
MOST = 16 * 1024 * 1024  #: bytes; whoever prints more in one short turn never ends, and fills the disk


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a turn came to, as the program and its process told it."""

    turned: Turned | None = None  #: None: it told of no end of its turn, as plain commands never do
    version: str = ""
    has_begun: bool = False  #: it told of its conversation, so that it waits for its model and not for a person
    exit: int | None = None
    signal: str | None = None
    failure: str = ""  #: why it could not be started
    trying: str = ""  #: why it cannot reach its model, as long as it tries again
    last: str = ""  #: the last that it said; a stranger's text
    is_late: bool = False  #: the time was over before it had ended
    is_flood: bool = False  #: it printed more than `MOST`, and was ended


@dataclass(slots=True)
class _Hearing:
    """Hears one process out."""

    reader: Reader
    tail: Tail
    version: str = ""
    has_begun: bool = False
    trying: str = ""
    ending: Ending | None = None
    done: anyio.Event = field(default_factory=anyio.Event)

    async def follow(self, leashed: Leashed) -> None:
        """Read what the leash tells until everything is gone."""
        async for notice in leashed.notices():
            if isinstance(notice, Output):
                self._read(notice.log)
                if self.is_flood:
                    leashed.stop(GRACE)
            if isinstance(notice, Gone):
                self._read(notice.ending.log)
                self.ending = notice.ending

    @property
    def is_flood(self) -> bool:
        """Tell whether there is more than a turn can be about."""
        return self.tail.offset >= MOST

    def _read(self, upto: int) -> None:
        for chunk in self.tail.read(min(upto, MOST)):
            self._hear(self.reader.feed(chunk))

    def finish(self) -> None:
        """Take in what was not read yet, also of an unfinished line."""
        self._read(self.tail.size())
        self._hear(self.reader.finish())
        self.tail.close()

    def _hear(self, messages: Sequence[Message]) -> None:
        for message in messages:
            if isinstance(message, Conversed):
                self.has_begun, self.version = True, message.version or self.version
            if isinstance(message, Status) and message.message.startswith("cannot reach"):
                self.trying = message.message


async def take_turn(adapter: AnyAdapter, order: Order, *, environment: Mapping[str, str], permit: Permit, until: float) -> Told:
    """Let a program carry an order out, until the moment `until` at the latest."""
    invocation = adapter.invoke(order)
    order.scratch.mkdir(parents=True, exist_ok=True)
    for name, body in invocation.files.items():
        (order.scratch / name).write_bytes(body)
    log = order.scratch / LOG
    spec = LeashSpec(
        argv=invocation.argv,
        cwd=str(order.workspace),
        environment={**environment, **invocation.environment},
        log=log,
        mark=order.mark,
        stdin=invocation.stdin,
        keep_stdin=invocation.keep_stdin,
        grace=GRACE,
    )
    dialogue = _dialogue(adapter, order)
    hearing = _Hearing(dialogue if dialogue is not None else _plain(adapter), Tail(log))
    with anyio.CancelScope(deadline=until) as scope:
        try:
            async with start(spec) as leashed, anyio.create_task_group() as group:
                if dialogue is not None:
                    dialogue.begin(Line(leashed=leashed, group=group, agent=order.agent, permit=permit))
                    group.start_soon(_let_go, leashed, dialogue)
                await hearing.follow(leashed)
                group.cancel_scope.cancel()
        except StartFailed as error:
            return Told(failure=error.reason)
    hearing.finish()
    return _told(hearing, dialogue, last=last_words(log), is_late=scope.cancelled_caught)


def last_words(log: Path) -> str:
    """Give the last line of a log that says something to people."""
    try:
        with log.open("rb") as file:
            cut = max(0, log.stat().st_size - _LOOKED_AT)
            file.seek(cut)
            lines = file.read().decode("utf-8", "replace").splitlines()[1 if cut else 0 :]
    except OSError:
        return ""
    return next((said for line in reversed(lines) if (said := spoken(line).strip()) and not said.startswith("[turn ended")), "")


def _dialogue(adapter: AnyAdapter, order: Order) -> Dialogue | None:
    if not isinstance(adapter, Conversing):
        return None
    return Dialogue(adapter.conversation(order), workspace=order.workspace, has_claimed=lambda: False)


def _plain(adapter: AnyAdapter) -> Reader:
    assert not isinstance(adapter, Conversing)
    return adapter.reader()


async def _let_go(leashed: Leashed, dialogue: Dialogue) -> None:
    """End a program that does not leave after its last turn."""
    await dialogue.over.wait()
    await anyio.sleep(_LEAVE)
    leashed.stop(GRACE)


def _told(hearing: _Hearing, dialogue: Dialogue | None, *, last: str, is_late: bool) -> Told:
    ending = hearing.ending
    turned = dialogue.turned if dialogue is not None else None
    return Told(
        turned=turned,
        version=hearing.version,
        has_begun=hearing.has_begun,
        exit=ending.exit if ending else None,
        signal=ending.signal if ending else None,
        trying=hearing.trying,
        last=last,
        is_late=is_late and turned is None,
        is_flood=hearing.is_flood,
    )
