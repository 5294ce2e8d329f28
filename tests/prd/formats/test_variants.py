"""Ways of writing the formats that are rarer than those of the documents beside: each was met in somebody's project."""

import json
from pathlib import Path

import pytest

from orchestrator.errors import InputError
from orchestrator.model import Access, Document, Mark
from orchestrator.prd import read, read_material
from orchestrator.prd.page import material


def told(text: str, name: str) -> Document:
    return read(text.encode(), name=name)


def folder(files: dict[str, str]) -> Document:
    return read_material(material({path: text.encode() for path, text in files.items()}, name="."), strict=False)


def backlog(id: str, *, needs: str = "[]", status: str = "To Do", body: str = "") -> str:  # noqa: A002 - the format's word
    return f"---\nid: {id}\ntitle: Title of {id}\nstatus: {status}\ndependencies: {needs}\n---\n{body}\n"


def test_a_tag_of_task_master_may_be_the_list_itself_and_subtasks_may_have_subtasks() -> None:
    deep = {"id": "1.1", "title": "b", "subtasks": [{"id": 1, "title": "c"}, {"id": 2, "title": "d", "dependencies": [1]}]}
    tagged = json.dumps({"master": [{"id": 1, "title": "a", "status": "pending", "subtasks": [deep]}]})

    document = told(tagged, ".taskmaster/tasks/tasks.json")

    assert document.format == "taskmaster-json"
    assert [(task.id, task.parent, task.needs) for task in document.tasks] == [
        *[("1", None, ()), ("1.1", "1", ()), ("1.1.1", "1.1", ()), ("1.1.2", "1.1", ("1.1.1",))],
    ]
    assert document.skipped == ()


def test_ids_that_a_second_tag_counts_anew_are_told_in_one_line() -> None:
    tags = {tag: {"tasks": [{"id": n, "title": f"{tag} {n}", "status": "done"} for n in range(1, 9)]} for tag in ("a", "b")}

    document = told(json.dumps(tags, indent=1), "tasks.json")

    assert [task.id for task in document.tasks][8:10] == ["1~2", "2~2"]
    assert [warning for warning in document.warnings if "8 ids from here on stand twice" in warning]
    assert len(document.warnings) == 1


def test_beads_name_their_ties_in_three_ways_and_say_minutes() -> None:
    rows = [
        {"id": "x-1", "title": "a", "status": "open", "priority": 1, "estimated_minutes": 90},
        {"id": "x-2", "title": "b", "status": "hooked", "dependencies": ["x-1"]},
        {"id": "x-3", "title": "c", "status": "odd", "dependencies": [{"id": "x-2", "dependency_type": "blocks"}]},
        {"id": "x-4", "title": "d", "status": "open", "issue_type": "gate", "labels": ["human"]},
    ]

    tasks = told("\n".join(map(json.dumps, rows)), ".beads/issues.jsonl").tasks

    assert [task.needs for task in tasks] == [(), ("x-1",), ("x-2",), ()]
    assert (tasks[0].estimate, tasks[2].state, tasks[3].gate) == (5400.0, Mark.UNKNOWN, True)


def test_a_need_of_a_completed_task_is_met_and_tasks_stand_in_the_order_of_their_numbers() -> None:
    document = folder(
        {
            "backlog/tasks/task-10 - Ten.md": backlog("task-10", needs="[task-2, task-1, task-404]"),
            "backlog/tasks/task-2 - Two.md": backlog("task-2", body="See [it](../../docs/x.md), mend [that](../../src/a.ts)"),
            "backlog/completed/task-1 - One.md": backlog("task-1", status="Done", body="- [x] #1 done"),
            "backlog/tasks/task-3 - Three.md": "# Task 3\n\n- [ ] no front matter\n",
        }
    )

    assert [(task.id, task.needs, task.writes) for task in document.tasks] == [
        ("task-2", (), ("src/a.ts",)),
        ("task-10", ("task-2",), None),
    ]
    assert document.skipped == ()
    assert document.warnings == (
        "not of backlog-task by what stands in it, so not read: backlog/tasks/task-3 - Three.md",
        "backlog/tasks/task-10 - Ten.md:5: task-10 depends on 'task-404': nothing of that name was found, so it orders nothing",
    )


