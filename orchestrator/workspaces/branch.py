"""The integration branch of a run: where finished tasks are put together.

Only squad moves it, one merge at a time, in a worktree of its own, and always by an atomic step from a known commit to
the next. The user's branch, index and files are touched by `merge_into` alone, when a person asks for it.
"""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator import git
from orchestrator.errors import Refused
from orchestrator.git import Git, GitFailed
from orchestrator.model import AgentId, AttemptId, RunId
from orchestrator.project import Project
from orchestrator.workspaces import Signed, names
from orchestrator.workspaces.kept import keep, refs_of
from orchestrator.workspaces.mending import clear
from orchestrator.workspaces.room import require_room
from orchestrator.workspaces.worktree import Worktrees, check_out


@dataclass(frozen=True, slots=True)
class Merged:
    """A merge that could be made."""

    commit: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """A merge that could not be made."""

    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What a workspace may still hold."""

    attempt: AttemptId  #: the last one in it
    agent: AgentId
    base: str | None
    named: tuple[str, ...] = ()  #: what its task and its locks name


class MergeRefused(Refused):
    """The result of a run cannot be merged into the checked out branch as it stands."""

    def __init__(self, branch: str, said: str, *, hint: str = "") -> None:
        usual = f"commit or stash your changes, or merge by hand: git merge {branch}"
        super().__init__(f"cannot merge {branch}: {said}", hint=hint or usual)


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegrationBranch:
    """The branch `squad/<run>` and the worktree in which merges are made."""

    project: Project
    run: RunId
    place: Path  #: the folder of the run's worktrees

    @property
    def name(self) -> str:
        """Give the branch's name."""
        return names.integration_branch(self.run)

    @property
    def worktree(self) -> Path:
        """Give the folder in which merges are made and checked."""
        return self.place / self.run / "integration"

    def create(self, base: str) -> None:
        """Make the branch at a commit; one that is there already stays where it is."""
        if not self._repository.succeeds("rev-parse", "--verify", "--quiet", f"refs/heads/{self.name}"):
            self._repository.run("update-ref", f"refs/heads/{self.name}", base, "")

    def tip(self) -> str:
        """Give the commit the branch stands at."""
        return self._repository.line("rev-parse", "--verify", f"refs/heads/{self.name}")

    def holds(self, commit: str, *, since: str) -> str | None:
        """Give the merge by which the branch holds a commit, made after `since`; None if it does not hold it."""
        listed = self._repository.run("rev-list", "--parents", "--merges", f"{since}..refs/heads/{self.name}")
        rows = (row.split() for row in listed.splitlines())
        return next((merge for merge, *parents in rows if commit in parents[1:]), None)

    def merge(
        self, commit: str, *, agent: str, title: str, trailers: Mapping[str, str], onto: str | None = None
    ) -> Merged | Conflict:
        """Make the merge of a commit onto another, or the tip, without moving the branch."""
        check_out(self.project, self.worktree, onto or self.tip())
        here = Git(self.worktree)
        extra = {**git.author(agent), **git.identity(self.project.root)}
        message = git.message_with(title, trailers)
        done = here.attempt("merge", "--no-ff", "--no-verify", "--quiet", "-m", message, commit, extra=extra)
        if done.returncode == 0:
            return Merged(git.head(self.worktree) or "")
        paths = _unmerged(here)
        here.attempt("merge", "--abort")
        if not paths:
            raise GitFailed(("merge", commit), self.worktree, done.stderr or done.stdout)
        return Conflict(paths)

    def advance(self, new: str, old: str) -> None:
        """Move the branch from one commit to the next.

        Raises:
            GitFailed: It does not stand where it was expected.
        """
        self._repository.run("update-ref", f"refs/heads/{self.name}", new, old)

    def put_back(self, commit: str) -> str | None:
        """Have the branch stand where squad left it; gives the ref that keeps what it held instead, None if it stood there."""
        ref, here = f"refs/heads/{self.name}", self._repository
        there = here.attempt("rev-parse", "--verify", "--quiet", ref).stdout.strip()
        if there == commit:
            return None
        here.run("update-ref", ref, commit)
        if not there:
            return ""
        kept = f"{names.kept_refs(self.run)}/moved-{there[:12]}"
        here.run("update-ref", kept, there)
        return kept

    def keep(self, merged: str, attempt: AttemptId) -> None:
        """Hold a merge that was not accepted: the next attempt starts there."""
        keep(self._repository, names.kept_merge(self.run, attempt), merged)

    def changed_beside(self, commit: str) -> tuple[str, ...]:
        """Give the paths that were integrated since a commit parted from the branch, or last took it in."""
        tip = self.tip()
        parted = self._repository.attempt("merge-base", commit, tip).stdout.strip()
        return git.changed_paths(self.project.root, parted or commit, tip)

    def checkout_base(self, commit: str) -> Path:
        """Give a folder that stands at a commit, for checks that ask whether the base is to blame."""
        folder = self.place / self.run / "base"
        check_out(self.project, folder, commit)
        return folder

    @property
    def _repository(self) -> Git:
        return Git(self.project.root)


