"""Tasks from Markdown: the seed's shape, its longer cousin with streams and file lists, and plain task lists.

Which items are tasks is decided in `choice`; here they get their ids, needs, files and places.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from orchestrator.claims import Claim, OutsideProject
from orchestrator.errors import PrdError, Where
from orchestrator.model import Document, Mark, Requirement, Source, Task, TaskId
from orchestrator.prd import words
from orchestrator.prd.chapters import spread_files
from orchestrator.prd.choice import choices, takes_plain
from orchestrator.prd.gather import gather, is_step
from orchestrator.prd.needs import Wish, resolve
from orchestrator.prd.outline import Block, Heading, Item, Paragraph, outline
from orchestrator.prd.paths import find_paths
from orchestrator.prd.scan import skipped_lines
from orchestrator.prd.source import EXAMPLE, front_matter

_PROPOSED = "or let an agent propose them: squad plan {name} --split-with ADAPTER"
_MARKS = {" ": Mark.OPEN, "": Mark.OPEN, "x": Mark.DONE, "X": Mark.DONE}

MakeClaim = Callable[[str], Claim]


@dataclass(slots=True, kw_only=True)
class Found:
    """A task as it was found, before ids, needs and files are settled."""

    item: Item
    parent: "Found | None"
    area: str | None
    id: str | None
    title: str
    text: str
    paths: tuple[str, ...]
    needs: list[Wish] = field(default_factory=list)
    parallel: bool = False
    mark: Mark = Mark.OPEN
    final_id: TaskId = field(default=TaskId(""))


def read_markdown(text: str, *, name: str, claim: MakeClaim, format: str | None) -> Document:  # noqa: A002 - the contract's word
    """Read a PRD or a task list.

    Raises:
        PrdError: It holds no task, a need is not known, the needs form a circle, or a path leaves the project.
    """
    front = front_matter(text)
    plain_blocks = outline("\n" * front + "\n".join(text.split("\n")[front:]))
    title = title_of(plain_blocks, name)
    blocks = gather(plain_blocks)
    requirements = tuple(_requirements(blocks))
    warnings: list[str] = []
    found = _tasks(blocks, requirements, warnings)
    if not found:
        hint = (
            f"looked for list items below a heading such as 'Tasks', and for checkboxes\n{EXAMPLE}\n{_PROPOSED.format(name=name)}"
        )
        raise PrdError("no task in this document", where=Where(name), hint=hint)
    _number(found, warnings)
    _count(found)
    warnings += spread_files(blocks, found)
    tasks = [_finished(one, name=name, claim=claim) for one in found]
    wishes = {one.final_id: one.needs for one in found}
    tasks = resolve(tasks, wishes, _declared_needs(blocks), name=name, warnings=warnings)
    warnings += [_unknown(one) for one in found if one.mark is Mark.UNKNOWN]
    skipped, swallowed = skipped_lines(text, _taken(found), front=front)
    return Document(
        title=title,
        format=format or _format(blocks, found, requirements),
        path=name,
        tasks=tuple(tasks),
        requirements=requirements,
        skipped=tuple(skipped),
        warnings=(*warnings, *swallowed),
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


def _tasks(blocks: list[Block], requirements: tuple[Requirement, ...], warnings: list[str]) -> list[Found]:
    items = [block for block in blocks if isinstance(block, Item)]
    areas = {requirement.area.casefold(): requirement.area for requirement in requirements}
    bare = not any(isinstance(block, Heading) for block in blocks)
    for top, remark in choices(items, bare=bare):
        found = [one for item in top for one in _family(item, None, areas, boxed=not takes_plain(item, remark))]
        if found:
            warnings += [remark] if remark else []
            _check_streams(found, blocks, warnings)
            return found
    return []


def _family(item: Item, parent: Found | None, areas: dict[str, str], *, boxed: bool) -> Iterator[Found]:
    """Give an item and those below it that are tasks: boxed ones, or below a plain parent none."""
    is_task = bool(item.text.strip()) and (item.box is not None or (parent is None and not boxed))
    is_task = is_task and not (parent is not None and parent.item.is_heading and is_step(item))
    one = _found(item, parent, areas) if is_task else parent
    if is_task and one is not None:
        yield one
    for child in item.children:
        yield from _family(child, one, areas, boxed=boxed or is_task)


def _found(item: Item, parent: Found | None, areas: dict[str, str]) -> Found:
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
        item=item,
        parent=parent,
        area=area or _stream(item) or (parent.area if parent else None),
        id=number,
        title=words.plain(rest if area and rest.strip() else title) or words.plain(item.text),
        text=text.strip(),
        paths=find_paths(whole),
        needs=needs,
        parallel=parallel,
        mark=_MARKS.get(item.box or "", Mark.UNKNOWN),
    )


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


def _number(found: list[Found], warnings: list[str]) -> None:
    """Give every task its id: its own where it has one, else T1, T2 ... in document order."""
    used = {one.id for one in found if one.id}
    seen: dict[str, int] = {}
    following = 0
    for one in found:
        if one.id is None:
            following += 1
            while f"T{following}" in used:
                following += 1
            one.final_id = TaskId(f"T{following}")
            continue
        seen[one.id] = seen.get(one.id, 0) + 1
        one.final_id = TaskId(one.id if seen[one.id] == 1 else f"{one.id}~{seen[one.id]}")
        if seen[one.id] > 1:
            warnings.append(f"line {one.item.line}: the id {one.id} stands twice, this one is called {one.final_id}")


def _count(found: list[Found]) -> None:
    """Let `depends on 2` in a numbered list without ids mean its second item."""
    known = {one.final_id for one in found}
    places = {(id(one.item.above), one.item.number): one.final_id for one in found if one.item.number}
    for one in found:
        one.needs = [
            replace(wish, text=places.get((id(one.item.above), wish.text), wish.text))
            if wish.is_id and wish.text not in known
            else wish
            for wish in one.needs
        ]


def _finished(one: Found, *, name: str, claim: MakeClaim) -> Task:
    try:
        writes = tuple(sorted({claim(path) for path in one.paths}))
    except OutsideProject as error:
        raise OutsideProject(error.path, where=Where(name, one.item.line)) from error
    return Task(
        id=one.final_id,
        title=one.title,
        source=Source(file=name, line=one.item.line),
        text="\n".join(part for part in (f"Part of: {one.parent.title}" if one.parent else "", one.text) if part),
        area=one.area,
        writes=writes or None,
        state=one.mark,
        parallel=one.parallel,
        gate=words.is_gate(one.title),
        parent=one.parent.final_id if one.parent else None,
    )


def _declared_needs(blocks: list[Block]) -> list[tuple[str, str, int]]:
    """Give the lines `X depends on: Y` below a heading about dependencies."""
    declared = []
    for block in blocks:
        if isinstance(block, Item | Paragraph) and block.above and "depend" in block.above[-1].text.casefold():
            lines = block.text.split("\n")
            declared += [(*pair, block.line + n) for n, line in enumerate(lines) if (pair := words.declared_need(line))]
    return declared


def _taken(found: list[Found]) -> set[int]:
    """Give the lines of the tasks and of the plain items that are their details."""
    plain = {below.line for one in found for below in one.item.walk() if below.box is None and not is_step(below)}
    return plain | {one.item.line for one in found}


def _unknown(one: Found) -> str:
    return f"line {one.item.line}: {one.final_id} has the unknown state [{one.item.box}]; it is taken as not done"


def _format(blocks: list[Block], found: list[Found], requirements: tuple[Requirement, ...]) -> str:
    headings = [block.text for block in blocks if isinstance(block, Heading)]
    if any(words.stream_of(heading) for heading in headings):
        return "prd-md"
    if requirements and any(words.is_work(heading) for heading in headings):
        return "seed-prd"
    if any(one.item.box is not None for one in found) and not any(words.is_wish(heading) for heading in headings):
        return "todo"
    return "prd-md"
