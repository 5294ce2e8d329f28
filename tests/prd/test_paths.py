import pytest

from orchestrator.prd.paths import find_paths

WRITTEN = {
    "Create `.gitignore`, .env.local and backend/.env": (".gitignore", ".env.local", "backend/.env"),
    "in src/app/[id]/page.tsx and app/(auth)/login/page.tsx": ("src/app/[id]/page.tsx", "app/(auth)/login/page.tsx"),
    "app/[[...slug]]/page.tsx": ("app/[[...slug]]/page.tsx",),
    "Fill `src/{a,b}/x.ts`": ("src/a/x.ts", "src/b/x.ts"),
    "Fill `a.ts, b.ts`": ("a.ts", "b.ts"),
    "`src/a.ts:10-20,30` and src/b.py:45-60": ("src/a.ts", "src/b.py"),
    "`src/main.rs::run`, `src/a.py:func`, `src/c.ts#L10`, `src/d.ts (new)`": (
        *("src/main.rs", "src/a.py", "src/c.ts", "src/d.ts"),
    ),
    "lib/main.dartにFirebaseを lib/に": ("lib/main.dart", "lib/"),
    "**src/x.py**, *src/z.py* and **`src/y.py`**": ("src/x.py", "src/z.py", "src/y.py"),
    "Types in /shared/types/, pages in /frontend/": ("/shared/types/", "/frontend/"),
    "/frontend/components/*, backend/** and src/**/*": ("/frontend/components/*", "backend/**", "src/**/*"),
    "`src/**/*.ts`, **/*.md": ("src/**/*.ts", "**/*.md"),
    "Add `/src/x/` to `/docs/guide.md`": ("/src/x/", "/docs/guide.md"),
    "_Files: src/a.ts_ and _対象: src/__init__.py_": ("src/a.ts", "src/__init__.py"),
    "DELETE `src/old.ts`": ("src/old.ts",),
    "Change `src\\app\\main.py`, src\\lib\\b.py and docs\\": ("src/app/main.py", "src/lib/b.py"),
    "src/my\\_file.py, app/\\[id\\]/page.tsx and ~~src/old.py~~": ("src/my_file.py", "app/[id]/page.tsx", "src/old.py"),
    "Fill data.json.\\n2. Change types.ts\\nRun it, move A-\\*.md": ("data.json", "types.ts", "A-*.md"),
    "`src/pages/Home.astro` and tests/x.snap": ("src/pages/Home.astro", "tests/x.snap"),
}
LIKE_PATHS = [
    *["Use only System.Text.Json and Newtonsoft.Json", "05-01-PLAN.md -- parser", "served at `/api/v1/docs/index.html`"],
    *[
        "schema.org",
        "AuthRepository.login()",
        "`next/dynamic`",
        "v1.2.3",
        "`/api/users/:id`",
        "`/shared/links`",
        "`/components/button`",
        "`/api/`",
        "e.g. this",
        "GET/POST",
    ],
    *["`/login/` and `/logout/`", "`/[a-z]/`", "`/[0-9]/`", "POST /api/v1/auth.json", "GET api/v1/users", "PUT `api/users`"],
    *["`process.env.KEY`", "process.env", "import.meta.env", "`res.json()`", "React/Next.js and Node.js/Express.js", "Day.js"],
    *[
        "github.com/one/two.go",
        "`golang.org/x/net/http.go`",
        "Cookie/セッション",
        "(+/−)",
        "(0/∞)",
        "`.md` files",
        "`mutex.lock`",
    ],
    *[
        "image/*",
        "`*/*`",
        "/api/**",
        "**/",
        "$HOME/notes.md",
        "${TMP}/notes.md",
        "~/notes.md",
        "C:\\work\\notes.md",
        "\\\\server\\share\\notes.md",
    ],
    *["https://example.org/a/b.html", "someone@example.org", "ambiguity/`--kind`"],
]
READ = [
    *["Check by uv run pytest tests/test_a.py", "npx vitest run src/a.test.ts"],
    *["as of plan, per `plan.md` and data-model.md", "See docs/ids.md", "(see `docs/ids.md`)", "Run quickstart.md validation"],
    *[
        "Check it against `contracts/api.yaml`",
        "as described in docs/a.md",
        "according to the `docs/a.md`",
        "Reference: `src/a.ts`",
    ],
    *["Read `src/a.ts` first", "see [the plan](docs/plan.md)", "plan.mdを参照", "根据 `docs/a.md`"],
]


@pytest.mark.parametrize(("text", "paths"), WRITTEN.items(), ids=WRITTEN)
def test_a_text_says_which_paths_are_written(text: str, paths: tuple[str, ...]) -> None:
    assert find_paths(text) == paths


@pytest.mark.parametrize("text", LIKE_PATHS)
def test_what_only_looks_like_a_path_is_none(text: str) -> None:
    assert find_paths(f"Mend {text} with care") == ()


@pytest.mark.parametrize("text", READ)
def test_a_path_that_is_only_read_is_not_written(text: str) -> None:
    assert find_paths(text) == ()


def test_what_follows_using_or_matching_stays_written_since_it_may_be() -> None:
    for kept in (
        "Delete src/legacy.js and all files matching src/**/*.old.js",
        "Create src/theme.ts and update components using src/old-theme.ts",
        "Edit package.json, add a new module and wire it in using src/main.ts",
    ):
        assert len(find_paths(kept)) == 2


def test_what_is_read_does_not_hide_what_is_written_beside_it() -> None:
    assert find_paths("Write `src/a.ts` per `plan.md`, then update README.md") == ("src/a.ts", "README.md")
