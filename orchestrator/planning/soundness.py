"""Whether a schedule that somebody else made keeps to everything; it shares nothing with what makes schedules here."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.planning.shop import Shop, Timetable


def is_sound(shop: Shop, found: Timetable) -> bool:
    """Tell whether each task has one of its agents, starts behind its needs, and never shares what it cannot share."""
    tasks = range(len(shop.length))
    if len(found.start) != len(tasks) or len(found.agent) != len(tasks) or any(start < 0 for start in found.start):
        return False
    if any(not 0 <= agent < len(shop.agents) or not shop.able[task] >> agent & 1 for task, agent in enumerate(found.agent)):
        return False
    ends = [start + length for start, length in zip(found.start, shop.length, strict=True)]
    if any(ends[need] > found.start[task] for task in tasks for need in shop.needs[task]):
        return False
    return max(ends, default=0) == found.makespan and _never_too_many(shop, found, ends)


@dataclass(frozen=True, slots=True, order=True)
class _Change:
    """Something begins or ends; what ends at a moment comes before what begins there."""

    at: int
    begins: bool
    task: int


def _never_too_many(shop: Shop, found: Timetable, ends: Sequence[int]) -> bool:
    busy = [task for task, length in enumerate(shop.length) if length > 0]
    changes = [_Change(found.start[task], begins=True, task=task) for task in busy]
    changes += [_Change(ends[task], begins=False, task=task) for task in busy]
    held: Counter[tuple[str, int]] = Counter()
    for change in sorted(changes):
        sign = 1 if change.begins else -1
        used = Counter({("agent", found.agent[change.task]): sign})
        used.update({("key", key): sign for key in shop.keys[change.task]})
        for number, units in shop.shares[change.task]:
            used["share", number] += sign * units
        for name, units in used.items():
            held[name] += units
            if held[name] > (shop.capacity[name[1]] if name[0] == "share" else 1):
                return False
    return True
