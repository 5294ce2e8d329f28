"""A project whose folder was moved or copied since its run began: its worktrees are brought along.

Nothing is removed, and all of it can be done again, so that being killed half-way costs nothing. What a worktree holds
stays as it lies there; only what names the old place is written anew. That is not left to `git worktree repair`, which
would follow the links of a copy and turn the worktrees of the original away from it.
"""

import contextlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from orchestrator import git
from orchestrator.errors import SquadError
from orchestrator.model import RunId
from orchestrator.project import Project
from orchestrator.workspaces import notes
from orchestrator.workspaces.mending import admin_of, mend_link, put
from orchestrator.workspaces.reading import Reading


def former_root(project: Project, workspaces: Iterable[Path]) -> Path | None:
    """Give where the project lay when a run's workspaces were made; None if it lies there still."""
    for workspace in workspaces:
        root = notes.root_of(project, workspace)
        if root is not None and root != project.root and not _is_same_project(project, root):
            return root
    return None


def bring_along(project: Project, run: RunId, workspaces: Iterable[Path], *, old: Path) -> int:
    """Have the worktrees of a run work where the project lies now; gives how many were found there."""
    made = list(dict.fromkeys(workspace for workspace in workspaces if workspace.is_relative_to(old)))
    own = [above / name for above in {workspace.parent for workspace in made} for name in ("integration", "base")]
    reading = Reading(project=project, run=run)
    found = 0
    for before in (*made, *own):
        now = project.root / before.relative_to(old)
        is_known = _point(project, before, now)
        if is_known and (now / ".git").exists() and mend_link(project, now) and notes.is_whole(project, before):
            for place in (reading.index, reading.setup):
                _copy(place(before), place(now))
            notes.own(project, now)
            notes.finish(project, now)
            found += before in made
    _rename_in(reading.folder / "config", old, project.root)
    return found


def where_now(project: Project, run: RunId, workspaces: Iterable[Path]) -> dict[Path, Path]:
    """Give where worktrees lie now, brought along if their project was moved."""
    made = list(workspaces)
    old = former_root(project, made)
    if old is None:
        return {workspace: workspace for workspace in made}
    bring_along(project, run, made, old=old)
    return {one: project.root / one.relative_to(old) if one.is_relative_to(old) else one for one in made}


def _point(project: Project, before: Path, now: Path) -> bool:
    """Let git's own folder for a worktree name where it lies now, or would if nobody had deleted it; tell whether there is one.

    Git holds the branch of a worktree for checked out in the old place otherwise, and none can be made anew.
    """
    admin = admin_of(project, before) or admin_of(project, now)
    if admin is None:
        return False
    put(admin / "gitdir", os.fsencode(now / ".git") + b"\n")
    return True


def _is_same_project(project: Project, root: Path) -> bool:
    """Tell whether another work tree of the same repository lies there: then nothing has moved."""
    with contextlib.suppress(SquadError, OSError):
        return git.toplevel(root) is not None and git.common_dir(root) == project.state.parent
    return False


def _copy(source: Path, target: Path) -> None:
    if source.is_file() and not target.exists():
        shutil.copy2(source, target)


def _rename_in(config: Path, old: Path, new: Path) -> None:
    """Let the settings by which worktrees are read name files where they lie now."""
    if not config.is_file():
        return
    before = config.read_bytes()
    after = before.replace(os.fsencode(f'"{old}/'), os.fsencode(f'"{new}/'))
    if after != before:
        fresh = config.with_name("config.new")
        fresh.write_bytes(after)
        fresh.replace(config)
