"""The order that newer documents of Kiro draw: waves of tasks in JSON below `## Task Dependency Graph`.

What a wave holds may be done side by side; what is drawn counts more than the order of the list. A checkpoint that is in no
wave still comes after what stands before it, and before the later waves of what stands behind it.
"""

import json
import re
from collections.abc import Sequence
from itertools import pairwise

from orchestrator.prd.drafts import Draft
from orchestrator.prd.turns import barrier
from orchestrator.text.expressions import expression

_HEADING = expression(r"^#{1,4}\s", re.MULTILINE)
_GRAPH = expression(r"\bdependency graph\b", re.IGNORECASE)
_OPENING = expression(r"^(?:`{3,}|~{3,})\w*\n", re.MULTILINE)
_FENCED = expression(r"(`{3,}|~{3,})\w*\n(.*?)^\1", re.MULTILINE | re.DOTALL)


def waves_of(text: str) -> list[list[str]]:
    """Give the ids of each wave; nothing where none are drawn, or what is drawn cannot be read."""
    found = _drawn(text)
    try:
        drawn = json.loads(found, parse_int=str, parse_float=str) if found else None
    except (ValueError, RecursionError):
        return []
    waves = drawn.get("waves") if isinstance(drawn, dict) else None
    rows = [row.get("tasks") if isinstance(row, dict) else row for row in waves] if isinstance(waves, list) else []
    return [[one for one in row if isinstance(one, str)] for row in rows if isinstance(row, list)]


def _drawn(text: str) -> str | None:
    """Give what stands in the last fence behind the words that introduce it, which stand in or below a heading."""
    heading = _HEADING.search(text)
    graph = _GRAPH.search(text, heading.end()) if heading else None
    openings = [found.start() for found in _OPENING.finditer(text, graph.end())] if graph else []
    closed = (found for start in reversed(openings) if (found := _FENCED.match(text, start)))
    return next((found[2] for found in closed), None)


def order_by_waves(drafts: Sequence[Draft], waves: Sequence[Sequence[str]]) -> None:
    """Replace the order of the list by that of the waves, if they hold most of the tasks."""
    own: dict[str, Draft] = {}
    for draft in drafts:
        own.setdefault(draft.id or "", draft)
    listed = [row for wave in waves if (row := [own[one] for one in dict.fromkeys(wave) if one in own])]
    number = {id(draft): place for place, wave in enumerate(listed) for draft in wave}
    parents = {id(draft.parent) for draft in drafts if draft.parent}
    leaves = [draft for draft in drafts if id(draft) not in parents]
    if 2 * sum(id(leaf) in number for leaf in leaves) < len(leaves):
        return
    for wave in listed:
        for draft in wave:
            _let_go(draft)
    for first, then in pairwise(listed):
        barrier(first, then)
    for place, draft in enumerate(drafts):
        if draft.gate and id(draft) not in number:
            last = max((number[id(one)] for one in drafts[:place] if id(one) in number), default=-1)
            for later in drafts[place + 1 :]:
                later.after += [draft] if number.get(id(later), -1) > last else []


def _let_go(draft: Draft) -> None:
    """Lift the order of the list from a task, and from those that it is a part of."""
    here: Draft | None = draft
    while here is not None:
        here.after = []
        here = here.parent
