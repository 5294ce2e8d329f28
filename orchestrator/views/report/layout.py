"""Tables laid out for a terminal: no line is wider than asked for, and no cell is lost for it.

What does not fit beside the others goes below them: the last cell is broken in its own column, and where that has no room
either, the cells from there on follow in lines of their own, each with its head.
"""

from collections.abc import Iterator, Sequence

from orchestrator.views.report.table import Table
from orchestrator.views.text import columns, fitting, padded, plain_path, shortened

_WIDEST = 60  #: columns of a cell that others stand beside
_NARROWEST = 20  #: columns in which text is broken into lines that can be read
_LONGEST = 300  #: columns of text that are shown of one cell
_GAP = "  "
_NOTHING = frozenset({"", "-"})
_BELOW = " " * 8  #: before what follows in lines of its own


def table_lines(table: Table, *, width: int) -> Iterator[str]:
    """Give the lines of a table."""
    rows = [tuple(shortened(plain_path(cell), _LONGEST) for cell in row) for row in (table.head, *table.rows)]
    widths = [min(_WIDEST, max(columns(row[place]) for row in rows)) for place in range(len(table.head))]
    widths[-1] = max(columns(row[-1]) for row in rows)
    whole, room = _beside(widths, width)
    for number, row in enumerate(rows):
        begin = "".join(_GAP + _set(row[place], widths[place], right=place in table.numbers) for place in range(whole))
        if room:
            last = _set(row[-1], min(widths[-1], room), right=True) if len(row) - 1 in table.numbers else row[-1]
            yield from _hanging(begin + _GAP, last, room)
            continue
        yield begin.rstrip()
        for head, cell in list(zip(table.head, row, strict=True))[whole:] if number else ():
            if cell not in _NOTHING:
                yield from _hanging(_BELOW, f"{head}: {cell}", width - len(_BELOW))


def _beside(widths: Sequence[int], width: int) -> tuple[int, int]:
    """Give how many cells stand whole beside each other, and the columns left there for the last; 0: the others follow below."""
    ends = [sum(one + len(_GAP) for one in widths[:count]) for count in range(len(widths))]
    room = width - ends[-1] - len(_GAP)
    if room >= min(widths[-1], _NARROWEST):
        return len(widths) - 1, room
    return max(1, sum(end <= width for end in ends[1:])), 0


def _hanging(begin: str, text: str, room: int) -> Iterator[str]:
    for number, line in enumerate(_broken(text, room)):
        yield f"{begin if number == 0 else ' ' * columns(begin)}{line}".rstrip()


def _set(cell: str, width: int, *, right: bool) -> str:
    return " " * (width - columns(cell)) + cell if right else padded(cell, width)


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
