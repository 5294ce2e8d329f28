"""Which tasks claim the same paths, without comparing each with each.

Claims lie in a tree by their names, so that only what could meet is visited. Like `meets`, which has the last word where a
pattern is involved, it never says no wrongly.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

from orchestrator.claims import LONGEST, Claim, is_deep, is_glob, is_operation, is_pattern, meets, parts_of, same_name
from orchestrator.model import TaskId

Claimed = tuple[TaskId, tuple[Claim, ...] | None]


def meeting_pairs(tasks: Sequence[Claimed]) -> Iterator[tuple[TaskId, TaskId]]:
    """Give the pairs whose write sets meet, in document order; one that is not known meets all."""
    known = [(number, claims) for number, (_, claims) in enumerate(tasks) if claims is not None]
    has_patterns = any(is_glob(claim) for _, claims in known for claim in claims)
    earlier = _by_tree(known) if has_patterns else _by_ends(known)
    blind: list[int] = []
    for number, (task, claims) in enumerate(tasks):
        met = range(number) if claims is None else sorted({*earlier.get(number, ()), *blind} - {number})
        for other in met:
            yield tasks[other][0], task
        if claims is None:
            blind.append(number)


def _by_tree(known: Sequence[tuple[int, tuple[Claim, ...]]]) -> Mapping[int, Collection[int]]:
    """Give the earlier tasks that each one meets."""
    index = ClaimIndex()
    earlier: dict[int, set[int]] = {}
    for number, claims in known:
        earlier[number] = index.meeting(claims)
        index.add(number, claims)
    return earlier


def _by_ends(known: Sequence[tuple[int, tuple[Claim, ...]]]) -> Mapping[int, Collection[int]]:
    """Give the same where no claim is a pattern: a claim then meets those that end where it does or on the way there.

    One that meets in several ways, or the task itself, may stand there several times.
    """
    as_written: dict[Claim, list[int]] = defaultdict(list)
    for number, claims in known:
        for claim in claims:
            as_written[claim].append(number)
    ends: dict[tuple[str, ...] | str, list[int]] = defaultdict(list)
    for claim, users in as_written.items():
        ends[claim if is_operation(claim) else parts_of(claim)] += users
    depths = sorted({len(names) for names in ends if isinstance(names, tuple)})
    earlier: dict[int, list[int]] = defaultdict(list)
    for names, users in ends.items():
        if len(users) > 1:
            users.sort()  # a claim may be written in several ways
            for place, user in enumerate(users):
                earlier[user] += users[:place]
        for depth in depths if isinstance(names, tuple) else ():
            if depth >= len(names):
                break
            for user, other in product(users, ends.get(names[:depth], ())):
                earlier[max(user, other)].append(min(user, other))
    return earlier


@dataclass(slots=True)
class _Node:
    """A name below others."""

    below: dict[str, "_Node"] = field(default_factory=dict)
    patterns: list[str] = field(default_factory=list)  #: names below that are patterns
    here: list[tuple[Claim, int]] = field(default_factory=list)  #: claims that end here, and whose they are


class ClaimIndex:
    """Claims by number of their task."""

    def __init__(self) -> None:
        self._root = _Node()
        self._patterns = False  #: whether any claim is one
        self._operations: dict[str, list[int]] = {}
        self._odd: list[tuple[Claim, int]] = []  #: longer than any path, which patterns are not walked through
        self._all: list[tuple[Claim, int]] = []

    def add(self, task: int, claims: Sequence[Claim]) -> None:
        """Note what a task claims."""
        for claim in claims:
            if is_operation(claim):
                self._operations.setdefault(claim, []).append(task)
                continue
            self._all.append((claim, task))
            names = _names(claim)
            if len(names) > LONGEST:
                self._odd.append((claim, task))
                continue
            node = self._root
            for name in names:
                if name not in node.below:
                    node.below[name] = _Node()
                    if is_deep(name) or is_pattern(name):
                        node.patterns.append(name)
                        self._patterns = True
                node = node.below[name]
            node.here.append((claim, task))

    def meeting(self, claims: Sequence[Claim]) -> set[int]:
        """Give the tasks that claim what one of these claims meets."""
        met: set[int] = set()
        for claim in claims:
            if is_operation(claim):
                met.update(self._operations.get(claim, ()))
                continue
            names = _names(claim)
            if len(names) > LONGEST:
                met.update(task for other, task in self._all if meets(claim, other))
                continue
            if self._patterns or is_glob(claim):
                met.update(task for other, task in self._near(names) if meets(claim, other))
            else:
                met.update([task for node in self._along(names) for _, task in node.here])
            met.update(task for other, task in self._odd if meets(claim, other))
        return met

    def _along(self, names: Sequence[str]) -> list[_Node]:
        """Walk down where there are no patterns: give what lies on the way, and all below its end."""
        found = [self._root]
        for name in names:
            below = found[-1].below.get(name)
            if below is None:
                return found
            found.append(below)
        return found + _under(found.pop())

    def _near(self, names: Sequence[str]) -> Iterator[tuple[Claim, int]]:
        """Walk names and tree side by side; what is left below where one of them ends lies in the other."""
        todo = [(self._root, 0)]
        seen = set()
        while todo:
            node, place = todo.pop()
            if (id(node), place) in seen:
                continue
            seen.add((id(node), place))
            if place == len(names):
                for below in _under(node):
                    yield from below.here
                continue
            yield from node.here
            todo += _onward(node, names, place)


def _onward(node: _Node, names: Sequence[str], place: int) -> Iterator[tuple[_Node, int]]:
    name = names[place]
    if is_deep(name):
        yield node, place + 1
        yield from ((one, place) for one in node.below.values())
    elif is_pattern(name):
        yield from ((one, place + 1) for other, one in node.below.items() if is_deep(other) or same_name(name, other))
    elif name in node.below:
        yield node.below[name], place + 1
    for other in node.patterns:
        if is_deep(other):
            yield from ((node.below[other], further) for further in range(place, len(names) + 1))
        elif not is_deep(name) and same_name(name, other):
            yield node.below[other], place + 1


def _under(node: _Node) -> list[_Node]:
    """Give a node and all below it."""
    found = [node]
    for here in found:
        found += here.below.values()
    return found


def _names(claim: Claim) -> tuple[str, ...]:
    """Give the names by which a claim lies in the tree: a letter may be several signs, so `?` stands for any number here."""
    return parts_of(claim.replace("?", "*")) if "?" in claim else parts_of(claim)
