"""A worktree for each attempt: whatever an agent does in it, its work is kept, and nothing of the user's is touched."""

import os
import shutil
import socket
from pathlib import Path

import pytest

from orchestrator.errors import RepositoryError
from orchestrator.git import Git
from orchestrator.model import AttemptId
from orchestrator.workspaces import Work
from orchestrator.workspaces.kept import refs_of
from orchestrator.workspaces.worktree import Worktrees, check_out
from tests.support.repositories import IDENTITY, Repository
from tests.support.worktrees import FIRST, RUN, SIGNED, Place


@pytest.fixture
def place(repository: Repository) -> Place:
    return Place.make(repository)


# making


def test_a_worktree_stands_on_a_branch_of_its_own_at_its_start(place: Place) -> None:
    assert place.git("symbolic-ref", "HEAD") == "refs/heads/squad-work/demo-1/T1.1"
    assert place.git("rev-parse", "HEAD") == place.base
    assert place.folder == place.repository.root / ".squad" / "worktrees" / "demo-1" / "T1.1"


def test_a_whole_worktree_is_used_again_with_what_is_in_it(place: Place) -> None:
    place.write("src/new.py")

    assert not place.worktrees.make(AttemptId("T1.2"), place.folder, start=place.base)
    assert (place.folder / "src" / "new.py").is_file()


def test_a_worktree_whose_making_was_killed_is_made_again(place: Place) -> None:
    second = AttemptId("T2.1")
    folder = place.worktrees.folder(second)
    place.worktrees.make(second, folder, start=place.base)  # and killed before the set-up was through
    (folder / "src" / "app.py").unlink()

    assert place.worktrees.harvest(second, folder, base=place.base, signed=SIGNED) == Work(commit=None, paths=())
    assert place.worktrees.make(second, folder, start=place.base)
    assert (folder / "src" / "app.py").is_file()


def test_a_worktree_that_a_later_attempt_makes_again_keeps_its_branch(place: Place) -> None:
    """A second branch once was told of as one that an agent had made."""
    shutil.rmtree(place.folder)

    assert place.worktrees.make(AttemptId("T1.2"), place.folder, start=place.base)

    assert place.git("symbolic-ref", "HEAD") == "refs/heads/squad-work/demo-1/T1.1"
    assert place.repository.git("for-each-ref", "--format=%(refname)", "refs/heads/squad-work/").split() == [
        "refs/heads/squad-work/demo-1/T1.1"
    ]


def test_a_worktree_whose_folder_was_deleted_is_made_again_from_the_kept_work(place: Place) -> None:
    place.write("src/new.py")
    work = place.harvest()
    shutil.rmtree(place.folder)

    assert place.harvest(AttemptId("T1.2")) == Work(commit=None, paths=())
    assert place.worktrees.make(AttemptId("T1.2"), place.folder, start=work.commit)
    assert (place.folder / "src" / "new.py").is_file()


def test_a_strangers_folder_in_the_way_is_moved_aside_and_not_deleted(place: Place) -> None:
    second = AttemptId("T2.1")
    folder = place.worktrees.folder(second)
    folder.mkdir()
    (folder / "precious").write_text("kept", encoding="utf-8")

    assert place.worktrees.make(second, folder, start=place.base)
    assert [path.read_text(encoding="utf-8") for path in folder.parent.glob("T2.1-aside-*/precious")] == ["kept"]


def test_the_users_own_worktrees_are_not_pruned(place: Place) -> None:
    linked = place.repository.root.parent / "on-a-stick"
    place.repository.git("worktree", "add", "--quiet", "-b", "stick", str(linked))
    linked.rename(linked.with_name("unplugged"))

    place.worktrees.make(AttemptId("T2.1"), place.worktrees.folder(AttemptId("T2.1")), start=place.base)

    linked.with_name("unplugged").rename(linked)
    assert Git(linked).line("symbolic-ref", "HEAD") == "refs/heads/stick"


