"""CCPM: one task a file (`.claude/epics/<name>/NNN.md`), what its streams touch in `NNN-analysis.md` beside it.

`depends_on` orders; `conflicts_with` keeps two tasks apart, whichever comes first; `parallel: true` is a claim, and a task
without it follows the one before.
"""

import re
from collections.abc import Sequence

from orchestrator.prd import words
from orchestrator.prd.boxes import blocks_of, box_lines, plain_lines
from orchestrator.prd.drafts import Draft, Reading
from orchestrator.prd.front import Front, front_of, has_keys
from orchestrator.prd.needs import Wish
from orchestrator.prd.outline import Block, Item, Paragraph
from orchestrator.prd.page import Material, Page
from orchestrator.prd.paths import find_paths
from orchestrator.prd.shapes import Shape
from orchestrator.prd.states import mark_of, priority_of
from orchestrator.prd.turns import in_turn
from orchestrator.text.expressions import expression

_BOX = expression(r"^\s*[-*+]\s+\[.?\]\s+(.*\S)")
_NUMBER = expression(r"(?:^|/)(\d+)\.md$")
_ANALYSIS = expression(r"(?:^|/)(\d+)-analysis\.md$")
_FILES = expression(r"\W*files?\b", re.IGNORECASE)
_BEFORE = expression(r"\W*(?:dependenc(?:y|ies)|depends on|prerequisites?|blocked by)\b", re.IGNORECASE)
_HOURS = expression(r"\bhours?\s*:\s*(\d+(?:\.\d+)?)", re.IGNORECASE)


def _fits(page: Page) -> int:
    if _ANALYSIS.search(page.path):
        return 10
    if not _NUMBER.search(page.path) or not has_keys(page, "name", "status"):
        return 0
    return 100 if "epics/" in f"/{page.name}" else 60


def _read(material: Material) -> Reading:
    folder = next((page.name.rpartition("/")[0].rpartition("/")[2] for page in material.pages if "/" in page.name), "")
    reading = Reading(title=folder or "epic", format=CCPM.name, drafts=[])
    touched = {(_epic(page), found[1]): _streams(page) for page in material.pages if (found := _ANALYSIS.search(page.path))}
    apart: dict[str, list[tuple[str, list[str]]]] = {}
    for page in material.pages:
        number = _NUMBER.search(page.path)
        if number is None:
            continue
        front = front_of(page)
        reading.warnings += [front.fault] if front.fault else []
        boxes = {at: found[1] for at, line in enumerate(page.text.split("\n"), start=1) if (found := _BOX.match(line))}
        blocks = blocks_of(page)
        reading.reasons |= {(page.name, line): f"a criterion of {number[1]}" for line in box_lines(blocks)}
        before = _before(blocks)
        reading.reasons |= {(page.name, line): f"what {number[1]} builds on, in words: depends_on orders it" for line in before}
        paths = touched.get((_epic(page), number[1])) or find_paths(_prose(blocks))
        draft = _draft(page, front, number[1], paths)
        draft.criteria = tuple([text for line, text in boxes.items() if line not in before])
        draft.lines = set(range(1, page.text.count("\n") + 2)) - boxes.keys()
        reading.drafts.append(draft)
        apart.setdefault(draft.scope, []).append((number[1], front.texts("conflicts_with")))
    for epic, conflicts in apart.items():
        drafts = [draft for draft in reading.drafts if draft.scope == epic]
        _keep_apart(drafts, conflicts, f"{epic.rpartition('/')[2]}-" if len(apart) > 1 else "")
        in_turn(drafts)
    return reading


def _before(blocks: Sequence[Block]) -> set[int]:
    """Give the lines of the boxes that tell what must be there before: no criteria of the task."""
    below = [item for block in blocks if isinstance(block, Item) for item in block.walk() if item.box is not None]
    return {item.line for item in below if item.above and _BEFORE.match(words.plain(item.above[-1].text))}


def _epic(page: Page) -> str:
    """Give the folder of an epic: within it the numbers of its tasks are meant."""
    return page.name.rpartition("/")[0]


def _streams(page: Page) -> tuple[str, ...]:
    """Give the files that the streams of an analysis touch: those below `Files`, else those named anywhere."""
    blocks = blocks_of(page)
    listed = [text for block in blocks if isinstance(block, Item) and _FILES.match(block.label) for text in plain_lines(block)]
    return find_paths("\n".join(listed)) or find_paths(_prose(blocks))


def _prose(blocks: Sequence[Block]) -> str:
    """Give what is written outside of code: paths in examples are not written."""
    texts = []
    for block in blocks:
        if isinstance(block, Item):
            texts += plain_lines(block)
        elif isinstance(block, Paragraph):
            texts.append(block.text)
    return "\n".join(texts)


def _draft(page: Page, front: Front, number: str, paths: tuple[str, ...]) -> Draft:
    lines = page.text.split("\n")[page.front :]
    heading = next((line.lstrip("# ").removeprefix("Task:").strip() for line in lines if line.startswith("# ")), "")
    hours = _HOURS.search(page.text)
    status = front.text("status")
    text = "\n".join(lines).strip()
    return Draft(
        file=page.name,
        line=front.line("name"),
        id=number,
        scope=_epic(page),
        title=words.plain(front.text("name") or heading) or f"Task {number}",
        text=text,
        mark=mark_of(status),
        box=status,
        needs=[Wish(text=need, line=front.line("depends_on"), is_id=True) for need in front.texts("depends_on")],
        paths=paths,
        parallel=front.text("parallel").casefold() == "true",
        gate=words.is_gate(front.text("name")),
        priority=priority_of(front.text("priority")),
        estimate=float(hours[1]) * 3600 if hours and 0 < float(hours[1]) < 1000 else None,
    )


def _keep_apart(drafts: list[Draft], apart: list[tuple[str, list[str]]], epic: str) -> None:
    """Give two tasks that are said to conflict one lock; `epic` stands before its name where there are several."""
    own = {draft.id: draft for draft in drafts}
    for number, others in apart:
        for other in (one for one in others if one in own and one != number):
            lock = f"op:conflict/{epic}{'-'.join(sorted((number, other)))}"
            for draft in (own[number], own[other]):
                draft.locks = tuple(dict.fromkeys((*draft.locks, lock)))


CCPM = Shape(
    name="ccpm-task",
    files=(".claude/epics/*/[0-9]*.md",),
    fits=_fits,
    read=_read,
)
