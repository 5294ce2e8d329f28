"""What a run has consumed and which limits hold: the part of `fold` that changes this.

What agents tell is not trusted: nothing they say makes the sum less, and no limit ends in the past, never, or centuries
from now.
"""

import math

from orchestrator import events as ev
from orchestrator.state import LimitStatus, ReachedStatus, State

#: Seconds for which an agent is left alone after a limit whose end is not told, and the most that is believed.
UNTOLD, FARTHEST = 300.0, 8 * 86400.0


def take_limit(state: State, event: ev.LimitReached, at: float) -> None:
    """Note a limit of the run, or of a provider; a later word on that never shortens it."""
    if event.used is not None and event.allowed is not None:
        reached = ReachedStatus(limit=event.limit, used=event.used, allowed=event.allowed, unit=event.unit)
        if event.task in state.tasks:
            state.tasks[event.task].limit = reached
        else:
            state.reached.append(reached)
    if event.attempt in state.attempts:
        state.attempts[event.attempt].limited = True
    if event.agent in state.agents:
        limits = state.agents[event.agent].limits
        until = believed(event.until, at, margin=event.margin)
        if event.adapter not in limits or limits[event.adapter].until < until:
            limits[event.adapter] = LimitStatus(until=until, attempt=event.attempt)
        state.agents[event.agent].falls_back = event.instead != ""


def believed(until: float | None, at: float, *, margin: float = 0.0) -> float:
    """Give the end of a limit: what an agent tells of it may be missing, over, no number, or centuries away."""
    if until is None or not math.isfinite(until) or until <= at:
        return at + UNTOLD
    return min(until + margin, at + FARTHEST)


def lift_limits(state: State, *, told_by: str) -> None:
    """Forget the limits that an attempt told of: that it ended well shows that they do not hold."""
    for agent in state.agents.values() if state.attempts[told_by].limited else ():
        agent.limits = {adapter: limit for adapter, limit in agent.limits.items() if limit.attempt != told_by}


def consume(state: State, usage: ev.UsageReported) -> None:
    """Add up what agents say they consumed; nothing they say makes it less."""
    tokens = max(0, usage.fresh) + max(0, usage.cached) + max(0, usage.output)
    money = usage.money if usage.money is not None and math.isfinite(usage.money) else None
    spent = max(0.0, money or 0.0)
    state.tokens, state.money = state.tokens + tokens, state.money + spent
    if usage.task in state.tasks:
        state.tasks[usage.task].money += spent
    if attempt := state.attempts.get(usage.attempt):
        attempt.tokens = (attempt.tokens or 0) + tokens
        attempt.money = attempt.money if money is None else (attempt.money or 0.0) + spent
