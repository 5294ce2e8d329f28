"""What is certainly done before a task starts, as one bit for each task.

Ten thousand tasks in a chain take twelve megabytes, where sets of them would take gigabytes.
"""

from collections.abc import Mapping, Sequence

from orchestrator.model import TaskId


class Reach:
    """The transitive closure of the needs."""

    def __init__(self, needs: Mapping[TaskId, Sequence[TaskId]]) -> None:
        """Work it out; needs that are not among the tasks are met, and there is no circle."""
        self._bit = {task: 1 << number for number, task in enumerate(needs)}
        self._before: dict[TaskId, int] = {}
        self._place: dict[TaskId, int] = {}  #: needs stand before those that have them
        todo = list(needs)
        while todo:
            here = todo.pop()
            if here in self._before:
                continue
            direct = [need for need in needs[here] if need in needs]
            missing = [need for need in direct if need not in self._before]
            if missing:
                todo += [here, *missing]
                continue
            found = 0
            for need in direct:
                found |= self._before[need] | self._bit[need]
            self._place[here] = len(self._before)
            self._before[here] = found

    def is_before(self, one: TaskId, other: TaskId) -> bool:
        """Tell whether `other` starts only when `one` is done."""
        return self._before[other] & self._bit[one] != 0

    def ordered(self, one: TaskId, other: TaskId) -> bool:
        """Tell whether needs keep two tasks apart."""
        return self.in_turn(one, other) is not None

    def in_turn(self, one: TaskId, other: TaskId) -> tuple[TaskId, TaskId] | None:
        """Give two tasks in the order in which needs put them; None where they do not."""
        first, last = (one, other) if self._place[one] < self._place[other] else (other, one)
        return (first, last) if self._before[last] & self._bit[first] else None
