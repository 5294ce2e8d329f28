"""ralph's `prd.json`: user stories with `passes` (snarktank/ralph and its forks).

Stories are carried out by priority, one after another; that order is implied, not said. Forks add `dependsOn` and write
criteria as objects.
"""

import re

from orchestrator.model import Mark
from orchestrator.prd import words
from orchestrator.prd.drafts import Draft, Reading
from orchestrator.prd.json_rows import Row, parse_json, rows_of, scan_json, text_of, texts_of
from orchestrator.prd.needs import Wish
from orchestrator.prd.page import Material, Page
from orchestrator.prd.paths import find_paths
from orchestrator.prd.shapes import Shape

_STORIES = re.compile(r'"userStories"\s*:\s*\[')
_NEEDS = ("dependsOn", "dependencies", "depends_on", "blockedBy")


def _fits(page: Page) -> int:
    if not page.path.casefold().endswith(".json") or not _STORIES.search(page.text):
        return 0
    return 100 if page.path.endswith("prd.json") else 90


def _read(material: Material) -> Reading:
    title, drafts = "", list[Draft]()
    for page in material.pages:
        whole = parse_json(page.text, name=page.name)
        if not isinstance(whole, Row):
            continue
        title = title or text_of(whole.get("description")).split("\n")[0] or text_of(whole.get("project"))
        drafts += [draft for row in rows_of(whole.get("userStories")) if (draft := _story(row, page))]
    return Reading(title=title or "prd", format=RALPH.name, drafts=drafts)


def _story(row: Row, page: Page) -> Draft | None:
    title = words.plain(text_of(row.get("title"))) or words.plain(text_of(row.get("description")))
    if not title:
        return None
    criteria = tuple(texts_of(row.get("acceptanceCriteria")))
    text = "\n".join([*texts_of([row.get("description"), row.get("notes")]), *(f"- {one}" for one in criteria)])
    needs = [need for key in _NEEDS for need in texts_of(row.get(key))]
    priority = text_of(row.get("priority"))
    return Draft(
        file=page.name,
        line=row.line,
        id=text_of(row.get("id")) or None,
        scope=page.name,
        title=title,
        text=text,
        mark=Mark.DONE if row.get("passes") is True else Mark.OPEN,
        needs=[Wish(text=need, line=row.line, is_id=True) for need in needs],
        paths=find_paths(f"{title}\n{text}"),
        gate=words.is_gate(title),
        priority=int(priority) if priority.isascii() and priority.isdigit() else None,
        criteria=criteria,
    )


RALPH = Shape(
    name="ralph-prdjson",
    files=("prd.json", "scripts/ralph/prd.json"),
    fits=_fits,
    read=_read,
    scan=scan_json,
)
