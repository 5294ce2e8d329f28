"""What tasks need of each other, and whether that can ever be met.

A need is written as an id, a title, a stream or a file. What looks like an id of the document and is none is an error,
since the order would silently be lost; prose that names nothing known is a warning.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import TypeAlias

import msgspec
from msgspec.structs import replace

from orchestrator.errors import PlanError, PrdError, Where
from orchestrator.model import Task, TaskId
from orchestrator.prd.paths import find_paths
from orchestrator.prd.words import expand, group_of
from orchestrator.text.expressions import expression
from orchestrator.text.spelling import nearest
from orchestrator.text.stems import stems

#: Behind the name of a part of the work nothing that could mean something else: `Stream A (types)`, `Phase 1 is done`.
_ALONE = expression(
    r"(?:work\s*)?\w+\s+#?\w+\s*(?:[(:–—-].*|(?:(?:is|are)\s+)?(?:tasks?|complete[d]?|completion|done|finished))?\W*$",
    re.IGNORECASE,
)
_ROUNDS = 4
Place: TypeAlias = tuple[object, ...]  #: a file, and the lines of the headings that something stands below
_AND = expression(r"\s*(?:[,;&、，]|\band\b)\s*")


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


@dataclass(slots=True)
class Parts:
    """The parts of the work by what they call themselves, as `stream a`: of one name there may be several, in several places."""

    _named: dict[str, dict[Place, list[TaskId]]] = field(default_factory=dict)  #: name -> where it stands, or above -> tasks
    _places: dict[TaskId, Place] = field(default_factory=dict)

    def add(self, task: TaskId, place: Place, names: Iterable[tuple[str, Place]]) -> None:
        """Note where a task stands, and which parts it belongs to: their names, and where these stand."""
        self._places[task] = place
        for name, above in names:
            tasks = self._named.setdefault(name, {})
            for depth in range(len(above) + 1):
                tasks.setdefault(above[:depth], []).append(task)

    def of(self, name: str, asking: TaskId | None) -> Sequence[TaskId]:
        """Give the tasks of a part: of several of its name the one that stands nearest to who asks, or all that are as near."""
        known = self._named.get(name)
        here = self._places[asking] if asking is not None else ()
        depths = range(len(here), -1, -1) if known else ()
        return next((tasks for depth in depths if known and (tasks := known.get(here[:depth]))), ())

    def __bool__(self) -> bool:
        return bool(self._named)


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """A need as it is written."""

    text: str
    line: int
    is_id: bool  #: surely meant as an id


def resolve(
    tasks: list[Task],
    wishes: Mapping[TaskId, Sequence[Wish]],
    declared: Sequence[tuple[str, str, int]],
    *,
    strict: bool,
    warnings: list[str],
    parts: Parts,
    several: bool = False,
) -> list[Task]:
    """Give the tasks with their needs as ids; `strict`: what orders nothing is refused instead of told.

    `parts`: what parts of the work a need may name, such as `Stream A`.
    `several`: the document has several files, so a warning names the one it speaks of.

    Raises:
        UnknownNeed: An id does not exist.
    """
    if not wishes and not declared:
        return tasks
    more: defaultdict[TaskId, dict[TaskId, None]] = defaultdict(dict)  #: than the tasks need already
    book = _Book(tasks, parts)
    for task in tasks:
        for wish in wishes.get(task.id, ()):
            named = _named(wish, task, book, strict=strict, several=several, warnings=warnings)
            if task.id in named and not strict:
                warnings.append(f"{_place(wish, task, several=several)}: {task.id} depends on itself, so it orders nothing")
            more[task.id].update(dict.fromkeys(one for one in named if strict or one != task.id))
    for what, on, line in declared:
        before, after = dict.fromkeys(book.listed(on)), book.listed(what)
        if not before or not after:
            warnings.append(f"line {line}: {what!r} depends on {on!r}: nothing of that name was found, so it orders nothing")
        for name_after in after:
            others = {one: None for one in before if one != name_after} if name_after in before else before
            more[name_after].update(others)
    return [_with(task, more[task.id]) if more.get(task.id) else task for task in tasks]


def _with(task: Task, more: Mapping[TaskId, None]) -> Task:
    return replace(task, needs=tuple(dict.fromkeys((*task.needs, *more)) if task.needs else more))


def require_no_cycle(tasks: Sequence[Task]) -> None:
    """Check that the needs form no circle.

    Raises:
        DependencyCycle: They do; it names the tasks of one circle.
    """
    if _has_order({task.id: task.needs for task in tasks}):
        return
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


def _has_order(needs: Mapping[TaskId, Sequence[TaskId]]) -> bool:
    """Tell whether a few rounds put each task behind all that it waits for, as in most documents; a no says nothing."""
    seen: set[TaskId] = set()
    left = list(needs.items())
    for _ in range(_ROUNDS):
        later = []
        for task, befores in left:
            if seen.issuperset(befores):
                seen.add(task)
            else:
                later.append((task, befores))
        left = later
    return not left


def is_acyclic(needs: Mapping[TaskId, Sequence[TaskId]]) -> bool:
    """Tell whether no task waits for itself."""
    if _has_order(needs):
        return True
    order = TopologicalSorter(needs)
    try:
        order.prepare()
    except CycleError:
        return False
    return True


class _Book:
    """The tasks by everything that a need may name them by."""

    def __init__(self, tasks: list[Task], parts: Parts) -> None:
        self._named = parts
        self.known = {str(task.id): task.id for task in tasks}
        self._tasks = tasks
        self._titles: dict[str, list[TaskId]] = {}
        self._areas: dict[str, list[TaskId]] = {}
        self._files: dict[str, list[TaskId]] = {}
        self._words: dict[str, list[TaskId]] = {}
        self._called: dict[str, list[TaskId]] = {}
        self._topics: dict[str, set[int]] = {}  #: word -> places of the areas that have it in their names
        self._parts: list[tuple[frozenset[str], list[TaskId]]] = []  #: of each area the words of its name, and its tasks

    def _learn(self) -> None:
        """Note by what else than its id each task could be named; most documents never ask."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            self._titles.setdefault(task.title.casefold(), []).append(task.id)
            self._areas.setdefault(task.area or "", []).append(task.id)
            for claim in task.writes or ():
                self._files.setdefault(claim.rstrip("/"), []).append(task.id)
            for word in stems(task.title):
                self._words.setdefault(word, []).append(task.id)
        for area, parts in self._areas.items() if tasks else ():
            for word in stems(area):
                self._topics.setdefault(word, set()).add(len(self._parts))
            self._parts.append((stems(area), parts))

    @cached_property
    def _folded(self) -> dict[str, TaskId]:
        return {name.casefold(): task for name, task in reversed(self.known.items())}

    @cached_property
    def _shapes(self) -> set[str]:
        return {_shape(name) for name in self.known}

    @cached_property
    def _rarest(self) -> dict[str, list[int]]:
        """Give the places of the areas by that word of their names which fewest others have."""
        places: dict[str, list[int]] = {}
        for place, (name, _) in enumerate(self._parts):
            if name:
                places.setdefault(min(sorted(name), key=lambda word: len(self._topics[word])), []).append(place)
        return places

    def find(self, word: str) -> TaskId | None:
        return self.known.get(word) or self._folded.get(word.casefold())

    def looks_like_id(self, word: str) -> bool:
        """Tell whether a word has the shape of this document's ids."""
        return _shape(word) in self._shapes

    def listed(self, text: str) -> list[TaskId]:
        """Give the tasks that a text names by id, else by what else it says."""
        return self.grouped(text) or [self.known[one] for one in expand(text) if one in self.known] or self.called(text)

    def grouped(self, text: str, asking: TaskId | None = None) -> list[TaskId]:
        """Give the tasks of the parts of the work that a text names, if it names nothing else: `Stream A and Stream B`."""
        parts = _AND.split(text.strip(" .*`")) if self._named else ()
        names = [(group_of(part) if _ALONE.match(part) else None) or "" for part in parts if part]
        each = [self._named.of(name, asking) for name in names]
        return [task for group in each for task in group] if each and all(each) else []

    def called(self, text: str) -> list[TaskId]:
        """Give the tasks that a text names: by title, by area, by a file they write, by most words of their title."""
        if text not in self._called:
            self._learn()
            plain = text.strip("`*. ").casefold()
            self._called[text] = self._titles.get(plain) or self._in_area(text) or self._writing(text) or self._most_alike(text)
        return self._called[text]

    def _in_area(self, text: str) -> list[TaskId]:
        """Give the tasks of the areas whose names are part of the text, or of whose names it is a part."""
        asked = stems(text)
        fitting = set.intersection(*sorted([self._topics.get(word, set()) for word in asked], key=len)) if asked else set[int]()
        fitting.update(place for word in asked for place in self._rarest.get(word, ()) if self._parts[place][0] <= asked)
        return [task for place in sorted(fitting) for task in self._parts[place][1]]

    def _writing(self, text: str) -> list[TaskId]:
        return [task for path in find_paths(text) for task in self._files.get(path.strip("/"), ())]

    def _most_alike(self, text: str) -> list[TaskId]:
        """Give the one task whose title shares most words: at least two, and more than half of those asked for."""
        asked = stems(text)
        scores = Counter(task for word in sorted(asked) for task in self._words.get(word, ()))
        ranked = scores.most_common(2)
        if not ranked or ranked[0][1] < 2 or ranked[0][1] * 2 <= len(asked):
            return []
        return [] if len(ranked) > 1 and ranked[0][1] == ranked[1][1] else [ranked[0][0]]


