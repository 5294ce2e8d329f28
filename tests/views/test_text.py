import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.views.text import as_json, columns, padded, plain, plain_lines, plain_path, shortened

ANYTHING = st.text(st.characters(codec=None) | st.sampled_from("\x1b\x9b\x90\x9d\x07\x9c[]m;\\\u202e\ud800\ufe0f漢e\u0301"))


def unsafe(text: str) -> list[str]:
    return [sign for sign in text if unicodedata.category(sign) in {"Cc", "Cs"} or sign in "\u202e\u2066\u2028\u061c"]


@given(ANYTHING)
def test_no_view_lets_a_control_character_through(text: str) -> None:
    assert not unsafe(plain(text))
    assert not unsafe(plain_path(text))
    assert not unsafe(plain_lines(text).replace("\n", "").replace("\t", ""))
    plain(text).encode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;new title\x07after", "after"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b31mred", "red"),
        ("\x1b(Bletters", "letters"),
        ("a\x00b", "a b"),
        ("two\nlines", "two lines"),
        ("\u202egnp.exe", "gnp.exe"),
        ("half \ud83d pair", "half pair"),
        ("\x1b\x1b[0m[2J", "[2J"),
    ],
)
def test_control_sequences_are_taken_out_whole(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_a_sequence_that_never_ends_hides_no_later_line() -> None:
    assert plain_lines("\x1b]0;open\nthe next line\n") == "\nthe next line\n"


def test_two_spaces_of_a_path_stay_two() -> None:
    assert plain_path("my  file.py") == "my  file.py"


@pytest.mark.parametrize(("text", "wide"), [("abc", 3), ("漢字", 4), ("e\u0301", 1), ("한국", 4), ("🚀", 2), ("❤\ufe0f", 2)])
def test_width_is_counted_in_columns(text: str, wide: int) -> None:
    assert columns(text) == wide


@given(ANYTHING, st.integers(1, 40))
def test_a_cell_takes_exactly_its_columns(text: str, width: int) -> None:
    assert columns(padded(text, width)) == width
    assert columns(shortened(text, width)) <= width


def test_what_was_cut_says_so() -> None:
    assert shortened("漢字漢字", 5) == "漢字…"
    assert shortened("abcdef", 6) == "abcdef"


@given(st.recursive(ANYTHING, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANYTHING, inner, max_size=3)))
def test_json_is_whole_and_safe_to_print(value: object) -> None:
    text = as_json(value)

    assert json.loads(text) == json.loads(json.dumps(value))
    assert not unsafe(text)
