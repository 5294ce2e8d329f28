"""A worktree for each attempt.

Each stands on a branch of its own, made from the integration branch as it was at the start; a restart goes on in its
predecessor's. Squad commits what an agent leaves, on top of the agent's own commits, and keeps every state under a
ref, so that no clean-up can lose it: what may hold an agent's work is moved aside, never removed. Only the caller who
holds `op:git` may call what writes.
"""

import contextlib
import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator import git
from orchestrator.errors import RepositoryError
from orchestrator.git import Git
from orchestrator.model import AttemptId, RunId
from orchestrator.project import Project, file_name, finish_worktree, is_half_made, is_whole, own_worktree
from orchestrator.workspaces import Signed, Work
from orchestrator.workspaces.staging import BYPRODUCTS, note_setup, stage


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
        return self.place / self.run / file_name(attempt)

    def branch(self, attempt: AttemptId) -> str | None:
        """Name the branch of an attempt."""
        return f"squad-work/{self.run}/{file_name(attempt)}"

    def make(self, attempt: AttemptId, folder: Path, *, start: str | None) -> bool:
        """Make a worktree at a commit unless a whole one is there; tell whether it is new.

        What a dead supervisor left half-made is done again; anything else that is in the way is moved aside.

        Raises:
            GitFailed: Git could not make it.
        """
        if is_whole(self.project, folder) and mend_link(self.project, folder) and git.head(folder) is not None:
            return False
        _clear(self.project, folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        own_worktree(self.project, folder)
        where = (self.branch(attempt) or "", str(folder), start or "HEAD")
        Git(self.project.root).run("worktree", "add", "--quiet", "-B", *where)
        self._furnish(folder)
        return True

    def finish(self, folder: Path) -> None:
        """Note that the workspace is made and set up: from here on what is in it is an agent's."""
        note_setup(folder)
        finish_worktree(self.project, folder)

    def harvest(self, attempt: AttemptId, folder: Path, *, base: str | None, signed: Signed) -> Work:
        """Commit what an attempt left and keep it under `refs/squad/kept/`; a workspace that is gone leaves nothing.

        Raises:
            RepositoryError: It could not be committed; it still lies in the workspace.
        """
        if base is None or not folder.is_dir() or not is_whole(self.project, folder):
            return Work(commit=None, paths=())
        if not mend_link(self.project, folder):
            raise RepositoryError(f"{folder} is no worktree any more; what the agent left lies there")
        here = Git(folder)
        _leave_operations(here)
        if git.head(folder) is None:
            here.run("update-ref", "HEAD", base)  # the agent stands on a branch that it has not begun
        stage(folder, base, put_there=(*self.copy, *self.symlink))
        if not here.succeeds("diff-index", "--cached", "--quiet", "HEAD", "--"):
            extra = {**git.author(signed.agent), **git.identity(self.project.root)}
            message = git.message_with(signed.title, signed.trailers)
            here.run("commit", "--quiet", "--no-verify", "--allow-empty-message", "-F", "-", stdin=message, extra=extra)
        commit = self._rooted(here, here.line("rev-parse", "--verify", "HEAD^{commit}"), base, signed)
        keep(here, f"refs/squad/kept/{self.run}/{file_name(attempt)}", commit)
        return Work(commit=commit, paths=git.changed_paths(folder, self._since(here, commit, base), commit))

    def set_aside(self, attempt: AttemptId, folder: Path, work: Work, paths: tuple[str, ...], *, base: str | None) -> str:
        """Keep the work with its foreign changes under a ref, and give those paths their old content in the workspace.

        Raises:
            GitFailed: They could not be taken back.
        """
        ref = f"refs/squad/kept/{self.run}/{file_name(attempt)}-foreign"
        here, commit = Git(folder), work.commit or "HEAD"
        here.run("update-ref", ref, commit)
        old = self._since(here, commit, base or "HEAD")
        known = set(here.names("ls-tree", "-r", "--name-only", "-z", old))
        _take_away(here, [path for path in paths if path not in known])
        _restore(here, old, [path for path in paths if path in known])
        extra = {**git.author("squad"), **git.identity(self.project.root)}
        message = git.message_with("Take back what belongs to others", {"Squad-Run": self.run, "Squad-Attempt": attempt})
        here.run("commit", "--quiet", "--no-verify", "--allow-empty", "-F", "-", stdin=message, extra=extra)
        return ref

    def tidy(self, folder: Path, commit: str) -> None:
        """Take away what checks left in a workspace whose work is committed; ignored files and by-products stay."""
        here = Git(folder)
        here.run("reset", "--quiet", "--hard", commit)
        kept = (*BYPRODUCTS, *(f"/{name.strip('/')}" for name in (*self.copy, *self.symlink)))
        here.run("clean", "-ffdq", *(f"--exclude={pattern}" for pattern in kept))

    def _since(self, here: Git, commit: str, base: str) -> str:
        """Give the commit to compare with: what the agent merged from the integration branch is not its own change."""
        done = here.attempt("merge-base", commit, f"refs/heads/squad/{self.run}")
        return done.stdout.strip() or base

    def _rooted(self, here: Git, commit: str, base: str, signed: Signed) -> str:
        """Give work that an agent began without history a place in the project's, or it could never be merged."""
        if here.attempt("merge-base", commit, base).stdout.strip():
            return commit
        extra = {**git.author(signed.agent), **git.identity(self.project.root)}
        message = git.message_with(signed.title, signed.trailers)
        tree = here.line("rev-parse", f"{commit}^{{tree}}")
        rooted = here.run("commit-tree", tree, "-p", base, "-p", commit, stdin=message, extra=extra).strip()
        here.run("reset", "--quiet", "--soft", rooted)
        return rooted

    def _furnish(self, folder: Path) -> None:
        for name in self.copy:
            source, target = self.project.root / name, folder / name
            if source.exists() and not os.path.lexists(target):
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


def keep(here: Git, ref: str, commit: str, *, unless: Iterable[str] = ()) -> None:
    """Let a ref hold a commit, unless another commit holds it; what the ref held before stays held if it is not below."""
    if any(here.succeeds("merge-base", "--is-ancestor", commit, other) for other in unless):
        return
    before = here.attempt("rev-parse", "--verify", "--quiet", ref).stdout.strip()
    if before and not here.succeeds("merge-base", "--is-ancestor", before, commit):
        here.run("update-ref", f"{ref}-{before[:12]}", before)
    here.run("update-ref", ref, commit)


def check_out(project: Project, folder: Path, commit: str) -> None:
    """Have a detached worktree of squad's own stand at a commit, clean but for what git ignores.

    Raises:
        RepositoryError: It cannot be brought there.
    """
    if not (folder / ".git").is_file() or git.head(folder) is None or is_half_made(project, folder):
        shutil.rmtree(folder, ignore_errors=True)
        _clear(project, folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        own_worktree(project, folder)
        Git(project.root).run("worktree", "add", "--quiet", "--detach", str(folder), commit)
        finish_worktree(project, folder)
        return
    here = Git(folder)
    _leave_operations(here)
    here.run("checkout", "--quiet", "--force", "--detach", commit)
    here.run("clean", "-ffdq")
    if git.head(folder) != commit:
        raise RepositoryError(f"{folder} cannot be brought to {commit[:12]}")


def mend_link(project: Project, folder: Path) -> bool:
    """See to it that a folder is the worktree that git knows there, whatever an agent did to its `.git`; tell whether it is."""
    link = folder / ".git"
    admin = _admin_of(project, folder)
    if admin is None or not folder.is_dir():
        return False
    if link.is_dir() and not link.is_symlink():
        aside = _free(project.state / "aside" / f"{folder.parent.name}-{folder.name}.git")
        aside.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(link, aside)  # a repository of the agent's own: its history is kept, its files are harvested
    told = f"gitdir: {admin}\n"
    if link.is_symlink() or not link.is_file() or os.fsdecode(link.read_bytes()) != told:
        link.unlink(missing_ok=True)
        link.write_bytes(os.fsencode(told))
    return True


def _admin_of(project: Project, folder: Path) -> Path | None:
    """Give git's own folder for a worktree; it outlives whatever happens to the worktree's."""
    wanted = os.path.realpath(folder)
    for noted in sorted((project.state.parent / "worktrees").glob("*/gitdir")):
        with contextlib.suppress(OSError):
            if os.path.realpath(Path(os.fsdecode(noted.read_bytes()).rstrip("\n")).parent) == wanted:
                return noted.parent
    return None


def _clear(project: Project, folder: Path) -> None:
    """Make room for a worktree; only what squad itself left half-made may be removed."""
    if is_half_made(project, folder):
        shutil.rmtree(folder, ignore_errors=True)
    if os.path.lexists(folder):
        folder.rename(_free(folder.with_name(f"{folder.name}-aside")))
    if _admin_of(project, folder) is not None:
        Git(project.root).run("worktree", "remove", "--force", "--force", str(folder))


def _free(path: Path) -> Path:
    number = 1
    while os.path.lexists(found := path.with_name(f"{path.name}-{number}")):
        number += 1
    return found


def _leave_operations(here: Git) -> None:
    """End a merge or rebase that an agent left, without touching its files, and clear the locks of a killed git."""
    folder = Path(here.line("rev-parse", "--absolute-git-dir"))
    for name in ("index.lock", "HEAD.lock", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "MERGE_MSG", "MERGE_MODE"):
        with contextlib.suppress(FileNotFoundError):
            (folder / name).unlink()
    for name in ("rebase-merge", "rebase-apply", "sequencer"):
        shutil.rmtree(folder / name, ignore_errors=True)


def _take_away(here: Git, paths: list[str]) -> None:
    """Remove files that were not there before, and the folders that only they filled."""
    if not paths:
        return
    names = "\0".join(f":(literal){path}" for path in paths)
    here.run("rm", "--quiet", "--cached", "--ignore-unmatch", "--pathspec-from-file=-", "--pathspec-file-nul", stdin=names)
    for path in paths:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
            (here.folder / path).unlink()
        for above in list((here.folder / path).relative_to(here.folder).parents)[:-1]:
            with contextlib.suppress(OSError):
                (here.folder / above).rmdir()


def _restore(here: Git, commit: str, paths: list[str]) -> None:
    if paths:
        names = "\0".join(f":(literal){path}" for path in paths)
        here.run("checkout", "--quiet", commit, "--pathspec-from-file=-", "--pathspec-file-nul", stdin=names)
