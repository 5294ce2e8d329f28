"""Streams: tasks that share files stay with one agent, as far as that costs no time.

Tasks that write one file never run together, whoever does them: they hold one lock. A stream only settles that the same agent
does them. A file that very many write binds nobody together, it is a lock and nothing more; a stream that would take too long is
cut where the fewest tasks hang together. Tasks whose agents the document lists stay free: their author lets any of them do it.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from orchestrator.claims import is_operation, key
from orchestrator.model import AgentId, TaskId
from orchestrator.planning.lengths import Length
from orchestrator.planning.order import Order
from orchestrator.planning.owners import Assigned
from orchestrator.sections import AllocationSettings

_SHARES = (1.0, 0.5, 0.25)  #: of the longest stream allowed: the cuts that are tried, coarse ones first
_LARGE = 2000  #: tasks, beyond which the order alone keeps related work together: trying streams would cost seconds
_SLOWER = 1.05  #: how much longer than without streams a quick schedule may be with them


@dataclass(frozen=True, slots=True, kw_only=True)
class Knot:
    """A file that several tasks write."""

    path: str
    tasks: tuple[int, ...]  #: by place, in document order


def knots(assigned: Sequence[Assigned]) -> tuple[Knot, ...]:
    """Give the paths that several tasks claim, in document order."""
    users: dict[str, list[int]] = defaultdict(list)
    for place, one in enumerate(assigned):
        for path in dict.fromkeys(map(key, one.writes or ())):
            users[path].append(place)
    return tuple(
        Knot(path=path, tasks=tuple(tasks)) for path, tasks in users.items() if len(tasks) > 1 and not is_operation(path)
    )


def with_streams(
    assigned: Sequence[Assigned],
    *,
    lengths: Mapping[TaskId, Length],
    agents: Sequence[AgentId],
    weights: AllocationSettings,
    quick: Callable[[Sequence[Assigned]], Order],
) -> list[Assigned]:
    """Give the tasks, those of a stream with one agent; `quick` gives a first schedule."""
    tied = knots(assigned)
    told = _with_hot(tied, assigned, weights.hot)
    if len(told) > _LARGE:
        return told
    binding = [knot for knot in tied if len(knot.tasks) <= weights.hot]
    if not any(is_free(assigned[place]) for knot in binding for place in knot.tasks):
        return told
    before = quick(told)
    alone = max(sum(lengths[assigned[place].task.id].seconds for place in knot.tasks) for knot in tied)
    for share in _SHARES:  # no plan is shorter than the busiest file keeps it
        streams = _Streams(told, lengths, longest=weights.stream * max(before.bound, alone) * share)
        for knot in sorted(binding, key=lambda knot: -len(knot.tasks)):
            streams.tie(knot)
        kept = streams.given(agents)
        if quick(kept).makespan <= _SLOWER * before.makespan:
            return kept
    return told


def is_free(one: Assigned) -> bool:
    """Tell whether squad has a choice who does a task, and its author left it none."""
    return len(one.agents) > 1 and not one.task.agents


def _with_hot(tied: Sequence[Knot], assigned: Sequence[Assigned], most: int) -> list[Assigned]:
    """Say of tasks which of their files so many write that they are locks only."""
    told = list(assigned)
    for knot in tied:
        if len(knot.tasks) > most:
            why = f"{knot.path} is written by {len(knot.tasks)} tasks: it is a lock, taken in turn"
            for place in knot.tasks:
                told[place] = replace(told[place], why=(*told[place].why, why))
    return told


class _Streams:
    """Tasks that hang together, by their first place (union and find), and what each stream amounts to."""

    def __init__(self, assigned: Sequence[Assigned], lengths: Mapping[TaskId, Length], *, longest: float) -> None:
        self._assigned = assigned
        self._longest = longest
        self._above = list(range(len(assigned)))
        self._work = [lengths[one.task.id].seconds for one in assigned]
        self._able = [frozenset(one.agents) for one in assigned]
        self._seconds = list(self._work)
        self._by: dict[int, tuple[str, int]] = {}  #: for a task the file, and the other task, that tie it first

    def tie(self, knot: Knot) -> None:
        """Put the tasks of a file into one stream, each that still fits in."""
        first = knot.tasks[0]
        for place in knot.tasks[1:]:
            one, other = self._root(first), self._root(place)
            able = self._able[one] & self._able[other]
            if one != other and (not able or self._work[one] + self._work[other] > self._longest):
                continue
            self._by.setdefault(first, (knot.path, place))
            self._by.setdefault(place, (knot.path, first))
            if one == other:
                continue
            root, below = min(one, other), max(one, other)
            self._above[below] = root
            self._work[root] += self._work[below]
            self._able[root] = able

    def given(self, agents: Sequence[AgentId]) -> list[Assigned]:
        """Give each stream to the able agent that has least, the longest first; one that nobody has room for stays free."""
        rank = {agent: number for number, agent in enumerate(agents)}
        load = dict.fromkeys(agents, 0.0)
        streams: dict[int, list[int]] = {}
        for place, one in enumerate(self._assigned):
            if len(one.agents) == 1:
                load[one.agents[0]] += self._seconds[place]
            if place in self._by:
                streams.setdefault(self._root(place), []).append(place)
        kept = list(self._assigned)
        for root in sorted(streams, key=lambda root: (-self._work[root], root)):
            free = [place for place in streams[root] if is_free(self._assigned[place])]
            work = sum(self._seconds[place] for place in free)
            if not free:
                continue
            agent = min(self._able[root], key=lambda agent: (load[agent], rank[agent]))
            if load[agent] + work > self._longest and load[agent]:
                continue
            load[agent] += work
            for place in free:
                kept[place] = self._kept(place, agent)
        return kept

    def _kept(self, place: int, agent: AgentId) -> Assigned:
        one, (path, other) = self._assigned[place], self._by[place]
        why = f"it writes {path}, as {self._assigned[other].task.id} does: such tasks stay with one agent, {agent}"
        return replace(one, agents=(agent,), why=(why, *one.why[1:]))

    def _root(self, place: int) -> int:
        while self._above[place] != place:
            self._above[place] = self._above[self._above[place]]
            place = self._above[place]
        return place
