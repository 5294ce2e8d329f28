"""Spec Kit's `tasks.md` (GitHub; `specs/NNN-name/tasks.md`).

`- [ ] T012 [P] [US1] Create the model in src/models/user.py`. Phases come one after another, but the stories stand side by
side between what comes before the first and after the last; in a phase a task without `[P]` follows the one before it, and
tests come before the code. A box without an id is a self-check and no task. `[P]` is a claim that the plan checks.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

from orchestrator.prd import words
from orchestrator.prd.boxes import MARKS, blocks_of, draft_of, items_of, one_line, title_of, walk
from orchestrator.prd.drafts import Draft, Reading
from orchestrator.prd.outline import Block, Heading, Item, Paragraph
from orchestrator.prd.page import Material, Page
from orchestrator.prd.shapes import Shape
from orchestrator.prd.turns import barrier, in_turn

_ID = re.compile(r"(?:\*\*)?(T(?:\d{2,5}[a-z]?|[NX]{2,4}))(?:\*\*)?[:.)]?(?:\*\*)?\s+")
_TASK = re.compile(r"^\s*[-*+]\s+\[.?\]\s+(?:\*\*)?T\d{3,5}[a-z]?\b", re.MULTILINE)
_SIGN = re.compile(r"^#{2,3}\s*Phase\s|\[US\d+\]|\[P\]", re.MULTILINE)
_STORY = re.compile(r"\b(?:user\s+story|story|US)\s*-?\s*#?(\d+)\b", re.IGNORECASE)
_STORY_LABEL = re.compile(r"\[US(\d+)\]")
_PHASE = re.compile(r"^\W*phase\b", re.IGNORECASE)
_STORY_NEEDS = re.compile(r"depend(?:s|ing|encies)?\s+(?:up)?on\b([^.;\n]*)", re.IGNORECASE)
_CHAIN = re.compile(r"T\d{2,5}[a-z]?(?:\s*(?:,|&|and|\+)\s*T\d{2,5}[a-z]?)*(?:\s*(?:->|→|=>)\s*(?:T\d{2,5}[a-z]?[\s,&+]*)+)+")


def _fits(page: Page) -> int:
    if not page.path.casefold().endswith(".md"):
        return 0
    count = len(_TASK.findall(page.text))
    if not count or not _SIGN.search(page.text):
        return 0
    return 90 if page.path.endswith("tasks.md") and "kitty-specs" not in page.path else 60


def _read(material: Material) -> Reading:
    reading = Reading(title="", format=SPECKIT.name, drafts=[])
    for page in material.pages:
        blocks = blocks_of(page)
        reading.title = reading.title or title_of(blocks, page, "Tasks", "Task List")
        sections: list[_Section] = []
        for item in items_of(blocks):
            drafts = list(walk([item], lambda one, parent, page=page: _task(one, parent, page, reading)))  # type: ignore[misc]  # bound at once
            _into(sections, item, drafts)
        _order(sections)
        _story_needs(blocks, sections)
        _chains(blocks, sections)
        reading.drafts += [draft for section in sections for draft in section.drafts]
    return reading


class _Section:
    """Tasks that stand below one heading of one phase."""

    def __init__(self, phase: Heading | None, heading: Heading | None) -> None:
        self.phase = phase
        self.heading = heading
        self.drafts: list[Draft] = []

    @property
    def story(self) -> str:
        """Give the number of the story; empty for the phases of all."""
        found = _STORY.search(self.phase.text) if self.phase else None
        return found[1] if found else ""


def _task(item: Item, parent: Draft | None, page: Page, reading: Reading) -> Draft | None:
    text = one_line(item)
    found = _ID.match(text)
    if not found:
        reading.reasons[page.name, item.line] = "a checkbox without an id, such as a self-check: no task of Spec Kit"
        return None
    return draft_of(item, page, parent, id=found[1], title=text[found.end() :], marks=MARKS)


def _into(sections: list[_Section], item: Item, drafts: list[Draft]) -> None:
    phase = next((heading for heading in item.above if _PHASE.match(heading.text)), None)
    phase = phase or next((heading for heading in item.above if heading.level >= 2), None)
    heading = item.above[-1] if item.above else None
    if not sections or sections[-1].phase is not phase or sections[-1].heading is not heading:
        sections.append(_Section(phase, heading))
    sections[-1].drafts += drafts


def _order(sections: Sequence[_Section]) -> None:
    """Tie sections in turn; those of different stories stand side by side."""
    phases: list[list[_Section]] = []
    for section in sections:
        in_turn([draft for draft in section.drafts if draft.parent is None])
        if phases and phases[-1][-1].phase is section.phase:
            phases[-1].append(section)
        else:
            phases.append([section])
    before: list[Draft] = []
    stories: list[Draft] = []
    for phase in phases:
        whole = [draft for section in phase for draft in section.drafts]
        for first, then in pairwise(phase):
            barrier(first.drafts, then.drafts)
        if phase[0].story:
            barrier(before, whole)
            stories += whole
            continue
        barrier(stories or before, whole)
        before, stories = whole, []


def _story_needs(blocks: Sequence[Block], sections: Sequence[_Section]) -> None:
    """Read `User Story 3 depends on US1 & US2` below a heading about dependencies."""
    stories: dict[str, list[Draft]] = {}
    for section in sections:
        stories.setdefault(section.story, []).extend(section.drafts)
    for block in blocks:
        if not isinstance(block, Item | Paragraph) or not any("depend" in heading.text.casefold() for heading in block.above):
            continue
        for line in (part for one in _texts(block) for part in one.split("\n")):
            subject, found = _STORY.search(line), _STORY_NEEDS.search(line)
            if not subject or not found or subject.start() > found.start():
                continue
            for number in dict.fromkeys(_STORY.findall(found[1])):
                if number != subject[1]:
                    barrier(stories.get(number, []), stories.get(subject[1], []))


def _texts(block: Item | Paragraph) -> list[str]:
    return [text for item in block.walk() for text in (item.text, *item.details)] if isinstance(block, Item) else [block.text]


def _chains(blocks: Sequence[Block], sections: Sequence[_Section]) -> None:
    """Read `T004 -> T005 -> T006`, wherever it stands outside of the tasks themselves."""
    own = {draft.id: draft for section in sections for draft in section.drafts}
    for block in blocks:
        if not isinstance(block, Item | Paragraph):
            continue
        for chain in (found[0] for text in _texts(block) for found in _CHAIN.finditer(text)):
            links = [words.expand(part) for part in re.split(r"->|→|=>", chain)]
            for first, then in pairwise(links):
                for draft in (own[one] for one in then if one in own):
                    draft.direct += [own[one] for one in first if one in own and own[one] is not draft]


SPECKIT = Shape(name="speckit-tasks", files=("specs/*/tasks.md",), fits=_fits, read=_read)
