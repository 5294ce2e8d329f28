"""The CommonMark parser, told by the first sign of a line which of its rules need not look at it: a fifth less work.

Each of these rules looks at that sign first itself, so nothing is read otherwise; a test compares the two.
"""

from collections.abc import Callable
from functools import cache
from string import digits

from markdown_it import MarkdownIt, rules_block
from markdown_it.rules_block import StateBlock
from markdown_it.token import Token

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


def block_tokens(text: str) -> list[Token]:
    """Give the tokens of a document's blocks; what stands inside a line is not parsed."""
    return _parser().parse(text)


@cache
def _parser() -> MarkdownIt:
    """Give the parser; it keeps nothing of what it reads."""
    parser = MarkdownIt("commonmark", {"maxNesting": 50}).enable("table")
    parser.core.ruler.enableOnly(["normalize", "block"])
    for name, (rule, signs, ends) in _SIGNS.items():
        parser.block.ruler.at(name, _only_for(frozenset(signs), rule), {"alt": ends})
    return parser


def _only_for(signs: frozenset[str], rule: _Rule) -> _Rule:
    def guarded(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001 - the parser's call
        place = state.bMarks[start] + state.tShift[start]
        return state.src[place : place + 1] in signs and rule(state, start, end, silent)

    return guarded
