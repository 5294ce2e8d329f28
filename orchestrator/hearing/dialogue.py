"""Squad's side of the talk with an agent that is spoken with in its own protocol.

Each question of the agent is decided in a task of its own, so that one that waits for a lock holds nothing else up, and ends
with the attempt. What cannot be decided, because deciding fails or takes too long, is refused. The talk is over when a turn
has ended, no other follows by itself, and squad has nothing more to say: only then is the agent's stdin closed. As long as
nobody listens, as before the process is there or when what a dead supervisor left is read, everything is understood and
nothing is said.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import anyio
import anyio.abc

from orchestrator.adapters import Conversation
from orchestrator.errors import JournalError
from orchestrator.leash import Leashed
from orchestrator.messages import Ask, Done, Limit, Message, Permission, Reply, Retrying, Said, Status, Turned, TurnEnd, Withdrawn
from orchestrator.model import AgentId, Operation
from orchestrator.refusals import worded
from orchestrator.rights import Allow, Deny

#: Decides what an agent asks before it does it; comes back when the locks are held, or with the reason why not.
Permit = Callable[[AgentId, tuple[str, ...], Operation], Awaitable[Allow | Deny]]
#: Has a person decide what nothing but the name of a tool is known of.
Inquire = Callable[[AgentId, Permission], Awaitable[Allow | Deny]]


#: Seconds after which an edit that waits is refused: what it waits for, no program gives up before.
PATIENCE = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What an agent has asked a person, as far as the end of its turn depends on it."""

    is_open: Callable[[], bool] = lambda: False  #: an answer is still to come
    owed: Callable[[], str] = lambda: ""  #: gives what is to be told at once; it counts as told from then on


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What leads to a living agent."""

    leashed: Leashed
    group: anyio.abc.TaskGroup  #: of the attempt
    agent: AgentId
    permit: Permit
    inquire: Inquire | None = None  #: None: nobody can be asked
    has_tools: bool = False  #: the model has squad's own
    patience: float = PATIENCE  #: seconds in which a question is answered


class Dialogue:
    """Reads what one process says, and answers it."""

    def __init__(
        self,
        conversation: Conversation,
        *,
        workspace: Path,
        has_claimed: Callable[[], bool],
        asking: Asking | None = None,
    ) -> None:
        """Begin at the start of the process's output; `has_claimed` tells whether the agent spoke of its end by another way."""
        self.turned: Turned | None = None  #: how the turn ended that was the last
        self.left_asking = False  #: it ended with a question, and claims nothing
        self.over = anyio.Event()
        self._conversation = conversation
        self._workspace = workspace
        self._has_claimed = has_claimed
        self._asking = asking or Asking()
        self._has_just_asked = False  #: in what was fed last, so that it is not taken in yet
        self._late: list[Turned] = []  #: ends of turns that depend on it
        self._claims_itself = False  #: in its output; the same bytes may end its turn
        self._line: Line | None = None
        self._deciding: dict[str, anyio.CancelScope] = {}  #: request -> the wait for its answer
        self._is_interrupted = False
        self._then = ""  #: said when the turn that squad interrupts has ended

    @property
    def held(self) -> int:
        """Give how many of the bytes fed last are not understood yet, because their line is not complete."""
        return self._conversation.held

    def feed(self, chunk: bytes) -> list[Message]:
        """Give what the next bytes say to squad; what belongs to the talk itself is dealt with here."""
        self._has_just_asked = False
        return [message for said in self._conversation.feed(chunk) for message in self._take(said)]

    def settle(self) -> list[Message]:
        """Give what the ends of turns amount to that had to wait until a question before them was taken in."""
        late, self._late = self._late, []
        return [message for turned in late for message in self._turn(turned)]

    def finish(self) -> list[Message]:
        """Give what was left unfinished."""
        self._has_just_asked = False
        return [message for said in self._conversation.finish() for message in self._take(said)]

    def begin(self, line: Line) -> None:
        """Answer from now on."""
        self._line = line

    def tell(self, text: str) -> bool:
        """Say something to the model; tell whether it can hear it."""
        if self._line is None or self.over.is_set():
            return False
        self._say(self._conversation.tell(text))
        return True

    def interrupt(self, *, then: str = "") -> bool:
        """End the turn under way and go on with `then`, or end the talk with it; tell whether there was a turn to interrupt."""
        if self._line is None or self._is_interrupted or self.over.is_set():
            return False
        self._is_interrupted, self._then = True, then
        self._say(self._conversation.interrupt())
        return True

    def _take(self, said: Said) -> list[Message]:
        match said:
            case Permission():
                self._begin_to_decide(said)
            case Withdrawn(request=request):
                if request in self._deciding:
                    self._deciding[request].cancel()
            case Reply(line=line):
                self._say(line)
            case Retrying(error=error):
                return [Status(message=f"cannot reach its model, tries again: {error}")]
            case Turned() if self._has_just_asked:
                self._late.append(said)
            case Turned():
                return self._turn(said)
            case _:
                self._claims_itself = self._claims_itself or isinstance(said, Done)
                self._has_just_asked = self._has_just_asked or isinstance(said, Ask)
                return [said]
        return []

    def _turn(self, turned: Turned) -> list[Message]:
        """Go on after a turn, or end the talk; give what it amounts to as a claim."""
        then, self._then = self._then, ""
        if self._is_interrupted and then:
            self._is_interrupted = False
            self.tell(then)
            return []
        if turned.queued and not self._is_interrupted:
            return []
        if not self._is_interrupted and self._goes_on(turned):
            return []
        self.turned = turned
        self.over.set()
        if self._line is not None:
            self._line.leashed.close_stdin()
        return self._claims(turned)

    def _goes_on(self, turned: Turned) -> bool:
        """Tell an agent that has nothing more to do what it is owed, and so begin another turn."""
        if turned.outcome not in {TurnEnd.DONE, TurnEnd.REFUSED} or self._line is None:
            return False
        owed = "" if self._claims_itself or self._has_claimed() else self._asking.owed()
        return bool(owed) and self.tell(owed)

    def _claims(self, turned: Turned) -> list[Message]:
        match turned.outcome:
            case TurnEnd.DONE | TurnEnd.REFUSED if self._asking.is_open():
                self.left_asking = not (self._claims_itself or self._has_claimed())
                return []  # it waits for a person, and says neither that it is done nor that it failed
            case TurnEnd.DONE if not (self._claims_itself or self._has_claimed()):
                return [Done(note=turned.reason)]
            case TurnEnd.REFUSED:
                return [Done(ok=False, note=turned.reason.replace(f"{self._workspace}/", ""))]
            case TurnEnd.LIMIT:
                return [Limit(until=turned.until, text=turned.reason)]
        return []

    def _begin_to_decide(self, asked: Permission) -> None:
        if self._line is not None:
            scope = self._deciding[asked.request] = anyio.CancelScope()
            self._line.group.start_soon(self._decide, asked, scope, self._line)

    async def _decide(self, asked: Permission, scope: anyio.CancelScope, line: Line) -> None:
        """Answer a question; one that is withdrawn meanwhile needs no answer."""
        with scope:
            decision = await _decided(asked, line)
            self._say(self._conversation.answer(asked, allow=isinstance(decision, Allow), reason=_reason(decision, line)))
        self._deciding.pop(asked.request, None)

    def _say(self, data: bytes) -> None:
        if self._line is not None and data:
            self._line.leashed.send(data)