def test_a_completed_task_that_is_named_is_read() -> None:
    assert [task.state for task in told(backlog("task-1", status="Done"), "backlog/completed/task-1 - One.md").tasks] == [
        Mark.DONE
    ]


def test_a_plan_of_one_feature_is_one_task() -> None:
    plan = (
        "---\nphase: 02-models\nplan: 03\ntype: tdd\ndepends_on: []\nfiles_modified: [src/a.py]\n---\n"
        "<feature>\n  <name>Merge twins</name>\n  <files>\n    src/b.py\n    tests/test_b.py\n  </files>\n"
        "  <behavior>two become one</behavior>\n</feature>\n<verification>\n- [ ] tests pass\n</verification>\n"
    )

    document = told(plan, ".planning/phases/02-models/02-03-PLAN.md")

    assert [(task.id, task.title, task.writes, task.criteria) for task in document.tasks] == [
        ("02-03.1", "Merge twins", ("src/b.py", "tests/test_b.py"), ("two become one",))
    ]
    assert [(one.line, one.reason) for one in document.skipped] == [(17, "a check of the plan 02-03, not one of its tasks")]


def test_a_plan_without_tasks_is_one_task_and_says_so() -> None:
    plan = "---\nphase: 1\nplan: 2\nname: Base\nfiles_modified: [a.css]\n---\n# Plan\n\n- [ ] it looks nice\n"

    document = told(plan, ".planning/phases/01-base/01-02-PLAN.md")

    assert [(task.id, task.title, task.writes) for task in document.tasks] == [("01-02.1", "Base", ("a.css",))]
    assert [one.line for one in document.skipped] == [9]
    assert [warning for warning in document.warnings if "the plan 01-02 is taken as one task" in warning]


def test_the_tasks_of_a_plan_may_stand_below_headings() -> None:
    plan = (
        "---\nphase: 1\nplan: 2\nfiles_modified: [a.css, b.js]\n---\n# Plan\n## Tasks\n### Task 1: Style it\n"
        "<action>\nEdit `a.css`\n</action>\n### Task 2: Script it\ntext\n## After\n- [ ] fine\n"
    )

    document = told(plan, ".planning/phases/01-base/01-02-PLAN.md")

    assert [(task.id, task.title, task.writes, task.source.line) for task in document.tasks] == [
        ("01-02.1", "Style it", ("a.css",), 8),
        ("01-02.2", "Script it", ("a.css", "b.js"), 12),
    ]
    assert [one.line for one in document.skipped] == [15]


def test_text_that_is_no_json_is_refused_in_one_pass() -> None:
    text = '"x", ' * 200_000  # a search from each sign on would take hours

    with pytest.raises(InputError):
        read(text.encode(), name="tasks.json", format="taskmaster-json")


def test_ids_that_stand_twice_in_one_list_are_told_one_by_one() -> None:
    text = "".join(f"## {group}. Group\n" + "".join(f"- [ ] 3.{n} part\n" for n in range(1, 10)) for group in (2, 3))

    assert len(told(text, "openspec/changes/x/tasks.md").warnings) == 9


def test_a_document_that_only_lies_where_a_format_keeps_its_own_is_read_as_what_it_is() -> None:
    table = (
        "# Tasks: Bootstrap\n\n## Phase 1: Base\n\n| Task | ID |\n|---|---|\n| Create `a.toml` | T1 |\n\n"
        "## Definition of Done\n- [ ] it runs\n"
    )

    document = told(table, "openspec/changes/bootstrap/tasks.md")

    assert [(task.id, task.title) for task in document.tasks] == [("T1", "Create `a.toml`")]
    assert document.warnings[0] == f"no task in this document, read as openspec-tasks: taken as {document.format}"
    assert [one.line for one in document.skipped] == [10]


def test_a_task_of_nothing_but_marks_is_called_by_its_id() -> None:
    text = "# Plan\n## Phase 1: Base\n- [ ] Task: **\n- [ ] Task: Build\n"

    assert [task.title for task in read(text.encode(), name="conductor/tracks/x/plan.md", format="conductor-plan").tasks] == [
        *["T1", "Build"]
    ]


