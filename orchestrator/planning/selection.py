"""Which tasks of a document are planned, and what they need of each other once parents stand for their children.

Done and deferred tasks are not planned; a need on a done task is met. Where the order of the document puts one of them before
a task, what stands before that one takes its place: a tick in the middle of a list does not let its end begin. A parent with
children is not done itself: who needs it needs all its children, and what it says about paths and needs holds for each child.
"""

from collections import deque

from msgspec.structs import replace

from orchestrator.claims import Claim
from orchestrator.errors import PlanError, Where
from orchestrator.model import Document, Mark, Task, TaskId
from orchestrator.prd.needs import require_no_cycle


class NothingToDo(PlanError):
    """Every task of the document is done already, or deferred."""


def to_plan(document: Document) -> tuple[list[Task], list[str]]:
    """Give the tasks that will be done, with their needs among each other, and warnings.

    Raises:
        NothingToDo: There is none.
        DependencyCycle: Their needs form a circle once parents stand for their children.
    """
    family = _Family(document)
    wanted = [task for task in document.tasks if family.is_wanted(task)]
    if not wanted:
        raise NothingToDo("every task is marked done", where=Where(document.path), hint="open one again: - [ ]")
    kept = {task.id for task in wanted}
    needs = {task.id: tuple(need for need in family.needs(task) if need in kept) for task in wanted}
    settled = [_settled(task, needs[task.id], family.writes(task)) for task in wanted]
    require_no_cycle(settled)
    return settled, family.warnings(wanted)


def _settled(task: Task, needs: tuple[TaskId, ...], writes: tuple[Claim, ...] | None) -> Task:
    """Give a task with its needs and write set; most have them already, and a copy is dear."""
    return task if task.needs == needs and task.writes == writes else replace(task, needs=needs, writes=writes)


class _Family:
    """Parents and children."""

    def __init__(self, document: Document) -> None:
        self.tasks = {task.id: task for task in document.tasks}
        self.children: dict[TaskId, list[TaskId]] = {}
        self._planned: dict[TaskId, bool] = {}
        for task in document.tasks:
            if task.parent in self.tasks:
                self.children.setdefault(task.parent, []).append(task.id)

    def above(self, task: Task) -> list[Task]:
        """Give the parents of a task, nearest first."""
        line: list[Task] = []
        if not self.children:
            return line
        while task.parent in self.tasks and self.tasks[task.parent] not in line:
            task = self.tasks[task.parent]
            line.append(task)
        return line

    def is_deferred(self, task: Task) -> bool:
        return any(one.state is Mark.DEFERRED for one in (task, *self.above(task)))

    def needs(self, task: Task) -> tuple[TaskId, ...]:
        """Give the tasks without children that one needs, itself or through its parents; its own family is no need."""
        if not self.children:
            direct = dict.fromkeys((*task.needs, *self._after(task)))
            return tuple(direct) if task.id not in direct else tuple(one for one in direct if one != task.id or one in task.needs)
        above = self.above(task)
        asked = deque(
            need for one in (task, *above) for need in (*one.needs, *self._after(one)) if self.tasks.get(need) not in above
        )
        met: dict[TaskId, None] = {}
        while asked:
            need = asked.popleft()
            if need in met or (need == task.id and need not in task.needs):
                continue
            met[need] = None
            asked += self.children.get(need, ())
        return tuple(need for need in met if need not in self.children)

    def _after(self, task: Task) -> list[TaskId]:
        """Give what the order of the document puts before a task, of what is planned."""
        found: dict[TaskId, None] = {}
        todo, seen = deque(task.after), set[TaskId]()
        while todo:
            name = todo.popleft()
            if name in seen:
                continue
            seen.add(name)
            if name not in self.tasks or self._is_planned(name):
                found[name] = None
            else:
                todo += self.tasks[name].after
        return list(found)

    def _is_planned(self, name: TaskId) -> bool:
        """Tell whether a task is planned, or one of those that it consists of."""
        if name not in self._planned:
            family = dict.fromkeys([name])
            todo = [name]
            while todo:
                below = [one for one in self.children.get(todo.pop(), ()) if one not in family]
                family.update(dict.fromkeys(below))
                todo += below
            self._planned[name] = any(self.is_wanted(self.tasks[one]) for one in family)
        return self._planned[name]

    def is_wanted(self, task: Task) -> bool:
        """Tell whether a task will be done: it has no children, and is neither done nor deferred."""
        return task.id not in self.children and task.state is not Mark.DONE and not self.is_deferred(task)

    def writes(self, task: Task) -> tuple[Claim, ...] | None:
        """Give what a task declares, else what its nearest parent does."""
        return next((one.writes for one in (task, *self.above(task)) if one.writes is not None), None)

    def warnings(self, wanted: list[Task]) -> list[str]:
        deferred = [task for task in self.tasks.values() if self.is_deferred(task)]
        told = [f"line {task.source.line}: {task.id} is deferred and not planned" for task in deferred]
        names = {task.id for task in deferred}
        if not names:
            return told
        return told + [
            f"line {task.source.line}: {task.id} needs {need}, which is deferred: it will not wait for it"
            for task in wanted
            for need in self.needs(task)
            if need in names
        ]
