import pytest

from orchestrator.claims import canonical
from orchestrator.model import Access
from orchestrator.planning.matrices import matrix_of
from orchestrator.planning.surroundings import OwnershipRow

SEED = """\
/frontend:
  owner: frontend-ui-developer
  access: EXCLUSIVE
/shared: {owner: NONE, access: SEQUENTIAL}
/docs/api.md: {access: READ-ONLY}
"""
RULES = """\
# Rules

```yaml
ownership_matrix:
  /frontend:
    default_owner: frontend-ui-developer
    access: EXCLUSIVE
    subdirectories:
      components: EXCLUSIVE
      /frontend/utils: SEQUENTIAL
      pages: {owner: rapid-ui-designer, access: PARTITIONED}
  /shared:
    default_owner: NONE
    subdirectories:
      /constants: READ-ONLY
```

```yaml
other: [1]
```
"""
REPORT = """\
## Allocation

| Stream | Tasks |
|---|---|
| UI | 3 |

### File ownership
| File | Owner | Access Type |
|------|:-----:|-------------|
| `/frontend/Chart.tsx` | Agent 1 | CREATE |
| **backend/api.py** | agent-2 | MODIFY |
| shared/types.ts | Agent 1 | CREATE |
| shared/types.ts | Agent 2 | MODIFY |
| ../outside.py | Agent 2 | MODIFY |
"""


def rows(text: str) -> list[tuple[str, str | None, Access]]:
    return [(row.path, row.owner, row.access) for row in matrix_of(text, name="m", claim=canonical)]


def test_the_seeds_matrix_names_owner_and_access() -> None:
    assert rows(SEED) == [
        ("frontend/", "frontend-ui-developer", Access.EXCLUSIVE),
        ("shared/", None, Access.SEQUENTIAL),
        ("docs/api.md", None, Access.READ_ONLY),
    ]


def test_the_rules_files_matrix_has_levels_for_subfolders() -> None:
    assert rows(RULES) == [
        ("frontend/", "frontend-ui-developer", Access.EXCLUSIVE),
        ("frontend/components/", "frontend-ui-developer", Access.EXCLUSIVE),
        ("frontend/utils/", "frontend-ui-developer", Access.SEQUENTIAL),
        ("frontend/pages/", "rapid-ui-designer", Access.SEQUENTIAL),
        ("shared/", None, Access.EXCLUSIVE),
        ("shared/constants/", None, Access.READ_ONLY),
    ]


def test_the_allocation_report_is_a_table_and_what_two_agents_write_is_written_in_turn() -> None:
    assert rows(REPORT) == [
        ("frontend/Chart.tsx", "agent-1", Access.EXCLUSIVE),
        ("backend/api.py", "agent-2", Access.EXCLUSIVE),
        ("shared/types.ts", None, Access.SEQUENTIAL),
    ]


@pytest.mark.parametrize("text", ["", "just prose\n- a list", "{broken: [", "| File |\n|---|\n| a |", "a: 1"])
def test_what_is_no_matrix_has_no_rows(text: str) -> None:
    assert rows(text) == []


def test_a_row_says_where_it_was_found() -> None:
    assert matrix_of("/a: {owner: b}", name="rules.md", claim=canonical) == (
        OwnershipRow(path=canonical("a/"), owner="b", access=Access.EXCLUSIVE, why="rules.md"),
    )


def test_a_row_of_several_agents_is_nobodys_alone() -> None:
    assert rows("| File | Owner |\n|---|---|\n| /shared/a.ts | Agent 1, Agent 2 |\n| /b.ts | Agent 12 |\n") == [
        ("shared/a.ts", None, Access.EXCLUSIVE),
        ("b.ts", "agent-12", Access.EXCLUSIVE),
    ]
