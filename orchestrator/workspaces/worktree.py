"""A worktree for each attempt.

Each stands on a branch of its own, made from the integration branch as it was at the start; a restart goes on in its
predecessor's. Squad commits what an agent leaves, on top of the agent's own commits, and keeps every state under a
ref, so that no clean-up can lose it. Only the caller who holds `op:git` may call what writes.
"""

import contextlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pathspec

from orchestrator import git
from orchestrator.errors import RepositoryError
from orchestrator.git import Git
from orchestrator.model import AttemptId, RunId
from orchestrator.project import Project, own_worktree
from orchestrator.workspaces import Signed, Work

#: What tools leave behind and nobody wants committed, where the repository itself does not ignore it.
BYPRODUCTS = (
    *(
        "__pycache__/",
        "*.pyc",
        ".pytest_cache/",
        ".mypy_cache/",
        ".ruff_cache/",
        ".hypothesis/",
        ".tox/",
        ".venv/",
        "*.egg-info/",
    ),
    *("node_modules/", ".npm/", ".next/", ".turbo/", ".DS_Store", "*.swp", ".aider*", ".squad/"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worktrees:
    """The worktrees of one run."""

    project: Project
    run: RunId
    place: Path  #: the folder they lie in
    copy: Sequence[str] = ()  #: files that a fresh worktree needs and git does not know
    symlink: Sequence[str] = ()

    def folder(self, attempt: AttemptId) -> Path:
        """Say where an attempt would work."""
        return self.place / self.run / attempt

    def branch(self, attempt: AttemptId) -> str | None:
        """Name the branch of an attempt."""
        return f"squad-work/{self.run}/{attempt}"

    def make(self, attempt: AttemptId, folder: Path, *, start: str | None) -> bool:
        """Make a worktree at a commit; what a dead supervisor left half-made is done again.

        Raises:
            GitFailed: Git could not make it.
        """
        if (folder / ".git").is_file() and git.head(folder) is not None:
            return False
        repository = Git(self.project.root)
        if folder.exists():
            repository.attempt("worktree", "remove", "--force", "--force", str(folder))
            shutil.rmtree(folder, ignore_errors=True)
        repository.run("worktree", "prune")
        folder.parent.mkdir(parents=True, exist_ok=True)
        own_worktree(self.project, folder)
        repository.run("worktree", "add", "--quiet", "-B", self.branch(attempt) or "", str(folder), start or "HEAD")
        self._furnish(folder)
        return True

    def harvest(self, attempt: AttemptId, folder: Path, *, base: str | None, signed: Signed) -> Work:
        """Commit what an attempt left and keep it under `refs/squad/kept/`; a workspace that is gone leaves nothing.

        Raises:
            GitFailed: It could not be committed; it still lies in the workspace.
        """
        if base is None or not folder.is_dir() or not (folder / ".git").exists():
            return Work(commit=None, paths=())
        here = Git(folder)
        self._leave_operations(here)
        self._stage(here)
        staged = here.attempt("diff", "--cached", "--quiet").returncode != 0
        if staged:
            extra = {**git.author(signed.agent), **git.identity(self.project.root)}
            message = git.message_with(signed.title, signed.trailers)
            here.run("commit", "--quiet", "--no-verify", "--allow-empty-message", "-F", "-", stdin=message, extra=extra)
        commit = git.head(folder)
        if commit is None:
            return Work(commit=None, paths=())
        here.run("update-ref", f"refs/squad/kept/{self.run}/{attempt}", commit)
        return Work(commit=commit, paths=git.changed_paths(folder, base, commit))

    def set_aside(self, attempt: AttemptId, folder: Path, work: Work, paths: tuple[str, ...], *, base: str | None) -> str:
        """Keep the work with its foreign changes under a ref, and give those paths their old content in the workspace.

        Raises:
            GitFailed: They could not be taken back.
        """
        ref = f"refs/squad/kept/{self.run}/{attempt}-foreign"
        here = Git(folder)
        here.run("update-ref", ref, work.commit or "HEAD")
        known = set(here.run("ls-tree", "-r", "--name-only", "-z", base or "HEAD").split("\0"))
        literal = [f":(literal){path}" for path in paths if path in known]
        if literal:
            here.run("checkout", "--quiet", base or "HEAD", "--", *literal)
        for path in paths:
            if path not in known:
                here.run("rm", "--quiet", "--cached", "--ignore-unmatch", "--", f":(literal){path}")
                with contextlib.suppress(FileNotFoundError, IsADirectoryError):
                    (folder / path).unlink()
        extra = {**git.author("squad"), **git.identity(self.project.root)}
        message = git.message_with("Take back what belongs to others", {"Squad-Run": self.run, "Squad-Attempt": attempt})
        here.run("commit", "--quiet", "--no-verify", "--allow-empty", "-F", "-", stdin=message, extra=extra)
        return ref

    def remove(self, folder: Path, *, kept: Sequence[str]) -> bool:
        """Remove a worktree if all its work is committed and reachable from a kept ref; tell whether it is gone."""
        if not folder.is_dir():
            return True
        here = Git(folder)
        commit = git.head(folder)
        dirty = here.attempt("status", "--porcelain").stdout.strip()
        if (
            dirty
            or commit is None
            or not any(here.attempt("merge-base", "--is-ancestor", commit, ref).returncode == 0 for ref in kept)
        ):
            return False
        Git(self.project.root).attempt("worktree", "remove", "--force", str(folder))
        return not folder.exists()

    def _leave_operations(self, here: Git) -> None:
        """End a merge or rebase that an agent left, without touching its files, and clear a lock of a killed git."""
        folder = Path(here.line("rev-parse", "--absolute-git-dir"))
        for name in ("index.lock", "HEAD.lock"):
            with contextlib.suppress(FileNotFoundError):
                (folder / name).unlink()
        for name in ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "MERGE_MSG"):
            with contextlib.suppress(FileNotFoundError):
                (folder / name).unlink()
        for name in ("rebase-merge", "rebase-apply"):
            shutil.rmtree(folder / name, ignore_errors=True)

    def _stage(self, here: Git) -> None:
        """Stage everything that is not ignored, without by-products and without what squad itself put there."""
        here.run("add", "--all", "--", ".")
        added = [name for name in here.run("diff", "--cached", "--name-only", "--diff-filter=A", "-z").split("\0") if name]
        spec = pathspec.GitIgnoreSpec.from_lines([*BYPRODUCTS, *(f"/{name.strip('/')}" for name in (*self.copy, *self.symlink))])
        unwanted = [name for name in added if spec.match_file(name)]
        if unwanted:
            names = "\0".join(f":(literal){name}" for name in unwanted)
            here.run("reset", "--quiet", "--pathspec-from-file=-", "--pathspec-file-nul", stdin=names)

    def _furnish(self, folder: Path) -> None:
        for name in self.copy:
            source, target = self.project.root / name, folder / name
            if source.exists() and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                if source.is_dir():
                    shutil.copytree(source, target, symlinks=True)
                else:
                    shutil.copy2(source, target)
        for name in self.symlink:
            source, target = self.project.root / name, folder / name
            if source.exists() and not os.path.lexists(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                target.symlink_to(source)


def refs_of(project: Project, run: RunId) -> dict[str, str]:
    """Give the kept refs of a run with their commits."""
    listed = Git(project.root).run("for-each-ref", "--format=%(refname) %(objectname)", f"refs/squad/kept/{run}/")
    return dict(line.split(" ", 1) for line in listed.splitlines() if " " in line)


def check_out(project: Project, folder: Path, commit: str) -> None:
    """Have a detached worktree of squad's own stand at a commit, clean but for what git ignores.

    Raises:
        RepositoryError: It cannot be brought there.
    """
    repository = Git(project.root)
    if not (folder / ".git").is_file() or git.toplevel(folder) is None:
        shutil.rmtree(folder, ignore_errors=True)
        repository.run("worktree", "prune")
        folder.parent.mkdir(parents=True, exist_ok=True)
        own_worktree(project, folder)
        repository.run("worktree", "add", "--quiet", "--detach", "--force", str(folder), commit)
        return
    here = Git(folder)
    here.attempt("merge", "--abort")
    here.run("checkout", "--quiet", "--force", "--detach", commit)
    here.run("clean", "-fdq")
    if git.head(folder) != commit:
        raise RepositoryError(f"{folder} cannot be brought to {commit[:12]}")
