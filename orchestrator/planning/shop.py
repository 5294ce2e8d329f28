"""An ordering problem in whole numbers: tasks by their place in the document, milliseconds, bit masks for agents.

Agents and keys that only one may hold are told apart from what several may hold at once; a key that only one task uses is
left out, since it keeps nobody waiting. Agents are numbered by how little is asked of them, so that the lowest bit of a
mask is the one who is missed least elsewhere.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain

from orchestrator.model import AgentId, TaskId


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A task as the schedule sees it."""

    task: TaskId
    agents: tuple[AgentId, ...]  #: who can do it
    needs: tuple[TaskId, ...]
    locks: tuple[str, ...]  #: one that stands twice takes two units of what several may hold
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Timetable:
    """A schedule: what starts when, and by whom."""

    makespan: int
    start: list[int]
    agent: list[int]  #: numbers; -1 where there are none


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """The problem; lists are indexed by task."""

    length: list[int]
    needs: list[tuple[int, ...]]
    followers: list[list[int]]
    able: list[int]  #: masks of agents
    agents: tuple[AgentId, ...]  #: by number
    keys: list[tuple[int, ...]]  #: what one may hold at a time
    key_count: int
    shares: list[tuple[tuple[int, int], ...]]  #: what several may hold: number and units
    capacity: list[int]  #: units by number
    tail: list[int]  #: longest remaining path, the task included
    bound: int  #: no schedule is shorter


def shop_of(slots: Sequence[Slot], *, at_once: int, capacity: Mapping[str, int]) -> Shop:
    """Number everything; needs that are not among the tasks are met."""
    place = {slot.task: number for number, slot in enumerate(slots)}
    length = [round(slot.seconds * 1000) for slot in slots]
    needs = [tuple(place[need] for need in slot.needs if need in place) for slot in slots]
    followers: list[list[int]] = [[] for _ in slots]
    for number, row in enumerate(needs):
        for need in row:
            followers[need].append(number)
    agents = _by_demand(slots, length)
    bit = {agent: 1 << number for number, agent in enumerate(agents)}
    keys, key_count = _keys(slots, capacity)
    shares, units = _shares(slots, capacity, at_once if at_once < len(agents) else 0)
    tail = tails(length, needs, followers)
    mask = cache(lambda names: sum(bit[agent] for agent in set(names)))
    able = [mask(slot.agents) for slot in slots]
    return Shop(
        length=length,
        needs=needs,
        followers=followers,
        able=able,
        agents=agents,
        keys=keys,
        key_count=key_count,
        shares=shares,
        capacity=units,
        tail=tail,
        bound=max([_load(length, able, keys, min(at_once, len(agents))), *tail]),
    )


def tails(length: Sequence[int], needs: Sequence[Sequence[int]], followers: Sequence[Sequence[int]]) -> list[int]:
    """Give the longest remaining path of each task, itself included (the backward pass of the critical path method)."""
    missing = [len(row) for row in followers]
    longest = [0] * len(length)
    todo = [task for task, count in enumerate(missing) if count == 0]
    for task in todo:
        longest[task] = length[task] + max([longest[after] for after in followers[task]], default=0)
        for need in needs[task]:
            missing[need] -= 1
            if missing[need] == 0:
                todo.append(need)
    return longest


def in_time(shop: Shop, found: Timetable) -> list[int]:
    """Give the tasks by their start; of those that take no time, each stands behind what it needs."""
    rank = {task: place for place, task in enumerate(_sorted(shop))}
    return sorted(rank, key=lambda task: (found.start[task], rank[task]))


def _sorted(shop: Shop) -> list[int]:
    """Give the tasks so that each stands behind its needs."""
    missing = [len(row) for row in shop.needs]
    order = [task for task, count in enumerate(missing) if count == 0]
    for task in order:
        for after in shop.followers[task]:
            missing[after] -= 1
            if missing[after] == 0:
                order.append(after)
    return order


def _by_demand(slots: Sequence[Slot], length: Sequence[int]) -> tuple[AgentId, ...]:
    """Give the agents, those first of whom least is asked; ties in the order of first naming."""
    asked: dict[AgentId, float] = {}
    for slot, milliseconds in zip(slots, length, strict=True):
        for agent in slot.agents:
            asked[agent] = asked.get(agent, 0.0) + milliseconds / len(slot.agents)
    return tuple(sorted(asked, key=lambda agent: round(asked[agent], 3)))


def _keys(slots: Sequence[Slot], capacity: Mapping[str, int]) -> tuple[list[tuple[int, ...]], int]:
    held = [sorted(set(slot.locks)) for slot in slots]
    users = Counter(chain.from_iterable(held))
    several = [lock for lock, times in users.items() if times > 1 and capacity.get(lock, 1) == 1]
    number = {lock: count for count, lock in enumerate(several)}
    return [tuple(sorted([number[lock] for lock in locks if lock in number])) for locks in held], len(number)


def _shares(
    slots: Sequence[Slot], capacity: Mapping[str, int], at_once: int
) -> tuple[list[tuple[tuple[int, int], ...]], list[int]]:
    """Give what each task takes of what several may hold; how many agents work at once is one of these."""
    named = sorted({lock for slot in slots for lock in slot.locks if capacity.get(lock, 1) > 1}) if capacity else []
    if not named:
        return [((0, 1),) if at_once else () for _ in slots], [at_once] if at_once else []
    number = {lock: count for count, lock in enumerate(named)}
    asked = Counter(lock for slot in slots for lock in slot.locks)
    units = [min(capacity[lock], asked[lock]) for lock in named]
    everybody = ((len(units), 1),) if at_once else ()
    rows = []
    for slot in slots:
        taken = Counter(lock for lock in slot.locks if lock in number)
        own = [(number[lock], min(times, units[number[lock]])) for lock, times in taken.items()]
        rows.append((*sorted(own), *everybody))
    return rows, [*units, at_once] if at_once else units


def _load(length: Sequence[int], able: Sequence[int], keys: Sequence[Sequence[int]], at_once: int) -> int:
    """Give the most that one agent alone, one key, or all agents together have to do."""
    alone: Counter[int] = Counter()
    busy: Counter[int] = Counter()
    for task, milliseconds in enumerate(length):
        if able[task].bit_count() == 1:
            alone[able[task]] += milliseconds
        for key in keys[task]:
            busy[key] += milliseconds
    return max([-(-sum(length) // max(1, at_once)), *alone.values(), *busy.values()])
