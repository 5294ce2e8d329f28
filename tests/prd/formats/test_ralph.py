from pathlib import Path

from orchestrator.model import Document, Mark
from orchestrator.prd import read

DATA = Path(__file__).parents[2] / "data" / "formats" / "ralph"


def told(name: str) -> Document:
    return read((DATA / name).read_bytes(), name=name)


def test_stories_are_tasks_and_only_what_passes_is_done() -> None:
    document = told("prd.json")

    assert (document.format, document.title) == ("ralph-prdjson", "Reading list with reminders")
    assert [(task.id, task.state, task.priority) for task in document.tasks] == [
        ("US-001", Mark.DONE, 1),
        ("US-002", Mark.OPEN, 2),
        ("US-003", Mark.OPEN, 3),
    ]
    assert [task.source.line for task in document.tasks] == [6, 15, 24]
    assert document.tasks[1].criteria == ("Sorted by date", "Verify in browser")


def test_files_stand_in_texts_and_criteria() -> None:
    writes = {task.id: task.writes for task in told("prd.json").tasks}

    assert writes == {"US-001": ("db/migrations/003_books.sql",), "US-002": ("src/app/(list)/page.tsx",), "US-003": None}


def test_what_forks_add_is_read_too() -> None:
    document = told("fork.json")

    assert [(task.id, task.needs, task.gate) for task in document.tasks] == [
        ("US-1.10", (), False),
        ("US-1.1", ("US-1.10",), True),
        ("T1", ("US-1.10",), False),
    ]
    assert document.tasks[0].criteria == ("reads src/import.py",)
    assert [one for one in document.warnings if "US-404" in one]