def _shape(word: str) -> str:
    return re.sub(r"\d+", "0", word).casefold()


def _named(wish: Wish, task: Task, book: _Book, *, strict: bool, several: bool, warnings: list[str]) -> list[TaskId]:
    """Give the tasks that a wish names."""
    if not wish.is_id and task.id not in (group := book.grouped(wish.text, task.id)) and group:
        return group
    ids = [wish.text] if wish.is_id else list(expand(wish.text))
    ids = [part for one in ids for part in ([one] if one in book.known else _span(one))]
    hits = [found for one in ids if (found := book.find(one))]
    lost = [one for one in ids if book.find(one) is None]
    wrong = next((one for one in lost if book.looks_like_id(one)), None)
    if strict and wrong:
        raise UnknownNeed(task.id, wrong, where=Where(task.source.file, wish.line), known=list(book.known))
    if hits and not lost:
        return hits
    called = [] if hits or wish.is_id else _called(wish.text, book, task.id)
    if not called:
        told = ", ".join(lost) if hits else wish.text
        place = _place(wish, task, several=several)
        warnings.append(f"{place}: {task.id} depends on {told!r}: nothing of that name was found, so it orders nothing")
    return [*hits, *called]


def _place(wish: Wish, task: Task, *, several: bool) -> str:
    return f"{task.source.file}:{wish.line}" if several else f"line {wish.line}"


def _called(text: str, book: _Book, asking: TaskId) -> list[TaskId]:
    """Give the tasks that a text names in words: as a whole, else each part of a list, if all are found.

    The task that asks bears those words in its own title, so it is never meant.
    """
    whole = [one for one in book.called(text) if one != asking]
    parts = [] if whole else [part for part in _AND.split(text) if part]
    each = [[one for one in book.called(part) if one != asking] for part in parts] if len(parts) > 1 else []
    return whole or (list(dict.fromkeys(one for found in each for one in found)) if all(each) else [])


def _span(word: str) -> list[str]:
    """Read `T5-7` as T5, T6, T7; any other word is itself."""
    found = re.fullmatch(r"([A-Za-z]+)(\d+)-(\d+)", word)
    return list(expand(f"{found[1]}{found[2]}-{found[1]}{found[3]}")) if found else [word]
