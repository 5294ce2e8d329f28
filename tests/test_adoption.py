"""Whose folder `.squad/` is, and what is taken over from a hand-run squad."""

from pathlib import Path

import pytest

from orchestrator.adoption import ForeignFolder, prepare
from orchestrator.errors import FolderError
from orchestrator.project import Project, find
from tests.support.repositories import Repository


def test_the_folder_is_marked_ignored_and_private(repository: Repository, project: Project) -> None:
    assert prepare(project, now=1.0) == ""
    assert (project.folder / "squad.json").is_file()
    assert repository.git("status", "--porcelain", "--ignored") == "!! .squad/"
    assert (project.folder / "run").stat().st_mode & 0o777 == 0o700
    assert (project.folder / "logs").resolve() == project.state / "logs"


HAND_RUN = (
    *("feature-prd.md", "parallel-plans/agent-1-plan.md", "locks/a.lock", "comms/agent-1-comm.md", "logs/agent-1.log"),
    *("metrics/m.json", "control/c", "reports/r.md", "context/x", "local.yaml", ".gitignore", "pending-tasks.md"),
    *("parallel-allocation-report.md", "inferred-requirements.md", "sessions/s", "commands/c", "templates/t", "analysis/a"),
    *("examples/e",),
)


def _by_hand(folder: Path) -> None:
    for name in HAND_RUN:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"by hand: {name}\n", encoding="utf-8")


def test_a_hand_run_folder_is_adopted_in_one_line_and_nothing_of_it_is_lost(repository: Repository) -> None:
    found = find(repository.root)
    _by_hand(found.folder)

    said = prepare(found, now=0.0)

    aside = found.folder / "adopted" / "19700101T000000Z"
    assert "\n" not in said
    assert ".squad/adopted/19700101T000000Z" in said
    for name in HAND_RUN:
        places = [path for path in (aside / name, found.folder / name) if path.is_file()]
        assert any(path.read_text(encoding="utf-8") == f"by hand: {name}\n" for path in places), name
    moved = {"parallel-plans", "comms", "locks", "logs"}
    copied = {"feature-prd.md", "reports", ".gitignore"}
    assert {path.name for path in aside.iterdir()} == moved | copied
    assert list((found.folder / "comms").iterdir()) == []
    assert prepare(found, now=1.0) == ""


@pytest.mark.parametrize("name", sorted({name.split("/")[0] for name in HAND_RUN}))
def test_each_name_of_the_hand_run_method_is_known(repository: Repository, name: str) -> None:
    found = find(repository.root)
    found.folder.mkdir()
    (found.folder / name).mkdir() if "." not in name else (found.folder / name).write_text("x", encoding="utf-8")

    prepare(found, now=0.0)

    assert (found.folder / "squad.json").is_file()


def test_an_adoption_that_was_killed_half_way_is_taken_to_its_end(repository: Repository) -> None:
    found = find(repository.root)
    _by_hand(found.folder)
    half = found.folder / "adopted" / "19700101T000000Z"
    half.mkdir(parents=True)
    (found.folder / "comms").rename(half / "comms")

    prepare(found, now=0.0)

    assert (half / "comms" / "agent-1-comm.md").is_file()
    assert (half / "parallel-plans" / "agent-1-plan.md").is_file()


def test_a_folder_of_another_tool_is_named_and_left_as_it_is(repository: Repository) -> None:
    found = find(repository.root)
    (found.folder / "rosters").mkdir(parents=True)
    (found.folder / "comms").mkdir()

    with pytest.raises(ForeignFolder, match="rosters"):
        prepare(found, now=0.0)
    assert sorted(path.name for path in found.folder.iterdir()) == ["comms", "rosters"]


def test_a_file_in_place_of_the_folder_is_an_error_that_names_it(repository: Repository) -> None:
    found = find(repository.root)
    found.folder.write_text("a file", encoding="utf-8")

    with pytest.raises(FolderError, match=r"cannot write .*\.squad"):
        prepare(found, now=0.0)


def test_an_empty_folder_is_simply_taken(repository: Repository) -> None:
    found = find(repository.root)
    found.folder.mkdir()

    assert prepare(found, now=0.0) == ""


@pytest.mark.parametrize("made", [["run"], ["run/leash", "runs"], ["run", "runs", "comms", "locks"]], ids=str)
def test_folders_that_squad_had_only_begun_to_make_are_its_own(repository: Repository, made: list[str]) -> None:
    """A disk that was full, or a kill, at the first start once left a folder that squad took for another tool's for ever."""
    for name in made:
        (repository.root / ".squad" / name).mkdir(parents=True)
    (repository.root / ".squad" / "run" / "where").write_text("/run/user/0/squad\n", encoding="utf-8")
    (repository.root / ".squad" / ".gitignore").write_text("", encoding="utf-8")

    prepare(find(repository.root), now=0.0)

    assert (repository.root / ".squad" / "squad.json").is_file()


def test_such_a_folder_with_anything_in_it_is_another_tools(repository: Repository) -> None:
    repository.write({".squad/runs/theirs.txt": "theirs"})

    with pytest.raises(ForeignFolder, match="squad does not know runs"):
        prepare(find(repository.root), now=0.0)
