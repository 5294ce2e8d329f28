"""The figures of a run, from its events alone, so that anybody can work them out again.

Wall time runs from `RunStarted` to the last `Integrated` or `TaskDone`, without the time in which no supervisor lived
(from the last event before a `RunResumed` to it). Working time of an attempt is from `AttemptStarted` to
`AttemptEnded`. speed-up = working time / wall time; efficiency = speed-up / agents; bound = max(longest chain of needs
by measured times, working time / agents).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from orchestrator import events as ev
from orchestrator.events import Entry
from orchestrator.model import Plan, TaskId

_CONFLICTS = (ev.ForeignChangeFound, ev.MergeConflicted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Measured numbers; None where nothing was measured."""

    wall_s: float
    work_s: float
    speed_up: float | None
    efficiency: float | None
    bound_s: float
    lock_wait_mean_s: float
    lock_wait_p95_s: float
    conflicts: int
    conflicts_per_h: float
    tasks_per_h_per_agent: float
    dead_s: float  #: without a supervisor


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """Seconds in which agents did not work, summed over the agents, by cause; they and work_s add up to wall * agents.

    An agent whose attempt has ended is held by checks until its integration starts, then by integration. An agent that
    waits for a lock while at work idles for that lock. An agent without a task idles for a stall while a task of its
    waits out its back-off, for a limit while its provider's holds, for a lock while a task that needs nothing any more
    waits, and else for needs (or because nothing is left for it).
    """

    needs_s: float = 0.0
    lock_s: float = 0.0
    limit_s: float = 0.0
    stall_s: float = 0.0
    check_s: float = 0.0
    integration_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A piece of time of one agent."""

    agent: str
    task: str
    attempt: str
    start: float
    end: float


def figures(entries: Sequence[Entry], plan: Plan, *, now: float) -> Figures:
    """Work the figures out of a run's events; a run under way is measured up to `now`."""
    start, end = wall(entries, now=now)
    dead = sum(stop - begin for begin, stop in gaps(entries))
    seconds = max(0.0, end - start - dead)
    spans = working_spans(entries, now=now)
    work = sum(span.end - span.start for span in spans)
    agents = len(plan.agents)
    waits = sorted(
        entry.event.waited_s for entry in entries if isinstance(entry.event, ev.LockGranted) and not entry.event.declared
    )
    conflicts = sum(1 for entry in entries if isinstance(entry.event, _CONFLICTS))
    done = sum(1 for entry in entries if isinstance(entry.event, ev.TaskDone))
    speed_up = work / seconds if seconds else None
    return Figures(
        wall_s=seconds,
        work_s=work,
        speed_up=speed_up,
        efficiency=speed_up / agents if speed_up is not None and agents else None,
        bound_s=max(_critical_path(plan, spans), work / agents if agents else 0.0),
        lock_wait_mean_s=sum(waits) / len(waits) if waits else 0.0,
        lock_wait_p95_s=waits[min(len(waits) - 1, int(len(waits) * 0.95))] if waits else 0.0,
        conflicts=conflicts,
        conflicts_per_h=conflicts * 3600 / seconds if seconds else 0.0,
        tasks_per_h_per_agent=done * 3600 / seconds / agents if seconds and agents else 0.0,
        dead_s=dead,
    )


def wall(entries: Sequence[Entry], *, now: float) -> tuple[float, float]:
    """Give start and end of a run, seconds since the epoch."""
    start = next((entry.at for entry in entries if isinstance(entry.event, ev.RunStarted)), now)
    ended = any(isinstance(entry.event, ev.RunEnded | ev.RunPaused) for entry in entries[-3:])
    results = [entry.at for entry in entries if isinstance(entry.event, ev.Integrated | ev.TaskDone)]
    if not ended:
        return start, now
    return start, results[-1] if results else entries[-1].at


def gaps(entries: Sequence[Entry]) -> list[tuple[float, float]]:
    """Give the times in which no supervisor lived."""
    found = []
    before = None
    for entry in entries:
        if isinstance(entry.event, ev.RunResumed) and before is not None:
            found.append((before, entry.at))
        before = entry.at
    return found


def working_spans(entries: Iterable[Entry], *, now: float) -> list[Span]:
    """Give the working times of all attempts."""
    begun: dict[str, Span] = {}
    spans = []
    for entry in entries:
        match entry.event:
            case ev.AttemptStarted(agent=agent, task=task, attempt=attempt):
                begun[attempt] = Span(agent=agent, task=task, attempt=attempt, start=entry.at, end=now)
            case ev.AttemptEnded(attempt=attempt) if attempt in begun:
                span = begun.pop(attempt)
                spans.append(Span(agent=span.agent, task=span.task, attempt=attempt, start=span.start, end=entry.at))
            case _:
                pass
    return [*spans, *begun.values()]


