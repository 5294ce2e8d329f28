"""A better schedule where everything is held by one at a time: iterated greedy (Ruiz and Stützle, 2007).

Each step takes a few tasks out of the schedule, one of them critical, the others near it in time, and puts each back where
the longest path through it is shortest, give or take a little chance. What became longer is undone, but for some heat at
first (simulated annealing). Nothing outside a window of the sequence is looked at until a step is kept, so that a step
takes as long in a large plan as in a small one. The number of steps and the seed are fixed, so that the same problem gives
the same schedule on every machine.
"""

import random
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from math import log

from orchestrator.planning.chains import Chains
from orchestrator.planning.shop import Shop, Timetable

_STEPS = 900  #: at most, and fewer where there is little to try or a kept step is long
_LARGE = 100  #: tasks, from which on there are fewer steps, and less heat: there is no time to cool down
_OUT = 3  #: tasks taken out at a time
_HEAT = 0.5  #: of a task's mean length: by how much a step may make the schedule longer at first
_CHANCE = 0.05  #: of a task's mean length: by how much a place may be worse than the best one
_STRAY = 0.1  #: share of steps whose first task is any, not a critical one
_NEAR = 1.5  #: places on each side of the first task, for each agent: from there the others are taken
_REACH = 4  #: the same: there all are put back


def rebuild(shop: Shop, first: Timetable, *, effort: int) -> Timetable:
    """Give the best schedule found, the first one if there is no better."""
    size = len(shop.length)
    if size < 2 or first.makespan <= shop.bound:
        return first
    return _Rebuilding(shop, first).run(effort * min(int(_STEPS * min(1.0, (_LARGE / size) ** 0.75)), 12 * size * size))


