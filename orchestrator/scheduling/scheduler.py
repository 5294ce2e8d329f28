"""What to start, fail, park or skip now.

Pure: plan, state, settings and the time go in, decisions come out, and nothing happens. The order is the plan's: the
longest remaining path first, ties in document order. A task goes to its owner if that one is idle; else to any idle
agent that can do it, unless an attempt was begun and its agent can go on with it. Locks are not taken here but by
whoever carries a decision out, in the same step and before the next decision is asked for.
"""

import hashlib
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from orchestrator.claims import is_operation, meets
from orchestrator.exchange import questions
from orchestrator.model import AgentId, AgentState, Outcome, Plan, PlannedTask, Seat, TaskId, TaskState
from orchestrator.ownership import owners_of
from orchestrator.scheduling import limits
from orchestrator.scheduling.limits import UNLIMITED, Limits, Reached
from orchestrator.state import OPEN, State, TaskStatus, is_gone

#: From so many written paths on, their top folders are locked instead.
_MANY = 20
#: States in which a task is never done.
DEAD = frozenset({TaskState.FAILED, TaskState.SKIPPED})
#: How often in a row a task is tried again whose agent cannot reach its model: most of an hour with the usual back-off.
_UNREACHED = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The settings that decisions depend on."""

    attempts: int = 3  #: counted failures at which a task fails for good
    same_failure: int = 3  #: equal failures in a row that make a verdict
    ladder: tuple[str, ...] = ("nudge", "interrupt", "restart", "reassign", "park")
    backoff: tuple[float, float] = (1.0, 60.0)  #: seconds before a restart: first, most
    per_agent: tuple[int, float] = (5, 600.0)  #: restarts per seconds
    fleet: tuple[int, float] = (20, 600.0)
    agents: int | None = None  #: how many work at once; None: all
    limits: Limits = UNLIMITED
    waits: bool = True  #: for the reset of a usage limit, when nothing else can go on
    ways: Mapping[AgentId, tuple[str, ...]] = field(default_factory=dict)  #: adapters of an agent, its own first


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Start an attempt, if its locks are to be had."""

    task: TaskId
    agent: AgentId
    moved: bool  #: another agent than before
    adapter: str  #: the agent's own, or the one it falls back to
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fail:
    """The task has failed for good."""

    task: TaskId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Park:
    """A person is needed."""

    task: TaskId
    reason: str
    rung: bool = False  #: the last rung of the ladder
    same: int = 0  #: equal failures in a row, where they are the verdict
    limit: Reached | None = None  #: that the task has used up


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """The task cannot be done because of another."""

    task: TaskId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Climb:
    """The next attempt is a rung of the ladder."""

    task: TaskId
    rung: str  #: restart | reassign
    to: AgentId
    reason: str
    same: int = 0  #: equal failures in a row, where they are the verdict


Verdict: TypeAlias = Fail | Park | Skip | Climb


def verdicts(plan: Plan, state: State, rules: Rules, *, among: Sequence[PlannedTask]) -> Iterator[Verdict]:
    """Say which waiting tasks will not simply be started again; one verdict for each, none when all is settled.

    `among` are at least those that there is any doubt about.
    """
    for planned in among:
        status = state.tasks[planned.task.id]
        if status.state is not TaskState.WAITING:
            continue
        dead = [need for need in planned.needs if need in state.tasks and state.tasks[need].state in DEAD]
        if dead:
            yield Skip(task=planned.task.id, reason=f"{dead[0]} {state.tasks[dead[0]].state}")
        elif planned.task.gate and all(_met(plan, state, need) for need in planned.needs):
            yield Park(task=planned.task.id, reason="a step for a person")
        elif asked := questions.asked(state, planned.task.id) if questions.has_asked(state, planned.task.id) else "":
            yield Park(task=planned.task.id, reason=asked)
        elif verdict := _after_failure(plan, state, planned, rules) or _spent(status, planned, rules):
            yield verdict


