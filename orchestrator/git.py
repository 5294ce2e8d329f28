"""The one door to git.

Git is the user's own program, run as they have it, but never so that it could ask something, page something, sign
something, or run a hook on squad's behalf. Variables that would point it at another repository are taken away.
"""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.errors import RepositoryError, ToolMissing

#: What would point git at another repository, index or meaning of a path; the rest of GIT_* is the user's wish.
_DROPPED = frozenset(
    {"GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_NAMESPACE", "GIT_PREFIX", "GIT_GRAFT_FILE"}
    | {"GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_SHALLOW_FILE", "GIT_REPLACE_REF_BASE"}
    | {"GIT_LITERAL_PATHSPECS", "GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_ICASE_PATHSPECS", "GIT_EXTERNAL_DIFF"}
)
_SET = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_EDITOR": "true", "GIT_PAGER": "cat", "LC_ALL": "C"}
#: Commits mean what they are: an agent could put others in their place.
_PLAIN = {"GIT_NO_REPLACE_OBJECTS": "1", "GIT_GRAFT_FILE": os.devnull}
_OPTIONS = (
    *("-c", "core.hooksPath=/dev/null", "-c", "commit.gpgSign=false", "-c", "tag.gpgSign=false", "-c", "gc.auto=0"),
    *("-c", "core.quotePath=false", "-c", "advice.detachedHead=false", "-c", "core.fsmonitor=false"),
    *("-c", "diff.autoRefreshIndex=false"),  # to look on writes nothing
    # settings of the user's that would turn a plain step into a refusal, a rewrite, or a process that outlives it
    *("-c", "core.safecrlf=false", "-c", "commit.cleanup=whitespace", "-c", "merge.verifySignatures=false"),
    *("-c", "rerere.enabled=false", "-c", "maintenance.auto=false", "-c", "advice.graftFileDeprecated=false"),
)
_NAMES = b"gitdir: "  #: what begins a `.git` that is a file
_LONG = 1 << 16  #: bytes; no path is longer
_TRIES = 40  #: attempts while another git holds a lock file
_PAUSE = 0.05  #: seconds between them
_BUSY = (".lock': File exists", "cannot lock ref", "index.lock", "Unable to create")
_ELSEWHERE = " but expected "  #: what git says of a reference that does not stand where it was told to be
_SCARCE = 1 << 16  #: bytes; where fewer are free a disk counts as full
#: What no waiting mends, and what does.
_WAYS_OUT = {
    **dict.fromkeys(("No space left", "Out of diskspace", "Disk quota exceeded"), "free some space: df -h {folder}"),
    **dict.fromkeys(("Permission denied", "insufficient permission"), "see whose it is: ls -ld {folder} {folder}/.git"),
    "Read-only file system": "make it writable, or work in a clone elsewhere",
}


class GitFailed(RepositoryError):
    """A git command ended with an error."""

    def __init__(self, arguments: Sequence[str], folder: Path, said: str) -> None:
        hint = way_out(said, folder) or f"see what git says there: git -C {folder} status"
        super().__init__(f"git {' '.join(arguments[:4])} failed in {folder}: {said.strip() or 'no reason given'}", hint=hint)
        self.arguments = tuple(arguments)
        self.said = said


@dataclass(frozen=True, slots=True)
class Git:
    """Git in one folder."""

    folder: Path
    also: Mapping[str, str] = field(default_factory=dict)  #: more of its environment

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
            if done.returncode == 0 or left == 1 or not _is_busy(done.stderr):
                return done
            time.sleep(_PAUSE)
        raise AssertionError

    def succeeds(self, *arguments: str) -> bool:
        """Run a command that asks a question; tell whether it says yes."""
        return self.attempt(*arguments).returncode == 0

    def names(self, *arguments: str) -> list[str]:
        """Run a command that lists names ended by NUL; names are bytes, so nothing else may part them."""
        return [name for name in self.run(*arguments).split("\0") if name]

    def line(self, *arguments: str) -> str:
        """Run a command and give its output without the newline at its end."""
        return self.run(*arguments).rstrip("\n")

    def _once(
        self, arguments: Sequence[str], stdin: str | None, extra: Mapping[str, str] | None
    ) -> subprocess.CompletedProcess[str]:
        try:
            # bytes, since text would turn the carriage return in a file's name into a newline
            done = subprocess.run(
                ["git", *_OPTIONS, *arguments],
                cwd=self.folder,
                env=_environment({**self.also, **(extra or {})}),
                input=None if stdin is None else os.fsencode(stdin),
                stdin=subprocess.DEVNULL if stdin is None else None,
                capture_output=True,
                check=False,
            )
            return subprocess.CompletedProcess(done.args, done.returncode, _text(done.stdout), _text(done.stderr))
        except FileNotFoundError as error:
            if not self.folder.is_dir():
                raise RepositoryError(f"the folder {self.folder} is gone") from error
            message = "git is not installed"
            raise ToolMissing(message, hint="install git: https://git-scm.com/downloads") from error


