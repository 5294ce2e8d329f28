from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from orchestrator.model import Document, Mark
from orchestrator.prd import read
from orchestrator.prd.tick import ticked

DATA = Path(__file__).parents[1] / "data" / "formats"


def tick(data: bytes, *ids: str, name: str = "TODO.md") -> tuple[bytes, list[str]]:
    document = read(data, name=name)
    after, left = ticked(data, document, [task for task in document.tasks if task.id in ids], file=name)
    return after, [task.id for task in left]


def changed(before: bytes, after: bytes) -> list[tuple[bytes, bytes]]:
    lines = zip(before.split(b"\n"), after.split(b"\n"), strict=True)
    return [(old, new) for old, new in lines if old != new]


def test_only_the_mark_of_a_finished_task_changes() -> None:
    before = (
        "\ufeff# Liste\r\n\r\n- [ ] T1 Müll\u00a0raus\r\n\t* [ ]  T2 kaufen\r\n1. [x] T3 schon\r\n- [ ] T4 bleibt\r\n".encode()
    )

    after, left = tick(before, "T1", "T2", "T3")

    assert changed(before, after) == [
        ("- [ ] T1 Müll\u00a0raus\r".encode(), "- [x] T1 Müll\u00a0raus\r".encode()),
        (b"\t* [ ]  T2 kaufen\r", b"\t* [x]  T2 kaufen\r"),
    ]
    assert left == []


def test_bytes_that_are_no_text_and_odd_line_ends_stay() -> None:
    before = b"- [ ] T1 a\r- [ ] T2 b\n\x0c- [ ] T3 c"

    after, _ = tick(before, "T2")

    assert after == b"- [ ] T1 a\r- [x] T2 b\n\x0c- [ ] T3 c"


def test_a_box_that_is_one_sign_becomes_the_sign_for_done() -> None:
    after, left = tick("- ☐ Draw\n- ⬜\ufe0f Cut\n- ☐ Glue\n".encode(), "T1", "T2")

    assert (after.decode(), left) == ("- ☑ Draw\n- ✅\ufe0f Cut\n- ☐ Glue\n", [])


@pytest.mark.parametrize(
    ("file", "name", "task", "old", "new"),
    [
        ("taskmaster/tagged.json", "tasks.json", "2~2", b'"status": "pending"', b'"status": "done"'),
        ("taskmaster/legacy.json", "tasks.json", "2.3", b'"status": "pending"', b'"status": "done"'),
        ("ralph/prd.json", "prd.json", "US-002", b'"passes": false', b'"passes": true'),
        ("beads/issues.jsonl", ".beads/issues.jsonl", "bd-d4", b'"status":"hooked"', b'"status":"closed"'),
        ("backlog/task-12 - Export.md", "backlog/tasks/task-12 - Export.md", "task-12", b"In Progress", b"Done"),
        ("ccpm/002.md", ".claude/epics/search/002.md", "002", b"status: open", b"status: closed"),
        ("speckitty/WP02-query.md", "kitty-specs/1/tasks/WP02-query.md", "WP02", b"for_review", b"done"),
        (
            "ralph/parted.json",
            "prd.json",
            "1.10",
            b'"status": "in_progress", "passes": false',
            b'"status": "in_progress", "passes": true',
        ),
        ("ralph/pause.code-task.md", "pause.code-task.md", "pause", b"pending", b"completed"),
        ("bmad/sprint-status.yaml", "sprint-status.yaml", "1-2-login-page", b"review   # by Ann", b"done   # by Ann"),
        ("bmad/1.2.story.md", "docs/stories/1.2.story.md", "1.2", b"[ ]", b"[x]"),
        ("conductor/plan.md", "conductor/tracks/x/plan.md", "T5", b"[~]", b"[x]"),
        ("ai-dev-tasks/tasks-export.md", "tasks/tasks-export.md", "1.2", b"[ ]", b"[x]"),
        ("speckitty/tasks.md", "kitty-specs/1/tasks.md", "T002", b"[ ]", b"[x]"),
        ("speckit/photo-albums.md", "specs/1/tasks.md", "T015", b"[~]", b"[x]"),
    ],
)
def test_each_format_is_marked_in_its_own_way(file: str, name: str, task: str, old: bytes, new: bytes) -> None:
    before = (DATA / file).read_bytes()

    after, left = tick(before, task, name=name)

    [(was, now)] = changed(before, after)
    assert was.replace(old, new, 1) == now
    assert left == []
    again = {one.id: one.state for one in read(after, name=name).tasks}
    assert again[next(one.id for one in read(before, name=name).tasks if one.id == task)] is Mark.DONE


def test_the_steps_of_a_task_are_its_marks_where_it_has_none_of_its_own() -> None:
    before = (DATA / "superpowers" / "2025-10-01-cache.md").read_bytes()

    after, left = tick(before, "2", name="docs/superpowers/plans/cache.md")

    assert changed(before, after) == [(b"- [ ] **Step 2: code**", b"- [x] **Step 2: code**")]
    assert left == []


def test_a_task_without_a_mark_is_left_and_told() -> None:
    before = b"# Feature: X\n## Tasks\n- Build it\n"

    assert tick(before, "T1", name="feature-prd.md") == (before, ["T1"])


def test_a_task_that_a_person_has_changed_meanwhile_is_left() -> None:
    before = b"- [ ] T1 a\n- [ ] T2 b\n"
    read_before = read(before, name="TODO.md").tasks
    now = b"- [ ] T0 new\n- [ ] T1 a\n- [ ] T2 quite another\n"

    after, left = ticked(now, read(now, name="TODO.md"), read_before, file="TODO.md")

    assert after == b"- [ ] T0 new\n- [x] T1 a\n- [ ] T2 quite another\n"
    assert [task.id for task in left] == ["T2"]


@given(
    st.sampled_from(sorted(path for path in DATA.glob("*/*") if path.is_file() and not path.name.endswith(".read.txt"))),
    st.data(),
)
def test_marking_changes_no_line_that_is_not_the_tasks(path: Path, data: st.DataObject) -> None:
    body = path.read_bytes()
    name = "docs/superpowers/plans/x.md" if path.parent.name == "superpowers" else path.name
    document: Document = read(body, name=name)
    task = data.draw(st.sampled_from(document.tasks))

    after, left = ticked(body, document, [task], file=name)

    assert len(changed(body, after)) <= 2
    assert bool(left) or task.state is Mark.DONE or after != body
    if not left:
        states = {one.id: one for one in read(after, name=name).tasks}
        assert replace(states[task.id], state=Mark.DONE) == replace(task, state=Mark.DONE)
