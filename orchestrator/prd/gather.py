"""Tasks that are written as no list: headings such as `Task 3: Build the API`, and rows of tables.

They become items like those of lists, so that one set of rules reads ids, needs and paths of all three.
"""

import re
from collections.abc import Sequence

from orchestrator.prd import words
from orchestrator.prd.outline import Block, Heading, Item, Paragraph, Row

_COLUMNS = {
    "id": re.compile(r"^(?:id|#|no\.?|nr\.?|number|key|task id|编号|番号)$", re.IGNORECASE),
    "title": re.compile(
        r"^(?:tasks?|titles?|task name|names?|descriptions?|what|work|to-?do|item|story|任务|タスク|작업)$", re.IGNORECASE
    ),
    "needs": re.compile(r"^(?:needs|depends(?: on)?|dependenc(?:y|ies)|blocked by|requires|after|依赖)$", re.IGNORECASE),
    "state": re.compile(r"^(?:status|state|done)$", re.IGNORECASE),
}
_STATES = {"done": "x", "complete": "x", "completed": "x", "yes": "x", "x": "x", "✅": "x", "✓": "x", "[x]": "x"}
_STEP = re.compile(r"^[*_\s]*step\b", re.IGNORECASE)


def gather(blocks: Sequence[Block]) -> list[Block]:
    """Give the blocks with headings and rows that are tasks as items."""
    return _headings([_from_row(block) or block if isinstance(block, Row) else block for block in blocks])


def is_step(item: Item) -> bool:
    """Tell whether an item is a step of the task above it and no task of its own."""
    return bool(_STEP.match(item.text))


def _from_row(row: Row) -> Item | None:
    """Give a row below a heading that says tasks, if one of its columns says what is to be done."""
    if not _is_work(row.above):
        return None
    parts: dict[str, str] = {}
    rest: list[str] = []
    for column, text in row.cells.items():
        name = next((name for name, shape in _COLUMNS.items() if shape.match(words.plain(column))), "")
        if name and name not in parts:
            parts[name] = text
        elif text:
            rest.append(f"{words.plain(column)}: {text}")
    title = words.plain(parts.get("title", ""))
    if not title:
        return None
    number = words.plain(parts.get("id", "")).strip("`[]")
    if parts.get("needs"):
        rest.append(f"Depends on: {parts['needs']}")
    box = _STATES.get(words.plain(parts.get("state", "")).casefold())
    text = f"{number}: {title}" if number else title
    return Item(line=row.line, end=row.line, text=text, box=box, number="", above=row.above, details=rest)


def _headings(blocks: list[Block]) -> list[Block]:
    """Take what stands below a heading that is a task as its details and children, up to the next heading of its rank."""
    gathered: list[Block] = []
    task: Item | None = None
    level = 0
    for block in blocks:
        if isinstance(block, Heading):
            if task is not None and block.level > level:
                task.end = block.line
                continue
            task = None
            if words.is_one(block.text):
                above = tuple(_above(gathered, block.level))
                task = Item(line=block.line, end=block.line, text=block.text, box=None, number="", above=above, is_heading=True)
                level = block.level
                gathered.append(task)
                continue
        elif task is not None:
            _attach(task, block)
            continue
        gathered.append(block)
    return gathered


def _attach(task: Item, block: Item | Row | Paragraph) -> None:
    task.end = max(task.end, block.end if isinstance(block, Item) else block.line)
    match block:
        case Item():
            task.children.append(block)
        case Paragraph():
            task.details.append(block.text)
        case Row():
            task.details.append(" ".join(block.cells.values()))


def _above(blocks: Sequence[Block], level: int) -> list[Heading]:
    found: list[Heading] = []
    for block in reversed(blocks):
        if isinstance(block, Heading) and block.level < level:
            found.insert(0, block)
            level = block.level
    return found


def _is_work(above: Sequence[Heading]) -> bool:
    for heading in reversed(above):
        if words.is_work(heading.text) or words.stream_of(heading.text):
            return True
        if words.is_else(heading.text):
            return False
    return False
