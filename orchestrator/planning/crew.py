"""How many agents a plan is worth: what each number would bring, by quick schedules, and where more stop paying.

Efficiency is work / (makespan x agents). Agent time is makespan x agents: what seats cost that are paid for by the hour; what is
paid for by the token costs the same with any number.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from orchestrator.model import Plan

MOST = 9  #: agents that are looked at
#: Another agent pays as long as it saves at least this share of the time.
_WORTH = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """What a number of agents would bring."""

    agents: int
    makespan: float  #: seconds
    bound: float  #: seconds
    efficiency: float  #: 0 to 1
    agent_time: float  #: seconds


def crews(plan_for: Callable[[int], Plan], *, most: int = MOST) -> tuple[Crew, ...]:
    """Try numbers of agents, up to the one from which on nothing gets faster."""
    found: list[Crew] = []
    for agents in range(1, most + 1):
        plan = plan_for(agents)
        if agents > 1 and len(plan.agents) < agents:
            break
        held = plan.makespan * agents
        work = sum(planned.estimate for planned in plan.tasks)
        efficiency = work / held if held else 1.0
        found.append(
            Crew(agents=agents, makespan=plan.makespan, bound=plan.bound, efficiency=efficiency, agent_time=round(held, 3))
        )
    return tuple(found)


def recommended(found: Sequence[Crew]) -> Crew:
    """Give the largest crew of which each agent still saves enough; a later large saving counts too."""
    best = found[0]
    for crew in found[1:]:
        saved = 1 - crew.makespan / best.makespan if best.makespan else 0.0
        if saved >= _WORTH * (crew.agents - best.agents):
            best = crew
    return best
