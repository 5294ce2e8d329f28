"""What squad notes about its worktrees: whose they are, and whether they are whole.

A note is begun before its worktree is made and finished after, so that what a killed supervisor left half-made is told
from a workspace with an agent's work in it.
"""

import os
from pathlib import Path

from orchestrator.project import Project

_WHOLE = b"whole\n"


def own(project: Project, workspace: Path) -> None:
    """Note that a worktree is squad's, so that commands inside it mean the project."""
    note = project.note_of(workspace)
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_bytes(os.fsencode(project.root) + b"\0")


def finish(project: Project, workspace: Path) -> None:
    """Note that a worktree of squad's is whole: from here on what is in it is an agent's work."""
    with project.note_of(workspace).open("ab") as note:
        note.write(_WHOLE)


def is_whole(project: Project, workspace: Path) -> bool:
    """Tell whether a worktree was made to its end; what a killed supervisor left half-made holds nobody's work."""
    note = project.note_of(workspace)
    return note.is_file() and note.read_bytes().endswith(b"\0" + _WHOLE)


def root_of(project: Project, workspace: Path) -> Path | None:
    """Give where the project lay when a worktree was made; None if it is not squad's."""
    note = project.note_of(workspace)
    root, mark, _ = note.read_bytes().partition(b"\0") if note.is_file() else (b"", b"", b"")
    return Path(os.fsdecode(root)) if root and mark else None


def is_half_made(project: Project, workspace: Path) -> bool:
    """Tell whether squad began to make a worktree and did not come to its end."""
    return project.note_of(workspace).is_file() and not is_whole(project, workspace)
