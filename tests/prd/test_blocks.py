"""The blocks of a document are those that the parser finds by itself, whoever read them."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from orchestrator.prd.blocks import block_tokens
from orchestrator.prd.stretches import Piece, Stretch

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
#: What the outline of a document is made of; paragraphs are told by what stands in them.
_READ = frozenset(
    ["inline", "heading_open", "list_item_open", "list_item_close", "thead_open", "tr_open", "tr_close"]
    + [f"{kind}_list_{end}" for kind in ("bullet", "ordered") for end in ("open", "close")]
)


def _told(tokens: Iterable[Token | Piece]) -> list[tuple[object, ...]]:
    return [
        (token.type, *((token.map or [0])[:2] if not token.type.endswith("list_open") else ()), token.info, token.content)
        + ((token.tag,) if token.type == "heading_open" else ())
        for token in tokens
        if token.type in _READ
    ]


def _by_itself(text: str) -> list[tuple[object, ...]]:
    parser = MarkdownIt("commonmark", {"maxNesting": 50}).enable("table")
    parser.core.ruler.enableOnly(["normalize", "block"])
    return _told(parser.parse(text))


@given(_LINES | _PLAIN_LINES)
def test_no_line_is_read_otherwise(lines: list[str]) -> None:
    text = "\n".join(lines)

    assert _told(block_tokens(text)) == _by_itself(text)


@pytest.mark.soak
@settings(max_examples=10_000, deadline=None)
@given(_LINES | _PLAIN_LINES)
def test_no_line_of_many_is_read_otherwise(lines: list[str]) -> None:
    text = "\n".join(lines)

    assert _told(block_tokens(text)) == _by_itself(text)


@pytest.mark.parametrize("path", sorted(_DATA.rglob("*.md")), ids=lambda path: path.name)
def test_no_document_is_read_otherwise(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert _told(block_tokens(text)) == _by_itself(text)


def test_a_task_list_needs_no_parser() -> None:
    lines = ["# A", "", "Text", "goes on", "- [ ] b", "  - c", "", "    d", "1. e", "", "## F", "- g", "", "---"]

    stretch = Stretch(lines, len(lines))

    assert stretch.read(0) == len(lines) - 1
    assert [piece.content for piece in stretch.pieces if piece.type == "inline"] == [
        "A",
        "Text\ngoes on",
        "[ ] b",
        "c",
        "d",
        "e",
        "F",
        "g",
    ]


def test_what_could_be_anything_else_is_left_to_the_parser_from_the_start_of_its_block() -> None:
    lines = ["- a", "", "* b", "  c", "  ---", "", "d"]

    stretch = Stretch(lines, len(lines))

    assert stretch.read(0) == 2
    assert [piece.content for piece in stretch.pieces if piece.type == "inline"] == ["a"]
