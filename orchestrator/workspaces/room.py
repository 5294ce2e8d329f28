"""Whether a merge has room on the disk, asked before it begins: git leaves in the way what it had begun to write."""

import shutil
from pathlib import Path

from orchestrator.errors import RepositoryError
from orchestrator.git import Git, own_dir

_BLOCK = 4096  #: bytes that a file takes more than its own, at most
_BESIDES = 1 << 16  #: bytes for the commit, its trees, refs and their logs


class NoRoom(RepositoryError):
    """There is less room than the files of a merge need."""

    def __init__(self, branch: str, root: Path, *, needed: int, free: int) -> None:
        message = f"no room to merge {branch}: it needs {needed // 1024 + 1} KiB in {root}, and {free // 1024} KiB are free"
        super().__init__(message, hint=f"free some space: df -h {root}")


def require_room(root: Path, branch: str) -> None:
    """See to it that what a branch would bring fits on the disk.

    Raises:
        NoRoom: It does not.
    """
    needed, free = _needed(Git(root), branch), shutil.disk_usage(root).free
    if needed > free:
        raise NoRoom(branch, root, needed=needed, free=free)


def _needed(here: Git, branch: str) -> int:
    """Give bytes for the files that differ, written anew, and for a new index."""
    rows = here.run("diff-tree", "-r", "--no-renames", "HEAD", branch).splitlines()
    brought = [row.split()[3] for row in rows]
    told = here.run("cat-file", "--batch-check=%(objectsize)", stdin="".join(f"{name}\n" for name in brought))
    sizes = [int(size) + _BLOCK for size in told.splitlines() if size.isdecimal()]  # what was removed has none
    index = own_dir(here.folder) / "index"
    return sum(sizes) + (index.stat().st_size if index.exists() else 0) + _BESIDES
