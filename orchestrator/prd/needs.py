"""What tasks need of each other, and whether that can ever be met.

A need is written as an id, a title, a stream or a file. What looks like an id of the document and is none is an error,
since the order would silently be lost; prose that names nothing known is a warning.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from orchestrator.errors import PlanError, PrdError, Where
from orchestrator.model import Task, TaskId
from orchestrator.places import nearest
from orchestrator.prd.words import expand
from orchestrator.stems import stems


class UnknownNeed(PrdError):
    """A task needs one that does not exist."""

    def __init__(self, task: str, need: str, *, where: Where, known: Sequence[str]) -> None:
        hint = nearest(need, known) or f"known ids: {', '.join(list(known)[:12])}"
        super().__init__(f"task {task} needs {need}, which does not exist", where=where, hint=hint)
        self.task, self.need = task, need


class DependencyCycle(PlanError):
    """Tasks wait for each other."""

    def __init__(self, path: Sequence[Task]) -> None:
        shown = " -> ".join(f"{task.id} ({task.source.file}:{task.source.line})" for task in path)
        super().__init__(f"the tasks form a cycle: {shown}", hint="take one of these needs away")
        self.path = tuple(task.id for task in path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A need as it is written."""

    text: str
    line: int
    is_id: bool  #: surely meant as an id


def resolve(
    tasks: list[Task],
    wishes: Mapping[TaskId, Sequence[Wish]],
    declared: Sequence[tuple[str, str, int]],
    *,
    name: str,
    warnings: list[str],
) -> list[Task]:
    """Give the tasks with their needs as ids.

    Raises:
        UnknownNeed: An id does not exist.
        DependencyCycle: The needs form a circle.
    """
    needs: dict[TaskId, dict[TaskId, None]] = {task.id: dict.fromkeys(task.needs) for task in tasks}
    for task in tasks:
        for wish in wishes.get(task.id, ()):
            needs[task.id].update(dict.fromkeys(_named(wish, task, tasks, name=name, warnings=warnings)))
    for what, on, line in declared:
        after = _by_id(what, tasks) or _tasks_called(what, tasks)
        before = _by_id(on, tasks) or _tasks_called(on, tasks)
        if not before or not after:
            warnings.append(f"line {line}: {what!r} depends on {on!r}: nothing of that name was found, so it orders nothing")
        for task in after:
            needs[task.id].update({other.id: None for other in before if other.id != task.id})
    resolved = [replace(task, needs=tuple(need for need in needs[task.id] if need != task.id)) for task in tasks]
    require_no_cycle(resolved)
    return resolved


def require_no_cycle(tasks: Sequence[Task]) -> None:
    """Check that the needs form no circle.

    Raises:
        DependencyCycle: They do; it names the tasks of one circle.
    """
    known = {task.id: task for task in tasks}
    done: set[TaskId] = set()
    for task in tasks:
        path: dict[TaskId, None] = {}
        todo: list[tuple[TaskId, bool]] = [(task.id, False)]
        while todo:
            here, leaving = todo.pop()
            if leaving:
                path.pop(here)
                done.add(here)
                continue
            if here in done:
                continue
            if here in path:
                circle = list(path)[list(path).index(here) :]
                raise DependencyCycle([known[name] for name in (*circle, here)])
            path[here] = None
            todo.append((here, True))
            todo += [(need, False) for need in reversed(known[here].needs) if need in known and need not in done]


def _named(wish: Wish, task: Task, tasks: list[Task], *, name: str, warnings: list[str]) -> list[TaskId]:
    """Give the tasks that a wish names."""
    known = {other.id: other.id for other in tasks}
    folded = {other.id.casefold(): other.id for other in reversed(tasks)}
    ids = [wish.text] if wish.is_id else list(expand(wish.text))
    ids = [part for one in ids for part in ([one] if one in known else _span(one))]
    hits = [found for one in ids if (found := known.get(TaskId(one)) or folded.get(one.casefold()))]
    lost = [one for one in ids if one not in known and one.casefold() not in folded]
    if wrong := next((one for one in lost if _looks_like_id(one, tasks)), None):
        raise UnknownNeed(task.id, wrong, where=Where(name, wish.line), known=[other.id for other in tasks])
    if hits and not lost:
        return hits
    called = [] if hits or wish.is_id else [other.id for other in _tasks_called(wish.text, tasks) if other.id != task.id]
    if not called:
        told = ", ".join(lost) if hits else wish.text
        warnings.append(f"line {wish.line}: {task.id} depends on {told!r}: nothing of that name was found, so it orders nothing")
    return [*hits, *called]


def _by_id(text: str, tasks: list[Task]) -> list[Task]:
    ids = set(expand(text))
    return [task for task in tasks if task.id in ids]


def _span(word: str) -> list[str]:
    """Read `T5-7` as T5, T6, T7; any other word is itself."""
    found = re.fullmatch(r"([A-Za-z]+)(\d+)-(\d+)", word)
    return list(expand(f"{found[1]}{found[2]}-{found[1]}{found[3]}")) if found else [word]


def _looks_like_id(word: str, tasks: list[Task]) -> bool:
    """Tell whether a word has the shape of this document's ids."""
    shapes = {re.sub(r"\d+", "0", task.id).casefold() for task in tasks}
    return re.sub(r"\d+", "0", word).casefold() in shapes


def _tasks_called(text: str, tasks: list[Task]) -> list[Task]:
    """Give the tasks that a text names: by title, by area, by a file they write, by most words of their title."""
    plain = text.strip("`*. ").casefold()
    asked = stems(text)
    by_title = [task for task in tasks if task.title.casefold() == plain]
    by_area = [task for task in tasks if task.area and (task.area.casefold() == plain or _is_part(stems(task.area), asked))]
    by_file = [task for task in tasks if any(claim.rstrip("/") in text for claim in task.writes or ())]
    begun = [task for task in tasks if len(plain) > 8 and task.title.casefold().startswith(plain)]
    return by_title or by_area or by_file or begun or _most_alike(asked, tasks)


def _is_part(one: frozenset[str], other: frozenset[str]) -> bool:
    return bool(one and other) and (one <= other or other <= one)


def _most_alike(asked: frozenset[str], tasks: list[Task]) -> list[Task]:
    """Give the one task whose title shares most words, if these are at least two and more than half of those asked for."""
    scores = [len(asked & stems(task.title)) for task in tasks]
    best = max(scores, default=0)
    if best < 2 or best * 2 <= len(asked) or scores.count(best) > 1:
        return []
    return [tasks[scores.index(best)]]
