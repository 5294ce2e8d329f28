import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import Where
from orchestrator.places import Malformed, Path, Plain, parse, pointed


def refused(text: str, *, name: str = "squad.yaml") -> Malformed:
    with pytest.raises(Malformed) as caught:
        parse(text, name=name)
    return caught.value


@pytest.mark.parametrize("word", ["on", "no", "yes", "true", "010", "0x1F", "12:30", "1.10", "1e3", "2026-01-01", "=", "<<"])
def test_every_word_stays_the_text_that_was_written(word: str) -> None:
    assert parse(f"key: {word}", name="squad.yaml").plain == {"key": word}


def test_only_what_says_nothing_is_none() -> None:
    text = "a:\nb: ~\nc: null\nd: ''\ne: 'null'\n"

    assert parse(text, name="squad.yaml").plain == {"a": None, "b": None, "c": None, "d": "", "e": "null"}


@pytest.mark.parametrize("text", ["", "# only a comment\n", "\ufeff"])
def test_an_empty_document_says_nothing_and_begins_at_its_beginning(text: str) -> None:
    document = parse(text, name="squad.yaml")

    assert document.plain is None
    assert document.where(("run", 3)) == Where("squad.yaml", 1, 1)


def test_each_value_knows_its_place_a_key_in_a_mapping_an_item_in_a_list() -> None:
    document = parse("run:\n  agents: 3\n  checks:\n    - a\n    - {b: c}\n", name="x/squad.yaml")

    assert document.where(("run",)) == Where("x/squad.yaml", 1, 1)
    assert document.where(("run", "agents")) == Where("x/squad.yaml", 2, 3)
    assert document.where(("run", "checks", 0)) == Where("x/squad.yaml", 4, 7)
    assert document.where(("run", "checks", 1, "b")) == Where("x/squad.yaml", 5, 8)
    assert document.where(("run", "checks", 9, "z")) == Where("x/squad.yaml", 3, 3)


def test_a_place_is_shown_with_a_caret() -> None:
    document = parse("run:\n  agent: 3\n", name="squad.yaml")

    assert document.shown(("run", "agent")) == "    agent: 3\n    ^"


def test_a_key_that_stands_twice_is_an_error_with_its_place_however_it_is_quoted() -> None:
    error = refused("run:\n  agents: 3\n  'agents': 4\n")

    assert str(error) == "squad.yaml:3:3: the key 'agents' stands twice\n    'agents': 4\n    ^"


def test_the_same_key_in_two_mappings_is_no_error() -> None:
    assert parse("- a: 1\n- a: 2\n", name="x.yaml").plain == [{"a": "1"}, {"a": "2"}]


@pytest.mark.parametrize("key", ["? [a, b]\n: c", "? {a: b}\n: c", "{[a]: b}"])
def test_a_key_that_is_no_text_is_an_error(key: str) -> None:
    assert refused(key).message == "a key must be a text"


def test_numbers_are_texts_as_keys_too() -> None:
    assert parse("1: a\n~: b\n", name="x.yaml").plain == {"1": "a", "~": "b"}


def test_a_tab_is_named_and_the_caret_stands_below_it() -> None:
    error = refused("run:\n\tagents: 3\n")

    assert error.where == Where("squad.yaml", 2, 1)
    assert "a tab stands where only spaces may stand" in error.message
    assert error.hint == "  \tagents: 3\n  ^"


def test_a_second_document_is_an_error_with_its_place() -> None:
    error = refused("a: 1\n---\nb: 2\n")

    assert error.where == Where("squad.yaml", 2, 1)
    assert "another document" in error.message


@pytest.mark.parametrize(("sign", "code"), [("\0", "U+0000"), ("\x1b", "U+001B"), ("\ud800", "U+D800")])
def test_a_control_character_is_an_error_with_its_place_and_never_reaches_the_terminal(sign: str, code: str) -> None:
    error = refused(f"a: 1\nb: x{sign}y\n")

    assert error.where == Where("squad.yaml", 2, 5)
    assert code in error.message
    assert error.hint == "  b: x\ufffdy\n      ^"


@pytest.mark.parametrize("text", ["a: 'x", "a: b: c", "[1, 2", "a: *nope", "  a: b\n c: d", "a: &", "%bad", "{a: b"])
def test_what_is_no_yaml_is_an_error_with_a_place_and_a_caret(text: str) -> None:
    error = refused(text)

    assert error.where is not None
    assert error.where.line
    assert error.where.column
    assert error.hint
    assert error.hint.endswith("^")


