"""Where locks are asked for, waited for and given back.

The lock desk decides at once and without waiting; only a request may be parked, and it is woken by whoever frees the
path: nobody ever looks again by the clock. Every answer about a path comes from one function, `Rights.may`. Before an
agent is told of a grant, its door is open; before the next one is, the last one's is closed.
"""

from collections.abc import Callable, Collection, Container, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Protocol

import anyio
import anyio.lowlevel

from orchestrator import events as ev
from orchestrator.claims import Claim, OutsideProject, is_operation, key
from orchestrator.control.protocol import Rejected
from orchestrator.control.server import Later
from orchestrator.desk.asked import FAR, Refused, is_below, number_of, path_of, seconds
from orchestrator.desk.personal import Commands
from orchestrator.desk.seats import Seated, Seats
from orchestrator.granted import answered, granted_event, moment, refused_event
from orchestrator.journal.recorder import Recorder
from orchestrator.locks import Denied, Freed, Grant, LockTable, Ticket
from orchestrator.model import PERSON, AgentId, Operation
from orchestrator.persons import called, is_person
from orchestrator.platform import Identity
from orchestrator.refusals import Advice
from orchestrator.rights import Rights

_LONGEST_PURPOSE = 500  #: characters
_WAIT = "10m"  #: what is advised to one who did not wait, or not long enough
_OUTSIDE = ".."  #: the row of everything that does not lie in the project


class Doors(Protocol):
    """What makes a granted path writable for its holder, where the kernel refuses the others."""

    def open(self, grant: Grant) -> Later | None:
        """Open the path: at once, or later; raises Rejected, then or later, if that fails. A declared one is open already."""

    def close(self, grant: Grant) -> Later | None:
        """Close it again, while its holder's processes may be alive; with them their doors are gone."""


class NoDoors:
    """Where nothing is closed, nothing is opened."""

    def open(self, _grant: Grant) -> Later | None:
        """Open nothing."""
        return None

    def close(self, _grant: Grant) -> Later | None:
        """Close nothing."""
        return None


@dataclass(slots=True)
class _Opening:
    """A door that nobody has come through yet."""

    door: Later
    over: anyio.Event = field(default_factory=anyio.Event)
    is_begun: bool = False


