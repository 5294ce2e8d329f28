"""What an attempt may write of its workspace, as paths that exist: its write set, and what is its agent's own.

Claims speak of names and mounts of what is there, so the tree is looked at once, before the agent starts. What is missing is
made, and taken away again if nobody used it. Where a claim is narrower than a folder that must be open for it, what else stands
in the folder is protected. What may be new there and foreign all the same, `detect` finds.
"""

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.claims import Claim, begins_with, covers, is_folder, is_glob, is_operation, key, meets
from orchestrator.enforcement.detect import is_free
from orchestrator.leash.placeholders import Placeholders
from orchestrator.model import AgentId
from orchestrator.ownership import NEVER
from orchestrator.patterns import lies_in
from orchestrator.platform.spellings import as_it_stands
from orchestrator.rights import Rights

_MOST = 400  #: entries beside a claim that are protected one by one
_MOST_WALKED = 20_000  #: entries


class _TooMany(Exception):
    """There is more in a tree than can be said with mounts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Whose scope it is."""

    workspace: Path
    agent: AgentId
    writes: tuple[Claim, ...] | None  #: None: not known
    asks: bool  #: its program asks for each file, so that a new one need not be there before
    rights: Rights


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What is opened while a path is locked."""

    path: Path
    is_folder: bool
    wanted: Path | None = None  #: what in a folder it is opened for
    beside: tuple[Path, ...] = ()  #: what stands there and stays read-only


@dataclass(slots=True)
class Scope:
    """What an attempt may write of its workspace."""

    writable: set[Path] = field(default_factory=set)
    protected: set[Path] = field(default_factory=set)


def scope_of(wanted: Wanted, placeholders: Placeholders, *, own_folders: Iterable[str] = ()) -> Scope:
    """Look at a workspace and make what is missing; `own_folders` are writable whatever is said of them, such as ignored ones."""
    return _Drawing(wanted, placeholders).draw(own_folders)


def opening(path: Path) -> Opening:
    """Say what must be open for a path to be written: of a file its folder, so that another can be renamed over it."""
    if path.is_dir():
        return Opening(path=path, is_folder=True)
    beside = tuple(entry for entry in _entries(path.parent) if entry != path)
    if len(beside) > _MOST:
        return Opening(path=path, is_folder=False)
    return Opening(path=path.parent, is_folder=True, wanted=path, beside=beside)


class _Drawing:
    """A scope in the making."""

    def __init__(self, wanted: Wanted, placeholders: Placeholders) -> None:
        self._wanted = wanted
        self._root = Path(os.path.realpath(wanted.workspace))
        self._placeholders = placeholders
        self._scope = Scope()
        self._walked = 0

    def draw(self, own_folders: Iterable[str]) -> Scope:
        wanted = self._wanted
        declared = wanted.writes if wanted.writes is not None else (Claim("."),)
        claims = tuple(claim for claim in (*declared, *wanted.rights.area_of(wanted.agent)) if not is_operation(claim))
        for claim in claims:
            self._claim(claim, declared)
        self._rows(claims)
        for name in own_folders:
            self._folder(name.rstrip("/"))
        return self._settled()

    def _claim(self, claim: Claim, declared: Sequence[Claim]) -> None:
        place = self._place(key(claim))
        if is_glob(claim):
            self._glob(claim)
        elif place is not None and (is_folder(claim) or place.is_dir()):
            self._folder(key(claim))
        elif place is not None and (claim in declared or place.exists()):
            self._file(place)  # of an area that is not there nobody knows whether it is a file

    def _folder(self, name: str) -> None:
        place = self._place(name)
        if place is not None and self._made(place, folder=True):
            self._scope.writable.add(place)

    def _file(self, place: Path) -> None:
        """Open a file; for who is asked about each file anyway its folder, in which it can be made and renamed over."""
        if self._wanted.asks and self._made(place.parent, folder=True) and self._open_beside(place):
            return
        if self._made(place, folder=False):
            self._scope.writable.add(place)

    def _open_beside(self, place: Path) -> bool:
        beside = [entry for entry in _entries(place.parent) if entry != place]
        if len(beside) > _MOST:
            return False
        self._scope.writable.add(place.parent)
        self._scope.protected.update(beside)
        return True

    def _glob(self, claim: Claim) -> None:
        """Open the folder that a pattern begins with, and protect what does not match; of a tree too large only what matches."""
        folder = self._place(begins_with(claim))
        if folder is None or not self._made(folder, folder=True):
            return
        try:
            beside = list(self._not_matching(folder, claim))
        except _TooMany:
            self._scope.writable.update(self._matching(folder, claim))
            return
        self._scope.writable.add(folder)
        self._scope.protected.update(beside)

    def _not_matching(self, folder: Path, claim: Claim) -> Iterator[Path]:
        found = 0
        for entry in self._walk(folder):
            name = self._name(entry)
            if lies_in(name, claim):
                continue
            if entry.is_dir() and meets(claim, name):
                yield from self._not_matching(entry, claim)
                continue
            found += 1
            if found > _MOST:
                raise _TooMany
            yield entry

    def _matching(self, folder: Path, claim: str) -> list[Path]:
        """Give what exists of a pattern, as far as the tree is not too large to be looked through."""
        found: list[Path] = []
        todo = [folder]
        while todo and len(found) < _MOST:
            here = todo.pop()
            for entry in _entries(here):
                if lies_in(self._name(entry), claim):
                    found.append(entry)
                elif entry.is_dir() and meets(claim, self._name(entry)):
                    todo.append(entry)
        return found

    def _rows(self, claims: Sequence[Claim]) -> None:
        """Take out of the claims what rows of the matrix inside them, and locks of others, keep for somebody else."""
        wanted, scope = self._wanted, self._scope
        rows = {row.path: None for claim in claims for row in wanted.rights.rows_in(claim) if not covers(row.path, claim)}
        for path in rows:
            there = self._existing(path)
            if self._is_mine(path):
                scope.writable.update(there)
            else:
                scope.protected.update(there)
        if wanted.writes is not None:
            taken = (held for held in wanted.rights.taken(wanted.agent) if not is_operation(held) and not self._declares(held))
            scope.protected.update(place for held in taken for place in self._existing(Claim(held)))

    def _existing(self, claim: Claim) -> list[Path]:
        if is_glob(claim):
            return self._matching(self._root, claim)
        place = self._place(key(claim))
        return [place] if place is not None and _is_plain(place) else []

    def _is_mine(self, path: str) -> bool:
        wanted = self._wanted
        is_known = wanted.writes is not None
        return self._declares(path) or is_free(path, wanted.agent, wanted.rights, is_known=is_known)

    def _declares(self, path: str) -> bool:
        wanted = self._wanted
        return any(wanted.rights.gives(claim, wanted.agent, path) for claim in wanted.writes or ())

    def _settled(self) -> Scope:
        """Drop what says nothing: a thing protected that is declared, or that nothing writable lies above, nor ever will."""
        scope = self._scope
        never = {self._root / name for name in NEVER if _is_plain(self._root / name)}  # a lock may open what lies above
        scope.writable = {place for place in scope.writable if not self._never(place)}
        scope.protected = {
            place
            for place in scope.protected
            if place not in scope.writable and not scope.writable.isdisjoint(place.parents) and _is_plain(place)
        } | never
        return scope

    def _never(self, place: Path) -> bool:
        return any(place.is_relative_to(self._root / name) for name in NEVER)

    def _place(self, name: str) -> Path | None:
        """Give where a name of the workspace really lies; None if that is outside of it."""
        real = Path(os.path.realpath(self._root / as_it_stands(str(self._root), name)))
        return real if real.is_relative_to(self._root) else None

    def _made(self, place: Path, *, folder: bool) -> bool:
        try:
            self._placeholders.make(str(place), folder=folder)
        except OSError:
            return False  # something else stands in its way
        return _is_plain(place)

    def _walk(self, folder: Path) -> Iterator[Path]:
        for entry in _entries(folder):
            self._walked += 1
            if self._walked > _MOST_WALKED:
                raise _TooMany
            yield entry

    def _name(self, place: Path) -> str:
        return place.relative_to(self._root).as_posix()


def _entries(folder: Path) -> list[Path]:
    """Give the files and folders in a folder; what is neither cannot be mounted."""
    try:
        with os.scandir(folder) as entries:
            return sorted(Path(entry.path) for entry in entries if _is_plain(Path(entry.path)))
    except OSError:
        return []


def _is_plain(place: Path) -> bool:
    try:
        mode = place.lstat().st_mode
    except OSError:
        return False
    return stat.S_ISDIR(mode) or stat.S_ISREG(mode)