@pytest.mark.parametrize("name", ["6~2.1", "a b:c?.1", "../up.1", ".hidden.1", "x..y.1", "a/b.1", "ü" * 200 + ".1", "x.lock"])
def test_any_task_id_gives_a_branch_and_a_folder(place: Place, name: str) -> None:
    attempt = AttemptId(name)
    folder = place.worktrees.folder(attempt)
    assert folder.parent == place.folder.parent

    assert place.worktrees.make(attempt, folder, start=place.base)
    place.worktrees.finish(folder)
    (folder / "new.txt").write_text("new", encoding="utf-8")
    work = place.worktrees.harvest(attempt, folder, base=place.base, signed=SIGNED)

    assert work.paths == ("new.txt",)
    assert work.commit in refs_of(place.worktrees.project, RUN).values()


def test_a_fresh_worktree_gets_the_files_that_git_does_not_know(place: Place) -> None:
    place.repository.write({".env": "SECRET=1\n", "node_modules/x/index.js": "x\n", "settings/local.ini": "[a]\n"})
    worktrees = Worktrees(
        project=place.worktrees.project,
        run=RUN,
        place=place.worktrees.place,
        copy=[".env", "settings", "absent"],
        symlink=["node_modules", "absent"],
    )
    attempt = AttemptId("T2.1")
    folder = worktrees.folder(attempt)
    worktrees.make(attempt, folder, start=place.base)
    worktrees.finish(folder)

    assert (folder / ".env").read_text(encoding="utf-8") == "SECRET=1\n"
    assert (folder / "settings" / "local.ini").is_file()
    assert (folder / "node_modules").is_symlink()
    assert worktrees.harvest(attempt, folder, base=place.base, signed=SIGNED).paths == ()


# harvesting


def test_everything_an_agent_left_is_committed_in_its_name(place: Place) -> None:
    place.write("src/new.py")
    place.write("src/app.py", "changed\n")
    (place.folder / "docs" / "a.md").unlink()

    work = place.harvest()

    assert work.paths == ("docs/a.md", "src/app.py", "src/new.py")
    told = place.git("log", "-1", "--format=%an|%cn|%s|%(trailers:key=Squad-Task,valueonly,separator=)")
    assert told == "agent-1|squad|Write it|T1"
    assert refs_of(place.worktrees.project, RUN)["refs/squad/kept/demo-1/T1.1"] == work.commit


def test_an_agent_that_changed_nothing_left_nothing_to_merge(place: Place) -> None:
    assert place.harvest() == Work(commit=place.base, paths=())


def test_an_agents_own_commits_are_kept_below(place: Place) -> None:
    place.commit("src/one.py")
    place.write("src/two.py")

    work = place.harvest()

    assert work.paths == ("src/one.py", "src/two.py")
    assert place.git("log", "--format=%s", f"{place.base}..HEAD").splitlines() == ["Write it", "The agent's own"]


def test_modes_links_and_odd_names_come_along_and_pipes_do_not_disturb(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place.folder)  # a socket's whole path may be too long
    (place.folder / "src" / "run.sh").chmod(0o755)
    (place.folder / "link").symlink_to("src/app.py")
    (place.folder / "broken").symlink_to("/nonexistent")
    for name in ("new\nline", "-dash", "return\r", ":(top)x", os.fsdecode(b"latin\xe9")):
        (place.folder / name).write_text("x", encoding="utf-8")
    os.mkfifo(place.folder / "pipe")
    (place.folder / "docs" / "a.md").unlink()
    os.mkfifo(place.folder / "docs" / "a.md")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")

    work = place.harvest()

    assert set(work.paths) == {
        *("src/run.sh", "link", "broken", "new\nline", "-dash", "return\r", ":(top)x", os.fsdecode(b"latin\xe9"), "docs/a.md"),
    }
    assert "docs/a.md" not in place.files(work), "there is no file any more"


def test_a_huge_file_is_kept(place: Place) -> None:
    with (place.folder / "huge.bin").open("wb") as file:
        file.truncate(64 * 2**20)

    assert place.harvest().paths == ("huge.bin",)


def test_by_products_are_left_out_but_not_what_the_repository_holds_already(place: Place) -> None:
    place.commit("node_modules/patched.js", message="Vendored")
    for name in ("__pycache__/x.pyc", "src/__pycache__/y.pyc", "node_modules/z.js", ".venv/bin/python", ".squad/x", "ignored/x"):
        place.write(name)
    place.write("node_modules/patched.js", "changed\n")
    place.write("src/real.py")

    work = place.harvest()

    assert work.paths == ("node_modules/patched.js", "src/real.py")
    assert place.repository.show(work.commit or "", "node_modules/patched.js") == "changed"


