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
        ("web/package.json", ["yarn.lock"]),
        ("crates/a/Cargo.toml", ["crates/a/Cargo.lock"]),
        ("pyproject.toml", []),
        ("src/new.ts", ["src/index.ts"]),
        ("src/user.ts", ["src/user.test.ts"]),
        ("src/user.py", ["tests/test_user.py"]),
        ("src/api/routes.py", ["src/api/__init__.py"]),
        ("src/notes.md", []),
        ("001_init.sql", ["db/migrations/001_init.sql"]),  # the only file of that name
        ("db/migrations/002_more.sql", ["db/migrations/"]),
        ("tsconfig.json", ["tsconfig.build.json"]),
        (".env.example", [".env"]),
        ("src/", []),
        ("src/**/*.ts", []),
        ("index.ts", []),  # a name that many folders bear means no other file of that name
    ],
)
def test_what_goes_with_a_file(path: str, expected: list[str]) -> None:
    assert added(path) == expected


@pytest.mark.parametrize(
    ("path", "there", "expected"),
    [
        *(
            (manifest, lock, lock)
            for manifest, lock in (
                ("package.json", "package-lock.json"),
                ("package.json", "pnpm-lock.yaml"),
                ("package.json", "bun.lock"),
                ("pyproject.toml", "poetry.lock"),
                ("pyproject.toml", "uv.lock"),
                ("pyproject.toml", "pdm.lock"),
                ("Pipfile", "Pipfile.lock"),
                ("requirements.in", "requirements.txt"),
                ("Cargo.toml", "Cargo.lock"),
                ("go.mod", "go.sum"),
                ("go.work", "go.work.sum"),
                ("composer.json", "composer.lock"),
                ("Gemfile", "Gemfile.lock"),
                ("build.gradle.kts", "gradle.lockfile"),
                ("App.csproj", "packages.lock.json"),
                ("mix.exs", "mix.lock"),
                ("pubspec.yaml", "pubspec.lock"),
                ("Package.swift", "Package.resolved"),
                ("deno.json", "deno.lock"),
            )
        ),
        ("packages/a/package.json", "pnpm-lock.yaml", "pnpm-lock.yaml"),
        ("crates/a/Cargo.toml", "Cargo.lock", "Cargo.lock"),
        ("new/package.json", "README.md", "new/package-lock.json"),
        ("src/net/tcp.rs", "src/net.rs", "src/net.rs"),
        ("src/tcp.rs", "src/main.rs", "src/main.rs"),
        ("app/Migrations/2_More.cs", "README.md", "app/Migrations/"),
        ("src/main/resources/db/migration/V2__more.sql", "README.md", "src/main/resources/db/migration/"),
        ("drizzle/0002_more.sql", "README.md", "drizzle/"),
        ("prisma/schema.prisma", "prisma/migrations/1_init/migration.sql", "prisma/migrations/"),
        ("user.service.ts", "user.service.spec.ts", "user.service.spec.ts"),
        ("src/User.java", "test/UserTest.java", "test/UserTest.java"),
        ("lib/user.ex", "test/user_test.exs", "test/user_test.exs"),
    ],
)
def test_what_goes_with_a_file_in_each_way_of_building(path: str, there: str, expected: str) -> None:
    assert added(path, files=(there, path) if expected == there and not there.endswith(".rs") else (there,)) == [expected]


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("src/new.py", "src/index.ts"),
        ("tests/test_new.py", "tests/__init__.py"),
        ("pages/about.tsx", "pages/index.tsx"),
        ("docs/migration/guide.md", "docs/migration/old.md"),
        ("tests/migrations/test_order.py", "tests/migrations/test_other.py"),
        ("drizzle/config.ts", "drizzle/0001_a.sql"),
        ("src/user.ts", "src/user.css"),
    ],
)
def test_what_goes_with_nothing_does_not_make_its_neighbours_wait(path: str, there: str) -> None:
    assert added(path, files=(there,)) == []


@pytest.mark.parametrize("name", ["README.md", "Dockerfile", "index.ts", ".gitignore", "vite.config.ts"])
def test_a_name_of_many_folders_goes_with_no_other_file_of_that_name(name: str) -> None:
    assert added(name, files=(f"web/{name}",)) == []


def test_a_migration_goes_with_the_schema_that_is_written_after_it() -> None:
    assert added("db/migrate/2_more.rb", files=("db/migrate/1_init.rb", "db/schema.rb")) == ["db/migrate/", "db/schema.rb"]


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
        ("Add the endpoint `/health/` and document the `/docs` route", ("api:/docs", "api:/health")),
        ("in the folder /src and /lib", ()),
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
