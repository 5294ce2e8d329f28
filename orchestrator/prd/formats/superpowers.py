"""Plans of superpowers (obra; `docs/superpowers/plans/`, older `docs/plans/`).

`### Task 3: title`, a list of files (`Create:`, `Modify:`, `Test:`, `Delete:`; `Reference:` is only read), then steps. A step is
no task of its own: a task is done when all its steps are. Tasks are written to be done in turn.
"""

import re
from collections.abc import Iterator, Sequence

from orchestrator.model import Mark
from orchestrator.prd import words
from orchestrator.prd.boxes import blocks_of, title_of
from orchestrator.prd.drafts import Draft, Reading
from orchestrator.prd.needs import Wish
from orchestrator.prd.outline import Block, Heading, Item, Paragraph, Row
from orchestrator.prd.page import Material, Page
from orchestrator.prd.paths import find_paths
from orchestrator.prd.shapes import Shape
from orchestrator.prd.turns import in_turn
from orchestrator.text.expressions import expression

_NAME = r"(?:[A-Z]{1,3}\d*-?)*[A-Z]{0,3}\d+(?:\.\d+)*[a-z]?"
_HEADING = expression(rf"\n#{{2,4}}\s+Task\s+{_NAME}\s*[:：.–—-]", re.IGNORECASE)
_TASK = expression(rf"^Task\s+({_NAME})\s*[:：.–—-]\s*(.+)$", re.IGNORECASE)
_STEP = expression(r"^\s*(?:[-*+]\s+\[.\]\s+)?\*\*Step\s+\d+", re.MULTILINE | re.IGNORECASE)
#: What the program itself writes at the top of its plans.
_SIGNED = expression(r"^>.*\bsuperpowers:[\w-]+", re.MULTILINE)
_FILES = expression(r"^\*\*Files:?\*\*:?", re.MULTILINE | re.IGNORECASE)
_WRITES = expression(r"^\W*(?:Create|Modify|Test|Delete|Add|Update|Edit|Rename|Move)s?(?:\s*\([^)]*\))?\W*:", re.IGNORECASE)
_LISTED = expression(
    r"^\W*(?:files?|(?:new|modified|created|changed|touched)\s+files?|files?\s+(?:touched|changed|modified|created)"
    r"|files?\s+to\s+(?:create|modify|change|edit|update|add|delete|touch)(?:\s*[/&]\s*\w+)?)\W*$",
    re.IGNORECASE,
)
_READS = expression(r"^\W*(?:References?|Read|See)\W*:", re.IGNORECASE)


def _fits(page: Page) -> int:
    if not page.path.casefold().endswith(".md") or not _HEADING.search(page.lined):
        return 0
    if "superpowers/plans/" in f"/{page.name}":
        return 100
    return 80 if _FILES.search(page.text) and (_STEP.search(page.text) or _SIGNED.search(page.text)) else 0


def _read(material: Material) -> Reading:
    reading = Reading(title="", format=SUPERPOWERS.name, drafts=[])
    for page in material.pages:
        blocks = blocks_of(page)
        title = title_of(blocks, page)
        reading.title = reading.title or re.sub(r"\s*(?:Implementation\s+)?Plan$", "", title, flags=re.IGNORECASE) or title
        drafts = [_draft(heading, below, page, reading) for heading, below in _tasks(blocks)]
        _drop_talk(drafts)
        in_turn(drafts)
        reading.drafts += drafts
    return reading


def _drop_talk(drafts: Sequence[Draft]) -> None:
    """Leave out what steps say of tasks that follow, as `unused after Task 4`: a title or a line of its own turns the order."""
    later = {draft.id for draft in drafts}
    for draft in drafts:
        later.discard(draft.id)
        ids, title = words.references(draft.title)
        lines = (line for line in _plain_lines(draft.text) if words.needs_line(line))
        said = {*ids, *(one for line in lines for one in words.references(line)[0])}
        draft.needs = [wish for wish in draft.needs if wish.text not in later or wish.text in said]
        draft.title = title or draft.title


def _tasks(blocks: Sequence[Block]) -> Iterator[tuple[Heading, list[Block]]]:
    """Give each heading that is a task, with what stands below it."""
    task: Heading | None = None
    below: list[Block] = []
    for block in blocks:
        is_task = isinstance(block, Heading) and bool(_TASK.match(words.plain(block.text)))
        if is_task or (isinstance(block, Heading) and task is not None and block.level <= task.level):
            if task is not None:
                yield task, below
            task, below = (block, []) if is_task and isinstance(block, Heading) else (None, [])
        elif task is not None:
            below.append(block)
    if task is not None:
        yield task, below


def _draft(heading: Heading, below: Sequence[Block], page: Page, reading: Reading) -> Draft:
    found = _TASK.match(words.plain(heading.text))
    number, title = (found[1], found[2]) if found else ("", words.plain(heading.text))
    items = [one for block in below if isinstance(block, Item) for one in block.walk()]
    boxes = [item for item in items if item.box is not None]
    text = "\n".join(_text(block) for block in below if not isinstance(block, Heading)).strip()
    for box in boxes:
        reading.reasons[page.name, box.line] = f"a step of task {number}"
    return Draft(
        file=page.name,
        line=heading.line,
        id=number or None,
        scope=page.name,
        title=title,
        text=text,
        mark=_mark(boxes),
        needs=[
            Wish(text=need, line=heading.line, is_id=True)
            for need in words.references("\n".join([title, *_plain_lines(text)]))[0]
        ],
        paths=tuple(dict.fromkeys(_written(items))) or find_paths(title),
        gate=words.is_gate(title),
        lines={item.line for item in items if item.box is None},
    )


def _plain_lines(text: str) -> list[str]:
    return [words.plain(line) for line in text.split("\n")]


def _text(block: Block) -> str:
    match block:
        case Item():
            return "\n".join(part for one in block.walk() for part in (one.text, *one.details))
        case Row():
            return " ".join(block.cells.values())
        case Heading() | Paragraph():
            return block.text


def _written(items: Sequence[Item]) -> Iterator[str]:
    """Give the files of the list: those that are created, modified, tested or deleted; not those that are only read."""
    for item in items:
        if item.box is None and (_WRITES.match(item.text) or _is_listed(item)) and not _READS.match(item.text):
            yield from find_paths("\n".join(one.text for one in item.walk()))


def _is_listed(item: Item) -> bool:
    """Tell whether an item stands in a list of files that are written: below a heading or a line that says so."""
    return bool(_LISTED.match(item.label) or (item.above and not item.label and _LISTED.match(words.plain(item.above[-1].text))))


def _mark(boxes: Sequence[Item]) -> Mark:
    ticked = sum(1 for box in boxes if box.box in {"x", "X"})
    if boxes and ticked == len(boxes):
        return Mark.DONE
    return Mark.IN_PROGRESS if ticked else Mark.OPEN


SUPERPOWERS = Shape(
    name="superpowers-plan",
    files=("docs/superpowers/plans/*.md", "docs/plans/*.md"),
    fits=_fits,
    read=_read,
)
