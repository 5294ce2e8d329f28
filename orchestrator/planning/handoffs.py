"""Planned handoffs: what one agent finishes and another one waits for, with the files it is about and when.

Nobody has to act on them: squad starts a task when what it needs is integrated. They tell agents and people whom a result is for.
"""

from dataclasses import dataclass

from orchestrator.claims import Claim, meets
from orchestrator.model import AgentId, Plan, PlannedTask


@dataclass(frozen=True, slots=True, kw_only=True)
class Handoff:
    """A need between the tasks of two agents."""

    giver: AgentId
    taker: AgentId
    done: PlannedTask  #: what is finished
    then: PlannedTask  #: what waits for it
    files: tuple[Claim, ...]  #: what of the first the second names or writes as well, else all that the first writes


def handoffs(plan: Plan) -> tuple[Handoff, ...]:
    """Give the needs between agents, in the order in which they are met."""
    by_id = {planned.task.id: planned for planned in plan.tasks}
    found = [
        Handoff(giver=by_id[need].agent, taker=then.agent, done=by_id[need], then=then, files=_files(by_id[need], then))
        for then in plan.tasks
        for need in then.needs
        if need in by_id and by_id[need].agent != then.agent
    ]
    return tuple(sorted(found, key=lambda one: (one.done.finish, one.then.start)))


def _files(done: PlannedTask, then: PlannedTask) -> tuple[Claim, ...]:
    writes = done.writes or ()
    text = f"{then.task.title}\n{then.task.text}"
    both = tuple(claim for claim in writes if claim in text or any(meets(claim, own) for own in then.writes or ()))
    return both or writes
