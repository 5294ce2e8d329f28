"""The chapter `Shared Dependencies` of a requirements document is a matrix: written in turn, or only read."""

from pathlib import Path

from orchestrator.model import Access, Document
from orchestrator.planning.planner import make_plan
from orchestrator.planning.surroundings import Surroundings
from orchestrator.prd import read

DATA = Path(__file__).parents[1] / "data"
HEAD = "# Product Requirements: Shop\n\n## Shared Dependencies\n\n"
TASKS = "\n## Task Breakdown\n\n### Stream 1: Backend (1 task)\n\n1. Serve prices in `api/prices.ts`\n"


def document(chapter: str, tasks: str = TASKS) -> Document:
    return read(f"{HEAD}{chapter}{tasks}".encode(), name="prd.md")


def rows(found: Document) -> dict[str, Access]:
    return {row.path: row.access for row in found.ownership}


def test_the_shared_files_of_the_longer_shape_are_rows_of_the_plans_matrix() -> None:
    found = read((DATA / "parallel-analytics-prd.md").read_bytes(), name="prd.md")

    plan = make_plan(found, Surroundings(), source_digest="")

    told = {str(row.path): (row.access, row.owners) for row in plan.matrix}
    assert told["shared/types/metrics.ts"] == (Access.SEQUENTIAL, ())
    assert told["shared/config/app.json"] == (Access.READ_ONLY, ())
    assert len([row for row in plan.matrix if row.owners]) == 3, "the areas of the streams stay"


def test_the_level_may_stand_in_a_heading_a_paragraph_or_the_line_itself() -> None:
    chapter = (
        "### Types (Sequential Access Required)\n- `/shared/types.ts`\n\n### Config\n\nRead-only during parallel work.\n\n"
        "- `/config/app.json`\n- `/config/new.json` (sequential)\n\n### Others\n- `/lib/any.ts`\n"
    )

    assert rows(document(chapter)) == {
        "shared/types.ts": Access.SEQUENTIAL,
        "config/app.json": Access.READ_ONLY,
        "config/new.json": Access.SEQUENTIAL,
        "lib/any.ts": Access.SEQUENTIAL,
    }


def test_what_a_task_writes_is_not_only_read_and_that_is_told() -> None:
    found = document("Read-only:\n- `api/prices.ts`\n")

    assert rows(found) == {"api/prices.ts": Access.SEQUENTIAL}
    assert "line 6: api/prices.ts is said to be only read, and a task writes it: it is written in turn" in found.warnings


def test_other_chapters_hold_no_rows_and_codeowners_stays_in_force() -> None:
    assert rows(read(b"# X\n\n## Notes\n\nRead-only:\n- `a/b.ts`\n\n## Tasks\n\n- Do it\n", name="prd.md")) == {}

    plan = make_plan(document("- `/shared/x.ts`\n"), Surroundings(codeowners="/api/ @backend\n"), source_digest="")

    assert {row.path for row in plan.matrix} == {"api/", "shared/x.ts"}
