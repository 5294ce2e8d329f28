"""What a person changes of the work: a task tried again, given to another agent, or left out.

Pure: plan and state go in, events and words come out, and whoever records the events has done all of it. What is under way
is never moved: its attempt is recalled first, which stands in the journal before anything is stopped, and `due` says what
becomes of the task once nothing of the attempt is left. So an order outlives whoever was to carry it out.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from orchestrator import events as ev
from orchestrator.errors import Refused
from orchestrator.events import Event
from orchestrator.exchange import questions
from orchestrator.model import AgentId, AgentState, Plan, PlannedTask, TaskId, TaskState
from orchestrator.scheduling import scheduler
from orchestrator.state import JUDGED, State, TaskStatus, WishStatus, is_gone
from orchestrator.text.spelling import meant

PERSON = "person"  #: who orders, in the journal
_GIVEN_UP = frozenset({TaskState.FAILED, TaskState.PARKED})
_UNANSWERED = "a person had the task tried again without an answer: decide yourself, write down what you assumed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shaped:
    """What an order comes to."""

    said: tuple[str, ...]  #: a sentence each
    events: tuple[Event, ...] = ()  #: none: it was so already
    tasks: tuple[str, ...] = ()  #: that are changed
    agents: tuple[str, ...] = ()  #: that are changed
    undo: str = ""  #: a command
    plan: Plan | None = None  #: as amended; its document is in the journal
    asks: str = ""  #: what has to be confirmed first; then there are no events


def retry(plan: Plan, state: State, names: Sequence[str], *, failed: bool = False) -> Shaped:
    """Have tasks tried again with fresh counts, and with them what was skipped because of them.

    Raises:
        Refused: One is done, a step for a person, or behind another that is never done, or nobody is left to do it.
        UsageError: There is none of that name, or several.
    """
    rows = {str(planned.task.id): planned for planned in plan.tasks}
    wanted = [*dict.fromkeys(meant(name, rows, what="task") for name in names), *(_failed(plan, state) if failed else ())]
    if not wanted:
        return Shaped(said=("no task has failed",))
    chosen = [name for name in dict.fromkeys(wanted) if _may_retry(state, rows[name], wanted)]
    if not chosen:
        return Shaped(said=tuple(f"{name} {stands(state.tasks[name])} already" for name in wanted))
    back = list(_comes_back(plan, state, {TaskId(name) for name in chosen}))
    _require_hands(plan, state, [rows[name] for name in (*chosen, *back)])
    moved = [move for name in (*chosen, *back) if (move := _away(plan, state, rows[name])) is not None]
    closed = [one for name in chosen for one in _unanswered(state, name)]
    retried = [ev.TaskRetried(task=name, reason="a person had it tried again") for name in chosen]
    follow = [ev.TaskRetried(task=name, reason="what it needs is tried again") for name in back]
    said = [f"{listed(chosen)} {'is' if len(chosen) == 1 else 'are'} tried again"]
    said += [f"with {'it' if len(chosen) == 1 else 'them'}: {listed(back)}"] if back else []
    return Shaped(
        said=tuple(said),
        events=(*closed, *retried, *follow, *moved),
        tasks=(*chosen, *back),
        undo="; ".join(f"squad skip {name}{' -y' if back else ''}" for name in chosen),
    )


def reassign(plan: Plan, state: State, name: str, to: str) -> Shaped:
    """Give a task to another agent; one that is at it is stopped, and its work is gone on with.

    Raises:
        Refused: The task is done or about to be, or the agent may not do it.
    """
    rows = {str(planned.task.id): planned for planned in plan.tasks}
    name = meant(name, rows, what="task")
    agent = AgentId(meant(to, [seat.id for seat in plan.agents], what="agent"))
    status, planned = state.tasks[name], rows[name]
    if status.state in JUDGED | {TaskState.DONE, TaskState.SKIPPED}:
        raise Refused(f"{name} {stands(status)}", hint=_way_out(name, status))
    if status.agent == agent and (status.state not in _GIVEN_UP) and status.wish is None:
        return _is_its_own(name, status)
    if status.wish is not None and (status.wish.then, status.wish.to) == ("reassign", agent):
        return Shaped(said=(f"{name} goes to {agent} already, as soon as its attempt is stopped",))
    require_able(plan, state, planned, agent)
    if status.state is TaskState.RUNNING and status.agent == agent:
        return _stays(name, f"{name} stays with {agent}", status.wish)
    undo = f"squad reassign {name} --to {status.agent}"
    at = state.agents[agent].task
    busy = f" as soon as {at} is over" if at is not None else ""
    if status.state is TaskState.RUNNING:
        taken = recalled(name, status, then="reassign", to=agent, reason="a person gave it to another agent")
        said = f"{name} is taken from {status.agent}; {agent} goes on with its work{busy}"
        return Shaped(said=(said,), events=(taken,), tasks=(name,), undo=undo)
    moved = ev.TaskReassigned(task=name, from_=status.agent, to=agent, reason="a person gave it to another agent", by=PERSON)
    if status.state in _GIVEN_UP:
        again = retry(plan, state, [name])
        events = (*(one for one in again.events if not isinstance(one, ev.TaskReassigned)), moved)
        return Shaped(said=(f"{name} goes to {agent}{busy}", *again.said), events=events, tasks=again.tasks, undo=again.undo)
    return Shaped(said=(f"{name} goes to {agent}{busy}",), events=(moved,), tasks=(name,), undo=undo)


def skip(plan: Plan, state: State, name: str, *, reason: str = "", agreed: bool = False) -> Shaped:
    """Leave a task out; one that an agent is at is stopped. What needs it is skipped too (design 3).

    Raises:
        Refused: It is done, about to be, or has failed.
    """
    name = meant(name, list(state.tasks), what="task")
    status = state.tasks[name]
    if status.state is TaskState.SKIPPED or (status.wish is not None and status.wish.then == "skip"):
        return Shaped(said=(f"{name} is skipped already{'' if status.dropped or status.wish else f': {status.reason}'}",))
    if status.state in JUDGED | {TaskState.DONE, TaskState.FAILED}:
        raise Refused(f"{name} {stands(status)}: there is nothing to skip", hint=_way_out(name, status))
    behind = _behind(plan, state, TaskId(name))
    if behind and not agreed:
        what = f"{listed(behind)} {'needs' if len(behind) == 1 else 'need'} {name} and would be skipped too"
        return Shaped(said=(what,), tasks=tuple(behind), asks=f"{what}: skip {name}?")
    why = reason or "skipped by a person"
    event: Event = ev.TaskSkipped(task=name, reason=why, by=PERSON)
    if status.state is TaskState.RUNNING:
        event = recalled(name, status, then="skip", to="", reason=why)
    said = f"{name} is skipped" + (f", and so {'is' if len(behind) == 1 else 'are'} {listed(behind)}" if behind else "")
    return Shaped(said=(said,), events=(event,), tasks=(name, *behind), undo=f"squad retry {name}")


def due(plan: Plan, state: State, among: Sequence[PlannedTask]) -> Iterator[Event]:
    """Say what becomes of tasks that were taken from their agents, now that nothing of the attempts is left."""
    for planned in among:
        status = state.tasks[planned.task.id]
        if status.state is not TaskState.WAITING:
            continue
        if (wish := status.wish) is None:
            yield from filter(None, [_away(plan, state, planned)])
        elif wish.then == "skip":
            yield ev.TaskSkipped(task=planned.task.id, reason=wish.reason, by=PERSON)
        else:
            by = PERSON if wish.then == "reassign" else ""
            yield ev.TaskReassigned(task=planned.task.id, from_=status.agent, to=wish.to, reason=wish.reason, by=by)


def require_able(plan: Plan, state: State, planned: PlannedTask, agent: AgentId) -> None:
    """See to it that the agent may do the task.

    Raises:
        Refused: It may not.
    """
    may = able(plan, state, planned)
    hint = f"may do it: {listed(may)}" if may else None
    if is_gone(state, agent):
        raise Refused(f"{agent} has left the run, or is about to", hint=hint)
    if agent in may:
        return
    task = planned.task
    why = f"it is for {listed(task.agents)}" if task.agents else f"it wants the skills {listed(task.skills)}"
    raise Refused(f"{agent} may not do {task.id}: {why}", hint=hint)


def able(plan: Plan, state: State, planned: PlannedTask) -> tuple[AgentId, ...]:
    """Give the agents that may do a task and have not left, its planned one first."""
    could = dict.fromkeys((planned.agent, *scheduler.could_do(plan, planned)))
    return tuple(name for name in could if not is_gone(state, name))


def _is_its_own(name: str, status: TaskStatus) -> Shaped:
    """Keep a task with the agent that it waits for; else squad would give it to whoever is idle."""
    if status.pinned or status.state is not TaskState.WAITING:
        return Shaped(said=(f"{name} is {status.agent}'s already",))
    kept = ev.TaskReassigned(task=name, from_=status.agent, to=status.agent, reason="a person left it there", by=PERSON)
    return Shaped(said=(f"{name} is {status.agent}'s already, and stays with it",), events=(kept,), tasks=(name,))


def _stays(name: str, said: str, wish: WishStatus | None) -> Shaped:
    """Let a task go on where it is that was to be taken from its agent: it is stopped, and begun again there."""
    left = ev.TaskRetried(task=name, reason="a person left it with its agent")
    undo = f"squad skip {name}" if wish is None or wish.then == "skip" else f"squad reassign {name} --to {wish.to}"
    return Shaped(said=(said,), events=(left,), tasks=(name,), undo=undo)


def _failed(plan: Plan, state: State) -> list[str]:
    """Name what failed for good or was parked after failures; not what waits for a person's answer, step or money."""
    return [str(planned.task.id) for planned in plan.tasks if _has_failed(state, planned)]


