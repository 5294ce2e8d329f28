"""The table at the end of the conformance tests: every cell says how it went, or why it is none."""

from typing import Literal

import pytest

from tests.support.conformance.subjects import LACKS, SOAKED
from tests.support.conformance.table import PROPERTY, Row, page, printed, results


def report(
    row: str, column: str, outcome: Literal["passed", "failed", "skipped"], when: Literal["setup", "call", "teardown"] = "call"
) -> pytest.TestReport:
    place = [(PROPERTY, f"{row} | {column}")]
    return pytest.TestReport("id", ("file", 1, "test"), {}, outcome, None, when, user_properties=place)


def test_a_cell_is_as_bad_as_the_worst_of_its_test() -> None:
    reports = [
        report(Row.WRITES, "x", "passed"),
        report(Row.WRITES, "x", "failed", "teardown"),
        report(Row.WRITES, "y", "skipped", "setup"),
        report(Row.HELD, "y", "passed"),
        pytest.TestReport("id", ("file", 1, "test"), {}, "failed", None, "call"),
    ]

    cells = results(reports)

    assert cells == {(Row.WRITES, "x"): "FAILED", (Row.WRITES, "y"): "not installed", (Row.HELD, "y"): "ok"}


def test_the_table_tells_results_and_reasons() -> None:
    places: list[tuple[str, str]] = [(Row.WRITES, "x"), (Row.WRITES, "y"), (Row.HELD, "y")]
    cells = dict(zip(places, ("FAILED", "not installed", "ok"), strict=True))

    lines = printed(cells, {"x": {Row.HELD: "does not ask"}, "y": {}})

    assert [line.split() for line in lines[:2]] == [["1", "x"], ["2", "y"]]
    [writes] = [line for line in lines if line.startswith(Row.WRITES)]
    [held] = [line for line in lines if line.startswith(Row.HELD)]
    assert writes.split()[-3:] == ["FAILED", "not", "installed"]
    assert held.split()[-2:] == ["[1]", "ok"]
    assert lines[-1] == "  [1] does not ask"


def test_the_page_names_every_row_and_every_program() -> None:
    text = page(LACKS, SOAKED)

    assert all(f"| {row} |" in text for row in Row)
    assert all(f" {name} |" in text for name in LACKS)
