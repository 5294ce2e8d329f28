"""What a person has to look at, worst first, each with the command that helps."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestrator import events as ev
from orchestrator.events import Entry
from orchestrator.exchange.questions import PERMISSION, has_asked
from orchestrator.model import Plan, PlannedTask, TaskState
from orchestrator.state import State
from orchestrator.strange import is_a_persons
from orchestrator.text.versions import UNTRIED
from orchestrator.views.inbox import command_for
from orchestrator.views.limits import attention_lines, way_out
from orchestrator.views.status import is_held, is_orphaned

_LOST = "its leash was killed"  #: how the reason of such an attempt begins
_UNSURE = "unsure who changed"  #: how such a notice begins
_SHOWN = 3  #: paths


@dataclass(frozen=True, slots=True)
class Need:
    """What a person has to look at."""

    text: str
    help: str = ""  #: the commands that help, each after what it is for

    def __str__(self) -> str:
        """Say it in one line."""
        return f"{self.text} ({self.help})" if self.help else self.text


def attention(entries: Sequence[Entry], plan: Plan, state: State, *, supervised: bool, now: float) -> Iterator[Need]:
    """Give a line for each thing."""
    for line in attention_lines(state, now=now):
        text, _, way = line.rpartition(" (")
        yield Need(text, way.removesuffix(")"))
    if is_orphaned(state, supervised=supervised):
        yield Need("its supervisor is gone", f"go on: squad resume {state.run}")
    elif is_held(state):
        yield Need("paused by a person", f"go on: squad resume {state.run}")
    for planned in plan.tasks:
        yield from _of_task(planned, state)
    yield from _of_questions(state, supervised=supervised)
    told = (need for entry in entries for need in _of_event(entry.event))
    yield from {need.text: need for need in told}.values()  # who looks several times at one growing file finds it each time


def _of_task(planned: PlannedTask, state: State) -> Iterator[Need]:
    task, status = planned.task, state.tasks[planned.task.id]
    if status.state is TaskState.PARKED and has_asked(state, task.id):
        return  # its question is told of
    if status.state is TaskState.PARKED and task.gate:
        yield Need(f"{task.id} is a step for a person: {task.title}", _when_done(state))
    elif status.state is TaskState.PARKED:
        then = f"look: squad logs {task.id}; again: {_again(planned, state)}"
        yield Need(f"{task.id} is parked: {status.reason}", then)
    elif status.state is TaskState.FAILED:
        yield Need(f"{task.id} failed: {status.reason}", f"look: squad logs {task.id}; again: squad retry {task.id}")


def _when_done(state: State) -> str:
    """Say how a step of a person's is told as done; only what is merged counts for the next run."""
    how = " (state: done)" if state.source.endswith((".yaml", ".yml")) else ""
    merge = "squad merge, " if any(task.state is TaskState.DONE for task in state.tasks.values()) else ""
    return f"do it, mark it done in {state.source}{how}, then: {merge}squad run {state.source} --new"


def _of_questions(state: State, *, supervised: bool) -> Iterator[Need]:
    """Tell of what is open, and of what somebody had to do without; a person knows what a person answered."""
    for name, question in state.questions.items():
        told = f"{name} {question.agent} {'asks' if question.state == 'open' else 'asked'}: {question.text}"
        if question.state == "open":
            yield Need(told, command_for(state, name, supervised=supervised and state.phase == "running"))
        elif question.state == "closed" and question.kind == PERMISSION:
            yield Need(told, f"it had to do without: {question.reason}; look: squad logs {question.task}")
        elif question.state == "closed" and question.how == "moot":
            yield Need(told, f"nobody answered: {question.reason}; look: squad logs {question.task}")
        elif question.state == "closed":
            yield Need(told, f"it was told to decide by itself: {question.reason}; look: squad logs {question.task}")


def _again(planned: PlannedTask, state: State) -> str:
    """Say how a parked task is begun again; one that has used up what it alone may needs more first."""
    limit = state.tasks[planned.task.id].limit
    return way_out(limit, state.run) if limit else f"squad resume {state.run}"


def _of_event(event: ev.Event) -> Iterator[Need]:
    match event:
        case ev.ForeignChangeFound(agent=agent, paths=paths, ref=ref, certainty=certainty, why=why):
            sure = f"; {certainty}: {why}" if why else ""
            yield Need(f"{agent} changed {_some(paths)} without the right to, kept in {ref}{sure}", look(event))
        case ev.UnsureChangeFound(where=where, paths=paths, among=among, why=why) if not is_a_persons(where, among):
            yield Need(f"unsure who changed {_some(paths)}: {why}", look(event))
        case ev.AttemptEnded(attempt=attempt, reason=reason) if reason.startswith(_LOST):
            missing = f"{attempt}: its leash was killed, so up to 64 KiB of its output may be missing"
            yield Need(missing, f"look: squad logs {attempt}")
        case ev.Noticed(text=text) if text.startswith(_UNSURE):
            yield Need(text, "look at it")
        case ev.Noticed(text=text) if UNTRIED in text:
            yield Need(text)
        case _:
            pass


def _some(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return ", ".join(paths[:_SHOWN]) + more


def look(event: ev.ForeignChangeFound | ev.UnsureChangeFound) -> str:
    """Say how to see what was changed."""
    where = event.where if isinstance(event, ev.UnsureChangeFound) else ""
    if where == "branch":
        return f"look: git log -g {event.paths[0]}"
    if where == "main":
        return "look: git diff HEAD"
    if where == "git":
        return f"look: ls -l {' '.join(event.paths[:_SHOWN])}"
    return f"look: squad diff --foreign {event.task}" if event.ref else "look at it"
