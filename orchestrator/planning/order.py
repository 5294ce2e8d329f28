"""When each task could start, by list scheduling: the longest remaining path first.

Agents and lock keys are resources of one each. Times are estimates and only say what the order would give; at run time
the order counts, not the times. They are whole milliseconds, as in the document. Bound: max(longest path, work /
agents) (Graham, 1966).
"""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.model import AgentId, TaskId


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A task as the schedule sees it."""

    task: TaskId
    agent: AgentId
    needs: tuple[TaskId, ...]
    locks: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A schedule."""

    times: Mapping[TaskId, tuple[float, float]]  #: start and finish, seconds
    tails: Mapping[TaskId, float]  #: longest remaining path, the task included
    makespan: float
    bound: float


def arrange(slots: Sequence[Slot], *, agents: int) -> Order:
    """Schedule tasks, at most `agents` at once; ties go to the longer tail, then to document order."""
    tails = _tails(slots)
    times = _dispatch(slots, tails, most=agents)
    makespan = max((finish for _, finish in times.values()), default=0.0)
    work = sum(slot.seconds for slot in slots) / max(1, agents)
    return Order(times=times, tails=tails, makespan=makespan, bound=min(makespan, round(max([work, *tails.values()]), 3)))


def _tails(slots: Sequence[Slot]) -> dict[TaskId, float]:
    followers: dict[TaskId, list[TaskId]] = {slot.task: [] for slot in slots}
    missing = {slot.task: 0 for slot in slots}
    for slot in slots:
        for need in slot.needs:
            followers[need].append(slot.task)
            missing[need] += 1
    seconds = {slot.task: slot.seconds for slot in slots}
    needs = {slot.task: slot.needs for slot in slots}
    tails: dict[TaskId, float] = {}
    todo = [task for task, count in missing.items() if count == 0]
    while todo:
        task = todo.pop()
        tails[task] = round(seconds[task] + max((tails[after] for after in followers[task]), default=0.0), 3)
        for need in needs[task]:
            missing[need] -= 1
            if missing[need] == 0:
                todo.append(need)
    return tails


def _dispatch(slots: Sequence[Slot], tails: Mapping[TaskId, float], *, most: int) -> dict[TaskId, tuple[float, float]]:
    """Start at each point in time what can start, best first; then go on to the next finish."""
    place = {slot.task: number for number, slot in enumerate(slots)}
    waiting = sorted(slots, key=lambda slot: (-tails[slot.task], place[slot.task]))
    times: dict[TaskId, tuple[float, float]] = {}
    done: set[TaskId] = set()
    busy: set[str] = set()
    running: list[tuple[float, int, Slot]] = []
    now = 0.0
    while waiting or running:
        left = []
        for slot in waiting:
            used = {slot.agent, *slot.locks}
            if len(running) < most and done.issuperset(slot.needs) and used.isdisjoint(busy):
                times[slot.task] = (now, round(now + slot.seconds, 3))
                heapq.heappush(running, (times[slot.task][1], place[slot.task], slot))
                busy |= used
            else:
                left.append(slot)
        waiting = left
        now = running[0][0]
        while running and running[0][0] == now:
            ended = heapq.heappop(running)[2]
            done.add(ended.task)
            busy -= {ended.agent, *ended.locks}
    return times
