"""The blocks of a document are those that the parser finds by itself, whoever read them."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from orchestrator.prd.blocks import read_blocks, tell
from orchestrator.prd.outline import Block, Builder, outline
from orchestrator.prd.stretches import Stretch

_DATA = Path(__file__).parents[1] / "data"
_LINES = st.lists(
    st.tuples(
        st.sampled_from(["", " ", "    ", "\t", "> ", "- ", "  - "]),
        st.sampled_from(
            [
                "",
                "- a",
                "* b",
                "+ [ ] c",
                "1. d",
                "2) e",
                "# f",
                "```",
                "~~~ g",
                "---",
                "***",
                "___",
                "===",
                "<div>",
                "<!-- h",
                "-->",
                "[i]: /j",
                "| k | l |",
                "|---|---|",
                "m",
                "\u00e9 n",
                "\\- o",
                "&#45; p",
                "-q",
            ]
        ),
    ).map("".join),
    max_size=12,
)


#: Lines of task lists: what needs no parser, and beside it what looks much the same and does.
_PLAIN_LINES = st.lists(
    st.tuples(
        st.sampled_from(["", "", "", "  ", "  ", "   ", "    ", " ", "     ", "      ", "\t"]),
        st.sampled_from(
            [
                *("", "", "- [ ] a", "- [x] b", "* c", "+ d", "1. e", "2. f", "10. g", "3) h", "-   i", "-     j", "- \tk"),
                *("l", "m  ", "**n** o", "*p*", "_q_", "`r` s", "2.1 t", "12", "[u](v)", "\u3000w", "w\u3000", "~~x~~", "\u00e9"),
                *(
                    "# y",
                    "## z",
                    "## h | i",
                    "--- | ---",
                    "### a ##",
                    "#b",
                    "#",
                    "---",
                    "***",
                    "===",
                    "```",
                    "> c",
                    "<!-- d",
                    "-->",
                    "[e]: /f",
                    "[g",
                    "|-|",
                ),
                *("h | i", "--|--", ":--", "-", "1.", "- - j", "- > k", "- # l", "- ```", "-  1. m", "01. n", "0. o", "- ---"),
            ]
        ),
    ).map("".join),
    max_size=14,
)


#: Documents with quotations, some of whose lines lack the sign or the space behind it.
_QUOTES = st.lists(
    st.tuples(st.sampled_from(["> ", "> ", "> ", "> ", "", ">", ">  ", " > ", "> > "]), _PLAIN_LINES).map(
        lambda part: [part[0] + line for line in part[1]]
    ),
    max_size=4,
).map(lambda parts: [line for part in parts for line in part])


class _Record:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []

    def place(self) -> int:
        return len(self.told)

    def forget(self, place: int) -> None:
        del self.told[place:]

    def heading(self, line: int, level: int, text: str) -> None:
        self.told.append(("heading", line, level, text))

    def text(self, line: int, text: str) -> None:
        self.told.append(("text", line, text))

    def list_begins(self) -> None:
        self.told.append(("list",))

    def list_ends(self) -> None:
        self.told.append(("list ends",))

    def item_begins(self, line: int, number: str) -> None:
        self.told.append(("item", line, number))

    def item_ends(self, end: int) -> None:
        self.told.append(("item ends", end))

    def head_begins(self) -> None:
        self.told.append(("head",))

    def row_begins(self, line: int) -> None:
        self.told.append(("row", line))

    def row_ends(self) -> None:
        self.told.append(("row ends",))

    @property
    def texts(self) -> list[object]:
        return [one[-1] for one in self.told if one[0] in {"heading", "text"}]


def _told(text: str) -> list[tuple[object, ...]]:
    record = _Record()
    read_blocks(text, record)
    return record.told


def _by_itself(text: str) -> list[tuple[object, ...]]:
    parser = MarkdownIt("commonmark", {"maxNesting": 50}).enable("table")
    parser.core.ruler.enableOnly(["normalize", "block"])
    record = _Record()
    ending = "\n" if text.rpartition("\n")[2].strip(" \t") else ""  # else the parser may look behind it, and fall
    tell(parser.parse(text + ending), record)
    return record.told


@given(_LINES | _PLAIN_LINES | _QUOTES)
def test_no_line_is_read_otherwise(lines: list[str]) -> None:
    text = "\n".join(lines)

    assert _told(text) == _by_itself(text)


@pytest.mark.soak
@settings(max_examples=10_000, deadline=None)
@given(_LINES | _PLAIN_LINES | _QUOTES)
def test_no_line_of_many_is_read_otherwise(lines: list[str]) -> None:
    text = "\n".join(lines)

    assert _told(text) == _by_itself(text)


@pytest.mark.parametrize("path", sorted(_DATA.rglob("*.md")), ids=lambda path: path.name)
def test_no_document_is_read_otherwise(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert _told(text) == _by_itself(text)


def test_a_task_list_needs_no_parser() -> None:
    lines = ["# A", "", "Text", "goes on", "- [ ] b", "  - c", "", "    d", "1. e", "", "## F", "- g", "", "---"]
    record = _Record()

    assert Stretch(lines, len(lines), record).read(0) == len(lines) - 1
    assert record.texts == ["A", "Text\ngoes on", "[ ] b", "c", "d", "e", "F", "g"]


def test_what_could_be_anything_else_is_left_to_the_parser_from_the_start_of_its_block() -> None:
    lines = ["- a", "", "* b", "  c", "  ---", "", "d"]
    record = _Record()

    assert Stretch(lines, len(lines), record).read(0) == 2
    assert record.texts == ["a"]


@pytest.mark.parametrize("text", ["", "- a", "- a\n", "- a\n  ", "- a\n\n  \n", "- a\n  ---\n \t"])
def test_a_list_ends_where_the_parser_says_so_at_the_end_of_a_document(text: str) -> None:
    assert _told(text) == _by_itself(text)


def test_a_quotation_is_read_as_a_document_of_its_own_unless_something_goes_on_in_it() -> None:
    lines = ["- a", "> - b", ">   - c", ">", "> d", "# E", "> f", "goes on"]
    record = _Record()

    assert Stretch(lines, len(lines), record).read(0) == 6
    assert record.told == _by_itself("\n".join(lines[:6]))


@pytest.mark.parametrize("sign", ["> ", ">", "> - ", "- > "])
@pytest.mark.parametrize("depth", [19, 20, 21, 22, 500, 10_000])
def test_quotations_in_quotations_are_left_to_the_parser_before_they_are_too_deep(sign: str, depth: int) -> None:
    text = f"# Tasks\n\n- [ ] a\n\n{sign * depth}deep\n"

    assert _told(text) == _by_itself(text)


@pytest.mark.parametrize("ending", ["", "\n", "\n> "])
def test_a_comment_in_a_quoted_list_may_be_the_last_of_a_document(ending: str) -> None:
    assert [one[-1] for one in _told(f"a\n> - b\n>   <!-- c{ending}") if one[0] == "text"] == ["a", "b"]


def test_what_was_told_of_a_block_that_is_left_to_the_parser_is_forgotten() -> None:
    text = "# A\n- [ ] b\n  - c\n\n      code\n- d\n"

    assert repr(outline(text)) == repr(_outlined(text))


def _outlined(text: str) -> list[Block]:
    parser = MarkdownIt("commonmark", {"maxNesting": 50}).enable("table")
    parser.core.ruler.enableOnly(["normalize", "block"])
    builder = Builder()
    tell(parser.parse(text), builder)
    return builder.blocks
