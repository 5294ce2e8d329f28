"""Where locks are asked for, waited for and given back.

The lock desk decides at once and without waiting; only a request may be parked, and it is woken by whoever frees the
path: nobody ever looks again by the clock. Every answer about a path comes from one function, `Rights.may`.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import anyio
import anyio.lowlevel

from orchestrator import events as ev
from orchestrator.asked import FAR, is_below, path_of, seconds
from orchestrator.claims import Claim, OutsideProject, key
from orchestrator.control.protocol import Rejected
from orchestrator.events import Event
from orchestrator.locks import Denied, Freed, Grant, LockTable, Ticket
from orchestrator.model import AgentId, Operation
from orchestrator.recorder import Recorder
from orchestrator.rights import Deny, Rights
from orchestrator.seats import Seats

_LONGEST_PURPOSE = 500  #: characters


class LockDesk:
    """Answers what agents and people ask about locks, for one run."""

    def __init__(self, recorder: Recorder, table: LockTable, rights: Rights, seats: Seats) -> None:
        """Lend from a table, by the rights of those who are seated."""
        self._recorder = recorder
        self._table = table
        self._rights = rights
        self._seats = seats
        self._parked: dict[int, anyio.Event] = {}

    async def owns(self, agent: AgentId, params: Mapping[str, object]) -> object:
        """Tell whose a path is, and who holds it."""
        place = self.asked_path(agent, params.get("path"))
        owned = self._rights.owner(place)
        return {"path": place, "owners": list(owned.owners), "access": owned.access, "holder": owned.holder}

    async def lock(self, agent: AgentId, params: Mapping[str, object]) -> object:
        """Lock a path for an agent, which may wait for it."""
        self._seats.of(agent)
        place, wait = self.asked_path(agent, params.get("path")), seconds(params.get("wait", 0))
        answer = await self._obtain(agent, place, wait=wait, purpose=str(params.get("purpose") or "")[:_LONGEST_PURPOSE])
        return {"path": answer.path, "fence": answer.fence, "waited_s": round(answer.waited, 3)}

    async def take_right(self, agent: AgentId, paths: Sequence[str], operation: Operation) -> None:
        """See to it that the agent may do it to all the paths: those outside its write set are locked one after another."""
        workspace = self._seats.of(agent).workspace
        for path in paths if operation is not Operation.READ else ():
            if not is_below(path, workspace):
                raise self._refused(path, agent, f"{path} lies outside of your workspace: write below {workspace}")
            place = self.asked_path(agent, path)
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

    async def unlock(self, agent: AgentId, params: Mapping[str, object]) -> object:
        """Take back what an agent asked for."""
        seated = self._seats.of(agent)
        place = key(self.asked_path(agent, params.get("path")))
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

    def asked_path(self, agent: AgentId, asked: object) -> Claim:
        """Read a path that an agent names; one that leads out is refused, on record."""
        path = path_of(asked)
        try:
            return self._seats.claim(self._seats.find(agent), path)
        except OutsideProject as error:
            raise self._refused(path, agent, error.message) from error

    def force(self, path: str) -> object:
        """Free a path for a person: honoured when the lock is stale.

        Raises:
            Rejected: Nobody holds it, or its holder still shows life.
        """
        try:
            place = key(self._seats.claim(None, path))
        except OutsideProject as error:
            raise Rejected(error.message) from error
        answer = self._table.force(place, now=self._recorder.clock())
        if isinstance(answer, Denied):
            raise Rejected(answer.reason)
        self.freed(answer, reason="forced")
        return {"released": [grant.path for grant in answer.released]}

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
