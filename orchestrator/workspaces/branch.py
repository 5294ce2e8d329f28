"""The integration branch of a run: where finished tasks are put together.

Only squad moves it, one merge at a time, in a worktree of its own, and always by an atomic step from a known commit to
the next. The user's branch, index and files are touched by `merge_into` alone, when a person asks for it.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator import git
from orchestrator.errors import Refused
from orchestrator.git import Git, GitFailed
from orchestrator.model import RunId
from orchestrator.project import Project
from orchestrator.workspaces.worktree import check_out, refs_of


@dataclass(frozen=True, slots=True)
class Merged:
    """A merge that could be made."""

    commit: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """A merge that could not be made."""

    paths: tuple[str, ...]


class MergeRefused(Refused):
    """The result of a run cannot be merged into the checked out branch as it stands."""

    def __init__(self, branch: str, said: str) -> None:
        hint = f"commit or stash your changes, or merge by hand: git merge {branch}"
        super().__init__(f"cannot merge {branch}: {said}", hint=hint)


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegrationBranch:
    """The branch `squad/<run>` and the worktree in which merges are made."""

    project: Project
    run: RunId
    place: Path  #: the folder of the run's worktrees

    @property
    def name(self) -> str:
        """Give the branch's name."""
        return f"squad/{self.run}"

    @property
    def worktree(self) -> Path:
        """Give the folder in which merges are made and checked."""
        return self.place / self.run / "integration"

    def create(self, base: str) -> None:
        """Make the branch at a commit; one that is there already stays where it is."""
        if self._repository.attempt("rev-parse", "--verify", "--quiet", f"refs/heads/{self.name}").returncode != 0:
            self._repository.run("update-ref", f"refs/heads/{self.name}", base, "0" * 40)

    def tip(self) -> str:
        """Give the commit the branch stands at."""
        return self._repository.line("rev-parse", "--verify", f"refs/heads/{self.name}")

    def holds(self, commit: str) -> str | None:
        """Give the merge by which the branch holds a commit; None if it does not hold it."""
        rows = self._repository.run("rev-list", "--parents", "--merges", f"refs/heads/{self.name}").splitlines()
        return next((merge for merge, *parents in (row.split() for row in rows) if commit in parents[1:]), None)

    def merge(self, commit: str, *, agent: str, title: str, trailers: Mapping[str, str]) -> Merged | Conflict:
        """Make the merge of a commit onto the tip, without moving the branch."""
        check_out(self.project, self.worktree, self.tip())
        here = Git(self.worktree)
        extra = {**git.author(agent), **git.identity(self.project.root)}
        message = git.message_with(title, trailers)
        done = here.attempt("merge", "--no-ff", "--no-verify", "--quiet", "-m", message, commit, extra=extra)
        if done.returncode == 0:
            return Merged(git.head(self.worktree) or "")
        paths = tuple(sorted(name for name in here.run("diff", "--name-only", "--diff-filter=U", "-z").split("\0") if name))
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

    def changed_since(self, commit: str) -> tuple[str, ...]:
        """Give the paths that were integrated since the branch stood at a commit."""
        return git.changed_paths(self.project.root, commit, self.tip())

    def checkout_base(self, commit: str) -> Path:
        """Give a folder that stands at a commit, for checks that ask whether the base is to blame."""
        folder = self.place / self.run / "base"
        check_out(self.project, folder, commit)
        return folder

    def drop_worktrees(self) -> None:
        """Remove squad's own worktrees; nothing but merges that stand on the branch was ever in them."""
        for folder in (self.worktree, self.place / self.run / "base"):
            self._repository.attempt("worktree", "remove", "--force", str(folder))
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def _repository(self) -> Git:
        return Git(self.project.root)


def merge_into(project: Project, run: RunId) -> str:
    """Merge the result of a run into the branch that the user has checked out; gives the commit.

    Raises:
        MergeRefused: Git refuses, or there are conflicts; nothing has changed then.
    """
    here, branch = Git(project.root), f"squad/{run}"
    if here.attempt("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}").returncode != 0:
        raise MergeRefused(branch, "there is no such branch")
    done = here.attempt("merge", "--no-edit", "--quiet", branch, extra=git.identity(project.root))
    if done.returncode != 0:
        conflicts = here.run("diff", "--name-only", "--diff-filter=U", "-z", check=False).replace("\0", " ").strip()
        if conflicts:
            here.attempt("merge", "--abort")
        raise MergeRefused(branch, f"conflicts in {conflicts}" if conflicts else (done.stderr or done.stdout).strip())
    return git.head(project.root) or ""


def discard(project: Project, run: RunId, place: Path) -> tuple[str, ...]:
    """Remove the worktrees and branches of a run, all its work kept under refs; gives those refs."""
    here = Git(project.root)
    branch = f"refs/heads/squad/{run}"
    if here.attempt("rev-parse", "--verify", "--quiet", branch).returncode == 0:
        here.run("update-ref", f"refs/squad/kept/{run}/integration", branch)
    work = here.run("for-each-ref", "--format=%(refname) %(objectname)", f"refs/heads/squad-work/{run}/").splitlines()
    for name, commit in (row.split(" ", 1) for row in work):
        attempt = name.rsplit("/", 1)[1]
        here.run("update-ref", f"refs/squad/kept/{run}/{attempt}", commit)
    for folder in sorted((place / run).iterdir()) if (place / run).is_dir() else ():
        here.attempt("worktree", "remove", "--force", str(folder))
    here.run("worktree", "prune")
    for name in [branch, *(row.split(" ", 1)[0] for row in work)]:
        here.attempt("update-ref", "-d", name)
    return tuple(sorted(refs_of(project, run)))
