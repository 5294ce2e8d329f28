"""Being the one supervisor of a project.

Who holds a project has its journal for itself, by a kernel lock that ends with its process. What a supervisor that was
killed still has running is waited for, so that nobody works beside the next one.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestrator.errors import FolderError
from orchestrator.platform import processes_marked
from orchestrator.project import MARK, Project
from orchestrator.supervised import Supervised, lock_of, owner_in

OWNER = "SQUAD_OWNER"  #: in the environment of every process that works for a supervisor: leashes and git, never an agent
_RETRIES, _PAUSE = 50, 0.01  #: readers hold the lock for an instant; nobody is refused for that
_PATIENCE = 30.0  #: seconds in which a dead supervisor's leashes and git commands must have ended


class CannotSupervise(FolderError):
    """The file whose lock makes a supervisor cannot be written."""

    def __init__(self, project: Project, path: Path, error: OSError) -> None:
        hint = f"see that there is room, and that squad can write there: ls -ld {path.parent} {path}"
        super().__init__(f"cannot supervise {project.root}: {path}: {error.strerror}", hint=hint)


@contextmanager
def hold(project: Project) -> Iterator[None]:
    """Be the one supervisor of the project's journal while inside the block.

    Raises:
        Supervised: Another one is.
        CannotSupervise: The journal's folder cannot be written.
    """
    project.state.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as locks:
        locks.enter_context(_locked(project, lock_of(project)))
        if (project.folder / MARK).is_file():
            locks.enter_context(_locked(project, project.folder / "supervisor.lock"))
        _outlast_helpers(project)
        os.environ[OWNER] = project.key
        try:
            yield
        finally:
            del os.environ[OWNER]


@contextmanager
def _locked(project: Project, path: Path) -> Iterator[None]:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CannotSupervise(project, path, error) from error
    try:
        if not _lock(descriptor):
            raise Supervised(project, owner_in(descriptor))
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except OSError as error:
            raise CannotSupervise(project, path, error) from error
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)  # before those who watch the folder are told of the file's end, and look
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    for _ in range(_RETRIES):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(_PAUSE)
    return False


def _outlast_helpers(project: Project) -> None:
    """Wait until the leashes and git commands of a supervisor that was killed have ended, so that nobody works beside us."""
    until = time.monotonic() + _PATIENCE
    while any(pid != os.getpid() for pid in processes_marked(OWNER, project.key)) and time.monotonic() < until:
        time.sleep(_PAUSE)
