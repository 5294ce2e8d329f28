"""Tasks from Markdown: the seed's shape, its longer cousin with streams and file lists, and plain task lists.

Which items are tasks is decided in `choice`; here they get their ids, needs, files and places.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.errors import PrdError, Where
from orchestrator.model import Mark, Requirement
from orchestrator.prd import words
from orchestrator.prd.chapters import spread_files
from orchestrator.prd.choice import choices, takes_plain
from orchestrator.prd.drafts import Draft, Reading
from orchestrator.prd.gather import gather, is_step
from orchestrator.prd.needs import Wish
from orchestrator.prd.outline import Block, Heading, Item, Paragraph, outline
from orchestrator.prd.page import Page
from orchestrator.prd.paths import find_paths
from orchestrator.prd.shared_rows import shared_rows
from orchestrator.prd.source import EXAMPLE

_PROPOSED = "or let an agent propose them: squad plan {name} --split-with ADAPTER"
_MARKS = {" ": Mark.OPEN, "": Mark.OPEN, "x": Mark.DONE, "X": Mark.DONE}


@dataclass(slots=True, kw_only=True, eq=False)
class Found(Draft):
    """A draft with the item it was."""

    item: Item


def read_markdown(page: Page) -> Reading:
    """Read a PRD or a task list.

    Raises:
        PrdError: It holds no task.
    """
    front = page.front
    plain_blocks = outline("\n" * front + "\n".join(page.text.split("\n")[front:]))
    title = title_of(plain_blocks, page.name)
    blocks = gather(plain_blocks)
    requirements = tuple(_requirements(blocks))
    warnings: list[str] = []
    found = _tasks(page, blocks, requirements, warnings)
    if not found:
        proposed = _PROPOSED.format(name=page.name)
        hint = f"looked for list items below a heading such as 'Tasks', and for checkboxes\n{EXAMPLE}\n{proposed}"
        raise PrdError("no task in this document", where=Where(page.name), hint=hint)
    _count(found)
    warnings += spread_files(blocks, found)
    return Reading(
        title=title,
        format=_format(blocks, found, requirements),
        drafts=list(found),
        requirements=requirements,
        declared=_declared_needs(blocks),
        ownership=shared_rows(blocks, found, warnings),
        warnings=warnings,
    )


def title_of(blocks: list[Block], name: str) -> str:
    """Give a document's title: its first heading of the first level, else its first heading, else its name."""
    headings = [block for block in blocks if isinstance(block, Heading)]
    text = next((heading.text for heading in headings if heading.level == 1), headings[0].text if headings else "")
    for start in ("Feature:", "Product Requirements:", "PRD:", "Product Requirements Document:"):
        if text.casefold().startswith(start.casefold()):
            text = text[len(start) :]
    return words.plain(text) or name.rpartition("/")[2].rpartition(".")[0] or name


def _requirements(blocks: list[Block]) -> Iterator[Requirement]:
    """Give the labelled requirements: `2. Backend: REST API for metrics` below a heading of that kind."""
    for block in blocks:
        if isinstance(block, Item) and block.above and words.is_wish(block.above[-1].text):
            label, colon, rest = words.plain(block.text).replace("：", ":").partition(":")
            if colon and 0 < len(label) <= 30 and len(label.split()) <= 3:
                yield Requirement(area=label.strip(), text=rest.strip(), line=block.line)


def _tasks(page: Page, blocks: list[Block], requirements: tuple[Requirement, ...], warnings: list[str]) -> list[Found]:
    items = [block for block in blocks if isinstance(block, Item)]
    areas = {requirement.area.casefold(): requirement.area for requirement in requirements}
    bare = not any(isinstance(block, Heading) for block in blocks)
    for top, remark in choices(items, bare=bare):
        found = [one for item in top for one in _family(page, item, None, areas, boxed=not takes_plain(item, remark))]
        if found:
            warnings += [remark] if remark else []
            _check_streams(found, blocks, warnings)
            return found
    return []


def _family(page: Page, item: Item, parent: Found | None, areas: dict[str, str], *, boxed: bool) -> Iterator[Found]:
    """Give an item and those below it that are tasks: boxed ones, or below a plain parent none."""
    is_task = bool(item.text.strip()) and (item.box is not None or (parent is None and not boxed))
    is_task = is_task and not (parent is not None and parent.item.is_heading and is_step(item))
    one = _found(page, item, parent, areas) if is_task else parent
    if is_task and one is not None:
        yield one
    for child in item.children:
        yield from _family(page, child, one, areas, boxed=boxed or is_task)


