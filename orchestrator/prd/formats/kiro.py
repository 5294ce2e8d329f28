"""Kiro's `tasks.md` (AWS; `.kiro/specs/<name>/tasks.md`), and cc-sdd's dialect of it.

`- [ ] 1. Parent` with `- [ ] 1.1 Child` below, details as bullets, `_Requirements: 1.2_`; `[-]` is in progress, `[ ]*` optional.
cc-sdd adds `(P)`, `_Depends: 1.1_`, `_Boundary: Component_` and parents that are headings. Both are written to be done in turn;
cc-sdd can say otherwise, and so can a graph of waves (`kiro_waves`).
"""

import re
from functools import partial

from orchestrator.model import Mark
from orchestrator.prd.boxes import MARKS, blocks_of, draft_of, items_of, one_line, plain_lines, title_of, walk, work_of
from orchestrator.prd.drafts import Draft, Reading
from orchestrator.prd.formats.kiro_waves import order_by_waves, waves_of
from orchestrator.prd.needs import Wish
from orchestrator.prd.numbers import nest_by_number, split_number
from orchestrator.prd.outline import Item
from orchestrator.prd.page import Material, Page
from orchestrator.prd.shapes import Shape, scan_boxes
from orchestrator.prd.turns import families_in_turn
from orchestrator.prd.words import expand
from orchestrator.text.expressions import expression

_MARKS = {**MARKS, "-": Mark.IN_PROGRESS}
_NUMBERED = expression(r"\n\s*[-*+]\s+\[.?\]\*?\s+\d+(?:\.\d+)*\*?[.:)]?\s")
#: `_Requirements: 1.2, 3.4_`, in whatever tongue the word is.
_TRACED = expression(
    r"_(?:Requirements?|[^\W\d_]{2,16})\s*[:：]\s*(?:\d+(?:\.\d+)*|all|所有)[^_\n]*_|\*\*Validates:\s*Requirements?|_Requirements?:",
    re.IGNORECASE,
)
_DIALECT = expression(r"\(P\)|_(?:Depends|Boundary|Validation):|\n\s*[-*]\s+\*?\*?Observable completion", re.IGNORECASE)
_DEPENDS = expression(r"_Depends(?:\s+on)?:\s*([^_\n]*)_?", re.IGNORECASE)
_HEADING = expression(r"\n##+\s+\d+\.\s")


def _looks(page: Page) -> int:
    """Say how surely a page is of Kiro's family."""
    if not page.path.casefold().endswith(".md") or not _NUMBERED.search(page.lined):
        return 0
    if ".kiro/" in f"/{page.path}" or "/.kiro/" in page.name:
        return 100
    return 70 if _TRACED.search(page.text) else 0


def _is_dialect(page: Page) -> bool:
    return bool(_DIALECT.search(page.lined)) or (bool(_HEADING.search(page.lined)) and bool(_TRACED.search(page.text)))


def _fits_kiro(page: Page) -> int:
    looks = _looks(page)
    return 0 if looks and _is_dialect(page) else looks


def _fits_ccsdd(page: Page) -> int:
    looks = _looks(page)
    return looks if looks and _is_dialect(page) else 0


def _read_kiro(material: Material) -> Reading:
    return _read(material, KIRO.name)


def _read_ccsdd(material: Material) -> Reading:
    return _read(material, CCSDD.name)


def _read(material: Material, name: str) -> Reading:
    reading = Reading(title="", format=name, drafts=[])
    for page in material.pages:
        blocks = blocks_of(page)
        if not reading.title:
            reading.title = title_of(blocks, page, "Implementation Plan", "Implementation Tasks", "Tasks")
        drafts = [draft for item in work_of(items_of(blocks)) for draft in walk([item], partial(_draft, page))]
        nest_by_number(drafts)
        families_in_turn(drafts)
        if waves := waves_of(page.text):
            order_by_waves(drafts, waves)
        reading.drafts += drafts
    return reading


def _draft(page: Page, item: Item, parent: Draft | None) -> Draft:
    number, title = split_number(one_line(item))
    draft = draft_of(item, page, parent, id=number, title=title, marks=_MARKS)
    details = "\n".join(line for child in item.children if child.box is None for line in plain_lines(child))
    for found in _DEPENDS.finditer(details):
        known = {wish.text for wish in draft.needs}
        named = [one for one in expand(found[1]) if one not in known]
        draft.needs += [Wish(text=one, line=item.line, is_id=True) for one in named]
    if item.is_optional:
        draft.text = f"optional: leave it out if time is short\n{draft.text}".strip()
    return draft


KIRO = Shape(name="kiro-tasks", files=(".kiro/specs/*/tasks.md",), fits=_fits_kiro, read=_read_kiro, scan=scan_boxes)
CCSDD = Shape(name="kiro-ccsdd-tasks", files=(".kiro/specs/*/tasks.md",), fits=_fits_ccsdd, read=_read_ccsdd, scan=scan_boxes)
