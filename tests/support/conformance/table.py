"""The conformance table: what every agent program does under squad, one row a behaviour, one column a program.

What a program cannot do by its nature is part of the table, with the reason, and no test. `docs/conformance.md` holds the same:
`python -m tests.support.conformance` writes it.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum

import pytest

#: Under which a test's report tells its row and its column.
PROPERTY = "conformance"


class Row(StrEnum):
    """A behaviour."""

    WRITES = "writes a file"
    HELD = "edit held 2 s for a lock, then done"
    REFUSED = "edit refused, and the reason read"
    STRAY = "shell write outside of its area: prevented, or found and kept aside"
    LIMIT = "usage limit: resumed at its reset"
    RESTART = "silent in mid-tool: restarted with the same conversation"
    STOPPED = "stopped in mid-tool: nothing left"
    STOPPED_NOW = "stopped at once in mid-tool: nothing left"
    KILLED = "killed itself in mid-tool: nothing left, tried again"
    ORPHANED = "supervisor killed in mid-turn: nothing left, resumed"
    LONG_LINE = "100 MB line: nothing kept of it in memory"
    USAGE = "usage right after a resume: nothing counted twice"


#: Column -> row -> why it is not in the program's nature.
Lacks = Mapping[str, Mapping[Row, str]]
#: Column -> what is tried with `--soak` only.
Soaked = Mapping[str, frozenset[Row]]


def results(reports: Iterable[pytest.TestReport]) -> dict[tuple[str, str], str]:
    """Give the outcome of each cell that was tried."""
    cells: dict[tuple[str, str], str] = {}
    for report in reports:
        place = dict(report.user_properties).get(PROPERTY)
        if not isinstance(place, str):
            continue
        row, _, column = place.partition(" | ")
        said = {"passed": "ok", "failed": "FAILED", "skipped": _left_out(report)}[report.outcome]
        before = cells.get((row, column))
        cells[row, column] = said if before in {None, "ok"} else before
    return cells


def _left_out(report: pytest.TestReport) -> str:
    return "--soak" if "--soak" in report.longreprtext else "not installed"


def printed(cells: Mapping[tuple[str, str], str], lacks: Lacks) -> list[str]:
    """Lay the table out for a terminal: columns are numbered, reasons follow below."""
    names = list(lacks)
    reasons: dict[str, int] = {}
    lines = [f"  {number}  {name}" for number, name in enumerate(names, start=1)]
    lines.append(f"{'':70}" + "".join(f"{number:>15}" for number in range(1, len(names) + 1)))
    for row in Row:
        said = [_cell(cells.get((row, name), "-"), lacks[name].get(row), reasons) for name in names]
        lines.append(f"{row:70}" + "".join(f"{word:>15}" for word in said))
    return [*lines, *(f"  [{number}] {reason}" for reason, number in reasons.items())]


def _cell(result: str, lacking: str | None, reasons: dict[str, int]) -> str:
    if lacking is not None:
        return f"[{reasons.setdefault(lacking, len(reasons) + 1)}]"
    return result


def page(lacks: Lacks, soaked: Soaked) -> str:
    """Give the table as a page of the documentation."""
    names = list(lacks)
    head = f"| | {' | '.join(names)} |\n|---|{'---|' * len(names)}\n"
    rows = "".join(f"| {row} | {' | '.join(_said(row, lacks[name], soaked[name]) for name in names)} |\n" for row in Row)
    return _INTRODUCTION + head + rows


def _said(row: Row, lacks: Mapping[Row, str], soaked: frozenset[Row]) -> str:
    return lacks.get(row, "yes, by `--soak`" if row in soaked else "yes")


_INTRODUCTION = """\
# What every agent program does under squad

One list for all adapters. Each "yes" is a test that runs squad, git and the program (`tests/scenarios/test_conformance.py`).
Programs marked "real" are the ones that people have, at the versions of `tests/agents/package.json`, with a model that does
what a script says; the others stand in for what is not installed everywhere, or need no model at all. What is not in a
program's nature says so instead. Each run of these tests prints the table with its results; "by `--soak`" says that the
cell takes long, shows little that the others of its column do not, and is tried with that option of the tests only, like
what stands in for Claude Code and Codex where they are installed themselves.

This page is written by `python -m tests.support.conformance`.

"""
