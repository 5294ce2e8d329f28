"""Who may write where, right now.

The table lives in memory and is owned by the supervisor: no method waits, so between a question and its answer nobody
else can run. What a task declares is granted whole or not at all, so two tasks never wait for each other. What agents
ask for while they work is served in the order of asking: nobody overtakes a waiting request that it meets, and a
request that would close a circle of waiting is refused at once. A waiting request goes before a declaration, because an
agent at work stands still for it; it cannot starve declarations, because only tasks under way can ask.
"""

from collections.abc import Iterable, Mapping, Sequence
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


Answer: TypeAlias = Grant | Ticket | Denied
Freed: TypeAlias = tuple[tuple[Grant, ...], tuple[Grant, ...]]  #: released, and granted thereby to those who waited


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

    def valid(self, fence: int, path: str) -> bool:
        """Tell whether the grant of that number still covers the path."""
        return any(grant.fence == fence and covers(grant.path, path) for grant in self._grants)

    def acquire_all(self, holder: AgentId, keys: Iterable[str], *, now: float, purpose: str = "") -> tuple[Grant, ...] | Blocked:
        """Grant everything a task declares, or nothing."""
        wanted = tuple(dict.fromkeys(keys))
        for wish in wanted:
            if in_the_way := self._in_the_way(holder, wish, self._queue):
                return Blocked(path=wish, holders=in_the_way)
        return tuple(self._grant(holder, wish, now=now, purpose=purpose, declared=True) for wish in wanted)

    def request(self, holder: AgentId, path: str, *, now: float, purpose: str = "", wait: bool = False) -> Answer:
        """Answer an agent that asks for a path while it works; a held lock is granted to its holder again."""
        if held := next((grant for grant in self._grants if (grant.holder, grant.path) == (holder, path)), None):
            return self._swap(held, replace(held, expires=now + self.stale_after))
        in_the_way = self._in_the_way(holder, path, self._queue)
        if not in_the_way:
            return self._grant(holder, path, now=now, purpose=purpose)
        if not wait:
            return Denied(path=path, holder=in_the_way[0], reason=f"{path} is held by {' and '.join(in_the_way)}")
        if circle := self._circle(holder, in_the_way):
            reason = f"waiting would close a circle: {' -> '.join(circle)}; free what you hold first, or do something else"
            return Denied(path=path, holder=in_the_way[0], reason=reason)
        self._numbers += 1
        ticket = Ticket(number=self._numbers, path=path, holder=holder, since=now, purpose=purpose)
        self._queue.append(ticket)
        return ticket

    def withdraw(self, ticket: Ticket, *, now: float) -> tuple[Grant, ...]:
        """Take a request out of the queue; gives what others are granted thereby."""
        self._queue = [waiting for waiting in self._queue if waiting.number != ticket.number]
        return self._promote(now)

    def release(self, holder: AgentId, path: str, *, now: float) -> Freed:
        """Free a path that the agent asked for; what its task declared stays."""
        return self._release(
            [grant for grant in self._grants if (grant.holder, grant.path, grant.declared) == (holder, path, False)], now
        )

    def release_all(self, holder: AgentId, *, now: float) -> Freed:
        """Free everything of an agent whose process tree is gone, and drop what it waited for."""
        self._queue = [ticket for ticket in self._queue if ticket.holder != holder]
        return self._release([grant for grant in self._grants if grant.holder == holder], now)

    def force(self, path: str, *, now: float) -> Freed | Denied:
        """Free a path for a person: honoured when stale, else denied with the reason."""
        held = [grant for grant in self._grants if grant.path == path]
        if not held:
            return Denied(path=path, holder=None, reason=f"nobody holds a lock on {path}")
        if fresh := next((grant for grant in held if grant.expires > now), None):
            last = now - (fresh.expires - self.stale_after)
            reason = f"{fresh.holder} showed life {last:.0f} s ago; a lock is stale after {self.stale_after:.0f} s"
            return Denied(path=path, holder=fresh.holder, reason=reason)
        return self._release(held, now)

    def renew(self, holder: AgentId, *, now: float) -> None:
        """Put off the expiry of everything the agent holds: it showed life."""
        self._grants = [
            replace(grant, expires=now + self.stale_after) if grant.holder == holder else grant for grant in self._grants
        ]

    def stale(self, now: float) -> tuple[Grant, ...]:
        """Give the grants whose holder showed no life for `stale_after`."""
        return tuple(grant for grant in self._grants if grant.expires <= now)

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

    def _swap(self, old: Grant, new: Grant) -> Grant:
        self._grants[self._grants.index(old)] = new
        return new

    def _release(self, released: list[Grant], now: float) -> Freed:
        gone = {grant.fence for grant in released}
        self._grants = [grant for grant in self._grants if grant.fence not in gone]
        return tuple(released), self._promote(now)

    def _promote(self, now: float) -> tuple[Grant, ...]:
        """Grant what can be granted, in the order of asking."""
        granted: list[Grant] = []
        waiting: list[Ticket] = []
        for ticket in self._queue:
            if self._in_the_way(ticket.holder, ticket.path, waiting):
                waiting.append(ticket)
            else:
                granted.append(self._grant(ticket.holder, ticket.path, now=now, purpose=ticket.purpose, ticket=ticket))
        self._queue = waiting
        return tuple(granted)

    def _in_the_way(self, holder: AgentId, path: str, earlier: Iterable[Ticket]) -> tuple[AgentId, ...]:
        """Give the others who hold, or asked earlier for, what meets the path; an operation only when it is full."""
        held = [grant.holder for grant in self._grants if grant.holder != holder and meets(grant.path, path)]
        asked = [ticket.holder for ticket in earlier if ticket.holder != holder and meets(ticket.path, path)]
        both = tuple(dict.fromkeys([*held, *asked]))
        if is_operation(path) and len(held) + len(asked) < self._capacities.get(path, 1):
            return ()
        return both

    def _circle(self, holder: AgentId, in_the_way: tuple[AgentId, ...]) -> tuple[AgentId, ...]:
        """Give the chain of waiting that would lead from the asking agent back to itself; empty if there is none."""
        paths: list[tuple[AgentId, ...]] = [(holder, name) for name in in_the_way]
        seen: set[AgentId] = set()
        while paths:
            path = paths.pop()
            last = path[-1]
            if last == holder:
                return path
            if last in seen:
                continue
            seen.add(last)
            paths += [(*path, name) for name in self._waits_for(last)]
        return ()

    def _waits_for(self, name: AgentId) -> set[AgentId]:
        blockers: set[AgentId] = set()
        for place, ticket in enumerate(self._queue):
            if ticket.holder == name:
                blockers.update(self._in_the_way(name, ticket.path, self._queue[:place]))
        return blockers
