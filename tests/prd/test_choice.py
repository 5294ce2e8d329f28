"""Which lines of other people's documents are tasks, and which only look like some."""

import pytest

from orchestrator.model import Document, Mark
from orchestrator.prd import read, read_material
from orchestrator.prd.page import single


def told(text: str, name: str = "prd.md") -> Document:
    return read(text.encode(), name=name)


def titles(document: Document) -> list[str]:
    return [task.title for task in document.tasks]


def ids(document: Document) -> list[str]:
    return [str(task.id) for task in document.tasks]


def reasons(document: Document) -> dict[int, str]:
    return {one.line: one.reason for one in document.skipped}


def test_where_tasks_have_checkboxes_what_stands_beside_them_is_none() -> None:
    document = told(
        "# TODO: docs\n## Tool\n- [x] write it\n- ✅ fast\n\n**Why:**\n\n- it is good\n### How\n* https://example.com/\n"
    )

    assert titles(document) == ["write it"]
    assert reasons(document) == dict.fromkeys([4, 8, 10], "no checkbox, where others have one")


def test_a_list_of_tasks_without_checkboxes_is_one_beside_criteria_that_have_some() -> None:
    document = told("# X\n## Tasks\n- a\n- b\n## Success Criteria\n- [ ] fast\n")

    assert titles(document) == ["a", "b"]


@pytest.mark.parametrize("label", ["**Acceptance Criteria:**", "Acceptance criteria:", "**验收标准**", "**Definition of Done:**"])
def test_checkboxes_below_a_line_that_says_criteria_are_none(label: str) -> None:
    document = told(
        f"# X\n## User Stories\n### US-001: See it\n**As a** user\n\n{label}\n- [ ] fast\n- [ ] safe\n\n"
        "### US-002: Use it\n- [ ] x\n"
    )

    assert ids(document) == ["US-001", "US-002"]
    assert list(reasons(document)) == [7, 8, 11]
    assert reasons(document)[11] == "a criterion of task US-002"


def test_a_list_item_can_introduce_criteria_too() -> None:
    document = told("## Tasks\n- [ ] Build it\n  - [ ] first\n  - Acceptance criteria:\n    - [ ] fast\n")

    assert titles(document) == ["Build it", "first"]
    assert 5 in reasons(document)


def test_stories_are_no_tasks_where_there_is_a_list_of_tasks() -> None:
    document = told("# X\n## User Stories\n### US-1: See\n- as a user\n## Features\n- [ ] wished\n## Tasks\n- [ ] do it\n")

    assert titles(document) == ["do it"]


def test_categories_of_a_list_of_things_to_do_are_all_taken() -> None:
    assert titles(told("# TODO\n## Features\n- [ ] a\n## Bugs\n- [ ] b\n")) == ["a", "b"]
    assert titles(told("# Shop\n## Features\n- [ ] a\n## Bugs\n- [ ] b\n", "TODO.md")) == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# My tool TODO\n## Ideas\n- a\n## Bugs\n- b\n", ["a", "b"]),
        ("# Log\n## Ideas\n- a\n## Overview\n- b\n", ["a"]),
    ],
)
def test_a_file_or_title_that_says_to_do_is_nothing_but_a_list(text: str, expected: list[str]) -> None:
    assert titles(told(text, "doc/TODO.md")) == expected


@pytest.mark.parametrize("section", ["Goals", "Objetivos", "目标", "リスク", "비목표", "Non-Goals (Out of Scope)", "Objectifs"])
def test_sections_that_are_no_work_are_known_in_many_tongues(section: str) -> None:
    assert titles(told(f"# TODO: X\n## {section}\n- a\n## Backend\n- b\n", "TODO.md")) == ["b"]


