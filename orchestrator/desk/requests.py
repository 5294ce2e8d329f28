"""What agents and people ask for, and what squad makes of it.

The desk turns messages and requests into events and answers, at once and without waiting. What concerns locks goes to
the lock desk; what only a person can answer goes to the inbox.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from orchestrator import events as ev
from orchestrator import messages as msg
from orchestrator.control.protocol import INTERNAL_ERROR, INVALID_PARAMS, METHOD_NOT_FOUND, Rejected
from orchestrator.control.server import Caller, Later
from orchestrator.desk.asked import denied, path_of, seconds
from orchestrator.desk.inbox import Inbox
from orchestrator.desk.loans import Loans
from orchestrator.desk.lockdesk import Doors, LockDesk
from orchestrator.desk.seats import Seated, Seats
from orchestrator.desk.steering import Order
from orchestrator.errors import JournalError
from orchestrator.events import Event
from orchestrator.exchange.speech import from_request
from orchestrator.journal.recorder import Recorder
from orchestrator.locks import LockTable
from orchestrator.model import AgentId, AttemptId, Operation
from orchestrator.rights import Allow, Deny, Rights

T = TypeVar("T")
#: What an agent reads that asks for it through the socket of people.
_ONLY_PERSONS: Mapping[str, str] = {
    "answer": "an agent may not answer questions: only a person may",
    "stop": "an agent may not stop the run: only a person may",
    "unlock": "an agent may not take a lock away: only a person may; what it holds itself it gives back with squad agent unlock",
    "running": "an agent has no command here",
    "hold": "an agent locks through its own socket: start it with AGENT_ID and SQUAD_SOCKET",
}

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


class Lead(Protocol):
    """Who runs the run; what the desk may ask of it."""

    orders: Mapping[str, Order]  #: what a person may order besides, by name

    def stop(self, *, now: bool, kill: bool = False) -> None:
        """End the supervisor."""

    def heard(self, agent: AgentId) -> None:
        """Note that an agent showed life."""

    def heed(self, agent: AgentId) -> None:
        """Take up what an agent has claimed, and that it asks in vain."""

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
        doors: Doors | None = None,
    ) -> None:
        """Answer for one run; `limited` tells whom a usage limit holds that an attempt's agent has told of."""
        self._recorder = recorder
        self._table = table
        self._lead = lead
        self._inbox = inbox
        self._limited = limited
        self._seats = Seats(root)
        self.locks = LockDesk(recorder, table, rights, self._seats, doors, heed=lead.heed)
        self.loans = Loans(self.locks)
        self._methods: Mapping[str, Callable[[AgentId, Mapping[str, object]], object]] = {
            "lock": self.loans.lock,
            "unlock": self.loans.unlock,
            "owns": self.locks.owns,
            "me": self._me,
            "ask": self._ask,
        }

    def seat(self, agent: AgentId, seated: Seated) -> None:
        """Say which task the agent is at from now on."""
        self._seats.sit(agent, seated)

    def leave(self, agent: AgentId) -> None:
        """Say that the agent is at no task any more."""
        self._seats.leave(agent)

    # messages

    def take(self, agent: AgentId, messages: Sequence[msg.Message]) -> list[Event]:
        """Turn what an agent said into the events it amounts to; what it says without a task is dropped."""
        seated = self._seats.find(agent)
        if seated is None:
            return []
        return [event for message in messages for event in self._events(agent, seated, message)]

    def _events(self, agent: AgentId, seated: Seated, message: msg.Message) -> list[Event]:
        task, attempt = seated.task, seated.attempt
        match message:
            case msg.Status():
                return [self._reported(agent, seated, message)]
            case msg.Conversed(session=session, version=version):
                return [ev.ConversationKnown(agent=agent, task=task, attempt=attempt, session=session, version=version)]
            case msg.Done(ok=ok, note=note):
                return [ev.ClaimMade(agent=agent, task=task, attempt=attempt, done=ok, note=note)]
            case msg.Blocked(on=on, meanwhile=meanwhile):
                return [ev.AgentBlocked(agent=agent, task=task, on=on, meanwhile=meanwhile)]
            case msg.Handoff():
                file = self._seats.inside(seated, message.file) or message.file
                return [
                    ev.HandoffRequested(
                        from_=self._called(message.sender) or message.sender or agent,
                        to=self._called(message.to) or message.to,
                        file=file,
                        status=message.status,
                        note=message.note,
                    )
                ]
            case msg.Ask(text=text):
                return self._inbox.take(agent, task, attempt, text)
            case msg.Usage():
                return [_consumed(agent, seated, message)]
            case msg.Limit(until=until):
                return [*self._limited(attempt, until)]

    def _reported(self, agent: AgentId, seated: Seated, told: msg.Status) -> ev.AgentReported:
        return ev.AgentReported(
            agent=agent,
            task=seated.task,
            status=told.status,
            message=told.message,
            done=told.done,
            total=told.total,
            files={path: change for raw, change in told.files.items() if (path := self._seats.inside(seated, raw))},
        )

    # requests

    def answer(self, caller: Caller, method: str, params: Mapping[str, object]) -> object:
        """Answer a request, at once or later; what an agent may ask for is less than what a person may.

        Raises:
            Rejected: With the reason that the caller reads; also for a bug, which is noted and ends nothing else.
            JournalError: Nothing can be recorded any more.
        """
        try:
            answer = self._answer(caller, method, params)
        except (Rejected, JournalError):
            raise
        except Exception as bug:
            raise self._noted(method, bug) from bug
        return Later(partial(self._guarded, method, answer.come)) if isinstance(answer, Later) else answer

    async def permit(self, agent: AgentId, paths: Sequence[str], operation: Operation) -> Allow | Deny:
        """Decide what an agent asks by a protocol of its own before it does it; a lock is waited for as long as it takes."""
        try:
            await self._guarded("permit", partial(self.locks.take_right, agent, paths, operation))
        except Rejected as refused:
            return denied(refused)
        finally:
            self._recorder.settle()
        return Allow()

    async def inquire(self, agent: AgentId, asked: msg.Permission) -> Allow | Deny:
        """Let a person decide what an agent asks for by a protocol of its own, of which squad cannot tell what it would do."""
        try:
            seated = self._seats.of(agent)
            return await self._guarded("inquire", partial(self._inbox.permit, agent, seated.task, seated.attempt, asked))
        except Rejected as refused:
            return Deny(reason=refused.reason)

    async def _guarded(self, method: str, answering: Callable[[], Awaitable[T]]) -> T:
        try:
            return await answering()
        except (Rejected, JournalError):
            raise
        except Exception as bug:
            raise self._noted(method, bug) from bug

    def _noted(self, method: str, bug: Exception) -> Rejected:
        text = f"a bug in squad: {method}: {type(bug).__name__}: {bug}"
        self._recorder.record(ev.Noticed(text=text))
        return Rejected(text, code=INTERNAL_ERROR)

    def _answer(self, caller: Caller, method: str, params: Mapping[str, object]) -> object:
        if caller.agent is None:
            return self._person(caller, method, params)
        agent = AgentId(caller.agent)
        self._lead.heard(agent)
        if method == "hold":
            return self.loans.hold(caller, params)
        if method in {"run", "signal"}:
            return self.loans.run(caller, method, params)
        if method in self._methods:
            return self._methods[method](agent, params)
        message = self._said(agent, method, params)
        self._recorder.record(*self.take(agent, [message]))
        self._lead.heed(agent)
        return {"accepted": True}

    def _said(self, agent: AgentId, method: str, params: Mapping[str, object]) -> msg.Message:
        """Read what an agent says by a request; here, unlike in its output, what makes no sense is refused."""
        if method not in _WANTED:
            raise Rejected(f"unknown method {method!r}", code=METHOD_NOT_FOUND)
        self._seats.of(agent)
        missing = [name for name in _WANTED[method] if not isinstance(params.get(name), str) or not params[name]]
        message = from_request(method, params)
        if missing or message is None:
            raise Rejected(f"{method} wants {' and '.join(missing) or 'other params'}", code=INVALID_PARAMS)
        match message:
            case msg.Handoff(file=file, to=to):
                return replace(message, file=self.locks.asked_path(agent, file), to=self._agent(to))
            case msg.Blocked(on=on):
                return replace(message, on=self.locks.asked_path(agent, on))
            case msg.Status(files=files):
                return replace(message, files={self.locks.asked_path(agent, path): change for path, change in files.items()})
        return message

    def _agent(self, named: str) -> AgentId:
        """Give the agent that is meant.

        Raises:
            Rejected: There is none.
        """
        if (agent := self._called(named)) is None:
            known = ", ".join(seat.id for seat in self._recorder.plan.agents)
            raise Rejected(f"there is no agent {named!r}; agents: {known}")
        return agent

    def _called(self, named: str) -> AgentId | None:
        """Give the agent of a name: its id, else its role, else its label, else the beginning of its id (`agent-2`)."""
        seats, name = self._recorder.plan.agents, named.casefold().strip().removeprefix("@")
        if not name:
            return None
        fitting = [seat.id for wanted in ("id", "role", "label") for seat in seats if getattr(seat, wanted).casefold() == name]
        fitting += [seat.id for seat in seats if name.startswith("agent-") and seat.id.startswith(f"{name}-")]
        return fitting[0] if fitting else None

    def _person(self, caller: Caller, method: str, params: Mapping[str, object]) -> object:
        if method in _ONLY_PERSONS | self._lead.orders.keys() and self._lead.is_agents(caller.pid):
            raise Rejected(_ONLY_PERSONS.get(method, f"an agent may not order {method}: only a person may"))
        if method in self._lead.orders:
            return self._lead.orders[method](params)
        match method:
            case "answer":
                return self._inbox.answer(params)
            case "hold":
                return self.loans.hold(caller, params)
            case "running":
                return self.loans.running(caller, params)
            case "owns":
                return self.locks.owns_besides(caller.pid, params)
            case "ping":
                return {"run": self._recorder.state.run}
            case "stop":
                self._lead.stop(now=params.get("now") is True, kill=params.get("kill") is True)
                return {"stopping": True}
            case "unlock":
                self._lead.renew()
                return self.locks.force(path_of(params.get("path")))
        raise Rejected(f"unknown method {method!r}", code=METHOD_NOT_FOUND)

    def _ask(self, agent: AgentId, params: Mapping[str, object]) -> object:
        self._said(agent, "ask", params)
        seated, text = self._seats.of(agent), str(params["text"])
        wait = seconds(params.get("wait", 0))
        return Later(partial(self._inbox.ask, agent, seated.task, seated.attempt, text, wait=wait))

    def _me(self, agent: AgentId, _params: Mapping[str, object]) -> object:
        status = self._recorder.state.agents[agent]
        held = [{"path": grant.path, "fence": grant.fence} for grant in self._table.held_by(agent)]
        progress = {"done": status.done, "total": status.total}
        return {"agent": agent, "state": status.state, "task": status.task, "progress": progress, "locks": held}


def _consumed(agent: AgentId, seated: Seated, told: msg.Usage) -> ev.UsageReported:
    return ev.UsageReported(
        agent=agent,
        task=seated.task,
        attempt=seated.attempt,
        fresh=told.fresh,
        cached=told.cached,
        output=told.output,
        money=told.money,
    )
