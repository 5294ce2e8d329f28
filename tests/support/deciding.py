"""What the scheduler decides about a whole plan: the supervisor asks only about its front, which must come to the same."""

from collections.abc import Iterator

from orchestrator.model import Plan, PlannedTask
from orchestrator.scheduling import scheduler
from orchestrator.scheduling.scheduler import Rules, Start, Verdict
from orchestrator.state import State


def verdicts(plan: Plan, state: State, rules: Rules) -> Iterator[Verdict]:
    """Say which tasks of the plan will not simply be started again."""
    return scheduler.verdicts(plan, state, rules, among=plan.tasks)


def starts(plan: Plan, state: State, rules: Rules, *, now: float) -> Iterator[Start]:
    """Say what of the plan could start now, best first."""
    return scheduler.starts(plan, state, rules, now=now, among=ready(plan, state))


def next_wake(plan: Plan, state: State, rules: Rules, *, now: float) -> float | None:
    """Give the next time at which something of the plan could start that cannot now."""
    return scheduler.next_wake(state, rules, now=now, among=ready(plan, state))


def ready(plan: Plan, state: State) -> list[PlannedTask]:
    """Give what waits for nothing but its start, best first; equal ones stay in document order."""
    return sorted((one for one in plan.tasks if scheduler.is_ready(plan, state, one)), key=lambda planned: -planned.tail)
