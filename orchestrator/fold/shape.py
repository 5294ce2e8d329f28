"""What a person's changes of the work do to a run's state."""

from typing import TypeAlias

from orchestrator import events as ev
from orchestrator.model import AgentState, TaskState
from orchestrator.state import FINAL, AgentStatus, State, TaskStatus, WishStatus

Shape: TypeAlias = ev.TaskReassigned | ev.AttemptRecalled | ev.TaskAdded | ev.RunScaled | ev.AgentAdded | ev.AgentLeft


def fold_shape(state: State, event: Shape) -> None:
    """Note who does a task from now on, what becomes of it once its attempt is gone, or that there is one more."""
    match event:
        case ev.AttemptRecalled(then=then, to=to, reason=reason):
            state.tasks[event.task].wish = WishStatus(then=then, to=to, reason=reason)
        case ev.TaskReassigned(to=to, by=by):
            status = state.tasks[event.task]
            status.agent, status.pinned, status.wish = to, by != "", None
        case ev.TaskAdded(task=task, agent=agent, plan=plan):
            state.plan = plan
            state.tasks[task] = TaskStatus(agent=agent)
        case ev.RunScaled() | ev.AgentAdded() | ev.AgentLeft():
            _fold_crew(state, event)


def _fold_crew(state: State, event: ev.RunScaled | ev.AgentAdded | ev.AgentLeft) -> None:
    """Note who belongs to the run."""
    match event:
        case ev.RunScaled(agents=agents, leaving=leaving):
            state.scaled = agents
            for name in state.agents.keys() & leaving:
                state.agents[name].leaving = True
        case ev.AgentAdded(agent=name, plan=plan, settings=settings):
            agent = state.agents.setdefault(name, AgentStatus())
            agent.leaving = False
            agent.state = AgentState.IDLE if agent.state is AgentState.STOPPED else agent.state
            state.plan, state.settings = plan or state.plan, settings or state.settings
        case ev.AgentLeft(agent=name):
            state.agents[name].leaving, state.agents[name].state = False, AgentState.STOPPED


def is_given_up(status: TaskStatus) -> bool:
    """Tell whether a task does not go on by itself; one that does is only left where it is when it is tried again."""
    return status.state in FINAL | {TaskState.PARKED}


def anew(old: TaskStatus) -> TaskStatus:
    """Give a task with nothing counted against it; what happened stays known by its numbers."""
    return TaskStatus(
        agent=old.agent,
        state=old.state,
        attempts=old.attempts,
        prepared=old.prepared,
        attempt=old.attempt,
        money=old.money,
        pinned=old.pinned,
    )
