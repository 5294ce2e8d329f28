"""Which tasks of a document were done by a run before: those that ask for the same, under the same id where it gives ids.

Content is what a task asks for: title, text, criteria, write set, checks, command. Who does it, when, how long it takes and
whether it is ticked are not.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from msgspec import structs

from orchestrator.model import Document, Former, Mark, RunId, Task, TaskId
from orchestrator.text.expressions import expression

_BOX = expression(r"\[[ xX]\]")
Content: TypeAlias = tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A task that a run has done, as its plan said it."""

    task: Task
    run: RunId


def content(task: Task) -> Content:
    """Give what a task asks for, in a form that can be compared; neither spaces nor ticks change it."""
    played = (task.simulate.write, task.simulate.text) if task.simulate else None
    words = (_words(task.title), _words(task.text), tuple(map(_words, task.criteria)))
    return (*words, None if task.writes is None else frozenset(task.writes), task.checks, task.command, played)


def matched(document: Document, done: Iterable[Done]) -> dict[TaskId, Done]:
    """Give the open tasks of a document that were done, each by another of the tasks that were; the latest run counts first."""
    left: dict[Content, dict[TaskId, Done]] = {}
    for one in done:  # where several runs did the same task, it was done once
        left.setdefault(content(one.task), {}).setdefault(one.task.id, one)
    parents = {task.parent for task in document.tasks}
    wanted = [task for task in document.tasks if task.state is not Mark.DONE and task.id not in parents]
    found: dict[TaskId, Done] = {}
    for exactly in (True, False):
        for task in wanted:
            fitting = left.get(content(task), {})
            name = _fitting(task, fitting, exactly=exactly)
            if task.id not in found and name is not None:
                found[task.id] = fitting.pop(name)
    return {task.id: found[task.id] for task in wanted if task.id in found}


def _fitting(task: Task, done: Mapping[TaskId, Done], *, exactly: bool) -> TaskId | None:
    """Give the id under which a task was done: its own, else any where squad alone gives the ids."""
    if exactly or not task.numbered:
        return task.id if task.id in done else None
    return next((name for name, one in done.items() if one.task.numbered), None)


def without(document: Document, done: Iterable[TaskId]) -> Document:
    """Give a document in which tasks count as done."""
    names = frozenset(done)
    tasks = (structs.replace(task, state=Mark.DONE) if task.id in names else task for task in document.tasks)
    return replace(document, tasks=tuple(tasks))


def formers(document: Document, done: Mapping[TaskId, Done]) -> tuple[Former, ...]:
    """Give what a plan says of the tasks that it leaves out, in document order."""
    return tuple(Former(id=task.id, title=task.title, run=done[task.id].run) for task in document.tasks if task.id in done)


def remarks(tasks: Sequence[Task], done: Mapping[TaskId, Done]) -> tuple[str, ...]:
    """Name what was built on a task that is done again."""
    again = {task.id for task in tasks if task.id not in done and task.state is not Mark.DONE}
    return tuple(
        f"line {task.source.line}: {task.id} is done already, but {need}, which it needs, is not: squad run FILE --all does both"
        for task in tasks
        for need in task.needs
        if task.id in done and need in again
    )


def _words(text: str) -> str:
    return _BOX.sub("[ ]", " ".join(text.split()))
