"""Where a project's files are.

`.squad/` holds views and requests and may be thrown away; the journal and the logs lie in the git common directory,
where no clean-up of the work tree reaches them. Nothing is made here and nothing is written.
"""

import contextlib
import hashlib
import os
import re
import string
import tempfile
from dataclasses import dataclass
from pathlib import Path

from orchestrator import git
from orchestrator.errors import FolderError

MARK = "squad.json"  #: the file that marks `.squad/` as squad's
_LONGEST_SOCKET = 100  #: bytes of a socket's path; the system's own limit is 104 or 108
_SOCKET_ROOM = 44  #: bytes for the longest name below the folder of sockets
_LONGEST_NAME = 150  #: bytes of a file's name that squad makes from an id; suffixes come on top
_PLAIN = frozenset(string.ascii_letters + string.digits + "._-+=,@")


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
        # directly below a folder that others may write to, so that it is private as a whole
        name = f"squad-{os.getuid()}-{digest}"
        places = [Path(folder) / name for folder in (*_runtime(), tempfile.gettempdir(), "/tmp")]  # noqa: S108 - checked when made
        return next((place for place in places if len(os.fsencode(place)) + _SOCKET_ROOM <= _LONGEST_SOCKET), places[-1])

    def socket(self, name: str) -> Path:
        """Give the path of a socket, under a digest where its own name would be too long for the system."""
        safe = "/".join(file_name(part) for part in name.split("/", 1))
        if len(os.fsencode(safe)) + len(".sock/") > _SOCKET_ROOM:
            safe = f"{'leash/' if name.startswith('leash/') else ''}{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}"
        return self.sockets / f"{safe}.sock"

    def worktrees(self, place: str | None) -> Path:
        """Give the folder of the runs' worktrees, by the configuration's `isolation.place`."""
        return self.root / Path(place).expanduser() if place else self.folder / "worktrees"

    def note_of(self, workspace: Path) -> Path:
        """Give the file that notes that a worktree is squad's: the root of its project, then whether it is whole."""
        return _note_of(self.state, workspace)

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


def file_name(name: str) -> str:
    """Give a name that file systems and git's refs take: odd signs percent-coded, cut with a digest beyond 150 bytes."""
    safe = "".join(f"%{ord(sign):02X}" if sign.isascii() and sign not in _PLAIN else sign for sign in name)
    safe = re.sub(r"^\.|\.(?=\.)|\.(?=lock$)|\.$", "%2E", safe)
    if len(os.fsencode(safe)) <= _LONGEST_NAME:
        return safe
    cut = os.fsencode(safe)[: _LONGEST_NAME - 13].decode("utf-8", "ignore")
    return f"{cut}-{hashlib.sha256(os.fsencode(name)).hexdigest()[:12]}"


def plan_file(agent: str) -> str:
    """Name the plan of an agent among a run's views; hand-run squads know it by the agent's number alone."""
    return f"parallel-plans/agent-{agent.split('-')[1]}-plan.md"


def comm_file(agent: str) -> str:
    """Name the file among a run's views in which an agent tells of itself."""
    return f"comms/{agent}-comm.md"


def _runtime() -> tuple[str, ...]:
    """Give the user's runtime folder, if there is one: after `su` the variable names another user's."""
    named = os.environ.get("XDG_RUNTIME_DIR", "")
    try:
        is_own = named.startswith("/") and Path(named).stat().st_uid == os.getuid()
    except OSError:
        return ()
    return (named,) if is_own and os.access(named, os.W_OK | os.X_OK) else ()


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
