"""What agents and people ask for, and what squad makes of it.

The desk turns messages and requests into events and answers. It decides at once and without waiting; only a request
for a lock may be parked, and it is woken by whoever frees the path. Every answer about a path comes from one function,
`Rights.may`.
"""

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import anyio

from orchestrator import events as ev
from orchestrator import messages as msg
from orchestrator.claims import Claim, OutsideProject, canonical, key
from orchestrator.control.protocol import Rejected
from orchestrator.control.server import Caller
from orchestrator.events import Event
from orchestrator.locks import Denied, Grant, LockTable, Ticket
from orchestrator.model import AgentId, AttemptId, Operation, TaskId
from orchestrator.platform import real_relative
from orchestrator.recorder import Recorder
from orchestrator.rights import Deny, Rights
from orchestrator.speech import from_request

_UNATTENDED = "nobody answers now: decide yourself, write down your assumption, and go on"
_FAR = 365 * 86400.0


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


class Desk:
    """Takes in what agents say and ask, and what people ask for."""

    def __init__(self, recorder: Recorder, table: LockTable, rights: Rights, *, root: Path, lead: Lead) -> None:
        """Answer for one run."""
        self._recorder = recorder
        self._table = table
        self._rights = rights
        self._root = root
        self._lead = lead
        self._seated: dict[AgentId, Seated] = {}
        self._parked: dict[int, anyio.Event] = {}
        self._methods: Mapping[str, Callable[[AgentId, Mapping[str, object]], Awaitable[object]]] = {
            "lock": self._lock,
            "unlock": self._unlock,
            "owns": self._owns,
            "me": self._me,
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
                return [ev.AgentAsked(agent=agent, task=task, text=text, answer=_UNATTENDED)]
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
                return [ev.LimitReached(limit="usage", agent=agent, until=until)]

    def _inside(self, seated: Seated, raw: str) -> str | None:
        try:
            return self._claim(seated, raw)
        except OutsideProject:
            return None

    def _claim(self, seated: Seated | None, raw: str) -> Claim:
        workspace = seated.workspace if seated else self._root
        return canonical(raw, roots=(str(workspace), str(self._root)), resolve=lambda path: real_relative(workspace, path))

    # requests

    async def answer(self, caller: Caller, method: str, params: Mapping[str, object]) -> object:
        """Answer a request; what an agent may ask for is less than what a person may.

        Raises:
            Rejected: With the reason that the caller reads.
        """
        if caller.agent is None:
            return self._person(method, params)
        agent = AgentId(caller.agent)
        self._lead.heard(agent)
        if method in self._methods:
            return await self._methods[method](agent, params)
        message = from_request(method, params)
        if message is None:
            raise Rejected(f"unknown method {method!r}")
        if agent not in self._seated:
            raise Rejected(f"{agent} has no task now")
        self._recorder.record(*self.take(agent, [message]))
        self._lead.heard(agent)
        return {"accepted": True, **({"answer": _UNATTENDED} if isinstance(message, msg.Ask) else {})}

    def _person(self, method: str, params: Mapping[str, object]) -> object:
        match method:
            case "ping":
                return {"run": self._recorder.state.run}
            case "stop":
                self._lead.stop(now=params.get("now") is True)
                return {"stopping": True}
            case "unlock":
                return self.force(str(params.get("path", "")))
        raise Rejected(f"unknown method {method!r}")

    def force(self, path: str) -> object:
        """Free a path for a person: honoured when the lock is stale.

        Raises:
            Rejected: Nobody holds it, or its holder still shows life.
        """
        try:
            place = key(self._claim(None, path))
        except OutsideProject as error:
            raise Rejected(error.message) from error
        answer = self._table.force(place, now=self._recorder.clock())
        if isinstance(answer, Denied):
            raise Rejected(answer.reason)
        released, granted = answer
        self.freed(released, granted, reason="forced")
        return {"released": [grant.path for grant in released]}

    async def _me(self, agent: AgentId, _params: Mapping[str, object]) -> object:
        status = self._recorder.state.agents[agent]
        held = [{"path": grant.path, "fence": grant.fence} for grant in self._table.grants() if grant.holder == agent]
        progress = {"done": status.done, "total": status.total}
        return {"agent": agent, "state": status.state, "task": status.task, "progress": progress, "locks": held}

    async def _owns(self, agent: AgentId, params: Mapping[str, object]) -> object:
        place = self._asked_path(agent, params)
        owned = self._rights.owner(place)
        return {"path": place, "owners": list(owned.owners), "access": owned.access, "holder": owned.holder}

    async def _lock(self, agent: AgentId, params: Mapping[str, object]) -> object:
        place, purpose = self._asked_path(agent, params), str(params.get("purpose") or "")
        decision = self._rights.may(agent, place, Operation.WRITE)
        if isinstance(decision, Deny):
            hint = f"\n{decision.hint}" if decision.hint else ""
            raise self._refused(place, agent, decision.reason + hint)
        wait = _seconds(params.get("wait"))
        answer = self._table.request(agent, key(place), now=self._recorder.clock(), purpose=purpose, wait=wait > 0)
        if isinstance(answer, Denied):
            raise self._refused(place, agent, answer.reason)
        if isinstance(answer, Ticket):
            answer = await self._wait(answer, wait)
        else:
            self._recorder.record(granted_event(answer))
        return {"path": answer.path, "fence": answer.fence, "waited_s": round(answer.waited, 3)}

    async def _wait(self, ticket: Ticket, seconds: float) -> Grant:
        """Wait until the path is handed over; whoever stops waiting, for whatever reason, leaves the queue."""
        woken = self._parked[ticket.number] = anyio.Event()
        self._recorder.record(ev.LockRequested(path=ticket.path, holder=ticket.holder, purpose=ticket.purpose))
        try:
            with anyio.move_on_after(min(seconds, _FAR)):
                await woken.wait()
        finally:
            del self._parked[ticket.number]
            if not woken.is_set():
                self._withdraw(ticket, seconds)
        if not woken.is_set():
            raise Rejected(self._busy(ticket.path, seconds))
        return next(grant for grant in self._table.grants() if (grant.holder, grant.path) == (ticket.holder, ticket.path))

    def _busy(self, path: str, seconds: float) -> str:
        holder = self._table.holder_of(path)
        return f"{path} was not free within {seconds:g} s" + (f": held by {holder}" if holder else "")

    def _withdraw(self, ticket: Ticket, seconds: float) -> None:
        reason = self._busy(ticket.path, seconds)
        granted = self._table.withdraw(ticket, now=self._recorder.clock())
        self._recorder.record(ev.LockRefused(path=ticket.path, holder=ticket.holder, reason=reason))
        self.freed((), granted, reason="")

    async def _unlock(self, agent: AgentId, params: Mapping[str, object]) -> object:
        place = key(self._asked_path(agent, params))
        released, granted = self._table.release(agent, place, now=self._recorder.clock())
        if not released:
            raise Rejected(f"{agent} holds no lock on {place} that it asked for")
        self.freed(released, granted, reason="unlocked")
        return {"released": [grant.path for grant in released]}

    def freed(self, released: Sequence[Grant], granted: Sequence[Grant], *, reason: str) -> None:
        """Record what was freed and who holds it now, and wake those who waited for it."""
        gone: list[Event] = [
            ev.LockReleased(path=grant.path, holder=grant.holder, fence=grant.fence, reason=reason) for grant in released
        ]
        self._recorder.record(*gone, *map(granted_event, granted))
        for grant in granted:
            if grant.ticket is not None and grant.ticket in self._parked:
                self._parked[grant.ticket].set()

    def _asked_path(self, agent: AgentId, params: Mapping[str, object]) -> Claim:
        path = params.get("path")
        if not isinstance(path, str) or not path:
            raise Rejected("expected a path: {'path': 'shared/types.ts'}")
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
    )


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        return 0.0
    return max(0.0, float(value))
