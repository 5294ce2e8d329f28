"""Limits told: how much of each is used, which was reached, until when agents are held, and the way out.

Pure. A limit of the run is lifted by raising it and resuming; one of a provider by waiting for its reset.
"""

from collections.abc import Iterator

from orchestrator import events as ev
from orchestrator.fold.limits import believed
from orchestrator.scheduling.limits import Limits, Reached, all_of
from orchestrator.state import AgentStatus, ReachedStatus, State
from orchestrator.text.quantities import format_count, format_duration, format_moment
from orchestrator.views.text import plain

_VARIABLE = "SQUAD_CONFIG_RUN__LIMITS__"


def limits_json(state: State, limits: Limits, *, now: float) -> dict[str, object]:
    """Give each limit of the run with what was used of it, and those that were reached."""
    used = all_of(state, limits, now=now)
    rows = {one.limit: {"used": round(one.used, 3), "allowed": one.allowed, "unit": one.unit} for one in used}
    return {**rows, "reached": [one.limit for one in state.reached]}


def limit_lines(state: State, limits: Limits, *, now: float) -> Iterator[str]:
    """Say how much of each limit is used; nothing for a run without one."""
    told = [f"{one.limit} {share(one)}" for one in all_of(state, limits, now=now)]
    if limits.money_per_task is not None:
        most = max((task.money for task in state.tasks.values()), default=0.0)
        told.append(f"money_per_task {most:g} at most of {limits.money_per_task:g} {limits.currency}")
    if told:
        yield f"Limits used: {', '.join(told)}"


def share(one: Reached | ReachedStatus) -> str:
    """Say what was used of what is allowed."""
    return f"{_amount(one.used, one.unit)} of {_amount(one.allowed, one.unit, named=True)}"


def way_out(one: Reached | ReachedStatus, run: str) -> str:
    """Give the command that goes on with a run under a higher limit."""
    return f"{raised(one)} squad resume {run}"


def raised(one: Reached | ReachedStatus) -> str:
    """Set a limit twice as high, or as often that as leaves something to use."""
    allowed = 2 * one.allowed
    while 0 < allowed <= one.used:
        allowed *= 2
    return f"{_VARIABLE}{one.limit.upper()}={_amount(allowed, one.unit)}"


def held_until(agent: AgentStatus, *, now: float) -> float | None:
    """Give until when usage limits hold an agent up; None if it can work."""
    first = min((limit.until for limit in agent.limits.values()), default=0.0)
    return first if first > now and not agent.falls_back else None


def attention_lines(state: State, *, now: float) -> Iterator[str]:
    """Give a line for each limit that a run stands still at, with the command that goes on."""
    if state.phase != "paused" or state.outcome != "limit":
        return
    for one in state.reached:
        then = way_out(one, state.run)
        yield f"limit {one.limit} is reached: {share(one)} used (raise it: {then})"
    ends = [until for agent in state.agents.values() if (until := held_until(agent, now=now)) is not None]
    if ends and not state.reached:
        yield f"usage limits hold every agent until {format_moment(min(ends))} (go on then: squad resume {state.run})"


def limit_line(event: ev.LimitReached, at: float) -> str:
    """Tell of a limit in one line."""
    if event.agent:
        until = format_moment(believed(event.until, at, margin=event.margin))
        known = "until" if event.until is not None else "(no reset was told) until"
        then = f", goes on with {event.instead}" if event.instead else ""
        return f"{event.agent} is held by the usage limit of {plain(event.adapter) or 'its provider'} {known} {until}{then}"
    used, allowed = event.used or 0.0, event.allowed or 0.0
    told = f"{_amount(used, event.unit)} of {_amount(allowed, event.unit, named=True)} used"
    if event.task:
        return f"{event.task} has reached limit {event.limit}: {told}"
    return f"limit {event.limit} is reached: {told}; nothing more is started"


def _amount(number: float, unit: str, *, named: bool = False) -> str:
    if unit == "s":
        return format_duration(number)
    if unit in {"tokens", "starts"}:
        return format_count(round(number))
    return f"{number:.6g} {unit}" if named else f"{number:.6g}"
