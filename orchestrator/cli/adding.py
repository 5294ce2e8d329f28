"""What it takes to put tasks into a run: they are read, planned beside what stands, and checked before anything is recorded."""

import json
from collections.abc import Callable, Mapping, Sequence

from orchestrator.cli.crew import scaled
from orchestrator.cli.start import checked, claims_of, surroundings
from orchestrator.config import Config, load_dump
from orchestrator.errors import InputError, Refused
from orchestrator.events import TaskAdded
from orchestrator.model import AgentState, Plan, Task
from orchestrator.planning.amending import with_tasks
from orchestrator.planning.document import plan_document
from orchestrator.prd.squad_tasks import read_tasks_file
from orchestrator.project import Project
from orchestrator.recorder import Recorder
from orchestrator.shaper import DECISIONS, Decision, Params, text_of
from orchestrator.shaping import Shaped, listed
from orchestrator.state import State


def decisions(project: Project) -> Mapping[str, Decision]:
    """Give how every order that changes the work is decided."""

    def add(recorder: Recorder, params: Params) -> Shaped:
        return added(project, settings_of(recorder), recorder, text_of(params, "document"), name=text_of(params, "name"))

    def scale(recorder: Recorder, params: Params) -> Shaped:
        return scaled(recorder, text_of(params, "agents"), now=params.get("now") is True)

    return {**DECISIONS, "add": add, "scale": scale}


def settings_of(recorder: Recorder) -> Config:
    """Give the settings that the run has now."""
    return load_dump(recorder.journal.document(recorder.state.settings))


def added(project: Project, config: Config, recorder: Recorder, document: str, *, name: str) -> Shaped:
    """Put the tasks of a tasks file into the plan, which must hold with them; nothing is recorded here but its document.

    Raises:
        Refused: One cannot join: its id is taken, it needs what does not exist, or the plan would not hold.
    """
    plan, state = recorder.plan, recorder.state
    try:
        known = [*(str(one.task.id) for one in plan.tasks), *map(str, plan.done)]
        tasks = read_tasks_file(document, name=name, claim=claims_of(project), known=known).tasks
        new = _new(plan, tasks)
        if not new:
            return Shaped(said=(f"{listed(one.id for one in tasks)} {_is(tasks)} in the run already",))
        _require_met(state, new)
        amended = _amended(project, config, plan, state, new, name=name)
    except InputError as error:
        place = f"{error.where}: " if error.where else ""
        raise Refused(f"{place}{error.message}", hint=error.hint) from error
    digest = recorder.journal.save_document(plan_document(amended))
    rows = amended.tasks[len(plan.tasks) :]
    events = tuple(TaskAdded(task=one.task.id, agent=one.agent, title=one.task.title, plan=digest) for one in rows)
    said = tuple(f"{one.task.id} joins the run, for {one.agent}" for one in rows)
    undo = "; ".join(f"squad skip {one.task.id}" for one in rows)
    return Shaped(said=said, events=events, tasks=tuple(one.task.id for one in rows), undo=undo, plan=amended)


def _new(plan: Plan, tasks: Sequence[Task]) -> list[Task]:
    """Give the tasks that the plan has not; the same one again is no mistake, another one of the same id is."""
    stands = {one.task.id: one.task for one in plan.tasks}
    for task in tasks:
        if task.id in plan.done or (task.id in stands and not _is_same(stands[task.id], task)):
            raise Refused(f"the run has another task {task.id} already", hint="give it an id of its own")
    return [task for task in tasks if task.id not in stands]


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
            if need in state.tasks and state.tasks[need].state in {"failed", "skipped"}:
                where = state.tasks[need].state
                raise Refused(f"{task.id} needs {need}, which is {where}", hint=f"bring it back first: squad retry {need}")


def _amended(project: Project, config: Config, plan: Plan, state: State, tasks: Sequence[Task], *, name: str) -> Plan:
    here = [seat for seat in plan.agents if state.agents[seat.id].state is not AgentState.STOPPED]
    around = surroundings(project, config, count=None)
    amended = with_tasks(plan, tasks, around, seats=here)
    if not amended.certificate.holds:
        raise Refused("the plan would not hold with it: two tasks write the same paths and nothing keeps them apart")
    return checked(amended, name)


def _is(tasks: Sequence[Task]) -> str:
    return "is" if len(tasks) == 1 else "are"


def as_document(row: Mapping[str, object]) -> str:
    """Give the tasks file of one task; what is not said is left out."""
    return json.dumps({"version": 1, "tasks": [{key: value for key, value in row.items() if value}]}, ensure_ascii=False)