def test_the_numbered_headings_of_requirements_are_the_tasks_of_a_document_without_others() -> None:
    document = told(
        "# Product Requirements Document\n## 1. Goals\n- grow\n## 2. Functional Requirements\n### 2.1 Ingest logs\n- from files\n"
        "### 2.2 Show them\n**Files to Create**:\n- `src/show.py`\n### 2.3 Non-functional requirements\n- fast\n"
        "## 3. Open Questions\n- who?\n"
    )

    assert [(task.id, task.title, task.writes) for task in document.tasks] == [
        ("2.1", "Ingest logs", None),
        ("2.2", "Show them", ("src/show.py",)),
    ]
    assert [one for one in document.warnings if "each feature or requirement" in one]


def test_rows_of_stories_are_tasks_and_what_is_not_wanted_is_deferred() -> None:
    document = told(
        "# PRD\n## User Stories\n| ID | User Story | Priority |\n|---|---|---|\n| US-01 | As a user I see it | Must |\n"
        "| US-02 | As a user I fly | Won't |\n"
    )

    assert [(task.id, task.state) for task in document.tasks] == [("US-01", Mark.OPEN), ("US-02", Mark.DEFERRED)]


def test_steps_of_phases_are_tasks_and_steps_of_a_user_are_not() -> None:
    document = told(
        "# PHASE 1: Base\n### Step 1.1: Set up\n- npm\n# PHASE 2: Rest\n### Step 2.1: Build\n- x\n"
        "## User Flows\n### Step 9: Click\n"
    )

    assert [(task.id, task.title) for task in document.tasks] == [("1.1", "Set up"), ("2.1", "Build")]


@pytest.mark.parametrize("heading", ["P0 - Must Have", "Q4: Growth", "V1: First"])
def test_a_priority_or_a_quarter_is_no_task(heading: str) -> None:
    assert titles(told(f"# X\n## Feature Requirements\n### {heading}\n- a\n- b\n")) == ["a", "b"]


def test_an_item_of_a_phase_that_says_exit_criteria_is_none() -> None:
    assert titles(told("# X\n## Phase 1: Base\n- Build it\n- Exit criteria: it is built\n")) == ["Build it"]


def test_the_title_of_an_epic_makes_no_phase_of_its_sections() -> None:
    document = told("# Epic 1: Login\n## Stories\n- sign up\n## Out of scope\n- fly\n## Timeline\n- two weeks\n")

    assert titles(document) == ["sign up"]


def test_tasks_below_the_heading_of_a_story_are_its_children() -> None:
    document = told("# E\n### Story 1.1: Audit\n#### **Task 1.1.1: Look**\n- [ ] open\n#### Task 1.1.2: Write ✅\n")

    assert [(task.id, task.parent, task.state) for task in document.tasks] == [
        ("1.1", None, Mark.OPEN),
        ("1.1.1", "1.1", Mark.OPEN),
        ("T1", "1.1.1", Mark.OPEN),
        ("1.1.2", "1.1", Mark.DONE),
    ]


@pytest.mark.parametrize(
    ("heading", "state"),
    [
        ("Task 1: Build ✅", Mark.DONE),
        ("Task 1: Build (COMPLETED)", Mark.DONE),
        ("Task 1: Build - In Progress", Mark.IN_PROGRESS),
        ("Task 1: Build the done page", Mark.OPEN),
    ],
)
def test_a_heading_says_how_far_its_task_is(heading: str, state: Mark) -> None:
    assert [task.state for task in told(f"# X\n## {heading}\ntext\n").tasks] == [state]


def test_a_line_of_status_says_how_far_the_task_of_a_heading_is_and_a_strange_word_is_not_done() -> None:
    document = told("# X\n### Task 1: a\n**Status:** ✅ Done\n### Task 2: b\nStatus: dubious\n")

    assert [task.state for task in document.tasks] == [Mark.DONE, Mark.UNKNOWN]
    assert [one for one in document.warnings if "[dubious]" in one]


