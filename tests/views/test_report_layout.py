"""Tables for a terminal: whatever stands in them and however narrow it is, nothing is too wide and nothing is missing."""

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.views.report.layout import table_lines
from orchestrator.views.report.table import Table
from orchestrator.views.text import columns

WORDS = st.text("ab漢é-", min_size=1, max_size=10)
CELLS = st.lists(WORDS, max_size=5).map(" ".join)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    count = draw(st.integers(1, 7))
    row = st.tuples(WORDS, *[CELLS] * (count - 1))
    head = draw(st.tuples(*[WORDS] * count))
    numbers = draw(st.frozensets(st.integers(1, max(1, count - 1))))
    return Table(head=head, rows=tuple(draw(st.lists(row, max_size=4))), numbers=numbers)


@given(tables(), st.integers(40, 200))
def test_no_line_is_too_wide_and_no_word_is_lost(table: Table, width: int) -> None:
    lines = list(table_lines(table, width=width))

    assert all(columns(line) <= width for line in lines)
    shown = {word for line in lines for word in line.split()}
    assert {word for row in table.rows for cell in row for word in cell.split()} - {"-"} <= shown


def test_the_last_cell_is_broken_in_its_column_while_there_is_room_for_it() -> None:
    table = Table(head=("figure", "what it is"), rows=(("wall", "from the start to the last result"),))

    assert list(table_lines(table, width=34)) == [
        "  figure  what it is",
        "  wall    from the start to the",
        "          last result",
    ]


def test_the_widest_cells_are_broken_first() -> None:
    rows = (("result", "2 of 2 tasks done and more", "none"),)
    table = Table(head=("figure", "one", "other"), rows=rows, numbers=frozenset({1}))

    assert list(table_lines(table, width=38)) == [
        f"  figure  {'one':>21}  other",
        f"  result  {'2 of 2 tasks done and':>21}  none",
        f"{'more':>31}",
    ]


def test_what_has_no_room_beside_the_others_follows_below_with_its_head() -> None:
    rows = (("T1", "x" * 12, "Write it down at length"), ("T2", "-", ""))
    table = Table(head=("task", "found", "title"), rows=rows, numbers=frozenset({1}))

    assert list(table_lines(table, width=36)) == [
        "  task         found",
        f"  T1    {'x' * 12}",
        "        title: Write it down at",
        "        length",
        f"  T2    {'-':>12}",
    ]


def test_a_first_column_that_is_wider_than_the_terminal_is_broken_too() -> None:
    cells = ("a long name " * 5, "word " * 8, "word " * 8)

    lines = list(table_lines(Table(head=("file", "one", "two"), rows=(cells,)), width=40))

    assert max(map(columns, lines)) <= 40
    assert " ".join(" ".join(lines).split()).count("a long name") == 5
