"""The parser of blocks gives what the parser gives by itself."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from orchestrator.prd.blocks import block_tokens

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


def _by_itself(text: str) -> list[object]:
    parser = MarkdownIt("commonmark", {"maxNesting": 50}).enable("table")
    parser.core.ruler.enableOnly(["normalize", "block"])
    return list(parser.parse(text))


@given(_LINES)
def test_no_line_is_read_otherwise(lines: list[str]) -> None:
    text = "\n".join(lines)

    assert block_tokens(text) == _by_itself(text)


@pytest.mark.parametrize("path", sorted(_DATA.rglob("*.md")), ids=lambda path: path.name)
def test_no_document_is_read_otherwise(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert block_tokens(text) == _by_itself(text)