@pytest.mark.parametrize("text", ['a: "\\UFFFFFFFF"', 'a: "\\U00110000"', 'a: "\\x"'])
def test_an_escape_that_names_no_sign_is_refused(text: str) -> None:
    assert refused(text).where is not None


def test_anchors_and_aliases_mean_what_they_stand_for() -> None:
    assert parse("a: &x [1, 2]\nb: *x\n", name="x.yaml").plain == {"a": ["1", "2"], "b": ["1", "2"]}


def test_an_alias_bomb_is_refused_before_it_grows() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))

    assert "aliases multiply" in refused(bomb).message


def test_an_alias_that_holds_itself_is_refused() -> None:
    assert "nested too deeply" in refused("a: &x [*x]\n").message


@pytest.mark.parametrize("text", ["[" * 600, "- " * 900 + "a", '{"a":' * 600 + "1" + "}" * 600])
def test_deep_nesting_is_refused(text: str) -> None:
    assert refused(text).where is not None


def test_reasonable_nesting_is_read() -> None:
    assert parse("[" * 30 + "]" * 30, name="x.yaml").plain


def test_the_places_are_the_same_without_libyaml(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "\ufeffa: [1, é, ~, '', {b: c}]\n# d\n'e f':\n  - |\n    g\n\n  - h # i\nj:\nk: &l 😀m\nn: *l\n"
    read = parse(text, name="x.yaml")
    paths: list[Path] = [(), ("a",), *(("a", place) for place in range(5)), ("a", 4, "b"), ("e f", 0), ("e f", 1), ("k",), ("n",)]

    monkeypatch.delattr("yaml.CBaseLoader", raising=False)

    again = parse(text, name="x.yaml")
    assert again.plain == read.plain
    assert [again.place(path) for path in paths] == [read.place(path) for path in paths]


def test_a_large_file_is_read() -> None:
    rows = 2000
    text = "tasks:\n" + "".join(f"  - {{id: T{n}, title: Do it, writes: [a{n}.py]}}\n" for n in range(rows))

    document = parse(text, name="x.yaml")

    assert document.where(("tasks", rows - 1, "id")) == Where("x.yaml", rows + 1, 6)


def test_json_is_read_with_tabs_escapes_and_places() -> None:
    document = parse('{\n\t"a": [1, true, null, "\\ud83d\\ude00 \\u00e9 \\/ \\n"],\n\t"b":{"c":"d"}\n}\n', name="tasks.JSON")

    assert document.plain == {"a": ["1", "true", None, "😀 é / \n"], "b": {"c": "d"}}
    assert document.where(("b", "c")) == Where("tasks.JSON", 3, 7)


def test_half_a_sign_in_json_is_no_sign_and_can_be_written_down() -> None:
    plain = parse('{"a": "\\ud83d"}', name="tasks.json").plain

    assert plain == {"a": "\ufffd"}


_TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufeff\ufffe\uffff"), max_size=6
)
_TREES: st.SearchStrategy[Plain] = st.recursive(
    st.none() | _TEXT, lambda below: st.lists(below, max_size=3) | st.dictionaries(_TEXT, below, max_size=3), max_leaves=8
)


@given(tree=_TREES, is_indented=st.booleans(), is_ascii=st.booleans())
def test_json_says_what_it_says_to_everybody(tree: Plain, *, is_indented: bool, is_ascii: bool) -> None:
    text = json.dumps(tree, indent="\t" if is_indented else None, ensure_ascii=is_ascii)

    assert parse(text, name="tasks.json").plain == tree


@given(text=st.text(st.sampled_from("ab:-[]{}&*x ,\n\t'\"#?|>!%@`~\\\0é\ud800"), max_size=30))
def test_whatever_the_text_it_is_read_or_refused_with_a_place(text: str) -> None:
    refusal = None
    try:
        parse(text, name="squad.yaml")
    except Malformed as error:
        refusal = error
    assert refusal is None or refusal.where is not None


def test_the_caret_stands_below_its_column_in_a_long_line_too() -> None:
    line = "x" * 500 + "!" + "y" * 500

    shown, caret = pointed(line, 1, 501).splitlines()

    assert shown[caret.index("^")] == "!"
    assert len(shown) < 250


@pytest.mark.parametrize(("line", "column"), [(0, 1), (9, 1), (1, 99)])
def test_a_place_outside_of_the_text_is_shown_without_failing(line: int, column: int) -> None:
    assert pointed("a: b", line, column).endswith("^")
