"""The integration branch, and what a person does with it: nothing of theirs is ever lost."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestrator.adoption import prepare
from orchestrator.errors import RepositoryError
from orchestrator.git import Git, GitFailed
from orchestrator.model import AgentId, AttemptId, RunId
from orchestrator.project import Project, find
from orchestrator.workspaces import Signed
from orchestrator.workspaces.branch import Conflict, IntegrationBranch, Left, Merged, MergeRefused, discard, merge_into
from orchestrator.workspaces.kept import refs_of
from orchestrator.workspaces.worktree import Worktrees
from tests.support.repositories import Repository

RUN = RunId("demo-1")
TRAILERS = {"Squad-Run": "demo-1", "Squad-Task": "T1"}


@dataclass(frozen=True)
class Result:
    repository: Repository
    project: Project
    branch: IntegrationBranch
    base: str

    def commit(self, files: dict[str, str], *, start: str = "") -> str:
        """Give an attempt's commit, made without touching the user's tree."""
        self.repository.git("checkout", "--quiet", "--detach", start or self.base)
        commit = self.repository.commit(files)
        self.repository.git("checkout", "--quiet", "main")
        return commit

    def merge(self, commit: str) -> Merged | Conflict:
        return self.branch.merge(commit, agent="agent-1", title="Write it", trailers=TRAILERS)

    def integrate(self, files: dict[str, str]) -> str:
        onto = self.branch.tip()
        merged = self.merge(self.commit(files))
        assert isinstance(merged, Merged)
        self.branch.advance(merged.commit, onto)
        return merged.commit

    def user_state(self) -> tuple[str, ...]:
        """Give everything of the user's that a run may not touch."""
        git = self.repository.git
        names = ("status", "--porcelain=v2"), ("symbolic-ref", "HEAD"), ("rev-parse", "main"), ("stash", "list")
        files = sorted(path.read_bytes() for path in self.repository.root.glob("*.txt"))
        return (*(git(*name) for name in names), git("diff"), git("diff", "--cached"), repr(files))


@pytest.fixture
def result(repository: Repository) -> Result:
    base = repository.commit({"a.txt": "a\n", "b.txt": "b\n"})
    project = find(repository.root)
    prepare(project, now=0.0)
    branch = IntegrationBranch(project=project, run=RUN, place=project.folder / "worktrees")
    branch.create(base)
    return Result(repository, project, branch, base)


def test_a_merge_has_both_parents_the_agent_as_author_and_the_trailers(result: Result) -> None:
    commit = result.commit({"new.txt": "new\n"})

    merged = result.merge(commit)

    assert isinstance(merged, Merged)
    assert result.branch.tip() == result.base, "the branch moves only after the checks"
    shown = result.repository.git(
        "log", "-1", "--format=%P|%an|%s|%(trailers:key=Squad-Task,valueonly,separator=)", merged.commit
    )
    assert shown == f"{result.base} {commit}|agent-1|Write it|T1"


def test_the_branch_moves_only_from_where_it_is_expected(result: Result) -> None:
    new = result.commit({"new.txt": "new\n"})

    with pytest.raises(GitFailed):
        result.branch.advance(new, new)
    assert result.branch.tip() == result.base


def test_a_branch_that_is_there_stays_where_it_is(result: Result) -> None:
    tip = result.integrate({"new.txt": "new\n"})

    result.branch.create(result.base)

    assert result.branch.tip() == tip


def test_a_conflict_names_its_paths_and_changes_nothing(result: Result) -> None:
    tip = result.integrate({"a.txt": "one\n"})
    other = result.commit({"a.txt": "two\n", "c.txt": "c\n"})

    assert result.merge(other) == Conflict(("a.txt",))
    assert result.branch.tip() == tip
    assert Git(result.branch.worktree).run("status", "--porcelain") == ""


def test_the_users_settings_for_merges_do_not_count(result: Result) -> None:
    settings = {
        "merge.ff": "only",
        "merge.verifySignatures": "true",
        "rerere.enabled": "true",
        "rerere.autoUpdate": "true",
        "commit.gpgSign": "true",
        "gpg.program": "/nonexistent",
    }
    one, two = result.commit({"a.txt": "one\n"}), result.commit({"a.txt": "two\n"})
    for name, value in settings.items():
        result.repository.git("config", name, value)

    merged = result.merge(one)
    assert isinstance(merged, Merged)
    result.branch.advance(merged.commit, result.base)
    assert result.merge(two) == Conflict(("a.txt",))


