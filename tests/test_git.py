"""The one door to git, in every state a user's repository can be in."""

import os
import subprocess
import threading
import time
from pathlib import Path

import pytest

from orchestrator import git
from orchestrator.errors import RepositoryError, ToolMissing
from orchestrator.git import Git, GitFailed
from tests.support.repositories import Repository
from tests.support.waiting import until


def test_outside_of_a_repository_there_is_no_toplevel(tmp_path: Path) -> None:
    assert git.toplevel(tmp_path) is None


def test_a_folder_below_belongs_to_its_repository(repository: Repository) -> None:
    (repository.root / "a" / "b").mkdir(parents=True)

    assert git.toplevel(repository.root / "a" / "b") == repository.root


def test_a_repository_may_lie_in_a_folder_whose_name_has_a_newline(tmp_path: Path) -> None:
    odd = Repository.init(tmp_path / "one\ntwo\u2028three ")

    assert git.toplevel(odd.root) == odd.root


def test_a_bare_repository_is_refused_with_the_way_out(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", "--bare", str(tmp_path)], check=True)

    with pytest.raises(RepositoryError, match="bare") as raised:
        git.toplevel(tmp_path)
    assert "git clone" in (raised.value.hint or "")


def test_gits_own_folder_is_no_project(repository: Repository) -> None:
    with pytest.raises(RepositoryError, match="git's own folder"):
        git.toplevel(repository.root / ".git")


def test_a_worktree_whose_repository_is_gone_is_not_taken_for_a_folder_without_git(repository: Repository) -> None:
    linked = repository.root.parent / "linked"
    repository.git("worktree", "add", "--quiet", str(linked))
    (repository.root / ".git").rename(repository.root / ".git-away")

    with pytest.raises(RepositoryError, match="cannot work in"):
        git.toplevel(linked)


def test_where_a_work_tree_keeps_its_own_is_found_as_git_finds_it(repository: Repository, tmp_path: Path) -> None:
    repository.git("worktree", "add", "--quiet", str(tmp_path / "linked"))
    repository.git("init", "--quiet", "--separate-git-dir", str(tmp_path / "apart\udcff"), str(tmp_path / "elsewhere"))
    (repository.root / "below").mkdir()
    (tmp_path / "link").symlink_to(repository.root)

    for name in ("project", "linked", "elsewhere", "project/below", "link"):
        told = Git(tmp_path / name).line("rev-parse", "--absolute-git-dir")
        assert git.own_dir(tmp_path / name) == Path(os.path.realpath(told))
        shared = tmp_path / name / Git(tmp_path / name).line("rev-parse", "--git-common-dir")
        assert git.common_dir(tmp_path / name) == Path(os.path.realpath(shared))


@pytest.mark.parametrize("text", [None, "", "gitdir: \0", "gitdir: /nowhere", f"gitdir: {'a' * 5000}", "nonsense"])
def test_where_what_stands_there_names_nothing_git_says_so(repository: Repository, text: str | None) -> None:
    linked = repository.root.parent / "linked"
    repository.git("worktree", "add", "--quiet", str(linked))
    (linked / ".git").unlink()
    if text is None:
        os.mkfifo(linked / ".git")
    else:
        (linked / ".git").write_text(text, encoding="utf-8")

    with pytest.raises(GitFailed):
        git.own_dir(linked)


def test_a_repository_without_git_installed_is_not_taken_for_a_folder_without_git(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))

    assert git.toplevel(tmp_path) is None
    with pytest.raises(ToolMissing, match="git is not installed"):
        git.toplevel(repository.root)
    with pytest.raises(ToolMissing):
        git.require_installed()


