"""Where attempts work, and what is taken from there.

Two kinds with one face: a worktree for each attempt in a git repository, or the one shared tree. Whatever an attempt
leaves is kept before anything is said about it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from orchestrator.model import AgentId, AttemptId

_LONG = 400  #: signs of a path


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """Changes in a tree of several that are nobody's for sure."""

    paths: tuple[str, ...]
    among: tuple[str, ...]  #: agents that may have made them; none: not one of those at work could
    why: str
    attempt: str = ""  #: it is held against this one, which alone could


@dataclass(frozen=True, slots=True, kw_only=True)
class Untaken:
    """What lies in a workspace and cannot be kept."""

    path: str
    why: str

    def __str__(self) -> str:
        """Name it with why; of a path that is too long for git a person reads both ends."""
        path = self.path if len(self.path) <= _LONG else f"{self.path[: _LONG // 2]}...{self.path[-_LONG // 4 :]}"
        return f"{path} ({self.why})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What an attempt left."""

    commit: str | None  #: None where nothing could be kept
    paths: tuple[str, ...]  #: changed since the base, deleted and renamed ones included
    passing: tuple[str, ...] = ()  #: that commits of its own changed, and changed back
    untaken: tuple[Untaken, ...] = ()  #: lies in the workspace alone
    doubts: tuple[Doubt, ...] = ()  #: found since its start where several work in one place


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """Whose work a commit is."""

    agent: AgentId
    title: str
    trailers: Mapping[str, str]


class Workspaces(Protocol):
    """The workspaces of one run."""

    def folder(self, attempt: AttemptId) -> Path:
        """Say where an attempt would work; makes nothing."""

    def branch(self, attempt: AttemptId) -> str | None:
        """Name the branch of an attempt; None where there are none."""

    def kept(self, attempt: AttemptId) -> str:
        """Name the ref that keeps what an attempt left."""

    def make(self, attempt: AttemptId, folder: Path, *, start: str | None) -> bool:
        """Make the workspace unless it is there already; tell whether it is new."""

    def finish(self, folder: Path) -> None:
        """Note that a new workspace is made and set up: from here on what is in it is an agent's."""

    def tidy(self, folder: Path, commit: str) -> None:
        """Take away what checks left in a workspace whose work is committed."""

    def harvest(self, attempt: AttemptId, folder: Path, *, base: str | None, signed: Signed, named: Collection[str] = ()) -> Work:
        """Keep everything an attempt left; what its task or its locks name counts also where it looks like a by-product."""

    def set_aside(self, attempt: AttemptId, folder: Path, work: Work, paths: tuple[str, ...], *, base: str | None) -> str:
        """Keep foreign changes under a ref and take them out of the workspace; gives the ref."""

    def flatten(self, attempt: AttemptId, folder: Path, work: Work, *, base: str | None, signed: Signed) -> str:
        """Let what an attempt left be one commit on its base, and keep its own commits under a ref; gives the ref."""
