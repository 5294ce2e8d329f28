"""What an agent can reach besides its own workspace: git's shared files, the user's branches, the user's tree.

A person works there too, so that a change is told of and never taken back, and nobody is blamed. Looked at when an attempt
starts beside no other, and when one ends; what changed in between is told of once.
"""

import hashlib
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.git import Git
from orchestrator.model import RunId
from orchestrator.project import Project
from orchestrator.workspaces import names
from orchestrator.workspaces.reading import Reading

#: Of git's common folder: what steers git for everybody, hooks included.
_STEERING = ("config", "config.worktree", "HEAD", "shallow", "info", "hooks", "objects/info/alternates")
_REFS = ("refs/heads/", "refs/tags/", "refs/replace/", "refs/stash")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something that changed outside of every workspace."""

    where: str  #: git | branch | main
    paths: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class _Look:
    git: Mapping[str, str]
    branch: Mapping[str, str]
    main: Mapping[str, str]


class Outside:
    """What stands outside of the workspaces of a run."""

    def __init__(self, project: Project, run: RunId, *, own: Sequence[Path] = (), tree: bool = True) -> None:
        """Look at a project; `own` are folders in the user's tree that squad writes to, `tree` whether the tree is the user's."""
        self._project = project
        self._own = tuple(os.path.relpath(folder, project.root) for folder in (project.folder, *own))
        self._integration = f"refs/heads/{names.integration_branch(run)}"  #: which the integration itself watches
        self._tree = tree
        self._reading = Reading(project=project, run=run)
        self._known: _Look | None = None

    def begin(self, *, alone: bool) -> None:
        """Take what stands there now for what was there before any agent; what changed beside an agent is told of first."""
        if alone or self._known is None:
            if self._tree:
                self._reading.begin()
                self._reading.note(self._project.root)
            self._known = self._look()

    def changes(self, *, moving: Collection[str]) -> list[Change]:
        """Give what changed since the last look; the branches of those at work are theirs to move."""
        before, now = self._known, self._look()
        self._known = now
        if before is None:
            return []
        person = "an agent may have, or a person"
        found = (
            ("git", before.git, now.git, f"git's own file was changed while agents were at work: {person}"),
            (
                "branch",
                _besides(before.branch, moving),
                _besides(now.branch, moving),
                f"it was moved while agents were at work: {person}",
            ),
            ("main", before.main, now.main, f"it was changed in your own tree while agents were at work: {person}"),
        )
        told = ((where, _differing(old, new), why) for where, old, new, why in found)
        return [Change(where=where, paths=paths, why=why) for where, paths, why in told if paths]

    def own(self, branch: str) -> None:
        """Take a branch for known as it stands: squad itself has just made or moved it."""
        if self._known is not None:
            name = f"refs/heads/{branch}"
            now = {ref: commit for ref, commit in self._refs() if ref == name}
            others = {ref: commit for ref, commit in self._known.branch.items() if ref != name}
            self._known = replace(self._known, branch={**others, **now})

    def _look(self) -> _Look:
        return _Look(dict(self._steering()), dict(self._refs()), dict(self._changed()) if self._tree else {})

    def _steering(self) -> Iterator[tuple[str, str]]:
        common = self._project.state.parent
        for name in _STEERING:
            top = common / name
            for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
                if path.is_file() or path.is_symlink():
                    yield f".git/{path.relative_to(common)}", _state_of(path)

    def _refs(self) -> Iterator[tuple[str, str]]:
        listed = Git(self._project.root).run("for-each-ref", "--format=%(objectname) %(refname)", *_REFS)
        for commit, _, name in (row.partition(" ") for row in listed.splitlines()):
            if name != self._integration:
                yield name, commit

    def _changed(self) -> Iterator[tuple[str, str]]:
        """Give what differs in the user's tree from how it was noted, each with what tells a further change."""
        read = self._reading.git(self._project.root)
        changed = read.run("diff-files", "--name-only", "--ignore-submodules=dirty", "-z", check=False)
        new = read.run("ls-files", "--others", "--exclude-standard", "-z", check=False)
        for path in f"{changed}{new}".split("\0"):
            if path and not any(path == own or path.startswith(f"{own}/") for own in self._own):
                yield path, _stamp(self._project.root / path)


def _besides(refs: Mapping[str, str], moving: Collection[str]) -> dict[str, str]:
    return {name: commit for name, commit in refs.items() if name.removeprefix("refs/heads/") not in moving}


def _differing(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name)))


def _state_of(path: Path) -> str:
    try:
        inside = os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
        return f"{path.lstat().st_mode:o} {hashlib.sha256(inside).hexdigest()}"
    except OSError as error:
        return str(error.errno)


def _stamp(path: Path) -> str:
    try:
        told = path.lstat()
    except OSError:
        return ""
    return f"{told.st_mode:o} {told.st_size} {told.st_mtime_ns} {told.st_ctime_ns}"