def starts(
    plan: Plan,
    state: State,
    rules: Rules,
    *,
    now: float,
    among: Sequence[PlannedTask],
    names: Callable[[PlannedTask], tuple[AgentId, ...]] | None = None,
) -> Iterator[Start]:
    """Say what could start now, best first: each task for its owner, then what is left for others who can do it.

    The caller takes the locks of one start before it asks for the next; what it has used is skipped from there on. `among`
    are the tasks that wait for no other and no person, best first, and `names` tells who could do one, where that is known.
    """
    idle = _idle(state)
    for planned in among:
        if not idle:
            return
        status = state.tasks[planned.task.id]
        owner = AgentId(status.agent)
        if owner not in idle or not _is_rested(status, rules, now) or owner not in able(plan, planned, status, names=names):
            continue
        if (adapter := _may_start(state, planned, owner, rules, now=now)) is not None:
            yield Start(task=planned.task.id, agent=owner, moved=False, adapter=adapter)
            idle = _idle(state)
    for planned in among:
        if not idle:
            return
        status = state.tasks[planned.task.id]
        owner = AgentId(status.agent)
        moves = _is_rested(status, rules, now) and (not status.prepared or way(state, owner, rules, now=now) is None)
        for agent in able(plan, planned, status, names=names) if moves else ():
            if agent not in idle or agent == owner:
                continue
            if (adapter := _may_start(state, planned, agent, rules, now=now)) is not None:
                why = f"{agent} is idle, {owner} is not"
                yield Start(task=planned.task.id, agent=agent, moved=True, adapter=adapter, why=why)
                idle = _idle(state)


def _is_rested(status: TaskStatus, rules: Rules, now: float) -> bool:
    return not status.attempt or status.ordered or waits_until(status, rules) <= now


def _idle(state: State) -> frozenset[AgentId]:
    return frozenset(AgentId(name) for name in state.agents if is_idle(state, AgentId(name)))


def waits_until(status: TaskStatus, rules: Rules) -> float:
    """Give the time before which the task is not started again: the end of its back-off, seconds since the epoch."""
    failures = max(status.counted, status.uncounted, status.unreached)
    return status.ended_at + back_off(status.attempt or "", failures, rules.backoff) if failures else 0.0


def is_ready(plan: Plan, state: State, planned: PlannedTask) -> bool:
    """Tell whether the task waits for no other task and no person."""
    status = state.tasks[planned.task.id]
    return status.state is TaskState.WAITING and not planned.task.gate and all(_met(plan, state, need) for need in planned.needs)


def keys_of(state: State, planned: PlannedTask) -> tuple[str, ...]:
    """Give the locks of the next attempt: the planned ones, and each path that its last result wrote if it overlapped there.

    So a task with an unknown write set meets others in the dark only once: done again, it waits for whoever declares,
    has locked or is doing again such a path, and they for it.
    """
    status = state.tasks[planned.task.id]
    last = state.attempts.get(status.attempt or "")
    wrote = last.paths if last and status.cause == "overlap" else []
    above = [path.partition("/")[0] for path in wrote] if len(wrote) > _MANY else wrote
    return tuple(sorted({*planned.locks, *(f"files:again/{path}" if is_operation(path) else path for path in above)}))


def is_idle(state: State, agent: AgentId) -> bool:
    """Tell whether the agent could be given a task, if its provider lets it."""
    status = state.agents[agent]
    return status.task is None and status.state is AgentState.IDLE and not status.leaving


def way(state: State, agent: AgentId, rules: Rules, *, now: float) -> str | None:
    """Give the adapter by which the agent can work now: its own, else the first it may fall back to; None: all are limited."""
    known = state.agents[agent].limits
    ways = rules.ways.get(agent, ("",))
    return next((name for name in ways if name not in known or known[name].until <= now), None)


def reset_at(plan: Plan, state: State, rules: Rules, *, now: float) -> float | None:
    """Give the first reset of a usage limit, if whatever could be started waits for one; None if something does not."""
    resets: list[float] = []
    for planned in plan.tasks:
        if not is_ready(plan, state, planned):
            continue
        for agent in (name for name in able(plan, planned, state.tasks[planned.task.id]) if not is_gone(state, name)):
            if way(state, agent, rules, now=now) is not None:
                return None
            known = state.agents[agent].limits
            resets += [known[name].until for name in rules.ways.get(agent, ("",))]
    return min(resets, default=None)


def halted(plan: Plan, state: State, rules: Rules, *, now: float) -> bool:
    """Tell whether a limit holds all up that could be started, and is not waited for; asked when nothing is under way."""
    if limits.reached(state, rules.limits, now=now) is not None:
        return True
    reset = reset_at(plan, state, rules, now=now)
    return reset is not None and (not rules.waits or reset >= min(limits.changes(state, rules.limits), default=math.inf))


