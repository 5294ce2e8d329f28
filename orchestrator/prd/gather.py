"""Tasks that are written as no list: headings such as `Task 3: Build the API`, and rows of tables.

They become items like those of lists, so that one set of rules reads ids, needs and paths of all three.
"""

import re
from collections.abc import Callable, Iterator, Sequence

from orchestrator.prd import tongues, words
from orchestrator.prd.criteria import is_code
from orchestrator.prd.outline import Block, Heading, Item, Paragraph, Row
from orchestrator.text.expressions import expression

Test = Callable[[tuple[Heading, ...]], bool]

_STEP = expression(r"^[*_\s]*step\b", re.IGNORECASE)
_STATUS = expression(r"^[-*\s]*(?:\*\*)?status(?:\*\*)?\s*:\s*(?:\*\*)?\s*(.+)$", re.IGNORECASE | re.MULTILINE)
_SAID = expression(
    r"(?:✅|✔️?|☑️?|[(\[–—-])\s*(done|completed?|implemented|in progress|deferred|cancelled)\W*$|(?:\[[xX]\]|✅|✔️?|☑️?)\s*$",
    re.IGNORECASE,
)
_FIRST = expression(
    r"^(?:[(\[]\s*(done|completed?|in progress|wip|deferred|cancelled)\s*[)\]]\s*[:–—-]?|(✅|✔|☑|🚧|🔄)\ufe0f?)"
    r"\s*(?=\w|[`*\"'(])",
    re.IGNORECASE,
)
_LAST = expression(r"(?:[(\[]\s*(done|completed?|in progress|deferred|cancelled)\s*[)\]]\W*|(?:✅|✔️?|☑️?)\s*)$", re.IGNORECASE)
#: A requirement that is a paragraph: `**FR1:** The page shall ...`.
_NAMED = expression(r"^\*\*([A-Z]{1,5}-?\d+(?:\.\d+)*[a-z]?)\s*(?:[:：]\s*\*\*|\*\*\s*[:：])\s*(?=\S)")
_BEGUN = frozenset("🚧🔄")
_TICKS = frozenset({"yes", "x", "✅", "✓", "✔", "[x]"})
_WONT = expression(r"^won['’]?t\b", re.IGNORECASE)


def gather(blocks: Sequence[Block]) -> list[Block]:
    """Give the blocks with headings and rows that are tasks as items."""
    made = [from_row(block) or block if isinstance(block, Row) and _is_work(block.above) else block for block in blocks]
    return _headings(made, lambda heading, _: words.is_one(heading.text))


def features(blocks: Sequence[Block], is_wished: Test) -> list[Block]:
    """Give the blocks with the numbered headings below features and requirements as items."""

    def is_one(heading: Heading, above: tuple[Heading, ...]) -> bool:
        tests = (words.is_wish, words.is_quality, words.is_else, words.is_phase)
        says_more = any(test(heading.text) for test in tests)
        return words.is_numbered(heading.text) and not says_more and is_wished(above)

    return _headings(blocks, is_one)


def rows(blocks: Sequence[Block], is_wished: Test) -> list[Item]:
    """Give the rows of tables below features and requirements as items; the number is that of its id column."""
    return [row for block in blocks if isinstance(block, Row) and is_wished(block.above) and (row := from_row(block))]


def named(blocks: Sequence[Block], is_wished: Test) -> list[Item]:
    """Give the paragraphs below features and requirements that bear an id of their own as items."""
    wished = [block for block in blocks if isinstance(block, Paragraph) and "**" in block.text and is_wished(block.above)]
    return [item for block in wished for item in _named_in(block)]


def _named_in(paragraph: Paragraph) -> Iterator[Item]:
    """Give the requirements of a paragraph, each with the lines up to the next."""
    item: Item | None = None
    for line, text in enumerate(paragraph.text.split("\n"), start=paragraph.line):
        if _NAMED.match(text):
            if item is not None:
                yield item
            item = Item(line=line, end=line, text=_NAMED.sub(r"\1: ", text), box=None, number="", above=paragraph.above)
        elif item is not None:
            item.end, item.text = line, f"{item.text}\n{text}"
    if item is not None:
        yield item


def is_step(item: Item) -> bool:
    """Tell whether an item is a step of the task above it and no task of its own."""
    return bool(_STEP.match(item.text))


def from_row(row: Row) -> Item | None:
    """Give a row, if one of its columns says what is to be done."""
    parts: dict[str, str] = {}
    rest: list[str] = []
    for column, text in row.cells.items():
        name = next((name for name, shape in tongues.COLUMNS.items() if shape.match(words.plain(column))), "")
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
    wont = any(_WONT.match(words.plain(text)) for text in row.cells.values())
    state = "deferred" if wont else words.plain(parts.get("state", ""))
    box = "x" if state.casefold() in _TICKS else None
    text = f"{number}: {title}" if number else title
    return Item(line=row.line, end=row.line, text=text, box=box, number=number, above=row.above, state=state, details=rest)


def _headings(blocks: Sequence[Block], is_one: Callable[[Heading, tuple[Heading, ...]], bool]) -> list[Block]:
    """Take what stands below a heading that is a task as its details and children, up to the next heading of its rank."""
    gathered: list[Block] = []
    open_tasks: list[tuple[int, Item]] = []
    titles: list[Heading] = []  #: those among the gathered that what comes stands below
    for block in blocks:
        if isinstance(block, Heading):
            while open_tasks and open_tasks[-1][0] >= block.level:
                open_tasks.pop()
            for _, task in open_tasks:
                task.end = block.line
            above = tuple([title for title in titles if title.level < block.level])
            if is_one(block, above) and not (open_tasks and _STEP.match(words.bare(block.text))):
                task = _from_heading(block, above)
                (open_tasks[-1][1].children if open_tasks else gathered).append(task)
                open_tasks.append((block.level, task))
            elif not open_tasks:
                gathered.append(block)
                titles = [*above, block]
        elif open_tasks:
            _attach(open_tasks[-1][1], block)
        else:
            gathered.append(block)
    return gathered


def _from_heading(heading: Heading, above: tuple[Heading, ...]) -> Item:
    """Give a heading as an item, without what it says of its state."""
    plain = words.plain(heading.text)
    said = _SAID.search(plain)
    state = (said[1] or "done") if said else ""
    text = plain[: said.start()].strip() if said else heading.text
    return Item(line=heading.line, end=heading.line, text=text, box=None, number="", above=above, state=state, is_heading=True)


def state_in(text: str) -> tuple[str, str]:
    """Split what an item says of its state, before or behind its text, from the rest; empty where it says nothing."""
    if found := _FIRST.match(text):
        return found[1] or ("in progress" if found[2] in _BEGUN else "done"), text[found.end() :]
    if found := _LAST.search(text):
        return found[1] or "done", text[: found.start()].strip()
    return "", text


def _attach(task: Item, block: Item | Row | Paragraph) -> None:
    task.end = max(task.end, block.end if isinstance(block, Item) else block.line)
    match block:
        case Item():
            task.children.append(block)
        case Paragraph():
            task.details.append(block.text)
            status = _STATUS.search(block.text)
            if status and not is_code(status[1]):
                task.state = task.state or status[1]
        case Row():
            task.details.append(" ".join(block.cells.values()))


def _is_work(above: Sequence[Heading]) -> bool:
    for heading in reversed(above):
        if words.is_work(heading.text) or words.stream_of(heading.text):
            return True
        if words.is_else(heading.text):
            return False
    return False
