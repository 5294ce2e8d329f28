"""Making a project's folders squad's own.

`.squad/` of another tool is never touched. What a hand-run squad left there is taken over: what squad will rewrite is
moved or copied aside first, so that nothing of it is lost. The mark comes last, so that it stands for a whole folder.
"""

import contextlib
import errno
import json
import os
import shutil
import time
from pathlib import Path

from orchestrator.errors import FolderError
from orchestrator.project import MARK, Project

_BY_HAND = frozenset(
    {"feature-prd.md", "parallel-plans", "locks", "comms", "logs", "metrics", "control", "reports", "context", "local.yaml"}
    | {".gitignore", "pending-tasks.md", "parallel-allocation-report.md", "inferred-requirements.md"}
    | {"sessions", "commands", "templates", "analysis", "examples"}
)
_OWN = frozenset({"run", "runs"})  #: folders that squad makes before the mark, besides those of the hand-run method
_WHERE = "where"  #: tells where the sockets are that have no room in `.squad/run`
_IGNORE = b"*\n"
_IGNORES = (_IGNORE, b"")  #: the second: there was no room for it
_MOVED = ("parallel-plans", "comms", "locks")
_COPIED = ("feature-prd.md", "reports")


class ForeignFolder(FolderError):
    """`.squad/` belongs to another tool."""

    def __init__(self, folder: Path, names: list[str]) -> None:
        shown = ", ".join(names[:5])
        hint = "squad keeps its files there; move that folder away, or run squad in a clone"
        super().__init__(f"{folder} belongs to another tool: squad does not know {shown}", hint=hint)
        self.names = tuple(names)


def prepare(project: Project, *, now: float) -> str:
    """Make the project's folders and mark them as squad's; gives a line to be said aloud, or nothing.

    Raises:
        ForeignFolder: `.squad/` belongs to another tool.
        FolderError: The folders cannot be written.
    """
    is_new = not project.folder.exists()
    try:
        said = _adopt(project, now)
        _make_folders(project)
    except OSError as error:
        if is_new:  # half of it would look like another tool's
            shutil.rmtree(project.folder, ignore_errors=True)
        raise _unwritable(project, error) from error
    return said


def _unwritable(project: Project, error: OSError) -> FolderError:
    hint = "squad needs to write .squad/ in the project and squad/ in its git folder"
    if error.filename and Path(error.filename).is_relative_to(project.sockets) and project.sockets != project.folder / "run":
        hint = "sockets have no room in so long a path: set XDG_RUNTIME_DIR to a folder of your own"
    elif error.errno in {errno.ENOSPC, errno.EDQUOT}:
        hint = f"free some space: df -h {project.root}"
    return FolderError(f"cannot write {error.filename or project.folder}: {error.strerror or error}", hint=hint)


def restore(project: Project) -> None:
    """Make the folders again where somebody removed `.squad/` while a supervisor works; raises OSError."""
    if not (project.folder / MARK).is_file():
        _make_folders(project)


def _adopt(project: Project, now: float) -> str:
    """Look whose folder it is; what a hand-run squad left is moved aside, and nothing of it is lost."""
    folder = project.folder
    if (folder / MARK).is_file() or not folder.is_dir():
        return ""
    names = sorted(entry.name for entry in folder.iterdir())
    # `adopted` without the mark is an adoption that was killed half-way
    strange = [name for name in names if name not in _BY_HAND and name != "adopted" and not _is_begun(folder / name)]
    if strange:
        raise ForeignFolder(folder, strange)
    ignore = folder / ".gitignore"
    copied = [*_COPIED, *([".gitignore"] if ignore.is_file() and ignore.read_bytes() not in _IGNORES else [])]
    moved = [*_MOVED, *(["logs"] if not (folder / "logs").is_symlink() else [])]
    if not set(names) - {".gitignore", "adopted", *_OWN} and ".gitignore" not in copied:
        return ""
    aside = folder / "adopted" / time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    aside.mkdir(parents=True, exist_ok=True)
    for name in names:
        if name in copied:
            _copy(folder / name, aside / name)
        elif name in moved:
            (folder / name).rename(aside / name)
    return f"adopted the .squad folder of a hand-run squad; its files are kept in {aside.relative_to(project.root)}"


def _is_begun(folder: Path) -> bool:
    """Tell whether a folder is one that squad made and put nothing into, because the disk was full or it was killed."""
    if folder.name not in _OWN or not folder.is_dir() or folder.is_symlink():
        return False
    return all(path.is_dir() or path.name == _WHERE for path in folder.rglob("*"))


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
        (folder / "run" / _WHERE).write_bytes(os.fsencode(project.sockets) + b"\n")
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
        hint = "work as that user, or in a clone of your own; or set XDG_RUNTIME_DIR, if that is where it lies"
        raise FolderError(f"{folder} belongs to another user", hint=hint)
    folder.chmod(0o700)