def test_a_by_product_that_a_task_or_a_lock_names_is_its_work(place: Place) -> None:
    """A task that declared such a file once ended unchanged."""
    named = ("a7/notes.swp", "vendor/node_modules/p/patch.js", "lib/node_modules", "**/x.egg-info/*", "src", "op:git", ".squad")
    taken = ["a7/notes.swp", "lib/node_modules/deep/z.js", "src/x.egg-info/PKG", "vendor/node_modules/p/patch.js"]
    others = ("a7/other.swp", "vendor/node_modules/q.js", "src/node_modules/z.js", "src/__pycache__/x.pyc", ".squad/x")
    for name in (*taken, *others):
        place.write(name)

    work = place.worktrees.harvest(FIRST, place.folder, base=place.base, signed=SIGNED, named=named)

    assert list(work.paths) == taken


def test_only_at_the_root_of_a_workspace_is_a_folder_of_squads_own(place: Place) -> None:
    place.write("tests/fix/.squad/plan.json")
    place.write(".squad/plan.json")

    assert place.harvest().paths == ("tests/fix/.squad/plan.json",)


def test_a_by_product_that_the_repository_held_is_looked_at_though_an_agent_let_git_forget_it(place: Place) -> None:
    base = place.repository.commit({"lib/node_modules/x.js": "x\n"})
    second = AttemptId("T2.1")
    folder = place.worktrees.folder(second)
    place.worktrees.make(second, folder, start=base)
    place.worktrees.finish(folder)
    Git(folder).run("rm", "--quiet", "--cached", "lib/node_modules/x.js")
    Git(folder).run(*IDENTITY, "commit", "--quiet", "-m", "Forget it")
    (folder / "lib" / "node_modules" / "x.js").write_text("evil\n", encoding="utf-8")

    work = place.worktrees.harvest(second, folder, base=base, signed=SIGNED)

    assert work.paths == ("lib/node_modules/x.js",)
    assert place.repository.show(work.commit or "", "lib/node_modules/x.js") == "evil"


def test_an_agent_on_another_branch_or_detached_is_harvested_where_it_stands(place: Place) -> None:
    place.git("checkout", "--quiet", "-b", "my-idea")
    place.commit("src/one.py")
    place.git("checkout", "--quiet", "--detach")
    place.write("src/two.py")

    assert place.harvest().paths == ("src/one.py", "src/two.py")


def test_an_agent_on_a_branch_that_has_not_begun_is_harvested(place: Place) -> None:
    place.git("checkout", "--quiet", "--orphan", "fresh")
    place.write("src/new.py")

    assert place.harvest().paths == ("src/new.py",)


def test_history_without_a_root_in_the_project_is_given_one(place: Place) -> None:
    place.git("checkout", "--quiet", "--orphan", "fresh")
    place.commit("src/new.py", message="From nothing")

    work = place.harvest()

    assert work.paths == ("src/new.py",)
    assert place.git("merge-base", work.commit or "", place.base) == place.base
    assert "From nothing" in place.git("log", "--format=%s", work.commit or "")


def test_what_an_agent_merged_from_the_integration_branch_is_not_its_own_change(place: Place) -> None:
    place.repository.git("checkout", "--quiet", "squad/demo-1")
    place.repository.commit({"other.txt": "another task's\n"})
    place.repository.git("checkout", "--quiet", "main")
    place.commit("src/one.py")
    place.git("merge", "--quiet", "--no-edit", "squad/demo-1")
    place.write("src/two.py")

    assert place.harvest().paths == ("src/one.py", "src/two.py")


def test_an_agent_that_rebased_or_reset_is_taken_as_it_stands(place: Place) -> None:
    place.commit("src/one.py")
    first = place.harvest()
    place.git("reset", "--quiet", "--hard", place.base)
    place.write("src/two.py")

    work = place.harvest()

    assert work.paths == ("src/two.py",)
    assert first.commit in refs_of(place.worktrees.project, RUN).values()


