"""Which tasks write the same paths, and what keeps them apart.

For each two tasks whose known write sets meet and that no chain of needs orders, both get one same lock key: the claim
they have in common, else a key of their own, so that narrow tasks do not exclude each other only because a wide one
meets them both. A key that several may hold keeps nobody apart. What cannot be kept apart is named.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import cache

from orchestrator.claims import Claim, key
from orchestrator.model import Certificate, Guarded, Open, PlannedTask, TaskId
from orchestrator.planning.meeting import Claimed
from orchestrator.planning.reach import Reach

_SHOWN = 4  #: tasks of a chain of needs that are written out: all pairs of a long chain would fill gigabytes

Pairs = Sequence[tuple[TaskId, TaskId]]


def guard_pairs(
    tasks: Sequence[Claimed], pairs: Pairs, reach: Reach, *, shared: bool, several: Collection[str] = ()
) -> dict[TaskId, tuple[str, ...]]:
    """Give the keys that tasks need besides their own claims; in a shared tree an unknown write set meets everything.

    A key stands for the narrower task of a pair and all that claim the same wide set: those exclude each other anyway.
    `several` are the keys that more than one may hold.
    """
    keys: dict[TaskId, dict[str, None]] = {}
    made: dict[tuple[TaskId | None, frozenset[str]], str] = {}
    claims = dict(tasks)
    own = {task: frozenset(map(key, writes or ())).difference(several) for task, writes in tasks}
    width = cache(lambda task: _width(claims[task]))
    for one, other in pairs:
        unknown = claims[one] is None or claims[other] is None
        if (unknown and not shared) or not own[one].isdisjoint(own[other]) or reach.ordered(one, other):
            continue
        narrow, wide = (one, other) if width(one) < width(other) else (other, one)
        blind = claims[wide] is None  # then all such wide ones share the narrow one's key: they exclude each other anyway
        group = (None if blind and claims[narrow] != () else narrow, own[narrow if blind else wide])
        name = made.setdefault(group, f"files:{len(made) + 1}")
        for task in (narrow, wide):
            keys.setdefault(task, {})[name] = None
    return {task: tuple(names) for task, names in keys.items()}


def certify(
    planned: Sequence[PlannedTask], pairs: Pairs, reach: Reach, *, shared: bool, several: Collection[str] = ()
) -> Certificate:
    """Give the proof that the plan keeps all meeting write sets apart, and its exceptions."""
    by_id = {one.task.id: one for one in planned}
    held = {one.task.id: frozenset(one.locks).difference(several) for one in planned}
    blind = {one.task.id for one in planned if one.writes is None}
    guarded: list[Guarded] = []
    unknown: list[Open] = []
    holds = True
    for a, b in pairs:
        if (turn := reach.in_turn(a, b)) is not None:
            guarded.append(Guarded(a=a, b=b, by="needs", key=_chain(*turn, by_id, reach)))
            continue
        known = a not in blind and b not in blind
        if (common := held[a] & held[b]) and (known or shared):
            guarded.append(
                Guarded(a=a, b=b, by="lock", key=next(iter(common)) if len(common) == 1 else min(common, key=_operations_last))
            )
        elif not known:
            which = " and ".join(task for task in (a, b) if task in blind)
            unknown.append(Open(a=a, b=b, why=f"the write set of {which} is not known; integration decides"))
        else:
            holds = False
            unknown.append(Open(a=a, b=b, why="both write the same paths and nothing keeps them apart"))
    return Certificate(holds=holds, guarded=tuple(guarded), open=tuple(unknown))


def _operations_last(lock: str) -> tuple[bool, str]:
    return lock.startswith("op:"), lock


def _width(claims: tuple[Claim, ...] | None) -> tuple[int, int]:
    """Give how much is claimed: the fewer and deeper claims are the narrower."""
    return (1, 0) if claims is None else (0, -min((key(claim).count("/") for claim in claims), default=0))


def _chain(first: TaskId, last: TaskId, by_id: Mapping[TaskId, PlannedTask], reach: Reach) -> str:
    """Give the chain of needs that orders two tasks, its middle left out where it is long."""
    chain: list[str] = [last]
    while chain[0] != first and len(chain) < _SHOWN:
        needs = by_id[TaskId(chain[0])].needs
        chain.insert(0, first if first in needs else next(need for need in needs if reach.is_before(first, need)))
    return " -> ".join(chain if chain[0] == first else [first, "...", *chain])
