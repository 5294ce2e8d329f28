"""Which items of a document are its tasks.

What counts as a task: what stands below a heading that says so (tasks, streams), headings that are one task each, and
checkboxes anywhere but below headings that introduce something else (goals, criteria, risks); else the items of phases,
else the features of a document that has neither, else the items of a document that is nothing but a list.
"""

from collections.abc import Callable, Iterator, Sequence

from orchestrator.prd import words
from orchestrator.prd.outline import Item


def choices(items: Sequence[Item], *, bare: bool) -> Iterator[tuple[list[Item], str]]:
    """Give what could be the tasks, surest first, each with the warning that it is a reading; `bare`: there is no heading."""
    rules: tuple[tuple[Callable[[Item], bool], str], ...] = (
        (lambda item: _below_tasks(item) or item.is_heading or (_boxed(item) and not _wished(item)), ""),
        (_boxed, ""),
        (_in_phase, "no task list: each item of a phase is taken as one task; phases by themselves order nothing"),
        (_wished, "no task list: each feature or requirement is taken as one task"),
        (lambda _: bare, "no heading: each item of the list is taken as one task"),
    )
    for chosen, remark in rules:
        yield [item for item in items if chosen(item) and not (item.is_heading and _is_else(item))], remark


def takes_plain(item: Item, remark: str) -> bool:
    """Tell whether an item without a checkbox is a task: not where checkboxes alone made it one."""
    return item.is_heading or _below_tasks(item) or (bool(remark) and item.box is None)


def _below_tasks(item: Item) -> bool:
    """Tell whether the nearest heading that says anything about it says that it is a task."""
    for heading in reversed(item.above):
        if words.is_work(heading.text) or words.stream_of(heading.text):
            return True
        if words.is_else(heading.text):
            return False
    return False


def _is_else(item: Item) -> bool:
    """Tell whether the nearest heading that says anything says that it is none; a title alone says nothing."""
    for heading in reversed(item.above):
        if words.is_work(heading.text) or words.stream_of(heading.text) or words.is_phase(heading.text):
            return False
        if words.is_else(heading.text) and (heading.level > 1 or len(item.above) == 1):
            return True
    return False


def _boxed(item: Item) -> bool:
    return any(below.box is not None for below in item.walk()) and not _is_else(item)


def _in_phase(item: Item) -> bool:
    return any(words.is_phase(heading.text) for heading in item.above) and not _is_else(item)


def _wished(item: Item) -> bool:
    return bool(item.above) and words.is_wish(item.above[-1].text)
