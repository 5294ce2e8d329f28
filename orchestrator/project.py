"""Where a project's files are, and whose they are.

`.squad/` holds views and requests and may be thrown away; the journal and the logs lie in the git common directory,
where no clean-up of the work tree reaches them. A `.squad/` of another tool is never touched. One supervisor at a time
holds the journal, by a kernel lock that ends with its process; what a dead one still has running is waited for.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import string
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestrator import git
from orchestrator.errors import AlreadySupervised, FolderError
from orchestrator.platform import processes_marked

MARK = "squad.json"
OWNER = "SQUAD_OWNER"  #: in the environment of every process that works for a supervisor: leashes and git, never an agent
_BY_HAND = frozenset(
    {"feature-prd.md", "parallel-plans", "locks", "comms", "logs", "metrics", "control", "reports", "context", "local.yaml"}
    | {".gitignore", "pending-tasks.md", "parallel-allocation-report.md", "inferred-requirements.md"}
    | {"sessions", "commands", "templates", "analysis", "examples"}
)
_IGNORE = b"*\n"
_MOVED = ("parallel-plans", "comms", "locks")
_COPIED = ("feature-prd.md", "reports")
_RETRIES, _PAUSE = 50, 0.01  #: readers hold the lock for an instant; nobody is refused for that
_PATIENCE = 30.0  #: seconds in which a dead supervisor's leashes and git commands must have ended
_LONGEST_SOCKET = 100  #: bytes of a socket's path; the system's own limit is 104 or 108
_SOCKET_ROOM = 44  #: bytes for the longest name below the folder of sockets
_LONGEST_NAME = 150  #: bytes of a file's name that squad makes from an id; suffixes come on top
_PLAIN = frozenset(string.ascii_letters + string.digits + "._-+=,@")
_WHOLE = b"whole\n"


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
        """Give the folder of sockets: `.squad/run`, or one of the user's runtime folder where its path would be too long.

        The supervisor's own choice counts for everybody, since another process may have another runtime folder.
        """
        near = self.folder / "run"
        if len(os.fsencode(near)) + _SOCKET_ROOM <= _LONGEST_SOCKET:
            return near
        with contextlib.suppress(OSError):
            told = Path(os.fsdecode((near / "where").read_bytes()).removesuffix("\n"))
            if told.is_dir():
                return told
        digest = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:12]
        runtime = os.environ.get("XDG_RUNTIME_DIR")
        # directly below a folder that others may write to, so that it is private as a whole
        name = f"squad-{os.getuid()}-{digest}"
        places = [Path(folder) / name for folder in (runtime, tempfile.gettempdir(), "/tmp") if folder]  # noqa: S108 - checked when made
        return next((place for place in places if len(os.fsencode(place)) + _SOCKET_ROOM <= _LONGEST_SOCKET), places[-1])

    def socket(self, name: str) -> Path:
        """Give the path of a socket, under a digest where its own name would be too long for the system."""
        safe = "/".join(file_name(part) for part in name.split("/", 1))
        if len(os.fsencode(safe)) + len(".sock/") > _SOCKET_ROOM:
            safe = f"{'leash/' if name.startswith('leash/') else ''}{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}"
        return self.sockets / f"{safe}.sock"

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
    state = git.common_dir(top) / "squad"
    return Project(root=_owner_of(state, Path(os.path.realpath(top))), repository=True, state=state)


def own_worktree(project: Project, workspace: Path) -> None:
    """Note that a worktree is squad's, so that commands inside it mean the project."""
    note = _note_of(project.state, workspace)
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_bytes(os.fsencode(project.root) + b"\0")


def finish_worktree(project: Project, workspace: Path) -> None:
    """Note that a worktree of squad's is whole: from here on what is in it is an agent's work."""
    with _note_of(project.state, workspace).open("ab") as note:
        note.write(_WHOLE)


def is_whole(project: Project, workspace: Path) -> bool:
    """Tell whether a worktree was made to its end; what a killed supervisor left half-made holds nobody's work."""
    note = _note_of(project.state, workspace)
    return note.is_file() and note.read_bytes().endswith(b"\0" + _WHOLE)


