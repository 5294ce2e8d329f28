"""How much each attempt wrote, by git's own numbers between its base and its commit.

Only objects are read, never a workspace, so that the numbers stay when worktrees and branches are gone. What git does
not have any more is left out and never guessed.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from orchestrator.errors import SquadError
from orchestrator.git import Git
from orchestrator.model import AttemptId, RunId
from orchestrator.project import Project
from orchestrator.state import State
from orchestrator.workspaces.shared import before_ref, evidence_of

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
    is_shared = state.branch is None
    folder = evidence_of(project) if is_shared else project.root
    if not folder.is_dir():
        return {}
    start = _before_task if is_shared else _base
    spans = {name: (start(state, name), one.commit) for name, one in state.attempts.items() if one.commit}
    try:
        found = _numbers(Git(folder), {name: (old, new) for name, (old, new) in spans.items() if old and new})
    except SquadError:
        return {}
    return {
        name: {path: lines for path, lines in numbers.items() if path in set(state.attempts[name].paths)}
        for name, numbers in found.items()
    }


def _base(state: State, attempt: str) -> str | None:
    return state.attempts[attempt].base


def _before_task(state: State, attempt: str) -> str:
    """Name the tree before a task's first attempt: in a shared tree what that left in its write set counts too."""
    return before_ref(RunId(state.run), AttemptId(f"{state.attempts[attempt].task}.1"))


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
