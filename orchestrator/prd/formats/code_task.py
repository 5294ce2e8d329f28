"""ralph's code tasks (`NAME.code-task.md`): one task a file, its state in the front matter.

The name of the file is the id. Its requirements and criteria are no tasks of their own; what it depends on is prose, in which
only other code tasks order anything. Tasks whose names are numbered come in turn.
"""

import re
from collections.abc import Sequence

from orchestrator.model import Mark
from orchestrator.prd import words
from orchestrator.prd.boxes import blocks_of, box_lines, one_line, plain_lines
from orchestrator.prd.drafts import Draft, Reading
from orchestrator.prd.front import front_of
from orchestrator.prd.outline import Block, Heading, Item, Paragraph
from orchestrator.prd.page import Page
from orchestrator.prd.paths import find_paths
from orchestrator.prd.states import mark_of
from orchestrator.prd.turns import in_turn
from orchestrator.text.expressions import expression

_ENDING = ".code-task.md"
_BOX = expression(r"^\s*[-*+]\s+\[.?\]\s")
_NUMBER = expression(r"\btask[- ]?(\d+)\b", re.IGNORECASE)
_BESIDE = expression(r"\b(?:references?|documentation|context|background)\b", re.IGNORECASE)
_START = expression(r"^(?:Code\s+)?Task\s*:\s*", re.IGNORECASE)


def fits_code_task(page: Page) -> int:
    """Tell how surely a page is a code task: by its name alone."""
    return 100 if page.path.casefold().endswith(_ENDING) else 0


def code_tasks(pages: Sequence[Page], reading: Reading) -> None:
    """Add the tasks of these pages to a reading."""
    folders: dict[str, list[tuple[Draft, str]]] = {}
    for page in pages:
        draft, needs = _task(page, reading)
        reading.drafts.append(draft)
        folders.setdefault(page.path.rpartition("/")[0], []).append((draft, needs))
    for members in folders.values():
        numbered = {number[1].lstrip("0"): draft for draft, _ in members if (number := _NUMBER.match(draft.id or ""))}
        in_turn(list(numbered.values()))
        for draft, needs in members:
            asked = [found.lstrip("0") for found in _NUMBER.findall(needs)]
            draft.direct += [numbered[number] for number in asked if number in numbered and numbered[number] is not draft]
            draft.direct += [other for other, _ in members if other is not draft and other.id and other.id in needs]


def _task(page: Page, reading: Reading) -> tuple[Draft, str]:
    """Give the task of a page, and what it says that it depends on."""
    front = front_of(page)
    blocks = blocks_of(page)
    heading = next((block for block in blocks if isinstance(block, Heading)), None)
    name = page.path.rpartition("/")[2][: -len(_ENDING)]
    status = front.text("status")
    lines = set(range(1, page.text.count("\n") + 2))
    boxes = box_lines(blocks)
    reading.reasons |= {(page.name, number): f"a criterion of {name}" for number in boxes}
    text = "\n".join(_texts(blocks))
    draft = Draft(
        file=page.name,
        line=heading.line if heading else 1,
        id=name,
        scope=page.name,
        title=_START.sub("", words.plain(heading.text)) if heading else name,
        text=text,
        mark=mark_of(status) if status else Mark.OPEN,
        box=status,
        paths=find_paths("\n".join(_texts([block for block in blocks if not _is_beside(block)]))),
        criteria=tuple(one_line(item) for item in _below(blocks, "acceptance criteria") if isinstance(item, Item)),
        lines=lines - boxes - {number for number, line in enumerate(page.text.split("\n"), start=1) if _BOX.match(line)},
    )
    return draft, "\n".join(_texts(_below(blocks, "dependenc")))


def _below(blocks: Sequence[Block], word: str) -> list[Block]:
    kept = (block for block in blocks if not isinstance(block, Heading))
    return [block for block in kept if any(word in heading.text.casefold() for heading in block.above)]


def _is_beside(block: Block) -> bool:
    return not isinstance(block, Heading) and any(_BESIDE.search(heading.text) for heading in block.above)


def _texts(blocks: Sequence[Block]) -> list[str]:
    texts: list[str] = []
    for block in blocks:
        if isinstance(block, Item):
            texts += plain_lines(block)
        elif isinstance(block, Paragraph):
            texts.append(block.text)
    return texts