def merge_into(project: Project, run: RunId) -> str:
    """Merge the result of a run into the branch that the user has checked out; gives the commit.

    Raises:
        MergeRefused: Git refuses, or there are conflicts; nothing has changed then.
        RepositoryError: The user is in the middle of something else.
    """
    here, branch = Git(project.root), names.integration_branch(run)
    if not here.succeeds("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}"):
        kept = names.kept_result(run)
        is_kept = here.succeeds("rev-parse", "--verify", "--quiet", kept)
        hint = f"bring it back: git branch {branch} {kept}" if is_kept else f"see what {run} did: squad report --run {run}"
        raise MergeRefused(branch, "the run was dropped" if is_kept else "there is no such branch", hint=hint)
    git.require_quiet(project.root)
    if conflicts := _unmerged(here):
        raise MergeRefused(branch, f"your own conflicts in {' '.join(conflicts[:5])} are not resolved yet")
    require_room(project.root, f"refs/heads/{branch}")
    who = {**git.identity(project.root), **git.own_author(project.root)}
    done = here.attempt("merge", "--no-edit", "--quiet", f"refs/heads/{branch}", "-m", f"Merge {branch}", extra=who)
    if done.returncode != 0:
        conflicts = _unmerged(here)
        if here.succeeds("rev-parse", "--verify", "--quiet", "MERGE_HEAD"):
            here.run("merge", "--abort")
        said = (done.stderr or done.stdout).strip()
        if not conflicts and git.way_out(said, project.root):
            raise git.GitFailed(("merge", branch), project.root, said)
        raise MergeRefused(branch, f"conflicts in {' '.join(conflicts)}" if conflicts else said)
    return git.head(project.root) or ""


def discard(workspaces: Worktrees, left: Mapping[Path, Left]) -> tuple[str, ...]:
    """Remove the worktrees and branches of a run, all its work kept under refs; gives those refs.

    A worktree with something in it that git cannot take in is moved aside instead.

    Raises:
        RepositoryError: What an agent left could not be kept; then its worktree stays.
    """
    project, run = workspaces.project, workspaces.run
    here, branch = Git(project.root), f"refs/heads/{names.integration_branch(run)}"
    for folder, what in left.items():
        signed = Signed(agent=what.agent, title="Work that was under way", trailers={"Squad-Run": run})
        if workspaces.harvest(what.attempt, folder, base=what.base, signed=signed, named=what.named).untaken:
            clear(project, folder)  # it alone holds that
    if here.succeeds("rev-parse", "--verify", "--quiet", branch):
        here.run("update-ref", names.kept_result(run), branch)
    rows = here.run("for-each-ref", "--format=%(refname) %(objectname)", f"refs/heads/{names.work_branches(run)}/").splitlines()
    work = dict(row.split(" ", 1) for row in rows)
    for name, commit in work.items():
        keep(here, f"{names.kept_refs(run)}/{name.rsplit('/', 1)[1]}-branch", commit, unless=refs_of(project, run).values())
    own = (workspaces.place / run / "integration", workspaces.place / run / "base")
    for folder in (*left, *own):
        here.attempt("worktree", "remove", "--force", "--force", str(folder))
    for name in (branch, *work):
        here.attempt("update-ref", "-d", name)
    with contextlib.suppress(OSError):
        (workspaces.place / run).rmdir()
    return tuple(sorted(refs_of(project, run)))


def _unmerged(here: Git) -> tuple[str, ...]:
    return tuple(sorted(set(here.names("diff", "--name-only", "--diff-filter=U", "-z"))))
