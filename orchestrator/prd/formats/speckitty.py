"""spec-kitty (a fork of Spec Kit): `kitty-specs/NNN-name/tasks.md`, and a file for each work package beside it.

In the list a work package is the parent of its subtasks and says what it depends on; its own file names the files that it owns,
which is its write set. Where both are there the work packages are read.
"""

import re

from orchestrator.model import Mark
from orchestrator.prd import words
from orchestrator.prd.boxes import MARKS, blocks_of, box_lines, draft_of, one_line, plain_lines, title_of, walk
from orchestrator.prd.drafts import Draft, Reading
from orchestrator.prd.front import Front, front_of, has_keys
from orchestrator.prd.needs import Wish
from orchestrator.prd.outline import Heading, Item, Paragraph
from orchestrator.prd.page import Material, Page
from orchestrator.prd.paths import find_paths
from orchestrator.prd.shapes import Shape
from orchestrator.prd.states import mark_of
from orchestrator.prd.turns import in_turn
from orchestrator.text.expressions import expression

_PACKAGE = expression(r"^(?:Work Package\s+)?(WP\d+[a-z]?)\s*[:.–—-]\s*(.*)$", re.IGNORECASE)
_HEADING = expression(r"\n#{2,3}\s+(?:Work Package\s+)?WP\d+", re.IGNORECASE)
_SUBTASK = expression(r"(?:\*\*)?(T\d{2,5}[a-z]?)(?:\*\*)?[:.)]?\s+")
_PRIORITY = expression(r"\s*\(?\bPriority:\s*P?(\d)\)?[^)]*\)?\s*$", re.IGNORECASE)
_WP = expression(r"WP\d+[a-z]?", re.IGNORECASE)
_FILE = expression(r"(?:^|/)(WP\d+[a-z]?)[^/]*\.md$", re.IGNORECASE)
_BESIDE = expression(
    r"\b(?:context|references?|constraints?|background|risks?|reviewers?|review (?:feedback|guidance)|activity log|history"
    r"|prerequisites)\b",
    re.IGNORECASE,
)
_LANES = {
    "planned": Mark.OPEN,
    "doing": Mark.IN_PROGRESS,
    "for_review": Mark.IN_PROGRESS,
    "done": Mark.DONE,
    "approved": Mark.DONE,
}


def _fits_list(page: Page) -> int:
    if not page.path.casefold().endswith(".md") or not _HEADING.search(page.lined) or page.front:
        return 0
    return 95 if page.path.endswith("tasks.md") else 60


def _fits_packages(page: Page) -> int:
    if not page.path.casefold().endswith(".md") or not has_keys(page, "work_package_id"):
        return 0
    return 100 if _FILE.search(page.path) else 80


def _read_list(material: Material) -> Reading:
    reading = Reading(title="", format=SPECKITTY_TASKS.name, drafts=[])
    for page in material.pages:
        blocks = blocks_of(page)
        reading.title = reading.title or title_of(blocks, page, "Work Packages", "Tasks")
        package: Draft | None = None
        for block in blocks:
            if isinstance(block, Heading) and (found := _PACKAGE.match(words.plain(block.text))):
                package = _package(page, block, found[1].upper(), found[2])
                reading.drafts.append(package)
            elif isinstance(block, Heading) and block.level < 3:
                package = None
            elif package is not None and isinstance(block, Item | Paragraph):
                _into(package, block, page, reading)
    return reading


def _package(page: Page, heading: Heading, number: str, title: str) -> Draft:
    urgent = _PRIORITY.search(title)
    plain = _PRIORITY.sub("", title).strip() or number
    priority = int(urgent[1]) if urgent else None
    return Draft(file=page.name, line=heading.line, id=number, scope=page.name, title=plain, priority=priority)