def _has_failed(state: State, planned: PlannedTask) -> bool:
    status = state.tasks[planned.task.id]
    if status.state is TaskState.PARKED:
        return not (planned.task.gate or status.limit is not None or questions.has_asked(state, planned.task.id))
    return status.state is TaskState.FAILED


def _may_retry(state: State, planned: PlannedTask, wanted: Sequence[str]) -> bool:
    """Tell whether the task is to be brought back; false: it goes on by itself."""
    name, status = str(planned.task.id), state.tasks[planned.task.id]
    if status.state in JUDGED | {TaskState.DONE}:
        raise Refused(f"{name} {stands(status)}: there is nothing to try again", hint=_way_out(name, status))
    if status.state is TaskState.PARKED and planned.task.gate:
        raise Refused(f"{name} is a step for a person: no agent does it", hint=f"leave it out: squad skip {name}")
    if status.state in {TaskState.WAITING, TaskState.RUNNING}:
        return status.wish is not None
    dead = [need for need in planned.needs if need in state.tasks and state.tasks[need].state in scheduler.DEAD]
    if first := next((need for need in dead if need not in wanted), None):
        raise Refused(f"{name} needs {first}, which {stands(state.tasks[first])}", hint=f"bring both back: squad retry {first}")
    return True


def _require_hands(plan: Plan, state: State, among: Sequence[PlannedTask]) -> None:
    """See to it that somebody is left who may do what comes back: else the run would wait for ever."""
    for planned in among:
        if not able(plan, state, planned):
            raise Refused(f"all who may do {planned.task.id} have left the run", hint="let agents come back: squad scale +1")