class LockDesk:
    """Answers what agents and people ask about locks, for one run."""

    def __init__(
        self,
        recorder: Recorder,
        table: LockTable,
        rights: Rights,
        seats: Seats,
        doors: Doors | None = None,
        *,
        heed: Callable[[AgentId], None] = lambda _: None,
    ) -> None:
        """Lend from a table, by the rights of those who are seated, through doors; `heed` looks at what is refused for good."""
        self._recorder = recorder
        self._table = table
        self._rights = rights
        self._seats = seats
        self._doors = doors or NoDoors()
        self._heed = heed
        self.commands = Commands()  #: of people
        table.within = self.commands.inside
        self._parked: dict[int, anyio.Event] = {}  #: by ticket
        self._opening: dict[int, _Opening] = {}  #: by fence
        self._closing: set[int] = set()  #: fences
        self._borrowed: set[int] = set()  #: tickets of commands

    def owns(self, agent: AgentId, params: Mapping[str, object]) -> dict[str, object]:
        """Tell whose a path is, and who holds it."""
        place = self.asked_path(agent, params.get("path"))
        owned = self._rights.owner(place)
        return {"path": place, "owners": list(owned.owners), "access": owned.access, "holder": owned.holder}

    def owns_besides(self, pid: int | None, params: Mapping[str, object]) -> object:
        """Tell a person's process the same, which of their commands holds it, and whether it asks from within that one."""
        told, around = self.owns(PERSON, params), [one.holder for one in self.commands.around(pid)]
        holder, place = told["holder"], str(told["path"])
        by = self.commands.told(AgentId(holder)) if isinstance(holder, str) and is_person(holder) else holder
        return {**told, "by": by, "own": self._table.covering(around, key(place)) is not None}

    def lock(self, agent: AgentId, params: Mapping[str, object]) -> object:
        """Lock a path for an agent: at once, or when it is handed over and its door is open."""
        self._seats.of(agent)
        place, wait = self.asked_path(agent, params.get("path")), seconds(params.get("wait", 0))
        self._require_valid(agent, place, params)
        asked = self._ask(agent, place, waits=wait > 0, purpose=str(params.get("purpose") or "")[:_LONGEST_PURPOSE])
        if isinstance(asked, Grant) and asked.fence not in self._opening:
            return answered(asked)
        return Later(partial(self._lend_told, asked, wait))

    def unlock(self, agent: AgentId, params: Mapping[str, object], *, lent: Container[int] = ()) -> object:
        """Take back what an agent asked for, once its door is closed; what is `lent` to a command of it, by fence, stays."""
        seated, place = self._seats.of(agent), key(self.asked_path(agent, params.get("path")))
        self._require_valid(agent, place, params)
        held = self._table.granted_to(agent, place)
        if held is None:
            raise Rejected(f"{agent} holds no lock on {place}")
        if held.fence in lent:
            raise Rejected(f"{held.path} is locked for a command of {agent} that still runs: it is free when that has ended")
        if held.declared and not (params.get("done") is True and is_operation(place)):
            raise Rejected(_stays(place, seated))
        others = (one for one in self._table.spellings(agent, place) if not one.declared and one.fence not in lent)
        back = (held, *(one for one in others if one.fence != held.fence))  # they are one key, so nobody need know of the other
        return self._closed(back, partial(self._take_back, *back, reason="unlocked"))

    async def borrow(
        self, holder: AgentId, place: Claim, *, wait: float, purpose: str, lenders: Collection[AgentId] = ()
    ) -> tuple[Grant, bool]:
        """Lock a path for a command, or find it locked by a lender; tells whether only commands of its holder asked for it."""
        if (lent := self._table.covering(lenders, wish := key(place))) is not None:
            return lent, False
        if any(self._table.meeting(lender, wish) for lender in lenders):
            raise self._refused(wish, holder, f"the command around this one has locked a part of {wish}: lock all of it there")
        if not is_person(holder):
            self._seats.of(holder)
        newest = self._table.fence
        asked = self._ask(holder, place, waits=wait > 0, purpose=purpose[:_LONGEST_PURPOSE])
        if isinstance(asked, Ticket):
            self._borrowed.add(asked.number)
        grant = await self._lend(asked, wait)
        return grant, grant.fence > newest and (grant.ticket is None or grant.ticket in self._borrowed)

    def note_loan(self, grant: Grant, process: Identity, *, starter: int = 0, ended: Sequence[int] = ()) -> None:
        """Record for which process of a person's a grant is held, and for which no more: the next supervisor keeps it as long."""
        held = {"path": grant.path, "holder": grant.holder, "fence": grant.fence, **asdict(process)}
        self._recorder.record_soon(ev.LockLent(**held, ended=list(ended), starter=starter), wakes=False)

    def give_back(self, grant: Grant) -> object:
        """Free what was borrowed, once its door is closed; `settled` makes it durable if nothing takes time."""
        return self._closed((grant,), partial(self._take_back, grant, reason="ended"))

    def leave_people(self, *, is_over: bool) -> None:
        """Hold off nobody for people any more; unless the run is over the journal keeps it for whoever goes on with the run."""
        theirs = tuple(grant for grant in self._table.grants() if is_person(grant.holder))
        if is_over:
            self.freed(Freed(released=theirs), reason="ended")
        self._table.restore([grant for grant in self._table.grants() if not is_person(grant.holder)])

    async def settled(self) -> None:
        """Make durable what was decided."""
        self._recorder.settle()

    def force(self, path: str) -> object:
        """Free a path for a person, once its door is closed: honoured when the lock is stale.

        Raises:
            Rejected: Nobody holds it, or its holder still shows life.
        """
        try:
            place = key(self._seats.claim(None, path))
        except OutsideProject as error:
            raise Rejected(error.message) from error
        stale = self._table.forcible(place, now=self._recorder.clock())
        if isinstance(stale, Denied):
            raise Rejected(stale.reason)
        for grant in stale:
            self._rights.revoke(grant.holder, grant.path)
        return self._closed(stale, partial(self._force, place, stale))

    async def take_right(self, agent: AgentId, paths: Sequence[str], operation: Operation) -> None:
        """See to it that the agent may do it to all the paths: those outside its write set are locked one after another."""
        workspace = self._seats.of(agent).workspace
        for path in paths if operation is not Operation.READ else ():
            if not is_below(path, workspace):
                reason = f"{path} lies outside of your workspace: write below {workspace}"
                raise self._refused(path, agent, reason, row=_OUTSIDE)
            place = self.asked_path(agent, path)
            if not self._rights.has(agent, place):
                await self._lend(self._ask(agent, place, waits=True, purpose=f"to {operation} it"), FAR)

    def asked_path(self, agent: AgentId, asked: object) -> Claim:
        """Read a path that an agent names; one that leads out is refused, on record."""
        path = path_of(asked)
        try:
            return self._seats.claim(self._seats.find(agent), path)
        except OutsideProject as error:
            raise self._refused(path, agent, error.message, row=_OUTSIDE) from error

    def freed(self, freed: Freed, *, reason: str) -> None:
        """Record what was freed and who holds it now, and wake those who waited for it."""
        now = self._recorder.clock()
        events: list[ev.Event] = [
            ev.LockReleased(
                path=grant.path, holder=grant.holder, fence=grant.fence, reason=reason, held_s=round(now - grant.since, 6)
            )
            for grant in freed.released
        ]
        if freed.dropped or freed.granted or freed.answered:
            events += [refused_event(ticket, f"the attempt of {ticket.holder} has ended") for ticket in freed.dropped]
            events += map(granted_event, freed.granted)
            for number in (*freed.answered, *(ticket.number for ticket in freed.dropped)):
                if (woken := self._parked.get(number)) is not None:
                    woken.set()
        self._recorder.record_soon(*events, wakes=self._table.is_declared_for)

    def _require_valid(self, agent: AgentId, place: str, params: Mapping[str, object]) -> None:
        """Refuse what is done under the number of a grant that has ended: somebody else may have written there since."""
        if (fence := number_of(params.get("fence"))) is None or self._table.valid(fence, key(place), holder=agent):
            return
        holder = self._table.holder_of(key(place))
        now = f"{called(holder)} holds it now" if holder and holder != agent else "nobody else holds it now"
        reason = f"the lock {fence} of {agent} on {place} has ended; {now}: lock it again and look at what is there"
        raise self._refused(place, agent, reason)

    def _ask(self, agent: AgentId, place: Claim, *, waits: bool, purpose: str) -> Grant | Ticket:
        """Lock a path for an agent or let it wait, or refuse it with the reason; all of it is recorded."""
        if (denied := self._rights.denial(agent, place)) is not None:
            raise self._refused(place, agent, denied.reason, *denied.advice, row=denied.row)
        is_first, newest = self._table.next_suspicion() is None, self._table.fence
        answer = self._table.request(agent, key(place), now=self._recorder.clock(), purpose=purpose, wait=waits)
        if isinstance(answer, Denied):
            raise self._refused(place, agent, *self._standing(answer, agent))
        if isinstance(answer, Ticket):
            asked = ev.LockRequested(path=answer.path, holder=agent, purpose=purpose, ticket=answer.number)
            self._recorder.record_soon(asked, wakes=False)
            self._parked[answer.number] = anyio.Event()
        elif answer.fence > newest:
            self._recorder.record_soon(granted_event(answer), wakes=is_first)
            self._to_open(answer)
        elif answer.fence in self._closing:
            raise Rejected(f"{answer.path} is just given back: ask again")
        elif answer.declared and answer.fence not in self._opening:
            self._to_open(answer)
        return answer

    async def _lend_told(self, asked: Grant | Ticket, wait: float) -> object:
        return answered(await self._lend(asked, wait))

    async def _lend(self, asked: Grant | Ticket, wait: float) -> Grant:
        """Wait for what a request must wait for: its turn, and its door."""
        self._recorder.settle()
        if isinstance(asked, Grant):
            await self._open(asked)
            return asked
        grant = await self._handed_over(asked, wait)
        if grant.ticket == asked.number:
            self._to_open(grant)
        await self._open(grant)
        return grant

    async def _handed_over(self, ticket: Ticket, seconds: float) -> Grant:
        """Wait until the path is handed over; whoever stops waiting, for whatever reason, leaves the queue."""
        woken = self._parked[ticket.number]
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
        if reason:
            raise Refused(reason, (_again(ticket.path),))
        grant = self._table.granted_to(ticket.holder, ticket.path)
        if grant is None:
            raise Rejected(f"the attempt of {ticket.holder} has ended")
        return grant

    def _to_open(self, grant: Grant) -> None:
        """Note that a door must be opened before anybody is told of the grant, if that takes time."""
        if (door := self._doors.open(grant)) is not None:
            self._opening[grant.fence] = _Opening(door)

    async def _open(self, grant: Grant) -> None:
        """See to it that the door of a grant is open; one that stays closed, or whose agent is gone meanwhile, is given back."""
        if (opening := self._opening.get(grant.fence)) is None:
            return
        if opening.is_begun:
            await opening.over.wait()
            if not self._table.valid(grant.fence, grant.path):
                raise Rejected(f"{grant.path} could not be opened")
            return
        opening.is_begun = True
        try:
            await opening.door.come()
        except BaseException:
            with anyio.CancelScope(shield=True):  # what its task declared stays with it, whoever asked for more of it is gone
                back = None if grant.declared else self._closed((grant,), partial(self._take_back, grant, reason="withdrawn"))
                if isinstance(back, Later):
                    await back.come()
            self._recorder.settle()
            raise
        finally:
            del self._opening[grant.fence]
            opening.over.set()

    def _closed(self, grants: Sequence[Grant], then: Callable[[], object]) -> object:
        """Close the doors of grants, and then free them: at once if nothing takes time."""
        closing = [later for grant in grants if (later := self._doors.close(grant)) is not None]
        if not closing:
            return then()
        return Later(partial(self._close, frozenset(grant.fence for grant in grants), closing, then))

    async def _close(self, fences: frozenset[int], closing: Sequence[Later], then: Callable[[], object]) -> object:
        self._closing |= fences
        try:
            with anyio.CancelScope(shield=True):  # half closed would be neither
                for later in closing:
                    await later.come()
            return then()
        finally:
            self._closing -= fences

    def _take_back(self, *grants: Grant, reason: str) -> object:
        freed = self._table.end(grants, now=self._recorder.clock())
        self.freed(freed, reason=reason)
        return {"released": [one.path for one in freed.released]}

    def _force(self, place: str, stale: Sequence[Grant]) -> object:
        """Free what was found stale; of what was renewed while its door was closed nothing is left to its holder either."""
        self.freed(self._table.end(stale, now=self._recorder.clock()), reason="forced")
        self._recorder.settle()
        return {"released": [place for _ in stale]}

    def _busy(self, ticket: Ticket, seconds: float) -> str:
        holder = self._table.holder_of(ticket.path, besides=ticket.holder)
        held = f": held by {self._named(holder, ticket.path, to=ticket.holder)}" if holder else ""
        return f"{ticket.path} was not free within {seconds:g} s{held}"

    def _standing(self, denied: Denied, agent: AgentId) -> tuple[str, *tuple[Advice, ...]]:
        """Say what stands in the way, until when, and what helps; what would close a circle is not to be waited for."""
        if denied.is_circle:
            return (denied.reason,)
        holder = self._table.holder_of(denied.path, besides=agent)
        if holder is not None and is_person(holder) and is_person(agent):
            return f"{denied.path} is held by {self._named(holder, denied.path, to=agent)}", _again(denied.path)
        return f"{denied.reason} {self._until(holder, denied.path)}" if holder else denied.reason, _again(denied.path)

    def _named(self, holder: AgentId, path: str, *, to: AgentId) -> str:
        """Name who holds what meets the path, and for how long; a person is told which command of theirs it is."""
        if is_person(holder) and is_person(to):
            return f"{self.commands.told(holder)} until it has ended"
        return f"{called(holder)} {self._until(holder, path)}"

    def _until(self, holder: AgentId, path: str) -> str:
        """Say how long an agent holds what meets the path: as its task declared it, or until it gives it back."""
        ends = f"its task {seated.task} has ended" if (seated := self._seats.find(holder)) else "its result is looked at"
        held = [self._table.granted_to(holder, one) for one in self._table.meeting(holder, path)]
        asked = [grant for grant in held if grant is not None and not grant.declared]
        if len(asked) < len(held) or not asked or is_person(holder):
            return f"until {'their command has ended' if is_person(holder) else ends}"
        stale = moment(int(asked[0].expires))
        return f"until it gives it back or {ends}; stale from {stale} on unless {holder} shows life"

    def _give_up(self, ticket: Ticket, reason: str) -> None:
        """Leave the queue; what was granted in the same moment to one who could not hear of it is given back."""
        if self._table.is_waiting(ticket):
            freed = self._table.withdraw(ticket, now=self._recorder.clock())
            self._recorder.record_soon(refused_event(ticket, reason), wakes=False)
            self.freed(freed, reason="")
        elif (grant := self._table.granted_to(ticket.holder, ticket.path)) and grant.ticket == ticket.number:
            self._take_back(grant, reason="withdrawn")
        self._recorder.settle()

    def _refused(self, path: str, agent: AgentId, reason: str, *advice: Advice, row: str = "") -> Rejected:
        """Refuse, on record; what no waiting changes is counted by its `row`, since it is in vain to ask again."""
        refused = Refused(reason, () if is_person(agent) else advice)  # what helps are calls of an agent's
        event = ev.LockRefused(path=path, holder=agent, reason=refused.reason, row=row)
        if row:
            self._recorder.record(event)
            self._heed(agent)
        else:
            self._recorder.record_soon(event, wakes=False)
        return refused


def _again(path: str) -> Advice:
    return Advice(call="lock", arguments={"path": path, "wait": _WAIT}, why="wait for it")


def _stays(place: str, seated: Seated) -> str:
    """Say how long what a task declares stays locked, and what can be given back before that."""
    way_out = f"\nif you need it no more: squad agent unlock {place} --done" if is_operation(place) else ""
    return f"{place} is declared by {seated.task}: it stays locked until the task has ended{way_out}"
