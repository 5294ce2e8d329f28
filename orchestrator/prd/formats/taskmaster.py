"""Task Master's `tasks.json`, legacy and tagged (task-master-ai; `.taskmaster/tasks/tasks.json`, older `tasks/tasks.json`).

Each tag counts its tasks from 1, so an id means the task of its own tag. A subtask is called `<task>.<n>`; what it depends
on may be written `2` or `5.2`. `cancelled` is not planned, and `review` is not done.
"""

import re
from collections.abc import Iterator

from orchestrator.model import Mark, Skipped
from orchestrator.prd import words
from orchestrator.prd.drafts import Draft, Reading
from orchestrator.prd.json_rows import Row, parse_json, rows_of, scan_json, text_of, texts_of
from orchestrator.prd.needs import Wish
from orchestrator.prd.page import Material, Page
from orchestrator.prd.paths import find_paths
from orchestrator.prd.shapes import Shape

_LIST = re.compile(r'"tasks"\s*:\s*\[')
_OWN = re.compile(r'"(?:dependencies|subtasks|testStrategy|status)"\s*:')
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
        for tag, row in _lists(whole):
            reading.drafts += _tasks(row, page, tag, reading.left)
        if isinstance(whole, Row):
            reading.title = reading.title or text_of(_below(whole.get("meta")).get("projectName"))
    reading.title = reading.title or "tasks"
    return reading


def _lists(whole: object) -> Iterator[tuple[str, Row]]:
    """Give the objects that hold a list of tasks, by their tag; of the legacy form there is one without."""
    if not isinstance(whole, Row):
        return
    if isinstance(whole.get("tasks"), list):
        yield "", whole
    yield from ((tag, row) for tag, row in whole.items() if isinstance(row, Row) and isinstance(row.get("tasks"), list))


def _below(value: object) -> Row:
    return value if isinstance(value, Row) else Row()


def _tasks(row: Row, page: Page, tag: str, left: list[Skipped]) -> Iterator[Draft]:
    scope = f"{page.name}#{tag}"
    for task in rows_of(row.get("tasks")):
        parent = _draft(task, page, scope, number=text_of(task.get("id")), above="")
        if parent is None:
            left.append(
                Skipped(line=task.line, text=f"id {text_of(task.get('id'))}", reason="a task without title and description")
            )
            continue
        yield parent
        for sub in rows_of(task.get("subtasks")):
            local = text_of(sub.get("id"))
            number = local if local.startswith(f"{parent.id}.") else f"{parent.id}.{local}"
            child = _draft(sub, page, scope, number=number, above=parent.id or "")
            if child is not None:
                child.parent = parent
                yield child


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
    """Give what a task depends on; of a subtask a bare number means its sibling."""
    named = texts_of(row.get("dependencies"))
    return [f"{above}.{need}" if above and "." not in need else need for need in named]


TASKMASTER = Shape(
    name="taskmaster-json",
    files=(".taskmaster/tasks/tasks.json", "tasks/tasks.json", "tasks.json"),
    fits=_fits,
    read=_read,
    scan=scan_json,
)
