"""What agents and people ask for, and what squad makes of it.

The desk turns messages and requests into events and answers. It decides at once and without waiting; only a request
for a lock may be parked, and it is woken by whoever frees the path. Every answer about a path comes from one function,
`Rights.may`.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, TypeVar

import anyio
import anyio.lowlevel

from orchestrator import events as ev
from orchestrator import messages as msg
from orchestrator.asked import FAR, below_root, is_below, path_of, seconds
from orchestrator.claims import Claim, OutsideProject, canonical, key
from orchestrator.control.protocol import INTERNAL_ERROR, INVALID_PARAMS, METHOD_NOT_FOUND, Rejected
from orchestrator.control.server import Caller
from orchestrator.errors import JournalError
from orchestrator.events import Event
from orchestrator.inbox import Inbox
from orchestrator.locks import Denied, Freed, Grant, LockTable, Ticket
from orchestrator.model import AgentId, AttemptId, Operation, TaskId
from orchestrator.platform import real_relative
from orchestrator.recorder import Recorder
from orchestrator.rights import Allow, Deny, Rights
from orchestrator.speech import from_request

T = TypeVar("T")

_LONGEST_PURPOSE = 500  #: characters

#: What a request that only says something must name.
_WANTED: Mapping[str, tuple[str, ...]] = {
    "status": (),
    "progress": (),
    "file": ("path",),
    "blocked": ("on",),
    "handoff": ("file", "to"),
    "ask": ("text",),
    "usage": (),
    "done": (),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seated:
    """The task an agent is at."""

    task: TaskId
    attempt: AttemptId
    workspace: Path


class Lead(Protocol):
    """Who runs the run; what the desk may ask of it."""

    def stop(self, *, now: bool) -> None:
        """End the supervisor."""

    def heard(self, agent: AgentId) -> None:
        """Note that an agent showed life, and may have claimed something."""

    def renew(self) -> None:
        """Put off the expiry of locks by every sign of life that was seen of their holders."""

    def is_agents(self, pid: int | None) -> bool:
        """Tell whether a process belongs to an agent, whatever socket it speaks through."""


class Desk:
    """Takes in what agents say and ask, and what people ask for."""

    def __init__(
        self,
        recorder: Recorder,
        table: LockTable,
        rights: Rights,
        *,
        root: Path,
        lead: Lead,
        inbox: Inbox,
        limited: Callable[[AttemptId, float | None], Sequence[Event]],
    ) -> None:
        """Answer for one run; `limited` tells whom a usage limit holds that an attempt's agent has told of."""
        self._recorder = recorder
        self._table = table
        self._rights = rights
        self._root = root
        self._lead = lead
        self._inbox = inbox
        self._limited = limited
        self._seated: dict[AgentId, Seated] = {}
        self._parked: dict[int, anyio.Event] = {}
        self._methods: Mapping[str, Callable[[AgentId, Mapping[str, object]], Awaitable[object]]] = {
            "lock": self._lock,
            "unlock": self._unlock,
            "owns": self._owns,
            "me": self._me,
            "ask": self._ask,
        }

    def seat(self, agent: AgentId, seated: Seated) -> None:
        """Say which task the agent is at from now on."""
        self._seated[agent] = seated

    def leave(self, agent: AgentId) -> None:
        """Say that the agent is at no task any more."""
        self._seated.pop(agent, None)

    # messages

    def take(self, agent: AgentId, messages: Sequence[msg.Message]) -> list[Event]:
        """Turn what an agent said into the events it amounts to; what it says without a task is dropped."""
        seated = self._seated.get(agent)
        if seated is None:
            return []
        return [event for message in messages for event in self._events(agent, seated, message)]

    def _events(self, agent: AgentId, seated: Seated, message: msg.Message) -> list[Event]:
        task, attempt = seated.task, seated.attempt
        match message:
            case msg.Status():
                files = {path: change for raw, change in message.files.items() if (path := self._inside(seated, raw))}
                return [
                    ev.AgentReported(
                        agent=agent,
                        task=task,
                        status=message.status,
                        message=message.message,
                        done=message.done,
                        total=message.total,
                        files=files,
                    )
                ]
            case msg.Conversed(session=session, version=version):
                return [ev.ConversationKnown(agent=agent, task=task, attempt=attempt, session=session, version=version)]
            case msg.Done(ok=ok, note=note):
                return [ev.ClaimMade(agent=agent, task=task, attempt=attempt, done=ok, note=note)]
            case msg.Blocked(on=on, meanwhile=meanwhile):
                return [ev.AgentBlocked(agent=agent, task=task, on=on, meanwhile=meanwhile)]
            case msg.Handoff():
                file = self._inside(seated, message.file) or message.file
                return [
                    ev.HandoffRequested(
                        from_=message.sender or agent, to=message.to, file=file, status=message.status, note=message.note
                    )
                ]
            case msg.Ask(text=text):
                return self._inbox.take(agent, task, attempt, text)
            case msg.Usage():
                return [
                    ev.UsageReported(
                        agent=agent,
                        task=task,
                        attempt=attempt,
                        fresh=message.fresh,
                        cached=message.cached,
                        output=message.output,
                        money=message.money,
                    )
                ]
            case msg.Limit(until=until):
                return [*self._limited(attempt, until)]

    def _inside(self, seated: Seated, raw: str) -> str | None:
        try:
            return self._claim(seated, raw)
        except OutsideProject:
            return None

    def _claim(self, seated: Seated | None, raw: str) -> Claim:
        workspace = seated.workspace if seated else self._root
        roots = (str(workspace), str(self._root))
        return canonical(below_root(raw, roots), roots=roots, resolve=lambda path: real_relative(workspace, path))

    # requests

    async def answer(self, caller: Caller, method: str, params: Mapping[str, object]) -> object:
        """Answer a request; what an agent may ask for is less than what a person may.

        Raises:
            Rejected: With the reason that the caller reads; also for a bug, which is noted and ends nothing else.
            JournalError: Nothing can be recorded any more.
        """
        return await self._guarded(method, self._answer(caller, method, params))

    async def permit(self, agent: AgentId, paths: Sequence[str], operation: Operation) -> Allow | Deny:
        """Decide what an agent asks by a protocol of its own before it does it; a lock is waited for as long as it takes."""
        try:
            await self._guarded("permit", self._take_right(agent, paths, operation))
        except Rejected as refused:
            return Deny(reason=refused.reason)
        return Allow()

    async def inquire(self, agent: AgentId, asked: msg.Permission) -> Allow | Deny:
        """Let a person decide what an agent asks for by a protocol of its own, of which squad cannot tell what it would do."""
        try:
            seated = self._seat_of(agent)
            return await self._guarded("inquire", self._inbox.permit(agent, seated.task, seated.attempt, asked))
        except Rejected as refused:
            return Deny(reason=refused.reason)

    async def _guarded(self, method: str, answering: Awaitable[T]) -> T:
        try:
            return await answering
        except (Rejected, JournalError):
            raise
        except Exception as bug:
            text = f"a bug in squad: {method}: {type(bug).__name__}: {bug}"
            self._recorder.record(ev.Noticed(text=text))
            raise Rejected(text, code=INTERNAL_ERROR) from bug

    async def _answer(self, caller: Caller, method: str, params: Mapping[str, object]) -> object:
        if caller.agent is None:
            return self._person(caller, method, params)
        agent = AgentId(caller.agent)
        self._lead.heard(agent)
        if method in self._methods:
            return await self._methods[method](agent, params)
        message = self._said(agent, method, params)
        self._recorder.record(*self.take(agent, [message]))
        self._lead.heard(agent)
        return {"accepted": True}

    def _said(self, agent: AgentId, method: str, params: Mapping[str, object]) -> msg.Message:
        """Read what an agent says by a request; here, unlike in its output, what makes no sense is refused."""
        if method not in _WANTED:
            raise Rejected(f"unknown method {method!r}", code=METHOD_NOT_FOUND)
        self._seat_of(agent)
        missing = [name for name in _WANTED[method] if not isinstance(params.get(name), str) or not params[name]]
        message = from_request(method, params)
        if missing or message is None:
            raise Rejected(f"{method} wants {' and '.join(missing) or 'other params'}", code=INVALID_PARAMS)
        match message:
            case msg.Handoff(file=file, to=to):
                return replace(message, file=self._asked_path(agent, file), to=self._agent(to))
            case msg.Blocked(on=on):
                return replace(message, on=self._asked_path(agent, on))
            case msg.Status(files=files):
                return replace(message, files={self._asked_path(agent, path): change for path, change in files.items()})
        return message

    def _seat_of(self, agent: AgentId) -> Seated:
        if agent not in self._seated:
            raise Rejected(f"{agent} has no task now")
        return self._seated[agent]

    def _agent(self, named: str) -> AgentId:
        """Give the agent that is meant: by its id, else its role, else its label."""
        seats, name = self._recorder.plan.agents, named.casefold()
        fitting = [seat.id for wanted in ("id", "role", "label") for seat in seats if getattr(seat, wanted).casefold() == name]
        if not fitting:
            raise Rejected(f"there is no agent {named!r}; agents: {', '.join(seat.id for seat in seats)}")
        return fitting[0]

    def _person(self, caller: Caller, method: str, params: Mapping[str, object]) -> object:
        match method:
            case "answer" if self._lead.is_agents(caller.pid):
                raise Rejected("an agent may not answer questions: only a person may")
            case "answer":
                return self._inbox.answer(params)
            case "ping":
                return {"run": self._recorder.state.run}
            case "stop":
                self._lead.stop(now=params.get("now") is True)
                return {"stopping": True}
            case "unlock":
                return self.force(path_of(params.get("path")))
        raise Rejected(f"unknown method {method!r}", code=METHOD_NOT_FOUND)

    def force(self, path: str) -> object:
        """Free a path for a person: honoured when the lock is stale.

        Raises:
            Rejected: Nobody holds it, or its holder still shows life.
        """
        try:
            place = key(self._claim(None, path))
        except OutsideProject as error:
            raise Rejected(error.message) from error
        self._lead.renew()
        answer = self._table.force(place, now=self._recorder.clock())
        if isinstance(answer, Denied):
            raise Rejected(answer.reason)
        self.freed(answer, reason="forced")
        return {"released": [grant.path for grant in answer.released]}

    async def _ask(self, agent: AgentId, params: Mapping[str, object]) -> object:
        self._said(agent, "ask", params)
        seated, text = self._seat_of(agent), str(params["text"])
        return await self._inbox.ask(agent, seated.task, seated.attempt, text, wait=seconds(params.get("wait", 0)))

    async def _me(self, agent: AgentId, _params: Mapping[str, object]) -> object:
        status = self._recorder.state.agents[agent]
        held = [{"path": grant.path, "fence": grant.fence} for grant in self._table.grants() if grant.holder == agent]
        progress = {"done": status.done, "total": status.total}
        return {"agent": agent, "state": status.state, "task": status.task, "progress": progress, "locks": held}

    async def _owns(self, agent: AgentId, params: Mapping[str, object]) -> object:
        place = self._asked_path(agent, params.get("path"))
        owned = self._rights.owner(place)
        return {"path": place, "owners": list(owned.owners), "access": owned.access, "holder": owned.holder}

    async def _lock(self, agent: AgentId, params: Mapping[str, object]) -> object:
        self._seat_of(agent)
        place, wait = self._asked_path(agent, params.get("path")), seconds(params.get("wait", 0))
        answer = await self._obtain(agent, place, wait=wait, purpose=str(params.get("purpose") or "")[:_LONGEST_PURPOSE])
        return {"path": answer.path, "fence": answer.fence, "waited_s": round(answer.waited, 3)}

    async def _take_right(self, agent: AgentId, paths: Sequence[str], operation: Operation) -> None:
        """See to it that the agent may do it to all the paths: those outside its write set are locked one after another."""
        workspace = self._seat_of(agent).workspace
        for path in paths if operation is not Operation.READ else ():
            if not is_below(path, workspace):
                raise self._refused(path, agent, f"{path} lies outside of your workspace: write below {workspace}")
            place = self._asked_path(agent, path)
            if not self._rights.has(agent, place):
                await self._obtain(agent, place, wait=FAR, purpose=f"to {operation} it")

    async def _obtain(self, agent: AgentId, place: Claim, *, wait: float, purpose: str) -> Grant:
        """Lock a path for an agent, or refuse it with the reason; every refusal is recorded."""
        decision = self._rights.may(agent, place, Operation.WRITE)
        if isinstance(decision, Deny):
            hint = f"\n{decision.hint}" if decision.hint else ""
            raise self._refused(place, agent, decision.reason + hint)
        held = self._table.granted_to(agent, key(place))
        answer = self._table.request(agent, key(place), now=self._recorder.clock(), purpose=purpose, wait=wait > 0)
        if isinstance(answer, Denied):
            raise self._refused(place, agent, answer.reason)
        if isinstance(answer, Ticket):
            answer = await self._wait(answer, wait)
        elif held is None:
            self._recorder.record(granted_event(answer))
        return answer

    async def _wait(self, ticket: Ticket, seconds: float) -> Grant:
        """Wait until the path is handed over; whoever stops waiting, for whatever reason, leaves the queue."""
        woken = self._parked[ticket.number] = anyio.Event()
        asked = ev.LockRequested(path=ticket.path, holder=ticket.holder, purpose=ticket.purpose, ticket=ticket.number)
        self._recorder.record(asked)
        reason = f"{ticket.holder} does not wait for {ticket.path} any more: its connection ended"
        try:
            with anyio.move_on_after(seconds):
                await woken.wait()
            await anyio.lowlevel.checkpoint_if_cancelled()  # woken, but gone in the same moment
            reason = "" if woken.is_set() else self._busy(ticket, seconds)
        finally:
            del self._parked[ticket.number]
            if reason:
                self._give_up(ticket, reason)
        grant = self._table.granted_to(ticket.holder, ticket.path)
        if reason or grant is None:
            raise Rejected(reason or f"the attempt of {ticket.holder} has ended")
        return grant

    def _busy(self, ticket: Ticket, seconds: float) -> str:
        holder = self._table.holder_of(ticket.path, besides=ticket.holder)
        return f"{ticket.path} was not free within {seconds:g} s" + (f": held by {holder}" if holder else "")

    def _give_up(self, ticket: Ticket, reason: str) -> None:
        """Leave the queue; what was granted in the same moment to one who could not hear of it is given back."""
        now = self._recorder.clock()
        if ticket in self._table.waiting():
            freed = self._table.withdraw(ticket, now=now)
            self._recorder.record(self._no_more(ticket, reason))
            self.freed(freed, reason="")
        elif (grant := self._table.granted_to(ticket.holder, ticket.path)) and grant.ticket == ticket.number:
            self.freed(self._table.release(ticket.holder, ticket.path, now=now), reason="withdrawn")

    def _no_more(self, ticket: Ticket, reason: str) -> ev.LockRefused:
        return ev.LockRefused(path=ticket.path, holder=ticket.holder, reason=reason, ticket=ticket.number)

    async def _unlock(self, agent: AgentId, params: Mapping[str, object]) -> object:
        seated = self._seat_of(agent)
        place = key(self._asked_path(agent, params.get("path")))
        freed = self._table.release(agent, place, now=self._recorder.clock())
        if not freed.released:
            is_declared = self._table.granted_to(agent, place) is not None
            kept = f"{place} is declared by {seated.task}: it stays locked until the task has ended"
            raise Rejected(kept if is_declared else f"{agent} holds no lock on {place}")
        self.freed(freed, reason="unlocked")
        return {"released": [grant.path for grant in freed.released]}

    def freed(self, freed: Freed, *, reason: str) -> None:
        """Record what was freed and who holds it now, and wake those who waited for it."""
        gone: list[Event] = [
            ev.LockReleased(path=grant.path, holder=grant.holder, fence=grant.fence, reason=reason) for grant in freed.released
        ]
        dropped = [self._no_more(ticket, f"the attempt of {ticket.holder} has ended") for ticket in freed.dropped]
        self._recorder.record(*gone, *dropped, *map(granted_event, freed.granted))
        waiting = {ticket.number for ticket in self._table.waiting()}
        for number, woken in self._parked.items():
            if number not in waiting:
                woken.set()

    def _asked_path(self, agent: AgentId, asked: object) -> Claim:
        path = path_of(asked)
        try:
            return self._claim(self._seated.get(agent), path)
        except OutsideProject as error:
            raise self._refused(path, agent, error.message) from error

    def _refused(self, path: str, agent: AgentId, reason: str) -> Rejected:
        self._recorder.record(ev.LockRefused(path=path, holder=agent, reason=reason))
        return Rejected(reason)


def granted_event(grant: Grant) -> ev.LockGranted:
    """Give the event that tells of a grant."""
    return ev.LockGranted(
        path=grant.path,
        holder=grant.holder,
        fence=grant.fence,
        waited_s=round(grant.waited, 6),
        purpose=grant.purpose,
        declared=grant.declared,
        expires_at=datetime.fromtimestamp(grant.expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
