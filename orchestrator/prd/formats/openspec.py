"""OpenSpec's `tasks.md` (Fission-AI; `openspec/changes/<id>/tasks.md`, at any depth).

Groups are headings, `## 1. Group` or `## 1) Group` or `## Phase 1: Group`; items are boxes with ids such as `1.2a` or without
any; or headings are the tasks, `### Task 1.2: ...`, with their criteria in boxes. `[~]` is deferred. What was archived is
history: it is read only where it is named.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from orchestrator.model import Mark
from orchestrator.prd.boxes import MARKS, blocks_of, draft_of, items_of, one_line, sections, title_of, walk, work_of
from orchestrator.prd.choice import is_criterion
from orchestrator.prd.drafts import Draft, Reading
from orchestrator.prd.markdown import read_markdown
from orchestrator.prd.numbers import nest_by_number, split_number
from orchestrator.prd.outline import Item
from orchestrator.prd.page import Material, Page
from orchestrator.prd.shapes import Shape, scan_boxes
from orchestrator.prd.turns import phases_in_turn
from orchestrator.text.expressions import expression

_MARKS = {**MARKS, "~": Mark.DEFERRED, "-": Mark.IN_PROGRESS}
_GROUP = expression(r"\n##\s+\d+[a-z]?[.)]\s")
_ITEM = expression(r"\n\s*[-*+]\s+\[.?\]\s+\d+\.\d+(?:\.\d+)*[a-z]?\s")
_TASK = expression(r"^#{2,4}\s+Task\s+\d+(?:\.\d+)*\s*[:.–—-]", re.MULTILINE | re.IGNORECASE)


def _fits(page: Page) -> int:
    place = f"/{page.name}"
    if not page.path.casefold().endswith(".md"):
        return 0
    if "openspec/changes/" in place:
        return 100 if page.path.endswith("tasks.md") and "[" in page.text else 0
    return 55 if _GROUP.search(page.lined) and _ITEM.search(page.lined) else 0


def _read(material: Material) -> Reading:
    reading = Reading(title="", format=OPENSPEC.name, drafts=[])
    for page in material.pages:
        blocks = blocks_of(page)
        reading.title = reading.title or title_of(blocks, page)
        if _is_headed(page, items_of(blocks)):
            _take(read_markdown(page), reading, file=page.name if len(material.pages) > 1 else "")
            continue
        groups = [group for items in sections(work_of(items_of(blocks))) if (group := list(walk(items, partial(_draft, page))))]
        drafts = [draft for group in groups for draft in group]
        nest_by_number(drafts)
        phases_in_turn(groups)
        reading.drafts += drafts
    return reading


def _is_headed(page: Page, items: Sequence[Item]) -> bool:
    """Tell whether headings are the tasks, and the boxes below them what each is accepted by."""
    boxes = [item for item in items if item.box is not None]
    return len(_TASK.findall(page.text)) > 1 and 2 * sum(is_criterion(item) for item in boxes) >= len(boxes) > 0


def _take(plain: Reading, reading: Reading, *, file: str) -> None:
    """Take what the reader of plain Markdown makes of a page."""
    reading.drafts += plain.drafts
    reading.declared += plain.declared
    reading.warnings += plain.warnings
    reading.reasons |= plain.reasons
    reading.left += [replace(one, file=file) for one in plain.left]
    reading.requirements += plain.requirements
    reading.seats += plain.seats
    reading.ownership += plain.ownership


def _draft(page: Page, item: Item, parent: Draft | None) -> Draft:
    number, title = split_number(one_line(item))
    draft = draft_of(item, page, parent, id=number, title=title, marks=_MARKS)
    draft.text = "\n".join(filter(None, (f"Group: {item.above[-1].text}" if item.above else "", draft.text)))
    return draft


OPENSPEC = Shape(
    name="openspec-tasks",
    files=("openspec/changes/*/tasks.md", "openspec/changes/*/*/tasks.md"),
    history=("archive",),
    fits=_fits,
    read=_read,
    scan=scan_boxes,
)
