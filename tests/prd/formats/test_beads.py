from pathlib import Path

from orchestrator.model import Document, Mark
from orchestrator.prd import read

DATA = Path(__file__).parents[2] / "data" / "formats" / "beads"


def told(name: str) -> Document:
    return read((DATA / name).read_bytes(), name=f".beads/{name}")


def test_each_line_is_an_issue_and_its_number_is_its_line() -> None:
    document = told("issues.jsonl")

    assert document.format == "beads-jsonl"
    assert [(task.id, task.source.line, task.state) for task in document.tasks] == [
        ("bd-a1b2", 1, Mark.OPEN),
        ("bd-a1b2.1", 2, Mark.DONE),
        ("bd-a1b2.2", 3, Mark.IN_PROGRESS),
        ("bd-d4", 6, Mark.OPEN),
        ("bd-e5", 7, Mark.DEFERRED),
        ("bd-f6", 8, Mark.UNKNOWN),
    ]


def test_only_blocking_ties_order_and_parent_child_is_a_hierarchy() -> None:
    document = told("issues.jsonl")

    assert {task.id: task.needs for task in document.tasks if task.needs} == {"bd-a1b2.2": ("bd-a1b2.1",), "bd-f6": ("bd-d4",)}
    assert {task.id: task.parent for task in document.tasks if task.parent} == {"bd-a1b2.1": "bd-a1b2", "bd-a1b2.2": "bd-a1b2"}
    assert [one for one in document.warnings if "bd-gone" in one]


def test_what_is_no_issue_is_told_with_its_reason() -> None:
    skipped = told("issues.jsonl").skipped

    assert [(one.line, one.reason) for one in skipped] == [
        (9, "no issue with an id"),
        (10, "no issue with an id"),
        (5, "deleted: a tombstone"),
    ]


def test_criteria_are_lines_and_paths_come_from_the_texts() -> None:
    task = told("issues.jsonl").tasks[1]

    assert task.criteria == ("finds a word", "below 10 ms")
    assert task.writes == ("src/index.py",)
    assert task.priority == 0


def test_a_hierarchy_that_goes_round_is_cut_once() -> None:
    document = told("circle.jsonl")

    assert [(task.id, task.parent, task.needs) for task in document.tasks] == [
        ("x.1", "x", ()),
        ("x", None, ()),
        ("y", None, ("x",)),
    ]
