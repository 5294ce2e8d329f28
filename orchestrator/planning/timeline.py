"""What is free when, and the earliest place where a task fits in.

Time is cut where something begins or ends; of each piece it is known which agents and keys are taken, as bits, and how many
units of what several may hold are left. Times never meet a clock: they are those of a schedule in the making.
"""

from bisect import bisect_right
from collections.abc import Sequence

from orchestrator.planning.shop import Shop


class Timeline:
    """A schedule while tasks are put into it."""

    def __init__(self, shop: Shop) -> None:
        self._length, self._shares, self._able = shop.length, shop.shares, shop.able
        above = len(shop.agents)
        self._keys = [sum(1 << above + key for key in keys) for keys in shop.keys]
        self._times = [0]
        self._taken = [0]
        self._left = [list(shop.capacity)]

    def place(self, task: int, earliest: int, agent: int) -> tuple[int, int]:
        """Put a task in as early as it fits; gives its start and its agent: the given one if it is free then."""
        piece, start, free = self._search(task, bisect_right(self._times, earliest) - 1, earliest)
        chosen = agent if agent >= 0 and free >> agent & 1 else (free & -free).bit_length() - 1
        self._take(task, piece, start, chosen)
        return start, chosen

    def _search(self, task: int, piece: int, start: int) -> tuple[int, int, int]:
        """Give the piece and the time where the task fits, and the agents that are free all the while."""
        times, taken, left = self._times, self._taken, self._left
        length, able, keys, shares = self._length[task], self._able[task], self._keys[task], self._shares[task]
        free, here, end = able, piece, start + length
        while True:
            free &= ~taken[here]
            if taken[here] & keys or not _suffices(left[here], shares):
                piece = here = here + 1
            elif free == 0:
                piece = here = piece + 1
            else:
                here += 1
                if here == len(times) or times[here] >= end:
                    return piece, start, free
                continue
            start, free = times[piece], able
            end = start + length

    def _take(self, task: int, piece: int, start: int, agent: int) -> None:
        end = start + self._length[task]
        if end == start:
            return
        first = self._cut(piece, start)
        last = first
        while last < len(self._times) and self._times[last] < end:
            last += 1
        if last == len(self._times) or self._times[last] != end:
            self._cut(last - 1, end)
        used = self._keys[task] | 1 << agent
        for here in range(first, last):
            self._taken[here] |= used
            for number, units in self._shares[task]:
                self._left[here][number] -= units

    def _cut(self, piece: int, at: int) -> int:
        """Cut a piece in two; gives the number of the later one."""
        if self._times[piece] == at:
            return piece
        self._times.insert(piece + 1, at)
        self._taken.insert(piece + 1, self._taken[piece])
        self._left.insert(piece + 1, self._left[piece][:])
        return piece + 1


def _suffices(left: Sequence[int], shares: Sequence[tuple[int, int]]) -> bool:
    for number, units in shares:  # noqa: SIM110 - a generator takes twice as long, and this is asked most of all
        if left[number] < units:
            return False
    return True
