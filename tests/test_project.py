"""Whose folder it is, where things lie, and that only one supervisor works there."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import project as projects
from orchestrator.errors import FolderError, RepositoryError
from orchestrator.project import OWNER, ForeignFolder, Project, Supervised, file_name, find, hold, prepare, supervisor_of
from tests.support.repositories import Repository
from tests.support.waiting import until

HERE = str(Path(__file__).parents[1])
#: Holds a project until its stdin ends.
HOLDER = """\
import sys
from pathlib import Path
from orchestrator.project import find, hold
with hold(find(Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def holding(root: Path) -> Iterator[subprocess.Popen[str]]:
    """Have another process hold a project."""
    argv = [sys.executable, "-c", HOLDER, str(root)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(argv, text=True, env={**os.environ, "PYTHONPATH": HERE}, **pipes) as other:  # type: ignore[call-overload]  # the pipes
        assert other.stdout.readline() == "held\n"
        try:
            yield other
        finally:
            other.kill()


@pytest.fixture
def project(repository: Repository) -> Project:
    found = find(repository.root)
    prepare(found, now=0.0)
    return found


# finding


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
    projects.own_worktree(project, workspace)
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
    projects.own_worktree(mine, workspace)
    repository.git("worktree", "add", "--quiet", "-b", "work", str(workspace))

    assert find(workspace) == mine


def test_a_submodule_is_a_project_of_its_own(repository: Repository, tmp_path: Path) -> None:
    library = Repository.init(tmp_path / "library")
    repository.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library.root), "lib")
    found = find(repository.root / "lib")
    prepare(found, now=0.0)
    workspace = found.folder / "worktrees" / "demo-1" / "T1.1"
    projects.own_worktree(found, workspace)
    Repository(found.root).git("worktree", "add", "--quiet", "-b", "work", str(workspace))

    assert found.root == repository.root / "lib"
    assert find(workspace) == found


# preparing


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


# sockets


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


# holding


def test_a_second_supervisor_is_refused_with_the_first_ones_number(project: Project) -> None:
    with holding(project.root) as other:
        assert supervisor_of(project) == other.pid
        with pytest.raises(Supervised, match=f"process {other.pid}"), hold(project):
            pass


def test_the_folder_thrown_away_does_not_let_a_second_supervisor_in(project: Project) -> None:
    with holding(project.root):
        subprocess.run(["rm", "-rf", str(project.folder)], check=True)
        prepare(project, now=1.0)

        with pytest.raises(Supervised), hold(project):
            pass


def test_two_worktrees_of_one_repository_have_one_supervisor_since_they_share_the_journal(
    repository: Repository, project: Project
) -> None:
    linked = repository.root.parent / "linked"
    repository.git("worktree", "add", "--quiet", "-b", "linked", str(linked))
    other = find(linked)
    prepare(other, now=0.0)

    with holding(project.root), pytest.raises(Supervised), hold(other):
        pass


def test_a_killed_supervisor_holds_nothing(project: Project) -> None:
    with holding(project.root) as other:
        other.kill()
        other.wait()

        assert supervisor_of(project) is None
        with hold(project):
            assert supervisor_of(project) == os.getpid()
    assert supervisor_of(project) is None


def test_those_who_only_look_never_keep_a_supervisor_out(project: Project) -> None:
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            supervisor_of(project)

    onlookers = [threading.Thread(target=look) for _ in range(3)]
    for onlooker in onlookers:
        onlooker.start()
    try:
        for _ in range(30):
            with hold(project):
                pass
    finally:
        over.set()
        for onlooker in onlookers:
            onlooker.join()


def test_what_a_dead_supervisor_still_has_running_is_waited_for(project: Project) -> None:
    helper = subprocess.Popen(["sleep", "60"], env={**os.environ, OWNER: project.key})
    until(lambda: OWNER.encode() in Path(f"/proc/{helper.pid}/environ").read_bytes(), "the helper")
    held = threading.Event()

    def take() -> None:
        with hold(project):
            held.set()

    thread = threading.Thread(target=take)
    thread.start()
    until(lambda: supervisor_of(project), "the lock")
    assert not held.is_set()
    helper.send_signal(signal.SIGKILL)
    helper.wait()
    until(held.is_set, "the project")
    thread.join()


def test_git_inside_a_bare_repository_is_refused(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", "--bare", str(tmp_path / "bare")], check=True)

    with pytest.raises(RepositoryError, match="bare"):
        find(tmp_path / "bare")