def test_a_merge_that_an_agent_left_half_way_is_committed_as_it_lies(place: Place) -> None:
    place.git("branch", "other")
    place.commit("clash.txt", "ours\n")
    place.git("checkout", "--quiet", "other")
    place.commit("clash.txt", "theirs\n")
    Git(place.folder).attempt(*IDENTITY, "merge", "squad-work/demo-1/T1.1")

    work = place.harvest()

    assert "<<<<<<<" in place.repository.show(work.commit or "", "clash.txt")
    assert not (Path(place.git("rev-parse", "--absolute-git-dir")) / "MERGE_HEAD").exists()


def test_a_rebase_that_an_agent_left_half_way_does_not_stop_the_harvest(place: Place) -> None:
    place.git("branch", "other")
    place.commit("clash.txt", "ours\n")
    place.git("checkout", "--quiet", "other")
    place.commit("clash.txt", "theirs\n")
    Git(place.folder).attempt(*IDENTITY, "rebase", "squad-work/demo-1/T1.1")

    assert place.harvest().paths == ("clash.txt",)
    place.write("clash.txt", "solved\n")
    assert place.harvest(AttemptId("T1.2")).paths == ("clash.txt",)


def test_the_lock_of_a_killed_git_does_not_stop_the_harvest(place: Place) -> None:
    (Path(place.git("rev-parse", "--absolute-git-dir")) / "index.lock").touch()
    place.write("src/new.py")

    assert place.harvest().paths == ("src/new.py",)


# repositories inside


@pytest.mark.parametrize("commits", [True, False])
def test_the_files_of_a_repository_that_an_agent_made_inside_are_kept(place: Place, commits: bool) -> None:  # noqa: FBT001
    inner = Repository.init(place.folder / "service", commit=False)
    inner.write({"main.go": "package main\n", "build/out": "x\n", ".gitignore": "build/\n"})
    if commits:
        inner.commit({"main.go": "package main\n"})
    Repository.init(inner.root / "deep").commit({"deep.txt": "deep\n"})
    place.write("src/new.py")

    work = place.harvest()

    expected = {"service/.gitignore", "service/main.go", "service/deep/README.md", "service/deep/deep.txt", "src/new.py"}
    assert set(work.paths) == expected
    assert place.repository.show(work.commit or "", "service/main.go") == "package main"


def test_a_link_in_the_place_of_a_folder_of_a_repository_inside_keeps_nothing_else_from_being_kept(place: Place) -> None:
    inner = Repository.init(place.folder / "service")
    inner.commit({"old/a.txt": "a\n", "app.py": "app\n"})
    shutil.move(inner.root / "old", inner.root / "moved")
    (inner.root / "old").symlink_to("moved")

    assert {"service/app.py", "service/moved/a.txt", "service/old"} <= set(place.files(place.harvest()))


def test_later_changes_in_a_repository_inside_are_kept_too(place: Place) -> None:
    inner = Repository.init(place.folder / "service")
    place.harvest()
    inner.write({"README.md": "changed\n", "more.txt": "more\n"})

    work = place.harvest(AttemptId("T1.2"))

    assert place.repository.show(work.commit or "", "service/README.md") == "changed"
    assert "service/more.txt" in work.paths


def test_a_repository_inside_that_an_agent_committed_as_a_bare_link_is_kept_with_its_files(place: Place) -> None:
    Repository.init(place.folder / "service")
    place.git("add", "service")
    place.git("commit", "--quiet", "-m", "A link to nothing")

    work = place.harvest()

    assert place.repository.show(work.commit or "", "service/README.md") == "# Project"


def test_a_real_submodule_stays_one(place: Place, tmp_path: Path) -> None:
    library = Repository.init(tmp_path / "library")
    place.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library.root), "vendor/library")

    work = place.harvest()

    assert work.paths == (".gitmodules", "vendor/library")


def test_a_deleted_git_file_loses_nothing(place: Place) -> None:
    place.commit("src/one.py")
    place.write("src/two.py")
    (place.folder / ".git").unlink()

    assert place.harvest().paths == ("src/one.py", "src/two.py")


