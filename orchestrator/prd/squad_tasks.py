"""squad's own tasks file, in YAML or JSON: for runs driven by a file.

Here nothing is guessed: an unknown key, a wrong type, a duplicate id or an unknown need is an error with its place.
"""

import re
from collections.abc import Callable, Mapping
from typing import cast

from orchestrator.claims import Claim, OutsideProject, is_operation
from orchestrator.errors import PrdError
from orchestrator.model import AgentId, Document, Simulation, Source, Task, TaskId
from orchestrator.places import Document as Parsed
from orchestrator.places import Path, Plain, parse
from orchestrator.prd.needs import UnknownNeed, require_no_cycle
from orchestrator.quantities import parse_duration
from orchestrator.spelling import nearest

ENDINGS = (
    *("done", "orphan", "flood", "garbage", "longline", "ask", "stray", "lie"),
    *("fail", "crash", "quota", "hang", "spin", "deaf", "stopped"),
)
_TOP = ("version", "title", "capacity", "tasks")
_TASK = (
    *("id", "title", "text", "area", "needs", "writes", "locks", "agents", "skills", "estimate"),
    *("checks", "command", "simulate", "gate"),
)
_ID = re.compile(r"\w[\w.~-]{0,63}")
_LONGEST = 366 * 86400.0  #: seconds
_SIMULATE = ("work", "write", "then")


def read_tasks_file(text: str, *, name: str, claim: Callable[[str], Claim]) -> Document:
    """Read a tasks file.

    Raises:
        PrdError: Something in it is not as it should be; with file, line, column, and a caret.
    """
    return _Reader(parse(text, name=name), claim).read()


class _Reader:
    def __init__(self, parsed: Parsed, claim: Callable[[str], Claim]) -> None:
        self._parsed = parsed
        self._claim = claim

    def read(self) -> Document:
        top = self._mapping((), _TOP)
        if top.get("version") is not None and self._text(("version",), top.get("version")) != "1":
            raise self._wrong(("version",), "expected version: 1")
        rows = top.get("tasks")
        if not isinstance(rows, list) or not rows:
            raise self._wrong(("tasks",), "no task: expected a list of tasks with id and title")
        tasks = [self._task(("tasks", number)) for number in range(len(rows))]
        self._require_unique(tasks)
        known = {task.id: None for task in tasks}
        for number, task in enumerate(tasks):
            for need in task.needs:
                if need not in known:
                    place: Path = ("tasks", number, "needs", task.needs.index(need))
                    error = UnknownNeed(task.id, need, where=self._parsed.where(place), known=list(known))
                    error.hint = f"{self._parsed.shown(place)}\n{error.hint}"
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

    def _task(self, path: Path) -> Task:
        row = self._mapping(path, _TASK)
        for key in ("id", "title"):
            if not row.get(key):
                raise self._wrong(path, f"a task without {key}")
        return Task(
            id=self._id((*path, "id"), row["id"]),
            title=" ".join(self._text((*path, "title"), row["title"]).split()),
            source=Source(file=self._parsed.name, line=self._parsed.where(path).line or 1),
            text=self._text((*path, "text"), row["text"]) if row.get("text") else "",
            area=self._text((*path, "area"), row["area"]) if row.get("area") else None,
            needs=tuple(TaskId(need) for need in self._list((*path, "needs"), row)),
            writes=self._paths((*path, "writes"), row) if row.get("writes") is not None else None,
            locks=tuple(self._lock((*path, "locks", n), lock) for n, lock in enumerate(self._list((*path, "locks"), row))),
            agents=tuple(AgentId(agent) for agent in self._list((*path, "agents"), row)),
            skills=self._list((*path, "skills"), row),
            estimate=self._duration((*path, "estimate"), row["estimate"]) if row.get("estimate") else None,
            checks=self._list((*path, "checks"), row) if row.get("checks") is not None else None,
            command=self._list((*path, "command"), row),
            simulate=self._simulation((*path, "simulate")) if row.get("simulate") is not None else None,
            gate=self._flag((*path, "gate"), row.get("gate")),
        )

    def _id(self, path: Path, value: Plain) -> TaskId:
        """Give an id; it becomes part of names of files, branches and messages, so not every text will do."""
        text = self._text(path, value).strip()
        if not _ID.fullmatch(text) or ".." in text or text.endswith("."):
            raise self._wrong(path, f"{text[:80]!r} is no id: letters, digits, '-', '_', '.' and '~', at most 64 of them")
        return TaskId(text)

    def _simulation(self, path: Path) -> Simulation:
        row = self._mapping(path, _SIMULATE)
        then = self._list((*path, "then"), row) or ("done",)
        for number, ending in enumerate(then):
            if ending not in ENDINGS:
                hint = nearest(ending, ENDINGS) or f"known endings: {', '.join(ENDINGS)}"
                raise self._wrong((*path, "then", number), f"unknown ending {ending!r}", hint)
        return Simulation(
            work=self._duration((*path, "work"), row["work"]) if row.get("work") is not None else 1.0,
            write=self._paths((*path, "write"), row) if row.get("write") is not None else None,
            then=then,
        )

    def _paths(self, path: Path, row: Mapping[str, Plain]) -> tuple[Claim, ...]:
        return tuple(dict.fromkeys(self._inside((*path, number), text) for number, text in enumerate(self._list(path, row))))

    def _lock(self, path: Path, text: str) -> str:
        return text if is_operation(text) else self._inside(path, text)

    def _inside(self, path: Path, text: str) -> Claim:
        try:
            return self._claim(text)
        except OutsideProject as error:
            refused = OutsideProject(error.path, where=self._parsed.where(path))
            refused.hint = f"{self._parsed.shown(path)}\n{refused.hint}"
            raise refused from error

    def _require_unique(self, tasks: list[Task]) -> None:
        first: dict[str, int] = {}
        for number, task in enumerate(tasks):
            if task.id in first:
                line = self._parsed.where(("tasks", first[task.id])).line
                raise self._wrong(("tasks", number, "id"), f"the id {task.id!r} stands twice: first in line {line}")
            first[task.id] = number

    def _mapping(self, path: Path, known: tuple[str, ...] | None) -> Mapping[str, Plain]:
        """Give a mapping; None allows any key."""
        value = self._value(path)
        if not isinstance(value, dict):
            shown = f"with {', '.join(known[:3])} ..." if known else "such as {op:build: 2}"
            raise self._wrong(path, f"expected a mapping {shown}, found {_kind(value)}")
        for key in value:
            if known is not None and key not in known:
                raise self._wrong((*path, key), f"unknown key {key!r}", nearest(key, known) or f"known keys: {', '.join(known)}")
        return value

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
            seconds = parse_duration(self._text(path, value))
        except ValueError as error:
            raise self._wrong(path, str(error)) from error
        if seconds > _LONGEST:
            raise self._wrong(path, f"{value} is longer than a year")
        return round(seconds, 3)

    def _wrong(self, path: Path, message: str, hint: str = "") -> PrdError:
        shown = self._parsed.shown(path)
        return PrdError(message, where=self._parsed.where(path), hint=f"{shown}\n{hint}" if hint else shown)


def _kind(value: Plain) -> str:
    if value is None:
        return "nothing"
    return {str: "a text", list: "a list", dict: "a mapping"}[type(value)]
