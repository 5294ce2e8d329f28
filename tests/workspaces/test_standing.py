"""Whether what was integrated stands in the base: asked of git, whichever way it came there."""

from pathlib import Path

import pytest

from orchestrator.workspaces.standing import Standing
from tests.support.repositories import Repository

LINES = "".join(f"line {number}\n" for number in range(1, 21))


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Give a repository with a branch on which two results were merged, and main where it parted."""
    made = Repository.init(tmp_path / "project")
    made.commit({"shared.txt": LINES, "old.txt": "old\n"})
    made.git("tag", "start")
    made.git("checkout", "--quiet", "-b", "run")
    result(made, "first", {"first.txt": "first\n", "shared.txt": LINES.replace("line 2\n", "line two\n")})
    result(made, "second", {"shared.txt": LINES.replace("line 2\n", "line two\n").replace("line 19\n", "line nineteen\n")})
    made.git("checkout", "--quiet", "main")
    return made


def result(repository: Repository, name: str, files: dict[str, str]) -> None:
    repository.git("checkout", "--quiet", "-b", f"work-{name}")
    repository.commit(files, name)
    repository.git("checkout", "--quiet", "run")
    repository.git("merge", "--quiet", "--no-ff", "-m", name, f"work-{name}")
    repository.git("tag", name)


def standing(repository: Repository) -> list[bool]:
    """Tell of both results whether they stand in what is checked out."""
    found = Standing(repository.root, repository.head())
    base, tip = repository.git("rev-parse", "start"), repository.git("rev-parse", "run")
    return [found.holds(repository.git("rev-parse", name), base=base, tip=tip) for name in ("first", "second")]


def test_what_was_not_taken_does_not_stand(repository: Repository) -> None:
    assert standing(repository) == [False, False]


def test_what_was_merged_stands_whatever_came_after(repository: Repository) -> None:
    repository.git("merge", "--quiet", "--no-ff", "-m", "Take", "run")
    repository.commit({"shared.txt": "all new\n"})

    assert standing(repository) == [True, True]


def test_a_part_that_was_merged_stands(repository: Repository) -> None:
    repository.git("merge", "--quiet", "--no-ff", "-m", "Take", "first")

    assert standing(repository) == [True, False]


def test_what_was_squashed_stands(repository: Repository) -> None:
    repository.git("merge", "--quiet", "--squash", "run")
    repository.git("commit", "--quiet", "-m", "Squash")

    assert standing(repository) == [True, True]


def test_what_was_squashed_stands_though_its_files_have_gone_on(repository: Repository) -> None:
    repository.git("merge", "--quiet", "--squash", "run")
    repository.git("commit", "--quiet", "-m", "Squash")
    text = (repository.root / "shared.txt").read_text(encoding="utf-8")
    repository.commit({"shared.txt": text.replace("line 10\n", "line ten\n")})

    assert standing(repository) == [True, True]


def test_what_was_picked_stands_alone(repository: Repository) -> None:
    repository.git("cherry-pick", "-m", "1", "first")

    assert standing(repository) == [True, False]


def test_what_was_merged_and_wholly_reverted_does_not_stand(repository: Repository) -> None:
    repository.git("merge", "--quiet", "--no-ff", "-m", "Take", "run")
    repository.git("revert", "--no-edit", "-m", "1", "HEAD")

    assert standing(repository) == [False, False]


def test_a_merge_that_nobody_has_any_more_does_not_stand(repository: Repository) -> None:
    assert not Standing(repository.root, repository.head()).holds("1" * 40, base=repository.head(), tip="1" * 40)


def test_nothing_is_written_when_it_is_asked(repository: Repository) -> None:
    repository.git("merge", "--quiet", "--squash", "run")
    repository.git("commit", "--quiet", "-m", "Squash")
    text = (repository.root / "shared.txt").read_text(encoding="utf-8")
    repository.commit({"shared.txt": text.replace("line 10\n", "line ten\n")})
    before = repository.git("status", "--porcelain"), (repository.root / ".git" / "index").read_bytes()

    standing(repository)

    assert (repository.git("status", "--porcelain"), (repository.root / ".git" / "index").read_bytes()) == before
