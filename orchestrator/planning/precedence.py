"""Which of two equal tasks goes first: the more urgent, then the one that writes what others read, then document order.

It breaks ties only: how long what remains behind a task takes counts before all of this.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from orchestrator.claims import is_glob, key
from orchestrator.model import TaskId
from orchestrator.planning.owners import Assigned
from orchestrator.text.expressions import expression

_MIDDLE = 2  #: the priority of a task whose document says none; 0 is the most urgent
_CONTRACT = expression(
    r"(?:^|[/._-])(?:types?|typings|interfaces?|contracts?|schemas?|protos?|openapi|swagger|shared|models?)(?:[/._-]|$)"
    r"|\.(?:proto|graphql|avsc|d\.ts)$",
    re.IGNORECASE,
)
_PATH = expression(r"[\w@.~-]+(?:/[\w@.~-]+)*")


def precedence(assigned: Sequence[Assigned]) -> tuple[list[Assigned], dict[TaskId, tuple[str, ...]]]:
    """Give the tasks in the order in which equals start, and for those that it moves the reasons."""
    asked = _asked_for(assigned)
    place = {one.task.id: number for number, one in enumerate(assigned)}
    ranked = sorted(assigned, key=lambda one: (_priority(one), one.task.id not in asked, place[one.task.id]))
    several = len({_priority(one) for one in assigned}) > 1
    why = {}
    for one in assigned:
        urgent = one.task.priority is not None and several
        reasons = [f"its priority is {one.task.priority} (0 is the most urgent), which decides among equals"] if urgent else []
        if one.task.id in asked:
            reasons.append(f"{asked[one.task.id]}: it goes before its equals")
        why[one.task.id] = tuple(reasons)
    return ranked, why


def _priority(one: Assigned) -> int:
    return _MIDDLE if one.task.priority is None else one.task.priority


def _asked_for(assigned: Sequence[Assigned]) -> Mapping[TaskId, str]:
    """Find the tasks that write shared types and contracts which others need or name."""
    writers = {one.task.id: paths for one in assigned if (paths := _contracts(one))}
    if not writers:
        return {}
    needed = {need for one in assigned for need in one.task.needs}
    readers: dict[str, list[TaskId]] = {}
    for one in assigned:
        for name in set(_PATH.findall(f"{one.task.title}\n{one.task.text}")):
            readers.setdefault(name.strip(".").casefold(), []).append(one.task.id)
    found = {}
    for task, paths in writers.items():
        read = next((path for path in paths if any(reader != task for reader in readers.get(path.casefold(), ()))), None)
        if read is not None or task in needed:
            found[task] = f"others {'need' if read is None else 'read'} {read or paths[0]}, which it writes"
    return found


def _contracts(one: Assigned) -> list[str]:
    return [key(claim) for claim in one.task.writes or () if _is_contract(claim)]


@lru_cache(maxsize=65536)
def _is_contract(claim: str) -> bool:
    return not is_glob(claim) and _CONTRACT.search(claim) is not None