def test_drawn_waves_count_more_than_the_order_of_the_list_and_a_checkpoint_still_holds() -> None:
    text = (Path(__file__).parents[2] / "data" / "formats" / "kiro" / "waves.md").read_text(encoding="utf-8")

    order = {str(task.id): task.after for task in told(text, ".kiro/specs/ledger/tasks.md").tasks}
    broken = {str(task.id): task.after for task in told(text.replace('"waves"', "waves"), ".kiro/specs/ledger/tasks.md").tasks}

    assert order["1.1"] == order["4.2"] == (), "the first wave waits for nothing"
    assert (order["1.2"], order["2.2"]) == (("1.1", "4.2"), ("1.2", "2.1"))
    assert (order["3"], order["4.1"]) == (("2",), ("2.2", "3")), "the checkpoint holds what comes in a later wave"
    assert broken["2"] == ("1",), "a graph that cannot be read changes nothing"


def test_task_master_names_needs_in_one_text_or_as_objects() -> None:
    rows = [
        {"id": 1, "title": "a", "dependencies": "2, 3"},
        {"id": 2, "title": "b", "dependencies": [{"id": 3}]},
        {"id": 3, "title": "c", "dependencies": [3]},
    ]

    document = told(json.dumps({"tasks": rows}), ".taskmaster/tasks/tasks.json")

    assert [task.needs for task in document.tasks] == [("2", "3"), ("3",), ()]


def test_steps_that_talk_of_a_later_task_do_not_turn_the_order_of_a_plan_but_a_line_of_its_own_does() -> None:
    plan = (
        "# Plan\n\n### Task 1: Base (depends on Task 3)\n- [ ] **Step 1: Write**\nIt still fails (it needs Task 2's `mint`).\n\n"
        "### Task 2: Mint\n**Dependencies:** Task 3\n- [ ] **Step 1: Write**\nDrop the import if it is unused after Task 4.\n\n"
        "### Task 3: Schema\n- [ ] **Step 1: Write**\n\n### Task 4: Last\n- [ ] **Step 1: Build on it**\nRuns after Task 2.\n"
    )

    document = told(plan, "docs/superpowers/plans/2026-01-01-x.md")

    assert [(task.title, task.needs) for task in document.tasks] == [
        *[("Base", ("3",)), ("Mint", ("3",)), ("Schema", ()), ("Last", ("2",))],
    ]


@pytest.mark.parametrize(
    ("name", "before", "id"),
    [("specs/001-x/tasks.md", "## Phase 1: Base\n\n- [ ] T001 [P] Start\n", "T002"), ("openspec/changes/x/tasks.md", "", "1.2")],
)
def test_a_task_that_is_crossed_out_is_not_planned(name: str, before: str, id: str) -> None:  # noqa: A002 - the format's word
    text = (
        f"# Tasks\n\n{before}- [ ] ~~{id} Drop the old API~~ (superseded)\n- [x] ~~{id}0 Done~~\n- [ ] {id}1 Keep ~~this~~ that\n"
    )

    tasks = [task for task in told(text, name).tasks if task.id.startswith(id)]

    assert [(task.title, task.state) for task in tasks] == [
        *[("Drop the old API (superseded)", Mark.DEFERRED), ("Done", Mark.DONE), ("Keep ~~this~~ that", Mark.OPEN)]
    ]


def test_blocked_by_is_a_need_below_the_dependencies_of_spec_kit_and_in_a_story_of_ralph() -> None:
    boxes = "".join(f"- [ ] T00{n} [P] part {n}\n" for n in (1, 2, 3))
    text = f"# Tasks\n\n## Phase 1: Base\n\n{boxes}\n## Dependencies\n\n- T003 is blocked by T001\n"
    rows = [{"id": "US-1", "title": "a"}, {"id": "US-2", "title": "b", "blocked_by": ["US-1"]}]

    assert [task.needs for task in told(text, "specs/001-x/tasks.md").tasks] == [(), (), ("T001",)]
    assert [task.needs for task in told(json.dumps({"userStories": rows}), "prd.json").tasks] == [(), ("US-1",)]


