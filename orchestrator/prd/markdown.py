"""Tasks from Markdown: the seed's shape, its longer cousin with streams and file lists, and plain task lists.

Which items are tasks is decided in `choice`; here they get their ids, needs, files and places.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

from orchestrator.errors import PrdError, Where
from orchestrator.model import Mark, Requirement, Skipped
from orchestrator.prd import words
from orchestrator.prd.chapters import spread_files
from orchestrator.prd.choice import choices, is_criterion, items_of, names_requirements, takes_plain
from orchestrator.prd.drafts import Draft, Reading
from orchestrator.prd.gather import from_row, is_step, state_in
from orchestrator.prd.needs import Wish
from orchestrator.prd.outline import Block, Heading, Item, Paragraph, Row, outline
from orchestrator.prd.page import Page
from orchestrator.prd.paths import find_paths
from orchestrator.prd.shared_rows import shared_rows
from orchestrator.prd.source import EXAMPLE
from orchestrator.prd.states import mark_of
from orchestrator.text.expressions import expression

_ONLY_IDS = "nothing but the names of requirements"
_PROPOSED = "or let an agent propose them: squad plan {name} --split-with ADAPTER"
_REQUIREMENTS = expression(
    r"(?:\d+(?:\.\d+)*[.)]?\s*)?(?:(?:feature|product|functional)\s+)?(?:requirements?|features?|需求|要件|요구사항|anforderungen|requisitos|exigences)\W*$",
    re.IGNORECASE,
)
_LIST = expression(r"(?:^|/)to-?do[^/]*$", re.IGNORECASE)
_HEAD = expression(r"([A-Z]{1,6})(\d{1,5})\s+(?=\S)")
_STRUCK = expression(r"\s*~~((?:(?!~~).)+)~~\W*", re.DOTALL)
_DIGIT = expression(r"\d")
_WORD = expression(r"[^\W_]+(?:['’]\w+)?")
_HEADED = {"done": Mark.DONE, "completed": Mark.DONE, "finished": Mark.DONE, "in progress": Mark.IN_PROGRESS}
_MARKS = {" ": Mark.OPEN, "": Mark.OPEN, "x": Mark.DONE, "X": Mark.DONE}


class Found(Draft, kw_only=True, eq=False):
    """A draft with the item it was."""

    item: Item


def read_markdown(page: Page) -> Reading:
    """Read a PRD or a task list.

    Raises:
        PrdError: It holds no task.
    """
    front = page.front
    blocks = outline("\n" * front + "\n".join(page.text.split("\n")[front:]))
    title = title_of(blocks, page.name)
    requirements = tuple(_requirements(blocks))
    warnings: list[str] = []
    left: list[Skipped] = []
    areas = {requirement.area.casefold(): requirement.area for requirement in requirements}
    found = _tasks(page, blocks, areas, warnings, left)
    if not found:
        proposed = _PROPOSED.format(name=page.name)
        hint = f"looked for list items below a heading such as 'Tasks', and for checkboxes\n{EXAMPLE}\n{proposed}"
        raise PrdError("no task in this document", where=Where(page.name), hint=hint)
    _name(found)
    _count(found)
    warnings += spread_files(blocks, found)
    return Reading(
        title=title,
        format=_format(blocks, found, requirements),
        drafts=list(found),
        requirements=requirements,
        declared=_declared_needs(blocks),
        ownership=shared_rows(blocks, found, warnings),
        warnings=warnings + halves(blocks),
        reasons=dict(_reasons(page, blocks, found)),
        left=left,
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
        if isinstance(block, Item) and _is_requirement(block.above):
            label, colon, rest = words.plain(block.text).replace("：", ":").partition(":")
            if colon and 0 < len(label) <= 30 and len(label.split()) <= 3 and not _DIGIT.search(label):
                yield Requirement(area=label.strip(), text=rest.strip(), line=block.line)


@lru_cache(maxsize=64)
def _is_requirement(above: tuple[Heading, ...]) -> bool:
    """Tell whether what stands below these headings is one of the requirements."""
    return bool(above) and _REQUIREMENTS.match(words.bare(above[-1].text)) is not None


def _tasks(page: Page, blocks: list[Block], areas: dict[str, str], warnings: list[str], left: list[Skipped]) -> list[Found]:
    is_list = bool(_LIST.search(page.path))
    for top, remark in choices(blocks, is_list=is_list):
        bare = [item for item in top if names_requirements(item)]
        work = [item for item in top if not names_requirements(item)] if bare and len(bare) < len(top) else top
        found = [one for item in work for one in _family(page, item, None, areas, boxed=not takes_plain(item, remark))]
        if found:
            left += [Skipped(line=item.line, text=item.text, reason=_ONLY_IDS) for item in bare if work is not top]
            warnings += [remark] if remark else []
            _check_streams(found, blocks, warnings)
            return found
    return []


def _family(page: Page, item: Item, parent: Found | None, areas: dict[str, str], *, boxed: bool) -> Iterator[Found]:
    """Give an item and those below it that are tasks: boxed ones, or below a plain parent none."""
    is_task = any(map(str.isalnum, item.text)) and (item.box is not None or item.is_heading or (parent is None and not boxed))
    is_task = is_task and not (parent is not None and (is_criterion(item) or _is_detail(item, parent.item)))
    one = _found(page, item, parent, areas) if is_task else parent
    if is_task and one is not None:
        yield one
    for child in item.children:
        yield from _family(page, child, one, areas, boxed=boxed or is_task)


def _is_detail(item: Item, parent: Item) -> bool:
    """Tell whether a box is a step of the task that its heading is, or a criterion of the story or requirement."""
    if not parent.is_heading or item.is_heading:
        return False
    return is_step(item) or words.is_feature(parent.text) or words.is_numbered(parent.text)


def _reasons(page: Page, blocks: Sequence[Block], found: Sequence[Found]) -> Iterator[tuple[tuple[str, int], str]]:
    """Say why boxes below a task are none, and why what stands beside boxes is none."""
    taken = {one.line for one in found}
    has_boxes = any(one.item.box is not None for one in found)
    for one in found:
        for below in one.item.walk():
            if below.box is not None and below.line not in taken:
                yield (page.name, below.line), f"a {'step' if is_step(below) else 'criterion'} of task {one.id or one.title}"
    for row in (block for block in blocks if isinstance(block, Row)):
        if has_boxes and row.line not in taken and from_row(row):
            yield (page.name, row.line), "no checkbox, where others have one"
    for item in items_of(blocks):
        if item.line not in taken and item.box is None and has_boxes and not any(words.is_else(one.text) for one in item.above):
            yield (page.name, item.line), "no checkbox, where others have one"
        elif is_criterion(item):
            for below in item.walk():
                yield (page.name, below.line), f"below {words.plain(item.label)!r}, which introduces no tasks"


def _found(page: Page, item: Item, parent: Found | None, areas: dict[str, str]) -> Found:
    if item.box is None and not item.state and not item.is_heading:
        item.state, item.text = state_in(item.text)
    details = [line for child in item.children if child.box is None for line in _plain_lines(child)]
    first, rest_of_it = words.headline(item.text)
    text = "\n".join([*rest_of_it, *item.details, *details])
    number, title = words.split_id(first)
    parallel, title = words.without_parallel(title)
    whole = f"{title}\n{text}"
    ids, remainder = words.references(whole)
    ids = ids if number not in ids or _says_so(number, title, text) else tuple(one for one in ids if one != number)
    prose = None if ids else words.prose_need(title)
    title = remainder.partition("\n")[0].strip() or title
    label, colon, rest = words.plain(title).replace("：", ":").partition(":")
    area = areas.get(label.casefold()) if colon else None
    shown = words.plain(rest if area and rest.strip() else title) or words.plain(item.text)
    return Found(
        file=page.name,
        line=item.line,
        item=item,
        parent=parent,
        area=area or _stream(item.above) or (parent.area if parent else None),
        below=_lines(item.above),
        groups=_groups(item.above) or (parent.groups if parent else ()),
        id=number,
        title=shown,
        text="\n".join([text, *_asked(item)]).strip(),
        paths=find_paths(whole),
        needs=_needs(text, item.line, ids, prose),
        parallel=parallel,
        gate=words.is_gate(shown),
        estimate=words.estimate_in(text),
        mark=_mark(item),
        box=item.box or item.state,
        lines={below.line for below in item.walk() if below.box is None and not is_step(below)},
    )


def _says_so(number: str | None, title: str, text: str) -> bool:
    """Tell whether a task says in earnest that it needs the one of this number: prose below it may speak of itself."""
    lines = [named for line in text.split("\n") if (named := words.needs_line(line))]
    return number in words.references(title)[0] or any(number in words.expand(line) for line in lines)


def _mark(item: Item) -> Mark:
    """Give the state by the box; without one by its word, or by the heading that says done; struck out is deferred."""
    if item.box not in {None, " ", ""}:
        return _MARKS.get(item.box or "", Mark.UNKNOWN)
    if "~~" in item.text and _STRUCK.fullmatch(item.text):
        return Mark.DEFERRED
    if item.box is not None:
        return Mark.OPEN
    if item.state and (word := " ".join(_WORD.findall(item.state)[:3])):
        return mark_of(word)
    return _headed(item.above)


@lru_cache(maxsize=64)
def _headed(above: tuple[Heading, ...]) -> Mark:
    return _HEADED.get(words.bare(above[-1].text).casefold(), Mark.OPEN) if above else Mark.OPEN


def _needs(text: str, line: int, ids: tuple[str, ...], prose: str | None) -> list[Wish]:
    """Give what is named by its id, what is said in words, and what lines of their own name beyond that."""
    needs = [Wish(text=wanted, line=line, is_id=True) for wanted in ids]
    needs += [Wish(text=prose, line=line, is_id=False)] if prose else []
    for said in text.split("\n") if text else ():
        named = words.needs_line(said)
        if named and not any(wanted in named for wanted in ids):
            needs.append(Wish(text=named, line=line, is_id=False))
    return needs


def _plain_lines(item: Item) -> list[str]:
    return [item.text, *item.details, *(line for child in item.children if child.box is None for line in _plain_lines(child))]


def _asked(item: Item) -> list[str]:
    """Give the boxes below an item that are its criteria; what they name it does not write."""
    return [line for child in item.children if child.box is not None and is_criterion(child) for line in _plain_lines(child)]


@lru_cache(maxsize=1024)
def _stream(above: tuple[Heading, ...]) -> str | None:
    """Give the part of the work that a heading above names, or what the agent there is for."""
    for heading in reversed(above):
        stream = words.stream_of(heading.text)
        if named := stream[0] if stream else words.agent_of(heading.text):
            return named
    return None


@lru_cache(maxsize=1024)
def _groups(above: tuple[Heading, ...]) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Give what the headings above call the part of the work that they begin, each with the lines of those above it."""
    lines = _lines(above)
    return tuple([(group, lines[:at]) for at, heading in enumerate(above) if (group := words.group_of(heading.text))])


