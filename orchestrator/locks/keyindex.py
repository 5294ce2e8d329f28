"""Things found by their keys, however many there are: what meets a key, covers it, or is the same key.

Exactly what `meets` and `covers` say, asked of few instead of all: keys without patterns stand in a tree of folded
names, so that what meets one stands above it or below it; patterns are compared one by one, by their first name where
they have one; operations meet only themselves.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from typing import Generic, TypeAlias, TypeVar

from orchestrator.claims import LONGEST, covers, head, is_glob, is_operation, is_pattern, meets, parts_of

T = TypeVar("T")
K = TypeVar("K")
#: By number, each with its key as it was spelled.
Things: TypeAlias = dict[int, tuple[str, T]]


@dataclass(slots=True)
class _Node(Generic[T]):
    """A name of the tree."""

    here: Things[T] = field(default_factory=dict)
    below: dict[str, "_Node[T]"] = field(default_factory=dict)


class KeyIndex(Generic[T]):
    """Things by their keys and numbers; a number stands for one thing."""

    def __init__(self) -> None:
        """Begin empty."""
        self._root: _Node[T] = _Node()
        self._operations: dict[str, Things[T]] = {}
        self._patterns: dict[str | None, Things[T]] = {}  #: by first name; None: could begin anywhere

    def add(self, key: str, number: int, thing: T) -> None:
        """Take a thing in."""
        if (names := _names(key)) is not None:
            node = self._root
            for name in names:
                below = node.below.get(name)
                if below is None:
                    below = node.below[name] = _Node()
                node = below
            node.here[number] = key, thing
        elif is_operation(key):
            self._operations.setdefault(key, {})[number] = key, thing
        else:
            self._patterns.setdefault(_first(key), {})[number] = key, thing

    def remove(self, key: str, number: int) -> None:
        """Take a thing out."""
        if (names := _names(key)) is not None:
            self._prune(names, number)
        elif is_operation(key):
            _drop(self._operations, key, number)
        else:
            _drop(self._patterns, _first(key), number)

    def same(self, key: str) -> list[T]:
        """Give what stands at the same key, however it is spelled, in the order of taking in."""
        if (names := _names(key)) is not None:
            node: _Node[T] | None = self._root
            for name in names:
                node = node.below.get(name) if node else None
                if node is None:
                    return []
            return [thing for _, thing in node.here.values()] if node else []
        if is_operation(key):
            return [thing for _, thing in self._operations.get(key, {}).values()]
        wanted = parts_of(key)
        return [thing for other, thing in self._patterns.get(_first(key), {}).values() if parts_of(other) == wanted]

    def is_free(self, key: str) -> bool:
        """Tell whether nothing meets the key."""
        names = _names(key)
        if names is None or self._patterns:
            return not any(True for _ in self.meeting(key))
        node = self._root
        for name in names:
            if node.here:
                return False
            if (below := node.below.get(name)) is None:
                return True
            node = below
        return not (node.here or node.below)

    def meeting(self, key: str) -> Iterable[T]:
        """Give what meets the key, in no order."""
        if is_operation(key):
            return self.same(key)
        in_tree = self._in_tree(key)
        return chain(in_tree, self._patterns_that(meets, key)) if self._patterns else in_tree

    def covering(self, key: str) -> Iterable[T]:
        """Give what surely covers the key, in no order."""
        if is_operation(key):
            return self.same(key)
        above = [thing for node in self._way(parts_of(key)) for _, thing in node.here.values()]
        return chain(above, self._patterns_that(covers, key)) if self._patterns else above

    def _in_tree(self, key: str) -> Iterator[T]:
        """Give what meets the key of all that stands in the tree: above its plain names, and below them as far as it fits."""
        names = parts_of(key)
        is_pattern = _is_pattern(key)
        plain = names[: _plain(names)] if is_pattern else names
        way = self._way(plain)
        for node in way:
            yield from (thing for _, thing in node.here.values())
        if len(way) > len(plain):
            yield from (thing for spelled, thing in _below(way[-1]) if not is_pattern or meets(spelled, key))

    def _patterns_that(self, compare: Callable[[str, str], bool], key: str) -> Iterator[T]:
        first = _first(key)
        for name in (first, None) if first is not None else tuple(self._patterns):
            yield from (thing for other, thing in self._patterns.get(name, {}).values() if compare(other, key))

    def _way(self, names: tuple[str, ...]) -> list[_Node[T]]:
        """Give the nodes from the root to the names, as far as they go."""
        way = [self._root]
        for name in names:
            node = way[-1].below.get(name)
            if node is None:
                break
            way.append(node)
        return way

    def _prune(self, names: tuple[str, ...], number: int) -> None:
        way = self._way(names)
        del way[-1].here[number]
        for place in range(len(names) - 1, -1, -1):
            if way[place + 1].here or way[place + 1].below:
                return
            del way[place].below[names[place]]


@lru_cache(maxsize=65536)
def _names(key: str) -> tuple[str, ...] | None:
    """Give the names under which a key stands in the tree; None if it does not."""
    return None if is_operation(key) or _is_pattern(key) else parts_of(key)


def _is_pattern(key: str) -> bool:
    """Tell whether a key is compared one by one: a pattern, or a path of so many names that patterns may not be walked."""
    return is_glob(key) or len(parts_of(key)) > LONGEST


def _first(key: str) -> str | None:
    return None if len(parts_of(key)) > LONGEST else head(key)


def _plain(names: tuple[str, ...]) -> int:
    """Give how many names at the beginning are no patterns; none of a key that is not walked."""
    return 0 if len(names) > LONGEST else next((place for place, name in enumerate(names) if is_pattern(name)), len(names))


def _drop(rows: dict[K, Things[T]], key: K, number: int) -> None:
    del rows[key][number]
    if not rows[key]:
        del rows[key]


def _below(node: _Node[T]) -> Iterator[tuple[str, T]]:
    """Give everything below a node."""
    todo = list(node.below.values())
    while todo:
        one = todo.pop()
        yield from one.here.values()
        todo += one.below.values()
