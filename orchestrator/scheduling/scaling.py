"""How many agents a run has: who joins, who leaves, and what becomes of their tasks.

Pure. Nobody leaves who alone may do a task that is left. Who is at work leaves when that is over; a seat that was left is
taken again before a new one is made.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from orchestrator import events as ev
from orchestrator.errors import Refused, UsageError
from orchestrator.events import Event
from orchestrator.model import AgentId, Plan, PlannedTask, Seat, TaskState
from orchestrator.scheduling.scheduler import could_do
from orchestrator.scheduling.shaping import Shaped, able, listed, recalled
from orchestrator.state import FINAL, State, is_gone

MOST = 500  #: agents


def number_of(plan: Plan, state: State, *, at_once: int | None) -> int:
    """Count the agents that may work at once."""
    present = len(_present(plan, state))
    return min(state.scaled or at_once or present, present)


def target(wanted: str, number: int) -> int:
    """Give the number of agents that is meant by N, +N or -N.

    Raises:
        UsageError: It is no number.
        Refused: Nobody would be left, or too many.
    """
    sign, digits = (wanted[:1], wanted[1:]) if wanted[:1] in {"+", "-"} else ("", wanted)
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 4:
        raise UsageError(f"{wanted!r} is no number of agents", hint="squad scale 4, squad scale +1 or squad scale -1")
    found = {"": int(digits), "+": number + int(digits), "-": number - int(digits)}[sign]
    if found < 1:
        raise Refused(f"nobody would be left of {number}: a run has at least 1 agent", hint="end it for now: squad stop")
    if found > MOST:
        raise Refused(f"{found} agents: a run has at most {MOST}", hint=f"squad scale {MOST}")
    return found


def joining(plan: Plan, state: State, wanted: int) -> tuple[list[AgentId], list[Seat]]:
    """Give who comes back or stays, and new seats, each like the agent with the most left to do."""
    lacking = wanted - len(_present(plan, state))
    back = [seat.id for seat in plan.agents if is_gone(state, seat.id)][: max(0, lacking)]
    numbers = [int(seat.id.split("-")[1]) for seat in plan.agents]
    like = busiest(plan, state)
    new = [
        replace(like, id=AgentId(f"agent-{max(numbers) + one}"), label="", owns=()) for one in range(1, lacking - len(back) + 1)
    ]
    return back, new


def require_work(plan: Plan, state: State, new: Sequence[Seat]) -> None:
    """See to it that new agents could do something that is left.

    Raises:
        Refused: Every task that is left is for others.
    """
    joined = replace(plan, agents=(*plan.agents, *new))
    left = [planned for planned in plan.tasks if state.tasks[planned.task.id].state not in FINAL]
    if left and not any(one.id in could_do(joined, planned) for planned in left for one in new):
        names = listed(planned.task.id for planned in left)
        why = f"{listed(one.id for one in new)} could do none of what is left: {names} name who may do them"
        raise Refused(why, hint="put work for others into the run first: squad add FILE")


def busiest(plan: Plan, state: State) -> Seat:
    """Give the agent with the most left to do; of equals the first."""
    left = {seat.id: 0.0 for seat in plan.agents}
    for planned in plan.tasks:
        if state.tasks[planned.task.id].state not in FINAL:
            left[AgentId(state.tasks[planned.task.id].agent)] += planned.estimate
    return max((seat for seat in plan.agents if not is_gone(state, seat.id)), key=lambda seat: left[seat.id])


def fewer(plan: Plan, state: State, wanted: int, *, now: bool = False) -> Shaped:
    """Let agents leave until so many are there: idle ones first, of those the last.

    Raises:
        Refused: Those that are left could not do all that is left.
    """
    leaving = _leaving(plan, state, len(_present(plan, state)) - wanted)
    orders = [_farewell(plan, state, agent, {*leaving}, now=now) for agent in leaving]
    said = [told for told, _ in orders] or [f"at most {wanted} agents work at once"]
    taken = [event for _, event in orders if event is not None]
    events: tuple[Event, ...] = (ev.RunScaled(agents=wanted, leaving=list(leaving)), *taken)
    return Shaped(said=tuple(said), events=events, agents=tuple(leaving))


def hasten(plan: Plan, state: State, wanted: int) -> Shaped | None:
    """Take their tasks from those who are leaving, or are at work beyond what may be; None if there is nobody like that."""
    leaving = [seat.id for seat in plan.agents if state.agents[seat.id].leaving]
    orders = [_farewell(plan, state, agent, {*leaving}, now=True) for agent in leaving]
    taken = [(told, event) for told, event in orders if event is not None]
    if not taken and sum(1 for one in state.agents.values() if one.task is not None and not one.leaving) > wanted:
        return fewer(plan, state, wanted, now=True)
    if not taken:
        return None
    said, events = tuple(told for told, _ in taken), tuple(event for _, event in taken)
    return Shaped(said=said, events=events, agents=tuple(event.agent for event in events))


def _farewell(
    plan: Plan, state: State, agent: AgentId, leaving: set[AgentId], *, now: bool
) -> tuple[str, ev.AttemptRecalled | None]:
    """Say when an agent leaves; with `now` also what takes its task from it."""
    task = state.agents[agent].task
    if task is None:
        return f"{agent} leaves", None
    status = state.tasks[task]
    if not now or status.state is not TaskState.RUNNING or status.wish is not None:
        return f"{agent} leaves when {task} is over", None
    to = _next(plan, state, _planned(plan, task), leaving)
    taken = recalled(task, status, then="leave", to=to, reason=f"{agent} leaves the run")
    return f"{agent} leaves: its attempt at {task} is stopped, and {to} goes on with its work", taken


def departures(plan: Plan, state: State) -> Iterator[Event]:
    """Let those go whose last task is over, and give what waits for them to others."""
    for name, agent in state.agents.items():
        if agent.leaving and agent.task is None:
            yield ev.AgentLeft(agent=name)
            for planned in plan.tasks:
                status = state.tasks[planned.task.id]
                if status.agent == name and status.state is TaskState.WAITING and status.wish is None:
                    to = _next(plan, state, planned, {AgentId(name)})
                    yield ev.TaskReassigned(task=planned.task.id, from_=name, to=to, reason=f"{name} has left")


def _present(plan: Plan, state: State) -> list[AgentId]:
    return [seat.id for seat in plan.agents if not is_gone(state, seat.id)]


def _leaving(plan: Plan, state: State, count: int) -> list[AgentId]:
    left = [planned for planned in plan.tasks if state.tasks[planned.task.id].state not in FINAL]
    chosen: list[AgentId] = []
    alone: list[str] = []
    present = _present(plan, state)
    for agent in sorted(present, key=lambda one: (state.agents[one].task is not None, -present.index(one))):
        if len(chosen) >= count:
            break
        only = next((one for one in left if not set(able(plan, state, one)) - {*chosen, agent}), None)
        if only is None:
            chosen.append(agent)
        else:
            alone.append(f"{agent} {only.task.id}")
    if len(chosen) < count:
        raise Refused(f"too few would be left: only {listed(alone)} can be done by nobody else", hint="look: squad status")
    return chosen


def _next(plan: Plan, state: State, planned: PlannedTask, leaving: set[AgentId]) -> AgentId:
    """Give who takes a task over: an idle one, where there is one."""
    others = [name for name in able(plan, state, planned) if name not in leaving]
    return min(others or [AgentId(state.tasks[planned.task.id].agent)], key=lambda name: state.agents[name].task is not None)


def _planned(plan: Plan, task: str) -> PlannedTask:
    return next(planned for planned in plan.tasks if planned.task.id == task)
