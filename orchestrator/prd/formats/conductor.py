"""Conductor's `plan.md` (Gemini CLI extension; `conductor/tracks/<id>/plan.md`).

`## Phase 1: Name [checkpoint: 845bbc9]`, `- [x] Task: text ef3ef97` with the commit behind it, `- [ ] Sub-task: text` below;
`[~]` is in progress. The meta task that closes a phase, "User Manual Verification", needs a person. What was archived is
history: it is read only where it is named.
"""

import re
from functools import partial

from orchestrator.model import Mark
from orchestrator.prd.boxes import MARKS, blocks_of, draft_of, items_of, one_line, sections, title_of, walk
from orchestrator.prd.drafts import Draft, Reading
from orchestrator.prd.numbers import split_number
from orchestrator.prd.outline import Item
from orchestrator.prd.page import Material, Page
from orchestrator.prd.shapes import Shape
from orchestrator.prd.turns import phases_in_turn
from orchestrator.text.expressions import expression

_MARKS = {**MARKS, "~": Mark.IN_PROGRESS}
_TASK = expression(r"^\s*[-*+]\s+\[.?\]\s+(?:\*\*)?(?:Sub-?)?Task\b[^\n:]*:", re.MULTILINE | re.IGNORECASE)
_PHASE = expression(r"^#{2,3}\s+Phase\b", re.MULTILINE | re.IGNORECASE)
_START = expression(r"(?:\*\*)?(?:Sub-?)?Task\s*:\s*(?:\*\*)?\s*", re.IGNORECASE)
#: A place for a commit, filled in or not: `[git-hash: ]`.
_PLACE = expression(r"\[(?:git[- ]?hash|commit(?:[- ]?(?:hash|sha))?|sha)\s*:?[^\]]*\]", re.IGNORECASE)
_COMMIT = expression(r"\s+[\[(`]?[0-9a-f]{7,40}[\])`]?\s*$")


def _fits(page: Page) -> int:
    place = f"/{page.name}"
    if not page.path.casefold().endswith("plan.md"):
        return 0
    if "conductor/tracks/" in place or "conductor/archive/" in place:
        return 100
    return 70 if _TASK.search(page.text) and _PHASE.search(page.text) else 0


def _read(material: Material) -> Reading:
    reading = Reading(title="", format=CONDUCTOR.name, drafts=[])
    for page in material.pages:
        blocks = blocks_of(page)
        reading.title = reading.title or title_of(blocks, page, "Implementation Plan", "Plan", "Track Plan")
        phases = [phase for items in sections(items_of(blocks)) if (phase := list(walk(items, partial(_draft, page, reading))))]
        phases_in_turn(phases)
        reading.drafts += [draft for phase in phases for draft in phase]
    return reading


def _draft(page: Page, reading: Reading, item: Item, parent: Draft | None) -> Draft | None:
    number, title = split_number(one_line(item))
    if _PLACE.fullmatch(title.strip("` ")):
        reading.reasons[page.name, item.line] = "a place for a commit, no work"
        return None
    title = _START.sub("", title, count=1)
    if item.box in {"x", "X"}:
        title = _COMMIT.sub("", title)
    draft = draft_of(item, page, parent, id=number, title=title, marks=_MARKS)
    if draft.gate:
        draft.paths = ()  # `(Protocol in workflow.md)` is where a person looks it up
    return draft


CONDUCTOR = Shape(name="conductor-plan", files=("conductor/tracks/*/plan.md",), history=("archive",), fits=_fits, read=_read)