def test_a_work_package_about_dependencies_needs_only_what_it_says() -> None:
    text = (
        "# Work Packages\n\n## Work Package WP01: Nix Dependencies (Priority: P0)\n\n**Prompt**: `tasks/WP01-nix.md`\n\n"
        "- [ ] T001 Pin WP02 in `flake.nix`\n\n## Work Package WP02: Next (Priority: P1)\n\n"
        "**Dependencies**: WP01\n\n- [ ] T002 Go on\n"
    )
    document = told(text, "kitty-specs/001-x/tasks.md")

    assert [(task.id, task.needs) for task in document.tasks if task.parent is None] == [("WP01", ()), ("WP02", ("WP01",))]
    assert [task.id for task in document.tasks if task.parent] == ["T001", "T002"]
    assert document.warnings == ()


def test_what_another_agent_is_waited_for_is_found_by_short_words_too() -> None:
    plan = "# Parallel Execution Plan - Agent {}\n## Tasks\n{}"
    document = folder(
        {
            "parallel-plans/agent-1-plan.md": plan.format(1, "1. Call it\n   - Wait for: agent-2 completes API\n"),
            "parallel-plans/agent-2-plan.md": plan.format(2, "1. Build API\n2. Clean up\n"),
        }
    )

    assert [(task.id, task.needs) for task in document.tasks] == [("1.1", ("2.1",)), ("2.1", ()), ("2.2", ())]


def test_an_openspec_list_whose_headings_are_the_tasks_has_criteria_in_its_boxes() -> None:
    document = told(
        "# Tasks\n\n## Phase 1: Base\n\n### Task 1.1: Make the model\n**File**: `app/model.py`\n\n**Acceptance Criteria**:\n"
        "- [ ] it has all fields\n- [ ] it is checked\n\n**Estimated Effort**: 1 hour\n\n### Task 1.2: Make the tool\n"
        "**Dependencies**: Task 1.1\n\nWrite it in `app/tool.py`.\n\n**Validation**:\n- [ ] it can be called\n",
        "openspec/changes/add-tool/tasks.md",
    )

    assert document.format == "openspec-tasks"
    assert [(task.id, task.title, task.needs, task.writes) for task in document.tasks] == [
        ("1.1", "Make the model", (), ("app/model.py",)),
        ("1.2", "Make the tool", ("1.1",), ("app/tool.py",)),
    ]
    assert (document.tasks[0].criteria, document.tasks[0].estimate) == (("it has all fields", "it is checked"), 3600.0)
    assert [one.line for one in document.skipped] == [9, 10, 20]


def test_such_an_openspec_list_keeps_its_requirements_and_what_is_shared() -> None:
    document = told(
        "# Tasks\n\n## Requirements\n\n1. Backend: a model\n\n## Shared Dependencies\n\n- `app/base.py` - Read-Only\n\n"
        "### Task 1: Model\n\n**Acceptance Criteria**:\n- [ ] it is there\n\n### Task 2: Tool\n\n"
        "**Validation**:\n- [ ] it runs\n",
        "openspec/changes/add-tool/tasks.md",
    )

    assert [one.area for one in document.requirements] == ["Backend"]
    assert [(str(row.path), row.access) for row in document.ownership] == [("app/base.py", Access.READ_ONLY)]


def test_a_plan_that_superpowers_signs_is_one_without_steps_and_goes_in_turn() -> None:
    document = told(
        "# Menu Plan\n\n> **For Claude:** REQUIRED SUB-SKILL: Use superpowers:executing-plans for this plan.\n\n"
        "## Task 1: Tests of the menu\n\n**Files:**\n- Modify: `tests/menu.test.ts`\n\n"
        "## Task 2: The menu\n\n**Files:**\n- Create: `src/menu.ts`\n",
        "docs/plans/2026-01-02-menu.md",
    )

    assert document.format == "superpowers-plan"
    assert [(task.id, task.after, task.writes) for task in document.tasks] == [
        ("1", (), ("tests/menu.test.ts",)),
        ("2", ("1",), ("src/menu.ts",)),
    ]