def _comes_back(plan: Plan, state: State, chosen: set[TaskId]) -> Iterator[TaskId]:
    """Name what was skipped for nothing but the chosen tasks, through others or at once."""
    alive = set(chosen)
    is_new = True
    while is_new:
        is_new = False
        for planned in plan.tasks:
            name, status = planned.task.id, state.tasks[planned.task.id]
            if name in alive or status.state is not TaskState.SKIPPED or status.dropped:
                continue
            dead = [need for need in planned.needs if need in state.tasks and state.tasks[need].state in scheduler.DEAD]
            if dead and alive.issuperset(dead):
                alive.add(name)
                is_new = True
                yield name


def _behind(plan: Plan, state: State, name: TaskId) -> list[TaskId]:
    """Name what waits for a task, through others or at once."""
    dead, found = {name}, [name]
    after: dict[TaskId, list[TaskId]] = {}
    for planned in plan.tasks:
        for need in planned.needs:
            after.setdefault(need, []).append(planned.task.id)
    for one in found:
        new = [
            later
            for later in after.get(one, ())
            if later not in dead and state.tasks[later].state in {TaskState.WAITING, TaskState.PARKED}
        ]
        dead.update(new)
        found += new
    return found[1:]


def _away(plan: Plan, state: State, planned: PlannedTask) -> ev.TaskReassigned | None:
    """Give a task whose agent has left to another."""
    status = state.tasks[planned.task.id]
    if state.agents[status.agent].state is not AgentState.STOPPED or not (others := able(plan, state, planned)):
        return None
    return ev.TaskReassigned(task=planned.task.id, from_=status.agent, to=others[0], reason=f"{status.agent} has left")


def _unanswered(state: State, name: str) -> list[Event]:
    """Close what the task waits to hear: who has it tried again wants no answer to be waited for."""
    status = state.tasks[name]
    if status.state is not TaskState.PARKED:
        return []
    return [
        ev.QuestionClosed(id=one, agent=status.agent, task=name, how="refused", reason=_UNANSWERED)
        for one in questions.open_of(state, name)
    ]


def recalled(name: str, status: TaskStatus, *, then: str, to: str, reason: str) -> ev.AttemptRecalled:
    """Take a task from the agent that is at it."""
    attempt = status.attempt or ""
    return ev.AttemptRecalled(task=name, agent=status.agent, attempt=attempt, then=then, to=to, reason=reason)


def stands(status: TaskStatus) -> str:
    """Say where a task stands."""
    words = {
        TaskState.WAITING: "waits",
        TaskState.RUNNING: "is under way",
        TaskState.CHECKING: "is being checked",
        TaskState.INTEGRATING: "is being integrated",
        TaskState.FAILED: "has failed",
    }
    return words.get(status.state, f"is {status.state}")


def _way_out(name: str, status: TaskStatus) -> str | None:
    if status.state in JUDGED:
        return "its agent has done its part; look: squad status"
    ways = {
        TaskState.DONE: f"look: squad diff {name}",
        TaskState.FAILED: f"try it again: squad retry {name}",
        TaskState.SKIPPED: f"bring it back: squad retry {name}",
    }
    return ways.get(status.state)


def listed(names: Iterable[str]) -> str:
    """Name a few of many."""
    given = list(names)
    return ", ".join(given[:8]) + (f" and {len(given) - 8} more" if len(given) > 8 else "")
