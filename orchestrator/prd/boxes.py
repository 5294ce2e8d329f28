"""Task lists in Markdown as programs write them: checkboxes with ids, marks, children and details.

What differs between the programs is said in a few functions by each of them; the walk, the marks and the texts are the same.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from orchestrator.model import Mark
from orchestrator.prd import words
from orchestrator.prd.drafts import Draft
from orchestrator.prd.needs import Wish
from orchestrator.prd.outline import Block, Heading, Item, outline
from orchestrator.prd.page import Page
from orchestrator.prd.paths import find_paths
from orchestrator.text.expressions import expression

#: Marks that are understood the same way everywhere; `[-]` and `[~]` mean something else in each program.
MARKS = {" ": Mark.OPEN, "": Mark.OPEN, "x": Mark.DONE, "X": Mark.DONE}
_LABEL = expression(r"\[(?:[A-Z]{1,4}\d*|[A-Z][a-z]+)\]\s*")
_NUMBER = expression(r"\W*(?:task\s+|phase\s+)?\d", re.IGNORECASE)
#: Headings whose boxes are never work.
_NEVER = expression(
    r"definition of done|(?:success|acceptance|exit|completion) criteria|\blegend\b|status key"
    r"|完成标准|验收标准|成功标准|图例|凡例",
    re.IGNORECASE,
)

#: A whole item that is crossed out, a remark in brackets behind it.
_STRUCK = expression(r"\s*~~((?:(?!~~).)+)~~(\s*\([^()]*\))?\W*", re.DOTALL)

Make = Callable[[Item, Draft | None], Draft | None]


def blocks_of(page: Page) -> list[Block]:
    """Give the blocks of a page below its front matter."""
    front = page.front
    return outline("\n" * front + "\n".join(page.text.split("\n")[front:]) if front else page.text)


def title_of(blocks: Sequence[Block], page: Page, *starts: str, folder: str = "") -> str:
    """Give the title without the words that a program puts before it, else the name of the file's folder, else the file's."""
    text = next((block.text for block in blocks if isinstance(block, Heading) and block.level == 1), "")
    for start in starts:
        if text.casefold().startswith(start.casefold()):
            text = text[len(start) :].strip(" :–—-")
    above, _, name = page.path.rpartition("/")
    return words.plain(text) or folder or above.rpartition("/")[2] or name.partition(".")[0]


def walk(items: Sequence[Item], make: Make, parent: Draft | None = None) -> Iterator[Draft]:
    """Give the drafts that `make` makes of boxed items; what it makes nothing of belongs to the one above."""
    for item in items:
        if struck := _STRUCK.fullmatch(item.text) if "~~" in item.text else None:
            item.text, item.is_struck = struck[1] + (struck[2] or ""), True
        made = make(item, parent) if item.box is not None and item.text.strip() else None
        if made is not None:
            yield made
        elif parent is not None and item.box is None:
            parent.lines.add(item.line)
        yield from walk(item.children, make, made or parent)


def draft_of(item: Item, page: Page, parent: Draft | None, *, id: str | None, title: str, marks: dict[str, Mark]) -> Draft:  # noqa: A002
    """Make a draft of a boxed item: what it says it depends on, its files and its details are read alike everywhere."""
    parallel, title = words.without_parallel(title)
    details = [line for child in item.children if child.box is None for line in plain_lines(child)]
    text = "\n".join([*item.details, *details])
    whole = f"{title}\n{text}"
    needs, named = _needs(item, title, whole) if words.may_order(whole) else ([], title)
    mark = marks.get(item.box or "", Mark.UNKNOWN)
    return Draft(
        file=page.name,
        line=item.line,
        id=id,
        scope=page.name,
        title=words.plain(_without_labels(named)) or words.plain(title),
        text=text.strip(),
        mark=Mark.DEFERRED if item.is_struck and mark is Mark.OPEN else mark,
        box=item.box or "",
        needs=needs,
        paths=find_paths(whole),
        parent=parent,
        parallel=parallel,
        gate=words.is_gate(_without_labels(title)),
        lines={below.line for child in item.children if child.box is None for below in child.walk() if below.box is None},
    )


def _without_labels(title: str) -> str:
    return _LABEL.sub("", title) if "[" in title else title


def _needs(item: Item, title: str, whole: str) -> tuple[list[Wish], str]:
    """Give what is named by its id, else what the title says in words; and the title without such remarks in brackets."""
    ids, _ = words.references(whole)
    said = None if ids else words.prose_need(title, apart=True)
    needs = [Wish(text=need, line=item.line, is_id=True) for need in ids]
    needs += [Wish(text=said, line=item.line, is_id=False)] if said else []
    return needs, words.references(title)[1]


def plain_lines(item: Item) -> list[str]:
    """Give the text of an item and of what stands below it without a box."""
    return [item.text, *item.details, *(line for child in item.children if child.box is None for line in plain_lines(child))]


def box_lines(blocks: Sequence[Block]) -> set[int]:
    """Give the lines of all checkboxes; those in code are none."""
    return {below.line for item in items_of(blocks) for below in item.walk() if below.box is not None}


def one_line(item: Item) -> str:
    """Give an item's text in one line, however it was wrapped."""
    return " ".join(item.text.split())


def sections(items: Sequence[Item]) -> list[list[Item]]:
    """Give the items that stand below the same heading, in order."""
    found: dict[int, list[Item]] = {}
    for item in items:
        found.setdefault(id(item.above[-1]) if item.above else 0, []).append(item)
    return list(found.values())


def work_of(items: Sequence[Item]) -> list[Item]:
    """Give the items that can be work: not what stands below criteria, a legend or, where there is other work, notes and checks.

    What bears a number is always work.
    """
    possible = [item for item in items if not _stands_below(item, _is_never)]
    return [item for item in possible if not _stands_below(item, words.is_else)] or possible


def _stands_below(item: Item, says: Callable[[str], object]) -> bool:
    """Tell whether an item without a number stands below a heading without one that says something."""
    heading = item.above[-1].text if item.above else ""
    return bool(says(heading)) and not _NUMBER.match(item.text) and not _NUMBER.match(heading)


@lru_cache(maxsize=4096)
def _is_never(heading: str) -> bool:
    return bool(_NEVER.search(heading))


def items_of(blocks: Sequence[Block]) -> list[Item]:
    """Give the outermost list items."""
    return [block for block in blocks if isinstance(block, Item)]
