"""Whose folder it is, and where things lie."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.adoption import prepare
from orchestrator.errors import FolderError, RepositoryError
from orchestrator.project import Project, file_name, find
from orchestrator.workspaces import notes
from tests.support.repositories import Repository


def test_a_folder_below_means_the_whole_repository(repository: Repository) -> None:
    (repository.root / "a" / "b").mkdir(parents=True)

    found = find(repository.root / "a" / "b")

    assert (found.root, found.repository) == (repository.root, True)
    assert found.state == repository.root / ".git" / "squad"


def test_without_git_the_folder_itself_is_the_project_and_its_journal_lies_in_the_users_state(tmp_path: Path, home: Path) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()

    found = find(folder)

    assert (found.root, found.repository) == (folder, False)
    assert found.state.is_relative_to(home / "state" / "squad")


def test_a_project_is_the_same_through_a_symlink(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(repository.root)

    assert find(tmp_path / "link") == find(repository.root)


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match=r"no folder .*nothing"):
        find(tmp_path / "nothing")


def test_inside_a_workspace_commands_mean_the_project_of_its_run(repository: Repository, project: Project) -> None:
    workspace = project.folder / "worktrees" / "demo-1" / "T1.1"
    notes.own(project, workspace)
    repository.git("worktree", "add", "--quiet", "-b", "squad-work/demo-1/T1.1", str(workspace))
    (workspace / "src").mkdir()

    assert find(workspace / "src") == project


def test_inside_a_workspace_of_a_users_own_worktree_commands_mean_that_worktree(repository: Repository) -> None:
    linked = repository.root.parent / "linked"
    repository.git("worktree", "add", "--quiet", "-b", "linked", str(linked))
    mine = find(linked)
    assert mine.root == linked
    assert mine.state == find(repository.root).state, "one repository, one journal"
    workspace = linked / ".squad" / "worktrees" / "demo-1" / "T1.1"
    notes.own(mine, workspace)
    repository.git("worktree", "add", "--quiet", "-b", "work", str(workspace))

    assert find(workspace) == mine


def test_a_submodule_is_a_project_of_its_own(repository: Repository, tmp_path: Path) -> None:
    library = Repository.init(tmp_path / "library")
    repository.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library.root), "lib")
    found = find(repository.root / "lib")
    prepare(found, now=0.0)
    workspace = found.folder / "worktrees" / "demo-1" / "T1.1"
    notes.own(found, workspace)
    Repository(found.root).git("worktree", "add", "--quiet", "-b", "work", str(workspace))

    assert found.root == repository.root / "lib"
    assert find(workspace) == found


def test_git_inside_a_bare_repository_is_refused(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", "--bare", str(tmp_path / "bare")], check=True)

    with pytest.raises(RepositoryError, match="bare"):
        find(tmp_path / "bare")


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a runtime folder with a path as short as the system's own; pytest's are too long for a socket."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield Path(folder)


def test_a_long_path_moves_the_sockets_to_the_runtime_folder_and_tells_everybody(
    tmp_path: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = Repository.init(tmp_path / ("long" * 20))
    found = find(repository.root)

    prepare(found, now=0.0)

    assert found.sockets.parent == runtime
    assert (found.folder / "run" / "where").read_text(encoding="utf-8") == f"{found.sockets}\n"
    chosen = found.sockets
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "another"))
    assert find(repository.root).sockets == chosen, "a client with another runtime folder finds the supervisor's"


@pytest.mark.parametrize("named", ["/nonexistent/run/user/0", "run", "/dev/null"])
def test_a_runtime_folder_that_is_not_there_or_not_ones_own_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", named)

    found = Project(root=tmp_path / ("long" * 20), repository=False, state=tmp_path)

    assert not str(found.sockets).startswith(named)


@given(st.text(min_size=1, max_size=300))
def test_a_socket_of_any_name_has_a_path_that_the_system_takes(name: str) -> None:
    found = Project(root=Path("/home/someone/work/project"), repository=True, state=Path("/x"))

    for path in (found.socket(name), found.socket(f"leash/{name}.1")):
        assert len(os.fsencode(path)) <= 100
    assert found.socket("agent-1-frontend") == found.sockets / "agent-1-frontend.sock"
    assert found.socket("leash/T1.1") == found.sockets / "leash" / "T1.1.sock"


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300))
def test_a_file_name_is_one_name_that_git_takes_too(name: str) -> None:
    safe = file_name(name)

    assert len(os.fsencode(safe)) <= 150
    assert "/" not in safe
    assert ".." not in safe
    assert not safe.startswith(".")
    assert not safe.endswith((".", ".lock"))
    assert not set(safe) & set(" ~^:?*[\\\x7f")
    assert all(ord(sign) >= 32 for sign in safe)


def test_different_ids_have_different_file_names() -> None:
    names = ["a/b.1", "a%2Fb.1", "a b.1", "a_b.1", "x" * 200 + "1", "x" * 200 + "2", "T3.1", "T3.2"]

    assert len({file_name(name) for name in names}) == len(names)
    assert file_name("T3.2") == "T3.2"