def is_work_left(plan: Plan, state: State) -> bool:
    """Tell whether a task waits for nothing but its start."""
    return any(is_ready(plan, state, planned) for planned in plan.tasks)


def working(state: State) -> int:
    """Count the agents that have a task."""
    return sum(1 for agent in state.agents.values() if agent.task is not None)


def able(
    plan: Plan, planned: PlannedTask, status: TaskStatus, *, names: Callable[[PlannedTask], tuple[AgentId, ...]] | None = None
) -> tuple[AgentId, ...]:
    """Give the agents that can do the task, its owner first; only the one it was given to once it was reassigned."""
    owner = AgentId(status.agent)
    if status.pinned or "reassign" in status.rungs:
        return (owner,)
    others = could_do(plan, planned) if names is None else names(planned)
    return (owner, *(name for name in others if name != owner))


def could_do(plan: Plan, planned: PlannedTask) -> tuple[AgentId, ...]:
    """Give the agents that a task lists, else those with its skills."""
    if planned.task.agents:
        return tuple(dict.fromkeys(name for wanted in planned.task.agents for name in owners_of(wanted, plan.agents)))
    return tuple(seat.id for seat in plan.agents if has_skills(seat, planned.task.skills))


def has_skills(seat: Seat, skills: Collection[str]) -> bool:
    """Tell whether the agent has all the skills; its role and label count as skills."""
    own = {skill.casefold() for skill in (*seat.skills, seat.role, seat.label)}
    return all(skill.casefold() in own for skill in skills)


def next_wake(state: State, rules: Rules, *, now: float, among: Sequence[PlannedTask]) -> float | None:
    """Give the next time at which something could start that cannot now; None if only an event can change that.

    `among` are the tasks that wait for no other and no person, those that were tried before at least.
    """
    tried = [status for planned in among if (status := state.tasks[planned.task.id]).attempt and not status.ordered]
    waits = [until for status in tried if (until := waits_until(status, rules)) > now]
    waits += [limit.until for agent in state.agents.values() for limit in agent.limits.values() if limit.until > now]
    waits += [moment for moment in limits.changes(state, rules.limits) if moment > now]
    waits += [free for agent in state.agents if (free := budget_free_at(state, AgentId(agent), rules, now=now)) > now]
    return min(waits, default=None)


def budget_free_at(state: State, agent: AgentId, rules: Rules, *, now: float) -> float:
    """Give the time from which one more restart is inside the agent's and the fleet's budget."""
    fleet = sorted(at for status in state.agents.values() for at in status.starts)
    return max(_budget(state.agents[agent].starts, rules.per_agent, now), _budget(fleet, rules.fleet, now))


def back_off(attempt: str, failures: int, backoff: tuple[float, float]) -> float:
    """Give the seconds to wait before the next attempt: doubled each time up to the most, less up to half of it.

    The jitter comes from the attempt's name, so that the same history gives the same waits.
    """
    first, most = backoff
    full = min(most, first * 2 ** min(max(failures - 1, 0), 30))
    jitter = int.from_bytes(hashlib.sha256(attempt.encode()).digest()[:4], "big") / 2**32
    return float(full * (1 - jitter / 2))


def stuck(plan: Plan, state: State) -> bool:
    """Tell whether every task that still waits, waits for a parked one."""
    waiting = [planned for planned in plan.tasks if state.tasks[planned.task.id].state in OPEN]
    return all(
        state.tasks[planned.task.id].state is TaskState.WAITING and not is_ready(plan, state, planned) for planned in waiting
    )


def _after_failure(plan: Plan, state: State, planned: PlannedTask, rules: Rules) -> Verdict | None:
    status = state.tasks[planned.task.id]
    attempt = state.attempts.get(status.attempt or "")
    if attempt is None or attempt.outcome in {None, Outcome.ASKED, Outcome.STOPPED}:
        return None
    if status.uncounted >= rules.attempts or status.unreached >= _UNREACHED:
        return Park(task=planned.task.id, reason=status.reason)
    if status.counted == 0 or status.judged == status.attempt:
        return None
    if status.cause == "conflict":
        return _after_conflict(plan, state, planned, rules)
    stalled = attempt.outcome == Outcome.STALLED
    if not stalled and len(status.failed_with) > 1:
        return Park(task=planned.task.id, reason=f"it failed with {' and '.join(status.failed_with)}: {status.reason}")
    if not stalled and status.counted >= rules.attempts:
        return Fail(task=planned.task.id, reason=status.reason)
    if stalled or status.same >= rules.same_failure:
        return _next_rung(plan, state, planned, rules, same=0 if stalled else status.same)
    return None


