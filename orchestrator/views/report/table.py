"""What a report is written of: parts with lines and tables. Cells are a stranger's text; writers make them safe."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of cells below a head."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: frozenset[int] = frozenset()  #: columns that are set to the right


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line, with the commands that help."""

    text: str
    help: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One chapter."""

    title: str
    lines: tuple[Line, ...] = ()
    table: Table | None = None
