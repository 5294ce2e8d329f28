"""The structure of a Markdown document: headings, list items and what stands below them, each with its line.

Structure comes from a CommonMark parser, so examples in fences and comments are no items here; the independent line
scan of `scan` finds them and says so.
"""

import re
from typing import TypeAlias

import msgspec

from orchestrator.prd.blocks import read_blocks
from orchestrator.text.expressions import expression

#: Behind a box stands a space; authors of tongues without spaces leave it out.
_BOX = expression(r"\[(.?)\](\*?)(?:\s+|(?=[^\x00-\x7f])|$)(.*)", re.DOTALL)
#: Boxes that are one sign -> what would stand between brackets; what is crossed could be done or dropped.
_SIGNS = {"\u2610": " ", "\u2b1c": " ", "\U0001f532": " ", "\u2611": "x", "\u2612": "\u2612"}
_SIGN = expression(rf"([{''.join(_SIGNS)}])\ufe0f?(?:\s+|$)(.*)", re.DOTALL)
_LABEL = expression(r".*[:：](?:\*\*|__)?|(?:\*\*|__).*(?:\*\*|__)")
_LABEL_ENDS = (":", "：", "**", "__")  #: a cheap look that spares the careful one
_LONGEST_LABEL = 80  #: characters


class Heading(msgspec.Struct, kw_only=True, eq=False):
    """A heading, itself and no other of its text: what stands below the same ones is asked for once."""

    line: int  #: counted from 1
    level: int
    text: str


class Item(msgspec.Struct, kw_only=True):
    """A list item."""

    line: int  #: counted from 1
    end: int  #: the last line of it, its children included
    text: str  #: its first paragraph, without the box
    box: str | None  #: the character in its checkbox
    number: str  #: of an ordered list, else empty
    above: tuple[Heading, ...]  #: headings it stands below, outermost first
    label: str = ""  #: the line that introduces its list: `Acceptance criteria:`
    state: str = ""  #: the word that says how far it is, where it has no box
    is_heading: bool = False  #: it was written as a heading
    is_struck: bool = False  #: it was crossed out as a whole
    is_optional: bool = False  #: a star stands behind its box
    details: list[str] = msgspec.field(default_factory=list)  #: its further paragraphs
    children: "list[Item]" = msgspec.field(default_factory=list)

    def walk(self) -> "list[Item]":
        """Give the item and everything below it, in order."""
        return [self, *[below for child in self.children for below in child.walk()]] if self.children else [self]


class Row(msgspec.Struct, kw_only=True):
    """A row of a table, its heading row left out."""

    line: int
    cells: dict[str, str]  #: by the text of the column's heading
    above: tuple[Heading, ...]


class Paragraph(msgspec.Struct, kw_only=True):
    """Text outside of lists."""

    line: int
    text: str
    above: tuple[Heading, ...]


Block: TypeAlias = Heading | Item | Row | Paragraph


def outline(text: str) -> list[Block]:
    """Give the blocks of a document in order; items inside items are their children."""
    builder = Builder()
    read_blocks(text, builder)
    return builder.blocks


class Builder:
    """Makes blocks of what it is told, once and in order."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._above: tuple[Heading, ...] = ()
        self._items: list[Item] = []  #: the open ones
        self._fresh = False  #: the open item has no text yet
        self._labels: list[str] = []  #: of the open lists
        self._columns: list[str] = []
        self._cells: list[str] | None = None  #: of the open row
        self._row = 0  #: its line

    def place(self) -> int:
        """Give how many blocks there are."""
        return len(self.blocks)

    def forget(self, place: int) -> None:
        """Take back all blocks but so many, and what is open."""
        del self.blocks[place:], self._items[:], self._labels[:]

    def heading(self, line: int, level: int, text: str) -> None:
        """Begin what stands below a heading; in a list it is text."""
        if self._items:
            self.text(line, text)
            return
        heading = Heading(line=line, level=level, text=text)
        self._above = (*[above for above in self._above if above.level < level], heading)
        self.blocks.append(heading)

    def text(self, line: int, text: str) -> None:
        """Add a paragraph: the first of an item is what it says."""
        if self._cells is not None:
            self._cells.append(text.strip())
        elif not self._items:
            self.blocks.append(Paragraph(line=line, text=text, above=self._above))
        elif self._fresh:
            self._fresh = False
            _begin(self._items[-1], text)
        else:
            self._items[-1].details.append(text)

    def list_begins(self) -> None:
        """Note the line that introduces the list."""
        self._labels.append(self._introduction())

    def list_ends(self) -> None:
        """Leave the list."""
        self._labels.pop()

    def item_begins(self, line: int, number: str) -> None:
        """Open an item."""
        item = Item(line=line, end=line, text="", box=None, number=number, above=self._above, label=self._labels[-1])
        (self._items[-1].children if self._items else self.blocks).append(item)
        self._items.append(item)
        self._fresh = True

    def item_ends(self, end: int) -> None:
        """Leave the open item."""
        self._items.pop().end = end

    def head_begins(self) -> None:
        """Let the next row name the columns."""
        self._columns = []

    def row_begins(self, line: int) -> None:
        """Begin a row of a table."""
        self._cells, self._row = [], line

    def row_ends(self) -> None:
        """Add the row, in a list as text."""
        cells, self._cells = self._cells or [], None
        if not self._columns:
            self._columns = cells
        elif self._items:
            self._items[-1].details.append(" ".join(cells))
        else:
            self.blocks.append(Row(line=self._row, cells=dict(zip(self._columns, cells, strict=False)), above=self._above))

    def _introduction(self) -> str:
        """Give the line before a list that says what it lists: one that ends with a colon, or is bold as a whole."""
        if self._items:
            before = (self._items[-1].details or [self._items[-1].text])[-1]
        else:
            last = self.blocks[-1] if self.blocks else None
            before = last.text if isinstance(last, Paragraph) else ""
        line = before.strip().rpartition("\n")[2].strip()
        return line if line.endswith(_LABEL_ENDS) and len(line) <= _LONGEST_LABEL and _LABEL.fullmatch(line) else ""


def _begin(item: Item, text: str) -> None:
    """Give an item its text, without the box before it."""
    if sign := None if text.isascii() else _SIGN.fullmatch(text):
        item.box, item.text = _SIGNS[sign[1]], sign[2].strip()
        return
    found = _BOX.fullmatch(text) if text.startswith("[") else None
    item.box = (found[1] or " ") if found else None
    item.is_optional = bool(found and found[2])
    item.text = (found[3] if found else text).strip()
