"""The CommonMark parser, told by the first sign of a line which of its rules need not look at it: a fifth less work.

Each of these rules looks at that sign first itself, so nothing is read otherwise; a test compares the two. What needs no
parser at all is read beside it, by `stretches`.
"""

from collections.abc import Callable, Iterator
from functools import cache
from string import digits

from markdown_it import MarkdownIt, rules_block
from markdown_it.rules_block import StateBlock
from markdown_it.token import Token

from orchestrator.prd.stretches import Piece, Stretch

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
_STRETCH = "stretch"


def block_tokens(text: str) -> Iterator[Token | Piece]:
    """Give the tokens of a document's blocks; what stands inside a line is not parsed.

    Of paragraphs only what stands in them is given where no parser was needed.
    """
    for token in _parser().parse(text):
        if token.type == _STRETCH:
            yield from token.meta["pieces"]
        else:
            yield token


@cache
def _parser() -> MarkdownIt:
    """Give the parser; it keeps nothing of what it reads."""
    parser = MarkdownIt("commonmark", {"maxNesting": 50}).enable("table")
    parser.core.ruler.enableOnly(["normalize", "block"])
    for name, (rule, signs, ends) in _SIGNS.items():
        parser.block.ruler.at(name, _only_for(frozenset(signs), rule), {"alt": ends})
    parser.block.ruler.before("table", _STRETCH, _read_stretch)
    return parser


def _only_for(signs: frozenset[str], rule: _Rule) -> _Rule:
    def guarded(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001 - the parser's call
        place = state.bMarks[start] + state.tShift[start]
        return state.src[place : place + 1] in signs and rule(state, start, end, silent)

    return guarded


def _read_stretch(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001 - the parser's call
    """Read what needs no parser, where nothing is open; the first line that does need it is noted, and not tried twice."""
    if silent or state.level or state.env.get("left") == start:
        return False
    lines = state.env.get("lines") or state.env.setdefault("lines", state.src.split("\n"))
    stretch = Stretch(lines, end)
    state.line = state.env["left"] = stretch.read(start)
    if state.line > start:
        state.push(_STRETCH, "", 0).meta = {"pieces": stretch.pieces}
    return state.line > start
