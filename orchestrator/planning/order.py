"""When each task could start and who does it: a first schedule, then a bounded search for a better one.

Times are estimates and only say what the order would give; at run time the order counts, not the times: of two tasks that
could start, the one with the longer tail does. A tail is the longest path that remains, over needs and over what the
schedule puts behind each other because of an agent or a key. Times are whole milliseconds, as in the document. Bound:
max(longest path, work / agents) (Graham, 1966).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from orchestrator.model import AgentId, TaskId
from orchestrator.planning.dispatch import best_dispatch, dispatch, urgency
from orchestrator.planning.justify import justify
from orchestrator.planning.rebuilding import rebuild
from orchestrator.planning.shop import Shop, Slot, Timetable, in_time, shop_of
from orchestrator.planning.soundness import is_sound

_LARGE = 2000  #: tasks, beyond which the first schedule stays: it is nearest to the bound where there is most to choose from

#: Looks for a shorter schedule; what it gives is not believed.
Improve: TypeAlias = Callable[[Shop, Timetable], Timetable | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A schedule."""

    times: Mapping[TaskId, tuple[float, float]]  #: start and finish, seconds
    agents: Mapping[TaskId, AgentId]
    tails: Mapping[TaskId, float]  #: longest remaining path, the task included, seconds
    makespan: float
    bound: float


def arrange(
    slots: Sequence[Slot],
    *,
    at_once: int,
    capacity: Mapping[str, int] | None = None,
    effort: int = 1,
    improve: Improve | None = None,
) -> Order:
    """Schedule tasks, at most `at_once` at a time.

    Args:
        slots: The tasks, in document order.
        at_once: How many agents work at the same time.
        capacity: How many may hold a key at once; 1 unless said.
        effort: How many times the usual number of steps is tried; 0: the first schedule stays.
        improve: Is asked for a still shorter one, which is taken if it is sound and shorter.
    """
    shop = shop_of(slots, at_once=at_once, capacity=capacity or {})
    found = dispatch(shop, urgency(shop))
    if effort and len(slots) <= _LARGE:
        found = justify(shop, found, effort=effort) if shop.capacity else rebuild(shop, best_dispatch(shop, found), effort=effort)
    if improve is not None and found.makespan > shop.bound:
        found = _shorter(shop, found, improve(shop, found))
    tails = _tails(shop, found)
    finish = [start + length for start, length in zip(found.start, shop.length, strict=True)]
    work = sum(shop.length) / max(1, at_once)
    names = [slot.task for slot in slots]
    return Order(
        times={name: (found.start[task] / 1000, finish[task] / 1000) for task, name in enumerate(names)},
        agents={name: shop.agents[found.agent[task]] for task, name in enumerate(names)},
        tails={name: tails[task] / 1000 for task, name in enumerate(names)},
        makespan=found.makespan / 1000,
        bound=round(min(found.makespan, max([work, *shop.tail])) / 1000, 3),
    )


def _shorter(shop: Shop, found: Timetable, other: Timetable | None) -> Timetable:
    return other if other is not None and other.makespan < found.makespan and is_sound(shop, other) else found


def _tails(shop: Shop, found: Timetable) -> list[int]:
    """Give the longest path behind each task, itself included, over needs, agents and keys as the schedule has them."""
    tail = [0] * len(shop.length)
    agent = [0] * len(shop.agents)
    key = [0] * shop.key_count
    for task in reversed(in_time(shop, found)):
        behind = [tail[after] for after in shop.followers[task]] + [key[one] for one in shop.keys[task]]
        tail[task] = shop.length[task] + max([agent[found.agent[task]], *behind])
        agent[found.agent[task]] = tail[task]
        for one in shop.keys[task]:
            key[one] = tail[task]
    return tail
