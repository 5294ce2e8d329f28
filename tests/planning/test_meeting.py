"""Which tasks claim the same paths, found without comparing each with each."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.claims import Claim, any_meets
from orchestrator.model import TaskId
from orchestrator.planning.meeting import Claimed, meeting_pairs

_NAME = st.sampled_from(["a", "A", "b", "ab"])
_PLAIN = st.lists(_NAME, min_size=1, max_size=4).map("/".join)
_CLAIM = st.one_of(_PLAIN, _PLAIN.map(lambda path: f"{path}/"), st.sampled_from([".", "op:a", "op:b", "table:a"]))
_PATTERN = st.lists(st.sampled_from(["a", "b", "*", "**", "a?", "[ab]"]), min_size=1, max_size=4).map("/".join)


def _tasks(claims: st.SearchStrategy[str]) -> st.SearchStrategy[list[Claimed]]:
    sets = st.one_of(st.none(), st.lists(claims.map(Claim), max_size=4).map(tuple))
    return st.lists(sets, max_size=7).map(lambda rows: [(TaskId(f"T{n}"), row) for n, row in enumerate(rows)])


def _one_by_one(tasks: list[Claimed]) -> list[tuple[TaskId, TaskId]]:
    pairs = [
        (place, one, other)
        for (_, (one, left)), (place, (other, right)) in combinations(enumerate(tasks), 2)
        if left is None or right is None or any_meets(left, right)
    ]
    return [(one, other) for _, one, other in sorted(pairs, key=lambda pair: pair[0])]


@given(_tasks(_CLAIM))
def test_the_pairs_are_those_that_meet_one_by_one(tasks: list[Claimed]) -> None:
    assert list(meeting_pairs(tasks)) == _one_by_one(tasks)


@given(_tasks(st.one_of(_CLAIM, _PATTERN)))
def test_patterns_change_nothing_about_it(tasks: list[Claimed]) -> None:
    assert list(meeting_pairs(tasks)) == _one_by_one(tasks)


def test_a_claim_that_is_spelled_in_two_ways_by_one_task_makes_no_pair_of_its_own() -> None:
    assert list(meeting_pairs([(TaskId("T1"), (Claim("a/b"), Claim("A/b/"), Claim("a")))])) == []
