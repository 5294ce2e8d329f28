import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.claims import canonical
from orchestrator.planning.closures import Tree, closures, named_keys

FILES = (
    *("package.json", "yarn.lock", "web/package.json", "src/index.ts", "src/user.ts", "src/user.test.ts", "src/api/__init__.py"),
    *(
        "tests/test_user.py",
        "src/user.py",
        "db/migrations/001_init.sql",
        "tsconfig.json",
        "tsconfig.build.json",
        ".env",
        ".env.example",
    ),
    *("crates/a/Cargo.toml", "crates/a/Cargo.lock"),
)


def added(*writes: str, files: tuple[str, ...] = FILES) -> list[str]:
    return [claim for claim, _ in closures([canonical(path) for path in writes], Tree.of(files))]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("package.json", ["yarn.lock"]),
        ("web/package.json", ["web/package-lock.json"]),
        ("crates/a/Cargo.toml", ["crates/a/Cargo.lock"]),
        ("pyproject.toml", []),
        ("src/new.ts", ["src/index.ts"]),
        ("src/user.ts", ["src/user.test.ts"]),
        ("src/user.py", ["tests/test_user.py"]),
        ("src/api/routes.py", ["src/api/__init__.py"]),
        ("src/notes.md", []),
        ("db/migrations/002_more.sql", ["db/migrations/"]),
        ("tsconfig.json", ["tsconfig.build.json"]),
        (".env.example", [".env"]),
        ("src/", []),
        ("src/**/*.ts", []),
    ],
)
def test_what_goes_with_a_file(path: str, expected: list[str]) -> None:
    assert added(path) == expected


def test_each_addition_has_its_reason_and_comes_once() -> None:
    told = list(closures([canonical("src/a.ts"), canonical("src/b.ts"), canonical("src/index.ts")], Tree.of(FILES)))

    assert told == []
    [(claim, why)] = closures([canonical("src/a.ts"), canonical("src/b.ts")], Tree.of(FILES))
    assert (claim, why) == ("src/index.ts", "src/index.ts goes with src/a.ts: the index of its folder, and the file is new")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Build GET /api/users/:id and POST `/api/users`", ("api:/api/users", "api:/api/users/*")),
        ("DELETE /api/users/{userId}.", ("api:/api/users/*",)),
        ("CREATE TABLE IF NOT EXISTS public.Orders", ("table:orders",)),
        ("add a column to the `users` table", ("table:users",)),
        ("the table of contents, GET it", ()),
        ("Get /started", ()),
    ],
)
def test_endpoints_and_tables_are_keys(text: str, expected: tuple[str, ...]) -> None:
    assert named_keys(text) == expected


@given(st.lists(st.sampled_from((*FILES, "src/x.py", "a/b/c.rs", "db/migrations/003.sql")), max_size=5))
def test_what_is_added_is_never_what_is_there_and_adding_again_ends(writes: list[str]) -> None:
    first = added(*writes)
    assert not set(first) & set(writes)

    assert len(first) == len(set(first))
    assert set(added(*writes, *first)) <= {"db/migrations/", *FILES}
