"""The checker's own comparison of claims: between what brute force finds and what the planner's comparison says."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.claims import is_pattern, meets, parts_of
from orchestrator.planning.overlap import beginning, is_wild, overlap
from tests.support.worlds import PATTERNS, members

STRANGE = st.text(alphabet="ab./*?[]{}()@+!\\,éßA\u0301", max_size=12)


def is_fair(one: str, other: str, *, literal: bool) -> bool:
    """Tell whether no overlap is missed, and none is seen that the planner does not see: else its plans would be refused."""
    found = overlap(one, other)
    return found <= meets(one, other) and (found or not members(one, literal=literal) & members(other, literal=literal))


@given(one=PATTERNS, other=PATTERNS, literal=st.booleans())
def test_the_checker_misses_no_overlap_and_sees_none_that_the_planner_does_not(one: str, other: str, *, literal: bool) -> None:
    assert is_fair(one, other, literal=literal)


@pytest.mark.soak
@settings(max_examples=20_000)
@given(one=PATTERNS, other=PATTERNS, literal=st.booleans())
def test_the_checker_misses_no_overlap_in_many_draws(one: str, other: str, *, literal: bool) -> None:
    assert is_fair(one, other, literal=literal)


@given(one=STRANGE, other=STRANGE)
def test_checker_and_planner_agree_about_any_text(one: str, other: str) -> None:
    assert overlap(one, other) == meets(one, other)
    assert overlap(one, other) == overlap(other, one)


@given(one=STRANGE, other=STRANGE)
def test_claims_whose_beginnings_part_do_not_overlap_so_that_only_those_on_one_way_are_compared(one: str, other: str) -> None:
    if overlap(one, other):
        assert all(a == b for a, b in zip(beginning(one), beginning(other), strict=False))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("src/{a/b,c}/x.py", "src/c/x.py"),
        ("**.ts", "src/a.ts"),
        ("a?.py", "aß.py"),
        (r"a\bc*", "abc1"),
        (r"src/\[id\].ts", "src/[id].ts"),
        ("[a/b]", "a"),
        ("src/@(a|b).ts", "src/a.ts"),
        ("src/op:*.md", "src/op:x.md"),
    ],
)
def test_the_checker_once_missed(one: str, other: str) -> None:
    assert overlap(one, other)
    assert overlap(other, one)
    assert meets(one, other)


@pytest.mark.parametrize(
    ("one", "other"), [("a[ab].py", "b.ts"), ("app/[id].tsx", "app/about.ts"), ("{foo,bar}.test.ts", "main.py"), ("op:x", "op:y")]
)
def test_the_checker_once_saw_an_overlap_of_names_that_end_differently(one: str, other: str) -> None:
    assert not overlap(one, other)
    assert not meets(one, other)


def test_nothing_takes_for_ever() -> None:
    hostile = ("**/a/" * 150 + "x", "a/" * 300 + "b", "*a" * 250 + "x", "a" * 501, "{" * 50_000, "[" * 50_000, "@(" * 20_000)

    for one, other in product(hostile, repeat=2):
        assert overlap(one, other) in {True, False}


def test_what_is_a_pattern_is_one_for_both() -> None:
    for name in ("[", "[]", "[a-z]", "[[id]]", "[[id]", "{", "@(", "[K]", "[...a]", "[!a]"):
        assert is_wild(name) == is_pattern(name)
    for name in ("a", "[id]", "(auth)", "@modal", "@(a|b)", "+page.ts", "a!(b)", "{a}", "a*", "?", "]}"):
        assert is_wild(name) == is_pattern(name)
    assert parts_of("a/[b/c]/d") == ("a", "[b/c]", "d")
