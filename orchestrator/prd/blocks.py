"""The CommonMark parser, told by the first sign of a line which of its rules need not look at it: a fifth less work.

Each of these rules looks at that sign first itself, so nothing is read otherwise; a test compares the two. What needs no
parser at all is read beside it, by `stretches`.
"""

from collections.abc import Callable, Iterable
from functools import cache
from string import digits
from typing import Protocol

from markdown_it import MarkdownIt, rules_block
from markdown_it.rules_block import StateBlock
from markdown_it.token import Token

from orchestrator.prd.stretches import Listener, Stretch

_Rule = Callable[[StateBlock, int, int, bool], bool]
_PARTS = ["paragraph", "reference", "blockquote"]
#: Rule -> the signs that it can begin with, and what else it ends; as the parser itself has them.
_SIGNS: dict[str, tuple[_Rule, str, list[str]]] = {
    "fence": (rules_block.fence, "`~", [*_PARTS, "list"]),
    "blockquote": (rules_block.blockquote, ">", [*_PARTS, "list"]),
    "hr": (rules_block.hr, "-_*", [*_PARTS, "list"]),
    "list": (rules_block.list_block, "-*+" + digits, _PARTS),
    "reference": (rules_block.reference, "[", []),
    "html_block": (rules_block.html_block, "<", _PARTS),
    "heading": (rules_block.heading, "#", _PARTS),
}


class TableListener(Listener, Protocol):
    """Who is told of tables as well, which the parser alone reads."""

    def head_begins(self) -> None:
        """Hear that the next row is a table's first."""

    def row_begins(self, line: int) -> None:
        """Hear of a row; each text up to its end is one of its cells."""

    def row_ends(self) -> None:
        """Hear that the row has no more cells."""


def read_blocks(text: str, listener: TableListener) -> None:
    """Tell of a document's blocks, in their order; what stands inside a line is not parsed."""
    lines = text.split("\n")
    is_ended = not lines[-1].strip(" \t")
    end = len(lines) - is_ended  #: as the parser counts them
    left = Stretch(lines, end, listener).read(0)
    if left < end:
        whole = text if is_ended else f"{text}\n"  # it looks for the end of the last line, and falls where there is none
        state = StateBlock(whole, _parser(), {"lines": lines, "left": left, "listener": listener}, [])
        state.md.block.tokenize(state, left, state.lineMax)
        tell(state.tokens, listener)


def tell(tokens: Iterable[Token], listener: TableListener) -> None:
    """Tell of whole blocks that the parser has read."""
    begins_or_ends = {
        "bullet_list_open": listener.list_begins,
        "ordered_list_open": listener.list_begins,
        "bullet_list_close": listener.list_ends,
        "ordered_list_close": listener.list_ends,
        "thead_open": listener.head_begins,
        "tr_close": listener.row_ends,
    }
    level = 0  #: of the heading that begins
    ends: list[int] = []  #: of the open items
    for token in tokens:
        start, end = token.map or (0, 1)
        match token.type:
            case "inline" if level:
                listener.heading(start + 1, level, token.content.strip())
                level = 0
            case "inline":
                listener.text(start + 1, token.content)
            case "heading_open":
                level = int(token.tag[1])
            case "list_item_open":
                ends.append(end)
                listener.item_begins(start + 1, token.info)
            case "list_item_close":
                listener.item_ends(ends.pop())
            case "tr_open":
                listener.row_begins(start + 1)
            case kind if act := begins_or_ends.get(kind):
                act()


@cache
def _parser() -> MarkdownIt:
    """Give the parser; it keeps nothing of what it reads."""
    parser = MarkdownIt("commonmark", {"maxNesting": 50}).enable("table")
    for name, (rule, signs, ends) in _SIGNS.items():
        parser.block.ruler.at(name, _only_for(frozenset(signs), rule), {"alt": ends})
    parser.block.ruler.before("table", "stretch", _read_stretch)
    return parser


def _only_for(signs: frozenset[str], rule: _Rule) -> _Rule:
    def guarded(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001 - the parser's call
        place = state.bMarks[start] + state.tShift[start]
        return state.src[place : place + 1] in signs and rule(state, start, end, silent)

    return guarded


def _read_stretch(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001 - the parser's call
    """Read what needs no parser, where nothing is open; the first line that does need it is noted, and not tried twice."""
    if silent or state.level or state.env["left"] == start:
        return False
    listener = state.env["listener"]
    tell(state.tokens, listener)
    state.tokens.clear()
    state.line = state.env["left"] = Stretch(state.env["lines"], end, listener).read(start)
    return state.line > start
