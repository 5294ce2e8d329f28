"""JSON read by the standard decoder says what YAML says of it, with the same places."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import InputError
from orchestrator.places import Path, Plain, parse
from orchestrator.plain_json import decoded

_KEYS = st.one_of(st.sampled_from(["tasks", "id", "true", "~", ""]), st.text(max_size=6))
_VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False),
        st.text(max_size=8),
        st.sampled_from(["null", "on", "{"]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_KEYS, inner, max_size=4)),
    max_leaves=12,
)


def _paths(plain: Plain, path: Path = ()) -> list[Path]:
    rows: list[tuple[str | int, Plain]] = []
    if isinstance(plain, dict):
        rows = list(plain.items())
    elif isinstance(plain, list):
        rows = list(enumerate(plain))
    return [path, *(below for key, value in rows for below in _paths(value, (*path, key)))]


@given(_VALUES, st.sampled_from([None, 0, 2]), st.booleans())
def test_a_json_file_says_what_the_same_text_as_yaml_says(value: object, indent: int | None, is_ascii: bool) -> None:  # noqa: FBT001 - drawn
    text = json.dumps(value, indent=indent, ensure_ascii=is_ascii)
    try:
        slow = parse(text, name="x.yaml")
    except InputError:
        return
    fast = parse(text, name="x.json")

    assert fast.plain == slow.plain
    assert [fast.place(path) for path in _paths(fast.plain)] == [slow.place(path) for path in _paths(slow.plain)]


@pytest.mark.parametrize(
    "text",
    ['{"a": 1, "a": 2}', '{"a": "\\ud800"}', '{"a": "\u0085"}', "[" * 102 + "]" * 102, "{a: 1}", '{"a": 1,}', "", '{"a": "\t"}'],
)
def test_what_could_be_understood_in_two_ways_is_left_to_yaml(text: str) -> None:
    assert decoded(text, deepest=100) is None


def test_a_fault_deep_in_a_json_file_is_still_told_with_its_place() -> None:
    text = '{"tasks": [\n  {"id": "a", "writes": ["x"]},\n  {"id": "b", "writes": ["y",\n    "z"]}]}'

    document = parse(text, name="tasks.json")

    assert document.place(("tasks", 1)) == (3, 3)
    assert document.place(("tasks", 1, "writes", 1)) == (4, 5)
    assert document.place(("tasks", 7, "writes")) == (1, 2)
