"""Who may write where, right now.

The table lives in memory and is owned by the supervisor: no method waits, so between a question and its answer nobody
else can run. What a task declares is granted whole or not at all, so two tasks never wait for each other. What agents
ask for while they work is served in the order of asking: nobody overtakes a waiting request that it meets, and a
request that would close a circle of waiting is refused at once. What an agent holds already is granted to it again
without waiting, also a part of it. A waiting request goes before a declaration, because an agent at work stands still
for it; it cannot starve declarations, because only tasks under way can ask. One key has one spelling at a time.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from orchestrator.claims import covers, is_operation, meets
from orchestrator.model import AgentId


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """The right of one agent to one key."""

    path: str
    holder: AgentId
    fence: int  #: grows with each grant; a late write with an older number is refused
    since: float  #: seconds since the epoch
    expires: float  #: stale from then on, unless renewed by a sign of life
    waited: float = 0.0  #: seconds between asking and granting
    purpose: str = ""
    declared: bool = False  #: by the task, before its start
    ticket: int | None = None  #: the waiting request it answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A request that waits."""

    number: int
    path: str
    holder: AgentId  #: who asks
    since: float
    purpose: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """A refused request."""

    path: str
    holder: AgentId | None  #: who stands in the way
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """Why a declaration cannot be granted now."""

    path: str
    holders: tuple[AgentId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Freed:
    """What became of grants and waiting requests in one step."""

    released: tuple[Grant, ...] = ()
    granted: tuple[Grant, ...] = ()  #: thereby, to those who waited
    dropped: tuple[Ticket, ...] = ()  #: requests of an agent that has ended


Answer: TypeAlias = Grant | Ticket | Denied


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
        self._capacities = dict(capacities or {})
        self._fence = fence
        self._numbers = 0
        self._grants: list[Grant] = []
        self._queue: list[Ticket] = []
        self._warned: set[int] = set()  #: fences

    def grants(self) -> tuple[Grant, ...]:
        """Give all grants, oldest first."""
        return tuple(self._grants)

    def waiting(self) -> tuple[Ticket, ...]:
        """Give all waiting requests, first come first."""
        return tuple(self._queue)

    def holder_of(self, path: str, *, besides: AgentId | None = None) -> AgentId | None:
        """Give who holds something that meets the path."""
        return next((grant.holder for grant in self._grants if grant.holder != besides and meets(grant.path, path)), None)

    def holds(self, holder: AgentId, path: str) -> bool:
        """Tell whether the agent's grants cover the path."""
        return any(grant.holder == holder and covers(grant.path, path) for grant in self._grants)

    def granted_to(self, holder: AgentId, path: str) -> Grant | None:
        """Give the agent's grant of exactly that path, however it is spelled."""
        key = self._spelled(path)
        return next((grant for grant in self._grants if (grant.holder, grant.path) == (holder, key)), None)

    def valid(self, fence: int, path: str) -> bool:
        """Tell whether the grant of that number still covers the path."""
        return any(grant.fence == fence and covers(grant.path, path) for grant in self._grants)

    def acquire_all(self, holder: AgentId, keys: Iterable[str], *, now: float, purpose: str = "") -> tuple[Grant, ...] | Blocked:
        """Grant everything a task declares, or nothing."""
        wanted = tuple(dict.fromkeys(map(self._spelled, keys)))
        for wish in wanted:
            if in_the_way := self._in_the_way(holder, wish, self._queue):
                return Blocked(path=wish, holders=in_the_way)
        return tuple(
            self._grant(holder, wish, now=now, purpose=purpose, declared=True)
            for wish in wanted
            if self.granted_to(holder, wish) is None
        )

    def request(self, holder: AgentId, path: str, *, now: float, purpose: str = "", wait: bool = False) -> Answer:
        """Answer an agent that asks for a path while it works; a held lock is granted to its holder again."""
        wish = self._spelled(path)
        if held := self.granted_to(holder, wish):
            self.renew(holder, now=now)
            return self.granted_to(holder, wish) or held
        in_the_way = self._in_the_way(holder, wish, self._queue)
        if not in_the_way:
            return self._grant(holder, wish, now=now, purpose=purpose)
        if not wait:
            return Denied(path=wish, holder=in_the_way[0], reason=f"{wish} is {self._taken(wish, in_the_way)}")
        if circle := self._circle(holder, in_the_way):
            reason = f"waiting would close a circle: {' -> '.join(circle)}; free what you hold first, or do something else"
            return Denied(path=wish, holder=in_the_way[0], reason=reason)
        self._numbers += 1
        ticket = Ticket(number=self._numbers, path=wish, holder=holder, since=now, purpose=purpose)
        self._queue.append(ticket)
        return ticket

    def withdraw(self, ticket: Ticket, *, now: float) -> Freed:
        """Take a request out of the queue."""
        self._queue = [waiting for waiting in self._queue if waiting.number != ticket.number]
        return Freed(granted=self._promote(now))

    def release(self, holder: AgentId, path: str, *, now: float) -> Freed:
        """Free a path that the agent asked for; what its task declared stays."""
        held = self.granted_to(holder, path)
        return self._release([held] if held and not held.declared else [], now)

    def release_all(self, holder: AgentId, *, now: float) -> Freed:
        """Free everything of an agent whose process tree is gone, and drop what it waited for."""
        dropped = tuple(ticket for ticket in self._queue if ticket.holder == holder)
        self._queue = [ticket for ticket in self._queue if ticket.holder != holder]
        freed = self._release([grant for grant in self._grants if grant.holder == holder], now)
        return replace(freed, dropped=dropped)

    def force(self, path: str, *, now: float) -> Freed | Denied:
        """Free a path for a person: honoured when stale, else denied with the reason."""
        held = [grant for grant in self._grants if grant.path == self._spelled(path)]
        if not held:
            return Denied(path=path, holder=None, reason=f"nobody holds a lock on {path}")
        if fresh := next((grant for grant in held if grant.expires > now), None):
            silent = now - (fresh.expires - self.stale_after)
            reason = f"{fresh.holder} showed life {silent:.0f} s ago; a lock is stale after {self.stale_after:.0f} s"
            return Denied(path=path, holder=fresh.holder, reason=reason)
        return self._release(held, now)

    def renew(self, holder: AgentId, *, now: float) -> None:
        """Put off the expiry of everything the agent holds: it showed life then."""
        until = now + self.stale_after
        for place, grant in enumerate(self._grants):
            if grant.holder == holder and grant.expires < until:
                self._grants[place] = replace(grant, expires=until)
                self._warned.discard(grant.fence)

    def stale(self, now: float) -> tuple[Grant, ...]:
        """Give the grants whose holder showed no life for `stale_after`."""
        return tuple(grant for grant in self._grants if grant.expires <= now)

    def suspects(self, now: float) -> tuple[Grant, ...]:
        """Give, once for each silence, the grants whose holder showed no life for `warn_after`."""
        found = tuple(grant for grant in self._grants if grant.fence not in self._warned and self._suspect_at(grant) <= now)
        self._warned.update(grant.fence for grant in found)
        return found

    def next_suspicion(self) -> float | None:
        """Give the time at which the next grant becomes suspect if its holder shows no life."""
        return min((self._suspect_at(grant) for grant in self._grants if grant.fence not in self._warned), default=None)

    def restore(self, grants: Sequence[Grant]) -> None:
        """Hold what the journal says was held."""
        self._grants = list(grants)
        self._fence = max([self._fence, *(grant.fence for grant in grants)])

    def __repr__(self) -> str:
        held = ", ".join(f"{grant.path}: {grant.holder}" for grant in self._grants)
        waits = ", ".join(f"{ticket.holder} for {ticket.path}" for ticket in self._queue)
        return f"<LockTable {held or 'nothing held'}; waiting: {waits or 'nobody'}>"

    def _grant(
        self, holder: AgentId, path: str, *, now: float, purpose: str, declared: bool = False, ticket: Ticket | None = None
    ) -> Grant:
        self._fence += 1
        grant = Grant(
            path=path,
            holder=holder,
            fence=self._fence,
            since=now,
            expires=now + self.stale_after,
            waited=now - ticket.since if ticket else 0.0,
            purpose=purpose,
            declared=declared,
            ticket=ticket.number if ticket else None,
        )
        self._grants.append(grant)
        return grant

    def _suspect_at(self, grant: Grant) -> float:
        return grant.expires - self.stale_after + self.warn_after

    def _spelled(self, path: str) -> str:
        """Give the spelling under which a key is already known, if it differs only in case or Unicode form."""
        known = (row.path for rows in (self._grants, self._queue) for row in rows)
        return next((other for other in known if other == path or _is_alias(other, path)), path)

    def _release(self, released: list[Grant], now: float) -> Freed:
        gone = {grant.fence for grant in released}
        self._warned -= gone
        self._grants = [grant for grant in self._grants if grant.fence not in gone]
        return Freed(released=tuple(released), granted=self._promote(now))

    def _promote(self, now: float) -> tuple[Grant, ...]:
        """Grant what can be granted, in the order of asking; one grant answers all requests of its holder for its path."""
        granted: list[Grant] = []
        waiting: list[Ticket] = []
        for ticket in self._queue:
            if self._in_the_way(ticket.holder, ticket.path, waiting):
                waiting.append(ticket)
            elif self.granted_to(ticket.holder, ticket.path) is None:
                granted.append(self._grant(ticket.holder, ticket.path, now=now, purpose=ticket.purpose, ticket=ticket))
        self._queue = waiting
        return tuple(granted)

    def _in_the_way(self, holder: AgentId, path: str, earlier: Iterable[Ticket]) -> tuple[AgentId, ...]:
        """Give the others who hold, or asked earlier for, what meets the path; an operation only when it is full."""
        if self.holds(holder, path):
            return ()
        held = [grant.holder for grant in self._grants if grant.holder != holder and meets(grant.path, path)]
        asked = [ticket.holder for ticket in earlier if ticket.holder != holder and meets(ticket.path, path)]
        both = tuple(dict.fromkeys([*held, *asked]))
        if is_operation(path) and len(held) + len(asked) < self._capacities.get(path, 1):
            return ()
        return both

    def _circle(self, holder: AgentId, in_the_way: tuple[AgentId, ...]) -> tuple[AgentId, ...]:
        """Give the chain of waiting that would lead from the asking agent back to itself; empty if there is none."""
        paths: deque[tuple[AgentId, ...]] = deque((holder, name) for name in in_the_way)
        seen: set[AgentId] = set()
        while paths:
            path = paths.popleft()
            last = path[-1]
            if last == holder:
                return path
            if last in seen:
                continue
            seen.add(last)
            paths.extend((*path, name) for name in self._waits_for(last))
        return ()

    def _waits_for(self, name: AgentId) -> Iterator[AgentId]:
        for place, ticket in enumerate(self._queue):
            if ticket.holder == name:
                yield from self._in_the_way(name, ticket.path, self._queue[:place])

    def _taken(self, path: str, in_the_way: tuple[AgentId, ...]) -> str:
        """Say who holds the path; those who only wait for it are named if nobody does."""
        holders = [name for name in in_the_way if any(grant.holder == name and meets(grant.path, path) for grant in self._grants)]
        return f"held by {' and '.join(holders)}" if holders else f"waited for by {' and '.join(in_the_way)}"


def _is_alias(one: str, other: str) -> bool:
    return covers(one, other) and covers(other, one)
