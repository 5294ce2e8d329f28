"""The order that a document implies without saying so: phases one after another, items of a sequence in turn.

Only neighbours are tied, so that a long document has few ties and the rest follows from them.
"""

from collections.abc import Sequence
from itertools import pairwise

from orchestrator.prd.drafts import Draft


def in_turn(drafts: Sequence[Draft]) -> None:
    """Let each draft come after the one before it; those marked parallel side by side, after what stood before them."""
    before: list[Draft] = []
    group: list[Draft] = []
    for draft in drafts:
        if not (draft.parallel and group and group[-1].parallel):
            before, group = group, []
        draft.after += before
        group.append(draft)


def families_in_turn(drafts: Sequence[Draft]) -> None:
    """Put tasks in turn, the children of each parent for themselves."""
    families: dict[int, list[Draft]] = {}
    for draft in drafts:
        families.setdefault(id(draft.parent), []).append(draft)
    for family in families.values():
        in_turn(family)


def phases_in_turn(phases: Sequence[Sequence[Draft]]) -> None:
    """Put phases in turn, and the tasks of each; children follow their parents."""
    for phase in phases:
        families_in_turn(phase)
    tops = [top for phase in phases if (top := [draft for draft in phase if draft.parent is None])]
    for first, then in pairwise(tops):
        barrier(first, then)


def barrier(first: Sequence[Draft], then: Sequence[Draft]) -> None:
    """Let everything of `then` come after everything of `first`."""
    followed = set[int]()
    for draft in first:
        followed.update(map(id, draft.after), map(id, draft.direct))
    ends = [draft for draft in first if id(draft) not in followed]
    later = set(map(id, then))
    for draft in then:
        if later.isdisjoint(map(id, draft.after)) and later.isdisjoint(map(id, draft.direct)):
            draft.after += ends