def _into(package: Draft, block: Item | Paragraph, page: Page, reading: Reading) -> None:
    """Take what stands below a work package: its needs below that heading, boxes with an id as its subtasks."""
    text = block.text if isinstance(block, Paragraph) else "\n".join(one.text for one in block.walk())
    heading = block.above[-1] if block.above and block.above[-1].line != package.line else None
    is_about = heading is not None and "dependenc" in heading.text.casefold()
    lines = text.split("\n") if isinstance(block, Paragraph) else text.split("\n")[:1]
    said = text if is_about else "\n".join(line for line in lines if words.needs_line(line) is not None)
    if is_about or said:
        found = [number.upper() for number in _WP.findall(said if isinstance(block, Paragraph) else text)]
        package.needs += [Wish(text=number, line=block.line, is_id=True) for number in found]
        package.lines.add(block.line)
        return
    if isinstance(block, Item):
        drafts = list(walk([block], _Maker(page, package, reading)))
        in_turn([draft for draft in drafts if draft.parent is package])
        before = next(draft for draft in reversed(reading.drafts) if draft is package or draft.parent is package)
        if before is not package and drafts and not (before.parallel and drafts[0].parallel):
            drafts[0].after = [before]
        reading.drafts += drafts


class _Maker:
    """Makes subtasks of one work package."""

    def __init__(self, page: Page, package: Draft, reading: Reading) -> None:
        self._page = page
        self._package = package
        self._reading = reading

    def __call__(self, item: Item, parent: Draft | None) -> Draft | None:
        text = one_line(item)
        found = _SUBTASK.match(text)
        if not found:
            self._reading.reasons[self._page.name, item.line] = "a checkbox without an id: no subtask of spec-kitty"
            return None
        title = text[found.end() :]
        return draft_of(item, self._page, parent or self._package, id=found[1], title=title, marks=MARKS)


def _read_packages(material: Material) -> Reading:
    reading = Reading(title="work packages", format=SPECKITTY_WP.name, drafts=[])
    for page in material.pages:
        front = front_of(page)
        reading.warnings += [front.fault] if front.fault else []
        draft = _work_package(page, front)
        reading.reasons |= {(page.name, number): f"a step of {draft.id}" for number in box_lines(blocks_of(page))}
        for number, line in enumerate(page.text.split("\n"), start=1):
            if not re.match(r"^\s*[-*+]\s+\[.?\]\s", line):
                draft.lines.add(number)
        reading.drafts.append(draft)
    if len(reading.drafts) == 1:
        reading.title = reading.drafts[0].title
    return reading


def _work_package(page: Page, front: Front) -> Draft:
    found = _FILE.search(page.path)
    number = (front.text("work_package_id") or (found[1] if found else "")).upper()
    body = "\n".join(page.text.split("\n")[page.front :]).strip()
    heading = next((line.lstrip("# ") for line in body.split("\n") if line.startswith("# ")), "")
    named = _PACKAGE.match(words.plain(heading.removeprefix("Work Package Prompt:").strip()))
    lane = front.text("lane").casefold()
    owned = front.texts("owned_files")
    return Draft(
        file=page.name,
        line=front.line("title", "work_package_id"),
        id=number or None,
        scope=page.name.rpartition("/")[0],
        title=words.plain(front.text("title")) or (named[2] if named else words.plain(heading)) or number,
        text=body,
        mark=_LANES.get(lane) or mark_of(lane),
        box=lane,
        needs=[Wish(text=need, line=front.line("dependencies"), is_id=True) for need in front.texts("dependencies")],
        paths=tuple(owned) or find_paths(_work_of(page)),
        gate=words.is_gate(front.text("title")),
    )


def _work_of(page: Page) -> str:
    """Give what a work package says outside of code, of what it builds on, and of how it is reviewed."""
    blocks = [block for block in blocks_of(page) if isinstance(block, Item | Paragraph)]
    kept = [block for block in blocks if not any(_BESIDE.search(heading.text) for heading in block.above)]
    texts = [plain_lines(block) if isinstance(block, Item) else [block.text] for block in kept]
    return "\n".join(line for lines in texts for line in lines)


SPECKITTY_WP = Shape(
    name="speckitty-wp",
    files=("kitty-specs/*/tasks/WP*.md", "kitty-specs/*/tasks/*/WP*.md"),
    fits=_fits_packages,
    read=_read_packages,
)
SPECKITTY_TASKS = Shape(
    name="speckitty-tasks",
    files=("kitty-specs/*/tasks.md",),
    fits=_fits_list,
    read=_read_list,
)
