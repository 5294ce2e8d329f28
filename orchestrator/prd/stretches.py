"""Stretches of a document that are nothing but headings, paragraphs and lists of paragraphs, read line by line.

They are most of a task list, and the parser of `blocks` needs ten times as long for them. What is read here is read as the
parser reads it, down to the line: where a line could mean anything else, its whole block is left to the parser. A test
compares the two.
"""

import re
from collections.abc import Sequence
from typing import Protocol

from orchestrator.text.expressions import expression

#: How a text begins that can only be a paragraph: no quotation, code, table, rule, comment, or definition of a link.
_START = (
    r"(?:[^-+*#>|:=<~`_\[\s\d]|\[[^\[\]\\]*\](?!:)|\*{1,2}(?=[^\s*])|_{1,2}(?=[^\s_])|`{1,2}(?=[^`\s])|~~(?=[^~\s])"
    r"|(?![0-9]+[.)](?:\s|$))\d)"
)
_LINE = expression(rf"( *)(?:([-*+]|[0-9]{{1,9}}[.)])( {{1,4}}))?({_START}(?:.*\S)?)[ \t]*")
#: Without a bar: it could be the head of a table.
_HEADING = expression(r"(#{1,6})[ \t]+([^\s|][^|]*[^#\s|]|[^#\s|])[ \t]*")
#: What ends every list and paragraph, at the start of a line: a heading, a quotation, a fence.
_END = expression(r"#{1,6} |>|```[^`]*$")
_ENDS_QUOTE = expression(r"#{1,6} |```[^`]*$")
#: What does so behind an empty line: a rule, and all that is no item.
_APART = expression(r"-{3,}[ \t]*$|[^\s\d*+-]")
#: A quoted line that begins no heading: what was told of one is not taken back, should the parser read it all after all.
_QUOTED = expression(r">(?: |$)([^\t#][^\t]*|)")
_BULLETS = frozenset("-*+")
_BLANK = " \t"  #: an empty line holds nothing else
_DEEPEST = 12  #: lists in lists; the parser itself does not read much deeper
_DEEPEST_QUOTE = 20  #: quotations in quotations, each of which is read by a further call


class Listener(Protocol):
    """Who is told of the blocks of a document, in their order; lines are counted from 1."""

    def heading(self, line: int, level: int, text: str) -> None:
        """Hear of a heading."""

    def text(self, line: int, text: str) -> None:
        """Hear of a paragraph: of the open item, or outside of lists."""

    def list_begins(self) -> None:
        """Hear of a list, in the open item or outside of lists."""

    def list_ends(self) -> None:
        """Hear that a list has no more items."""

    def item_begins(self, line: int, number: str) -> None:
        """Hear of an item; the number is that of an ordered list, else empty."""

    def item_ends(self, end: int) -> None:
        """Hear of the last line of the open item."""

    def place(self) -> int:
        """Give where the next block outside of lists will stand."""

    def forget(self, place: int) -> None:
        """Take back what was told from such a place on."""


class Stretch:
    """Some lines of a document, read for who wants to hear what stands there."""

    def __init__(self, lines: Sequence[str], end: int, listener: Listener, *, above: int = 0, depth: int = 0) -> None:
        self._lines = lines
        self._end = end
        self._listener = listener
        self._first = above + 1  #: the number of the first line
        self._depth = depth  #: how many quotations the lines stand in
        #: Of each open item where its text begins, and the sign of its list; outermost first.
        self._open: list[tuple[int, str]] = []
        self._text: list[str] = []  #: the lines of the open paragraph
        self._began = 0  #: where it began

    def read(self, start: int) -> int:
        """Read blocks from a line on; gives the line of the first that is left to the parser."""
        here = start
        while here < self._end:
            place = self._listener.place()
            behind = self._heading(here) or self._quote(here) or self._block(here)
            if not behind:
                self._listener.forget(place)
                break
            here = behind
            while here < self._end and not self._lines[here].strip(_BLANK):
                here += 1
        return here

    def _heading(self, here: int) -> int:
        found = _HEADING.fullmatch(self._lines[here])
        if not found:
            return 0
        self._listener.heading(here + self._first, len(found[1]), found[2])
        return here + 1

    def _quote(self, start: int) -> int:
        """Read a quotation that nothing outside of it goes on, as a document of its own; gives the line behind it, or 0."""
        quoted = []
        for here in range(start, self._end):
            found = _QUOTED.fullmatch(self._lines[here])
            if not found:
                break
            quoted.append(found[1])
        end = start + len(quoted)
        if not quoted or self._depth == _DEEPEST_QUOTE:
            return 0
        if end < self._end and self._lines[end].strip(_BLANK) and not _ENDS_QUOTE.match(self._lines[end]):
            return 0
        inside = Stretch(quoted, len(quoted), self._listener, above=start + self._first - 1, depth=self._depth + 1)
        return end if inside.read(0) == len(quoted) else 0

    def _block(self, start: int) -> int:
        """Read a paragraph or a list; gives the line behind it, or 0 if it is left to the parser."""
        for here in range(start, self._end):
            line = self._lines[here]
            if not line.strip(_BLANK):
                self._end_text()
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
        indent, sign, begin = len(found[1]), found[2], found.start(4)
        inside = len(self._open)
        while inside and self._open[inside - 1][0] > indent:
            inside -= 1
        goes_on = bool(sign) and inside < len(self._open) and sign[-1] == self._open[inside][1]
        is_code = indent - (self._open[inside - 1][0] if inside else 0) > 3
        is_text = self._text and inside == len(self._open) and sign not in _BULLETS and int(sign[:-1]) != 1
        if is_code or is_text or inside > _DEEPEST:
            return self._give_up()
        if not inside and not goes_on and (self._text or self._open):
            return self._end_all(here)
        self._leave(here, inside, goes_on=goes_on)
        if sign:
            self._enter(here, sign, begin, goes_on=goes_on)
        self._began, self._text = here, [found.string[begin:]]
        return None

    def _indent(self) -> int:
        return self._open[-1][0] if self._open else 0

    def _enter(self, here: int, sign: str, indent: int, *, goes_on: bool) -> None:
        if not goes_on:
            self._listener.list_begins()
        self._open.append((indent, sign[-1]))
        self._listener.item_begins(here + self._first, "" if sign in _BULLETS else sign[:-1])

    def _leave(self, here: int, inside: int, *, goes_on: bool = False) -> None:
        """Close the paragraph and all but so many items; with the last its list, unless it goes on."""
        self._end_text()
        while len(self._open) > inside:
            self._open.pop()
            self._listener.item_ends(here + self._first - 1)
            if len(self._open) > inside or not goes_on:
                self._listener.list_ends()

    def _end_text(self) -> None:
        if self._text:
            self._listener.text(self._began + self._first, "\n".join(self._text).strip())
            self._text = []

    def _end_all(self, here: int) -> int:
        self._leave(here, 0)
        return here

    def _give_up(self) -> int:
        self._open, self._text = [], []
        return 0