def _after_conflict(plan: Plan, state: State, planned: PlannedTask, rules: Rules) -> Verdict | None:
    """Send a result that cannot be merged back to its author, then to another agent, then to a person (design 11)."""
    task, status = planned.task.id, state.tasks[planned.task.id]
    again = status.counted < rules.attempts
    if again and status.conflicts == 1:
        return None
    if again and status.conflicts == 2 and (others := _others(plan, state, planned)):
        return Climb(task=task, rung="reassign", to=_least_busy(state, others), reason=status.reason)
    return Park(task=task, reason=status.reason)


def _next_rung(plan: Plan, state: State, planned: PlannedTask, rules: Rules, *, same: int) -> Verdict:
    """Climb the ladder: each rung once, and none that starts an attempt beyond the ceiling."""
    task, status = planned.task.id, state.tasks[planned.task.id]
    again = status.counted < rules.attempts
    for rung in rules.ladder:
        if rung in status.rungs:
            continue
        if rung == "restart" and again:
            return Climb(task=task, rung=rung, to=AgentId(status.agent), reason=status.reason, same=same)
        if rung == "reassign" and again and (others := _others(plan, state, planned)):
            return Climb(task=task, rung=rung, to=_least_busy(state, others), reason=status.reason, same=same)
        if rung == "park":
            return Park(task=task, reason=status.reason, rung=True, same=same)
    return Fail(task=task, reason=status.reason)


def _others(plan: Plan, state: State, planned: PlannedTask) -> list[AgentId]:
    status = state.tasks[planned.task.id]
    return [name for name in able(plan, planned, status) if name not in status.failed_with and not is_gone(state, name)]


def _least_busy(state: State, names: list[AgentId]) -> AgentId:
    return min(names, key=lambda name: (state.agents[name].task is not None, names.index(name)))


def _may_start(state: State, planned: PlannedTask, agent: AgentId, rules: Rules, *, now: float) -> str | None:
    """Give the adapter by which the agent may begin the task now; None if it may not."""
    status = state.tasks[planned.task.id]
    if status.state is not TaskState.WAITING or not is_idle(state, agent):
        return None
    if (most := state.scaled or rules.agents) and working(state) >= most:
        return None
    if status.counted and not status.ordered and budget_free_at(state, agent, rules, now=now) > now:
        return None
    return way(state, agent, rules, now=now) if limits.may_begin(state, rules.limits, now=now) else None


def _spent(status: TaskStatus, planned: PlannedTask, rules: Rules) -> Park | None:
    """Park a task that has used up what it alone may."""
    limit = limits.spent(status, rules.limits)
    if limit is None:
        return None
    reason = f"limit money_per_task: {limit.used:g} of {limit.allowed:g} {rules.limits.currency} used"
    return Park(task=planned.task.id, reason=reason, limit=limit)


def _met(plan: Plan, state: State, need: TaskId) -> bool:
    return need in plan.done or (need in state.tasks and state.tasks[need].state is TaskState.DONE)


def _budget(starts: list[float], budget: tuple[int, float], now: float) -> float:
    most, span = max(1, budget[0]), budget[1]
    recent = sorted(at for at in starts if at > now - span)
    return recent[-most] + span if len(recent) >= most else 0.0


def waits_for(plan: Plan, state: State, holders: Mapping[str, str]) -> dict[TaskId, str]:
    """Say for each waiting task what it waits for: needs, a lock of somebody else (`holders`: key -> holder), or its agent."""
    told: dict[TaskId, str] = {}
    for planned in plan.tasks:
        status = state.tasks[planned.task.id]
        if status.state is not TaskState.WAITING:
            continue
        unmet = [need for need in planned.needs if not _met(plan, state, need)]
        held = [
            (path, holder)
            for key in keys_of(state, planned)
            for path, holder in holders.items()
            if holder != status.agent and meets(key, path)
        ]
        lock = f"lock {held[0][0]} held by {held[0][1]}" if held else ""
        busy = f"waits for {status.agent}" if state.agents[status.agent].task is not None else "can start"
        told[planned.task.id] = f"needs {', '.join(unmet)}" if unmet else lock or busy
    return told