def test_what_is_struck_out_is_deferred_and_what_stands_below_done_is_done() -> None:
    document = told("# TODO\n- [ ] ~~drop it~~\n- [x] ~~did it~~\n- [ ] ~~Use Redis~~ Use Postgres ~~soon~~\n")
    plain = told("# TODO\n## Next\n- a\n## Done\n- b\n## In Progress\n- c\n")

    assert [task.state for task in document.tasks] == [Mark.DEFERRED, Mark.DONE, Mark.OPEN]
    assert [task.state for task in plain.tasks] == [Mark.OPEN, Mark.DONE, Mark.IN_PROGRESS]


@pytest.mark.parametrize(
    ("text", "heading"),
    [
        ("### US-01：登录\n", "US-01"),
        ("#### 故事 1.2: 登录\n", "1.2"),
        ("### 任务 3：登录\n", "3"),
        ("### Historia 4: Entrar\n", "4"),
    ],
)
def test_headings_of_other_tongues_are_tasks_with_their_ids(text: str, heading: str) -> None:
    assert ids(told(f"# X\n{text}- x\n")) == [heading]


def test_an_id_of_several_parts_stays_whole() -> None:
    assert ids(told("## Tasks\n- FR-LM-001: a\n- FR-LM-002: b\n")) == ["FR-LM-001", "FR-LM-002"]


def test_a_sentence_that_was_wrapped_is_one_title() -> None:
    long = "Teach the importer to read the very old format that nobody"

    assert titles(told(f"- [ ] {long}\n  has used for years. Or so.\n- [ ] short\n  detail\n")) == [
        f"{long} has used for years.",
        "short",
    ]


def test_a_document_in_two_languages_is_told() -> None:
    half = "# {0}\n## Phase 1: {0}\n- [ ] {0}\n## Phase 2: {0}\n- [ ] {0}\n## Phase 3: {0}\n- [ ] {0}\n"

    warnings = told(half.format("Plan") + half.format("计划")).warnings

    assert [one for one in warnings if "line 8: '计划' has the same shape as 'Plan' (line 1)" in one]
    assert not [one for one in told(half.format("Plan")).warnings if "shape" in one]


@pytest.mark.parametrize(
    ("text", "format_"),
    [
        ("# TODO\n- a\n", "todo"),
        ("# Features\n- [ ] a\n", "todo"),
        ("# PRD\n## Requirements\nIt must.\n## Tasks\n- [ ] a\n", "prd-md"),
        ("# Feature: X\n## Requirements\n1. Web: a page\n## Tasks\n- a\n", "seed-prd"),
        ("# Product Requirements Document\n- [ ] a\n", "prd-md"),
        ("# X\n## Features\n- S1. Fast: yes\n## Next steps\n- a\n", "prd-md"),
    ],
)
def test_the_kind_of_a_plain_document_is_told(text: str, format_: str) -> None:
    assert told(text).format == format_


def test_a_table_of_files_to_create_belongs_to_the_requirement_above_it() -> None:
    document = told(
        "# X\n## Requirements\n### 1. Parser\n#### Files to Create\n| File | Why |\n|---|---|\n| `src/parser.py` | reads |\n"
        "## Tasks\n- Write the parser\n- Ship\n"
    )

    assert [task.writes for task in document.tasks] == [("src/parser.py",), None]


def test_a_link_out_of_the_project_is_no_path_that_a_task_writes() -> None:
    text = "# X\n## Tasks\n- Mend it, see [the notes](../../../notes/x.md)\n"

    document = read_material(single(text.encode(), name="prd.md"), strict=False)

    assert [task.writes for task in document.tasks] == [None]
    assert document.warnings == ()


def test_a_checkbox_without_a_word_is_no_task_but_listed() -> None:
    document = told("# TODO\n- [ ] \n- [ ] a\n- [x]\n")

    assert titles(document) == ["a"]
    assert list(reasons(document)) == [2, 4]


