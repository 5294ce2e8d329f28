"""What an agent, or a git that was killed, did to a worktree, put right.

What may hold an agent's work is moved aside, never removed; only what squad itself left half-made is cleared away.
"""

import contextlib
import os
import re
import shutil
import stat
from pathlib import Path

from orchestrator.git import Git, own_dir
from orchestrator.model import RunId
from orchestrator.project import Project
from orchestrator.workspaces import names, notes


def mend_link(project: Project, folder: Path) -> bool:
    """See to it that a folder is the worktree that git knows there, whatever an agent did to its `.git`; tell whether it is."""
    link = folder / ".git"
    admin = admin_of(project, folder)
    if admin is None or not folder.is_dir():
        return False
    if link.is_dir() and not link.is_symlink():
        aside = _free(project.state / "aside" / f"{folder.parent.name}-{folder.name}.git")
        aside.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(link, aside)  # a repository of the agent's own: its history is kept, its files are harvested
    told = f"gitdir: {admin}\n"
    if link.is_symlink() or not link.is_file() or os.fsdecode(link.read_bytes()) != told:
        link.unlink(missing_ok=True)
        link.write_bytes(os.fsencode(told))
    _untangle(admin, folder)
    _mend_head(admin, folder)
    return True


def _mend_head(admin: Path, folder: Path) -> None:
    """Let a worktree whose HEAD is gone or says nothing stand on its own branch: git would not know it for one."""
    head = admin / "HEAD"
    told = head.read_bytes() if head.is_file() else b""
    if not (told.startswith(b"ref: refs/") or re.fullmatch(rb"[0-9a-f]{40,64}\n?", told)):
        put(head, os.fsencode(f"ref: refs/heads/{names.work_branches(RunId(folder.parent.name))}/{folder.name}\n"))


def put(path: Path, told: bytes) -> None:
    """Write one of git's own files anew, in the place of whatever stands there: written through, a link would lead elsewhere."""
    clear_away(path)
    path.write_bytes(told)


def clear_away(path: Path) -> None:
    """Take a file, a link or a folder out of the way."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _untangle(admin: Path, folder: Path) -> None:
    """Take away whatever leads out of git's own folder for a worktree, which is its agent's to write.

    What squad's git writes there, such as a line in the log of HEAD, would be written to somebody else's file.
    """
    for place, folders, files in os.walk(admin):
        folders[:] = [name for name in folders if name != "modules"]  # whole repositories, in which squad writes nothing
        for name in (*folders, *files):
            path = Path(place, name)
            if not (stat.S_ISREG(mode := path.lstat().st_mode) or stat.S_ISDIR(mode)) or _is_shared(path):
                path.unlink()
    common = admin / "commondir"
    if not common.is_file() or common.read_bytes() != b"../..\n":
        put(common, b"../..\n")
    if not (admin / "gitdir").is_file():
        put(admin / "gitdir", os.fsencode(folder / ".git") + b"\n")


def _is_shared(path: Path) -> bool:
    """Tell whether a file has another name somewhere."""
    found = path.lstat()
    return stat.S_ISREG(found.st_mode) and found.st_nlink > 1


def admin_of(project: Project, folder: Path) -> Path | None:
    """Give git's own folder for a worktree; it outlives whatever happens to the worktree's."""
    wanted = os.path.realpath(folder)
    for noted in sorted((project.state.parent / "worktrees").glob("*/gitdir")):
        with contextlib.suppress(OSError):
            if os.path.realpath(Path(os.fsdecode(noted.read_bytes()).rstrip("\n")).parent) == wanted:
                return noted.parent
    return None


def clear(project: Project, folder: Path) -> None:
    """Make room for a worktree; only what squad itself left half-made may be removed."""
    if notes.is_half_made(project, folder):
        shutil.rmtree(folder, ignore_errors=True)
    if os.path.lexists(folder):
        folder.rename(_free(folder.with_name(f"{folder.name}-aside")))
    if admin_of(project, folder) is not None:
        Git(project.root).run("worktree", "remove", "--force", "--force", str(folder))


def leave_operations(here: Git) -> None:
    """End a merge or rebase that an agent left, without touching its files, and clear the locks of a killed git."""
    folder = own_dir(here.folder)
    for name in ("index.lock", "HEAD.lock", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "MERGE_MSG", "MERGE_MODE"):
        with contextlib.suppress(FileNotFoundError):
            (folder / name).unlink()
    for name in ("rebase-merge", "rebase-apply", "sequencer"):
        shutil.rmtree(folder / name, ignore_errors=True)


def _free(path: Path) -> Path:
    number = 1
    while os.path.lexists(found := path.with_name(f"{path.name}-{number}")):
        number += 1
    return found