def is_half_made(project: Project, workspace: Path) -> bool:
    """Tell whether squad began to make a worktree and did not come to its end."""
    return _note_of(project.state, workspace).is_file() and not is_whole(project, workspace)


def file_name(name: str) -> str:
    """Give a name that file systems and git's refs take: odd signs percent-coded, cut with a digest beyond 150 bytes."""
    safe = "".join(f"%{ord(sign):02X}" if sign.isascii() and sign not in _PLAIN else sign for sign in name)
    safe = re.sub(r"^\.|\.(?=\.)|\.(?=lock$)|\.$", "%2E", safe)
    if len(os.fsencode(safe)) <= _LONGEST_NAME:
        return safe
    cut = os.fsencode(safe)[: _LONGEST_NAME - 13].decode("utf-8", "ignore")
    return f"{cut}-{hashlib.sha256(os.fsencode(name)).hexdigest()[:12]}"


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
    """Be the one supervisor of the project's journal while inside the block.

    Raises:
        Supervised: Another one is.
    """
    project.state.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as locks:
        locks.enter_context(_locked(project, project.state / "supervisor.lock"))
        if (project.folder / MARK).is_file():
            locks.enter_context(_locked(project, project.folder / "supervisor.lock"))
        _outlast_helpers(project)
        os.environ[OWNER] = project.key
        try:
            yield
        finally:
            del os.environ[OWNER]


def supervisor_of(project: Project) -> int | None:
    """Give the process id of the living supervisor, if there is one."""
    try:
        descriptor = os.open(project.state / "supervisor.lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = _owner_in(descriptor)
        return int(owner) if owner.isdigit() else 0
    finally:
        os.close(descriptor)
    return None


@contextmanager
def _locked(project: Project, path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not _lock(descriptor):
            raise Supervised(project.root, _owner_in(descriptor))
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    for _ in range(_RETRIES):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(_PAUSE)
    return False


def _owner_in(descriptor: int) -> str:
    return os.pread(descriptor, 64, 0).decode("ascii", "replace").strip()


def _outlast_helpers(project: Project) -> None:
    """Wait until the leashes and git commands of a supervisor that was killed have ended, so that nobody works beside us."""
    until = time.monotonic() + _PATIENCE
    while any(pid != os.getpid() for pid in processes_marked(OWNER, project.key)) and time.monotonic() < until:
        time.sleep(_PAUSE)


def _adopt(project: Project, now: float) -> str:
    """Look whose folder it is; what a hand-run squad left is moved aside, and nothing of it is lost."""
    folder = project.folder
    if (folder / MARK).is_file() or not folder.is_dir():
        return ""
    names = sorted(entry.name for entry in folder.iterdir())
    # `adopted` without the mark is an adoption that was killed half-way
    strange = [name for name in names if name not in _BY_HAND and name != "adopted"]
    if strange:
        raise ForeignFolder(folder, strange)
    ignore = folder / ".gitignore"
    copied = [*_COPIED, *([".gitignore"] if ignore.is_file() and ignore.read_bytes() != _IGNORE else [])]
    moved = [*_MOVED, *(["logs"] if not (folder / "logs").is_symlink() else [])]
    if not set(names) - {".gitignore", "adopted"} and ".gitignore" not in copied:
        return ""
    aside = folder / "adopted" / time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    aside.mkdir(parents=True, exist_ok=True)
    for name in names:
        if name in copied:
            _copy(folder / name, aside / name)
        elif name in moved:
            (folder / name).rename(aside / name)
    return f"adopted the .squad folder of a hand-run squad; its files are kept in {aside.relative_to(project.root)}"


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
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
        (folder / "run" / "where").write_bytes(os.fsencode(project.sockets) + b"\n")
    (folder / ".gitignore").write_bytes(_IGNORE)
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


def _owner_of(state: Path, root: Path) -> Path:
    """Give the root of the project whose run a worktree belongs to; one that is not squad's is a project of its own."""
    with contextlib.suppress(OSError):
        noted = _note_of(state, root).read_bytes().partition(b"\0")[0]
        return Path(os.fsdecode(noted)) if noted else root
    return root


def _note_of(state: Path, workspace: Path) -> Path:
    return state / "worktrees" / hashlib.sha256(os.fsencode(os.path.realpath(workspace))).hexdigest()[:24]
