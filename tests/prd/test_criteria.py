"""Criteria are found where a task's own text labels them, and nowhere else."""

import pytest

from orchestrator.model import Mark
from orchestrator.prd import read
from orchestrator.prd.criteria import criteria_in


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("acceptance: returns 200 with a list\nuses pagination", ("returns 200 with a list",)),
        ("Acceptance criteria:\nit works\nit is fast", ("it works", "it is fast")),
        ("**Acceptance:** does it", ("does it",)),
        ("Definition of Done:\nreviewed\nNotes:\nnot this", ("reviewed",)),
        ("Done when the tests pass", ("the tests pass",)),
        ("AC 2: it holds", ("it holds",)),
        ("Acceptance criteria:\n**Estimated Effort**: 1 hour\nit works", ("it works",)),
        ("Acceptance criteria:\n**Priority:** P1\nit works", ("it works",)),
        (
            "Acceptance criteria:\nStatus: 404 for unknown ids\nFiles: are sorted by name\nPriority: P1 come first\nit works",
            ("Status: 404 for unknown ids", "Files: are sorted by name", "Priority: P1 come first", "it works"),
        ),
        ("Acceptance criteria:\n**Status:** 404 for unknown ids\nit works", ("**Status:** 404 for unknown ids", "it works")),
        (
            "Acceptance criteria:\n- **Status:** In progress (ann)\n**Status**: Shipped\n**Status:** 100% done\nit works",
            ("it works",),
        ),
        ("Verify nothing else changed\nExpected", ()),
        ("", ()),
    ],
)
def test_a_label_makes_criteria(text: str, expected: tuple[str, ...]) -> None:
    assert criteria_in("Do it", text) == expected


def test_a_title_may_say_when_it_is_done() -> None:
    assert criteria_in("Write `a.py`. Done when: tests pass", "") == ("tests pass",)


def test_a_status_that_is_a_criterion_is_not_the_state_of_its_task() -> None:
    text = "# PRD\n\n### Task 1: a\n\n**Acceptance criteria:**\n\n**Status:** {}\n\n### Task 2: b\n\nx\n"

    said = {word: read(text.format(word).encode(), name="prd.md").tasks[0].state for word in ("404 for unknown ids", "Done")}

    assert said == {"404 for unknown ids": Mark.OPEN, "Done": Mark.DONE}


def test_boxes_below_a_tasks_criteria_reach_the_agent_and_are_no_tasks_and_no_paths() -> None:
    text = "# PRD\n\n## Tasks\n\n- [ ] Write `a.py`\n  Acceptance criteria:\n  - [ ] `tests/b.py` passes\n  - [ ] it is fast\n"

    document = read(text.encode(), name="prd.md")

    (task,) = document.tasks
    assert task.criteria == ("`tests/b.py` passes", "it is fast")
    assert "it is fast" in task.text
    assert task.writes == ("a.py",)
