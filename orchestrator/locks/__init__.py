"""Who may write where, right now.

The table lives in memory and is owned by the supervisor: no method waits, so between a question and its answer nobody
else can run. What a task declares is granted whole or not at all, so two tasks never wait for each other. What agents
ask for while they work is served in the order of asking: nobody overtakes a waiting request that it meets, and a
request that would close a circle of waiting is refused at once. What an agent holds already is granted to it again
without waiting, also a part of it. A waiting request goes before a declaration, because an agent at work stands still
for it; it cannot starve declarations, because only tasks under way can ask. All spellings of a key are one key; each grant and
request keeps the one in which it was asked for, since that is what is opened. What a question costs depends on what
meets its key, not on how much is held.
"""

import heapq
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import TypeAlias

from msgspec.structs import replace

from orchestrator.claims import is_operation, parts_of
from orchestrator.locks.circles import circle
from orchestrator.locks.grants import Blocked, Denied, Freed, Grant, Ticket
from orchestrator.locks.keyindex import KeyIndex
from orchestrator.model import AgentId
from orchestrator.persons import called, is_person
from orchestrator.text.quantities import format_duration

__all__ = ["Blocked", "Denied", "Freed", "Grant", "LockTable", "Ticket"]

Answer: TypeAlias = Grant | Ticket | Denied
_FENCE, _NUMBER = attrgetter("fence"), attrgetter("number")


