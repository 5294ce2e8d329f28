"""BMAD stories (v4 `docs/stories/1.1.story.md`, v6 `_bmad-output/implementation-artifacts/1-1-name.md`).

Only the boxes below `## Tasks / Subtasks` are work: those of quality lists and definitions of done are not. `(AC: 1, 3)` names
the criteria that a task serves. Stories come in the order of their numbers, tasks of a story in turn.
"""

import re
from collections.abc import Sequence

from orchestrator.model import Mark
from orchestrator.prd import words
from orchestrator.prd.boxes import MARKS, blocks_of, draft_of, items_of, one_line, title_of, walk
from orchestrator.prd.drafts import Draft, Reading
from orchestrator.prd.formats.bmad_sprint import fits_sprint, sprint
from orchestrator.prd.outline import Block, Item
from orchestrator.prd.page import Material, Page
from orchestrator.prd.shapes import Shape
from orchestrator.prd.turns import barrier, families_in_turn
from orchestrator.text.expressions import expression

_STORY = expression(r"^#\s+(?:User\s+)?Story\s+(\d+)[.-](\d+)", re.MULTILINE | re.IGNORECASE)
_NAME = expression(r"(?:^|/)(?:story-)?(\d+)[.-](\d+)[^/]*$")
_TASKS = expression(r"\n##\s+Tasks\s*(?:/\s*Subtasks)?\s*$", re.MULTILINE | re.IGNORECASE)
_ID = expression(r"(?:\*\*)?(?:Sub-?)?Task\s+(\d+(?:\.\d+)*)\s*[:.)–—-]?(?:\*\*)?\s*", re.IGNORECASE)
_CRITERIA = expression(
    r"\s*\(?\bACs?\s*:?\s*(#?\d[\d,\s#and&-]*)\)?|\s*\(\s*(?P<all>ACs?\s*:?\s*all|all\s+ACs?)\s*\)", re.IGNORECASE
)


def _fits(page: Page) -> int:
    if fits_sprint(page):
        return fits_sprint(page)
    if not page.path.casefold().endswith(".md") or not _TASKS.search(page.lined):
        return 0
    if page.path.endswith(".story.md"):
        return 100
    return 90 if _STORY.search(page.text) else 0


def _read(material: Material) -> Reading:
    reading = Reading(title="", format=BMAD.name, drafts=[])
    stories: list[tuple[tuple[int, int], list[Draft]]] = []
    for page in (page for page in material.pages if not fits_sprint(page)):
        blocks = blocks_of(page)
        reading.title = reading.title or title_of(blocks, page)
        maker = _Maker(page, _criteria(blocks), reading)
        drafts = list(walk([item for item in items_of(blocks) if _is_work(item)], maker))
        for item in items_of(blocks):
            if not _is_work(item):
                maker.leave(item)
        families_in_turn(drafts)
        stories.append((_place(page), drafts))
    written = {place for place, _ in stories} or None
    for page in (page for page in material.pages if fits_sprint(page)):
        stories += sprint(page, reading, written)
        reading.title = reading.title or "sprint"
    stories.sort(key=lambda story: story[0])
    before: list[Draft] = []
    for _, drafts in stories:
        reading.drafts += drafts
        if any(draft.id and draft.id.startswith("epic-") for draft in drafts):
            continue  # a parent waits for its stories, they never for it
        inside = {id(draft) for draft in drafts}
        tops = [draft for draft in drafts if draft.parent is None or id(draft.parent) not in inside]
        barrier(before, tops)
        before = tops or before
    return reading


def _place(page: Page) -> tuple[int, int]:
    """Give the numbers of epic and story: by the title, else by the name of the file."""
    found = _STORY.search(page.text) or _NAME.search(page.path)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _is_work(item: Item) -> bool:
    return any(_TASKS.match(f"\n## {heading.text}") for heading in item.above)


def _criteria(blocks: Sequence[Block]) -> dict[str, str]:
    """Give the acceptance criteria by their numbers."""
    listed = [item for item in items_of(blocks) if item.above and "acceptance criteria" in item.above[-1].text.casefold()]
    return {item.number or str(at): one_line(item) for at, item in enumerate(listed, start=1)}


class _Maker:
    """Makes drafts of the boxes of one story."""

    def __init__(self, page: Page, criteria: dict[str, str], reading: Reading) -> None:
        self._page = page
        self._criteria = criteria
        self._reading = reading

    def __call__(self, item: Item, parent: Draft | None) -> Draft | None:
        text = one_line(item)
        found = _ID.match(text)
        title = text[found.end() :] if found else text
        served = _CRITERIA.search(title)
        title = _CRITERIA.sub("", title).strip(" *:") or words.plain(text)
        draft = draft_of(item, self._page, parent, id=found[1] if found else None, title=title, marks=_MARKS)
        numbers = re.findall(r"\d+", served[1] or "") if served else []
        draft.criteria = tuple([self._criteria.get(number, f"AC {number}") for number in numbers])
        if served and served["all"]:
            draft.criteria = tuple(self._criteria.values())
        return draft

    def leave(self, item: Item) -> None:
        """Say why the boxes of another section are no work."""
        section = item.above[-1].text if item.above else "no heading"
        for below in item.walk():
            if below.box is not None:
                self._reading.reasons[self._page.name, below.line] = f"below {section!r}: not one of the story's tasks"


_MARKS = {**MARKS, "-": Mark.IN_PROGRESS, "~": Mark.IN_PROGRESS}
BMAD = Shape(
    name="bmad-story",
    files=(
        "docs/stories/*.md",
        "_bmad-output/implementation-artifacts/*.md",
        "_bmad-output/implementation-artifacts/stories/*.md",
        "_bmad-output/stories/*.md",
        "sprint-status.yaml",
    ),
    fits=_fits,
    read=_read,
)
