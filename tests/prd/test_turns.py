from orchestrator.prd.drafts import Draft
from orchestrator.prd.turns import barrier, in_turn


def drafts(*marks: str) -> list[Draft]:
    """Give a draft for each name; a star stands for a mark that it may run beside its neighbours."""
    return [Draft(file="x", line=n, title=name.strip("*"), parallel="*" in name) for n, name in enumerate(marks, start=1)]


def after(found: list[Draft]) -> dict[str, list[str]]:
    return {draft.title: [before.title for before in draft.after] for draft in found}


def test_items_of_a_sequence_come_one_after_another() -> None:
    found = drafts("a", "b", "c")

    in_turn(found)

    assert after(found) == {"a": [], "b": ["a"], "c": ["b"]}


def test_neighbours_that_are_marked_parallel_come_side_by_side_and_what_follows_waits_for_all_of_them() -> None:
    found = drafts("a", "b*", "c*", "d", "e*")

    in_turn(found)

    assert after(found) == {"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"], "e": ["d"]}


def test_a_barrier_ties_only_the_ends_of_one_phase_to_the_beginnings_of_the_next() -> None:
    first, then = drafts("a", "b", "c*", "d*"), drafts("e", "f")
    in_turn(first)
    in_turn(then)

    barrier(first, then)

    assert after(then) == {"e": ["c", "d"], "f": ["e"]}
