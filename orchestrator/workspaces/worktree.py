"""A worktree for each attempt.

Each stands on a branch of its own, made from the integration branch as it was at the start; a restart goes on in its
predecessor's. Squad commits what an agent leaves, on top of the agent's own commits, and keeps every state under a
ref, so that no clean-up can lose it: what may hold an agent's work is moved aside, never removed. Only the caller who
holds `op:git` may call what writes.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator import git
from orchestrator.errors import RepositoryError
from orchestrator.git import Git
from orchestrator.model import AttemptId, RunId
from orchestrator.project import Project, file_name
from orchestrator.workspaces import Signed, Work, names, notes
from orchestrator.workspaces.byproducts import BYPRODUCTS, OWN, rule
from orchestrator.workspaces.kept import keep, refs_of
from orchestrator.workspaces.mending import clear, leave_operations, mend_link
from orchestrator.workspaces.private import take_in
from orchestrator.workspaces.reading import Reading
from orchestrator.workspaces.staging import note_setup, stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Worktrees:
    """The worktrees of one run."""

    project: Project
    run: RunId
    place: Path  #: the folder they lie in
    copy: Sequence[str] = ()  #: files that a fresh worktree needs and git does not know
    symlink: Sequence[str] = ()
    #: where the integration branch stands by squad's own word, since an agent could move it; None: where it stands
    tip: Callable[[], str | None] = lambda: None

    def folder(self, attempt: AttemptId) -> Path:
        """Say where an attempt would work."""
        return self.place / self.run / file_name(attempt)

    def branch(self, attempt: AttemptId) -> str | None:
        """Name the branch of an attempt."""
        return names.work_branch(self.run, attempt)

    def kept(self, attempt: AttemptId) -> str:
        """Name the ref that keeps what an attempt left."""
        return names.kept_attempt(self.run, attempt)

    def make(self, attempt: AttemptId, folder: Path, *, start: str | None) -> bool:  # noqa: ARG002 - a shared tree wants it
        """Make a worktree at a commit unless a whole one is there; tell whether it is new.

        What a dead supervisor left half-made is done again; anything else that is in the way is moved aside.

        Raises:
            GitFailed: Git could not make it.
        """
        if notes.is_whole(self.project, folder) and mend_link(self.project, folder) and git.head(folder) is not None:
            return False
        clear(self.project, folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        notes.own(self.project, folder)
        where = (self._branch_of(folder), str(folder), start or "HEAD")  # which may be an earlier attempt's
        Git(self.project.root).run("worktree", "add", "--quiet", "--no-checkout", "-B", *where)
        # by squad's own settings, as it is read later: what an agent has set would fill it otherwise
        self._reading.forget(folder)
        self._read(folder).run("read-tree", "--reset", "-u", git.head(folder) or "HEAD")
        self._reading.give(folder)
        self._furnish(folder)
        return True

    def finish(self, folder: Path) -> None:
        """Note that the workspace is made and set up: from here on what is in it is an agent's."""
        self._reading.note(folder)
        note_setup(self._reading.git(folder), self._reading.setup(folder))
        notes.finish(self.project, folder)

    def harvest(self, attempt: AttemptId, folder: Path, *, base: str | None, signed: Signed, named: Collection[str] = ()) -> Work:
        """Commit what an attempt left and keep it under `refs/squad/kept/`; a workspace that is gone leaves nothing.

        Raises:
            RepositoryError: It could not be committed; it still lies in the workspace.
        """
        if base is None or not folder.is_dir() or not notes.is_whole(self.project, folder):
            return Work(commit=None, paths=())
        if not mend_link(self.project, folder):
            raise RepositoryError(f"{folder} is no worktree any more; what the agent left lies there")
        take_in(self.project, self.run, attempt)
        here, read = Git(folder), self._read(folder)
        leave_operations(here)
        left_out = rule((*self.copy, *self.symlink), named)
        left = stage(read, base, known=folder, setup=self._reading.setup(folder), left_out=left_out)
        head = git.head(folder) or base
        commit = self._committed(read, head, base, signed)
        self._stand(folder, commit)
        keep(here, names.kept_attempt(self.run, attempt), commit)
        since = self._since(here, commit, base)
        paths = git.changed_paths(folder, since, commit)
        passing = () if head == since else _passing(read, since, commit, paths)
        return Work(commit=commit, paths=paths, passing=passing, untaken=left)

    def glance(self, folder: Path, *, base: str | None) -> tuple[str, ...]:
        """Give what is changed in a workspace while its agent works, as the harvest would see it; nothing of it is kept.

        Raises:
            GitFailed: It cannot be read just now.
        """
        if base is None:
            return ()
        with tempfile.TemporaryDirectory(prefix="squad-glance-") as name:
            read, here = self._reading.apart(folder, Path(name)), Git(folder)
            left_out = rule((*self.copy, *self.symlink))
            stage(read, base, known=folder, setup=self._reading.setup(folder), left_out=left_out, opens=False)
            old = self._since(here, git.head(folder) or base, base)
            return tuple(read.names("diff-index", "--cached", "--name-only", "--no-renames", "-z", old, "--"))

    def set_aside(self, attempt: AttemptId, folder: Path, work: Work, paths: tuple[str, ...], *, base: str | None) -> str:
        """Keep the work with its foreign changes under a ref, and give those paths their old content in the workspace.

        What could not be taken in lies nowhere else, and so stays there.

        Raises:
            GitFailed: They could not be taken back.
        """
        ref = f"{names.kept_attempt(self.run, attempt)}-foreign"
        here, read, commit = Git(folder), self._read(folder), work.commit or "HEAD"
        keep(here, ref, commit)
        old, lying = self._since(here, commit, base or "HEAD"), {one.path for one in work.untaken}
        paths = tuple(path for path in paths if path not in lying)
        known = set(here.names("ls-tree", "-r", "--name-only", "-z", old))
        _take_away(read, [path for path in paths if path not in known])
        _restore(read, old, [path for path in paths if path in known])
        self._stand(folder, old)
        return ref

    def flatten(self, attempt: AttemptId, folder: Path, work: Work, *, base: str | None, signed: Signed) -> str:
        """Let what an attempt left be one commit on its base, and keep its own commits under a ref; gives the ref.

        Raises:
            GitFailed: It could not be committed anew.
        """
        ref = f"{names.kept_attempt(self.run, attempt)}-commits"
        here, read, commit = Git(folder), self._read(folder), work.commit or "HEAD"
        keep(here, ref, commit)
        since = self._since(here, commit, base or "HEAD")
        tree = read.line("rev-parse", f"{commit}^{{tree}}")
        is_same = tree == read.line("rev-parse", f"{since}^{{tree}}")
        self._stand(folder, since if is_same else self._commit(read, tree, [since], signed))
        return ref

    def tidy(self, folder: Path, commit: str) -> None:
        """Take away what checks left in a workspace whose work is committed; ignored files and by-products stay."""
        here = Git(folder)
        self._read(folder).run("read-tree", "--reset", "-u", commit)
        self._stand(folder, commit)
        kept = (*BYPRODUCTS, OWN, *(f"/{name.strip('/')}" for name in (*self.copy, *self.symlink)))
        here.run("clean", "-ffdq", *(f"--exclude={pattern}" for pattern in kept))

    def _since(self, here: Git, commit: str, base: str) -> str:
        """Give the commit to compare with: what the agent merged from the integration branch is not its own change."""
        tip = self.tip() or f"refs/heads/{names.integration_branch(self.run)}"
        done = here.attempt("merge-base", commit, tip)
        return done.stdout.strip() or base

    def _committed(self, read: Git, head: str, base: str, signed: Signed) -> str:
        """Give the commit that holds what was staged; history that an agent began from nothing gets a place in the project's."""
        tree = read.line("write-tree")
        parents = [head]
        if not read.attempt("merge-base", head, base).stdout.strip():
            parents.insert(0, base)  # or it could never be merged
        elif tree == read.line("rev-parse", f"{head}^{{tree}}"):
            return head
        return self._commit(read, tree, parents, signed)

    def _commit(self, read: Git, tree: str, parents: Sequence[str], signed: Signed) -> str:
        extra = {**git.author(signed.agent), **git.identity(self.project.root)}
        message = git.message_with(signed.title, signed.trailers)
        above = [word for parent in parents for word in ("-p", parent)]
        return read.run("commit-tree", tree, *above, stdin=message, extra=extra).strip()

    def _stand(self, folder: Path, commit: str) -> None:
        """Have the workspace stand on its own branch at a commit, with an index that says what was read there.

        What the agent's branch held and the commit does not hold stays kept; branches of others are never moved.
        """
        here = Git(folder)
        branch = f"refs/heads/{self._branch_of(folder)}"
        before = here.attempt("rev-parse", "--verify", "--quiet", branch).stdout.strip()
        if before and not here.succeeds("merge-base", "--is-ancestor", before, commit):
            keep(
                here, f"{names.kept_refs(self.run)}/{folder.name}-branch", before, unless=refs_of(self.project, self.run).values()
            )
        here.run("symbolic-ref", "HEAD", branch)
        here.run("update-ref", branch, commit)
        self._reading.give(folder)

    def _branch_of(self, folder: Path) -> str:
        return f"{names.work_branches(self.run)}/{folder.name}"

    def _read(self, folder: Path) -> Git:
        self._reading.begin()
        return self._reading.git(folder)

    @property
    def _reading(self) -> Reading:
        return Reading(project=self.project, run=self.run)

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


