"""ralph's `prd.json`: user stories with `passes` (snarktank/ralph and its forks), and its code tasks, one a file.

Stories are carried out by priority, one after another; that order is implied, not said. Forks add `dependsOn`, write criteria
as objects, part the stories into phases, or keep nothing but a list of features with `passes`.
"""

from collections.abc import Collection, Iterator

from orchestrator.model import Mark, Skipped
from orchestrator.prd import words
from orchestrator.prd.drafts import Draft, Reading
from orchestrator.prd.formats.code_task import code_tasks, fits_code_task
from orchestrator.prd.json_rows import Row, parse_json, rows_of, scan_json, text_of, texts_of
from orchestrator.prd.needs import Wish
from orchestrator.prd.page import Material, Page
from orchestrator.prd.paths import find_paths
from orchestrator.prd.shapes import Shape, scan_markdown
from orchestrator.prd.states import mark_of
from orchestrator.text.expressions import expression

_STORIES = expression(r'"(?:userStories|user_stories)"\s*:\s*\[')
_PASSES = expression(r'"passes"\s*:\s*(?:true|false)\b')
_PARTED = expression(r'"(?:phases|epics|features|stories)"\s*:\s*\[')
_NEEDS = ("dependsOn", "dependencies", "depends_on", "blockedBy", "blocked_by")
_LISTS = ("userStories", "user_stories", "stories", "features", "tasks", "items")
_PARTS = ("phases", "epics", "milestones")
_CRITERIA = ("acceptanceCriteria", "acceptance_criteria", "criteria", "steps")


def _fits(page: Page) -> int:
    if not page.path.casefold().endswith(".json"):
        return fits_code_task(page)
    is_named = page.path.endswith("prd.json")
    if _STORIES.search(page.text):
        return 100 if is_named else 90
    if _PASSES.search(page.text):
        return 95 if is_named else 70
    return 60 if is_named and _PARTED.search(page.text) else 0


def _read(material: Material) -> Reading:
    reading = Reading(title="", format=RALPH.name, drafts=[])
    for page in material.pages:
        if fits_code_task(page):
            continue
        whole = parse_json(page.text, name=page.name)
        top = whole if isinstance(whole, Row) else Row()
        said = (text_of(top.get("description")).split("\n")[0], text_of(top.get("project")), text_of(top.get("title")))
        reading.title = reading.title or next(filter(None, said), "")
        reading.drafts += [draft for row in _rows(whole) if (draft := _story(row, page))]
    code_tasks([page for page in material.pages if fits_code_task(page)], reading)
    reading.title = reading.title or (reading.drafts[0].title if len(reading.drafts) == 1 else "prd")
    return reading


def _rows(whole: object) -> Iterator[Row]:
    """Give the stories of a document, those of its parts in order; a part without stories is one itself."""
    if isinstance(whole, list):
        yield from rows_of(whole)
    elif isinstance(whole, Row):
        for key in _LISTS:
            yield from rows_of(whole.get(key))
        for part in (row for key in _PARTS for row in rows_of(whole.get(key))):
            yield from list(_rows(part)) or [part]


def _story(row: Row, page: Page) -> Draft | None:
    titles = (words.plain(text_of(row.get(key))) for key in ("title", "name", "story", "description"))
    title = next(filter(None, titles), "")
    if not title:
        return None
    criteria = tuple(text for key in _CRITERIA for text in texts_of(row.get(key)))
    text = "\n".join([*texts_of([row.get("description"), row.get("notes")]), *(f"- {one}" for one in criteria)])
    needs = [need for key in _NEEDS for need in texts_of(row.get(key))]
    priority = text_of(row.get("priority"))
    word = text_of(row.get("status"))
    return Draft(
        file=page.name,
        line=row.line,
        id=text_of(row.get("id")) or None,
        scope=page.name,
        title=title,
        text=text,
        mark=_mark(row, word),
        box=word,
        needs=[Wish(text=need, line=row.line, is_id=True) for need in needs],
        paths=_files(row) or find_paths(f"{title}\n{text}"),
        gate=words.is_gate(title),
        priority=int(priority) if priority.isascii() and priority.isdigit() else None,
        criteria=criteria,
    )


def _files(row: Row) -> tuple[str, ...]:
    """Give the files that a story names in keys of their own, those of its test among them."""
    test = row.get("test")
    rows = [row, test] if isinstance(test, dict) else [row]
    named = [path for one in rows for key in ("file", "files", "filesToModify") for path in texts_of(one.get(key))]
    return tuple(dict.fromkeys(path for text in named for path in find_paths(f"`{text.split(' ')[0].strip('`')}`")))


def _mark(row: Row, word: str) -> Mark:
    """Give the state: what passes is done, and nothing else where a story says so; else by its word."""
    if any(row.get(key) is True for key in ("passes", "done", "completed")):
        return Mark.DONE
    mark = mark_of(word) if word else Mark.OPEN
    return Mark.OPEN if mark is Mark.DONE and row.get("passes") is False else mark


def _scan(page: Page, taken: Collection[int]) -> tuple[list[Skipped], list[str]]:
    return scan_markdown(page, taken) if fits_code_task(page) else scan_json(page, taken)


RALPH = Shape(
    name="ralph-prdjson",
    files=("prd.json", "scripts/ralph/prd.json", "*.code-task.md"),
    fits=_fits,
    read=_read,
    scan=_scan,
)
