"""Whose a path is: the row of the matrix that decides about it, and the agents that the name of an owner means.

Planner, rights and scheduler ask here, so that a plan cannot give a path to one agent and a run to another.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Protocol

from orchestrator.claims import covers, is_glob, is_operation, key, parts_of
from orchestrator.model import AgentId, Area

NEVER = (".git", ".squad")  #: what git and squad keep in a workspace for themselves, whoever asks


def is_reserved(path: str) -> bool:
    """Tell whether a path is git's own, at whatever depth, or squad's: no agent has a right to it, by no plan and no lock."""
    names = parts_of(path)
    return not is_operation(path) and (names[:1] == (".squad",) or ".git" in names)


class Named(Protocol):
    """What an owner's name can mean: an agent, planned or only configured."""

    @property
    def id(self) -> AgentId:
        """Give the agent's id."""

    @property
    def role(self) -> str:
        """Give what it is for."""


class MatrixIndex:
    """A matrix that is asked for many paths: rows that are no patterns are found by the names of the path."""

    def __init__(self, matrix: Iterable[Area]) -> None:
        self._plain: dict[tuple[str, ...], Area] = {}
        self._others: list[Area] = []
        self._place: dict[int, int] = {}
        for place, row in enumerate(matrix):
            self._place[id(row)] = place
            if is_operation(row.path) or is_glob(row.path):
                self._others.append(row)
            elif (known := self._plain.setdefault(parts_of(row.path), row)) is not row and length(row) > length(known):
                self._plain[parts_of(row.path)] = row

    def row_of(self, path: str) -> Area | None:
        """Give the row that decides about a path: the longest that covers it, of two as long the first."""
        if not self._place:
            return None
        rows = [row for row in self._others if covers(row.path, path)]
        if self._plain and not is_operation(path):
            names = parts_of(path)
            rows += [row for depth in range(len(names) + 1) if (row := self._plain.get(names[:depth])) is not None]
        return max(rows, key=lambda row: (length(row), -self._place[id(row)]), default=None)


def row_of(path: str, matrix: Iterable[Area]) -> Area | None:
    """Give the row that decides about a path: the longest that covers it."""
    return max((row for row in matrix if covers(row.path, path)), key=length, default=None)


def length(row: Area) -> int:
    """Give the length by which rows are compared; the project's root is the shortest of all."""
    return len(key(row.path)) if key(row.path) != "." else 0


def owners_of(owner: str | None, agents: Sequence[Named]) -> tuple[AgentId, ...]:
    """Give the agents that an owner means: by id, else by role, else by label."""
    if owner is None or owner.casefold() in {"none", ""}:
        return ()
    named = owner.casefold().lstrip("@")
    by_id = tuple(one.id for one in agents if one.id.casefold() == named or one.id.casefold().startswith(f"{named}-"))
    by_role = tuple(one.id for one in agents if one.role.casefold() == named)
    by_label = tuple(one.id for one in agents if slug(named) in words_of(one) - {""})
    return (by_id if named.startswith("agent-") else ()) or by_role or by_label


def words_of(agent: Named) -> set[str]:
    """Give the words by which an agent is known: its label, and the parts of label and role."""
    label = label_of(agent.id).casefold()
    return {label, *label.split("-"), *re.split(r"[^a-z0-9]+", agent.role.casefold())}


def label_of(agent: str) -> str:
    """Give the label in an agent's id; empty if it has none."""
    return "-".join(agent.split("-")[2:])


def slug(label: str) -> str:
    """Give a label as it stands in agent ids and folder names."""
    return re.sub(r"[^a-z0-9]+", "-", label.casefold()).strip("-")
