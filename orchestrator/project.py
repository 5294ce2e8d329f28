"""Where a project's files are, and whose they are.

`.squad/` holds views and requests and may be thrown away; the journal and the logs lie in the git common directory,
where no clean-up of the work tree reaches them. A `.squad/` of another tool is never touched. One supervisor at a time
holds the project, by a kernel lock that ends with its process.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestrator import git
from orchestrator.errors import AlreadySupervised, FolderError

MARK = "squad.json"
_OURS = frozenset({"squad.json", "worktrees", "run", "runs", "plan.json", "supervisor.lock", "adopted"})
_BY_HAND = frozenset(
    {"feature-prd.md", "parallel-plans", "locks", "comms", "logs", "metrics", "control", "reports", "context", "local.yaml"}
    | {".gitignore", "pending-tasks.md", "parallel-allocation-report.md", "inferred-requirements.md"}
    | {"sessions", "commands", "templates", "analysis", "examples"}
)
_MOVED = ("parallel-plans", "comms", "locks")
_COPIED = ("feature-prd.md", "plan.json", "reports")
_LONGEST_SOCKET = 100  #: bytes of a socket's path; the system's own limit is 104 or 108
_SOCKET_ROOM = 44  #: bytes for the longest name below the folder of sockets


class ForeignFolder(FolderError):
    """`.squad/` belongs to another tool."""

    def __init__(self, folder: Path, names: list[str]) -> None:
        shown = ", ".join(names[:5])
        hint = "squad keeps its files there; move that folder away, or run squad in a clone"
        super().__init__(f"{folder} belongs to another tool: squad does not know {shown}", hint=hint)
        self.names = tuple(names)


class Supervised(AlreadySupervised):
    """Another supervisor works on the project."""

    def __init__(self, root: Path, owner: str) -> None:
        hint = "look on: squad status   end it: squad stop"
        super().__init__(f"another supervisor (process {owner or 'unknown'}) works on {root}", hint=hint)
        self.owner = owner


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A folder that squad works on."""

    root: Path
    repository: bool  #: there is git
    state: Path  #: journal and logs

    @property
    def folder(self) -> Path:
        """Give the folder of views and requests."""
        return self.root / ".squad"

    @property
    def logs(self) -> Path:
        """Give the folder of raw and structured logs."""
        return self.state / "logs"

    @property
    def sockets(self) -> Path:
        """Give the folder of sockets: `.squad/run`, or the user's runtime folder where its path would be too long."""
        near = self.folder / "run"
        if len(os.fsencode(near)) + _SOCKET_ROOM <= _LONGEST_SOCKET:
            return near
        digest = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:12]
        runtime = os.environ.get("XDG_RUNTIME_DIR")
        name = (
            f"squad-{os.getuid()}-{digest}"  # directly below a folder that others may write to, so that it is private as a whole
        )
        places = [Path(folder) / name for folder in (runtime, tempfile.gettempdir(), "/tmp") if folder]  # noqa: S108 - checked when made
        return next((place for place in places if len(os.fsencode(place)) + _SOCKET_ROOM <= _LONGEST_SOCKET), places[-1])

    @property
    def key(self) -> str:
        """Name the project among all of this user."""
        return hashlib.sha256(os.fsencode(self.state)).hexdigest()[:12]


def find(start: Path) -> Project:
    """Give the project that a folder belongs to; inside a run's workspace the project of that run.

    Raises:
        FolderError: There is no such folder.
        RepositoryError: It lies in a bare repository.
    """
    if not start.is_dir():
        raise FolderError(f"there is no folder {start}")
    top = git.toplevel(start)
    if top is None:
        root = Path(os.path.realpath(start))
        return Project(root=root, repository=False, state=_state_without_git(root))
    common = git.common_dir(top)
    root = Path(os.path.realpath(top))
    if (top / ".git").is_file() and (common / "squad" / "worktrees" / _escaped(root)).exists():
        root = Path(os.path.realpath(git.main_worktree(top)))
    return Project(root=root, repository=True, state=common / "squad")


def own_worktree(project: Project, workspace: Path) -> None:
    """Note that a worktree is squad's, so that commands inside it mean the project."""
    folder = project.state / "worktrees"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _escaped(Path(os.path.realpath(workspace)))).touch()


