"""Between which times a plan will end: no single number is honest about an estimate.

A task of which finished ones tell takes as long as the middle half of those; of any other nothing is known but that estimates are
often wrong by half or by twice. The range holds where all tasks are short, or all are long, and the order stays.
"""

from dataclasses import dataclass

from orchestrator.model import Plan

_SHORT, _LONG = 0.5, 2.0  #: times an estimate of which nothing is known


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """When a plan ends, at the earliest and at the latest that is expected."""

    low: float  #: seconds
    high: float  #: seconds
    learned: int  #: tasks whose range was learned
    told: str  #: how the range comes about


def span(plan: Plan) -> Span:
    """Give the range of a plan's makespan."""
    work = sum(planned.estimate for planned in plan.tasks)
    low = sum(planned.spread[0] if planned.spread else planned.estimate * _SHORT for planned in plan.tasks)
    high = sum(planned.spread[1] if planned.spread else planned.estimate * _LONG for planned in plan.tasks)
    learned = sum(planned.spread is not None for planned in plan.tasks)
    told = "if tasks take half to twice as long"
    if learned:
        others = "" if learned == len(plan.tasks) else ", others half to twice"
        told = f"{learned} of {len(plan.tasks)} by finished tasks{others}"
    scale = plan.makespan / work if work else 0.0
    return Span(low=min(low * scale, plan.makespan), high=max(high * scale, plan.makespan), learned=learned, told=told)