class _Rebuilding:
    def __init__(self, shop: Shop, first: Timetable) -> None:
        self._shop = shop
        self._now = Chains(shop, first)
        self._size = len(shop.length)
        self._agents = [tuple(bit for bit in range(len(shop.agents)) if able >> bit & 1) for able in shop.able]
        self._keys = [frozenset(keys) for keys in self._now.keys]
        mean = sum(shop.length) / self._size
        self._noise = _CHANCE * mean
        self._heat = _HEAT * mean * min(1.0, (_LARGE / self._size) ** 2)
        self._chance = random.Random(self._size).random  # noqa: S311 - the same each time, on purpose
        self._best = first

    def run(self, steps: int) -> Timetable:
        """Walk, at first also to what is worse, and remember the best."""
        now = self._now
        makespan = self._time(0, self._size)
        now.settle()
        for step in range(steps):
            limit = makespan - self._heat * (1 - step / steps) * log(1.0 - self._chance())
            task = self._critical(makespan)
            first, last = self._around(task, _REACH)
            changed = self._step(self._picked(task), first, last, limit)
            if changed is not None:
                makespan = self._time(*changed)
                now.settle()
                if makespan < self._best.makespan:
                    self._best = now.timetable()
                    if makespan <= self._shop.bound:
                        break
        return self._best

    def _critical(self, makespan: int) -> int:
        """Draw a task that lets nobody start later, or now and then any."""
        now = self._now
        finish, tail, length = now.finish, now.tail, now.length
        any_will_do = self._chance() < _STRAY
        while True:
            task = now.sequence[int(self._chance() * self._size)]
            if any_will_do or finish[task] + tail[task] - length[task] == makespan:
                return task

    def _time(self, first: int, last: int) -> int:
        """Work out all times after a change of the places from one to another; gives the makespan."""
        self._now.pass_on(first, self._size)
        self._now.pass_back(0, last + 1)
        return max(self._now.finish)

    def _around(self, task: int, reach: float) -> tuple[int, int]:
        """Give the places near a task: the first, and the one behind the last."""
        place, by = self._now.place[task], int(reach * len(self._shop.agents))
        return max(0, place - by), min(self._size, place + by + 1)

    def _picked(self, task: int) -> list[int]:
        """Give the tasks to take out, in the order in which they are put back."""
        first, last = self._around(task, _NEAR)
        picked = [task, *(self._now.sequence[first + int(self._chance() * (last - first))] for _ in range(_OUT - 1))]
        picked = list(dict.fromkeys(picked))
        turn = int(self._chance() * len(picked))
        return picked[turn:] + picked[:turn]

    def _step(self, picked: list[int], first: int, last: int, limit: float) -> tuple[int, int] | None:
        """Take tasks out and put them back; undone unless the schedule keeps to the limit.

        Gives the first and the last place that the last move changed: behind the one, tasks may end at another time now, and
        before the other the path to the end may be another. None: all is as it was.
        """
        now = self._now
        window = now.sequence[first:last]
        times = now.finish[:], now.tail[:]
        agents = [now.agent[task] for task in picked]
        places = [now.place[task] for task in picked]
        for task in picked:
            now.take(task)
        changed = min(places), max(places)
        for count, task in enumerate(picked):  # noqa: B007 - those before it are put back
            now.pass_on(changed[0], last)
            now.pass_back(first, changed[1] + 1)
            found = self._place(task, first, last, limit)
            if found is None:
                break
            changed = now.move(task, found[0])
            now.put(task, found[1])
        else:
            return changed
        for task in picked[:count]:
            now.take(task)
        now.sequence[first:last] = window
        now.number(first, last)
        now.finish, now.tail = times
        for task, agent in zip(picked, agents, strict=True):
            now.put(task, agent)
        return None

    def _place(self, task: int, first: int, last: int, limit: float) -> tuple[int, int] | None:
        """Give the place where the longest path through a task is shortest, and the agent; None: all are beyond the limit."""
        now, keys, length, chance = self._now, self._keys[task], self._shop.length[task], self._chance
        near, heads, tails, early, late = self._near(task, first, last)
        best, found, looked = float("inf"), None, self._agents[task]
        before, behind = self._held(keys, heads, early), self._held(keys, tails, late)
        for at in range(len(near) + 1):
            for agent in looked:
                head, tail = heads[agent], tails[agent]
                path = (head if head > before else before) + length + (tail if tail > behind else behind)  # noqa: FURB136 - quicker
                if path < best and path <= limit:  # chance only adds to it
                    drawn = path - self._noise * log(1.0 - chance())
                    if drawn < best:
                        best, found = drawn, (at, agent)
            if at < len(near):
                other = near[at]
                agent = now.agent[other]
                heads[agent], tails[agent], looked = now.finish[other], now.tail[now.after[other][0]], (agent,)
                if keys and not keys.isdisjoint(now.keys[other]):
                    self._pass(other, heads, tails)
                    before, behind, looked = self._held(keys, heads, early), self._held(keys, tails, late), self._agents[task]
        if found is None:
            return None
        at, agent = found
        return (now.place[near[at]] if at < len(near) else now.place[near[-1]] + 1 if near else now.place[task]), agent

    def _held(self, keys: Iterable[int], times: Mapping[int, int], least: int) -> int:
        """Give how long keys are held, by whom stands before or by whom stands behind."""
        return max([least, *[times[key] for key in keys]]) if keys else least

    def _pass(self, other: int, heads: dict[int, int], tails: dict[int, int]) -> None:
        """Go on behind another task, as to its keys."""
        for number, key in enumerate(self._now.keys[other], start=1):
            heads[key], tails[key] = self._now.finish[other], self._now.tail[self._now.after[other][number]]

    def _near(self, task: int, first: int, last: int) -> tuple[list[int], dict[int, int], dict[int, int], int, int]:
        """Give what a task could stand between, and what it would wait for and keep waiting before the first of these.

        These are: the tasks that share an agent or a key with it where it may stand; when each agent and key is free; how
        long each has to go on; and the same for what it needs and for what needs it.
        """
        now, place, early, late = self._now, self._now.place, 0, 0
        for need in self._shop.needs[task]:
            first, early = max(first, place[need] + 1), max(early, now.finish[need])
        for after in self._shop.followers[task]:
            last, late = min(last, place[after]), max(late, now.tail[after])
        near: list[int] = []
        heads, tails = {}, {}
        for one in (*self._agents[task], *now.keys[task]):
            chain = now.chains[one]
            begin = bisect_left(chain, first, key=place.__getitem__)
            near += chain[begin : bisect_left(chain, last, begin, key=place.__getitem__)]
            heads[one] = now.finish[chain[begin - 1]] if begin else 0
            tails[one] = now.tail[chain[begin]] if begin < len(chain) else 0
        return sorted(set(near), key=place.__getitem__), heads, tails, early, late
