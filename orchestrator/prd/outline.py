"""The structure of a Markdown document: headings, list items and what stands below them, each with its line.

Structure comes from a CommonMark parser, so examples in fences and comments are no items here; the independent line
scan of `scan` finds them and says so.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from markdown_it.token import Token

from orchestrator.prd.blocks import block_tokens
from orchestrator.prd.stretches import Piece

#: Behind a box stands a space; authors of tongues without spaces leave it out.
_BOX = re.compile(r"\[(.?)\](\*?)(?:\s+|(?=[^\x00-\x7f])|$)(.*)", re.DOTALL)
#: Boxes that are one sign -> what would stand between brackets; what is crossed could be done or dropped.
_SIGNS = {"\u2610": " ", "\u2b1c": " ", "\U0001f532": " ", "\u2611": "x", "\u2612": "\u2612"}
_SIGN = re.compile(rf"([{''.join(_SIGNS)}])\ufe0f?(?:\s+|$)(.*)", re.DOTALL)
_LABEL = re.compile(r".*[:：](?:\*\*|__)?|(?:\*\*|__).*(?:\*\*|__)")
_LONGEST_LABEL = 80  #: characters


@dataclass(slots=True, kw_only=True, eq=False)
class Heading:
    """A heading, itself and no other of its text: what stands below the same ones is asked for once."""

    line: int  #: counted from 1
    level: int
    text: str


@dataclass(slots=True, kw_only=True)
class Item:
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
    details: list[str] = field(default_factory=list)  #: its further paragraphs
    children: "list[Item]" = field(default_factory=list)

    def walk(self) -> "list[Item]":
        """Give the item and everything below it, in order."""
        return [self, *(below for child in self.children for below in child.walk())]


@dataclass(slots=True, kw_only=True)
class Row:
    """A row of a table, its heading row left out."""

    line: int
    cells: dict[str, str]  #: by the text of the column's heading
    above: tuple[Heading, ...]


@dataclass(slots=True, kw_only=True)
class Paragraph:
    """Text outside of lists."""

    line: int
    text: str
    above: tuple[Heading, ...]


Block: TypeAlias = Heading | Item | Row | Paragraph


def outline(text: str) -> list[Block]:
    """Give the blocks of a document in order; items inside items are their children."""
    return _Builder(block_tokens(text)).blocks


class _Builder:
    """Walks the parser's tokens once."""

    def __init__(self, tokens: Iterable[Token | Piece]) -> None:
        self.blocks: list[Block] = []
        self._above: tuple[Heading, ...] = ()
        self._items: list[Item] = []
        self._fresh = False  #: the open item has no text yet
        self._line = 1
        self._labels: list[str] = []  #: of the open lists
        self._columns: list[str] = []
        self._cells: list[str] | None = None  #: of the open row
        self._level = 0  #: of the heading that begins
        for token in tokens:
            if token.map:
                self._line = token.map[0] + 1
            self._take(token)

    def _take(self, token: Token | Piece) -> None:
        match token.type:
            case "inline":
                self._text(token)
            case "list_item_open":
                self._open(token)
            case "list_item_close":
                self._items.pop()
            case "bullet_list_open" | "ordered_list_open":
                self._labels.append(self._introduction())
            case "bullet_list_close" | "ordered_list_close":
                self._labels.pop()
            case "heading_open":
                self._level = int(token.tag[1])
            case "thead_open":
                self._columns = []
            case "tr_open":
                self._cells = []
            case "tr_close":
                self._end_row()

    def _open(self, token: Token | Piece) -> None:
        start, end = token.map or (0, 1)
        item = Item(line=start + 1, end=end, text="", box=None, number=token.info, above=self._above, label=self._labels[-1])
        if self._items:
            self._items[-1].children.append(item)
        else:
            self.blocks.append(item)
        self._items.append(item)
        self._fresh = True

    def _introduction(self) -> str:
        """Give the line before a list that says what it lists: one that ends with a colon, or is bold as a whole."""
        if self._items:
            before = (self._items[-1].details or [self._items[-1].text])[-1]
        else:
            last = self.blocks[-1] if self.blocks else None
            before = last.text if isinstance(last, Paragraph) else ""
        line = before.strip().rpartition("\n")[2].strip()
        return line if len(line) <= _LONGEST_LABEL and _LABEL.fullmatch(line) else ""

    def _end_row(self) -> None:
        cells, self._cells = self._cells or [], None
        if not self._columns:
            self._columns = cells
        elif self._items:
            self._items[-1].details.append(" ".join(cells))
        else:
            self.blocks.append(Row(line=self._line, cells=dict(zip(self._columns, cells, strict=False)), above=self._above))

    def _text(self, token: Token | Piece) -> None:
        line = (token.map or (0, 1))[0] + 1
        level, self._level = self._level, 0
        if self._cells is not None:
            self._cells.append(token.content.strip())
        elif level and not self._items:
            heading = Heading(line=line, level=level, text=token.content.strip())
            self._above = (*(above for above in self._above if above.level < heading.level), heading)
            self.blocks.append(heading)
        elif not self._items:
            self.blocks.append(Paragraph(line=line, text=token.content, above=self._above))
        elif self._fresh:
            self._begin(self._items[-1], token.content)
        else:
            self._items[-1].details.append(token.content)

    def _begin(self, item: Item, text: str) -> None:
        self._fresh = False
        if sign := _SIGN.fullmatch(text):
            item.box, item.text = _SIGNS[sign[1]], sign[2].strip()
            return
        found = _BOX.fullmatch(text)
        item.box = (found[1] or " ") if found else None
        item.is_optional = bool(found and found[2])
        item.text = (found[3] if found else text).strip()
