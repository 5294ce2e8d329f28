"""Tables laid out for a terminal: no line is wider than asked for, and no cell is lost for it.

Where a row has no room, its widest cells are broken into lines in their own columns. Where that would leave columns too
narrow to be read, the cells from the first without room follow below the row, each with its head.
"""

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from orchestrator.views.report.table import Table
from orchestrator.views.text import columns, fitting, plain_path, shortened

_WIDEST = 60  #: columns of a cell that others stand beside
_NARROWEST = 20  #: columns in which text is broken into lines that can be read
_LONGEST = 300  #: columns of text that are shown of one cell
_GAP = "  "
_NOTHING = frozenset({"", "-"})
_BELOW = " " * 8  #: before what follows in lines of its own


def table_lines(table: Table, *, width: int) -> Iterator[str]:
    """Give the lines of a table."""
    rows = [tuple(shortened(plain_path(cell), _LONGEST) for cell in row) for row in (table.head, *table.rows)]
    wanted = [max(columns(row[place]) for row in rows) for place in range(len(table.head))]
    wanted[:-1] = [min(_WIDEST, one) for one in wanted[:-1]]
    widths = _narrowed(wanted, width) or _first(wanted, width)
    for number, row in enumerate(rows):
        yield from _beside(row, widths, table.numbers)
        if number:
            for head, cell in list(zip(table.head, row, strict=True))[len(widths) :]:
                if cell not in _NOTHING:
                    yield from (f"{_BELOW}{line}" for line in _broken(f"{head}: {cell}", width - len(_BELOW)))


def _narrowed(widths: Sequence[int], width: int) -> list[int] | None:
    """Take from the widest columns what is too much for a line; None if they would become too narrow for that."""
    found, room = list(widths), width - len(_GAP) * len(widths)
    while sum(found) > room:
        widest = found.index(max(found))
        if found[widest] <= _NARROWEST:
            return None
        found[widest] -= 1
    return found


def _first(widths: Sequence[int], width: int) -> list[int]:
    """Give the columns that stand whole beside each other, one at least."""
    ends = [sum(one + len(_GAP) for one in widths[:count]) for count in range(1, len(widths))]
    return [min(widths[0], width - len(_GAP)), *widths[1 : sum(end <= width for end in ends)]]


def _beside(row: Sequence[str], widths: Sequence[int], numbers: frozenset[int]) -> Iterator[str]:
    cells = [_broken(cell, width) for cell, width in zip(row, widths, strict=False)]
    for lines in zip_longest(*cells, fillvalue=""):
        shown = (_set(line, width, right=place in numbers) for place, (line, width) in enumerate(zip(lines, widths, strict=True)))
        yield "".join(_GAP + cell for cell in shown).rstrip()


def _set(cell: str, width: int, *, right: bool) -> str:
    fill = " " * (width - columns(cell))
    return fill + cell if right else cell + fill


def _broken(text: str, width: int) -> list[str]:
    """Break a text into lines, between words where that is possible."""
    lines = [""]
    for word in text.split(" "):
        if lines[-1] and columns(lines[-1]) + 1 + columns(word) <= width:
            lines[-1] += f" {word}"
        elif lines[-1]:
            lines.append(word)
        else:
            lines[-1] = word
        while columns(lines[-1]) > width:
            cut = fitting(lines[-1], width)
            lines[-1:] = [lines[-1][:cut], lines[-1][cut:]]
    return lines
