"""Which tasks wait for each other in a circle."""

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model import TaskId
from orchestrator.prd.knots import knots_of

NAMES = [TaskId(f"T{number}") for number in range(7)]


def _reached(ties: dict[TaskId, list[TaskId]], start: TaskId) -> set[TaskId]:
    seen, todo = {start}, [start]
    while todo:
        further = [one for one in ties.get(todo.pop(), ()) if one not in seen]
        seen.update(further)
        todo += further
    return seen


@given(st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=4)))
def test_two_tasks_have_one_knot_where_each_waits_for_the_other(ties: dict[TaskId, list[TaskId]]) -> None:
    knots = knots_of(ties)

    assert knots.keys() >= ties.keys()
    for one in ties:
        for other in ties:
            together = other in _reached(ties, one) and one in _reached(ties, other)
            assert (knots[one] == knots[other]) is together


def test_a_chain_of_very_many_tasks_has_a_knot_for_each() -> None:
    chain = {TaskId(f"T{number}"): [TaskId(f"T{number + 1}")] for number in range(20_000)}

    assert len(set(knots_of(chain).values())) == 20_001
