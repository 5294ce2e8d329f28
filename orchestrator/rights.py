"""The one decision function: may this agent do this to this path?

Adapters, hooks, tools and socket requests all ask `Rights.may`, so they cannot answer differently. It decides from the
ownership matrix, the write sets of the tasks under way and the lock table, and changes nothing. A folder or a glob is
decided with everything in it: who may not write a part may not write the whole.
"""

from dataclasses import dataclass
from typing import TypeAlias

from orchestrator.claims import Claim, covers, is_operation, key, meets, parts_of
from orchestrator.locks import LockTable
from orchestrator.model import Access, AgentId, Area, Operation
from orchestrator.ownership import is_reserved, length, row_of
from orchestrator.patterns import lies_in
from orchestrator.persons import is_person
from orchestrator.refusals import Advice

_REMEMBERED = 4096  #: paths
#: The row of what is git's or squad's own.
_RESERVED = Area(path=Claim(".git"), owners=(), access=Access.READ_ONLY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allow:
    """Yes; for a path outside the task's write set once the lock is held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Not now: somebody else holds it."""

    holder: AgentId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deny:
    """No, whoever waits."""

    reason: str
    advice: tuple[Advice, ...] = ()
    row: str = ""  #: of the ownership matrix, or what else no waiting changes; empty: another answer may come later


Decision: TypeAlias = Allow | Wait | Deny


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """What is known of a path."""

    path: str
    row: Area | None  #: the longest that holds the path
    owners: tuple[AgentId, ...]
    access: Access
    holder: AgentId | None


class Rights:
    """Who may do what, for the agents of one run."""

    def __init__(self, matrix: tuple[Area, ...], table: LockTable) -> None:
        """Decide by the matrix and the table."""
        self._matrix = matrix
        self._deciding: dict[str, list[Area]] = {}  #: rows, by the paths that were asked for last
        self._table = table
        self._writes: dict[AgentId, tuple[Claim, ...] | None] = {}
        self._revoked: dict[AgentId, set[str]] = {}  #: keys that a person took away from an agent at a task

    def begin(self, agent: AgentId, writes: tuple[Claim, ...] | None) -> None:
        """Give the agent the right to its task's write set."""
        self._writes[agent] = writes

    def end(self, agent: AgentId) -> None:
        """Take the right to a write set back."""
        self._writes.pop(agent, None)
        self._revoked.pop(agent, None)

    def revoke(self, agent: AgentId, key: str) -> None:
        """Take away what a person has freed: only a new lock gives the agent the right to it again."""
        self._revoked.setdefault(agent, set()).add(key)

    def may(self, agent: AgentId, path: Claim, operation: Operation) -> Decision:
        """Decide: in its write set or under its lock, or free and not another's."""
        if operation is Operation.READ:
            return Allow()
        if (denied := self.denial(agent, path)) is not None:
            return denied
        if self.has(agent, path):
            return Allow()
        holder = self.holder(path, besides=agent)
        if holder is not None:
            return Wait(holder=holder, reason=f"{path} is locked by {holder}")
        return Allow()

    def denial(self, agent: AgentId, path: Claim) -> Deny | None:
        """Say why the agent may not write the path, whoever waits; None: it may, perhaps after others."""
        if is_person(agent):
            return None
        rows = self._rows(path)
        if not rows:
            return None
        if rows[0] is _RESERVED:
            return _reserved(path)
        if all(_allows(row, agent) for row in rows) or self.has(agent, path):
            return None
        for row in rows:
            if row.access is Access.READ_ONLY:
                return Deny(reason=f"{_part(path, row)} is read-only {_why(row)}", advice=(_blocked(path),), row=row.path)
            if not _allows(row, agent):
                return _belongs(path, row)
        return None

    def has(self, agent: AgentId, path: str) -> bool:
        """Tell whether the path lies in the write set of the agent's task or under a lock it holds."""
        held = self._table.meeting(agent, key(path))
        is_revoked = any(meets(taken, path) for taken in self._revoked.get(agent, ()))
        claims = held if is_revoked else (*(self._writes.get(agent) or ()), *held)
        return any(self.gives(claim, agent, path) for claim in claims)

    def gives(self, claim: str, agent: AgentId, path: str) -> bool:
        """Tell whether the claim gives the agent the right to the path.

        A wide claim does not take in what a row inside it keeps for another or for nobody: the longest path wins.
        """
        if not lies_in(path, claim):
            return False
        row = row_of(path, self._matrix)
        is_inside = row is not None and covers(claim, row.path) and not covers(row.path, claim)
        return row is None or not is_inside or _allows(row, agent)

    def owner(self, path: str) -> Owned:
        """Tell whom a path belongs to, what that means, and who holds it now."""
        row = row_of(path, self._matrix)
        return Owned(
            path=path,
            row=row,
            owners=row.owners if row else (),
            access=row.access if row else Access.SEQUENTIAL,
            holder=self._table.holder_of(key(path)),
        )

    def holder(self, path: str, *, besides: AgentId) -> AgentId | None:
        """Give another agent that holds something of the path."""
        return self._table.holder_of(key(path), besides=besides)

    def rows_in(self, claim: str) -> tuple[Area, ...]:
        """Give the rows that may say something else of a part of a claim than of the whole."""
        return tuple(row for row in self._matrix if not is_operation(row.path) and meets(row.path, claim))

    def area_of(self, agent: AgentId) -> tuple[Claim, ...]:
        """Give what belongs to the agent alone."""
        return tuple(row.path for row in self._matrix if row.access is Access.EXCLUSIVE and row.owners == (agent,))

    def taken(self, agent: AgentId) -> tuple[str, ...]:
        """Give the keys that others hold."""
        return tuple(grant.path for grant in self._table.grants() if grant.holder != agent)

    def _rows(self, path: str) -> list[Area]:
        """Give the rows that decide for the path, which stay the same for the whole run."""
        rows = self._deciding.get(path)
        if rows is None:
            if len(self._deciding) >= _REMEMBERED:
                self._deciding.clear()
            rows = self._deciding[path] = self._found(path)
        return rows

    def _found(self, path: str) -> list[Area]:
        """Find the longest row above the path, and the ones as long for a part of it."""
        if is_operation(path):
            return []
        if is_reserved(path):
            return [_RESERVED]
        above = row_of(path, self._matrix)
        below = [
            row
            for row in self._matrix
            if meets(row.path, path) and not covers(row.path, path) and length(row) >= (length(above) if above else 0)
        ]
        return [above, *below] if above else below


def _allows(row: Area, agent: AgentId) -> bool:
    return row.access is Access.SEQUENTIAL or (row.access is Access.EXCLUSIVE and agent in row.owners)


def _reserved(path: str) -> Deny:
    """Say whose a path is that nobody gets; what git keeps, git writes when it is run."""
    whose = "git's own: what belongs there git writes when you run it" if ".git" in parts_of(path) else "squad's own"
    return Deny(reason=f"{path} is {whose}; no lock opens it", row=_RESERVED.path)


def _belongs(path: str, row: Area) -> Deny:
    if not row.owners:
        return Deny(reason=f"{_part(path, row)} belongs to nobody {_why(row)}", advice=(_blocked(path),), row=row.path)
    owner, file = row.owners[0], path if covers(row.path, path) else row.path
    asking = Advice(call="handoff", arguments={"file": file, "to": owner}, why="ask its owner")
    return Deny(reason=f"{_part(path, row)} belongs to {owner} {_why(row)}", advice=(asking,), row=row.path)


def _blocked(path: str) -> Advice:
    return Advice(call="blocked", arguments={"on": path}, why="if you cannot go on without it, say so")


def _part(path: str, row: Area) -> str:
    return path if covers(row.path, path) else f"{row.path}, which {path} takes in,"


def _why(row: Area) -> str:
    return f"({row.path}: {row.access}) for the whole run"
