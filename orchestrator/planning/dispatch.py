"""A first schedule: at each moment the most urgent task that can start, starts (list scheduling; Graham, 1966).

Tasks are bits by urgency, so that finding the next one is a few operations on whole numbers. A task whose key is held waits
at that key, with all others that use it, until it is freed: nobody is looked at again and again.
"""

import heapq
import random
from collections.abc import Sequence

from orchestrator.planning.shop import Shop, Timetable

_TRIES, _WORK = 12, 1200  #: schedules to choose from, at most, and tasks in them
_SPREAD = 0.3  #: of the longest remaining path: by how much chance may lift its task up


def dispatch(shop: Shop, order: Sequence[int]) -> Timetable:
    """Schedule tasks, the first of the order being the most urgent."""
    run = _Dispatch(shop, order)
    while run.begin():
        pass
    return Timetable(makespan=run.now, start=run.start, agent=run.agent)


def best_dispatch(shop: Shop, first: Timetable) -> Timetable:
    """Give the shortest of a first schedule and a few others, which take tasks by their longest remaining path and by chance.

    One early mistake can cost a quarter of the whole, which a search that moves few tasks at a time does not mend.
    """
    best = first
    chance = random.Random(len(shop.length)).random  # noqa: S311 - the same each time, on purpose
    for _ in range(min(_TRIES, _WORK // max(1, len(shop.length)))):
        if best.makespan <= shop.bound:
            break
        drawn = [-tail * (1 + _SPREAD * chance()) for tail in shop.tail]
        best = min(best, dispatch(shop, sorted(range(len(drawn)), key=drawn.__getitem__)), key=lambda one: one.makespan)
    return best


def urgency(shop: Shop) -> list[int]:
    """Give the tasks by urgency: the longest remaining path, then the most contended key, then the fewest able agents."""
    pressure = [0] * shop.key_count
    scarce: dict[int, int] = {}
    for task, keys in enumerate(shop.keys):
        scarce[shop.able[task]] = scarce.get(shop.able[task], 0) + shop.length[task]
        for key in keys:
            pressure[key] += shop.length[task]

    def rank(task: int) -> tuple[int, ...]:
        contended = max([pressure[key] for key in shop.keys[task]], default=0)
        return -shop.tail[task], -contended, shop.able[task].bit_count(), -scarce[shop.able[task]], task

    return sorted(range(len(shop.length)), key=rank)


class _Dispatch:
    """The state of a schedule while it is made; all masks are of tasks by rank, but `idle` and `able`, which are of agents."""

    def __init__(self, shop: Shop, order: Sequence[int]) -> None:
        self._shop = shop
        self._order = order
        self._bit = [0] * len(order)
        for rank, task in enumerate(order):
            self._bit[task] = 1 << rank
        self._users = [0] * shop.key_count
        for task, keys in enumerate(shop.keys):
            for key in keys:
                self._users[key] |= self._bit[task]
        self._everybody = (1 << len(shop.agents)) - 1
        self._of_all, self._of_agent = self._fitting_agents()
        self._fits = [self._fitting_units(number) for number in range(len(shop.capacity))]
        self._missing = [len(needs) for needs in shop.needs]
        self._ready = sum(self._bit[task] for task, count in enumerate(self._missing) if count == 0)
        self._waiting = [0] * shop.key_count
        self._holder = [-1] * shop.key_count  #: the agent that holds a key or held it last
        self._held = [False] * shop.key_count
        self._free = list(shop.capacity)
        self._idle = self._everybody
        self._running: list[tuple[int, int]] = []
        self.now = 0
        self.start = [0] * len(order)
        self.agent = [-1] * len(order)

    def begin(self) -> bool:
        """Start what can start now, then go on to the next end; tell whether there was one."""
        while candidates := self._candidates():
            bit = candidates & -candidates
            task = self._order[bit.bit_length() - 1]
            held = next((key for key in self._shop.keys[task] if self._held[key]), None)
            if held is None:
                self._ready ^= bit
                self._start(task)
            else:
                stuck = self._ready & self._users[held]
                self._ready ^= stuck
                self._waiting[held] |= stuck
        if not self._running:
            return False
        self.now = self._running[0][0]
        while self._running and self._running[0][0] == self.now:
            self._end(heapq.heappop(self._running)[1])
        return True

    def _candidates(self) -> int:
        """Give the ready tasks that an idle agent can do and for which there are units left."""
        if not self._idle:
            return 0
        found, idle = self._of_all, self._idle
        while idle:
            agent = idle & -idle
            found |= self._of_agent[agent.bit_length() - 1]
            idle ^= agent
        found &= self._ready
        for number, free in enumerate(self._free):
            found &= self._fits[number][free]
        return found

    def _start(self, task: int) -> None:
        shop = self._shop
        agent = self._chosen(task)
        self._idle ^= 1 << agent
        self.start[task], self.agent[task] = self.now, agent
        for key in shop.keys[task]:
            self._held[key] = True
            self._holder[key] = agent
        for number, units in shop.shares[task]:
            self._free[number] -= units
        heapq.heappush(self._running, (self.now + shop.length[task], task))

    def _chosen(self, task: int) -> int:
        """Give the agent: one that has just used the same, so that related work stays together, else who is missed least."""
        free = self._shop.able[task] & self._idle
        for key in self._shop.keys[task]:
            if self._holder[key] >= 0 and free >> self._holder[key] & 1:
                return self._holder[key]
        return (free & -free).bit_length() - 1

    def _end(self, task: int) -> None:
        shop = self._shop
        self._idle |= 1 << self.agent[task]
        for key in shop.keys[task]:
            self._held[key] = False
            self._ready |= self._waiting[key]
            self._waiting[key] = 0
        for number, units in shop.shares[task]:
            self._free[number] += units
        for after in shop.followers[task]:
            self._missing[after] -= 1
            if self._missing[after] == 0:
                self._ready |= self._bit[after]

    def _fitting_agents(self) -> tuple[int, list[int]]:
        """Give the tasks that everybody can do, and the others by agent."""
        of_all, of_agent = 0, [0] * len(self._shop.agents)
        for task, able in enumerate(self._shop.able):
            if able == self._everybody:
                of_all |= self._bit[task]
                continue
            left = able
            while left:
                agent = left & -left
                of_agent[agent.bit_length() - 1] |= self._bit[task]
                left ^= agent
        return of_all, of_agent

    def _fitting_units(self, number: int) -> list[int]:
        """Give the tasks that do with so many units of something, by that many."""
        by_units = [0] * (self._shop.capacity[number] + 1)
        for task, shares in enumerate(self._shop.shares):
            by_units[dict(shares).get(number, 0)] |= self._bit[task]
        for units in range(1, len(by_units)):
            by_units[units] |= by_units[units - 1]
        return by_units
