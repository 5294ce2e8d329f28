"""A better schedule where something is held by several at once: forward-backward improvement (Li and Willis, 1992).

Each step moves some tasks of the present schedule in time, makes a schedule in that order, pushes everything as late as
possible, then as early as possible, and keeps what is not longer. The number of steps and the seed are fixed, so that the
same problem gives the same schedule on every machine.
"""

import random
from collections.abc import Callable, Sequence

from orchestrator.planning.shop import Shop, Timetable, in_time
from orchestrator.planning.timeline import Timeline

_WORK = 18_000  #: steps times tasks
_MOVED = (0.05, 0.1, 0.3)  #: shares of the tasks that a step moves, in turn
_BY = 0.2  #: of the makespan: how far at most
_WORSE = 1.1  #: what is longer than this times the present schedule is not pushed together
_ANOTHER = 0.05  #: share of tasks whose agent is chosen anew


def justify(shop: Shop, first: Timetable, *, effort: int) -> Timetable:
    """Give the best schedule found, the first one if there is no better."""
    size = len(shop.length)
    chance = random.Random(size).random  # noqa: S311 - the same each time, on purpose
    now = first
    for step in range(min(effort * _WORK // max(1, size), 12 * size * size)):
        if now.makespan <= shop.bound:
            break
        order = _moved(shop, now, _MOVED[step % len(_MOVED)], chance)
        agents = [-1 if chance() < _ANOTHER else agent for agent in now.agent]
        now = _pressed(shop, order, agents, limit=now.makespan) or now
    return now


def _moved(shop: Shop, now: Timetable, share: float, chance: Callable[[], float]) -> list[int]:
    """Give the tasks in the order of the schedule but for some, each still behind what it needs."""
    by = _BY * now.makespan
    begin = [0.0] * len(now.start)
    for task in in_time(shop, now):
        at = float(now.start[task])
        if chance() < share:
            at += (chance() * 2 - 1) * by
        begin[task] = max([at, *(begin[need] + 0.001 for need in shop.needs[task])])
    return sorted(range(len(begin)), key=begin.__getitem__)


def _pressed(shop: Shop, order: Sequence[int], agents: Sequence[int], *, limit: int) -> Timetable | None:
    """Make a schedule in that order, push it late, then early; None if it is longer than the limit."""
    tried = _serial(shop, order, shop.needs, agents, limit=int(limit * _WORSE))
    if tried is None:
        return None
    for needs, most in ((shop.followers, 3 * limit), (shop.needs, limit)):
        finish = [start + length for start, length in zip(tried.start, shop.length, strict=True)]
        order = list(reversed(order))  # of two that end together, the one that needs the other goes first
        order.sort(key=finish.__getitem__, reverse=True)
        tried = _serial(shop, order, needs, tried.agent, limit=most)
        if tried is None:
            return None
    return tried


def _serial(
    shop: Shop, order: Sequence[int], needs: Sequence[Sequence[int]], agents: Sequence[int], *, limit: int
) -> Timetable | None:
    """Place one task after another, each as early as it fits (the serial scheme); with followers as needs, from the end."""
    line = Timeline(shop)
    start, finish, agent = [0] * len(order), [0] * len(order), [-1] * len(order)
    for task in order:
        earliest = max([finish[need] for need in needs[task]], default=0)
        start[task], agent[task] = line.place(task, earliest, agents[task])
        finish[task] = start[task] + shop.length[task]
        if finish[task] > limit:
            return None
    return Timetable(makespan=max(finish), start=start, agent=agent)
