"""Spec Kit's `tasks.md` (GitHub; `specs/NNN-name/tasks.md`).

`- [ ] T012 [P] [US1] Create the model in src/models/user.py`. Phases come one after another, but the stories stand side by
side between what comes before the first and after the last; in a phase a task without `[P]` follows the one before it, and
tests come before the code. A box without an id is a self-check and no task. `[P]` is a claim that the plan checks.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

from orchestrator.prd.boxes import MARKS, blocks_of, draft_of, items_of, one_line, title_of, walk
from orchestrator.prd.drafts import Draft, Reading
from orchestrator.prd.formats.speckit_needs import read_needs, said_needs
from orchestrator.prd.needs import Wish
from orchestrator.prd.outline import Heading, Item
from orchestrator.prd.page import Material, Page
from orchestrator.prd.shapes import Shape, scan_boxes
from orchestrator.prd.turns import barrier, in_turn
from orchestrator.text.expressions import expression

_ID = expression(r"(?:\*\*)?(T(?:\d{2,5}[a-z]?|[NX]{2,4}))(?:\*\*)?[:.)]?(?:\*\*)?\s+")
_TASK = expression(r"\n\s*[-*+]\s+\[.?\]\s+(?:\*\*)?T\d{3,5}[a-z]?\b")
_SIGN = expression(r"^#{2,3}\s*Phase\s|\[US\d+\]|\[P\]", re.MULTILINE)
_STORY = expression(r"\b(?:user\s+story|story|US)\s*-?\s*#?(\d+)\b", re.IGNORECASE)
_STORY_LABEL = expression(r"\[US(\d+)\]")
#: What a feature is designed in, beside its tasks.
_DESIGN = frozenset(["spec.md", "plan.md", "research.md", "data-model.md", "quickstart.md", "constitution.md"])
#: A word of reading or running in front of one of them, which begins what is said, and no other work between.
_READING = expression(
    r"(?:^(?:\W*T\d+\w*)?(?:[^\w\[]|\[[^\]]*\])*+|[.;:(]\s*)(?:manual(?:ly)? )?(?:(?:re-?)?run(?:s|ning)?|execut\w+"
    r"|verif\w+|validat\w+|check(?:s|ing)?(?!\s+(?:off|in)\b)|test(?:s|ing)?|follow(?:s|ing)?|walk\w*"
    r"|reviews?|reading|reads?|consult\w*|compar\w+|match\w*|see|per|according)\b(?:(?!\b(?:and|then|or|in|into|to)\b)[^.,;:()\n]){0,60}$",
    re.IGNORECASE,
)
#: What stands in brackets with the number of what is told there: `(research.md R5, FR-002)`.
_BEFORE_NUMBER = expression(r"\((?:see |per |from )?[`*]*$")
_NEAR = 90  #: characters before the name of a document that say what is done with it
_NUMBER = expression(r"[`*]*\s+(?:R|D|§|FR-|SC-|NFR-)\d")
_PHASE = expression(r"^\W*phase\b", re.IGNORECASE)
_PHASE_NUMBER = expression(r"\bphase\s*#?(\d+)\b", re.IGNORECASE)


def _fits(page: Page) -> int:
    if not page.path.casefold().endswith(".md") or not _TASK.search(page.lined) or not _SIGN.search(page.text):
        return 0
    return 90 if page.path.endswith("tasks.md") and "kitty-specs" not in page.path else 60


def _read(material: Material) -> Reading:
    reading = Reading(title="", format=SPECKIT.name, drafts=[])
    for page in material.pages:
        blocks = blocks_of(page)
        said: list[tuple[Draft, list[str]]] = []
        reading.title = reading.title or title_of(blocks, page, "Tasks", "Task List")
        sections: list[_Section] = []
        for item in items_of(blocks):
            drafts = list(walk([item], lambda one, parent, page=page, said=said: _task(one, parent, page, reading, said)))  # type: ignore[misc]  # bound at once
            _into(sections, item, drafts)
        _order(sections)
        drafts = [draft for section in sections for draft in section.drafts]
        own: dict[str, Draft] = {}
        for draft in drafts:
            own.setdefault(draft.id or "", draft)
        _add_needs(said, own)
        groups = _groups(sections)
        read_needs(blocks, page.text, own, lambda kind, number, groups=groups: groups.get((kind, str(number)), []))  # type: ignore[misc]  # bound at once
        reading.drafts += drafts
    return reading


class _Section:
    """Tasks that stand below one heading of one phase."""

    def __init__(self, phase: Heading | None, heading: Heading | None) -> None:
        self.phase = phase
        self.heading = heading
        self.drafts: list[Draft] = []
        self.labels: set[str] = set()  #: of stories, one for each task; empty for a task without

    @property
    def story(self) -> str:
        """Give the number of the story, by the heading, else by the label of all its tasks; empty for the phases of all."""
        found = _STORY.search(self.phase.text) if self.phase else None
        return found[1] if found else next(iter(self.labels)) if len(self.labels) == 1 else ""


def _task(item: Item, parent: Draft | None, page: Page, reading: Reading, said: list[tuple[Draft, list[str]]]) -> Draft | None:
    text = one_line(item)
    found = _ID.match(text)
    if not found:
        reading.reasons[page.name, item.line] = "a checkbox without an id, such as a self-check: no task of Spec Kit"
        return None
    draft = draft_of(item, page, parent, id=found[1], title=text[found.end() :], marks=MARKS)
    whole = f"{text}\n{draft.text}"
    if ids := said_needs(whole, found[1]):
        said.append((draft, ids))
    if any(path in _DESIGN for path in draft.paths):
        draft.paths = tuple([path for path in draft.paths if path not in _DESIGN or not _is_read(path, whole)])
    return draft


def _add_needs(said: Sequence[tuple[Draft, list[str]]], own: Mapping[str, Draft]) -> None:
    """Let tasks need what their sentences say, but nothing that plainly names them as its own need: one of the two is misread."""
    plainly = {name: {wish.text for wish in draft.needs} for name, draft in own.items()}
    for draft, ids in said:
        known = {wish.text for wish in draft.needs}
        new = [one for one in ids if one not in known and draft.id not in plainly.get(one, ())]
        draft.needs += [Wish(text=one, line=draft.line, is_id=True) for one in new]


def _is_read(path: str, text: str) -> bool:
    """Tell whether a task only reads one of the feature's own documents, wherever it names it; in doubt it writes it."""
    places = [found.span() for found in re.finditer(rf"(?<![\w/.-]){re.escape(path)}", text)]
    return bool(places) and all(_is_read_at(text, start, end) for start, end in places)


