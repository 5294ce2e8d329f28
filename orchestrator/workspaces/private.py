"""The least of a repository that lets an agent commit in its worktree, and nobody else's work be touched.

Its git sees the repository as it is, read-only, but for four places: its worktree's own folder, a folder of objects that stands
before the repository's, its own branch, and a stash of its own. Squad takes in from there what was made before it looks at the
work: again after a death, as often as needed, since nothing is removed before it is in the repository. The git of a command
that is no agent's, such as a check, has a copy of its worktree's own folder too, and nothing of what it makes is taken in.
"""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.git import Git, own_dir
from orchestrator.model import AttemptId, RunId
from orchestrator.project import Project, file_name
from orchestrator.workspaces import names
from orchestrator.workspaces.kept import keep

_BEGIN = "refs/heads/"
_STASH = "refs/stash"
_MODULES = "modules"  #: of a worktree's own folder: whole repositories, of submodules
#: Of a worktree's own folder: what would lead git elsewhere, or have it start programs.
_FIXED = ("commondir", "gitdir", "config.worktree", "locked")


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateGit:
    """What an agent's git sees in other places than it lies, and what it may write."""

    private: Mapping[Path, Path] = field(default_factory=dict)  #: place as seen -> what stands there, writable
    shown: Mapping[Path, Path] = field(default_factory=dict)  #: place as seen -> what stands there, readable
    writable: tuple[Path, ...] = ()
    protected: tuple[Path, ...] = ()


def private_folder(project: Project, run: RunId, attempt: AttemptId) -> Path:
    """Give the folder of what belongs to one attempt and lies outside of its workspace."""
    return project.state / "private" / run / file_name(attempt)


def set_apart(project: Project, run: RunId, attempt: AttemptId, workspace: Path, branch: str) -> PrivateGit:
    """Make an agent's private part of the repository.

    Raises:
        GitFailed: It is no worktree.
        OSError: The part cannot be made.
    """
    common, folder = project.state.parent, private_folder(project, run, attempt) / "git"
    admin = own_dir(workspace)
    if not _is_plain(common):
        return _worktree_only(admin)
    branch = _checked_out(workspace, run) or branch
    overlaid = _overlaid(project, folder, branch)
    (folder / "branch").write_text(branch, encoding="utf-8")
    only = _worktree_only(admin)
    return PrivateGit(private=overlaid.private, shown=overlaid.shown, writable=only.writable, protected=only.protected)


def set_beside(project: Project, folder: Path, workspace: Path) -> PrivateGit:
    """Make, in a folder that is thrown away, all that the git of a command in one of squad's worktrees may write.

    Raises:
        GitFailed: It is no worktree.
        OSError: It cannot be made.
    """
    if not _is_plain(project.state.parent):
        return PrivateGit()
    admin, copy = own_dir(workspace), folder / "worktree"
    _copy_plain(admin, copy)
    modules = [admin / _MODULES] if (copy / _MODULES).is_dir() else []
    branch = Git(workspace).attempt("symbolic-ref", "--quiet", "--short", "HEAD").stdout.strip()
    overlaid = _overlaid(project, folder, branch)
    shown = {**overlaid.shown, **{path: path for path in modules}}
    return PrivateGit(private={**overlaid.private, admin: copy}, shown=shown)


def take_in(project: Project, run: RunId, attempt: AttemptId) -> None:
    """Bring what an agent's git made into the repository; nothing is there if it was not set apart.

    Raises:
        GitFailed: It cannot be read.
    """
    folder = private_folder(project, run, attempt) / "git"
    if not (folder / "branch").is_file():
        return
    here = Git(project.root)
    _take_objects(project, folder / "objects")
    branch = (folder / "branch").read_text(encoding="utf-8")
    if tip := _read(folder / "own" / branch.rpartition("/")[2]):
        here.run("update-ref", f"{_BEGIN}{branch}", tip)
    for number, stash in enumerate(_stashes(folder)):
        keep(here, f"{names.kept_attempt(run, attempt)}-stash-{number}", stash)
    shutil.rmtree(folder, ignore_errors=True)


def _is_plain(common: Path) -> bool:
    """Tell whether refs are files there."""
    return (common / "refs").is_dir() and not (common / "reftable").is_dir()


