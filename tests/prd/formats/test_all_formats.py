"""Each format's documents, with the traps that real ones hold: what is read of them stands beside them and was looked through."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import InputError
from orchestrator.model import Document
from orchestrator.prd import FORMATS, read, read_material
from orchestrator.prd.formats import SHAPES
from orchestrator.prd.page import material
from tests.prd.formats.tables import table

DATA = Path(__file__).parents[2] / "data" / "formats"
FOLDERS = DATA / "folders"
#: File below the data folder -> where a project would keep it.
DOCUMENTS = {
    "taskmaster/legacy.json": ".taskmaster/tasks/tasks.json",
    "taskmaster/tagged.json": "tasks.json",
    "ralph/prd.json": "prd.json",
    "ralph/fork.json": "scripts/ralph/prd.json",
    "ralph/parted.json": "prd.json",
    "ralph/features.json": "features.json",
    "ralph/pause.code-task.md": ".ralph/tasks/pause.code-task.md",
    "beads/issues.jsonl": ".beads/issues.jsonl",
    "beads/circle.jsonl": "export.jsonl",
    "speckit/photo-albums.md": "specs/001-photo-albums/tasks.md",
    "speckit/crlf.md": "tasks.md",
    "speckit/order-in-words.md": "specs/002-map/tasks.md",
    "kiro/user-auth.md": ".kiro/specs/user-auth/tasks.md",
    "kiro/flat.md": "tasks.md",
    "kiro/zh-legend.md": "tasks.md",
    "kiro/waves.md": ".kiro/specs/ledger/tasks.md",
    "kiro/ccsdd.md": ".kiro/specs/storage/tasks.md",
    "kiro/ccsdd-loose.md": "tasks.md",
    "openspec/tasks.md": "openspec/changes/two-factor/tasks.md",
    "openspec/checks.md": "openspec/changes/archive/2025-10-01-graph/tasks.md",
    "openspec/plain.md": "openspec/changes/rename/tasks.md",
    "conductor/plan.md": "conductor/tracks/offline/plan.md",
    "conductor/bold.md": "plan.md",
    "ai-dev-tasks/tasks-export.md": "tasks/tasks-export.md",
    "ai-dev-tasks/tasks-flat.md": "tasks-flat.md",
    "backlog/task-12 - Export.md": "backlog/tasks/task-12 - Export.md",
    "backlog/back-546.md": "back-546.md",
    "ccpm/002.md": ".claude/epics/search/002.md",
    "ccpm/010.md": "010.md",
    "gsd/01-02-PLAN.md": ".planning/phases/01-foundation/01-02-PLAN.md",
    "gsd/PLAN.md": "PLAN.md",
    "speckitty/tasks.md": "kitty-specs/001-search/tasks.md",
    "speckitty/loose.md": "tasks.md",
    "speckitty/WP02-query.md": "kitty-specs/001-search/tasks/WP02-query.md",
    "speckitty/WP7.md": "WP7.md",
    "bmad/1.2.story.md": "docs/stories/1.2.story.md",
    "bmad/2-1-login.md": "_bmad-output/implementation-artifacts/2-1-login.md",
    "bmad/sprint-status.yaml": "_bmad-output/implementation-artifacts/sprint-status.yaml",
    "superpowers/2025-10-01-cache.md": "docs/superpowers/plans/2025-10-01-cache.md",
    "superpowers/old.md": "docs/plans/old.md",
    "superpowers/named.md": "docs/superpowers/plans/named.md",
    "agent-plan/agent-1-plan.md": ".squad/parallel-plans/agent-1-plan.md",
    "agent-plan/agent-2-plan.md": "agent-2-plan.md",
}


@pytest.mark.parametrize(("file", "name"), DOCUMENTS.items(), ids=DOCUMENTS)
def test_a_document_is_read_as_the_table_beside_it_says(file: str, name: str) -> None:
    path = DATA / file
    beside = path.with_name(f"{path.name}.read.txt")

    told = table(read(path.read_bytes(), name=name))

    if os.environ.get("SQUAD_TEST_RECORD") == "1":
        beside.write_text(told, encoding="utf-8")
    assert told == beside.read_text(encoding="utf-8")


def test_the_page_of_formats_names_each_with_the_places_that_are_looked_at() -> None:
    page = (DATA.parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")

    assert [name for name in FORMATS if f"| `{name}` |" not in page] == []
    usual = {shape.name: shape.files[0] for shape in SHAPES}
    assert {name: path for name, path in usual.items() if path.replace("[0-9]", "") not in page} == {}


def test_each_format_has_two_documents_and_each_document_is_tried() -> None:
    tried = [read((DATA / file).read_bytes(), name=name).format for file, name in DOCUMENTS.items()]

    assert {shape.name for shape in SHAPES if tried.count(shape.name) < 2} == set()
    found = {
        path.relative_to(DATA).as_posix() for path in DATA.rglob("*") if path.is_file() and not path.name.endswith(".read.txt")
    }
    assert {file for file in found if "/folders/" not in f"/{file}"} == set(DOCUMENTS)


@pytest.mark.parametrize("folder", sorted(path.name for path in FOLDERS.iterdir() if path.is_dir()))
def test_a_folder_is_read_as_the_table_beside_it_says(folder: str) -> None:
    files = {
        path.relative_to(FOLDERS / folder).as_posix(): path.read_bytes()
        for path in (FOLDERS / folder).rglob("*")
        if path.is_file()
    }
    beside = FOLDERS / f"{folder}.read.txt"

    told = table(read_material(material(files, name=".")))

    if os.environ.get("SQUAD_TEST_RECORD") == "1":
        beside.write_text(told, encoding="utf-8")
    assert told == beside.read_text(encoding="utf-8")


@pytest.mark.parametrize(("file", "name"), DOCUMENTS.items(), ids=DOCUMENTS)
def test_line_ends_and_a_byte_order_mark_change_nothing(file: str, name: str) -> None:
    plain = (DATA / file).read_bytes().removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")

    marked = read(b"\xef\xbb\xbf" + plain.replace(b"\n", b"\r\n"), name=name)

    assert marked == read(plain, name=name)


def _try(body: bytes, name: str, format: str | None) -> None:  # noqa: A002 - the contract's word
    try:
        document = read(body, name=name, format=format)
    except InputError:
        return
    _require_whole(document)


def _require_whole(document: Document) -> None:
    known = {task.id for task in document.tasks}
    assert len(known) == len(document.tasks)
    assert all(task.parent in known for task in document.tasks if task.parent)
    assert all(need in known for task in document.tasks for need in (*task.needs, *task.after))
    assert all(task.title.strip() for task in document.tasks)


@given(st.sampled_from(sorted(DOCUMENTS)), st.booleans(), st.data())
def test_no_change_of_bytes_and_no_prefix_crashes_a_reader(file: str, is_asked: bool, data: st.DataObject) -> None:  # noqa: FBT001 - drawn
    whole = (DATA / file).read_bytes()
    format = read(whole, name=DOCUMENTS[file]).format if is_asked else None  # noqa: A001 - the contract's word
    body = bytearray(whole)
    for place in data.draw(st.lists(st.integers(0, len(body) - 1), max_size=4)):
        body[place] = data.draw(st.integers(0, 255))

    _try(bytes(body[: data.draw(st.integers(0, len(body)))]), DOCUMENTS[file], format)


@given(st.sampled_from(sorted(path.name for path in FOLDERS.iterdir() if path.is_dir())), st.booleans(), st.data())
def test_no_change_of_bytes_in_a_folder_crashes_a_reader(folder: str, is_asked: bool, data: st.DataObject) -> None:  # noqa: FBT001 - drawn
    files = {
        path.relative_to(FOLDERS / folder).as_posix(): path.read_bytes()
        for path in (FOLDERS / folder).rglob("*")
        if path.is_file()
    }
    format = read_material(material(files, name=".")).format if is_asked else None  # noqa: A001 - the contract's word
    body = bytearray(files[name := data.draw(st.sampled_from(sorted(files)))])
    for place in data.draw(st.lists(st.integers(0, len(body) - 1), max_size=4)):
        body[place] = data.draw(st.integers(0, 255))
    files[name] = bytes(body[: data.draw(st.integers(0, len(body)))])
    try:
        document = read_material(material(files, name="."), format=format)
    except InputError:
        return
    _require_whole(document)


@given(st.sampled_from(sorted(DOCUMENTS)), st.sampled_from(FORMATS))
def test_no_document_of_another_format_crashes_a_reader(file: str, format: str) -> None:  # noqa: A002 - the contract's word
    _try((DATA / file).read_bytes(), DOCUMENTS[file], format)
