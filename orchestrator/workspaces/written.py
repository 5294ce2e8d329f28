"""How much each attempt wrote, by git's own numbers between its base and its commit.

Only objects are read, never a workspace, so that the numbers stay when worktrees and branches are gone. What git does
not have any more is left out and never guessed.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from orchestrator.errors import SquadError
from orchestrator.git import Git
from orchestrator.model import Isolation, RunId
from orchestrator.parties import Kind
from orchestrator.project import Project
from orchestrator.state import AttemptStatus, State
from orchestrator.workspaces.hidden import Hidden, evidence_of
from orchestrator.workspaces.ledger import Ledger, Piece

_PAIR = re.compile(r"([0-9a-f]{40,64} [0-9a-f]{40,64})\n")
_COUNTED = ("--numstat", "--no-renames", "--no-ext-diff", "--no-textconv", "--ignore-submodules=none", "-z", "--stdin")


@dataclass(frozen=True, slots=True)
class Lines:
    """How much of one path was changed."""

    added: int | None  #: None: it is no text
    removed: int | None


Written: TypeAlias = Mapping[str, Mapping[str, Lines]]  #: attempt -> path -> lines; what git does not know is missing


def written(project: Project, state: State) -> Written:
    """Give what each attempt of a run wrote; nothing where git itself is missing or damaged."""
    is_shared = state.isolation == Isolation.SHARED
    folder = evidence_of(project) if is_shared else project.root
    if not folder.is_dir():
        return {}
    try:
        found = _in_tree(project, state) if is_shared else _on_branch(Git(folder), state)
    except SquadError:
        return {}
    return {
        name: {path: lines for path, lines in numbers.items() if path in set(state.attempts[name].paths)}
        for name, numbers in found.items()
    }


def _on_branch(git: Git, state: State) -> dict[str, dict[str, Lines]]:
    spans = {name: (one.base, one.commit) for name, one in state.attempts.items()}
    return _numbers(git, {name: (base, commit) for name, (base, commit) in spans.items() if base and commit})


def _in_tree(project: Project, state: State) -> dict[str, dict[str, Lines]]:
    """Add up what each attempt and its task's earlier ones did, as far as nobody else was at the same file in between."""
    ledger = Ledger(hidden=Hidden(project), run=RunId(state.run))
    here, pieces = ledger.hidden.git, ledger.pieces()
    paths = {commit: tuple(rows) for commit, rows in _numbers(here, {one.commit: _span(one, one) for one in pieces}).items()}
    stretches = {name: list(_stretches(pieces, paths, one)) for name, one in state.attempts.items() if one.commit}
    spans = {f"{first.commit} {last.commit}": _span(first, last) for rows in stretches.values() for _, first, last in rows}
    numbers = _numbers(here, spans)
    found: dict[str, dict[str, Lines]] = {}
    for name, rows in stretches.items():
        sums = found[name] = {}
        for path, first, last in rows:
            if lines := numbers.get(f"{first.commit} {last.commit}", {}).get(path):
                sums[path] = _sum(sums.get(path, Lines(0, 0)), lines)
    return found


def _span(first: Piece, last: Piece) -> tuple[str, str]:
    return first.parent, last.commit


def _stretches(
    pieces: Iterable[Piece], paths: Mapping[str, tuple[str, ...]], attempt: AttemptStatus
) -> Iterator[tuple[str, Piece, Piece]]:
    """Give for each path the first and last of pieces in a row that are the attempt's or its task's earlier ones."""
    open_: dict[str, tuple[Piece, Piece]] = {}
    for piece in pieces:
        is_own = piece.task == attempt.task and piece.kind is Kind.AGENT and _number(piece) <= attempt.number
        for path in paths.get(piece.commit, ()):
            if is_own:
                open_[path] = (open_[path][0] if path in open_ else piece, piece)
            elif path in open_:
                yield path, *open_.pop(path)
    yield from ((path, *ends) for path, ends in open_.items())


def _number(piece: Piece) -> int:
    return int(piece.attempt.rpartition(".")[2])


def _sum(one: Lines, other: Lines) -> Lines:
    """Add lines up; of what is no text nothing is known."""
    if one.added is None or one.removed is None or other.added is None or other.removed is None:
        return Lines(None, None)
    return Lines(one.added + other.added, one.removed + other.removed)


def _numbers(git: Git, spans: Mapping[str, tuple[str, str]]) -> dict[str, dict[str, Lines]]:
    """Ask git once for all attempts."""
    trees = _trees(git, {name for pair in spans.values() for name in pair})
    pairs = {name: f"{trees[old]} {trees[new]}" for name, (old, new) in spans.items() if old in trees and new in trees}
    if not pairs:
        return {}
    asked = "".join(f"{pair}\n" for pair in sorted(set(pairs.values())))
    by_pair = _read(git.run("diff-tree", "-r", *_COUNTED, stdin=asked))
    return {name: by_pair.get(pair, {}) for name, pair in pairs.items()}


def _trees(git: Git, commits: Iterable[str]) -> dict[str, str]:
    """Give the trees of commits and refs, of those that are still there."""
    names = sorted(commits)
    told = git.run("cat-file", "--batch-check=%(objectname) %(objecttype)", stdin="".join(f"{name}^{{tree}}\n" for name in names))
    rows = (line.split(" ") for line in told.splitlines())
    return {name: row[0] for name, row in zip(names, rows, strict=True) if row[-1] == "tree"}


def _read(told: str) -> dict[str, dict[str, Lines]]:
    """Read what git tells: the two trees, then a row ended by NUL for each path."""
    found: dict[str, dict[str, Lines]] = {}
    pair = ""
    for piece in told.split("\0"):
        row = piece
        while begun := _PAIR.match(row):
            pair, row = begun[1], row[begun.end() :]
        if row:
            added, removed, path = row.split("\t", 2)
            found.setdefault(pair, {})[path] = Lines(_count(added), _count(removed))
    return found


def _count(number: str) -> int | None:
    return int(number) if number.isdecimal() else None