def test_variables_that_point_at_another_repository_do_not_count(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Repository.init(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(other.root / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.root))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    monkeypatch.setenv("GIT_LITERAL_PATHSPECS", "1")

    assert git.toplevel(repository.root) == repository.root
    assert Git(repository.root).names("ls-files", "-z", "--", ":(literal)README.md") == ["README.md"]


def test_a_repository_without_a_commit_cannot_be_worked_with(tmp_path: Path) -> None:
    empty = Repository.init(tmp_path / "empty", commit=False)

    with pytest.raises(RepositoryError, match="no commit yet") as raised:
        git.require_workable(empty.root)
    assert "git commit" in (raised.value.hint or "")


def test_a_branch_that_has_not_begun_cannot_be_worked_with(repository: Repository) -> None:
    repository.git("checkout", "--quiet", "--orphan", "fresh")

    with pytest.raises(RepositoryError, match="no commit yet"):
        git.require_workable(repository.root)


def test_a_detached_head_can_be_worked_with(repository: Repository) -> None:
    repository.git("checkout", "--quiet", "--detach")

    assert git.require_workable(repository.root) == repository.head()


def _diverge(repository: Repository) -> None:
    repository.git("branch", "other")
    repository.commit({"a.txt": "ours\n"}, "Ours")
    repository.git("checkout", "--quiet", "other")
    repository.commit({"a.txt": "theirs\n"}, "Theirs")
    repository.git("checkout", "--quiet", "main")


@pytest.mark.parametrize(
    ("begin", "said", "way_out"),
    [
        (["merge", "other"], "a merge is in progress", "git merge --abort"),
        (["rebase", "other"], "a rebase is in progress", "git rebase --abort"),
        (["rebase", "--apply", "other"], "a rebase is in progress", "git rebase --abort"),
        (["cherry-pick", "other"], "a cherry-pick is in progress", "git cherry-pick --abort"),
        (["revert", "--no-edit", "other"], "a revert is in progress", "git revert --abort"),
        (["bisect", "start"], "a bisect is in progress", "git bisect reset"),
    ],
)
def test_what_is_half_way_through_must_be_finished_first(
    repository: Repository, begin: list[str], said: str, way_out: str
) -> None:
    _diverge(repository)
    repository.git(*begin, check=False)

    with pytest.raises(RepositoryError, match=said) as raised:
        git.require_workable(repository.root)
    assert way_out in (raised.value.hint or "")


def test_a_half_applied_mail_is_told_from_a_rebase(repository: Repository) -> None:
    _diverge(repository)
    patch = repository.root.parent / "patch"
    patch.write_text(repository.git("format-patch", "--stdout", "-1", "other") + "\n", encoding="utf-8")
    repository.git("am", str(patch), check=False)

    with pytest.raises(RepositoryError, match="git am is in progress"):
        git.require_workable(repository.root)


def test_something_under_way_in_another_worktree_does_not_matter(repository: Repository) -> None:
    _diverge(repository)
    linked = repository.root.parent / "linked"
    repository.git("worktree", "add", "--quiet", "-b", "linked", str(linked))
    repository.git("merge", "other", check=False)

    assert git.require_workable(linked) == git.head(linked)


@pytest.mark.parametrize("name", ["squad", "squad-work"])
def test_a_branch_that_bars_squads_names_is_refused_before_anything_starts(repository: Repository, name: str) -> None:
    repository.git("branch", name)

    with pytest.raises(RepositoryError, match=f"the branch {name} ") as raised:
        git.require_workable(repository.root)
    assert f"git branch -m {name} {name}-old" in (raised.value.hint or "")


NAMES = [
    "with space.txt",
    "-dash.txt",
    "new\nline.txt",
    "return\r.txt",
    "ünïcode.txt",
    'quote".txt',
    ":(top)magic.txt",
    "tab\t.txt",
]


@pytest.mark.parametrize("name", NAMES)
def test_odd_file_names_come_through_unharmed(repository: Repository, name: str) -> None:
    before = repository.head()
    (repository.root / name).write_text("x", encoding="utf-8")
    Git(repository.root).run("add", "--all", "--", ".")
    repository.git("commit", "--quiet", "-m", "Odd")

    assert git.changed_paths(repository.root, before, repository.head()) == (name,)
    assert name in git.tracked_files(repository.root)


def test_a_file_name_that_is_no_utf8_comes_through_unharmed(repository: Repository) -> None:
    before = repository.head()
    name = os.fsdecode(b"latin\xe9.txt")
    (repository.root / name).write_text("x", encoding="utf-8")
    Git(repository.root).run("add", "--all", "--", ".")
    repository.git("commit", "--quiet", "-m", "Odd")

    assert git.changed_paths(repository.root, before, repository.head()) == (name,)


def test_both_names_of_a_rename_have_changed(repository: Repository) -> None:
    before = repository.head()
    repository.git("mv", "README.md", "GUIDE.md")
    repository.git("commit", "--quiet", "-m", "Rename")

    assert git.changed_paths(repository.root, before, repository.head()) == ("GUIDE.md", "README.md")


def test_uncommitted_files_are_counted_once_each(repository: Repository) -> None:
    repository.git("mv", "README.md", "GUIDE.md")
    repository.write({"new.txt": "new\n"})

    assert git.uncommitted(repository.root) == 3


def test_hooks_signing_and_strict_line_ends_of_the_user_do_not_touch_squads_commits(repository: Repository) -> None:
    hook = repository.root / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    hook.chmod(0o755)
    for name, value in (
        ("commit.gpgSign", "true"),
        ("gpg.program", "/nonexistent"),
        ("core.autocrlf", "input"),
        ("core.safecrlf", "true"),
        ("commit.cleanup", "strip"),
    ):
        repository.git("config", name, value)
    (repository.root / "dos.txt").write_bytes(b"one\r\n")
    here = Git(repository.root)

    here.run("add", "--all", "--", ".")
    here.run(
        "commit", "--quiet", "-F", "-", stdin="# a title\n", extra={**git.author("agent-1"), **git.identity(repository.root)}
    )

    assert repository.git("log", "-1", "--format=%s|%an") == "# a title|agent-1"


def test_without_an_identity_squad_signs_with_its_own_name(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    assert git.identity(repository.root)["GIT_COMMITTER_NAME"] == "squad"
    repository.git("config", "user.name", "Grace")
    assert git.identity(repository.root) == {"GIT_COMMITTER_NAME": "Grace", "GIT_COMMITTER_EMAIL": "squad@localhost"}
    repository.git("config", "--add", "user.name", "Grace Hopper\nof the Navy")
    repository.git("config", "author.name", "Mary")
    assert git.identity(repository.root)["GIT_COMMITTER_NAME"] == "Grace Hopper\nof the Navy", "the last one counts, whole"
    assert git.own_author(repository.root) == {"GIT_AUTHOR_NAME": "Mary", "GIT_AUTHOR_EMAIL": "squad@localhost"}
    repository.git("config", "committer.name", "Joan")
    assert git.identity(repository.root)["GIT_COMMITTER_NAME"] == "Joan"
    monkeypatch.setenv("GIT_COMMITTER_NAME", "Ada")
    assert git.identity(repository.root)["GIT_COMMITTER_NAME"] == "Ada"


def test_a_lock_of_the_users_own_git_is_waited_for(repository: Repository) -> None:
    lock = repository.root / ".git" / "index.lock"
    lock.touch()
    done = threading.Event()

    def add() -> None:
        Git(repository.root).run("add", "--all", "--", ".")
        done.set()

    repository.write({"new.txt": "new\n"})
    threading.Thread(target=add).start()
    time.sleep(0.1)
    assert not done.is_set()
    lock.unlink()

    until(done.is_set, "the end of the command")


def test_a_failed_command_names_itself_its_folder_and_the_reason(repository: Repository) -> None:
    with pytest.raises(GitFailed, match=r"git checkout nowhere failed in .*project: .*nowhere"):
        Git(repository.root).run("checkout", "nowhere")


def test_a_folder_that_is_gone_is_said_to_be_gone(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match="is gone"):
        Git(tmp_path / "nothing").run("status")


def test_a_title_of_any_shape_makes_a_message() -> None:
    message = git.message_with("  two\nlines\0and a NUL ", {"Squad-Task": "T1"})

    assert message == "two lines and a NUL\n\nSquad-Task: T1\n"
    assert git.message_with("\n", {}).startswith("Work\n")
