"""Changes put upon a state other than the one they were made in: path by path, by three-way merge where both differ.

Only blobs are read and written, never a file of a tree. What cannot be put there stays as it is and is named; nothing is guessed.
"""

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.git import Git
from orchestrator.workspaces.hidden import Change, Row

GONE = Row(mode="000000", blob="0" * 40)


@dataclass(slots=True, kw_only=True)
class Replay:
    """A state that changes are put upon."""

    git: Git  #: has the blobs
    rows: dict[str, Row]  #: how paths stand; what is missing is not there
    moved: dict[str, Row] = field(default_factory=dict)  #: what stands otherwise by now
    conflicts: set[str] = field(default_factory=set)

    def put(self, changes: Mapping[str, Change]) -> dict[str, Row]:
        """Put changes there; gives what stands otherwise than before this."""
        done = {}
        for path, change in changes.items():
            ours = self.at(path)
            row = self._merged(ours, change)
            if row is None:
                self.conflicts.add(path)
            elif row != ours:
                done[path] = row
        self.moved.update(done)
        return done

    def at(self, path: str) -> Row:
        """Give how a path stands."""
        return self.moved.get(path) or self.rows.get(path, GONE)

    def _merged(self, ours: Row, change: Change) -> Row | None:
        if ours in {change.new, change.old}:
            return change.new
        if not all(row.mode.startswith("100") for row in (ours, change.old, change.new)):
            return None
        blob = self._merged_blob(ours.blob, change.old.blob, change.new.blob)
        mode = change.new.mode if ours.mode == change.old.mode else ours.mode
        return None if blob is None else Row(mode=mode, blob=blob)

    def _merged_blob(self, ours: str, old: str, new: str) -> str | None:
        if ours in {new, old}:
            return new
        if old == new:
            return ours
        with tempfile.TemporaryDirectory(prefix="squad-") as folder:
            places = [Path(folder) / name for name in ("ours", "old", "new")]
            for place, blob in zip(places, (ours, old, new), strict=True):
                place.write_bytes(os.fsencode(self.git.run("cat-file", "blob", blob)))
            done = self.git.attempt("merge-file", "-p", "-q", *map(str, places))
        if done.returncode != 0:
            return None
        return self.git.run("hash-object", "-w", "--stdin", stdin=done.stdout).strip()


def reverse(changes: Mapping[str, Change]) -> dict[str, Change]:
    """Give the changes that take changes back."""
    return {path: Change(old=change.new, new=change.old) for path, change in changes.items()}


def rows_of(git: Git, tree: str) -> dict[str, Row]:
    """Give the files of a tree."""
    found = {}
    for told in git.names("ls-tree", "-r", "-z", "--full-tree", tree):
        what, _, path = told.partition("\t")
        mode, _, blob = what.split(" ")
        found[path] = Row(mode=mode, blob=blob)
    return found


def carried(source: Git, target: Git, *, clean: bool) -> Callable[[str, Row], Row]:
    """Give how a file of one repository is brought into another; `clean`: as that one's own attributes want it stored."""
    known: dict[tuple[str, Row], Row] = {}

    def bring(path: str, row: Row) -> Row:
        if row.is_there and (path, row) not in known:
            body = source.run("cat-file", "blob", row.blob)
            how = ("--path", path) if clean and row.mode.startswith("100") else ("--no-filters",)
            known[path, row] = Row(mode=row.mode, blob=target.run("hash-object", "-w", "--stdin", *how, stdin=body).strip())
        return known.get((path, row), row)

    return bring