def test_a_git_folder_of_the_agents_own_in_place_of_the_link_loses_nothing(place: Place) -> None:
    place.write("src/new.py")
    (place.folder / ".git").unlink()
    own = Git(place.folder)
    own.run("init", "--quiet")
    own.run("add", "--all")
    own.run(*IDENTITY, "commit", "--quiet", "-m", "A history of my own")

    work = place.harvest()

    assert work.paths == ("src/new.py",)
    kept = list((place.worktrees.project.state / "aside").glob("demo-1-T1.1.git-*"))
    assert [Git(folder).line("log", "-1", "--format=%s") for folder in kept] == ["A history of my own"]


def test_a_link_that_an_agent_put_into_gits_own_folder_leads_squad_to_nobodys_file(place: Place, tmp_path: Path) -> None:
    """That folder is its to write at every level; squad once wrote the index, and a line of HEAD's log, through it."""
    theirs = [tmp_path / name for name in ("index", "log", "head", "other")]
    for file in theirs:
        file.write_text("ref: refs/heads/theirs\n", encoding="utf-8")
    admin = Path(place.git("rev-parse", "--absolute-git-dir"))
    place.write("src/new.py")
    (admin / "logs").mkdir(exist_ok=True)
    for name, file in zip(("index", "logs/HEAD", "HEAD"), theirs, strict=False):
        (admin / name).unlink(missing_ok=True)
        (admin / name).symlink_to(file)
    (admin / "ORIG_HEAD").unlink(missing_ok=True)
    os.link(theirs[3], admin / "ORIG_HEAD")

    assert place.harvest().paths == ("src/new.py",)
    assert {file.read_text(encoding="utf-8") for file in theirs} == {"ref: refs/heads/theirs\n"}
    assert place.git("status", "--porcelain") == ""


@pytest.mark.parametrize(("name", "text"), [("HEAD", "nothing"), ("commondir", "../../..\n"), ("index", "nothing")])
def test_gits_own_notes_of_a_worktree_that_an_agent_broke_lose_nothing(place: Place, name: str, text: str) -> None:
    """Its foreign changes once were not looked at either."""
    place.commit("src/one.py")
    place.write("src/two.py")
    (Path(place.git("rev-parse", "--absolute-git-dir")) / name).write_text(text, encoding="utf-8")

    assert place.harvest().paths == ("src/one.py", "src/two.py")


@pytest.mark.parametrize("name", ["HEAD", "commondir", "index"])
def test_a_folder_in_the_place_of_gits_own_notes_loses_nothing(place: Place, name: str) -> None:
    place.commit("src/one.py")
    place.write("src/two.py")
    note = Path(place.git("rev-parse", "--absolute-git-dir")) / name
    note.unlink()
    (note / "deep").mkdir(parents=True)

    assert place.harvest().paths == ("src/one.py", "src/two.py")


def test_a_second_name_of_gits_note_where_a_worktree_lies_does_not_make_git_forget_it(place: Place) -> None:
    note = Path(place.git("rev-parse", "--absolute-git-dir")) / "gitdir"
    (note.parent / "kept").hardlink_to(note)
    place.write("src/one.py")

    assert place.harvest().paths == ("src/one.py",)
    assert note.read_text(encoding="utf-8") == f"{place.folder}/.git\n"


def test_a_workspace_that_git_does_not_know_any_more_is_left_as_it_lies(place: Place) -> None:
    place.write("src/new.py")
    shutil.rmtree(Path(place.git("rev-parse", "--absolute-git-dir")))

    with pytest.raises(RepositoryError, match="what the agent left lies there"):
        place.harvest()
    assert place.worktrees.make(AttemptId("T1.2"), place.folder, start=place.base)
    assert len(list(place.folder.parent.glob("T1.1-aside-*/src/new.py"))) == 1


# foreign changes


def test_foreign_changes_are_kept_and_taken_back_and_the_rest_stays(place: Place) -> None:
    place.write("src/mine.py")
    place.write("docs/a.md", "scribbled\n")
    place.write("docs/new/deep.md")
    (place.folder / "src" / "app.py").unlink()
    (place.folder / "src" / "run.sh").chmod(0o755)
    work = place.harvest()

    ref = place.set_aside(work, "docs/a.md", "docs/new/deep.md", "src/app.py", "src/run.sh")
    clean = place.harvest()

    assert clean.paths == ("src/mine.py",)
    assert place.git("status", "--porcelain") == ""
    assert not (place.folder / "docs" / "new").exists()
    assert (place.folder / "docs" / "a.md").read_text(encoding="utf-8") == "a\n"
    assert not os.access(place.folder / "src" / "run.sh", os.X_OK)
    assert place.repository.show(ref, "docs/a.md") == "scribbled"
    assert place.repository.show(ref, "docs/new/deep.md") == "new"


