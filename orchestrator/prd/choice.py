"""Which items of a document are its tasks.

What counts as a task: what stands below a heading that says so (tasks, streams), headings that are one task each, and
checkboxes anywhere but below headings that introduce something else (goals, criteria, risks). Where those of a list of tasks
have checkboxes, only they are tasks. Below a heading that only speaks of work (rules of a list, what is left out) plain items
are none, unless the document has nothing else. Else the items of phases; else stories, requirements and features, by their
headings, the rows of their tables, their lists or paragraphs; else the items of a document that is nothing but a list.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from orchestrator.prd import words
from orchestrator.prd.gather import features, gather, named, rows
from orchestrator.prd.outline import Block, Heading, Item
from orchestrator.prd.paths import find_paths
from orchestrator.text.expressions import expression

_PHASES = "no task list: each item of a phase is taken as one task; phases by themselves order nothing"
_WISHES = "no task list: each feature or requirement is taken as one task"
_VALIDATION = expression(r"\W*validation(?: checklist)?\W*", re.IGNORECASE)  #: as a label; below a heading it is work
_IDS = expression(r"\W*(?:(?:REQ|FR|NFR|BR|UR|SR|AC|SC)-?\d+(?:\.\d+)*(?:\W+|$))+")
_SHORT = 3  #: words of a title that is nothing but `Features`
_BARE = "no heading: each item of the list is taken as one task"


def choices(blocks: Sequence[Block], *, is_list: bool) -> Iterator[tuple[list[Item], str]]:
    """Give what could be the tasks, surest first, each with the warning that it is a reading.

    `is_list`: the file's name says that it is nothing but a list.
    """
    known = []
    for found, remark in _choices(blocks, is_list=is_list):
        known.append((found, remark))
        if not all(map(names_requirements, found)):
            yield found, remark
    yield from known


def names_requirements(item: Item) -> bool:
    """Tell whether an item without a box says nothing but which requirements are meant: `REQ-1, REQ-2`."""
    return item.box is None and not item.children and not item.details and _IDS.fullmatch(item.text) is not None


def _choices(blocks: Sequence[Block], *, is_list: bool) -> Iterator[tuple[list[Item], str]]:
    items = items_of(gather(blocks))
    titles = [block for block in blocks if isinstance(block, Heading) and block.level == 1]
    title = titles[0] if len(titles) == 1 else None
    boxed = {id(heading) for item in items if _boxed(item) and not _speaks_only(item.above) and (heading := _work(item.above))}
    is_list = is_list or any(words.is_todo(heading.text) for heading in titles)
    has_list = any(_work(item.above) and not _is_told_off(item) for item in items)
    takes_wishes = is_list or not has_list  # where no list of tasks is, every open box is one
    headed = sum(item.is_heading for item in items) > 1
    said = headed or bool(boxed - {id(title)})  # tasks below the title are headings, or have boxes and a heading of their own
    silent = title if said and not is_list else None
    sure = [item for item in items if _is_sure(item, boxed, silent, takes_wishes=takes_wishes)]
    if not sure:
        yield [item for item in items if _boxed(item) and not item.is_heading], ""
    yield sure, ""
    if is_list:
        yield [item for item in items if not _is_else(item)], ""
    yield [item for item in items if item.is_heading and not _is_else(item)], ""
    yield [item for item in items if _in_phase(item, title) and not _is_aside(item)], _PHASES
    yield from ((found, _WISHES) for found in _wishes(blocks, items))
    if not any(isinstance(block, Heading) for block in blocks):
        yield items, _BARE
    yield [item for item in items if _is_told_off(item) and _work(item.above)], ""


def items_of(blocks: Sequence[Block]) -> list[Item]:
    """Give the outermost items."""
    return [block for block in blocks if isinstance(block, Item)]


def takes_plain(item: Item, remark: str) -> bool:
    """Tell whether an item without a checkbox is a task: not where checkboxes alone made it one."""
    return item.is_heading or item.box is None or bool(remark)


def is_criterion(item: Item) -> bool:
    """Tell whether the line before an item's list says that it is no work: `Acceptance criteria:`."""
    if not item.label:
        return False
    return words.is_else(item.label) or (_VALIDATION.fullmatch(item.label.strip()) is not None and not _names_a_file(item))


def _wishes(blocks: Sequence[Block], items: Sequence[Item]) -> Iterator[list[Item]]:
    listed = rows(blocks, _is_wanted)
    yield [row for row in listed if row.number]
    yield [item for item in items_of(features(blocks, _is_wanted)) if item.is_heading]
    yield [item for item in items if _wished(item) and not _is_told_off(item) and not _is_aside(item)]
    yield listed
    yield named(blocks, _is_wanted)


