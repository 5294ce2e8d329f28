"""The one tree in which all agents work, where there is no git or a person asked for it.

A hidden repository in the state folder holds the evidence: a snapshot before and after each attempt. Who changed what
is told by write sets and locks, since they keep the agents apart: what an attempt may write is its own, what one
that was at work meanwhile may write is left to that one, and of the rest nobody is sure unless it was alone.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator import git
from orchestrator.claims import any_meets
from orchestrator.git import Git
from orchestrator.model import AttemptId, RunId
from orchestrator.project import Project, file_name
from orchestrator.workspaces import Signed, Work, names
from orchestrator.workspaces.staging import BYPRODUCTS, files_below


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What may have been written while an attempt was at work."""

    own: tuple[str, ...] = ()  #: by the attempt
    others: tuple[str, ...] = ()  #: by those that were at work at any time meanwhile
    alone: bool = True  #: there were none


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedTree:
    """The project's own folder as everybody's workspace."""

    project: Project
    run: RunId
    beside: Callable[[AttemptId], Beside]
    _bases: dict[AttemptId, str] = field(default_factory=dict)

    def folder(self, attempt: AttemptId) -> Path:  # noqa: ARG002 - all work in one place
        """Say where an attempt would work."""
        return self.project.root

    def branch(self, attempt: AttemptId) -> str | None:  # noqa: ARG002 - there are none
        """There is no branch."""
        return None

    def kept(self, attempt: AttemptId) -> str:
        """Name the ref that keeps what an attempt left."""
        return names.kept_attempt(self.run, attempt)

    def make(self, attempt: AttemptId, folder: Path, *, start: str | None) -> bool:  # noqa: ARG002 - it is always there
        """Take the snapshot to compare with; the tree itself is never made by squad."""
        self._bases[attempt] = self._snapshot(f"before {attempt}", {})
        self._git.run("update-ref", self._before(attempt), self._bases[attempt])
        return False

    def finish(self, folder: Path) -> None:
        """There is nothing to be made."""

    def tidy(self, folder: Path, commit: str) -> None:
        """Nothing is taken away from a tree that people and other agents work in too."""

    def harvest(self, attempt: AttemptId, folder: Path, *, base: str | None, signed: Signed) -> Work:  # noqa: ARG002
        """Take a snapshot and give what changed since the attempt's start and is not another's.

        What the task's earlier attempts left in its own write set counts too: like a worktree, the tree keeps it.
        """
        before = self._base_of(attempt)
        if before is None:
            return Work(commit=None, paths=())
        commit = self._snapshot(signed.title, {**git.author(signed.agent)}, trailers=dict(signed.trailers))
        self._git.run("update-ref", names.kept_attempt(self.run, attempt), commit)
        beside = self.beside(attempt)
        first = self._base_of(AttemptId(f"{attempt.rpartition('.')[0]}.1")) or before
        kept = {path for path in git.changed_paths(self._git_folder, first, commit) if any_meets((path,), beside.own)}
        changed = git.changed_paths(self._git_folder, before, commit)
        left = {path for path in changed if not any_meets((path,), beside.others)}
        return Work(commit=commit, paths=tuple(sorted(kept | left)), is_sure=beside.alone)

    def set_aside(self, attempt: AttemptId, folder: Path, work: Work, paths: tuple[str, ...], *, base: str | None) -> str:  # noqa: ARG002
        """Keep foreign changes under a ref; in a shared tree they are not taken back, since another may have made them."""
        ref = f"{names.kept_attempt(self.run, attempt)}-foreign"
        self._git.run("update-ref", ref, work.commit or "HEAD")
        return ref

    @property
    def _git_folder(self) -> Path:
        return evidence_of(self.project)

    @property
    def _git(self) -> Git:
        if not (self._git_folder / "info" / "exclude").is_file():
            self._git_folder.mkdir(parents=True, exist_ok=True)
            Git(self._git_folder).run("init", "--quiet", "--bare", "--template=", ".")
            excludes = "\n".join((*BYPRODUCTS, "/.squad/", "")) + "\n"
            (self._git_folder / "info").mkdir(exist_ok=True)
            (self._git_folder / "info" / "exclude").write_text(excludes, encoding="utf-8")  # last: now it is whole
        return Git(self._git_folder)

    def _before(self, attempt: AttemptId) -> str:
        return before_ref(self.run, attempt)

    def _base_of(self, attempt: AttemptId) -> str | None:
        known = self._bases.get(attempt)
        if known is not None:
            return known
        found = self._git.attempt("rev-parse", "--verify", "--quiet", self._before(attempt))
        return found.stdout.strip() or None

    def _snapshot(self, title: str, extra: dict[str, str], *, trailers: dict[str, str] | None = None) -> str:
        """Commit the tree as it stands onto the hidden branch; what cannot be read is left out and does not stop it."""
        here = self._git
        who = {**git.author("squad"), **git.identity(self._git_folder), **extra}
        _leave_locks(self._git_folder)
        self._add(here)
        message = git.message_with(title, trailers or {})
        here.run("commit", "--quiet", "--allow-empty", "--no-verify", "-F", "-", stdin=message, extra={**who, **self._tree})
        return here.line("rev-parse", "HEAD")

    def _add(self, here: Git) -> None:
        """Stage the tree, with the files of repositories inside of it: a bare link would tell nothing of their changes."""
        options = ("add", "--all", "--ignore-errors", "--pathspec-from-file=-", "--pathspec-file-nul")
        listed = here.attempt("ls-files", "--others", "--exclude-standard", "-z", extra=self._tree).stdout.split("\0")
        nested = [name for name in listed if name.endswith("/")]
        for name in nested:
            inside = "\0".join(files_below(self.project.root, name))
            if inside:
                here.attempt("update-index", "--add", "-z", "--stdin", stdin=inside, extra=self._tree)
        left_out = (f":(exclude,literal){name.rstrip('/')}" for name in nested if not any(files_below(self.project.root, name)))
        here.attempt(*options, stdin="\0".join((":/", *left_out)), extra=self._tree)

    @property
    def _tree(self) -> dict[str, str]:
        return {"GIT_DIR": str(self._git_folder), "GIT_WORK_TREE": str(self.project.root)}


def evidence_of(project: Project) -> Path:
    """Give the hidden repository that holds the evidence of a shared tree."""
    return project.state / "shadow.git"


def before_ref(run: RunId, attempt: AttemptId) -> str:
    """Name the ref that holds the tree as it was before an attempt."""
    return f"refs/squad/before/{run}/{file_name(attempt)}"


def _leave_locks(folder: Path) -> None:
    """Clear the lock of a killed git; nobody else writes to the hidden repository."""
    (folder / "index.lock").unlink(missing_ok=True)
