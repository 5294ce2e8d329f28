from orchestrator.planning.lint import lint
from orchestrator.planning.planner import make_plan
from orchestrator.planning.surroundings import Surroundings
from orchestrator.prd import read


def remarks(text: str, *, checks: tuple[str, ...] = ()) -> list[tuple[str, int, str]]:
    plan = make_plan(read(text.encode(), name="TODO.md"), Surroundings(), source_digest="")
    return [(one.rule, one.line, f"{one.task} {one.text}") for one in lint(plan, checks=checks)]


def test_a_task_without_criterion_check_and_file_has_no_end_that_anybody_could_tell() -> None:
    assert remarks("- [ ] T1 make it nicer\n- [ ] T2 write `a.py`\n") == [
        ("no-end", 1, "T1 names no criterion, no check and no file: nobody can tell that it is done"),
        ("no-criterion", 2, "T2 has no acceptance criterion and no check"),
    ]


def test_checks_that_hold_for_all_tasks_say_when_they_are_done() -> None:
    assert remarks("- [ ] T1 make it nicer\n", checks=("pytest",)) == []


def test_a_step_for_a_person_needs_no_criterion() -> None:
    assert remarks("- [ ] T1 Manual verification\n- [ ] T2 write `a.py`\n", checks=("true",)) == []


def test_a_file_that_two_tasks_claim_is_named_with_their_lines_and_a_parallel_mark_is_not_believed() -> None:
    text = "# Tasks: X\n## Phase 1: A\n- [ ] T001 [P] write `a.py`\n- [ ] T002 [P] change `a.py`\n- [ ] T003 look at `src/`\n"

    assert remarks(text, checks=("true",)) == [
        ("one-file", 4, "T002 writes a.py, as T001 (line 3) does: in turn, and their parallel marks do not hold")
    ]


def test_a_task_that_names_its_requirements_has_criteria() -> None:
    text = "# Implementation Plan\n\n- [ ] 1. Write `a.py`\n  - _Requirements: 1.2, 3.4_\n- [ ] 2. Write `b.py`\n"
    document = read(text.encode(), name=".kiro/specs/a/tasks.md")

    found = lint(make_plan(document, Surroundings(), source_digest=""))

    assert [one.task for one in found if one.rule == "no-criterion"] == ["2"]