def test_the_merge_that_holds_a_commit_is_found_again(result: Result) -> None:
    commit = result.commit({"new.txt": "new\n"})
    assert result.branch.holds(commit, since=result.base) is None
    merged = result.merge(commit)
    assert isinstance(merged, Merged)
    result.branch.advance(merged.commit, result.base)
    result.integrate({"later.txt": "later\n"})

    assert result.branch.holds(commit, since=result.base) == merged.commit


def test_what_was_integrated_beside_a_commit_is_told(result: Result) -> None:
    commit = result.commit({"new.txt": "new\n"})
    tip = result.integrate({"a.txt": "one\n"})

    assert result.branch.changed_beside(commit) == ("a.txt",)
    assert result.branch.changed_beside(result.commit({"x.txt": "x\n"}, start=tip)) == ()


def test_a_repository_with_sha256_works_the_same(tmp_path: Path) -> None:
    root = tmp_path / "sha256"
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main", "--object-format=sha256", str(root)], check=True)
    repository = Repository(root)
    base = repository.commit({"a.txt": "a\n"})
    project = find(root)
    prepare(project, now=0.0)
    branch = IntegrationBranch(project=project, run=RUN, place=project.folder / "worktrees")

    branch.create(base)
    result = Result(repository, project, branch, base)

    assert branch.tip() == base
    assert result.integrate({"new.txt": "new\n"}) == branch.tip()


# merging into the user's branch


def test_merge_takes_the_result_and_its_undo_gives_it_back(result: Result) -> None:
    tip = result.integrate({"new.txt": "new\n"})
    before = result.repository.head()

    assert merge_into(result.project, RUN) == tip
    assert (result.repository.root / "new.txt").is_file()
    result.repository.git("reset", "--quiet", "--keep", before)
    assert not (result.repository.root / "new.txt").exists()


def test_merge_goes_round_changes_that_are_not_in_its_way(result: Result) -> None:
    result.integrate({"new.txt": "new\n"})
    result.repository.commit({"own.txt": "own\n"})
    result.repository.write({"b.txt": "being written\n"})

    merge_into(result.project, RUN)

    assert result.repository.git("status", "--porcelain") == " M b.txt"
    assert result.repository.git("log", "-1", "--format=%s|%an") == "Merge squad/demo-1|squad"


@pytest.mark.parametrize("how", ["unstaged", "staged", "untracked"])
def test_merge_refuses_what_would_overwrite_and_changes_nothing(result: Result, how: str) -> None:
    result.integrate({"a.txt": "theirs\n", "new.txt": "theirs\n"})
    result.repository.write({"new.txt" if how == "untracked" else "a.txt": "mine\n"})
    if how == "staged":
        result.repository.git("add", "a.txt")
    before = result.user_state()

    with pytest.raises(MergeRefused, match="cannot merge squad/demo-1") as raised:
        merge_into(result.project, RUN)
    assert "git merge squad/demo-1" in (raised.value.hint or "")
    assert result.user_state() == before


def test_merge_refuses_conflicts_and_changes_nothing(result: Result) -> None:
    result.integrate({"a.txt": "theirs\n"})
    result.repository.commit({"a.txt": "ours\n"})
    result.repository.write({"b.txt": "being written\n", "untracked.txt": "untracked\n"})
    before = result.user_state()

    with pytest.raises(MergeRefused, match=r"conflicts in a\.txt"):
        merge_into(result.project, RUN)
    assert result.user_state() == before


def test_merge_never_ends_a_merge_that_the_user_has_under_way(result: Result) -> None:
    result.integrate({"new.txt": "new\n"})
    other = result.commit({"a.txt": "other\n"})
    result.repository.commit({"a.txt": "ours\n"})
    result.repository.git("merge", other, check=False)
    (result.repository.root / "a.txt").write_text("half resolved\n", encoding="utf-8")
    before = result.user_state()

    with pytest.raises(RepositoryError, match="a merge is in progress"):
        merge_into(result.project, RUN)
    assert result.user_state() == before
    assert (result.repository.root / ".git" / "MERGE_HEAD").is_file()


