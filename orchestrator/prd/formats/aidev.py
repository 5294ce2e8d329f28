"""ai-dev-tasks' lists (snarktank; `tasks/tasks-<feature>.md`).

`## Relevant Files`, then `- [ ] 1.0 Parent` with `- [ ] 1.1 child` below. The parents come in turn, and so do the children of
each. Which task a relevant file belongs to is not said, so none is given to any.
"""

import re
from functools import partial

from orchestrator.prd.boxes import MARKS, blocks_of, draft_of, items_of, one_line, title_of, walk
from orchestrator.prd.drafts import Draft, Reading
from orchestrator.prd.numbers import nest_by_number, split_number
from orchestrator.prd.outline import Item
from orchestrator.prd.page import Material, Page
from orchestrator.prd.shapes import Shape
from orchestrator.prd.turns import families_in_turn
from orchestrator.text.expressions import expression

_PARENT = expression(r"\n\s*[-*+]\s+\[.?\]\s+(?:\*\*)?\d+\.0\s")
_FILES = expression(r"\n#{2,3}\s+Relevant Files", re.IGNORECASE)


def _fits(page: Page) -> int:
    if not page.path.casefold().endswith(".md") or not _PARENT.search(page.lined):
        return 0
    name = page.path.rpartition("/")[2]
    return 90 if _FILES.search(page.lined) or name.startswith("tasks-") else 60


def _read(material: Material) -> Reading:
    reading = Reading(title="", format=AIDEV.name, drafts=[])
    for page in material.pages:
        blocks = blocks_of(page)
        name = page.path.rpartition("/")[2].partition(".")[0].removeprefix("tasks-")
        reading.title = reading.title or title_of(blocks, page, "Tasks", "Task List", folder=name)
        drafts = [draft for item in items_of(blocks) for draft in walk([item], partial(_draft, page))]
        nest_by_number(drafts)
        families_in_turn(drafts)
        reading.drafts += drafts
    return reading


def _draft(page: Page, item: Item, parent: Draft | None) -> Draft:
    number, title = split_number(one_line(item))
    return draft_of(item, page, parent, id=number, title=title, marks=MARKS)


AIDEV = Shape(name="ai-dev-tasks", files=("tasks/tasks-*.md",), fits=_fits, read=_read)
