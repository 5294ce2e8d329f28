from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import InputError
from orchestrator.model import Document, Mark, Task
from orchestrator.prd import read
from orchestrator.prd.formats.speckit_needs import said_needs

DATA = Path(__file__).parents[2] / "data" / "formats" / "speckit"


def told(name: str) -> Document:
    return read((DATA / name).read_bytes(), name="specs/001-photo-albums/tasks.md")


def by_id(name: str) -> dict[str, Task]:
    return {task.id: task for task in told(name).tasks}


def after(name: str) -> dict[str, tuple[str, ...]]:
    return {task.id: task.after for task in told(name).tasks}


def test_every_box_with_an_id_is_a_task_and_placeholders_are_numbered() -> None:
    document = told("photo-albums.md")

    assert (document.format, document.title) == ("speckit-tasks", "Photo albums")
    assert [(task.id, task.source.line) for task in document.tasks] == [
        *[("T001", 18), ("T002", 19), ("T003", 20), ("T004", 24), ("T005", 25), ("T006", 26), ("T010", 37), ("T010a", 38)],
        *[("T012", 42), ("T013", 43), ("T014", 44), ("T015", 45), ("T020", 49), ("T021", 50), ("T030", 54), ("T031", 55)],
        *[("TXXX", 59), ("TXXX~2", 60), ("T040", 61)],
    ]


def test_boxes_in_fences_and_self_checks_are_told_and_not_taken() -> None:
    skipped = {one.line: one.reason for one in told("photo-albums.md").skipped}

    assert skipped[13] == "inside the code fence that begins in line 12"
    assert skipped[72] == "inside the code fence that begins in line 70"
    assert skipped[77] == skipped[78] == "a checkbox without an id, such as a self-check: no task of Spec Kit"


def test_marks_and_labels_are_taken_out_of_titles_and_parallel_marks_are_kept_as_claims() -> None:
    tasks = by_id("photo-albums.md")

    assert tasks["T012"].title == "Create the Album model in src/models/album.ts"
    assert tasks["T040"].title == "Manual verification with quickstart.md"
    assert [task for task in tasks if tasks[task].parallel] == [
        *["T003", "T005", "T006", "T010", "T010a", "T012", "T013", "T020", "T021", "TXXX"]
    ]
    assert [task for task in tasks if tasks[task].gate] == ["T040"]
    assert (tasks["T001"].state, tasks["T015"].state) == (Mark.DONE, Mark.UNKNOWN)


def test_needs_stand_in_brackets_over_two_lines_and_in_chains_below_dependencies() -> None:
    tasks = by_id("photo-albums.md")

    assert tasks["T006"].needs == ("T002", "T003")
    assert tasks["T014"].needs == ("T012", "T013")
    assert (tasks["T005"].needs, tasks["T012"].needs) == (("T004",), ("T005",))
    assert tasks["T031"].needs == (), "a span that is only spoken of orders nothing"


def test_phases_are_barriers_stories_stand_side_by_side_and_tests_come_before_the_code() -> None:
    order = after("photo-albums.md")

    assert order["T004"] == ("T003",), "the second phase waits for the ends of the first"
    assert order["T010"] == order["T020"] == ("T005", "T006"), "no story waits for another"
    assert order["T012"] == ("T010", "T010a"), "the code waits for its tests"
    assert order["T014"] == ("T012", "T013"), "a task without [P] waits for those before it"
    assert order["T030"] == ("T005", "T006", "T015", "T020", "T021"), "US3 depends on US1 and US2"
    assert order["TXXX"] == ("T015", "T020", "T021", "T031"), "polish waits for all stories"


def test_a_path_ends_where_other_letters_touch_it_and_a_route_is_no_path() -> None:
    tasks = by_id("photo-albums.md")

    assert tasks["T030"].writes == ("src/services/search.ts",)
    assert tasks["T015"].writes == ("src/api/albums.ts",)