@lru_cache(maxsize=1024)
def _lines(above: tuple[Heading, ...]) -> tuple[int, ...]:
    return tuple([heading.line for heading in above])


def _check_streams(found: list[Found], blocks: list[Block], warnings: list[str]) -> None:
    """Compare the number of tasks that a stream's heading announces with what was found below it."""
    below = Counter(id(one.item.above[-1]) for one in found if one.item.above and one.parent is None)
    for heading in (block for block in blocks if isinstance(block, Heading)):
        stream = words.stream_of(heading.text)
        have = below[id(heading)]
        if stream and stream[1] is not None and have != stream[1]:
            warnings.append(f"line {heading.line}: {heading.text!r} announces {stream[1]} tasks, {have} were found")


def _name(found: Sequence[Found]) -> None:
    """Take `K1` of `K1 Build the API` for an id where another task needs it: alone it could be a product, such as `S3`."""
    wanted = {wish.text for one in found for wish in one.needs if wish.is_id and not one.title.startswith(wish.text)}
    wanted -= {one.id for one in found}
    heads = [(one, head) for one in found if wanted and one.id is None and (head := _HEAD.match(one.title))]
    kinds = {head[1] for _, head in heads if head[1] + head[2] in wanted}
    meant = [(one, head) for one, head in heads if head[1] in kinds]
    if len({head[0] for _, head in meant}) == len(meant):
        for one, head in meant:
            one.id, one.title = head[0].strip(), one.title[head.end() :]