def idle(entries: Sequence[Entry], plan: Plan, *, now: float) -> Idle:
    """Give where each idle second went."""
    sums = {"needs": 0.0, "lock": 0.0, "limit": 0.0, "stall": 0.0, "check": 0.0, "integration": 0.0, "work": 0.0}
    start, end = wall(entries, now=now)
    phases = _Phases(plan)
    before = start
    for entry in entries:
        upto = min(entry.at, end)
        if upto > before and not isinstance(entry.event, ev.RunResumed):
            for cause in phases.causes(before):
                sums[cause] += upto - before
        before = max(before, upto)
        phases.take(entry)
    if end > before:
        for cause in phases.causes(before):
            sums[cause] += end - before
    return Idle(**{f"{cause}_s": seconds for cause, seconds in sums.items() if cause != "work"})


class _Phases:
    """What each agent is doing between two events."""

    def __init__(self, plan: Plan) -> None:
        self._doing: dict[str, str] = {seat.id: "free" for seat in plan.agents}
        self._at: dict[str, str] = {}  #: task -> agent
        self._limited: dict[str, float] = {}
        self._needs = {planned.task.id: planned.needs for planned in plan.tasks}
        self._left = set(self._needs)
        self._done: set[str] = set()
        self._under_way: set[str] = set()
        self._stalled: set[str] = set()

    def take(self, entry: Entry) -> None:
        event = entry.event
        match event:
            case ev.AttemptPrepared(agent=agent, task=task):
                self._doing[agent], self._at[task] = "work", agent
                self._under_way.add(task)
                self._stalled.discard(task)
            case ev.AttemptEnded(agent=agent, task=task, outcome=outcome):
                self._doing[agent] = "check" if outcome == "done" else "free"
                if outcome != "done":
                    self._under_way.discard(task)
                    self._stalled.add(task)
            case ev.IntegrationStarted(task=task):
                self._doing[self._at[task]] = "integration"
            case ev.ResultRefused(agent=agent, task=task):
                self._doing[agent] = "free"
                self._under_way.discard(task)
            case ev.TaskDone(task=task) | ev.TaskFailed(task=task) | ev.TaskSkipped(task=task) | ev.TaskParked(task=task):
                self._settle(event)
            case ev.LockRequested(holder=holder) if self._doing.get(holder) == "work":
                self._doing[holder] = "lock"
            case ev.LockGranted(holder=holder) | ev.LockRefused(holder=holder) if self._doing.get(holder) == "lock":
                self._doing[holder] = "work"
            case ev.LimitReached(agent=agent, until=until) if until is not None:
                self._limited[agent] = until
            case _:
                pass

    def causes(self, at: float) -> Iterator[str]:
        """Give for each agent what it does, or why it does nothing."""
        for agent, doing in self._doing.items():
            yield doing if doing != "free" else self._why(agent, at)

    def _why(self, agent: str, at: float) -> str:
        if self._limited.get(agent, 0.0) > at:
            return "limit"
        waiting = self._left - self._under_way
        if waiting & self._stalled:
            return "stall"
        return "lock" if any(self._done.issuperset(self._needs[TaskId(task)]) for task in waiting) else "needs"

    def _settle(self, event: ev.TaskDone | ev.TaskFailed | ev.TaskSkipped | ev.TaskParked) -> None:
        self._left.discard(TaskId(event.task))
        self._under_way.discard(event.task)
        if isinstance(event, ev.TaskDone):
            self._done.add(event.task)
            if event.task in self._at:
                self._doing[self._at[event.task]] = "free"


def _critical_path(plan: Plan, spans: Sequence[Span]) -> float:
    """Give the longest chain of needs, each task with the working time of all its attempts."""
    took: dict[str, float] = {}
    for span in spans:
        took[span.task] = took.get(span.task, 0.0) + span.end - span.start
    longest: dict[str, float] = {}
    todo = [planned.task.id for planned in plan.tasks]
    needs = {
        planned.task.id: [need for need in planned.needs if any(one.task.id == need for one in plan.tasks)]
        for planned in plan.tasks
    }
    while todo:
        here = todo.pop()
        missing = [need for need in needs[here] if need not in longest]
        if missing:
            todo += [here, *missing]
        else:
            longest[here] = took.get(here, 0.0) + max((longest[need] for need in needs[here]), default=0.0)
    return max(longest.values(), default=0.0)
