"""A better schedule where everything is held by one at a time: simulated annealing (Kirkpatrick and others, 1983).

A solution is a sequence that keeps to the needs, and an agent for each task; each task starts as soon as its needs, its
agent and its keys allow, in that sequence. A step moves a task of a critical path, or gives it to another agent. The
number of steps and the seed are fixed, so that the same problem gives the same schedule on every machine.
"""

import random
from collections.abc import Sequence
from math import log

from orchestrator.planning.shop import Shop, Timetable, in_time

_STEPS = 20_000  #: at most, and fewer where there is little to try or a step is long
_RUNS = 3  #: that share the steps: one alone may end far from the best; a large problem has too few for that
_HEAT = 0.4  #: of a task's mean length: by how much a step may be worse at first
_LARGE = 100  #: tasks, from which on the heat is less: there is no time to cool down
_STRAY = 0.15  #: share of steps that move any task, not one of a critical path
_HAND_OVER = 0.5  #: up to this share of steps a task is given to another agent
_APART = 16  #: places between two marks from which a sequence is taken up again


def anneal(shop: Shop, first: Timetable, *, effort: int) -> Timetable:
    """Give the best schedule found, the first one if there is no better."""
    size = len(shop.length)
    steps = effort * min(_STEPS, 12 * size * size, int(_STEPS * (_LARGE / max(1, size)) ** 1.5))
    best = first
    runs = _RUNS if size <= 1.5 * _LARGE else 1
    for seed in range(runs):
        if best.makespan > shop.bound and size > 1:
            best = min(best, _Annealing(shop, first, steps // runs, seed=seed).run(), key=lambda found: found.makespan)
    return best


class _Annealing:
    def __init__(self, shop: Shop, first: Timetable, steps: int, *, seed: int) -> None:
        self._shop = shop
        self._steps = steps
        self._agents = [tuple(bit for bit in range(len(shop.agents)) if able >> bit & 1) for able in shop.able]
        self._keys = [tuple(len(shop.agents) + key for key in keys) for keys in shop.keys]
        self._held = [(agent, *keys) for agent, keys in zip(first.agent, self._keys, strict=True)]
        self._resources = len(shop.agents) + shop.key_count
        self._chance = random.Random(seed).random  # noqa: S311 - the same each time, on purpose
        self._sequence = in_time(shop, first)
        self._start = list(first.start)
        self._finish = [start + length for start, length in zip(first.start, shop.length, strict=True)]
        self._marks: list[list[int]] = []
        self._place = [0] * len(shop.length)
        self._reach = 2 * len(shop.agents)  #: places that a task is moved at most
        self._best = first

    def run(self) -> Timetable:
        """Walk, at first also to what is worse, and remember the best."""
        size = len(self._shop.length)
        heat = _HEAT * sum(self._shop.length) / size * min(1.0, (_LARGE / size) ** 2)
        makespan = self._settle()
        path = self._critical(makespan)
        for step in range(self._steps):
            limit = makespan - heat * (1 - step / self._steps) ** 2 * log(1.0 - self._chance())
            move = self._move(path)
            if move is None:
                continue
            task, place, agent = move
            if self._try(task, place, agent, limit):
                makespan = self._settle()
                path = self._critical(makespan)
                if makespan < self._best.makespan:
                    self._best = Timetable(makespan=makespan, start=self._start, agent=[held[0] for held in self._held])
                    if makespan <= self._shop.bound:
                        break
        return self._best

    def _move(self, path: list[tuple[int, int]]) -> tuple[int, int, int] | None:
        """Choose a task, its new place in the sequence and its agent; None if what was drawn cannot be."""
        kind = self._chance()
        if kind < _STRAY:
            return self._stray()
        task, before = path[int(self._chance() * len(path))]
        agent = self._held[task][0]
        if (kind < _HAND_OVER or before < 0) and len(self._agents[task]) > 1:
            other = self._agents[task][int(self._chance() * len(self._agents[task]))]
            place = self._place[task]
            if self._chance() < 0.5:
                place = self._within(task, place + int((self._chance() + self._chance() - 1) * self._reach))
            return None if other == agent else (task, place, other)
        if before < 0 or before in self._shop.needs[task]:
            return None
        place = self._place[before]
        if self._chance() >= 0.7:
            place = max(0, place - int(self._chance() * self._reach))
        place = self._within(task, place)
        if place <= self._place[before]:
            return task, place, agent
        place = self._place[task]  # what it needs stands between: then the other one goes behind it
        return (before, place, self._held[before][0]) if self._within(before, place) == place else None

    def _stray(self) -> tuple[int, int, int] | None:
        task = int(self._chance() * len(self._place))
        here = self._place[task]
        place = self._within(task, here + int((self._chance() * 2 - 1) * 1.5 * self._reach))
        agent = self._held[task][0]
        if self._chance() < 0.3:
            agent = self._agents[task][int(self._chance() * len(self._agents[task]))]
        return None if place == here and agent == self._held[task][0] else (task, place, agent)

    def _within(self, task: int, place: int) -> int:
        """Give the nearest place behind all that a task needs and before all that needs it."""
        places, place = self._place, max(0, place)
        for need in self._shop.needs[task]:
            if places[need] >= place:
                place = places[need] + 1
        place = min(place, len(places) - 1)
        for after in self._shop.followers[task]:
            if places[after] <= place:
                place = places[after] - 1
        return place

    def _try(self, task: int, place: int, agent: int, limit: float) -> bool:
        """Make a move if that leads to no longer schedule than the limit."""
        here, held = self._place[task], self._held[task]
        self._held[task] = (agent, *self._keys[task])
        sequence = self._sequence[:]
        if place != here:
            del sequence[here]
            sequence.insert(place, task)
        start, finish = self._start[:], self._finish[:]
        if not self._decode(sequence, min(here, place), limit, start, finish):
            self._held[task] = held
            return False
        sequence.sort(key=start.__getitem__)
        self._sequence, self._start, self._finish = sequence, start, finish
        return True

    def _decode(self, sequence: list[int], changed: int, limit: float, start: list[int], finish: list[int]) -> bool:
        """Work out the times from the first changed place on; tell whether they keep to the limit."""
        length, tail, needs, held = self._shop.length, self._shop.tail, self._shop.needs, self._held
        mark = changed // _APART
        free = self._marks[mark][:]
        for task in self._sequence[mark * _APART : changed]:
            for resource in held[task]:
                free[resource] = finish[task]
        for task in sequence[changed:]:
            begin = 0
            for resource in held[task]:
                begin = max(begin, free[resource])
            for need in needs[task]:
                begin = max(begin, finish[need])
            if begin + tail[task] > limit:
                return False
            start[task] = begin
            finish[task] = end = begin + length[task]
            for resource in held[task]:
                free[resource] = end
        return True

    def _settle(self) -> int:
        """Note places and marks of the present sequence; gives its makespan."""
        free = [0] * self._resources
        self._marks = []
        for place, task in enumerate(self._sequence):
            if place % _APART == 0:
                self._marks.append(free[:])
            self._place[task] = place
            end = self._finish[task]
            for resource in self._held[task]:
                free[resource] = end
        return max(self._finish)

    def _critical(self, makespan: int) -> list[tuple[int, int]]:
        """Give a critical path backwards, each task with the one whose end let it start (-1: none)."""
        ending: dict[int, list[int]] = {}
        for task, end in enumerate(self._finish):
            ending.setdefault(end, []).append(task)
        path = []
        here = ending[makespan][0]
        while here >= 0:
            before = self._cause(here, ending.get(self._start[here], ()))
            path.append((here, before))
            here = before
        return path

    def _cause(self, task: int, ended: Sequence[int]) -> int:
        """Give what a task waited for: one that shares its agent or a key, which a move can change, else one it needs."""
        held = set(self._held[task])
        before = [one for one in ended if self._place[one] < self._place[task]]
        sharing = next((one for one in before if not held.isdisjoint(self._held[one])), -1)
        return sharing if sharing >= 0 else next((one for one in before if one in self._shop.needs[task]), -1)