def test_a_work_package_may_tell_its_needs_amid_other_lines() -> None:
    document = told(
        "# Work Packages\n\n## WP01: Base\n\nSummary: what WP02 builds on.\nDependencies: none\n\n- [ ] T001 Lay the base\n\n"
        "## WP02: Doors\n\nSummary: hang them.\nDependencies: WP01\nPrompt: see WP03.\n\n- [ ] T002 Hang a door\n",
        "kitty-specs/004-house/tasks.md",
    )

    assert {task.id: task.needs for task in document.tasks if task.id.startswith("WP")} == {"WP01": (), "WP02": ("WP01",)}


def test_a_plan_of_gsd_whose_status_says_so_is_done_and_writes_nobody_knows_what_without_its_list() -> None:
    front = "---\nphase: 7\nplan: 07-01\nstatus: complete\ndepends_on: []\n---\n"
    body = "# Plan\n\n## Files to modify\n\n### Read models\n- `app/read.py`\n"

    document = told(front + body, ".planning/phases/07-move/07-01-PLAN.md")

    assert [(task.state, task.writes) for task in document.tasks] == [(Mark.DONE, None)]


def test_the_points_of_a_part_of_a_plan_of_gsd_are_criteria_of_their_own() -> None:
    task = (
        "<task><name>Frame</name><files>a.ts</files><behavior>\n- one\n  goes on\n- two\n</behavior><done>all said</done></task>"
    )

    document = told(f"---\nphase: 1\nplan: 1\n---\n{task}\n", ".planning/phases/01-a/01-01-PLAN.md")

    assert document.tasks[0].criteria == ("all said", "one goes on", "two")


def test_a_place_for_a_commit_is_no_task_of_conductor_and_leaves_a_person_their_step() -> None:
    document = told(
        "# Plan\n\n## Phase 1: A\n\n- [ ] Task: Build\n    - [ ] [git-hash: ]\n"
        "- [ ] Task: Conductor - User Manual Verification 'A'\n    - [ ] [git-hash: ]\n",
        "conductor/tracks/a_1/plan.md",
    )

    assert document.tasks[0].title == "Build"
    assert [task.gate for task in document.tasks] == [False, True]
    assert [(one.line, one.reason) for one in document.skipped] == [
        (6, "a place for a commit, no work"),
        (8, "a place for a commit, no work"),
    ]


def test_what_a_task_of_ccpm_builds_on_is_none_of_its_criteria() -> None:
    document = told(
        "---\nname: Doors\nstatus: open\n---\n## Acceptance Criteria\n- [ ] it opens\n\n## Dependencies\n- [ ] a frame\n",
        ".claude/epics/house/002.md",
    )

    assert document.tasks[0].criteria == ("it opens",)
    assert [one.reason for one in document.skipped] == [
        "a criterion of 002",
        "what 002 builds on, in words: depends_on orders it",
    ]


def test_a_task_of_a_story_may_serve_all_criteria() -> None:
    document = told(
        "# Story 1.2: Doors\n## Acceptance Criteria\n1. opens\n2. shuts\n\n## Tasks / Subtasks\n- [ ] Task 1: Tests (AC: all)\n",
        "docs/stories/1.2.story.md",
    )

    assert [(task.title, task.criteria) for task in document.tasks] == [("Tests", ("opens", "shuts"))]


def test_parents_of_ai_dev_tasks_may_be_bold() -> None:
    document = told(
        "# Task List: Login\n\n## Current State\n\n- a page is there\n\n## Relevant Files\n\n- `a.ts` - the page\n\n## Tasks\n\n"
        "- [x] **1.0 Lay the base**\n  - [x] 1.1 Make `b.ts`\n- [ ] **2.0 Doors** (front only)\n",
        "tasks/tasks-0001-prd-login.md",
    )

    assert document.format == "ai-dev-tasks"
    assert [(task.id, task.parent, task.title) for task in document.tasks] == [
        ("1.0", None, "Lay the base"),
        ("1.1", "1.0", "Make `b.ts`"),
        ("2.0", None, "Doors (front only)"),
    ]


def test_an_archived_plan_of_conductor_is_one_where_it_is_named() -> None:
    document = told("# Plan\n\n## Phase 1\n\n- [x] Task: Build ef3ef97\n", "conductor/archive/doors_1/plan.md")

    assert (document.format, document.tasks[0].title) == ("conductor-plan", "Build")
