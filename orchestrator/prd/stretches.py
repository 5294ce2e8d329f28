"""Stretches of a document that are nothing but headings, paragraphs and lists of paragraphs, read line by line.

They are most of a task list, and the parser of `blocks` needs ten times as long for them. What is read here is read as the
parser reads it, down to the line: where a line could mean anything else, its whole block is left to the parser. A test
compares the two.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

#: How a text begins that can only be a paragraph: no quotation, code, table, rule, comment, or definition of a link.
_START = (
    r"(?:[^-+*#>|:=<~`_\[\s\d]|\[[^\[\]\\]*\](?!:)|\*{1,2}(?=[^\s*])|_{1,2}(?=[^\s_])|`{1,2}(?=[^`\s])|~~(?=[^~\s])"
    r"|(?![0-9]+[.)](?:\s|$))\d)"
)
_LINE = re.compile(rf"( *)(?:([-*+]|[0-9]{{1,9}}[.)])( {{1,4}}))?({_START}(?:.*\S)?)[ \t]*")
#: Without a bar: it could be the head of a table.
_HEADING = re.compile(r"(#{1,6})[ \t]+([^\s|][^|]*[^#\s|]|[^#\s|])[ \t]*")
#: What ends every list and paragraph, at the start of a line: a heading, a quotation, a fence.
_END = re.compile(r"#{1,6} |>|```[^`]*$")
#: What does so behind an empty line: a rule, and all that is no item.
_APART = re.compile(r"-{3,}[ \t]*$|[^\s\d*+-]")
_BULLETS = frozenset("-*+")
_DEEPEST = 12  #: lists in lists; the parser itself does not read much deeper


class Piece(NamedTuple):
    """One part of a block, with those names of the parser's own tokens that matter here."""

    type: str
    map: Sequence[int] | None = None  #: its first line, counted from 0, and the one behind its last
    tag: str = ""
    info: str = ""
    content: str = ""


_ITEM_CLOSE = Piece("list_item_close")
_BULLETS_CLOSE = Piece("bullet_list_close")
_NUMBERS_CLOSE = Piece("ordered_list_close")


@dataclass(slots=True)
class _Item:
    """An open item of a list."""

    indent: int  #: where its text begins
    sign: str  #: of its list, by which the next item is known
    lines: list[int]


class Stretch:
    """Some lines of a document, and the pieces of what was read of them."""

    def __init__(self, lines: Sequence[str], end: int) -> None:
        self.pieces: list[Piece] = []
        self._lines = lines
        self._end = end
        self._open: list[_Item] = []  #: outermost first
        self._text: list[str] = []  #: the lines of the open paragraph
        self._began = 0  #: where it began

    def read(self, start: int) -> int:
        """Read blocks from a line on; gives the line of the first that is left to the parser."""
        here = start
        while here < self._end:
            size = len(self.pieces)
            behind = self._heading(here) or self._block(here)
            if not behind:
                del self.pieces[size:]
                break
            here = behind
            while here < self._end and _is_empty(self._lines[here]):
                here += 1
        return here

    def _heading(self, here: int) -> int:
        found = _HEADING.fullmatch(self._lines[here])
        if not found:
            return 0
        lines = (here, here + 1)
        self.pieces += [Piece("heading_open", lines, tag=f"h{len(found[1])}"), Piece("inline", lines, content=found[2])]
        return here + 1

    def _block(self, start: int) -> int:
        """Read a paragraph or a list; gives the line behind it, or 0 if it is left to the parser."""
        for here in range(start, self._end):
            line = self._lines[here]
            if _is_empty(line):
                self._end_text(here)
                if not self._open:
                    return here
            elif here > start and (_END.match(line) or (not self._text and _APART.match(line))):
                return self._end_all(here)
            elif not (found := _LINE.fullmatch(line)):
                return self._give_up()
            elif self._text and not found[2]:
                self._text.append(line[min(len(found[1]), self._indent()) :])
            elif (ended := self._begin(here, found)) is not None:
                return ended
        return self._end_all(self._end)

    def _begin(self, here: int, found: re.Match[str]) -> int | None:
        """Begin an item or a paragraph; gives the end of the block if this is none of it, 0 if it could be anything else."""
        indent, sign = len(found[1]), found[2]
        inside = len(self._open)
        while inside and self._open[inside - 1].indent > indent:
            inside -= 1
        goes_on = bool(sign) and inside < len(self._open) and sign[-1] == self._open[inside].sign
        is_code = indent - (self._open[inside - 1].indent if inside else 0) > 3
        is_text = self._text and inside == len(self._open) and sign not in _BULLETS and int(sign[:-1]) != 1
        if is_code or is_text or inside > _DEEPEST:
            return self._give_up()
        if not inside and not goes_on and (self._text or self._open):
            return self._end_all(here)
        self._leave(here, inside, goes_on=goes_on)
        if sign:
            self._enter(here, sign, found.start(4), goes_on=goes_on)
        self._began, self._text = here, [found.string[found.start(4) :]]
        return None

    def _indent(self) -> int:
        return self._open[-1].indent if self._open else 0

    def _enter(self, here: int, sign: str, indent: int, *, goes_on: bool) -> None:
        number = "" if sign in _BULLETS else sign[:-1]
        if not goes_on:
            self.pieces.append(Piece("ordered_list_open" if number else "bullet_list_open"))
        self._open.append(_Item(indent, sign[-1], [here, 0]))
        self.pieces.append(Piece("list_item_open", self._open[-1].lines, info=number))

    def _leave(self, here: int, inside: int, *, goes_on: bool = False) -> None:
        """Close the paragraph and all but so many items; with the last its list, unless it goes on."""
        self._end_text(here)
        while len(self._open) > inside:
            item = self._open.pop()
            item.lines[1] = here
            self.pieces.append(_ITEM_CLOSE)
            if len(self._open) > inside or not goes_on:
                self.pieces.append(_BULLETS_CLOSE if item.sign in _BULLETS else _NUMBERS_CLOSE)

    def _end_text(self, here: int) -> None:
        if self._text:
            self.pieces.append(Piece("inline", (self._began, here), content="\n".join(self._text).strip()))
            self._text = []

    def _end_all(self, here: int) -> int:
        self._leave(here, 0)
        return here

    def _give_up(self) -> int:
        self._open, self._text = [], []
        return 0


def _is_empty(line: str) -> bool:
    return not line.strip(" \t")
