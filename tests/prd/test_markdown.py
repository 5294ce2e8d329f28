"""PRDs and task lists as people write them."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.errors import InputError, PrdError, UsageError
from orchestrator.model import Document, Mark, Task
from orchestrator.prd import FORMATS, read, read_material
from orchestrator.prd.needs import DependencyCycle, UnknownNeed
from orchestrator.prd.page import single

ROOT = Path(__file__).parents[2]
COUSIN = ROOT / "tests" / "data" / "parallel-analytics-prd.md"
SEED = ROOT / "configs" / "demo" / "feature-prd.md"


def told(text: str) -> Document:
    return read(text.encode(), name="prd.md")


def titles(document: Document) -> list[str]:
    return [task.title for task in document.tasks]


def needs(document: Document) -> dict[str, tuple[str, ...]]:
    return {task.id: task.needs for task in document.tasks}


def by_id(document: Document) -> dict[str, Task]:
    return {task.id: task for task in document.tasks}


def test_the_seed_has_four_tasks_and_three_areas() -> None:
    document = read(SEED.read_bytes(), name="feature-prd.md")

    assert (document.title, document.format) == ("User Dashboard", "seed-prd")
    assert [(task.id, task.title, task.source.line) for task in document.tasks] == [
        ("T1", "Create dashboard component", 7),
        ("T2", "Build metrics API", 8),
        ("T3", "Implement ML model", 9),
        ("T4", "Add WebSocket updates", 10),
    ]
    assert [(one.area, one.text) for one in document.requirements] == [
        ("Frontend", "React dashboard with charts"),
        ("Backend", "REST API for metrics"),
        ("ML", "Anomaly detection service"),
    ]
    assert (document.skipped, document.warnings) == ((), ())


def test_the_longer_cousin_gives_each_file_to_the_task_that_names_it() -> None:
    document = read(COUSIN.read_bytes(), name="prd.md")

    assert document.title == "Analytics Platform"
    assert [task.area for task in document.tasks] == ["Frontend Dashboard"] * 4 + ["Backend API"] * 4 + ["ML Analysis"] * 4
    assert {task.id: task.writes for task in document.tasks} == {
        "T1": ("frontend/components/Dashboard.tsx",),
        "T2": ("frontend/components/ChartWidget.tsx",),
        "T3": ("frontend/hooks/useMetrics.ts",),
        "T4": ("frontend/styles/dashboard.css",),
        "T5": ("shared/types/metrics.ts",),
        "T6": ("backend/api/metrics.ts", "backend/models/Metric.ts"),
        "T7": ("backend/api/metrics.ts", "backend/services/aggregation.ts"),
        "T8": ("backend/websocket/server.ts",),
        "T9": ("ml/models/anomaly.py",),
        "T10": ("ml/models/forecast.py",),
        "T11": ("ml/pipelines/training.py",),
        "T12": ("ml/prompts/insights.md",),
    }


def test_the_longer_cousin_orders_streams_by_what_depends_on_what() -> None:
    ordered = needs(read(COUSIN.read_bytes(), name="prd.md"))

    assert {ordered[name] for name in ("T1", "T2", "T3", "T4", "T6", "T7", "T8")} == {("T5",)}
    assert ordered["T5"] == ()
    assert {ordered[name] for name in ("T9", "T10", "T11", "T12")} == {("T5", "T6", "T7", "T8")}


def test_the_longer_cousin_says_what_it_could_not_take() -> None:
    document = read(COUSIN.read_bytes(), name="prd.md")

    assert [one.line for one in document.skipped] == [78, 79, 80, 81]
    assert all("Success Criteria" in one.reason for one in document.skipped)
    assert [warning for warning in document.warnings if "announces 5 tasks, 4 were found" in warning]
    assert [warning for warning in document.warnings if "'Live updates' depends on 'Moon phases'" in warning]


def test_children_are_tasks_with_a_parent_and_every_mark_has_its_state() -> None:
    document = told("# TODO\n- [ ] a\n  - [x] b\n    + [X] c\n- [~] d\n- [-] e\n* [ ]* f\n1) [] g\n")

    assert [(task.title, task.parent, task.state) for task in document.tasks] == [
        ("a", None, Mark.OPEN),
        ("b", "T1", Mark.DONE),
        ("c", "T2", Mark.DONE),
        ("d", None, Mark.UNKNOWN),
        ("e", None, Mark.UNKNOWN),
        ("f", None, Mark.OPEN),
        ("g", None, Mark.OPEN),
    ]
    assert len([warning for warning in document.warnings if "taken as not done" in warning]) == 2


@pytest.mark.parametrize(
    ("line", "name", "title"),
    [
        ("T001 [P] Create it", "T001", "Create it"),
        ("1.2 Create it", "1.2", "Create it"),
        ("1.10 Create it", "1.10", "Create it"),
        ("002 Create it", "002", "Create it"),
        ("0755: Create it", "0755", "Create it"),
        ("AUTH-7: Create it", "AUTH-7", "Create it"),
        ("**T9** Create it", "T9", "Create it"),
        ("3) Create it", "3", "Create it"),
        ("Task 4: Create it", "4", "Create it"),
        ("2024 was good", "T1", "2024 was good"),
        ("API v2 is needed", "T1", "API v2 is needed"),
    ],
)
def test_an_id_stays_the_text_that_was_written(line: str, name: str, title: str) -> None:
    (task,) = told(f"- [ ] {line}\n").tasks

    assert (task.id, task.title) == (name, title)


def test_a_parallel_mark_is_noted_and_taken_out_of_the_title() -> None:
    (task,) = told("- [ ] T001 [P] [US1] Create `src/a.py`\n").tasks

    assert (task.parallel, task.title, task.writes) == (True, "Create `src/a.py`", ("src/a.py",))


def test_a_repeated_id_gets_a_number_and_a_warning() -> None:
    document = told("- [x] 6 . x\n- [ ] T6 a\n- [ ] T6 b\n")

    assert [task.id for task in document.tasks][1:] == ["T6", "T6~2"]
    assert [warning for warning in document.warnings if "T6~2" in warning]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("(depends on T3)", ("T3",)),
        ("(depends on T3, T5-T7)", ("T3", "T5", "T6", "T7")),
        ("(depends on T5~T6 and T1)", ("T5", "T6", "T1")),
        ("(after T5-6)", ("T5", "T6")),
        ("depends on: t3", ("T3",)),
        ("[blocked by T1 & T2]", ("T1", "T2")),
        ("needs T1", ("T1",)),
        ("（依赖 T1、T2）", ("T1", "T2")),
        ("needs 3 columns", ()),
        ("after 5 seconds", ()),
        ("depends on 3 services", ()),
    ],
)
def test_needs_are_read_and_amounts_are_not(said: str, expected: tuple[str, ...]) -> None:
    others = "".join(f"- [ ] T{number} do {number}\n" for number in range(1, 8))

    document = told(f"{others}- [ ] T9 Build it {said}\n")

    assert needs(document)["T9"] == tuple(sorted(expected, key=expected.index))
    if not expected:
        assert by_id(document)["T9"].title == f"Build it {said}", "the title keeps its words"


@pytest.mark.parametrize("detail", ["Depends on: T1", "**Dependencies**: T1", "_Requires: T1_", "Blocked by: T1"])
def test_needs_stand_in_details_too(detail: str) -> None:
    assert needs(told(f"- [ ] T1 a\n- [ ] T2 b\n  - {detail}\n"))["T2"] == ("T1",)


def test_a_numbered_list_without_ids_is_meant_by_its_numbers() -> None:
    assert needs(told("## Tasks\n1. A\n2. B (depends on 1)\n3. C needs 1 and 2\n")) == {
        "T1": (),
        "T2": ("T1",),
        "T3": ("T1", "T2"),
    }


def test_a_need_in_words_is_found_by_title_or_said_to_order_nothing() -> None:
    document = told(
        "- [ ] Draw the login page\n- [ ] Test it (depends on Draw the login page)\n- [ ] Ship, depends on good weather\n"
    )

    assert needs(document)["T2"] == ("T1",)
    assert [warning for warning in document.warnings if "good weather" in warning]


def test_an_unknown_need_is_refused_with_its_line_and_the_nearest_id() -> None:
    with pytest.raises(UnknownNeed, match=r"prd\.md:2: task T2 needs T8, which does not exist"):
        told("- [ ] T1 a\n- [ ] T2 b (depends on T8)\n")


def test_a_circle_is_named_with_its_lines() -> None:
    with pytest.raises(DependencyCycle, match=r"T1 \(prd\.md:1\) -> T2 \(prd\.md:2\) -> T1 \(prd\.md:1\)"):
        told("- [ ] T1 a (depends on T2)\n- [ ] T2 b (depends on T1)\n")


def test_a_heading_can_be_a_task_with_its_details_below() -> None:
    document = told(
        "# Plan\n### Task 1: Parse\n**Files:**\n- Create: `src/p.py`\n- [ ] **Step 1: test**\n### Task 2: Print\n- nicely\n"
    )

    assert [(task.id, task.title, task.writes) for task in document.tasks] == [
        ("1", "Parse", ("src/p.py",)),
        ("2", "Print", None),
    ]
    assert [(one.line, one.reason) for one in document.skipped] == [(5, "a step of task 1")]


def test_rows_of_a_table_below_tasks_are_tasks() -> None:
    document = told(
        "## Tasks\n\n| ID | Task | Depends on | File |\n|---|---|---|---|\n| T1 | Build | - | `a.py` |\n| T2 | Ship | T1 | |\n"
    )

    assert [(task.id, task.title, task.needs, task.writes, task.source.line) for task in document.tasks] == [
        ("T1", "Build", (), ("a.py",), 5),
        ("T2", "Ship", ("T1",), None, 6),
    ]
    assert document.warnings == ()


def test_a_table_that_cannot_be_read_is_listed_row_by_row() -> None:
    document = told("## Tasks\n- a\n\n| Colour | Size |\n|---|---|\n| red | 1 |\n")

    assert [one.line for one in document.skipped] == [6]


@pytest.mark.parametrize("heading", ["## Phase 1: Metrics", "## Milestone 2", "## Sprint 3 - Risk engine"])
def test_items_of_phases_are_tasks_where_nothing_else_is(heading: str) -> None:
    assert titles(told(f"# P\n{heading}\n- a\n- b\n## Risks\n- c\n")) == ["a", "b"]


@pytest.mark.parametrize(
    "heading", ["## 任务", "## タスク", "## 작업", "## Aufgaben", "## 3. Task Breakdown", "Tasks\n-----", "## ✅ TODO"]
)
def test_a_heading_says_tasks_in_many_tongues(heading: str) -> None:
    assert titles(told(f"# X\n{heading}\n- eins\n- 二\n")) == ["eins", "二"]


@pytest.mark.parametrize(
    "heading",
    ["Success Criteria", "Acceptance criteria for launch", "Risks and mitigation", "Open Questions", "Definition of Done"],
)
def test_checkboxes_below_what_is_no_work_are_listed_and_not_taken(heading: str) -> None:
    document = told(f"# X\n- [ ] a\n## {heading}\n### Part\n- [ ] b\n")

    assert titles(document) == ["a"]
    assert [one.line for one in document.skipped] == [5]


@pytest.mark.parametrize("heading", ["Backend", "Risk scoring service", "Phase 2: Metrics", "Notes app"])
def test_checkboxes_below_a_heading_that_only_sounds_like_no_work_are_taken(heading: str) -> None:
    assert titles(told(f"# X\n## {heading}\n- [ ] b\n")) == ["b"]


def test_windows_line_ends_a_byte_order_mark_tabs_and_hard_spaces_change_nothing() -> None:
    plain = "# X\n## Tasks\n- T1: a\n- T2: b (depends on T1)\n"

    marked = "\ufeff" + plain.replace("\n", "\r\n").replace("- T", "-\tT").replace("b (", "b\u00a0(")

    assert [(task.id, task.title, task.source.line, task.needs) for task in told(marked).tasks] == [
        (task.id, task.title, task.source.line, task.needs) for task in told(plain).tasks
    ]


def test_separators_inside_a_line_do_not_move_line_numbers() -> None:
    assert [task.source.line for task in told("# X\x0c\u2028\u0085\n## Tasks\n- a\n").tasks] == [3]


def test_examples_in_fences_comments_and_front_matter_are_no_tasks_but_listed() -> None:
    document = told(
        "---\n- [ ] front\n---\n- [ ] a\n\n  ```\n  - [ ] inside\n  ```\n"
        "````\n```\n- [ ] fenced\n```\n````\n<!--\n- [ ] comment\n-->\n"
    )

    assert titles(document) == ["a"]
    assert [one.line for one in document.skipped] == [2, 7, 11, 15]
    assert all(one.reason for one in document.skipped)


def test_a_fence_that_never_ends_is_told() -> None:
    document = told("- [ ] a\n```\n- [ ] b\n")

    assert [one.line for one in document.skipped] == [3]
    assert [warning for warning in document.warnings if "line 2" in warning and "never closed" in warning]


def test_a_checkbox_without_a_list_mark_is_listed() -> None:
    assert [(one.line, one.text) for one in told("- [ ] a\n\n[ ] b\n").skipped] == [(3, "[ ] b")]


def test_a_step_for_a_person_is_a_gate() -> None:
    document = told("- [ ] Build it\n- [ ] Checkpoint - ensure all tests pass\n- [ ] Manual verification of the page\n")

    assert [task.gate for task in document.tasks] == [False, True, True]


def test_a_child_knows_what_it_is_part_of() -> None:
    assert told("- [ ] Build the parser\n  - [ ] write its manual\n").tasks[1].text == "Part of: Build the parser"


@pytest.mark.parametrize("path", ["../x.py", "/../x.py", "src/../../x.py"])
def test_a_path_that_leaves_the_project_is_refused_with_its_line(path: str) -> None:
    with pytest.raises(InputError, match=r"prd\.md:2: .*leaves the project"):
        told(f"- [ ] a\n- [ ] b `{path}`\n")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b" \n\t\n", "empty"),
        (b"a\0b", "binary"),
        (b"\x89PNG\r\n\x1a\n\0", "binary"),
        (b"# T\n- caf\xe9\n", r"prd\.md:2: not UTF-8: byte 0xe9 at offset 9"),
        (b"# Only a title\n\nAnd prose.\n", "no task in this document"),
        (b"x" * (16 * 1024 * 1024 + 1), "too large"),
    ],
)
def test_what_cannot_be_read_says_why_and_what_helps(data: bytes, message: str) -> None:
    with pytest.raises(PrdError, match=message) as caught:
        read(data, name="prd.md")

    assert caught.value.hint
    assert caught.value.exit_code == 3


def test_an_unknown_format_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'seed-prd'"):
        read(b"- [ ] a\n", name="x", format="seed-prf")
    assert read(b"- [ ] a\n", name="x", format="todo").format == "todo" in FORMATS


PIECES = (
    "# |## Tasks\n|## Phase 1: X\n|### Task 1: do it\n|### Stream 1: Web (2 tasks)\n|- [ ] |- |* |1. |  - |    - [x] |T001 "
    "|T1|T2 |(depends on T1)| depends on |after T1-T3|`src/a.py`|`src/`|../x |\n|\n\n|```\n|~~~\n|<!--|-->|> |**|Frontend: "
    "|## Requirements\n|\\|[P] |\t|\u00a0|\r\n|\ufeff|---\n|Dependencies: |**Files to Create**:\n|## Dependencies\n"
    "|A depends on: B\n|任务|- [~] |[ ] x|\x0c|1.2 |- - [ ] y\n|<div>\n|=====\n"
)
TEXTS = st.lists(st.sampled_from(PIECES.split("|")), max_size=40).map("".join)


def require_nothing_dropped(data: bytes) -> None:
    try:
        document = read(data, name="prd.md")
    except (InputError, UsageError):
        return
    lines = data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    known = {task.source.line for task in document.tasks} | {one.line for one in document.skipped}
    boxes = {
        n for n, line in enumerate(lines, start=1) if line.replace("\u00a0", " ").lstrip(" \t").startswith(("- [ ] T", "- [x] T"))
    }
    assert boxes <= known
    assert all(one.reason for one in document.skipped)
    assert len({task.id for task in document.tasks}) == len(document.tasks)


@given(TEXTS)
def test_no_text_crashes_the_reader_and_no_checkbox_is_dropped_in_silence(text: str) -> None:
    require_nothing_dropped(text.encode())


@given(st.sampled_from([SEED, COUSIN]), st.data())
def test_no_change_of_bytes_and_no_prefix_of_a_prd_crashes_the_reader(path: Path, data: st.DataObject) -> None:
    body = bytearray(path.read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(body) - 1), max_size=4)):
        body[place] = data.draw(st.integers(0, 255))

    require_nothing_dropped(bytes(body[: data.draw(st.integers(0, len(body)))]))


@pytest.mark.soak
@settings(max_examples=50_000)
@given(TEXTS)
def test_none_of_many_texts_crashes_the_reader(text: str) -> None:
    require_nothing_dropped(text.encode())


def test_a_box_in_a_block_quote_is_a_task_as_any_other() -> None:
    assert [task.title for task in read(b"# X\n\n- [ ] One\n\n> - [ ] Two\n> - [x] Three\n", name="todo.md").tasks] == [
        "One",
        "Two",
        "Three",
    ]


def test_plain_items_say_their_state_by_a_sign_or_a_word_before_or_behind_them() -> None:
    lines = (
        "[DONE] Set up CI",
        "✅ Theme switch",
        "🚧 Toolbar",
        "(in progress) Menu",
        "Footer (done)",
        "Write the done handler",
        "Done list",
    )
    text = "# Plan\n\n## Tasks\n" + "".join(f"{n}. {line}\n" for n, line in enumerate(lines, start=1))

    tasks = read(text.encode(), name="plan.md").tasks

    assert [(task.title, str(task.state)) for task in tasks] == [
        *[
            ("Set up CI", "done"),
            ("Theme switch", "done"),
            ("Toolbar", "in_progress"),
            ("Menu", "in_progress"),
            ("Footer", "done"),
        ],
        *[("Write the done handler", "open"), ("Done list", "open")],
    ]


def test_boxes_that_are_one_sign_are_boxes_and_other_signs_beside_boxes_are_told() -> None:
    text = "# Plan\n\n- ☐ Draw\n- ☑ Measure\n- ☒ Drop\n- ⬜ Cut\n- ⏳ Waiting for wood\n☐ Glue\n"

    document = read(text.encode(), name="plan.md")

    assert [(task.title, str(task.state)) for task in document.tasks] == [
        *[("Draw", "open"), ("Measure", "done"), ("Drop", "unknown"), ("Cut", "open")]
    ]
    assert [one.line for one in document.skipped] == [7, 8]


def test_a_line_of_dependencies_may_name_several_tasks_by_their_titles() -> None:
    text = "# Plan\n## Tasks\n- [ ] Draw it\n- [ ] Cut it\n- [ ] Glue it\n  - **Depends on**: Draw it, Cut it\n"

    assert [task.needs for task in read(text.encode(), name="plan.md").tasks] == [(), (), ("T1", "T2")]


def test_a_task_that_depends_on_itself_is_told_and_not_planned() -> None:
    text = b"# Tasks\n- [ ] T1 Build it (depends on T1)\n- [ ] T2 Ship it (depends on T1)\n"

    with pytest.raises(DependencyCycle, match=r"T1 .* -> T1"):
        read(text, name="prd.md")
    document = read_material(single(text, name="prd.md"), strict=False)
    assert needs(document) == {"T1": (), "T2": ("T1",)}
    assert document.warnings == ("line 2: T1 depends on itself, so it orders nothing",)
    prose = b"# Tasks\n- [ ] T1 Build it\n  After T1: four failures fewer\n"
    assert needs(read(prose, name="prd.md")) == {"T1": ()}, "prose that speaks of the task itself asks for nothing"


def test_of_two_parts_of_one_name_a_task_needs_the_one_that_stands_nearest() -> None:
    text = (
        "# Shop\n## Web\n### Phase 1: Forms\n- [ ] Form in a.ts\n### Phase 2: Pages\n- [ ] Page in b.ts (depends on Phase 1)\n"
        "## Server\n### Phase 1: Tables\n- [ ] Table in c.py\n### Phase 2: Routes\n- [ ] Route in d.py (depends on Phase 1)\n"
        "## Both\n- [ ] Join them in e.py (depends on Phase 2)\n"
    )

    assert needs(read(text.encode(), name="PRD.md")) == {"T1": (), "T2": ("T1",), "T3": (), "T4": ("T3",), "T5": ("T2", "T4")}


def test_streams_and_phases_are_known_by_their_letters_and_numbers_too() -> None:
    document = told(
        "## Stream A: Types\n1. Types in `a.ts`\n2. Config in `b.ts`\n"
        "## Stream B: API\n1. API in `c.ts` (depends on Stream A)\n2. Docs in `d.md`, depends on streams of data\n"
        "## Stream 3: UI\n- [ ] Page `e.ts`, needs stream B\n- [ ] Form `f.ts` (depends on Stream A and Stream B)\n"
        "## Dependencies\n- Stream 3 depends on Stream A\n"
    )

    assert needs(document)["T3"] == ("T1", "T2")
    assert needs(document)["T4"] == ()
    assert needs(document)["T5"] == ("T3", "T4", "T1", "T2")
    assert needs(document)["T6"] == ("T1", "T2", "T3", "T4")


def test_a_heading_that_names_an_agent_says_what_it_is_for() -> None:
    document = told(
        "# Tasks\n## Agent 1: Frontend\n- [ ] Page in `ui/p.tsx`\n"
        "## Agent 2 (Backend)\n- [ ] API in `api/a.py`\n- [ ] Rows in `api/b.py` (depends on Agent 1)\n"
    )

    assert [task.area for task in document.tasks] == ["Frontend", "Backend", "Backend"]
    assert needs(document)["T3"] == ("T1",)


def test_a_task_says_how_long_it_takes() -> None:
    document = told(
        "### Task 1: Core\n**Estimate:** 1-2h\n- Owner: agent-2\n"
        "### Task 2: Page\n- Effort: 30 min\n### Task 3: Session cookie\n- Duration: 30 minutes\n"
    )

    assert [task.estimate for task in document.tasks] == [7200.0, 1800.0, None]
    assert {task.agents for task in document.tasks} == {()}, "of who is named in prose nobody knows whether they are seated"


def test_the_product_that_a_task_itself_speaks_of_is_no_id() -> None:
    document = told("# Tasks\n- [ ] write S3 upload\n- [ ] S3 cleanup depends on S3\n")

    assert [task.needs for task in document.tasks] == [(), ()]


def test_an_agent_of_a_name_is_a_subject_and_no_area() -> None:
    document = told("# Tasks\n## Agent UI - Dashboard\n- [ ] Page in `ui/p.tsx`\n")

    assert [task.area for task in document.tasks] == [None]


def test_a_box_in_a_comment_and_a_row_beside_boxes_are_told_with_their_reasons() -> None:
    document = told("## Tasks\n- [ ] one\n<!-- - [ ] two -->\n\n| ID | Task |\n|---|---|\n| T9 | three |\n")

    assert [(one.line, one.reason) for one in document.skipped] == [
        (3, "inside an HTML comment"),
        (7, "no checkbox, where others have one"),
    ]


def test_what_was_meant_as_a_checkbox_is_told() -> None:
    document = told("# Plan\n\n- [ ] one\n- [ x ] two\n- (x) three\n- ( ) four\n")

    assert titles(document) == ["one"]
    assert [one.line for one in document.skipped] == [4, 5, 6]


def test_issues_of_github_are_needed_by_their_numbers() -> None:
    document = told(
        "# Epic\n- [ ] #12 Build login\n- [ ] #13 Search, depends on #12\n- [ ] #14\n- [ ] Ship (requires: Build login, Search)\n"
    )

    assert needs(document) == {"12": (), "13": ("12",), "T1": (), "T2": ("12", "13")}
    assert titles(document)[:3] == ["Build login", "Search", "#14"]


def test_a_letter_and_a_number_are_an_id_where_a_task_needs_it() -> None:
    document = told("# Tasks\n- [ ] K1 Build `a.txt`\n- [ ] K2 Test it (depends on K1)\n- [ ] S3 buckets\n- [ ] K9 Ship\n")

    assert needs(document) == {"K1": (), "K2": ("K1",), "T1": (), "K9": ()}
    assert titles(document) == ["Build `a.txt`", "Test it", "S3 buckets", "Ship"]
    assert [task.id for task in told("# Tasks\n- [ ] S3 buckets\n- [ ] B2 backups\n").tasks] == ["T1", "T2"]


def test_an_item_that_says_nothing_is_no_task() -> None:
    assert titles(told("# Todo\n\n1. Build it\n2. ...\n")) == ["Build it"]


def test_requirements_that_are_paragraphs_are_taken_where_there_is_nothing_else() -> None:
    document = told(
        "# PRD\n\n## Functional Requirements\n\n**FR1:** The page shall load.\n\n**FR2a**: It shall close. See `web/page.ts`.\n\n"
        "Plain talk.\n\n## Non-Functional Requirements\n\n**NFR1:** It shall be fast.\n"
    )

    assert [(task.id, task.title, task.writes) for task in document.tasks] == [
        ("FR1", "The page shall load.", None),
        ("FR2a", "It shall close. See `web/page.ts`.", None),
    ]
    assert [warning for warning in document.warnings if "each feature or requirement" in warning]


def test_a_title_makes_no_tasks_of_plain_items_where_a_list_below_it_has_boxes() -> None:
    document = told("# Task List: Login\n\n## Where we stand\n\n- a page is there\n\n## Tasks\n\n- [ ] Build it\n")

    assert titles(document) == ["Build it"]
    assert [(one.line, one.reason) for one in document.skipped] == [(5, "no checkbox, where others have one")]


def test_a_title_of_tasks_makes_tasks_of_what_stands_below_it_as_long_as_nothing_has_boxes() -> None:
    assert titles(told("# Tasks\n\n## First\n\n- Build it\n\n## Next steps\n\n- Paint it\n")) == ["Build it", "Paint it"]


def test_what_decides_whether_to_go_is_no_work() -> None:
    assert titles(told("# PRD\n\n## Features\n\n### 1. Map\n\n### 2. List\n\n## 8.3 Go/No-Go\n\n- [ ] it is fast\n")) == [
        "Map",
        "List",
    ]


def test_a_title_makes_no_tasks_of_plain_items_where_headings_are_the_tasks() -> None:
    text = "# Tasks for the doors\n\n### Task 1: Build\n\n### Task 2: Paint\n\n## Parallel work\n\n- Task 1 can be done at once\n"

    assert titles(told(text)) == ["Build", "Paint"]


def test_a_list_of_things_to_do_takes_what_stands_beside_its_boxes_and_headings() -> None:
    text = "# TODO: the doors\n\n### Task 1: Build\n\n### Task 2: Paint\n\n## Later\n\n- Oil the hinges\n"

    assert titles(read(text.encode(), name="TODO.md")) == ["Build", "Paint", "Oil the hinges"]