def prepare(project: Project, *, now: float) -> str:
    """Make the project's folders and mark them as squad's; gives a line to be said aloud, or nothing.

    Raises:
        ForeignFolder: `.squad/` belongs to another tool.
        FolderError: The folders cannot be written.
    """
    try:
        said = _adopt(project, now)
        _make_folders(project)
    except OSError as error:
        message = f"cannot write {error.filename or project.folder}: {error.strerror or error}"
        raise FolderError(message, hint="squad needs to write .squad/ in the project and squad/ in its git folder") from error
    return said


def restore(project: Project) -> None:
    """Make the folders again where somebody removed `.squad/` while a supervisor works; raises OSError."""
    if not (project.folder / MARK).is_file():
        _make_folders(project)


def require_free(project: Project) -> None:
    """See to it that nobody else supervises the project.

    Raises:
        Supervised: Somebody does.
    """
    if (owner := supervisor_of(project)) is not None:
        raise Supervised(project.root, str(owner or ""))


@contextmanager
def hold(project: Project) -> Iterator[None]:
    """Be the project's one supervisor while inside the block.

    Raises:
        Supervised: Another one is.
    """
    descriptor = os.open(project.folder / "supervisor.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Supervised(project.root, os.pread(descriptor, 64, 0).decode("ascii", "replace").strip()) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def supervisor_of(project: Project) -> int | None:
    """Give the process id of the living supervisor, if there is one."""
    try:
        descriptor = os.open(project.folder / "supervisor.lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.pread(descriptor, 64, 0).decode("ascii", "replace").strip()
        return int(owner) if owner.isdigit() else 0
    finally:
        os.close(descriptor)
    return None


def _adopt(project: Project, now: float) -> str:
    """Look whose folder it is; what a hand-run squad left is moved aside, and nothing of it is lost."""
    folder = project.folder
    if (folder / MARK).is_file() or not folder.is_dir():
        return ""
    names = sorted(entry.name for entry in folder.iterdir())
    strange = [name for name in names if name not in _BY_HAND]
    if strange:
        raise ForeignFolder(folder, strange)
    old = [name for name in names if name != ".gitignore"]
    if not old:
        return ""
    aside = folder / "adopted" / time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    aside.mkdir(parents=True)
    for name in old:
        if name in _MOVED or (name == "logs" and not (folder / name).is_symlink()):
            (folder / name).rename(aside / name)
        elif name in _COPIED:
            _copy(folder / name, aside / name)
    return f"adopted the .squad folder of a hand-run squad; its files are kept in {aside.relative_to(project.root)}"


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True)
    else:
        shutil.copy2(source, target)


def _make_folders(project: Project) -> None:
    folder = project.folder
    for name in ("parallel-plans", "locks", "comms", "reports", "runs"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    project.logs.mkdir(parents=True, exist_ok=True)
    _make_private(project.sockets)
    _make_private(project.sockets / "leash")
    if project.sockets != folder / "run":
        _make_private(folder / "run")
        (folder / "run" / "where").write_text(f"{project.sockets}\n", encoding="utf-8")
    (folder / ".gitignore").write_text("*\n", encoding="utf-8")
    logs = folder / "logs"
    if not logs.exists() or logs.is_symlink():
        with contextlib.suppress(FileNotFoundError):
            logs.unlink()
        logs.symlink_to(project.logs)
    (folder / MARK).write_text(json.dumps({"schema_version": 1, "made_by": "squad"}) + "\n", encoding="utf-8")


def _make_private(folder: Path) -> None:
    """Make a folder that only this user can enter; one of somebody else is refused."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise FolderError(f"{folder} belongs to another user", hint="remove it, or set XDG_RUNTIME_DIR to a folder of your own")
    folder.chmod(0o700)


def _state_without_git(root: Path) -> Path:
    home = os.environ.get("XDG_STATE_HOME") or str(Path("~/.local/state").expanduser())
    digest = hashlib.sha256(os.fsencode(root)).hexdigest()[:12]
    return Path(home) / "squad" / f"{root.name or 'root'}-{digest}"


def _escaped(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:24]
