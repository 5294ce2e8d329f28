"""The index of keys says exactly what comparing with each key says."""

from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.claims import LONGEST, covers, meets
from orchestrator.locks.keyindex import KeyIndex

NAMES = ["a", "A", "b", "caf\u00e9", "cafe\u0301", "\u212a", "k", "*.py", "x.py", "**", "*", "?", "[ab]", "{a,b}", "{a/b,c}"]
KEYS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map("/".join) | st.sampled_from([".", "op:one", "op:two"])
LONG = "/".join(["a"] * (LONGEST + 1))


def index_of(keys: list[str]) -> KeyIndex[int]:
    index: KeyIndex[int] = KeyIndex()
    for number, key in enumerate(keys):
        index.add(key, number, number)
    return index


@given(keys=st.lists(KEYS, max_size=8), asked=KEYS, gone=st.sets(st.integers(0, 7)))
@example(keys=["\u212a/x"], asked="k/?", gone=set())
@example(keys=[LONG, "b"], asked="b/*", gone=set())
@example(keys=["a/b"], asked=".", gone=set())
@example(keys=["a/b", "op:one"], asked="a/b/k", gone={0})
@example(keys=["b/op:x.md"], asked="b/op:*.md", gone=set())
@example(keys=["[ab]/x.py", "["], asked="[ab]/*.py", gone=set())
@example(keys=["b", "b/*"], asked=LONG + "/*", gone=set())
def test_what_is_found_is_what_comparing_with_each_finds(keys: list[str], asked: str, gone: set[int]) -> None:
    index = index_of(keys)
    for number in gone & set(range(len(keys))):
        index.remove(keys[number], number)
    left = [(number, key) for number, key in enumerate(keys) if number not in gone]

    assert sorted(index.meeting(asked)) == [number for number, key in left if meets(key, asked)]
    assert index.is_free(asked) is not any(meets(key, asked) for _, key in left)
    assert sorted(index.covering(asked)) == [number for number, key in left if covers(key, asked)]
    assert list(index.same(asked)) == [number for number, key in left if covers(key, asked) and covers(asked, key)]


def test_what_is_taken_out_leaves_nothing_behind() -> None:
    index = index_of(["a/b/c", "a/*", "op:one", "."])

    for number, key in enumerate(["a/b/c", "a/*", "op:one", "."]):
        index.remove(key, number)

    assert (index._root.below, index._patterns, index._operations) == ({}, {}, {})
