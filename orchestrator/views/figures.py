"""The figures of a run, from its events alone, so that anybody can work them out again.

Wall time runs from `RunStarted` to the last result: an `Integrated`, or the `TaskDone` of a task that changed nothing,
or the end of an attempt if that came later; without the time in which no supervisor lived (from its last event to
`RunResumed`). Working time of an attempt is from `AttemptStarted` to `AttemptEnded`, without the times in which it
waited for a lock or for a person's answer. speed-up = working time / wall time; efficiency = speed-up / agents;
bound = max(longest chain of needs by measured times, working time / agents). A run that is not over has no speed-up.
Work without a result is that of attempts which did not end well, or whose result was refused.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields

from orchestrator import events as ev
from orchestrator.events import Entry
from orchestrator.model import Plan
from orchestrator.views.contention import Contention, contention
from orchestrator.views.hours import Hours, Span, Stint, hours_of
from orchestrator.views.wall import Wall, wall_of

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
    lock_wait_p50_s: float
    lock_wait_p95_s: float
    lock_hold_mean_s: float
    locks_refused: int
    conflicts: int
    conflicts_per_h: float
    tasks_per_h_per_agent: float
    dead_s: float  #: without a supervisor
    no_result_s: float  #: of work_s, in attempts that brought no result


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """Seconds in which agents did not work, summed over the agents, by cause; they and work_s add up to wall * agents."""

    needs_s: float
    lock_s: float
    limit_s: float
    stall_s: float
    check_s: float
    integration_s: float
    answer_s: float  #: of a person


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """All that is measured of a run."""

    figures: Figures
    locks: Contention
    idle: Idle
    idle_of: Mapping[str, Idle]  #: by agent
    stints: tuple[Stint, ...]  #: the work of each attempt, in the order of their starts
    spans: tuple[Span, ...]  #: what each agent did, agent by agent
    wall: Wall


def measure(entries: Sequence[Entry], plan: Plan, *, now: float) -> Measured:
    """Measure a run; one under way is measured up to `now`."""
    wall = wall_of(entries, now=now)
    hours = hours_of(entries, plan, wall)
    locks = contention(entries, now=wall.end)
    spans = tuple(span for row in hours.spans.values() for span in row)
    return Measured(
        figures=_figures(entries, plan, wall, hours, locks),
        locks=locks,
        idle=_idle(spans),
        idle_of={agent: _idle(row) for agent, row in hours.spans.items()},
        stints=tuple(hours.stints.values()),
        spans=spans,
        wall=wall,
    )


def _idle(spans: Iterable[Span]) -> Idle:
    seconds = {cause.name: 0.0 for cause in fields(Idle)}
    for span in spans:
        if span.what != "work":
            seconds[f"{span.what}_s"] += span.seconds
    return Idle(**seconds)


def _figures(entries: Sequence[Entry], plan: Plan, wall: Wall, hours: Hours, locks: Contention) -> Figures:
    seconds, agents = wall.seconds, len(plan.agents)
    work = sum(stint.seconds for stint in hours.stints.values())
    conflicts = sum(1 for entry in entries if isinstance(entry.event, _CONFLICTS))
    done = len({entry.event.task for entry in entries if isinstance(entry.event, ev.TaskDone)})
    speed_up = work / seconds if seconds and done and wall.is_over else None
    return Figures(
        wall_s=seconds,
        work_s=work,
        speed_up=speed_up,
        efficiency=speed_up / agents if speed_up is not None and agents else None,
        bound_s=max(_critical_path(plan, hours.stints.values()), work / agents if agents else 0.0),
        lock_wait_mean_s=locks.wait_mean_s,
        lock_wait_p50_s=locks.wait_p50_s,
        lock_wait_p95_s=locks.wait_p95_s,
        lock_hold_mean_s=locks.hold_mean_s,
        locks_refused=locks.refused,
        conflicts=conflicts,
        conflicts_per_h=conflicts * 3600 / seconds if seconds else 0.0,
        tasks_per_h_per_agent=done * 3600 / seconds / agents if seconds and agents else 0.0,
        dead_s=sum(stop - start for start, stop in wall.gaps),
        no_result_s=sum((hours.stints[name].seconds for name in _without_result(entries) if name in hours.stints), 0.0),
    )


def _without_result(entries: Iterable[Entry]) -> set[str]:
    """Name the attempts that ended otherwise than well, or whose result was refused."""
    ended = {
        entry.event.attempt for entry in entries if isinstance(entry.event, ev.AttemptEnded) and entry.event.outcome != "done"
    }
    return ended | {entry.event.attempt for entry in entries if isinstance(entry.event, ev.ResultRefused)}


def _critical_path(plan: Plan, stints: Iterable[Stint]) -> float:
    """Give the longest chain of needs, each task with the working time of all its attempts."""
    took: dict[str, float] = {}
    for stint in stints:
        took[stint.task] = took.get(stint.task, 0.0) + stint.seconds
    known = {planned.task.id for planned in plan.tasks}
    needs = {planned.task.id: [need for need in planned.needs if need in known] for planned in plan.tasks}
    longest: dict[str, float] = {}
    todo = list(needs)
    while todo:
        here = todo.pop()
        missing = [need for need in needs[here] if need not in longest]
        if missing:
            todo += [here, *missing]
        else:
            longest[here] = took.get(here, 0.0) + max((longest[need] for need in needs[here]), default=0.0)
    return max(longest.values(), default=0.0)