class LockTable:
    """All grants and waiting requests of a run."""

    def __init__(
        self,
        *,
        stale_after: float = 1800.0,
        warn_after: float = 600.0,
        capacities: Mapping[str, int] | None = None,
        fence: int = 0,
    ) -> None:
        """Begin empty; `capacities` says how many may hold an operation at once (1 unless said), `fence` the last number used."""
        self.stale_after = stale_after
        self.warn_after = warn_after
        self.is_declared_for = False  #: a declaration was blocked since this was last taken back
        self._capacities = dict(capacities or {})
        self.fence = fence  #: number of the newest grant
        #: Gives who must have ended before a holder can: what was started under a command is waited for by it.
        self.within: Callable[[AgentId], Iterable[AgentId]] = lambda _: ()
        self._numbers = 0
        self._grants: dict[int, Grant] = {}  #: by fence, oldest first
        self._queue: dict[int, Ticket] = {}  #: by number, first come first
        self._held: KeyIndex[Grant] = KeyIndex()
        self._asked: KeyIndex[Ticket] = KeyIndex()
        self._of: dict[AgentId, dict[int, Grant]] = {}  #: the grants of each agent, by fence
        self._tickets_of: dict[AgentId, dict[int, Ticket]] = {}
        self._life: dict[AgentId, float] = {}  #: the last sign of life of those who hold something
        self._warned: set[int] = set()  #: fences
        self._suspicion: float | None = None  #: nothing becomes suspect before

    def grants(self) -> tuple[Grant, ...]:
        """Give all grants, oldest first."""
        return tuple(map(self._alive, self._grants.values()))

    def waiting(self) -> tuple[Ticket, ...]:
        """Give all waiting requests, first come first."""
        return tuple(self._queue.values())

    def is_waiting(self, ticket: Ticket) -> bool:
        """Tell whether a request still waits."""
        return ticket.number in self._queue

    def held_by(self, holder: AgentId) -> tuple[Grant, ...]:
        """Give the agent's grants, oldest first."""
        return tuple(map(self._alive, self._of.get(holder, {}).values()))

    def holder_of(self, path: str, *, besides: AgentId | None = None) -> AgentId | None:
        """Give who holds something that meets the path: of several, who has held it longest."""
        others = (grant for grant in self._held.meeting(path) if grant.holder != besides)
        first = min(others, key=_FENCE, default=None)
        return first.holder if first else None

    def holds(self, holder: AgentId, path: str) -> bool:
        """Tell whether the agent's grants cover the path."""
        return any(grant.holder == holder for grant in self._held.covering(path))

    def meeting(self, holder: AgentId, path: str) -> tuple[str, ...]:
        """Give the keys that the agent holds and that meet the path."""
        return tuple(grant.path for grant in self._held.meeting(path) if grant.holder == holder)

    def granted_to(self, holder: AgentId, path: str) -> Grant | None:
        """Give the agent's grant of exactly that path: the one that is spelled so, else one of another spelling."""
        own = [grant for grant in self._held.same(path) if grant.holder == holder]
        found = next((grant for grant in own if grant.path == path), own[0] if own else None)
        return self._alive(found) if found else None

    def covering(self, holders: Collection[AgentId], path: str) -> Grant | None:
        """Give the oldest grant of any of these that covers the path."""
        return min((grant for grant in self._held.covering(path) if grant.holder in holders), key=_FENCE, default=None)

    def spellings(self, holder: AgentId, path: str) -> tuple[Grant, ...]:
        """Give all that the agent holds of a key, in whatever spelling it asked."""
        return tuple(self._alive(grant) for grant in self._held.same(path) if grant.holder == holder)

    def valid(self, fence: int, path: str, *, holder: AgentId | None = None) -> bool:
        """Tell whether the grant of that number, and of that agent if one is named, still covers the path."""
        return any(grant.fence == fence and holder in {None, grant.holder} for grant in self._held.covering(path))

    def acquire_all(self, holder: AgentId, keys: Iterable[str], *, now: float, purpose: str = "") -> tuple[Grant, ...] | Blocked:
        """Grant everything a task declares, or nothing."""
        by_key: dict[str | tuple[str, ...], str] = {}
        for key in keys:
            by_key.setdefault(_same_key(key), key)
        wanted = tuple(by_key.values())
        for wish in wanted:
            if in_the_way := self._in_the_way(holder, wish):
                self.is_declared_for = True
                return Blocked(path=wish, holders=in_the_way)
        return tuple(
            self._grant(holder, wish, now=now, purpose=purpose, declared=True)
            for wish in wanted
            if self.granted_to(holder, wish) is None
        )

    def request(self, holder: AgentId, path: str, *, now: float, purpose: str = "", wait: bool = False) -> Answer:
        """Answer an agent that asks for a path while it works; a held lock is granted to its holder again.

        Asked for in another spelling it is a further grant of its holder's: where both exist, each is a file of its own.
        """
        if not self._queue and self._held.is_free(path):
            return self._grant(holder, path, now=now, purpose=purpose)
        if (held := self._spelled(holder, path)) is not None:
            self.renew(holder, now=now)
            return self._alive(held)
        in_the_way = self._in_the_way(holder, path)
        if not in_the_way:
            return self._grant(holder, path, now=now, purpose=purpose)
        if not wait:
            return Denied(path=path, holder=in_the_way[0], reason=f"{path} is {self._taken(path, in_the_way)}")
        if circle := self._circle(holder, path, in_the_way):
            way = " -> ".join(map(called, circle))
            reason = f"waiting would close a circle: {way}; free what you hold first, or do something else"
            return Denied(path=path, holder=in_the_way[0], reason=reason, is_circle=True)
        self._numbers += 1
        ticket = Ticket(number=self._numbers, path=path, holder=holder, since=now, purpose=purpose)
        self._queue[ticket.number] = ticket
        self._asked.add(path, ticket.number, ticket)
        self._tickets_of.setdefault(holder, {})[ticket.number] = ticket
        return ticket

    def withdraw(self, ticket: Ticket, *, now: float) -> Freed:
        """Take a request out of the queue."""
        if self.is_waiting(ticket):
            self._leave(ticket)
        return self._promoted([ticket.path], now)

    def release(self, holder: AgentId, path: str, *, now: float) -> Freed:
        """Free a path that the agent asked for; what its task declared stays."""
        held = self.granted_to(holder, path)
        return self._release([held] if held and not held.declared else [], now)

    def release_all(self, holder: AgentId, *, now: float) -> Freed:
        """Free everything of an agent whose process tree is gone, and drop what it waited for."""
        dropped = tuple(self._tickets_of.get(holder, {}).values())
        for ticket in dropped:
            self._leave(ticket)
        freed = self._release(self.held_by(holder), now, besides=[ticket.path for ticket in dropped])
        self._life.pop(holder, None)
        return replace(freed, dropped=dropped)

    def end(self, grants: Iterable[Grant], *, now: float) -> Freed:
        """Free those of the grants that are still held, whoever asked for them."""
        return self._release([grant for grant in grants if grant.fence in self._grants], now)

    def force(self, path: str, *, now: float) -> Freed | Denied:
        """Free a path for a person: honoured when stale, else denied with the reason."""
        stale = self.forcible(path, now=now)
        return stale if isinstance(stale, Denied) else self._release(stale, now)

    def forcible(self, path: str, *, now: float) -> tuple[Grant, ...] | Denied:
        """Give the grants of a path that a person may end: all of them, if they are stale."""
        held = tuple(map(self._alive, self._held.same(path)))
        if not held:
            return Denied(path=path, holder=None, reason=f"nobody holds a lock on {path}")
        if fresh := next((grant for grant in held if grant.expires > now), None):
            silent = now - (fresh.expires - self.stale_after)
            showed = f"{fresh.holder} showed life {format_duration(silent)} ago"
            way_out = "" if is_person(fresh.holder) else f"; to take it away: squad restart {fresh.holder}"
            reason = f"{showed}; a lock is stale after {format_duration(self.stale_after)}{way_out}"
            return Denied(path=path, holder=fresh.holder, reason=reason)
        return held

    def renew(self, holder: AgentId, *, now: float) -> bool:
        """Put off the expiry of everything the agent holds: it showed life then. Tell whether it was suspected before."""
        if holder not in self._of or now <= self._life.get(holder, 0.0):
            return False
        self._life[holder] = now
        if not self._warned:
            return False
        again = {fence for fence in self._warned if (grant := self._grants[fence]).holder == holder and grant.since < now}
        self._warned -= again
        if again:
            at = now + self.warn_after
            self._suspicion = at if self._suspicion is None else min(self._suspicion, at)
        return bool(again)

    def stale(self, now: float) -> tuple[Grant, ...]:
        """Give the grants whose holder showed no life for `stale_after`."""
        return tuple(grant for grant in self.grants() if grant.expires <= now)

    def suspects(self, now: float) -> tuple[Grant, ...]:
        """Give, once for each silence, the grants whose holder showed no life for `warn_after`."""
        quiet = [grant for grant in self.grants() if grant.fence not in self._warned]
        found = tuple(grant for grant in quiet if self._suspect_at(grant) <= now)
        self._warned.update(grant.fence for grant in found)
        self._suspicion = min((at for grant in quiet if (at := self._suspect_at(grant)) > now), default=None)
        return found

    def next_suspicion(self) -> float | None:
        """Give a time before which no grant becomes suspect if its holder shows no life."""
        return self._suspicion

    def restore(self, grants: Sequence[Grant]) -> None:
        """Hold what the journal says was held, and nothing else; nobody waits."""
        for grant in self._grants.values():
            self._held.remove(grant.path, grant.fence)
        for ticket in tuple(self._queue.values()):
            self._leave(ticket)
        self._grants, self._of, self._life, self._warned, self._suspicion = {}, {}, {}, set(), None
        for grant in grants:
            self._take_in(grant)
        self.fence = max([self.fence, *(grant.fence for grant in grants)])

    def __repr__(self) -> str:
        held = ", ".join(f"{grant.path}: {grant.holder}" for grant in self._grants.values())
        waits = ", ".join(f"{ticket.holder} for {ticket.path}" for ticket in self._queue.values())
        return f"<LockTable {held or 'nothing held'}; waiting: {waits or 'nobody'}>"

    def _grant(
        self, holder: AgentId, path: str, *, now: float, purpose: str, declared: bool = False, ticket: Ticket | None = None
    ) -> Grant:
        self.fence += 1
        grant = Grant(
            path=path,
            holder=holder,
            fence=self.fence,
            since=now,
            expires=now + self.stale_after,
            waited=now - ticket.since if ticket else 0.0,
            purpose=purpose,
            declared=declared,
            ticket=ticket.number if ticket else None,
        )
        self._take_in(grant)
        return grant

    def _take_in(self, grant: Grant) -> None:
        self._grants[grant.fence] = grant
        self._held.add(grant.path, grant.fence, grant)
        own = self._of.get(grant.holder)
        if own is None:
            own = self._of[grant.holder] = {}
        own[grant.fence] = grant
        at = self._suspect_at(grant)
        if self._suspicion is None or at < self._suspicion:
            self._suspicion = at

    def _alive(self, grant: Grant) -> Grant:
        """Give a grant with its expiry as the last sign of life has put it off."""
        until = self._life.get(grant.holder, 0.0) + self.stale_after
        return replace(grant, expires=until) if until > grant.expires else grant

    def _suspect_at(self, grant: Grant) -> float:
        return grant.expires - self.stale_after + self.warn_after

    def _spelled(self, holder: AgentId, path: str) -> Grant | None:
        """Give the agent's grant of a path in exactly that spelling."""
        return next((grant for grant in self._held.same(path) if grant.holder == holder and grant.path == path), None)

    def _leave(self, ticket: Ticket) -> None:
        del self._queue[ticket.number]
        self._asked.remove(ticket.path, ticket.number)
        own = self._tickets_of[ticket.holder]
        del own[ticket.number]
        if not own:
            del self._tickets_of[ticket.holder]

    def _release(self, released: Sequence[Grant], now: float, *, besides: Sequence[str] = ()) -> Freed:
        for grant in released:
            del self._grants[grant.fence]
            self._held.remove(grant.path, grant.fence)
            own = self._of[grant.holder]
            del own[grant.fence]
            if not own:
                del self._of[grant.holder]
            self._warned.discard(grant.fence)
        if not self._queue:
            return Freed(released=tuple(released))
        freed = self._promoted([*(grant.path for grant in released), *besides], now)
        return replace(freed, released=tuple(released))

    def _promoted(self, gone: Sequence[str], now: float) -> Freed:
        """Grant what can be granted since these keys are free, in the order of asking.

        Only requests that met one of them may have become free, and of whoever is granted something its other ones: one
        grant answers all requests of its holder for its path as it is spelled.
        """
        if not self._queue:
            return Freed()
        granted: list[Grant] = []
        answered: list[int] = []
        stuck: set[str | tuple[str, ...]] = set()  #: a request for that key still waits, so that later ones do
        todo = list({ticket.number for path in gone for ticket in self._asked.meeting(path)})
        heapq.heapify(todo)
        while todo:
            ticket = self._queue.get(heapq.heappop(todo))
            if ticket is None or (_same_key(ticket.path) in stuck and not self.holds(ticket.holder, ticket.path)):
                continue
            if self._is_blocked(ticket):
                stuck.add(_same_key(ticket.path))
                continue
            self._leave(ticket)
            answered.append(ticket.number)
            if self._spelled(ticket.holder, ticket.path) is None:
                granted.append(self._grant(ticket.holder, ticket.path, now=now, purpose=ticket.purpose, ticket=ticket))
                for number in self._tickets_of.get(ticket.holder, {}):
                    heapq.heappush(todo, number)
        return Freed(granted=tuple(granted), answered=tuple(answered))

    def _is_blocked(self, ticket: Ticket) -> bool:
        """Tell whether a request must go on waiting; of many reasons one will do."""
        if is_operation(ticket.path):
            return bool(self._in_the_way(ticket.holder, ticket.path, before=ticket.number))
        if self.holds(ticket.holder, ticket.path):
            return False
        if any(grant.holder != ticket.holder for grant in self._held.meeting(ticket.path)):
            return True
        return any(other.number < ticket.number and other.holder != ticket.holder for other in self._asked.meeting(ticket.path))

    def _in_the_way(self, holder: AgentId, path: str, *, before: int | None = None) -> tuple[AgentId, ...]:
        """Give the others who hold, or asked earlier for, what meets the path; an operation only when it is full."""
        if holder in self._of and self.holds(holder, path):
            return ()
        held = [grant for grant in self._held.meeting(path) if grant.holder != holder]
        if not (held or self._queue):
            return ()
        held.sort(key=_FENCE)
        earlier = (ticket for ticket in self._asked.meeting(path) if before is None or ticket.number < before)
        asked = sorted((ticket for ticket in earlier if ticket.holder != holder), key=_NUMBER)
        if is_operation(path) and len(held) + len(asked) < self._capacities.get(path, 1):
            return ()
        return tuple(dict.fromkeys([*(grant.holder for grant in held), *(ticket.holder for ticket in asked)]))

    def _circle(self, holder: AgentId, path: str, in_the_way: tuple[AgentId, ...]) -> tuple[AgentId, ...]:
        """Give the chain of waiting that would lead from the asking agent back to itself; empty if there is none.

        Of several who hold an operation any may end first: it is waited for unless those who wait for who asks would fill it.
        """
        if holder not in self._of and holder not in self._tickets_of and not is_person(holder):
            return ()  # nobody can wait for it
        if (capacity := self._capacities.get(path, 1)) == 1:
            return self._way_back(holder, in_the_way)
        ways = [way for name in in_the_way if (way := self._way_back(holder, (name,)))]
        return ways[0] if len(ways) >= capacity else ()

    def _way_back(self, holder: AgentId, in_the_way: tuple[AgentId, ...]) -> tuple[AgentId, ...]:
        #: of each key the last request whose reasons are known: those of earlier ones are among them
        told: dict[str, int] = {}
        return circle(holder, in_the_way, lambda name: self._waits_for(name, told))

    def _waits_for(self, name: AgentId, told: dict[str, int]) -> Iterator[AgentId]:
        yield from self.within(name)
        for number, ticket in self._tickets_of.get(name, {}).items():
            if number > told.get(ticket.path, 0):
                told[ticket.path] = number
                yield from self._in_the_way(name, ticket.path, before=number)

    def _taken(self, path: str, in_the_way: tuple[AgentId, ...]) -> str:
        """Say who holds the path; those who only wait for it are named if nobody does."""
        holding = {grant.holder for grant in self._held.meeting(path)}
        holders = [called(name) for name in in_the_way if name in holding]
        return f"held by {' and '.join(holders)}" if holders else f"waited for by {' and '.join(map(called, in_the_way))}"


def _same_key(key: str) -> str | tuple[str, ...]:
    """Give what is equal for all spellings of a key."""
    return key if is_operation(key) else parts_of(key)