def _is_sure(item: Item, boxed: set[int], silent: Heading | None, *, takes_wishes: bool) -> bool:
    """Tell whether an item is surely a task.

    `boxed`: the lists of tasks in which tasks have checkboxes; `silent`: a title that says nothing of what stands below it and
    names no file.
    """
    if _is_else(item):
        return False
    if item.is_heading:
        has_tasks = any(below.is_heading for below in item.children)
        return has_tasks or (not words.is_feature(item.text) and not _is_wished(item.above))
    work = _work(item.above)
    if work is not None and (work is not silent or _names_a_file(item)):
        return id(work) not in boxed or _boxed(item)
    return _boxed(item) and (takes_wishes or not _wished(item) or _in_phase(item, None))  # `Phase 2: Core Features` is work


def _nearest(above: Sequence[Heading], *tests: Callable[[str], bool]) -> Heading | None:
    """Give the nearest heading that one of the tests fits."""
    return next((heading for heading in reversed(above) if any(test(heading.text) for test in tests)), None)


def _says_work(text: str) -> bool:
    return words.is_work(text) or words.stream_of(text) is not None


@lru_cache(maxsize=1024)
def _work(above: tuple[Heading, ...]) -> Heading | None:
    """Give the heading that makes an item a task, if the nearest that says anything does."""
    nearest = _nearest(above, _says_work, words.is_else)
    return nearest if nearest is not None and _says_work(nearest.text) else None


def _is_else(item: Item) -> bool:
    """Tell whether an item is none by what it stands below."""
    return is_criterion(item) or _stands_aside(item.above) or _is_told_off(item)


def _is_told_off(item: Item) -> bool:
    """Tell whether an item without a box stands below a heading that only speaks of work."""
    return _speaks_only(item.above) and not item.is_heading and not any(below.box is not None for below in item.walk())


@lru_cache(maxsize=1024)
def _speaks_only(above: tuple[Heading, ...]) -> bool:
    """Tell whether the nearest heading that says anything only speaks of work; a title alone says nothing."""
    nearest = _nearest(above, words.is_about_work, _says_work, words.is_else, words.is_phase, words.is_wish)
    return nearest is not None and nearest.level > 1 and words.is_about_work(nearest.text)


def _names_a_file(item: Item) -> bool:
    return any(find_paths(below.text) for below in item.walk())


@lru_cache(maxsize=1024)
def _stands_aside(above: tuple[Heading, ...]) -> bool:
    """Tell whether the nearest heading that says anything says that it is none; a title alone says nothing."""
    for heading in reversed(above):
        if _says_work(heading.text) or words.is_phase(heading.text):
            return False
        says_else = words.is_else(heading.text) or words.is_quality(heading.text)
        if says_else and (heading.level > 1 or len(above) == 1):
            return True
    return False


def _is_aside(item: Item) -> bool:
    """Tell whether an item says of itself that it is none: `Exit criteria: ...`."""
    label, colon, _ = words.plain(item.text).replace("：", ":").partition(":")
    return item.box is None and bool(colon) and len(label.split()) <= 4 and words.is_else(label)


def _boxed(item: Item) -> bool:
    return _has_box(item) and not _is_else(item)


def _has_box(item: Item) -> bool:
    return (item.box is not None and not is_criterion(item)) or any(_has_box(child) for child in item.children)


def _in_phase(item: Item, title: Heading | None) -> bool:
    """Tell whether an item stands in a phase; one that only gives the document its title is none."""
    return _phase(item.above, title) is not None and not _is_else(item)


@lru_cache(maxsize=1024)
def _phase(above: tuple[Heading, ...], title: Heading | None) -> Heading | None:
    return next((heading for heading in above if heading is not title and words.is_phase(heading.text)), None)


@lru_cache(maxsize=1024)
def _is_wished(above: tuple[Heading, ...]) -> bool:
    """Tell whether the nearest heading that says anything introduces features or requirements."""
    for heading in reversed(above):
        if words.is_wish(heading.text):
            return heading.level > 1 or len(heading.text.split()) <= _SHORT
        if _says_work(heading.text) or words.is_else(heading.text) or words.is_phase(heading.text):
            return False
    return False


def _is_wanted(above: tuple[Heading, ...]) -> bool:
    return _is_wished(above) and not _speaks_only(above)


def _wished(item: Item) -> bool:
    return _is_wished(item.above) and not is_criterion(item)
