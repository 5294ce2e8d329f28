"""The plan of one agent as hand-run squads know it: `.squad/parallel-plans/agent-N-plan.md`."""

from dataclasses import dataclass

from orchestrator.model import Access, AgentId, Plan, PlannedTask
from orchestrator.planning.explain import Waits
from orchestrator.planning.handoffs import Handoff, handoffs
from orchestrator.text.quantities import format_duration
from orchestrator.views.text import page, plain


@dataclass(frozen=True, slots=True)
class Points:
    """What passes between the agents of a plan: worked out once for all their plans."""

    handoffs: tuple[Handoff, ...]
    waits: Waits

    @classmethod
    def of(cls, plan: Plan) -> "Points":
        """Look through a plan."""
        return cls(handoffs(plan), Waits(plan))


def render_agent_plan(plan: Plan, agent: AgentId, points: Points | None = None) -> str:
    """Give the Markdown of an agent's plan; `points` where those of several agents are given."""
    seat = next(seat for seat in plan.agents if seat.id == agent)
    own = [planned for planned in plan.tasks if planned.agent == agent]
    own.sort(key=lambda planned: planned.start)
    lines = [
        f"# Parallel Execution Plan - Agent {agent.split('-')[1]}",
        "",
        "## Agent Identity",
        f"- Agent ID: {agent}",
        f"- Agent Type: {seat.role}",
        f"- Work Stream: {seat.label or seat.role}",
        f"- Assigned Files: {', '.join(f'`{path}`' for path in seat.owns) or 'none of its own'}",
        "",
        "## Tasks",
        *(line for number, planned in enumerate(own, start=1) for line in _task(planned, number)),
        *([] if own else ["- None yet; it takes over what others leave"]),
        "",
        "## File Ownership",
        *_ownership(plan, agent, own),
        "",
        "## Communication Points",
        *_communication(points or Points.of(plan), agent, own),
    ]
    return page(lines)


def _task(planned: PlannedTask, number: int) -> list[str]:
    writes = "not known" if planned.writes is None else ", ".join(f"`{claim}`" for claim in planned.writes) or "none"
    needs = ", ".join(planned.needs) or "None (can start immediately)"
    return [
        f"{number}. **{planned.task.id} {plain(planned.task.title)}**",
        f"   - ID: {planned.task.id}",
        f"   - Files: {writes}",
        f"   - Dependencies: {needs}",
        f"   - Output: the change, integrated on the branch of the run; about {format_duration(planned.estimate)}",
    ]


def _ownership(plan: Plan, agent: AgentId, own: list[PlannedTask]) -> list[str]:
    files = {claim for planned in own for claim in planned.writes or ()}
    new = sorted(claim for claim in files if any("a new folder" in reason for planned in own for reason in planned.why))
    old = sorted(files - set(new))
    foreign = [row.path for row in plan.matrix if agent not in row.owners and row.access is not Access.SEQUENTIAL]
    shared = [row.path for row in plan.matrix if row.access is Access.SEQUENTIAL]
    return [
        "### CREATE",
        *([f"- `{claim}`" for claim in new] or ["- None"]),
        "### MODIFY",
        *([f"- `{claim}`" for claim in old] or ["- None"]),
        *(f"- `{path}` (under a lock: `squad agent lock {path}`)" for path in shared),
        "### READ-ONLY",
        *([f"- `{path}`" for path in foreign] or ["- None"]),
    ]


def _communication(points: Points, agent: AgentId, own: list[PlannedTask]) -> list[str]:
    """Give whom results are for and whose are waited for: each handoff in a line, in both agents' plans."""
    gives = [one for one in points.handoffs if one.giver == agent]
    takes = [one for one in points.handoffs if one.taker == agent]
    return [
        f"- Handoff to: {', '.join(sorted({one.taker for one in gives})) or 'nobody'}",
        *(f"  - to {one.taker}: {_handed(one)}" for one in gives),
        f"- Receives from: {', '.join(sorted({one.giver for one in takes})) or 'nobody'}",
        *(f"  - from {one.giver}: {_handed(one)}" for one in takes),
        "- Sync points:",
        *(f"  - {planned.task.id}: {plain(reason)}" for planned in own for reason in points.waits.of(planned)),
    ]


def _handed(one: Handoff) -> str:
    files = ", ".join(f"`{plain(claim)}`" for claim in one.files) or "its result"
    done, then = (f"{task.id} {plain(task.title)}" for task in (one.done.task, one.then.task))
    return f"{done}, for {then}: {files}, about {format_duration(one.done.finish)} after the start"
