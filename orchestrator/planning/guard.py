"""Which tasks write the same paths, and what keeps them apart.

For each two tasks whose known write sets meet and that no chain of needs orders, both get one same lock key: the claim
they have in common, else a key of their own, so that narrow tasks do not exclude each other only because a wide one
meets them both. What cannot be kept apart is named.
"""

from collections.abc import Iterator, Mapping, Sequence

from orchestrator.claims import Claim, head, key, meets
from orchestrator.model import Certificate, Guarded, Open, PlannedTask, TaskId

_SHOWN = 4  #: tasks of a chain of needs that are written out: all pairs of a long chain would fill gigabytes


def reach_of(needs: Mapping[TaskId, Sequence[TaskId]]) -> dict[TaskId, frozenset[TaskId]]:
    """Give for each task everything it waits for, directly or not."""
    reach: dict[TaskId, frozenset[TaskId]] = {}
    todo = list(needs)
    while todo:
        here = todo.pop()
        if here in reach:
            continue
        missing = [need for need in needs[here] if need in needs and need not in reach]
        if missing:
            todo += [here, *missing]
            continue
        direct = [need for need in needs[here] if need in needs]
        reach[here] = frozenset(direct).union(*(reach[need] for need in direct))
    return reach


def guard_pairs(
    tasks: Sequence[tuple[TaskId, tuple[Claim, ...] | None]], reach: Mapping[TaskId, frozenset[TaskId]], *, shared: bool
) -> dict[TaskId, tuple[str, ...]]:
    """Give the keys that tasks need besides their own claims; in a shared tree an unknown write set meets everything.

    A key stands for the narrower task of a pair and all that claim the same wide set: those exclude each other anyway.
    """
    keys: dict[TaskId, dict[str, None]] = {}
    made: dict[tuple[TaskId | None, frozenset[str]], str] = {}
    claims = dict(tasks)
    own = {task: frozenset(key(claim) for claim in writes or ()) for task, writes in tasks}
    for one, other in _meeting_pairs(tasks, shared=shared):
        if one in reach[other] or other in reach[one] or own[one] & own[other]:
            continue
        narrow, wide = _narrow_first(one, other, claims)
        blind = claims[wide] is None  # then all such wide ones share the narrow one's key: they exclude each other anyway
        group = (None if blind and claims[narrow] != () else narrow, own[narrow if blind else wide])
        name = made.setdefault(group, f"files:{len(made) + 1}")
        for task in (narrow, wide):
            keys.setdefault(task, {})[name] = None
    return {task: tuple(names) for task, names in keys.items()}


def certify(planned: Sequence[PlannedTask], reach: Mapping[TaskId, frozenset[TaskId]], *, shared: bool) -> Certificate:
    """Give the proof that the plan keeps all meeting write sets apart, and its exceptions."""
    by_id = {one.task.id: one for one in planned}
    guarded: list[Guarded] = []
    unknown: list[Open] = []
    holds = True
    tasks = [(one.task.id, one.writes) for one in planned]
    for a, b in _meeting_pairs(tasks, shared=True):
        chain = _chain(a, b, by_id, reach)
        common = sorted(set(by_id[a].locks) & set(by_id[b].locks), key=lambda lock: (lock.startswith("op:"), lock))
        if chain:
            guarded.append(Guarded(a=a, b=b, by="needs", key=chain))
        elif common and ((by_id[a].writes is not None and by_id[b].writes is not None) or shared):
            guarded.append(Guarded(a=a, b=b, by="lock", key=common[0]))
        elif by_id[a].writes is None or by_id[b].writes is None:
            blind = " and ".join(task for task in (a, b) if by_id[task].writes is None)
            unknown.append(Open(a=a, b=b, why=f"the write set of {blind} is not known; integration decides"))
        else:
            holds = False
            unknown.append(Open(a=a, b=b, why="both write the same paths and nothing keeps them apart"))
    return Certificate(holds=holds, guarded=tuple(guarded), open=tuple(unknown))


def _meeting_pairs(tasks: Sequence[tuple[TaskId, tuple[Claim, ...] | None]], *, shared: bool) -> Iterator[tuple[TaskId, TaskId]]:
    """Give the pairs whose write sets meet, in document order; `shared` counts unknown ones as meeting all."""
    place = {task: number for number, (task, _) in enumerate(tasks)}
    index = _Index()
    wild: list[TaskId] = []
    for task, claims in tasks:
        met = index.meeting(claims) if claims is not None else set()
        if shared:
            met |= set(place) if claims is None else set(wild)
            met = {other for other in met if place[other] < place[task]}
        for other in sorted(met, key=place.__getitem__):
            yield other, task
        if claims is None:
            wild.append(task)
        else:
            index.add(task, claims)


class _Index:
    """Claims by their first component, so that only those that could meet are compared."""

    def __init__(self) -> None:
        self._by_head: dict[str, list[tuple[Claim, TaskId]]] = {}
        self._anywhere: list[tuple[Claim, TaskId]] = []

    def add(self, task: TaskId, claims: Sequence[Claim]) -> None:
        for claim in claims:
            first = head(claim)
            if first is None:
                self._anywhere.append((claim, task))
            else:
                self._by_head.setdefault(first, []).append((claim, task))

    def meeting(self, claims: Sequence[Claim]) -> set[TaskId]:
        met: set[TaskId] = set()
        for claim in claims:
            first = head(claim)
            near = self._by_head.get(first, []) if first is not None else [row for rows in self._by_head.values() for row in rows]
            met |= {task for other, task in (*near, *self._anywhere) if task not in met and meets(claim, other)}
        return met


def _narrow_first(one: TaskId, other: TaskId, claims: Mapping[TaskId, tuple[Claim, ...] | None]) -> tuple[TaskId, TaskId]:
    """Order two tasks by how much they claim: the fewer and deeper claims are the narrower."""

    def width(task: TaskId) -> tuple[int, int]:
        own = claims[task]
        return (1, 0) if own is None else (0, -min((key(claim).count("/") for claim in own), default=0))

    return (one, other) if width(one) < width(other) else (other, one)


def _chain(a: TaskId, b: TaskId, by_id: Mapping[TaskId, PlannedTask], reach: Mapping[TaskId, frozenset[TaskId]]) -> str:
    """Give the chain of needs that orders two tasks, its middle left out where it is long; empty if none does."""
    if a in reach[b]:
        first, last = a, b
    elif b in reach[a]:
        first, last = b, a
    else:
        return ""
    chain: list[str] = [last]
    while chain[0] != first and len(chain) < _SHOWN:
        needs = by_id[TaskId(chain[0])].needs
        chain.insert(0, first if first in needs else next(need for need in needs if first in reach.get(need, ())))
    return " -> ".join(chain if chain[0] == first else [first, "...", *chain])
