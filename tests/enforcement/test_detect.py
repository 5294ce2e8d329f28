"""What an attempt changed, held against what it may change."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.claims import Claim
from orchestrator.enforcement.detect import foreign
from orchestrator.locks import LockTable
from orchestrator.model import Access, Area
from orchestrator.rights import Rights
from tests.support.builders import ONE, TWO, area


def found(
    *changed: str,
    writes: Iterable[str] | None = (),
    locked: Iterable[str] = (),
    rows: Iterable[Area] = (),
    table: LockTable | None = None,
    revoked: Iterable[str] = (),
) -> tuple[str, ...]:
    claims = None if writes is None else tuple(map(Claim, writes))
    return foreign(
        changed, writes=claims, locked=locked, agent=ONE, rights=Rights(tuple(rows), table or LockTable()), revoked=revoked
    )


def test_what_was_declared_is_not_foreign() -> None:
    assert found("src/a.py", "docs/x/y.md", writes=["src/a.py", "docs/"]) == ()


def test_what_was_neither_declared_nor_locked_is_foreign() -> None:
    assert found("src/a.py", "src/b.py", writes=["src/a.py"]) == ("src/b.py",)


def test_what_was_locked_at_any_time_is_not_foreign() -> None:
    assert found("shared/types.ts", locked=["shared"]) == ()


def test_both_sides_of_a_rename_out_of_the_write_set_are_looked_at() -> None:
    assert found("src/a.py", "lib/a.py", writes=["src/"]) == ("lib/a.py",)
    assert found("lib/a.py", "src/a.py", writes=["src/"]) == ("lib/a.py",)


@pytest.mark.parametrize(
    ("claim", "path"),
    [("src/{a,b}.ts", "src/c.ts"), ("src/[ab].ts", "src/c.ts"), ("{src,lib}/", "app/x"), ("app/[id]/", "app/other/x")],
)
def test_a_change_beside_a_pattern_with_sets_or_braces_is_foreign(claim: str, path: str) -> None:
    assert found(path, writes=[claim]) == (path,)


@pytest.mark.parametrize(
    ("claim", "path"),
    [("src/{a,b}.ts", "src/b.ts"), ("src/[ab].ts", "src/b.ts"), ("{src,lib}/", "lib/x"), ("app/[id]/", "app/[id]/x")],
)
def test_a_change_inside_a_pattern_with_sets_or_braces_is_not_foreign(claim: str, path: str) -> None:
    assert found(path, writes=[claim]) == ()


def test_case_makes_no_other_path() -> None:
    assert found("SRC/App.py", writes=["src/app.py"]) == ()


# areas


def test_an_own_exclusive_area_may_be_changed_beyond_what_was_declared() -> None:
    assert found("frontend/new.ts", writes=["frontend/a.ts"], rows=[area("frontend/", ONE)]) == ()


def test_an_area_that_several_agents_share_needs_a_lock() -> None:
    rows = [area("frontend/", ONE, TWO)]

    assert found("frontend/new.ts", writes=["frontend/a.ts"], rows=rows) == ("frontend/new.ts",)
    assert found("frontend/new.ts", writes=["frontend/a.ts"], rows=rows, locked=["frontend/new.ts"]) == ()


def test_a_sequential_path_needs_a_lock() -> None:
    rows = [area("shared/", ONE, access=Access.SEQUENTIAL)]

    assert found("shared/types.ts", writes=["a"], rows=rows) == ("shared/types.ts",)


def test_a_path_in_the_own_area_that_another_holds_is_foreign() -> None:
    table = LockTable()
    table.acquire_all(TWO, ["frontend/moved.ts"], now=0)

    assert found("frontend/moved.ts", rows=[area("frontend/", ONE)], table=table) == ("frontend/moved.ts",)


def test_a_read_only_file_inside_a_declared_folder_is_foreign() -> None:
    rows = [area("docs/", ONE), area("docs/api.md", access=Access.READ_ONLY)]

    assert found("docs/api.md", "docs/guide.md", writes=["docs/"], rows=rows) == ("docs/api.md",)


def test_anothers_area_inside_a_declared_folder_is_foreign() -> None:
    rows = [area("src/", ONE), area("src/ml/", TWO)]

    assert found("src/ml/model.py", "src/app.py", writes=["src/"], rows=rows) == ("src/ml/model.py",)


def test_what_was_written_where_a_person_took_the_lock_away_is_foreign_although_it_was_declared() -> None:
    assert found("src/a.py", "src/b.py", writes=["src/"], revoked=["src/a.py"]) == ("src/a.py",)
    assert found("src/a.py", writes=None, revoked=["src"]) == ("src/a.py",)


def test_what_was_locked_again_after_that_is_not_foreign() -> None:
    assert found("src/a.py", writes=["src/"], locked=["src"], revoked=["src/a.py"]) == ()


# unknown write sets


def test_an_unknown_write_set_may_change_what_belongs_to_nobody_else_although_another_holds_it() -> None:
    table = LockTable()
    table.acquire_all(TWO, ["notes.md"], now=0)

    assert found("notes.md", "frontend/a.ts", writes=None, rows=[area("frontend/", ONE, TWO)], table=table) == ()


def test_an_unknown_write_set_may_change_an_area_that_squad_only_proposed_for_another() -> None:
    """Work on what the PRD's areas have between them failed for good, for the areas took in all that there was."""
    proposed = Area(path=Claim("backend/"), owners=(TWO,), access=Access.EXCLUSIVE, why="a new folder named after 'Backend'")

    assert found("backend/x.py", writes=None, rows=[proposed]) == ()
    assert found("backend/x.py", writes=["a"], rows=[proposed]) == ("backend/x.py",)


def test_an_unknown_write_set_may_not_change_anothers_area_or_what_is_read_only() -> None:
    rows = [area("backend/", TWO), area("docs/", access=Access.READ_ONLY)]

    assert found("backend/x.py", "docs/y.md", writes=None, rows=rows) == ("backend/x.py", "docs/y.md")


# properties

NAMES = st.text(alphabet="abAB", min_size=1, max_size=2)
FILES = st.lists(NAMES, min_size=1, max_size=3).map("/".join)


@given(declared=st.lists(FILES, max_size=4), changed=st.lists(FILES, max_size=6))
def test_exactly_what_lies_under_no_declared_path_is_found(declared: list[str], changed: list[str]) -> None:
    def inside(path: str) -> bool:
        return any(f"{path}/".casefold().startswith(f"{one}/".casefold()) for one in declared)

    assert found(*changed, writes=declared) == tuple(path for path in changed if not inside(path))


@given(changed=st.lists(FILES, max_size=6), rows=st.lists(FILES.map(lambda path: area(path, TWO)), min_size=1, max_size=3))
def test_what_lies_in_anothers_area_is_always_found(changed: list[str], rows: list[Area]) -> None:
    theirs = tuple(path for path in changed if any(f"{path}/".casefold().startswith(f"{row.path}/".casefold()) for row in rows))

    assert set(theirs) <= set(found(*changed, writes=None, rows=rows))
    assert set(theirs) <= set(found(*changed, writes=[], rows=rows))
