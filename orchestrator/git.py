"""The one door to git.

Git is the user's own program, run as they have it, but never so that it could ask something, page something, sign
something, or run a hook on squad's behalf. Variables that would point it at another repository are taken away.
"""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import RepositoryError, ToolMissing

_DROPPED = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_NAMESPACE", "GIT_PREFIX")
_SET = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_EDITOR": "true", "GIT_PAGER": "cat", "LC_ALL": "C"}
_OPTIONS = (
    *("-c", "core.hooksPath=/dev/null", "-c", "commit.gpgSign=false", "-c", "tag.gpgSign=false", "-c", "gc.auto=0"),
    *("-c", "core.quotePath=false", "-c", "advice.detachedHead=false", "-c", "core.fsmonitor=false"),
)
_TRIES = 40  #: attempts while another git holds a lock file
_PAUSE = 0.05  #: seconds between them
_BUSY = (".lock': File exists", "cannot lock ref", "index.lock", "Unable to create")


class GitFailed(RepositoryError):
    """A git command ended with an error."""

    def __init__(self, arguments: Sequence[str], folder: Path, said: str) -> None:
        super().__init__(f"git {' '.join(arguments[:4])} failed in {folder}: {said.strip() or 'no reason given'}")
        self.arguments = tuple(arguments)
        self.said = said


@dataclass(frozen=True, slots=True)
class Git:
    """Git in one folder."""

    folder: Path

    def run(self, *arguments: str, stdin: str | None = None, extra: Mapping[str, str] | None = None, check: bool = True) -> str:
        """Run a command and give its standard output; busy locks are waited for, within bounds.

        Raises:
            GitFailed: It ended with an error and `check` holds.
            ToolMissing: Git is not installed.
        """
        done = self.attempt(*arguments, stdin=stdin, extra=extra)
        if done.returncode != 0 and check:
            raise GitFailed(arguments, self.folder, done.stderr)
        return done.stdout

    def attempt(
        self, *arguments: str, stdin: str | None = None, extra: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command and give how it ended."""
        for left in range(_TRIES, 0, -1):
            done = self._once(arguments, stdin, extra)
            if done.returncode == 0 or left == 1 or not any(sign in done.stderr for sign in _BUSY):
                return done
            time.sleep(_PAUSE)
        raise AssertionError

    def line(self, *arguments: str) -> str:
        """Run a command and give its output without the newline at its end."""
        return self.run(*arguments).rstrip("\n")

    def _once(
        self, arguments: Sequence[str], stdin: str | None, extra: Mapping[str, str] | None
    ) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                ["git", *_OPTIONS, *arguments],
                cwd=self.folder,
                env=_environment(extra),
                input=stdin,
                stdin=subprocess.DEVNULL if stdin is None else None,
                capture_output=True,
                encoding="utf-8",
                errors="surrogateescape",
                check=False,
            )
        except FileNotFoundError as error:
            if not self.folder.is_dir():
                raise RepositoryError(f"the folder {self.folder} is gone") from error
            message = "git is not installed"
            raise ToolMissing(message, hint="install git: https://git-scm.com/downloads") from error


def toplevel(start: Path) -> Path | None:
    """Give the root of the work tree that a folder lies in; None outside of git, or where git is not installed.

    Raises:
        RepositoryError: The repository is bare, or git refuses to work in it.
    """
    try:
        done = Git(start).attempt("rev-parse", "--is-bare-repository", "--show-toplevel")
    except ToolMissing:
        return None
    lines = done.stdout.splitlines()
    if lines and lines[0] == "true":
        message = f"{start} is a bare repository: it has no files to work on"
        raise RepositoryError(message, hint="clone it and run squad there: git clone REPOSITORY work && cd work")
    if "dubious ownership" in done.stderr:
        raise RepositoryError(done.stderr.strip())
    return Path(lines[1]) if done.returncode == 0 and len(lines) > 1 else None


def common_dir(root: Path) -> Path:
    """Give the folder that all worktrees of the repository share."""
    return Path(os.path.realpath(root / Git(root).line("rev-parse", "--git-common-dir")))


def main_worktree(root: Path) -> Path:
    """Give the repository's main work tree, from any of its worktrees."""
    listed = Git(root).run("worktree", "list", "--porcelain", "-z").split("\0")
    return Path(listed[0].removeprefix("worktree "))


def head(root: Path) -> str | None:
    """Give the commit that is checked out; None if there is none yet."""
    done = Git(root).attempt("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    return done.stdout.strip() or None


def require_workable(root: Path) -> str:
    """Give the commit a run can start from.

    Raises:
        RepositoryError: There is no commit yet, or something is under way; with the command that helps.
    """
    git = Path(Git(root).line("rev-parse", "--absolute-git-dir"))
    under_way = {
        "rebase-merge": ("a rebase is in progress", "git rebase --continue, or git rebase --abort"),
        "rebase-apply": ("a rebase is in progress", "git rebase --continue, or git rebase --abort"),
        "MERGE_HEAD": ("a merge is in progress", "git merge --continue, or git merge --abort"),
        "CHERRY_PICK_HEAD": ("a cherry-pick is in progress", "git cherry-pick --continue, or git cherry-pick --abort"),
        "REVERT_HEAD": ("a revert is in progress", "git revert --continue, or git revert --abort"),
        "BISECT_LOG": ("a bisect is in progress", "git bisect reset"),
    }
    for name, (what, way_out) in under_way.items():
        if (git / name).exists():
            raise RepositoryError(f"{what} in {root}", hint=f"finish it first: {way_out}")
    commit = head(root)
    if commit is None:
        message = f"{root} has no commit yet, so there is nothing to start from"
        raise RepositoryError(
            message, hint="make one: git add -A && git commit -m 'Start'   (or: git commit --allow-empty -m Start)"
        )
    return commit


def uncommitted(root: Path) -> int:
    """Count the files with changes that no commit holds; agents will not see them."""
    return sum(1 for row in Git(root).run("status", "--porcelain", "-z", check=False).split("\0") if row)


def tracked_files(root: Path) -> tuple[str, ...]:
    """Give the tracked files, sorted."""
    return tuple(sorted(name for name in Git(root).run("ls-files", "-z").split("\0") if name))


def changed_paths(root: Path, old: str, new: str) -> tuple[str, ...]:
    """Give the paths that differ between two commits, deleted ones and both names of renamed ones included."""
    listed = Git(root).run("diff", "--name-only", "--no-renames", "-z", old, new)
    return tuple(sorted(name for name in listed.split("\0") if name))


def identity(root: Path) -> dict[str, str]:
    """Give the committer's identity as environment: the user's own, or squad's where none is set."""
    name = Git(root).run("config", "user.name", check=False).strip() or os.environ.get("GIT_COMMITTER_NAME", "")
    mail = Git(root).run("config", "user.email", check=False).strip() or os.environ.get("GIT_COMMITTER_EMAIL", "")
    return {"GIT_COMMITTER_NAME": name or "squad", "GIT_COMMITTER_EMAIL": mail or "squad@localhost"}


def author(agent: str) -> dict[str, str]:
    """Give an agent's identity as environment."""
    return {"GIT_AUTHOR_NAME": agent, "GIT_AUTHOR_EMAIL": f"{agent}@squad.invalid"}


def message_with(title: str, trailers: Mapping[str, str]) -> str:
    """Give a commit message with its trailers."""
    lines = "".join(f"{name}: {value}\n" for name, value in trailers.items())
    return f"{title.strip() or 'Work'}\n\n{lines}"


def _environment(extra: Mapping[str, str] | None) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _DROPPED}
    return {**kept, **_SET, **(extra or {})}
