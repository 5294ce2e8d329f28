"""Files that git cannot read or does not take: everything else is kept, and they are told of."""

import os
from pathlib import Path

import pytest

from orchestrator.git import GitFailed
from orchestrator.model import AgentId, AttemptId
from orchestrator.workspaces import Untaken, Work
from orchestrator.workspaces.branch import Left, discard
from orchestrator.workspaces.kept import refs_of
from tests.support.ordinary_user import bound_by_modes
from tests.support.repositories import Repository
from tests.support.worktrees import FIRST, RUN, SIGNED, Place

NAME = "git takes nothing of that name"


@pytest.fixture
def place(repository: Repository) -> Place:
    return Place.make(repository)


def harvest(place: Place) -> Work:
    return bound_by_modes(place.harvest)


def test_what_its_owner_may_not_read_is_taken_in_all_the_same(place: Place) -> None:
    """One such file once stopped the harvest of all others, and such a folder was left out without a word."""
    place.write("src/app.py", "changed\n").chmod(0)
    place.write("src/new.py").chmod(0)
    for name, mode in (("shut", 0), ("listed", 0o400), ("docs", 0)):
        place.write(f"{name}/deep/inside.txt")
        (place.folder / name / "deep").chmod(0)
        (place.folder / name).chmod(mode)
    place.write("honest.txt")

    work = harvest(place)

    inside = [f"{name}/deep/inside.txt" for name in ("docs", "listed", "shut")]
    assert work.paths == (inside[0], "honest.txt", inside[1], inside[2], "src/app.py", "src/new.py")
    assert work.untaken == ()
    assert place.repository.show(work.commit or "", "src/app.py") == "changed"


def test_a_name_that_git_does_not_take_keeps_nothing_else_from_being_kept(place: Place) -> None:
    for name in ("d/.GIT/x", "d/git~1/x", "d/.git.", "d/honest.txt"):
        place.write(name)
    (place.folder / "d" / ".gitmodules").symlink_to("elsewhere")

    work = place.harvest()

    assert work.paths == ("d/honest.txt",)
    named = ("d/.GIT/x", "d/.git.", "d/.gitmodules", "d/git~1/x")
    assert work.untaken == tuple(Untaken(path=path, why=NAME) for path in named)
    assert refs_of(place.worktrees.project, RUN)["refs/squad/kept/demo-1/T1.1"] == work.commit


def test_the_bits_of_a_file_that_has_another_name_elsewhere_are_left_alone(place: Place, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_text("secret\n", encoding="utf-8")
    theirs.chmod(0)
    (place.folder / "linked").hardlink_to(theirs)
    place.write("honest.txt")

    work = harvest(place)

    assert work.paths == ("honest.txt",)
    assert work.untaken == (Untaken(path="linked", why="it cannot be read: Permission denied"),)
    assert theirs.stat().st_mode & 0o777 == 0


def test_what_lies_deeper_than_a_path_can_reach_is_told_of(place: Place) -> None:
    place.write("honest.txt")
    above = os.open(place.folder, os.O_RDONLY)
    for _ in range(40):
        os.mkdir("d" * 200, dir_fd=above)
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=above)
        os.close(above)
        above = below
    os.close(os.open("lost.txt", os.O_CREAT | os.O_WRONLY, dir_fd=above))
    os.close(above)

    work = place.harvest()

    assert work.paths == ("honest.txt",)
    [told] = map(str, work.untaken)
    assert (told[:200], len(told) < 400) == ("d" * 200, True)
    assert told.endswith("d (it cannot be read: File name too long)")


def test_what_is_ignored_or_left_behind_by_tools_is_not_told_of(place: Place, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.touch()
    theirs.chmod(0)
    for name in ("ignored/x", "node_modules/x"):
        place.write(name).unlink()
        (place.folder / name).hardlink_to(theirs)
    place.write("node_modules/.GIT/x")

    assert harvest(place) == Work(commit=place.base, paths=())


def test_ignored_files_that_an_agent_added_are_taken_though_they_are_shut(place: Place) -> None:
    for name in ("ignored/one", "ignored/two", "ignored/deep/three"):
        place.write(name)
    place.git("add", "--force", "ignored")
    (place.folder / "ignored" / "deep").chmod(0)
    (place.folder / "ignored" / "two").unlink()

    work = harvest(place)

    assert work.paths == ("ignored/deep/three", "ignored/one")


def test_a_damaged_repository_inside_is_taken_in_like_a_folder(place: Place) -> None:
    inner = Repository.init(place.folder / "service")
    (inner.root / ".git" / "index").write_bytes(b"nonsense")
    inner.write({"deep/main.go": "package main\n"})
    Repository.init(place.folder / "odd", commit=False).write({".GIT/x": "x\n", "fine": "x\n"})

    work = place.harvest()

    assert set(work.paths) == {"service/README.md", "service/deep/main.go", "odd/fine"}
    assert work.untaken == (Untaken(path="odd/.GIT/x", why=NAME),)


def test_a_foreign_file_that_cannot_be_kept_stays_where_it_lies(place: Place) -> None:
    place.write("docs/.GIT/x", "precious\n")
    place.write("docs/a.md", "scribbled\n")
    work = place.harvest()

    place.set_aside(work, "docs/a.md", "docs/.GIT/x")

    assert place.harvest().paths == ()
    assert (place.folder / "docs" / ".GIT" / "x").read_text(encoding="utf-8") == "precious\n"


def test_what_set_up_commands_left_shut_is_no_work_of_an_agents(place: Place) -> None:
    second = AttemptId("T2.1")
    folder = place.worktrees.folder(second)
    place.worktrees.make(second, folder, start=place.base)
    (folder / "tools").mkdir()
    (folder / "tools" / "x").touch()
    (folder / "tools").chmod(0)
    bound_by_modes(lambda: place.worktrees.finish(folder))
    (folder / "new.txt").touch()

    work = bound_by_modes(lambda: place.worktrees.harvest(second, folder, base=place.base, signed=SIGNED))

    assert work.paths == ("new.txt",)


def test_a_look_at_an_agent_at_work_opens_nothing_of_its(place: Place) -> None:
    place.write("mine.txt").chmod(0)
    place.write("src/new.py")

    assert bound_by_modes(lambda: place.worktrees.glance(place.folder, base=place.base)) == ("src/new.py",)
    assert (place.folder / "mine.txt").stat().st_mode & 0o777 == 0


def test_a_full_disk_is_not_laid_at_the_door_of_the_files(place: Place) -> None:
    place.write("src/new.py")
    objects = place.worktrees.project.state.parent / "objects"
    for folder in (objects, *objects.iterdir()):
        folder.chmod(0o500)

    with pytest.raises(GitFailed):
        harvest(place)


def test_discard_keeps_a_worktree_with_something_that_git_does_not_take(place: Place) -> None:
    """It once ended with what git said, and dropped nothing."""
    place.write("d/.GIT/x", "precious\n")
    place.write("honest.txt")

    refs = discard(place.worktrees, {place.folder: Left(attempt=FIRST, agent=AgentId("agent-1"), base=place.base)})

    assert "honest.txt" in [name for ref in refs for name in place.repository.files(ref)]
    [aside] = place.folder.parent.iterdir()
    assert (aside / "d" / ".GIT" / "x").read_text(encoding="utf-8") == "precious\n"
    assert place.repository.git("worktree", "list", "--porcelain").count("worktree ") == 1
