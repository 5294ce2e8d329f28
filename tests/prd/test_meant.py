"""Which file a short name means besides what it says: nothing that is written is lost, and nothing is taken from others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.claims import canonical
from orchestrator.prd import FORMATS, read
from orchestrator.prd.meant import PROSE
from orchestrator.prd.paths import find_paths

Writes = tuple[str, ...] | None


def writes(*lines: str, below: str = "", name: str = "specs/001-x/list.md") -> list[Writes]:
    text = "# Tasks\n\n## Tasks\n\n" + "\n".join(f"- [ ] {line}" for line in lines) + f"\n\n{below}\n"
    return [task.writes for task in read(text.encode(), name=name).tasks]


def test_a_name_means_the_one_file_of_the_document_that_ends_so_too() -> None:
    assert writes("Add `Panel` in `web/src/Panel.tsx`", "Give `Panel.tsx` three tabs") == [
        *[("web/src/Panel.tsx",), ("Panel.tsx", "web/src/Panel.tsx")]
    ]


@pytest.mark.parametrize(
    "line",
    [
        "Put `clock.ts` into `src/time/clock.ts`",
        "Import `src/time/clock.ts` in `clock.ts`",
        "Move `clock.ts` into `src/time/clock.ts`",
        "Replace `clock.ts` by `src/time/clock.ts`",
        "Merge both, `clock.ts` and `src/time/clock.ts`",
        "Keep the root `clock.ts` beside `src/time/clock.ts`",
        "Verschiebe `clock.ts` nach `src/time/clock.ts`",
        "把 `clock.ts` 移到 `src/time/clock.ts`",
    ],
)
def test_a_task_that_speaks_of_two_files_holds_both(line: str) -> None:
    assert writes(line) == [("clock.ts", "src/time/clock.ts")]


def test_names_lie_in_the_folder_that_follows_them_too() -> None:
    first, then = writes("Create `in.dto.ts`, `mid.dto.ts` and `out.dto.ts` in `api/src/dto/`", "Document `mid.dto.ts`")

    joined = ("api/src/dto/in.dto.ts", "api/src/dto/mid.dto.ts", "api/src/dto/out.dto.ts")
    assert first == ("api/src/dto/", *joined, "in.dto.ts", "mid.dto.ts", "out.dto.ts")
    assert then == ("api/src/dto/mid.dto.ts", "mid.dto.ts")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Update data.ts in src/dto/ and a.ts", ("a.ts", "data.ts", "src/dto/", "src/dto/data.ts")),  # `a.ts` ends in `data.ts`
        ("Move legacy.ts into src/old/", ("legacy.ts", "src/old/")),
        ("Copy a.ts into src/new/", ("a.ts", "src/new/")),
        ("Create Button.tsx of the phone app in src/phone/", ("Button.tsx", "src/phone/")),
        ("Update a.ts. in src/dto/ nothing changes", ("a.ts", "src/dto/")),
    ],
)
def test_a_name_is_put_into_no_folder_that_is_not_said_to_be_its_own(line: str, expected: Writes) -> None:
    assert writes(line) == [expected]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("Add `web/a/Panel.tsx`", "Add `web/b/Panel.tsx`", "Change `Panel.tsx`"), ("Panel.tsx",)),  # two of that name
        (("Write `docs/README.md`", "Write `README.md`"), ("README.md",)),  # names of many folders
        (("Add `src/index.ts`", "Change `index.ts`"), ("index.ts",)),
        (("Add `backend/.env.example`", "Document the root `.env.example`"), (".env.example",)),
        (("Add `backend/.gitignore`", "Add `.gitignore`"), (".gitignore",)),
        (("Add `core/pom.xml`", "Change `pom.xml`"), ("pom.xml",)),
        (("Add `core/CMakeLists.txt`", "Change `CMakeLists.txt`"), ("CMakeLists.txt",)),
        (("Add `ui/vite.config.ts`", "Change `vite.config.ts`"), ("vite.config.ts",)),
        (("Add `docs/CONTRIBUTING.md`", "Write `CONTRIBUTING.md`"), ("CONTRIBUTING.md",)),
        (("Add `web/src/Button.tsx`", "Create the mobile app's `Button.tsx`"), ("Button.tsx",)),  # another package
        (("Add `shop/src/Button.tsx`", "Add `bank/src/a.ts`", "Create `Button.tsx` for the bank"), ("Button.tsx",)),
        (("Add `src/clock.ts`", "Change `lib/clock.ts`"), ("lib/clock.ts",)),  # no mere name
        (("Add `src/clock.ts`", "Change `clock.tsx`"), ("clock.tsx",)),
        (("Add `src/**/clock.ts`", "Change `clock.ts`"), ("clock.ts",)),
    ],
)
def test_what_could_mean_another_file_stays_as_it_is_written(lines: tuple[str, ...], expected: Writes) -> None:
    assert writes(*lines)[-1] == expected


@pytest.mark.parametrize(
    "said",
    [
        *["[ledger.py](../../bank/ledger.py)", "https://host.example/bank/ledger.py", "~/bank/ledger.py"],
        "The old project had bank/books/ledger.py, which we drop.",
    ],
)
def test_what_the_document_only_speaks_of_is_written_by_no_task(said: str) -> None:
    assert writes("Extend `ledger.py`", below=f"## Background\n\n{said}") == [("ledger.py",)]


def test_a_name_in_another_stream_is_not_the_file_of_the_first() -> None:
    first = "## Stream A: Shop\n\n- [ ] Add `src/shop/Cart.ts`\n- [ ] Test `Cart.ts`\n\n"
    text = f"# Plan\n\n{first}## Stream B: Bank\n\n- [ ] Add `Cart.ts`\n"

    assert [task.writes for task in read(text.encode(), name="plan.md").tasks] == [
        *[("src/shop/Cart.ts",), ("Cart.ts", "src/shop/Cart.ts"), ("Cart.ts",)]
    ]


def test_a_list_that_was_made_to_name_files_is_exact() -> None:
    tasks = "".join(
        f"<task><name>{name}</name><files>{file}</files><action>Make {file}</action></task>\n"
        for name, file in (("One", "ui/Panel.tsx"), ("Two", "Panel.tsx"))
    )
    text = f"---\nphase: 01-a\nplan: 01\n---\n\n<tasks>\n{tasks}</tasks>\n"

    document = read(text.encode(), name=".planning/phases/01-a/01-01-PLAN.md")

    assert (document.format, [task.writes for task in document.tasks]) == ("gsd-plan", [("ui/Panel.tsx",), ("Panel.tsx",)])
    assert set(FORMATS) >= PROSE


_PIECES = [
    "Add",
    "Move",
    "and",
    ",",
    "in",
    "the",
    "into",
    "a.ts",
    "b.ts",
    "`a.ts`",
    "src/x/a.ts",
    "web/a.ts",
    "src/x/",
    "b.ts.",
    "to",
]


@given(st.lists(st.lists(st.sampled_from(_PIECES), min_size=1, max_size=8), min_size=1, max_size=4))
def test_no_name_that_is_written_is_lost_unless_its_whole_path_stands_in_the_same_task(drawn: list[list[str]]) -> None:
    lines = [" ".join(["Do", *pieces]) for pieces in drawn]

    for line, found in zip(lines, writes(*lines), strict=True):
        named = {path for path in find_paths(line) if "/" in path or f"/{path}" not in line}
        assert named <= set(found or ())


def test_many_names_are_read_in_one_look() -> None:
    names = ", ".join(f"`n{number}.ts`" for number in range(2000))
    (found,) = writes(f"Create {names} in `src/dto/`")

    assert found is not None
    assert len(found) == 4001


def test_a_path_below_somebodys_home_begins_at_the_project() -> None:
    root = "/home/ada/code/shop"

    assert writes(f"Add `{root}/src/cart.ts`", f"Test it in {root}/tests/cart.test.ts", f"Change `{root}/Makefile`") == [
        *[("src/cart.ts",), ("tests/cart.test.ts",), ("Makefile",)]
    ]


def test_a_path_below_the_projects_own_root_is_told_from_there_whatever_its_folders_are_called() -> None:
    text = "# T\n\n## Tasks\n\n- [ ] Add `/home/ada/code/app/backend/main.py`\n- [ ] Read on in `/home/ada/code/other/src/x.py`\n"

    document = read(text.encode(), name="prd.md", claim=lambda path: canonical(path, roots=["/home/ada/code/app"]))

    assert [task.writes for task in document.tasks] == [("backend/main.py",), ("home/ada/code/other/src/x.py",)]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            ("Add `/home/ada/shop/src/a.ts`", "Add `/home/ada/bank/src/b.ts`"),
            [("home/ada/shop/src/a.ts",), ("home/ada/bank/src/b.ts",)],
        ),
        (("Add `home/ada/shop/src/a.ts`",), [("home/ada/shop/src/a.ts",)]),  # a folder of the project
        (("Add `/home/ada/code/api/src/a.ts`",), [("home/ada/code/api/src/a.ts",)]),  # the project may be called api
        (
            ("Add `home/hall/x.ts`", "Add `/home/hall/lamps/src/a.ts`"),
            [("home/hall/x.ts",), ("home/hall/lamps/src/a.ts",)],
        ),
    ],
)
def test_paths_that_may_lie_elsewhere_stay_as_they_are(lines: tuple[str, ...], expected: list[Writes]) -> None:
    assert writes(*lines) == expected