def way_out(said: str, folder: Path) -> str:
    """Give what helps against what git cannot do in a folder, such as writing to a full disk; empty if it is something else."""
    ways = [way for sign, way in _WAYS_OUT.items() if sign in said]
    if not ways and "write" in said and shutil.disk_usage(folder).free < _SCARCE:  # of some files git does not say why
        ways = [_WAYS_OUT["No space left"]]
    return ways[0].format(folder=folder) if ways else ""


def literal(paths: Iterable[str]) -> str:
    """Give paths for `--pathspec-from-file=- --pathspec-file-nul`, each meaning nothing but itself."""
    return "\0".join(f":(literal){path}" for path in paths)


def toplevel(start: Path) -> Path | None:
    """Give the root of the work tree that a folder lies in; None outside of git.

    Raises:
        RepositoryError: The repository is bare, damaged, or git refuses to work in it.
        ToolMissing: There is a repository but git is not installed.
    """
    try:
        done = Git(start).attempt("rev-parse", "--is-bare-repository", "--show-toplevel")
    except ToolMissing:
        if any((folder / ".git").exists() for folder in (start.absolute(), *start.absolute().parents)):
            raise
        return None
    bare, _, root = done.stdout.partition("\n")
    if bare == "true":
        message = f"{start} is a bare repository: it has no files to work on"
        raise RepositoryError(message, hint="clone it and run squad there: git clone REPOSITORY work && cd work")
    if done.returncode == 0:
        return Path(root.removesuffix("\n"))
    if "not a git repository (or any" in done.stderr:
        return None
    if "must be run in a work tree" in done.stderr:
        raise RepositoryError(f"{start} is git's own folder", hint="run squad in the folder that holds your files")
    if "dubious ownership" in done.stderr:
        found = re.search("--add safe.directory (.+)", done.stderr)
        hint = f"if you trust it: git config --global --add safe.directory {found[1] if found else start.absolute()}"
        raise RepositoryError(f"{start.absolute()} belongs to another user, and so git does not work there", hint=hint)
    hint = f"see what git says there: git -C {start.absolute()} status"
    raise RepositoryError(f"git cannot work in {start.absolute()}: {done.stderr.strip()}", hint=hint)


def require_installed() -> None:
    """See to it that git can be started; a shared tree without a repository needs it too, for its evidence.

    Raises:
        ToolMissing: It is not installed.
    """
    Git(Path("/")).attempt("--version")


def own_dir(folder: Path) -> Path:
    """Give the folder where git keeps what belongs to one work tree alone, such as its index; no link is left in its path.

    It is asked for often, and the `.git` at the root of a work tree tells it: a folder, or a file that names one
    (gitrepository-layout). Everything else is left to git.

    Raises:
        GitFailed: There is none.
    """
    try:
        found = Path(os.path.realpath(folder / _named(folder / ".git")))
        if (found / "HEAD").is_file() and ((found / "objects").is_dir() or (found / "commondir").is_file()):
            return found
    except (OSError, ValueError):  # what is named there is no path
        pass
    return Path(os.path.realpath(Git(folder).line("rev-parse", "--absolute-git-dir")))


def common_dir(root: Path) -> Path:
    """Give the folder that all worktrees of the repository share.

    Raises:
        GitFailed: There is none.
    """
    own = own_dir(root)
    try:
        told = (own / "commondir").read_bytes()
    except FileNotFoundError:
        return own  # of the first one
    except OSError:  # somebody put something else there: that is for git to refuse
        return Path(os.path.realpath(root / Git(root).line("rev-parse", "--git-common-dir")))
    return Path(os.path.realpath(own / os.fsdecode(told.rstrip(b"\r\n"))))