def _found(page: Page, item: Item, parent: Found | None, areas: dict[str, str]) -> Found:
    details = [line for child in item.children if child.box is None for line in _plain_lines(child)]
    text = "\n".join([*item.text.split("\n")[1:], *item.details, *details])
    number, title = words.split_id(item.text.split("\n")[0])
    parallel, title = words.without_parallel(title)
    whole = f"{title}\n{text}"
    ids, remainder = words.references(whole)
    prose = None if ids else words.prose_need(title)
    title = remainder.split("\n")[0].strip() or title
    label, colon, rest = words.plain(title).replace("：", ":").partition(":")
    area = areas.get(label.casefold()) if colon else None
    needs = [Wish(text=wanted, line=item.line, is_id=True) for wanted in ids]
    needs += [Wish(text=prose, line=item.line, is_id=False)] if prose else []
    needs += [wish for line in text.split("\n") if (wish := _needs_of(line, item.line, ids))]
    return Found(
        file=page.name,
        line=item.line,
        item=item,
        parent=parent,
        area=area or _stream(item) or (parent.area if parent else None),
        id=number,
        title=_shown(item, area, title, rest),
        text=text.strip(),
        paths=find_paths(whole),
        needs=needs,
        parallel=parallel,
        gate=words.is_gate(_shown(item, area, title, rest)),
        mark=_MARKS.get(item.box or "", Mark.UNKNOWN),
        box=item.box or "",
        lines={below.line for below in item.walk() if below.box is None and not is_step(below)},
    )


def _shown(item: Item, area: str | None, title: str, rest: str) -> str:
    """Give the title without its area's label."""
    return words.plain(rest if area and rest.strip() else title) or words.plain(item.text)


def _needs_of(line: str, number: int, known: tuple[str, ...]) -> Wish | None:
    named = words.needs_line(line)
    if not named or (known and any(wanted in named for wanted in known)):
        return None
    return Wish(text=named, line=number, is_id=False)


def _plain_lines(item: Item) -> list[str]:
    return [item.text, *item.details, *(line for child in item.children if child.box is None for line in _plain_lines(child))]


def _stream(item: Item) -> str | None:
    return next((stream[0] for heading in reversed(item.above) if (stream := words.stream_of(heading.text))), None)


def _check_streams(found: list[Found], blocks: list[Block], warnings: list[str]) -> None:
    """Compare the number of tasks that a stream's heading announces with what was found below it."""
    below = Counter(id(one.item.above[-1]) for one in found if one.item.above and one.parent is None)
    for heading in (block for block in blocks if isinstance(block, Heading)):
        stream = words.stream_of(heading.text)
        have = below[id(heading)]
        if stream and stream[1] is not None and have != stream[1]:
            warnings.append(f"line {heading.line}: {heading.text!r} announces {stream[1]} tasks, {have} were found")


def _count(found: list[Found]) -> None:
    """Let `depends on 2` in a numbered list without ids mean its second item."""
    known = {one.id for one in found}
    places = {(id(one.item.above), one.item.number): one for one in found if one.item.number}
    for one in found:
        by_place = {
            wish.text: places[key]
            for wish in one.needs
            if wish.is_id and wish.text not in known and (key := (id(one.item.above), wish.text)) in places
        }
        one.direct += by_place.values()
        one.needs = [wish for wish in one.needs if wish.text not in by_place]


def _declared_needs(blocks: list[Block]) -> list[tuple[str, str, int]]:
    """Give the lines `X depends on: Y` below a heading about dependencies."""
    declared = []
    for block in blocks:
        if isinstance(block, Item | Paragraph) and block.above and "depend" in block.above[-1].text.casefold():
            lines = block.text.split("\n")
            declared += [(*pair, block.line + n) for n, line in enumerate(lines) if (pair := words.declared_need(line))]
    return declared


def _format(blocks: list[Block], found: list[Found], requirements: tuple[Requirement, ...]) -> str:
    headings = [block.text for block in blocks if isinstance(block, Heading)]
    if any(words.stream_of(heading) for heading in headings):
        return "prd-md"
    if requirements and any(words.is_work(heading) for heading in headings):
        return "seed-prd"
    if any(one.item.box is not None for one in found) and not any(words.is_wish(heading) for heading in headings):
        return "todo"
    return "prd-md"
