from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.adapters.jsonlines import JsonLines, clean, inner, number, rows, word, write


@settings(deadline=None)
@given(st.lists(st.dictionaries(st.text(), st.integers() | st.text())), st.integers(1, 20))
def test_what_is_written_is_read_whatever_the_chunks(documents: list[dict[str, int | str]], size: int) -> None:
    stream = b"".join(map(write, documents))
    lines = JsonLines()

    read = [one for start in range(0, len(stream), size) for one in lines.feed(stream[start : start + size])]

    assert read == documents
    assert lines.held == 0


def test_what_is_no_object_is_passed_over() -> None:
    noise = b'warning\n[1]\n{"a":\n"text"\n\xff\xfe\0\n' + b'{"a":' * 100_000 + b"\n" + b'{"a": ' + b"1" * 5000 + b"}\n"

    assert JsonLines().feed(noise + b'  {"a": 1}\r\n') == [{"a": 1}]


def test_bytes_that_are_no_text_do_not_hide_an_object() -> None:
    assert JsonLines().feed(b'{"a": "caf\xe9"}\n') == [{"a": "caf\ufffd"}]


def test_an_object_without_a_newline_is_read_at_the_end() -> None:
    lines = JsonLines()

    assert lines.feed(b'{"a": 1}') == []
    assert lines.held == 8
    assert lines.finish() == [{"a": 1}]


def test_a_line_that_is_too_long_is_skipped_to_its_end() -> None:
    lines = JsonLines(longest=10)

    assert lines.feed(b'{"a": "') + lines.feed(b"x" * 20) == []
    assert lines.held == 0
    assert lines.feed(b'"}{"b": 1}\n{"c": 1}\n') == [{"c": 1}]


def test_what_is_of_another_kind_reads_as_nothing() -> None:
    for strange in (None, True, "x", [1], {"a": 1}, -1, 10**400, float("nan"), float("inf")):
        document = {"key": strange}
        assert word(document, "key") == (strange if isinstance(strange, str) else "")
        assert inner(document, "key") == (strange if isinstance(strange, dict) else {})
        assert rows(document, "key") == []
        assert number(document, "key") == 0.0


def test_halves_of_surrogates_become_what_programs_write() -> None:
    assert clean("a\ud800b\udcffc") == "a\ufffdb\ufffdc"
