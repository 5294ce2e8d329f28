"""squad's own tasks file, in YAML or JSON: for runs driven by a file.

Here nothing is guessed: an unknown key, a wrong type, a duplicate id or an unknown need is an error with its place.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import cast

from orchestrator.claims import Claim, OutsideProject, is_operation
from orchestrator.errors import InputError, PrdError
from orchestrator.model import AgentId, Document, Mark, Simulation, Source, Task, TaskId
from orchestrator.places import Document as Parsed
from orchestrator.places import Path, Plain, parse
from orchestrator.prd.needs import UnknownNeed, require_no_cycle
from orchestrator.prd.states import mark_of
from orchestrator.text.expressions import expression
from orchestrator.text.quantities import parse_duration
from orchestrator.text.spelling import nearest_or_all

ENDINGS = (
    *("done", "orphan", "flood", "garbage", "longline", "ask", "stray", "lie"),
    *("fail", "crash", "quota", "hang", "spin", "deaf", "stopped"),
)
_TOP = ("version", "title", "source", "capacity", "tasks")
_TASK = (
    *("id", "title", "text", "area", "needs", "writes", "locks", "agents", "skills", "estimate"),
    *("checks", "command", "simulate", "gate", "state", "source"),
)
_ORIGIN = ("file", "digest")
_ID = expression(r"\w[\w.~-]{0,63}")
_LONGEST = 366 * 86400.0  #: seconds
_SIMULATE = ("work", "write", "lock", "then")


def read_tasks_file(text: str, *, name: str, claim: Callable[[str], Claim], known: Sequence[str] = ()) -> Document:
    """Read a tasks file; its tasks may also need those of the given ids.

    Raises:
        PrdError: Something in it is not as it should be; with file, line, column, and a caret.
    """
    return _Reader(parse(text, name=name), claim, known=known).read()


def faults(text: str, *, name: str, claim: Callable[[str], Claim]) -> tuple[InputError, ...]:
    """Give what is wrong with a tasks file, not the first fault alone: one for each task, then what tasks say of each other."""
    try:
        return tuple(_Reader(parse(text, name=name), claim).faults())
    except InputError as error:
        return (error,)


class _Reader:
    def __init__(self, parsed: Parsed, claim: Callable[[str], Claim], *, known: Sequence[str] = ()) -> None:
        self._parsed = parsed
        self._claim, self._seconds = cache(claim), cache(parse_duration)
        self._known = known

    def read(self) -> Document:
        top, rows = self._top()
        tasks = [self._task(("tasks", number)) for number in range(len(rows))]
        for error in self._between([(task.id, task.needs) for task in tasks]):
            raise error
        require_no_cycle(tasks)
        title = self._text(("title",), top.get("title")) if top.get("title") else ""
        fallback = self._parsed.name.rpartition("/")[2].rpartition(".")[0]
        return Document(
            title=title or fallback or "tasks",
            format="squad-tasks",
            path=self._parsed.name,
            tasks=tuple(tasks),
            capacity=self._capacity(top),
        )

    def _capacity(self, top: Mapping[str, Plain]) -> dict[str, int]:
        """Give how many may hold an operation at once, where the file says so."""
        if top.get("capacity") is None:
            return {}
        rows = self._mapping(("capacity",), None)
        found = {}
        for name, value in rows.items():
            if not is_operation(name):
                raise self._wrong(("capacity", name), f"{name!r} is no operation", f"write op:{name}: 2")
            units = self._text(("capacity", name), value)
            if not (units.isascii() and units.isdigit() and 0 < int(units) < 10_000):
                raise self._wrong(("capacity", name), f"{units!r}: expected how many may hold it at once, such as 2")
            found[name] = int(units)
        return found

    def faults(self) -> Iterator[InputError]:
        """Give all that is wrong: each key of each task by itself, then what tasks say of each other."""
        _, rows = self._top()
        alone = [fault for number, row in enumerate(rows) for fault in self._faults_of(("tasks", number), row)]
        named = [row if isinstance(row, dict) else {} for row in rows]
        between = list(self._between([(str(row.get("id") or "").strip(), _texts(row.get("needs"))) for row in named]))
        yield from (*alone, *between)
        if not alone and not between:
            yield from _faults_in(lambda: require_no_cycle(self.read().tasks))

    def _faults_of(self, path: Path, row: Plain) -> Iterator[InputError]:
        if not isinstance(row, dict):
            yield from _faults_in(lambda: self._task(path))
            return
        first = {key: value for key, value in row.items() if key in {"id", "title"}}
        yield from _faults_in(partial(self._built, path, first))
        for key in row:
            if key not in first:
                yield from _faults_in(partial(self._alone, path, key, row[key]))

    def _alone(self, path: Path, key: str, value: Plain) -> None:
        """Look at one key of a task, whatever the others are."""
        self._require_known(path, {key: value}, _TASK)
        self._built(path, {"id": "x", "title": "x", key: value})

    def _top(self) -> tuple[Mapping[str, Plain], list[Plain]]:
        """Give what stands around the tasks, and the tasks as they are written."""
        top = self._mapping((), _TOP)
        if top.get("version") is not None and self._text(("version",), top.get("version")) != "1":
            raise self._wrong(("version",), "expected version: 1")
        for key in self._mapping(("source",), _ORIGIN) if top.get("source") is not None else ():
            self._text(("source", key), self._value(("source", key)))
        rows = top.get("tasks")
        if not isinstance(rows, list) or not rows:
            raise self._wrong(("tasks",), "no task: expected a list of tasks with id and title")
        return top, rows

    def _between(self, tasks: Sequence[tuple[str, Sequence[str]]]) -> Iterator[InputError]:
        """Give what is wrong between tasks, each told by its id and needs: ids that stand twice, needs that do not exist."""
        first: dict[str, int] = {}
        for number, (name, _) in enumerate(tasks):
            if name in first and name:
                line = self._parsed.where(("tasks", first[name])).line
                yield self._wrong(("tasks", number, "id"), f"the id {name!r} stands twice: first in line {line}")
            first.setdefault(name, number)
        for number, (name, needs) in enumerate(tasks):
            for place, need in enumerate(needs):
                if need not in first and need not in self._known:
                    path: Path = ("tasks", number, "needs", place)
                    error = UnknownNeed(name, need, where=self._parsed.where(path), known=[*first, *self._known])
                    error.hint = f"{self._parsed.shown(path)}\n{error.hint}"
                    yield error

    def _task(self, path: Path) -> Task:
        return self._built(path, self._mapping(path, _TASK))

    def _built(self, path: Path, row: Mapping[str, Plain]) -> Task:
        for key in ("id", "title"):
            if not row.get(key) or not str(row[key]).strip():
                raise self._wrong(path, f"a task without {key}")
        self._lines((*path, "source"), row)
        return Task(
            id=self._id((*path, "id"), row["id"]),
            title=" ".join(self._text((*path, "title"), row["title"]).split()),
            source=Source(file=self._parsed.name, line=self._parsed.where(path).line or 1),
            text=self._text((*path, "text"), row["text"]) if row.get("text") else "",
            area=self._text((*path, "area"), row["area"]) if row.get("area") else None,
            needs=tuple(dict.fromkeys(map(TaskId, self._list((*path, "needs"), row)))),
            writes=self._paths((*path, "writes"), row) if row.get("writes") is not None else None,
            locks=self._locks((*path, "locks"), row),
            agents=tuple(AgentId(agent) for agent in self._list((*path, "agents"), row)),
            skills=self._list((*path, "skills"), row),
            estimate=self._duration((*path, "estimate"), row["estimate"]) if row.get("estimate") else None,
            checks=self._list((*path, "checks"), row) if row.get("checks") is not None else None,
            command=self._list((*path, "command"), row),
            simulate=self._simulation((*path, "simulate")) if row.get("simulate") is not None else None,
            gate=self._flag((*path, "gate"), row.get("gate")),
            state=self._mark((*path, "state"), row["state"]) if row.get("state") else Mark.OPEN,
        )

    def _id(self, path: Path, value: Plain) -> TaskId:
        """Give an id; it becomes part of names of files, branches and messages, so not every text will do."""
        text = self._text(path, value).strip()
        if not _ID.fullmatch(text) or ".." in text or text.endswith("."):
            raise self._wrong(path, f"{text[:80]!r} is no id: letters, digits, '-', '_', '.' and '~', at most 64 of them")
        return TaskId(text)

    def _mark(self, path: Path, value: Plain) -> Mark:
        mark = mark_of(word := self._text(path, value))
        if mark is Mark.UNKNOWN:
            known = [str(one) for one in Mark if one is not mark]
            raise self._wrong(path, f"unknown state {word!r}", nearest_or_all(word, known, "known states"))
        return mark

    def _lines(self, path: Path, row: Mapping[str, Plain]) -> None:
        """Look at the lines of the document that a task comes from; they are for people and for who made the file."""
        for number, text in enumerate(self._list(path, row)):
            if not text.isascii() or not text.isdigit() or int(text[:9]) < 1:
                raise self._wrong((*path, number), f"{text[:40]!r} is no line: expected a number from 1 on")

    def _simulation(self, path: Path) -> Simulation:
        row = self._mapping(path, _SIMULATE)
        then = self._list((*path, "then"), row) or ("done",)
        for number, ending in enumerate(then):
            if ending not in ENDINGS:
                hint = nearest_or_all(ending, ENDINGS, "known endings")
                raise self._wrong((*path, "then", number), f"unknown ending {ending!r}", hint)
        return Simulation(
            work=self._duration((*path, "work"), row["work"]) if row.get("work") is not None else 1.0,
            write=self._paths((*path, "write"), row) if row.get("write") is not None else None,
            lock=self._locks((*path, "lock"), row),
            then=then,
        )

    def _paths(self, path: Path, row: Mapping[str, Plain]) -> tuple[Claim, ...]:
        texts = self._list(path, row)
        try:
            return tuple(dict.fromkeys(map(self._claim, texts)))
        except OutsideProject:
            return tuple(self._inside((*path, number), text) for number, text in enumerate(texts))

    def _locks(self, path: Path, row: Mapping[str, Plain]) -> tuple[str, ...]:
        texts = enumerate(self._list(path, row))
        return tuple(text if is_operation(text) else self._inside((*path, number), text) for number, text in texts)

    def _inside(self, path: Path, text: str) -> Claim:
        try:
            return self._claim(text)
        except OutsideProject as error:
            refused = OutsideProject(error.path, where=self._parsed.where(path))
            refused.hint = f"{self._parsed.shown(path)}\n{refused.hint}"
            raise refused from error

    def _mapping(self, path: Path, known: tuple[str, ...] | None) -> Mapping[str, Plain]:
        """Give a mapping; None allows any key."""
        value = self._value(path)
        if not isinstance(value, dict):
            shown = f"with {', '.join(known[:3])} ..." if known else "such as {op:build: 2}"
            raise self._wrong(path, f"expected a mapping {shown}, found {_kind(value)}")
        if known is not None:
            self._require_known(path, value, known)
        return value

    def _require_known(self, path: Path, row: Mapping[str, Plain], known: tuple[str, ...]) -> None:
        for key in row:
            if key not in known:
                raise self._wrong((*path, key), f"unknown key {key!r}", nearest_or_all(key, known, "known keys"))

    def _value(self, path: Path) -> Plain:
        value = self._parsed.plain
        for part in path:
            value = cast("list[Plain]", value)[part] if isinstance(part, int) else cast("dict[str, Plain]", value)[part]
        return value

    def _list(self, path: Path, row: Mapping[str, Plain]) -> tuple[str, ...]:
        value = row.get(str(path[-1]))
        if value is None:
            return ()
        if not isinstance(value, list):
            raise self._wrong(
                path, f"expected a list, found {_kind(value)}", f"write [{value}]" if isinstance(value, str) else ""
            )
        if {*map(type, value)} <= {str}:
            return tuple(cast("list[str]", value))
        return tuple(self._text((*path, number), one) for number, one in enumerate(value))

    def _text(self, path: Path, value: Plain) -> str:
        if not isinstance(value, str):
            raise self._wrong(path, f"expected a text, found {_kind(value)}")
        return value

    def _flag(self, path: Path, value: Plain) -> bool:
        if value in {None, "false"}:
            return False
        if value == "true":
            return True
        raise self._wrong(path, "expected true or false")

    def _duration(self, path: Path, value: Plain) -> float:
        try:
            seconds = self._seconds(self._text(path, value))
        except ValueError as error:
            raise self._wrong(path, str(error)) from error
        if seconds > _LONGEST:
            raise self._wrong(path, f"{value} is longer than a year")
        return round(seconds, 3)

    def _wrong(self, path: Path, message: str, hint: str = "") -> PrdError:
        shown = self._parsed.shown(path)
        return PrdError(message, where=self._parsed.where(path), hint=f"{shown}\n{hint}" if hint else shown)


def _faults_in(attempt: Callable[[], object]) -> Iterator[InputError]:
    """Give the fault that an attempt ends with, if there is one."""
    try:
        attempt()
    except InputError as error:
        yield error


def _texts(value: Plain) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _kind(value: Plain) -> str:
    if value is None:
        return "nothing"
    return {str: "a text", list: "a list", dict: "a mapping"}[type(value)]