def _overlaid(project: Project, folder: Path, branch: str) -> PrivateGit:
    """Have what git writes of the repository itself lie in a folder: new objects, a branch if there is one, a stash."""
    common, own, base = project.state.parent, folder / "own", folder / "base"
    for path in (folder / "refs" / "heads", own, folder / "logs", folder / "objects" / "info", folder / "objects" / "pack"):
        path.mkdir(parents=True, exist_ok=True)
    (folder / "objects" / "info" / "alternates").write_bytes(os.fsencode(base) + b"\n")
    for path in (common / "refs" / "squad", common / "logs"):  # what comes to be there later is to be seen
        path.mkdir(exist_ok=True)
    private = {common / name: folder / name for name in ("objects", "refs", "logs")}
    if branch:
        if tip := Git(project.root).attempt("rev-parse", "--verify", "--quiet", f"{_BEGIN}{branch}").stdout.strip():
            (own / branch.rpartition("/")[2]).write_text(f"{tip}\n", encoding="ascii")
        above = common / "refs" / "heads" / Path(branch).parent
        above.mkdir(parents=True, exist_ok=True)
        private[above] = own
    seen = {path: path for path in (common / "refs").iterdir() if path.is_dir() and not path.is_symlink()}
    return PrivateGit(private=private, shown={base: common / "objects", **seen})


def _copy_plain(source: Path, target: Path) -> None:
    """Copy files and folders, but no submodules: an agent may have put pipes and links there."""
    target.mkdir(parents=True)
    with os.scandir(source) as entries:
        for entry in entries:
            if entry.name == _MODULES:
                (target / entry.name).mkdir()
            elif entry.is_dir(follow_symlinks=False):
                _copy_plain(Path(entry.path), target / entry.name)
            elif entry.is_file(follow_symlinks=False):
                shutil.copy2(entry.path, target / entry.name)


def _checked_out(workspace: Path, run: RunId) -> str:
    """Give the branch of a worktree, which a later attempt may have made anew; empty if it is none of squad's."""
    found = Git(workspace).attempt("symbolic-ref", "--quiet", "--short", "HEAD").stdout.strip()
    return found if found.startswith(f"{names.work_branches(run)}/") else ""


def _worktree_only(admin: Path) -> PrivateGit:
    (admin / "config.worktree").touch()  # so that it is there to be protected: git reads it where a project has one per worktree
    return PrivateGit(writable=(admin,), protected=tuple(path for name in _FIXED if (path := admin / name).is_file()))


def _take_objects(project: Project, objects: Path) -> None:
    """Copy every object, read and named anew by git: none that is there already is replaced."""
    loose = any(path.is_dir() and len(path.name) == 2 for path in objects.iterdir())
    if not loose and not any((objects / "pack").glob("*.pack")):
        return
    (objects / "info" / "alternates").unlink(missing_ok=True)  # an agent may have written into it
    apart = {"GIT_OBJECT_DIRECTORY": str(objects), "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(project.state.parent / "objects")}
    alone = {"GIT_OBJECT_DIRECTORY": str(objects)}
    here = Git(project.root)
    listed = here.run("cat-file", "--batch-all-objects", "--batch-check=%(objectname)", "--unordered", extra=alone)
    pack = here.run("pack-objects", "--quiet", "--stdout", stdin=listed, extra=apart)
    here.run("unpack-objects", "-q", stdin=pack)


def _stashes(folder: Path) -> list[str]:
    """Give the commits that an agent stashed, and never took back or took back: what it once put aside is kept."""
    log = folder / "logs" / _STASH
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    found = [words[1] for line in lines if len(words := line.split(" ", 2)) > 2]
    return list(dict.fromkeys([*found, *filter(None, [_read(folder / _STASH)])]))


def _read(file: Path) -> str:
    """Give what a ref's file names; empty for one that is missing, or is none."""
    try:
        text = file.read_text(encoding="ascii", errors="replace").strip() if file.is_file() and not file.is_symlink() else ""
    except OSError:
        return ""
    return text if len(text) in {40, 64} and set(text) <= set("0123456789abcdef") else ""