def _count(found: list[Found]) -> None:
    """Let `depends on 2` in a numbered list without ids mean its second item."""
    known = {one.id for one in found}
    places = {(id(one.item.above), one.item.number): one for one in found if one.item.number}
    for one in found if places else ():
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


def halves(blocks: Sequence[Block]) -> list[str]:
    """Warn where a document says the same twice, as bilingual ones do: two halves of the same shape."""
    tops = [place for place, block in enumerate(blocks) if isinstance(block, Heading) and block.level == 1]
    parts = [blocks[start:end] for start, end in pairwise([*tops, len(blocks)])]
    shapes: dict[tuple[object, ...], Heading] = {}
    for part in parts:
        shape = tuple((type(block).__name__, block.level if isinstance(block, Heading) else 0) for block in part)
        first = part[0]
        if isinstance(first, Heading) and sum(isinstance(block, Heading) for block in part) > 3:
            if shape in shapes:
                said = f"{shapes[shape].text!r} (line {shapes[shape].line})"
                same = f"line {first.line}: {first.text!r} has the same shape as {said}"
                return [f"{same}: each task may be written twice, in two languages"]
            shapes[shape] = first
    return []


def _format(blocks: Sequence[Block], found: Sequence[Found], requirements: Sequence[Requirement]) -> str:
    headings = [block.text for block in blocks if isinstance(block, Heading)]
    if any(words.stream_of(heading) for heading in headings):
        return "prd-md"
    if any(words.is_todo(heading) for heading in headings[:1]):
        return "todo"
    if requirements and any(words.is_work(heading) for heading in headings) and all(one.item.box is None for one in found):
        return "seed-prd"
    taken = {one.line for one in found}
    wished = any(words.is_prd(heading) for heading in headings[:3]) or any(
        not isinstance(block, Heading) and block.line not in taken and block.above and words.is_wish(block.above[-1].text)
        for block in blocks
    )
    if any(words.is_todo(heading) for heading in headings) or (any(one.item.box is not None for one in found) and not wished):
        return "todo"
    return "prd-md"