def _reason(decision: Allow | Deny, line: Line) -> str:
    return worded(decision.reason, decision.advice, tools=line.has_tools) if isinstance(decision, Deny) else ""


async def _decided(asked: Permission, line: Line) -> Allow | Deny:
    """Decide in any case: what fails, or takes longer than anybody waits, is a refusal with its reason, and never silence."""
    try:
        with anyio.fail_after(line.patience):
            return await _decision(asked, line)
    except TimeoutError:
        return Deny(reason=f"nothing was decided about {asked.tool} within {line.patience:g} s: do something else first")
    except JournalError:
        raise
    except Exception as bug:  # noqa: BLE001 - an agent that is not answered waits for ever
        return Deny(reason=f"a bug in squad, so it is refused: {type(bug).__name__}: {bug}")


async def _decision(asked: Permission, line: Line) -> Allow | Deny:
    """Decide: a shell's command tells no paths, so what it wrote is looked at afterwards; what tells nothing a person decides."""
    if asked.operation is Operation.READ or (asked.command and not asked.paths):
        return Allow()
    if not asked.paths and line.inquire is not None:
        return await line.inquire(line.agent, asked)
    if not asked.paths:
        return Deny(reason=f"squad cannot tell what {asked.tool} would do, and nobody is there to be asked: do without it")
    return await line.permit(line.agent, asked.paths, asked.operation)