def test_windows_line_ends_tabs_hard_spaces_and_an_open_fence_lose_nothing() -> None:
    document = told("crlf.md")

    assert [(task.id, task.parent, task.state) for task in document.tasks] == [
        ("T001", None, Mark.OPEN),
        ("T002", None, Mark.OPEN),
        ("T003", "T002", Mark.OPEN),
        ("T001~2", None, Mark.OPEN),
        ("T004", None, Mark.UNKNOWN),
        ("T005", None, Mark.OPEN),
        ("T006", None, Mark.OPEN),
        ("T009", None, Mark.OPEN),
    ]
    assert [one.line for one in document.skipped] == [14]
    assert [one for one in document.warnings if "a code fence is never closed and swallows 1" in one]


def test_what_is_said_counts_more_than_the_order_it_stands_in() -> None:
    document = told("crlf.md")

    assert {task.id: (task.needs, task.after) for task in document.tasks[-3:]} == {
        "T005": (("T009",), ("T004",)),
        "T006": ((), ()),
        "T009": (("T006", "T005"), ("T006",)),
    }
    assert [one for one in document.warnings if "T006 stands behind T005, but they need it" in one]


def test_a_story_waits_for_no_task_of_its_own() -> None:
    text = (
        "# Tasks: Doors\n\n## Phase 1: Setup\n\n- [ ] T001 Lay out src/a.py\n\n## Phase 2: User Story 1 - Doors\n\n"
        "- [ ] T002 [P] [US1] Test in tests/b.py\n- [ ] T003 [P] [US1] Make src/b.py\n- [ ] T004 [US1] Make src/c.py\n\n"
        "## Dependencies\n\n| Story | Depends on |\n|---|---|\n| **US1** | T001; then T003 and T004 in turn |\n"
    )

    document = read(text.encode(), name="specs/001-doors/tasks.md")

    assert {task.id: task.after for task in document.tasks} == {
        "T001": (),
        "T002": ("T001",),
        "T003": ("T001",),
        "T004": ("T002", "T003"),
    }
    assert document.warnings == ()


def test_a_document_of_the_feature_is_written_unless_a_task_says_that_it_reads_or_runs_it() -> None:
    said: dict[str, tuple[str, ...] | None] = {
        "Run all seven quickstart.md scenarios": None,
        "Verify the criteria from spec.md": None,
        "Keep the order (research.md R5, FR-002) in src/a.py": ("src/a.py",),
        "Update quickstart.md with the flag": ("quickstart.md",),
        "Modify quickstart.md": ("quickstart.md",),
        "Remove the old section from quickstart.md and src/a.py": ("quickstart.md", "src/a.py"),
        "Write user docs (quickstart.md)": ("quickstart.md",),
        "Rewrite plan.md": ("plan.md",),
        "Change data-model.md": ("data-model.md",),
        "Run the tests and list the flags in quickstart.md": ("quickstart.md",),
        "Rewrite the run section of quickstart.md and add src/b.py": ("quickstart.md", "src/b.py"),
        "Extend the review notes of plan.md": ("plan.md",),
        "Manually validate quickstart.md": None,
        "Check off what is done in plan.md": ("plan.md",),
        "Verify spec.md, then correct spec.md": ("spec.md",),
    }
    text = "## Phase 1: Setup\n\n" + "".join(f"- [ ] T{at:03} [P] [US1] {line}\n" for at, line in enumerate(said, 1))

    assert {task.title: task.writes for task in read(text.encode(), name="specs/001-a/tasks.md").tasks} == said


