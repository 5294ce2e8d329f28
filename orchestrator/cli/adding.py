"""What it takes to put tasks into a run: they are read, planned beside what stands, and checked before anything is recorded."""

import json
from collections.abc import Callable, Mapping, Sequence

from orchestrator.cli.crew import scaled, settings_of
from orchestrator.cli.reading import claims_of
from orchestrator.cli.start import checked, surroundings
from orchestrator.config import Config
from orchestrator.errors import InputError, Refused, UsageError
from orchestrator.events import TaskAdded
from orchestrator.journal.recorder import Recorder
from orchestrator.model import Plan, PlannedTask, Task, TaskId
from orchestrator.ownership import owners_of
from orchestrator.planning.amending import with_tasks
from orchestrator.planning.document import plan_document
from orchestrator.prd.squad_tasks import read_tasks_file
from orchestrator.project import Project
from orchestrator.run.shaper import DECISIONS, Decision, Params, text_of
from orchestrator.scheduling.scaling import number_of
from orchestrator.scheduling.scheduler import DEAD
from orchestrator.scheduling.shaping import Shaped, listed, stands
from orchestrator.state import State, is_gone
from orchestrator.text.spelling import NothingSo, meant

_ONE = "squad add"  #: stands for the file of a task that has none


def decisions(project: Project) -> Mapping[str, Decision]:
    """Give how every order that changes the work is decided."""

    def add(recorder: Recorder, params: Params) -> Shaped:
        if "row" in params:
            return added_one(project, recorder, params["row"])
        return added(project, recorder, text_of(params, "document"), name=text_of(params, "name"))

    def scale(recorder: Recorder, params: Params) -> Shaped:
        return scaled(recorder, text_of(params, "agents"), now=params.get("now") is True)

    return {**DECISIONS, "add": add, "scale": scale}


def added(project: Project, recorder: Recorder, document: str, *, name: str) -> Shaped:
    """Put the tasks of a tasks file into the plan, which must hold with them; nothing is recorded here but its document.

    Raises:
        Refused: One cannot join: its id is taken, what it needs is never done, or the plan would not hold.
        InputError: The file makes no sense, also beside what is in the run.
    """
    tasks = read_tasks_file(document, name=name, claim=claims_of(project), known=_ids(recorder.plan)).tasks
    return _joined(project, recorder, tasks, name=name)


def added_one(project: Project, recorder: Recorder, row: object) -> Shaped:
    """Put one task into the plan; without an id it gets the next one, unless just that task is in the run already.

    Raises:
        Refused: As `added`.
        UsageError: What is said of it makes no sense.
    """
    known = _ids(recorder.plan)
    given = {str(key): value for key, value in row.items()} if isinstance(row, Mapping) else {}
    needs = [meant(str(need), known, what="task") for need in _listed(given.get("needs"))]
    for agent in _listed(given.get("agents")):
        if not owners_of(str(agent), recorder.plan.agents):
            raise NothingSo(str(agent), [seat.id for seat in recorder.plan.agents], what="agent")
    document = as_document({**given, "id": given.get("id") or _next(known), "needs": needs})
    try:
        [task] = read_tasks_file(document, name=_ONE, claim=claims_of(project), known=known).tasks
        if not given.get("id") and (same := _same(recorder.plan, task)):
            hint = "another one like it: give it an --id"
            return Shaped(said=(f"{same} is that task already, and {stands(recorder.state.tasks[same])}; {hint}",))
        return _joined(project, recorder, [task], name=_ONE)
    except InputError as error:
        raise UsageError(error.message, hint=(error.hint or "").rpartition("\n")[2]) from error  # without the place in its file


def _joined(project: Project, recorder: Recorder, tasks: Sequence[Task], *, name: str) -> Shaped:
    plan, state = recorder.plan, recorder.state
    new = _new(plan, tasks)
    if not new:
        return Shaped(said=(f"{listed(one.id for one in tasks)} {_is(tasks)} in the run already",))
    _require_met(state, new)
    amended = _amended(project, settings_of(recorder), plan, state, new, name=name)
    digest = recorder.journal.save_document(plan_document(amended))
    rows = amended.tasks[len(plan.tasks) :]
    events = tuple(TaskAdded(task=one.task.id, agent=one.agent, title=one.task.title, plan=digest) for one in rows)
    said = tuple(f"{one.task.id} joins the run, for {one.agent}" for one in rows)
    undo = "; ".join(f"squad skip {one.task.id}" for one in _last_first(rows))
    return Shaped(said=said, events=events, tasks=tuple(one.task.id for one in rows), undo=undo, plan=amended)


def _last_first(rows: Sequence[PlannedTask]) -> list[PlannedTask]:
    """Give tasks so that none stands behind one that it needs: skipped in that order, none takes another with it."""
    left, found = list(rows), list[PlannedTask]()
    while left:
        needed = {need for one in left for need in one.needs}
        free = [one for one in left if one.task.id not in needed] or left
        found += free
        left = [one for one in left if one not in free]
    return found


def _ids(plan: Plan) -> list[str]:
    return [*(str(one.task.id) for one in plan.tasks), *map(str, plan.done)]


def _next(taken: Sequence[str]) -> str:
    """Give the next free id of the form T<n>."""
    numbers = [int(one[1:]) for one in taken if one[:1] == "T" and one[1:].isdecimal()]
    return f"T{max(numbers, default=0) + 1}"


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()


def _same(plan: Plan, task: Task) -> TaskId | None:
    """Find the task of the plan that asks for just the same."""
    return next((one.task.id for one in plan.tasks if one.task.title == task.title and _is_same(one.task, task)), None)


def _new(plan: Plan, tasks: Sequence[Task]) -> list[Task]:
    """Give the tasks that the plan has not; the same one again is no mistake, another one of the same id is."""
    there = {one.task.id: one.task for one in plan.tasks}
    for task in tasks:
        if task.id in plan.done or (task.id in there and not _is_same(there[task.id], task)):
            raise Refused(f"the run has another task {task.id} already", hint="give it an id of its own")
    return [task for task in tasks if task.id not in there]


def _is_same(one: Task, other: Task) -> bool:
    asked: list[Callable[[Task], object]] = [
        lambda task: (task.title, task.text, set(task.needs), task.agents, task.skills, task.command, task.checks, task.simulate),
        lambda task: None if task.writes is None else set(task.writes),
    ]
    return all(ask(one) == ask(other) for ask in asked)


def _require_met(state: State, tasks: Sequence[Task]) -> None:
    """See to it that no need is of a task that is never done."""
    for task in tasks:
        for need in task.needs:
            if need in state.tasks and state.tasks[need].state in DEAD:
                raise Refused(
                    f"{task.id} needs {need}, which {stands(state.tasks[need])}", hint=f"bring it back first: squad retry {need}"
                )


def _amended(project: Project, config: Config, plan: Plan, state: State, tasks: Sequence[Task], *, name: str) -> Plan:
    here = [seat for seat in plan.agents if not is_gone(state, seat.id)]
    around = surroundings(project, config, count=number_of(plan, state, at_once=config.run.agents))
    amended = with_tasks(plan, tasks, around, seats=here)
    if not amended.certificate.holds:
        raise Refused("the plan would not hold with it: two tasks write the same paths and nothing keeps them apart")
    return checked(amended, name)


def _is(tasks: Sequence[Task]) -> str:
    return "is" if len(tasks) == 1 else "are"


def as_document(row: Mapping[str, object]) -> str:
    """Give the tasks file of one task; what is not said is left out."""
    return json.dumps({"version": 1, "tasks": [{key: value for key, value in row.items() if value}]}, ensure_ascii=False)