def _is_read_at(text: str, start: int, end: int) -> bool:
    before = text[:start] if start <= _NEAR else f"x{text[start - _NEAR : start]}"  # the beginning is no beginning then
    return bool(_READING.search(before) or (_BEFORE_NUMBER.search(before) and _NUMBER.match(text, end)))


def _into(sections: list[_Section], item: Item, drafts: list[Draft]) -> None:
    phase = next((heading for heading in item.above if _PHASE.match(heading.text)), None)
    phase = phase or next((heading for heading in item.above if heading.level >= 2), None)
    heading = item.above[-1] if item.above else None
    if not sections or sections[-1].phase is not phase or sections[-1].heading is not heading:
        sections.append(_Section(phase, heading))
    sections[-1].drafts += drafts
    sections[-1].labels |= {label[1] if (label := _STORY_LABEL.search(item.text)) else "" for _ in drafts[:1]}


def _groups(sections: Sequence[_Section]) -> dict[tuple[str, str], list[Draft]]:
    """Give the tasks of `US3`, and those of `Phase 2`, by kind and number."""
    groups: dict[tuple[str, str], list[Draft]] = {}
    for section in sections:
        groups.setdefault(("story", section.story), []).extend(section.drafts)
        if section.phase and (found := _PHASE_NUMBER.search(section.phase.text)):
            groups.setdefault(("phase", found[1]), []).extend(section.drafts)
    return groups


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


SPECKIT = Shape(name="speckit-tasks", files=("specs/*/tasks.md",), fits=_fits, read=_read, scan=scan_boxes)