def check_out(project: Project, folder: Path, commit: str) -> None:
    """Have a detached worktree of squad's own stand at a commit, clean but for what git ignores.

    Raises:
        RepositoryError: It cannot be brought there.
    """
    if not (folder / ".git").is_file() or git.head(folder) is None or notes.is_half_made(project, folder):
        shutil.rmtree(folder, ignore_errors=True)
        clear(project, folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        notes.own(project, folder)
        Git(project.root).run("worktree", "add", "--quiet", "--detach", str(folder), commit)
        notes.finish(project, folder)
        return
    here = Git(folder)
    leave_operations(here)
    here.run("checkout", "--quiet", "--force", "--detach", commit)
    here.run("clean", "-ffdq")
    if git.head(folder) != commit:
        raise RepositoryError(f"{folder} cannot be brought to {commit[:12]}")


def _passing(read: Git, since: str, commit: str, paths: Collection[str]) -> tuple[str, ...]:
    """Give what commits since another one changed and all together did not; of a merge what is of neither side."""
    options = ("--format=", "--name-only", "-z", "--no-renames", "--root", "--diff-merges=combined")
    return tuple(sorted({*read.names("log", *options, f"{since}..{commit}")}.difference(paths)))


def _take_away(here: Git, paths: list[str]) -> None:
    """Remove files that were not there before, and the folders that only they filled."""
    if not paths:
        return
    here.run("update-index", "--force-remove", "-z", "--stdin", stdin="\0".join(paths))
    for path in paths:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
            (here.folder / path).unlink()
        for above in list((here.folder / path).relative_to(here.folder).parents)[:-1]:
            with contextlib.suppress(OSError):
                (here.folder / above).rmdir()


def _restore(here: Git, commit: str, paths: list[str]) -> None:
    if paths:
        here.run("checkout", "--quiet", commit, "--pathspec-from-file=-", "--pathspec-file-nul", stdin=git.literal(paths))