def test_a_legend_and_requirements_of_quality_hold_no_tasks() -> None:
    document = told(
        "# X\n## Task Status Legend\n- open\n## Status Legend\n- [x] done\n## Phase 1\n"
        "- [ ] a\n### Security Requirements\n- [ ] safe\n"
    )

    assert titles(document) == ["a"]


@pytest.mark.parametrize("heading", ["Phase 2: Core Features", "Features", "Phase 2: Build\n### Feature: Login"])
def test_open_boxes_below_features_are_tasks_where_no_other_list_of_tasks_is(heading: str) -> None:
    assert titles(told(f"# Plan\n\n## Phase 1: Base\n- [ ] set up\n\n## {heading}\n- [ ] log in\n")) == ["set up", "log in"]


def test_boxes_below_requirements_are_none_beside_a_list_of_tasks_unless_a_phase_holds_them() -> None:
    document = told("# Plan\n## Requirements\n- [ ] fast\n## Phase 2: Core Features\n- [ ] log in\n## Tasks\n- [ ] build\n")

    assert titles(document) == ["log in", "build"]
    assert list(reasons(document)) == [3]


@pytest.mark.parametrize(
    "heading",
    [
        *["Tasks for the checkout workflow", "Tasks to implement the handshake protocol", "To-do before the maintenance"],
        *["Task group handshake protocol", "Task workflow", "Excluded files", "Excluded"],
    ],
)
def test_boxes_below_words_of_work_are_tasks_whatever_else_the_heading_says(heading: str) -> None:
    assert titles(told(f"# X\n\n## {heading}\n- [ ] a\n- [ ] b\n")) == ["a", "b"]
    assert titles(told(f"# X\n\n## Tasks\n- [ ] a\n### {heading}\n- [ ] b\n")) == ["a", "b"]


def test_plain_items_below_rules_of_a_list_and_below_what_is_left_out_are_none_beside_tasks() -> None:
    document = told(
        "# X\n\n## Tasks\n- a\n\n### Excluded\n- b\n- [ ] c\n\n## Task Management Protocol\n- tick it\n\n"
        "## Task Dependencies\n| Task | Depends on |\n|---|---|\n| T1 | T2 |\n"
    )

    assert titles(document) == ["a", "c"]
    assert [line for line in reasons(document) if line in {7, 11}] == [7, 11]


def test_a_document_that_has_only_such_items_has_them_as_tasks() -> None:
    assert titles(told("# X\n\n## Task workflow\n- a\n- b\n")) == ["a", "b"]


def test_features_that_are_not_in_scope_are_none_of_the_tasks() -> None:
    assert titles(told("# X\n\n## Features\n- a\n\n## Features not in scope\n- b\n\n## Items not included\n- c\n")) == ["a"]


def test_a_plain_item_that_names_a_file_is_a_task_beside_headings_that_are() -> None:
    document = told(
        "# Tasks\n\n### Task 1: one\n\nx\n\n### Task 2: two\n\n## Frontend\n\n- Build the page in p.ts\n- a page is there\n"
    )

    assert titles(document) == ["one", "two", "Build the page in p.ts"]
    assert reasons(document) == {12: "below the heading 'Frontend', which holds no tasks"}


def test_a_box_of_validation_that_names_a_file_is_a_task() -> None:
    document = told("## Tasks\n- [ ] Build it\n\n  **Validation:**\n\n  - [ ] Check email in a.ts\n  - [ ] it works\n")

    assert titles(document) == ["Build it", "Check email in a.ts"]
    assert 7 in reasons(document)


def test_requirements_in_lines_of_one_paragraph_are_each_a_task() -> None:
    document = told("# X\n\n## Functional Requirements\n\nAll of it:\n**FR1:** a\nand more\n**FR2:** b\n**FR3:** c\n")

    assert [(str(task.id), task.title, task.source.line) for task in document.tasks] == [
        ("FR1", "a", 6),
        ("FR2", "b", 8),
        ("FR3", "c", 9),
    ]
    assert document.tasks[0].text == "and more"
