"""Whether somebody supervises a project, and who: told by a kernel lock, which ends with the process that holds it."""

import fcntl
import os
from pathlib import Path

from orchestrator.errors import AlreadySupervised, JournalError
from orchestrator.journal import Journal
from orchestrator.project import Project


class Supervised(AlreadySupervised):
    """Another supervisor works on the project."""

    def __init__(self, project: Project, owner: str) -> None:
        hint = "look on: squad status   end it: squad stop"
        who = f"another supervisor (process {owner or 'unknown'}) works on {project.root}"
        super().__init__(f"{who}{_run_of(project)}", hint=hint)
        self.owner = owner


def require_free(project: Project) -> None:
    """See to it that nobody else supervises the project.

    Raises:
        Supervised: Somebody does.
    """
    if (owner := supervisor_of(project)) is not None:
        raise Supervised(project, str(owner or ""))


def supervisor_of(project: Project) -> int | None:
    """Give the process id of the living supervisor, if there is one."""
    try:
        descriptor = os.open(lock_of(project), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = owner_in(descriptor)
        return int(owner) if owner.isdigit() else 0
    finally:
        os.close(descriptor)
    return None


def outlast(project: Project) -> None:
    """Wait until nobody supervises the project.

    It is the lock that is waited for. Whoever watched its file would be told of the file's end before the lock is free:
    the system tells first and unlocks then, so that one who looks in between would wait for ever.
    """
    try:
        descriptor = os.open(lock_of(project), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def is_in_sight(owner: int) -> bool:
    """Tell whether a living supervisor can be seen; not from a sandbox, whose processes are numbered anew."""
    if owner == 0:  # it has not said yet who it is
        return True
    try:
        os.kill(owner, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return True
    return True


def lock_of(project: Project) -> Path:
    """Give the file that the supervisor of a project's journal has locked; its process id stands in it."""
    return project.state / "supervisor.lock"


def owner_in(descriptor: int) -> str:
    """Give what stands in a lock's file: the process id of its owner, or nothing yet."""
    return os.pread(descriptor, 64, 0).decode("ascii", "replace").strip()


def _run_of(project: Project) -> str:
    """Name the run that the living supervisor began last; one that has only just started has none yet."""
    try:
        journal = Journal.read(project.state)
        if journal is None:
            return ""
        with journal:
            run = journal.last_begun()
            is_over = run not in (*journal.unfinished(), *journal.unfinished(splits=True))
    except JournalError:  # then the lock says enough
        return ""
    return "" if run is None or is_over else f": {run}"