def test_merge_refuses_while_a_stash_left_conflicts(result: Result) -> None:
    result.integrate({"new.txt": "new\n"})
    result.repository.write({"a.txt": "stashed\n"})
    result.repository.git("stash")
    result.repository.commit({"a.txt": "ours\n"})
    result.repository.git("stash", "pop", check=False)
    before = result.user_state()

    with pytest.raises(MergeRefused, match=r"your own conflicts in a\.txt"):
        merge_into(result.project, RUN)
    assert result.user_state() == before


def test_merge_of_a_run_without_a_branch_is_refused(result: Result) -> None:
    with pytest.raises(MergeRefused, match="there is no such branch"):
        merge_into(result.project, RunId("demo-9"))


# discarding


@pytest.fixture
def worktrees(result: Result) -> Worktrees:
    return Worktrees(project=result.project, run=RUN, place=result.branch.place)


def _attempt(worktrees: Worktrees, name: str, base: str) -> Path:
    folder = worktrees.folder(AttemptId(name))
    worktrees.make(AttemptId(name), folder, start=base)
    worktrees.finish(folder)
    return folder


def _left(name: str, base: str) -> Left:
    return Left(attempt=AttemptId(name), agent=AgentId("agent-1"), base=base)


def test_discard_keeps_what_no_commit_holds_yet(result: Result, worktrees: Worktrees) -> None:
    folder = _attempt(worktrees, "T1.1", result.base)
    (folder / "half-done.txt").write_text("half\n", encoding="utf-8")

    discard(worktrees, {folder: _left("T1.1", result.base)})

    assert not folder.exists()
    assert result.repository.show("refs/squad/kept/demo-1/T1.1", "half-done.txt") == "half"


def test_discard_keeps_what_an_agent_left_on_its_branch_and_what_it_left_where_it_stood(
    result: Result, worktrees: Worktrees
) -> None:
    folder = _attempt(worktrees, "T1.1", result.base)
    inside = Repository(folder)
    inside.commit({"on-branch.txt": "x\n"})
    inside.git("checkout", "--quiet", "--detach", result.base)
    inside.write({"detached.txt": "y\n"})

    refs = discard(worktrees, {folder: _left("T1.1", result.base)})

    files = {name for ref in refs for name in result.repository.files(ref)}
    assert {"on-branch.txt", "detached.txt"} <= files


def test_discard_leaves_no_branch_and_no_worktree_and_its_undo_works(result: Result, worktrees: Worktrees) -> None:
    tip = result.integrate({"new.txt": "new\n"})
    folder = _attempt(worktrees, "T1.1", result.base)
    before = result.user_state()

    discard(worktrees, {folder: _left("T1.1", result.base)})

    assert result.repository.git("branch", "--format=%(refname:short)") == "main"
    assert result.repository.git("worktree", "list", "--porcelain").count("worktree ") == 1
    assert not folder.parent.exists()
    assert result.user_state() == before
    result.repository.git("branch", "squad/demo-1", "refs/squad/kept/demo-1/integration")
    assert result.branch.tip() == tip


def test_discard_can_be_done_twice_and_after_the_folders_were_deleted(result: Result, worktrees: Worktrees) -> None:
    folder = _attempt(worktrees, "T1.1", result.base)
    (folder / "new.txt").write_text("new\n", encoding="utf-8")
    signed = Signed(agent=AgentId("agent-1"), title="x", trailers={})
    worktrees.harvest(AttemptId("T1.1"), folder, base=result.base, signed=signed)
    subprocess.run(["rm", "-rf", str(result.project.folder)], check=True)

    first = discard(worktrees, {folder: _left("T1.1", result.base)})
    second = discard(worktrees, {folder: _left("T1.1", result.base)})

    assert first == second
    assert "refs/squad/kept/demo-1/T1.1" in refs_of(result.project, RUN)
    assert result.repository.git("worktree", "list", "--porcelain").count("worktree ") == 1


def test_discard_stops_before_it_loses_what_it_cannot_keep(result: Result, worktrees: Worktrees) -> None:
    folder = _attempt(worktrees, "T1.1", result.base)
    (folder / "new.txt").write_text("new\n", encoding="utf-8")
    admin = Path(Git(folder).line("rev-parse", "--absolute-git-dir"))
    subprocess.run(["rm", "-rf", str(admin)], check=True)

    with pytest.raises(RepositoryError, match="what the agent left lies there"):
        discard(worktrees, {folder: _left("T1.1", result.base)})
    assert (folder / "new.txt").is_file()
    assert result.branch.tip() == result.base