def test_what_a_task_says_in_a_further_sentence_that_it_depends_on_it_needs() -> None:
    said = {
        "Make x in src/x.py. Depends on T001, T002": ("T001", "T002"),
        "Make x in `src/x.py`. Depends on T001 (model) and T002 (service).": ("T001", "T002"),
        "Make x in src/x.py. **Depends on**: `T001`, `T002`": ("T001", "T002"),
        "Make x in src/x.py **Depends on**: `T001`, `T002`": ("T001", "T002"),
        "Make x in src/x.py [blocked by `T001`]": ("T001",),
        "Make x in src/x.py. Depends on both T001 and T002": ("T001", "T002"),
        "Make x in src/x.py - depends on completion of T001/T002": ("T001", "T002"),
        "Make x in src/x.py. This depends on the models (T001, T002).": ("T001", "T002"),
        "Make x (waits for T001) as T002 does": ("T001",),
        "Make x in src/x.py. Depends on T001. T002 goes on with it": ("T001",),
        "Make x in src/x.py. Depends on T001, can run beside T002": ("T001",),
        "Make x in src/x.py. Depends on T001 and blocks T002": ("T001",),
        "Make x in src/x.py. No longer depends on the T001 type": (),
        "Make x in src/x.py as T001 does": (),
    }
    boxes = "".join(f"- [ ] T{at:03} [P] [US1] {line}\n" for at, line in enumerate(("Lay out a", "Lay out b", *said), 1))

    document = read(f"## Phase 1: Setup\n\n{boxes}".encode(), name="specs/001-a/tasks.md")

    assert [task.needs for task in document.tasks[2:]] == list(said.values())
    assert document.warnings == ()


def test_what_a_task_says_of_others_is_no_need_of_its_own() -> None:
    said = [
        "Make x in src/x.py. All repositories depend on it: T001, T002",
        "Make x in src/x.py. Every later repository depends on this interface, see T001 and T002",
        "Make x in src/x.py. The UI work in T001 depends on the mock until T002 lands",
        "Make x in src/x.py: waits for 5 seconds between calls of T001",
        "Make x in src/x.py which waits on the queue and retries (used by T001)",
        "Make x in src/x.py, waits for the response (see contract of T001)",
        "Make x in src/x.py, an interface that all services depend on (T001, T002)",
        "Make x in src/x.py. Services (all of them) depend on: `T001`",
        "Make x in src/x.py, blocks T001 (they wait for T009)",
        "Make x in src/x.py. It waits for nothing (T001)",
        "Install the dependencies: `T001`",
    ]
    boxes = "".join(f"- [ ] T{at:03} [P] [US1] {line}\n" for at, line in enumerate(("Lay out a", "Lay out b", *said), 1))

    document = read(f"## Phase 1: Setup\n\n{boxes}".encode(), name="specs/001-a/tasks.md")

    assert {task.title: task.needs for task in document.tasks if task.needs} == {}
    assert document.warnings == ()


def test_a_task_does_not_need_by_a_sentence_what_plainly_needs_it() -> None:
    boxes = "- [ ] T001 [P] Make a. It waits for the users (T002)\n- [ ] T002 [P] Make b, depends on T001\n"

    document = read(f"## Phase 1: Setup\n\n{boxes}".encode(), name="specs/001-a/tasks.md")

    assert [task.needs for task in document.tasks] == [(), ("T001",)]


def test_a_sentence_said_very_often_is_looked_at_once_each() -> None:
    assert said_needs("T002 Make b. " + "It depends on `T001` (a). " * 4_000 + "Waits for T003", "T002") == ["T001", "T003"]


@given(st.sampled_from(["photo-albums.md", "crlf.md"]), st.data())
def test_no_change_of_bytes_and_no_prefix_crashes_the_reader(name: str, data: st.DataObject) -> None:
    body = bytearray((DATA / name).read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(body) - 1), max_size=4)):
        body[place] = data.draw(st.integers(0, 255))
    try:
        document = read(bytes(body[: data.draw(st.integers(0, len(body)))]), name="specs/1/tasks.md", format="speckit-tasks")
    except InputError:
        return
    assert len({task.id for task in document.tasks}) == len(document.tasks)


def test_a_chain_goes_on_over_an_id_that_there_is_not() -> None:
    boxes = "".join(f"- [ ] T00{n} [P] part {n}\n" for n in (1, 3))
    document = read(
        f"# Tasks\n## Phase 1\n{boxes}## Dependencies\n- T001 -> T002 -> T003\n".encode(), name="specs/001-x/tasks.md"
    )

    assert [task.needs for task in document.tasks] == [(), ("T001",)]
