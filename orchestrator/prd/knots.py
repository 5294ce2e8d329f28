"""Which tasks wait for each other in a circle: only between those can a tie lead back to where it begins.

In time linear in the ties, so that one circle in a long document does not make the whole of it slow.
"""

from collections.abc import Mapping, Sequence

from orchestrator.model import TaskId


def knots_of(ties: Mapping[TaskId, Sequence[TaskId]]) -> dict[TaskId, int]:
    """Give each task the number of its knot: tasks have the same where each waits for the other (Kosaraju and Sharir, 1981)."""
    back: dict[TaskId, list[TaskId]] = {task: [] for task in ties}
    for task, before in ties.items():
        for one in before:
            back.setdefault(one, []).append(task)
    knots: dict[TaskId, int] = {}
    for number, root in enumerate(reversed(_left_last(ties))):
        todo = [root]
        while todo:
            here = todo.pop()
            if here not in knots:
                knots[here] = number
                todo += [one for one in back.get(here, ()) if one not in knots]
    return knots


def _left_last(ties: Mapping[TaskId, Sequence[TaskId]]) -> list[TaskId]:
    """Give the tasks in the order in which a walk along the ties is done with them."""
    seen: set[TaskId] = set()
    order: list[TaskId] = []
    for root in ties:
        todo: list[tuple[TaskId, bool]] = [(root, False)]
        while todo:
            here, leaving = todo.pop()
            if leaving:
                order.append(here)
            elif here not in seen:
                seen.add(here)
                todo.append((here, True))
                todo += [(one, False) for one in ties.get(here, ()) if one not in seen]
    return order
