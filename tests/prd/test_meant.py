"""Which file a short or a foreign path means."""

import pytest

from orchestrator.prd import read


def writes(*lines: str, below: str = "", name: str = "specs/001-x/list.md") -> list[tuple[str, ...] | None]:
    text = "# Tasks\n\n## Tasks\n\n" + "\n".join(f"- [ ] {line}" for line in lines) + f"\n\n{below}\n"
    return [task.writes for task in read(text.encode(), name=name).tasks]


def test_a_name_means_the_one_file_of_the_document_that_ends_so() -> None:
    assert writes("Add `Panel` in `web/src/Panel.tsx`", "Give `Panel.tsx` three tabs") == [("web/src/Panel.tsx",)] * 2


def test_a_name_and_the_whole_path_in_one_task_are_one_file() -> None:
    assert writes("Put `clock.ts` into `src/time/clock.ts`") == [("src/time/clock.ts",)]


def test_a_name_means_a_file_that_the_document_only_shows() -> None:
    assert writes("Extend `ledger.py`", below="## Layout\n\nSee bank/books/ledger.py for the books.") == [
        ("bank/books/ledger.py",)
    ]


def test_names_lie_in_the_folder_that_follows_them() -> None:
    found = writes("Create `in.dto.ts`, `mid.dto.ts` and `out.dto.ts` in `api/src/dto/`")

    assert found == [("api/src/dto/", "api/src/dto/in.dto.ts", "api/src/dto/mid.dto.ts", "api/src/dto/out.dto.ts")]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("Add `web/a/Panel.tsx`", "Add `web/b/Panel.tsx`", "Change `Panel.tsx`"), ("Panel.tsx",)),  # two of that name
        (("Write `docs/README.md`", "Write `README.md`"), ("README.md",)),  # a name of many folders
        (("Add `src/index.ts`", "Change `index.ts`"), ("index.ts",)),
        (("Add `src/clock.ts`", "Change `lib/clock.ts`"), ("lib/clock.ts",)),  # no mere name
        (("Add `src/clock.ts`", "Change `clock.tsx`"), ("clock.tsx",)),
    ],
)
def test_what_could_mean_another_file_stays_as_it_is_written(lines: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert writes(*lines)[-1] == expected


@pytest.mark.parametrize("link", ["[ledger.py](../../bank/ledger.py)", "https://host.example/bank/ledger.py", "~/bank/ledger.py"])
def test_what_lies_outside_names_no_file_of_the_project(link: str) -> None:
    assert writes("Extend `ledger.py`", below=f"## Links\n\n{link}") == [("ledger.py",)]


def test_a_path_below_somebodys_home_begins_at_the_project() -> None:
    root = "/home/ada/code/shop"

    assert writes(f"Add `{root}/src/cart.ts`", f"Test it in {root}/tests/cart.test.ts", f"Change `{root}/Makefile`") == [
        *[("src/cart.ts",), ("tests/cart.test.ts",), ("Makefile",)]
    ]


def test_paths_below_homes_that_do_not_agree_stay_as_they_are() -> None:
    assert writes("Add `/home/ada/shop/src/a.ts`", "Add `/home/ada/bank/src/b.ts`") == [
        *[("home/ada/shop/src/a.ts",), ("home/ada/bank/src/b.ts",)]
    ]