def test_a_foreign_rename_is_taken_back_at_both_ends(place: Place) -> None:
    place.git("mv", "docs/a.md", "docs/b.md")
    work = place.harvest()

    place.set_aside(work, *work.paths)

    assert place.harvest().paths == ()
    assert [path.name for path in (place.folder / "docs").iterdir()] == ["a.md"]


def test_a_file_replaced_by_a_folder_and_a_folder_by_a_file_are_taken_back(place: Place) -> None:
    (place.folder / "src" / "app.py").unlink()
    place.write("src/app.py/inside.txt")
    shutil.rmtree(place.folder / "docs")
    place.write("docs")
    work = place.harvest()

    place.set_aside(work, *work.paths)

    assert place.harvest().paths == ()
    assert (place.folder / "src" / "app.py").is_file()
    assert (place.folder / "docs" / "a.md").is_file()


def test_a_folder_replaced_by_a_link_to_elsewhere_is_taken_back_and_elsewhere_is_untouched(place: Place, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "a.md").write_text("precious", encoding="utf-8")
    shutil.rmtree(place.folder / "docs")
    (place.folder / "docs").symlink_to(elsewhere)
    work = place.harvest()

    place.set_aside(work, *work.paths)

    assert place.harvest().paths == ()
    assert not (place.folder / "docs").is_symlink()
    assert (elsewhere / "a.md").read_text(encoding="utf-8") == "precious"


def test_many_foreign_files_fit(place: Place) -> None:
    for number in range(3000):
        place.write(f"strewn/{number:04}-{'x' * 60}.txt")
    work = place.harvest()

    place.set_aside(work, *work.paths)

    assert place.harvest().paths == ()


def test_taking_back_does_not_undo_what_was_merged_from_others(place: Place) -> None:
    place.repository.git("checkout", "--quiet", "squad/demo-1")
    place.repository.commit({"docs/a.md": "another task's\n"})
    place.repository.git("checkout", "--quiet", "main")
    place.git("merge", "--quiet", "--no-edit", "squad/demo-1")
    place.write("docs/a.md", "scribbled\n")
    work = place.harvest()
    assert work.paths == ("docs/a.md",)

    place.set_aside(work, "docs/a.md")

    assert place.harvest().paths == ()
    assert (place.folder / "docs" / "a.md").read_text(encoding="utf-8") == "another task's\n"


# after checks


def test_what_a_check_left_is_not_taken_for_the_agents_work(place: Place) -> None:
    place.write("src/new.py")
    work = place.harvest()
    place.write("coverage.xml")
    place.write("src/app.py", "formatted\n")
    place.write("ignored/cache")
    place.write("node_modules/z.js")

    place.worktrees.tidy(place.folder, work.commit or "")

    assert place.harvest(AttemptId("T1.2")).paths == ("src/new.py",)
    assert not (place.folder / "coverage.xml").exists()
    assert (place.folder / "ignored" / "cache").is_file()
    assert (place.folder / "node_modules" / "z.js").is_file()


def test_squads_own_worktree_is_brought_to_a_commit_from_any_state(place: Place) -> None:
    folder = place.worktrees.place / RUN / "integration"
    project = place.worktrees.project
    check_out(project, folder, place.base)
    later = place.repository.commit({"later.txt": "later\n"})
    (folder / "strewn").mkdir()
    Repository.init(folder / "strewn" / "inner")
    (folder / "src" / "app.py").write_text("changed\n", encoding="utf-8")
    (Path(Git(folder).line("rev-parse", "--absolute-git-dir")) / "index.lock").touch()

    check_out(project, folder, later)

    assert Git(folder).line("rev-parse", "HEAD") == later
    assert Git(folder).run("status", "--porcelain") == ""
    shutil.rmtree(folder)
    check_out(project, folder, place.base)
    assert Git(folder).line("rev-parse", "HEAD") == place.base
