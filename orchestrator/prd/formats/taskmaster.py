"""Task Master's `tasks.json`, legacy and tagged (task-master-ai; `.taskmaster/tasks/tasks.json`, older `tasks/tasks.json`).

Each tag counts its tasks from 1, so an id means the task of its own tag. A subtask is called `<task>.<n>`; what it depends
on may be written `2` or `5.2`. `cancelled` is not planned, and `review` is not done.
"""

from collections.abc import Iterator, Sequence

from orchestrator.model import Mark, Skipped
from orchestrator.prd import words
from orchestrator.prd.drafts import Draft, Reading
from orchestrator.prd.json_rows import Row, parse_json, rows_of, scan_json, text_of, texts_of
from orchestrator.prd.needs import Wish
from orchestrator.prd.page import Material, Page
from orchestrator.prd.paths import find_paths
from orchestrator.prd.shapes import Shape
from orchestrator.text.expressions import expression

#: A list of tasks: below `tasks`, or below a tag or nothing at all if its objects begin with an id.
_LIST = expression(r'"tasks"\s*:\s*\[|(?:\A|"[\w. -]+"\s*:)\s*\[\s*\{\s*"id"\s*:')
_BETWEEN = expression(r"[,;\s]+")
_OWN = expression(r'"(?:dependencies|subtasks|testStrategy|status)"\s*:')
_MARKS = {
    "": Mark.OPEN,
    "pending": Mark.OPEN,
    "todo": Mark.OPEN,
    "blocked": Mark.OPEN,
    "in-progress": Mark.IN_PROGRESS,
    "review": Mark.IN_PROGRESS,
    "done": Mark.DONE,
    "completed": Mark.DONE,
    "deferred": Mark.DEFERRED,
    "cancelled": Mark.DEFERRED,
}
_PRIORITIES = {"critical": 0, "high": 1, "medium": 2, "low": 3}


def _fits(page: Page) -> int:
    if not page.path.casefold().endswith(".json") or not _LIST.search(page.text) or not _OWN.search(page.text):
        return 0
    return 100 if page.path.endswith("tasks.json") else 80


def _read(material: Material) -> Reading:
    reading = Reading(title="", format=TASKMASTER.name, drafts=[])
    for page in material.pages:
        whole = parse_json(page.text, name=page.name)
        for tag, rows in _lists(whole):
            reading.drafts += _tasks(rows, page, tag, reading.left)
        if isinstance(whole, Row):
            reading.title = reading.title or text_of(_below(whole.get("meta")).get("projectName"))
    reading.title = reading.title or "tasks"
    return reading


def _lists(whole: object) -> Iterator[tuple[str, list[Row]]]:
    """Give the lists of tasks by their tag; of the legacy form there is one without."""
    if isinstance(whole, list):
        yield "", rows_of(whole)
    for tag, value in whole.items() if isinstance(whole, Row) else ():
        if tag == "tasks":
            yield "", rows_of(value)
        elif isinstance(value, Row) and isinstance(value.get("tasks"), list):
            yield tag, rows_of(value["tasks"])
        elif isinstance(value, list) and any("id" in row and "title" in row for row in rows_of(value)):
            yield tag, rows_of(value)


def _below(value: object) -> Row:
    return value if isinstance(value, Row) else Row()


def _tasks(rows: Sequence[Row], page: Page, tag: str, left: list[Skipped]) -> Iterator[Draft]:
    scope = f"{page.name}#{tag}"
    for task in rows:
        parent = _draft(task, page, scope, number=text_of(task.get("id")), above="")
        if parent is None:
            left.append(
                Skipped(line=task.line, text=f"id {text_of(task.get('id'))}", reason="a task without title and description")
            )
            continue
        yield parent
        yield from _subtasks(task, parent, page, scope)


def _subtasks(row: Row, parent: Draft, page: Page, scope: str) -> Iterator[Draft]:
    """Give what a task is parted into, and what those are parted into."""
    for sub in rows_of(row.get("subtasks")):
        local = text_of(sub.get("id"))
        number = local if local.startswith(f"{parent.id}.") else f"{parent.id}.{local}"
        child = _draft(sub, page, scope, number=number, above=parent.id or "")
        if child is not None:
            child.parent = parent
            yield child
            yield from _subtasks(sub, child, page, scope)


def _draft(row: Row, page: Page, scope: str, *, number: str, above: str) -> Draft | None:
    title = words.plain(text_of(row.get("title"))) or words.plain(text_of(row.get("description")))
    if not title:
        return None
    text = "\n".join(texts_of([row.get("description"), row.get("details")]))
    status = text_of(row.get("status")).casefold().replace("_", "-")
    return Draft(
        file=page.name,
        line=row.line,
        id=number.strip(".") or None,
        scope=scope,
        title=title,
        text=text,
        mark=_MARKS.get(status, Mark.UNKNOWN),
        box=status,
        needs=[Wish(text=need, line=row.line, is_id=True) for need in _needs(row, above)],
        paths=find_paths(f"{title}\n{text}"),
        gate=words.is_gate(title),
        priority=_PRIORITIES.get(text_of(row.get("priority")).casefold()),
        criteria=tuple(texts_of(row.get("testStrategy"))),
    )


def _needs(row: Row, above: str) -> list[str]:
    """Give what a task depends on: ids, objects with ids, or several in one text; of a subtask a number means its sibling."""
    value = row.get("dependencies")
    rows = value if isinstance(value, list) else [value]
    told = [text_of(one.get("id") if isinstance(one, Row) else one) for one in rows]
    named = [need for text in told for need in _BETWEEN.split(text) if need]
    return named if not above else [need if "." in need else f"{above}.{need}" for need in named]


TASKMASTER = Shape(
    name="taskmaster-json",
    files=(".taskmaster/tasks/tasks.json", "tasks/tasks.json", "tasks.json"),
    fits=_fits,
    read=_read,
    scan=scan_json,
)