def head(root: Path) -> str | None:
    """Give the commit that is checked out; None if there is none yet."""
    done = Git(root).attempt("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    return done.stdout.strip() or None


def require_workable(root: Path) -> str:
    """Give the commit a run can start from.

    Raises:
        RepositoryError: There is no commit yet, something is under way, or a branch bars squad's names; with the command
            that helps.
    """
    require_quiet(root)
    for name in ("squad", "squad-work"):
        if Git(root).succeeds("show-ref", "--verify", "--quiet", f"refs/heads/{name}"):
            message = f"the branch {name} in {root} bars branches below {name}/, and squad puts its results there"
            raise RepositoryError(message, hint=f"rename it: git branch -m {name} {name}-old")
    commit = head(root)
    if commit is None:
        message = f"{root} has no commit yet, so there is nothing to start from"
        raise RepositoryError(
            message, hint="make one: git add -A && git commit -m 'Start'   (or: git commit --allow-empty -m Start)"
        )
    return commit


def require_quiet(root: Path) -> None:
    """See to it that no operation of the user's is half-way through.

    Raises:
        RepositoryError: One is; with the command that helps.
    """
    git = own_dir(root)
    under_way = {
        "rebase-merge": ("a rebase is in progress", "git rebase --continue, or git rebase --abort"),
        "rebase-apply/applying": ("git am is in progress", "git am --continue, or git am --abort"),
        "rebase-apply": ("a rebase is in progress", "git rebase --continue, or git rebase --abort"),
        "MERGE_HEAD": ("a merge is in progress", "git merge --continue, or git merge --abort"),
        "CHERRY_PICK_HEAD": ("a cherry-pick is in progress", "git cherry-pick --continue, or git cherry-pick --abort"),
        "REVERT_HEAD": ("a revert is in progress", "git revert --continue, or git revert --abort"),
        "sequencer": ("a cherry-pick or revert is in progress", "git cherry-pick --abort, or git revert --abort"),
        "BISECT_LOG": ("a bisect is in progress", "git bisect reset"),
    }
    for name, (what, way_out) in under_way.items():
        if (git / name).exists():
            raise RepositoryError(f"{what} in {root}", hint=f"finish it first: {way_out}")


def uncommitted(root: Path) -> int:
    """Count the files with changes that no commit holds; agents will not see them."""
    listed = Git(root).run("status", "--porcelain", "--no-renames", "-z", check=False)
    return sum(1 for row in listed.split("\0") if row)


def tracked_files(root: Path) -> tuple[str, ...]:
    """Give the tracked files, sorted."""
    return tuple(sorted(set(Git(root).names("ls-files", "-z"))))


def changed_paths(root: Path, old: str, new: str) -> tuple[str, ...]:
    """Give the paths that differ between two commits, deleted ones and both names of renamed ones included."""
    told = ("--name-only", "--no-renames", "--ignore-submodules=none", "-z")
    return tuple(sorted(Git(root).names("diff-tree", "-r", *told, old, new)))


def identity(root: Path) -> dict[str, str]:
    """Give the committer's identity as environment: the user's own as git would take it, or squad's where none is set."""
    return _committer(_who(root))


def author(agent: str) -> dict[str, str]:
    """Give an agent's identity as environment."""
    return {"GIT_AUTHOR_NAME": agent, "GIT_AUTHOR_EMAIL": f"{agent}@squad.invalid"}


def own_author(root: Path) -> dict[str, str]:
    """Give the author of what a person asks for: the user as git knows them, or squad's name where none is set."""
    names = _who(root)
    own = _committer(names)
    name = os.environ.get("GIT_AUTHOR_NAME") or names.get("author.name") or own["GIT_COMMITTER_NAME"]
    mail = os.environ.get("GIT_AUTHOR_EMAIL") or names.get("author.email") or own["GIT_COMMITTER_EMAIL"]
    return {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": mail}


def message_with(title: str, trailers: Mapping[str, str]) -> str:
    """Give a commit message with its trailers."""
    lines = "".join(f"{name}: {value}\n" for name, value in trailers.items())
    subject = " ".join(title.replace("\0", " ").split())
    return f"{subject or 'Work'}\n\n{lines}"


def _named(entry: Path) -> str:
    """Give what a `.git` names if it is a file as git writes them, else itself; an agent may have put anything there."""
    if not entry.is_file():
        return entry.name
    with entry.open("rb") as file:
        told = file.read(_LONG)
    return os.fsdecode(told.removeprefix(_NAMES).rstrip(b"\r\n")) if told.startswith(_NAMES) else entry.name


def _is_busy(said: str) -> bool:
    """Tell whether a git command met another one, which waiting helps against."""
    return any(sign in said for sign in _BUSY) and not any(sign in said for sign in (*_WAYS_OUT, _ELSEWHERE))


def _committer(names: Mapping[str, str]) -> dict[str, str]:
    name = os.environ.get("GIT_COMMITTER_NAME") or names.get("committer.name") or names.get("user.name")
    mail = os.environ.get("GIT_COMMITTER_EMAIL") or names.get("committer.email") or names.get("user.email")
    return {"GIT_COMMITTER_NAME": name or "squad", "GIT_COMMITTER_EMAIL": mail or "squad@localhost"}


def _who(root: Path) -> dict[str, str]:
    """Give the settings that say who somebody is, in one call; of several the last one counts, as for git."""
    told = Git(root).run("config", "-z", "--get-regexp", r"^(user|author|committer)\.(name|email)$", check=False)
    rows = (row.partition("\n") for row in told.split("\0"))
    return {name: value.strip() for name, _, value in rows if name}


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _DROPPED}
    return {**kept, **_SET, **_PLAIN, **extra}
