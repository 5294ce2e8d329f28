"""The one decision function: may this agent do this to this path?

Adapters, hooks, tools and socket requests all ask `Rights.may`, so they cannot answer differently. It decides from the
ownership matrix, the write sets of the tasks under way and the lock table, and changes nothing.
"""

from dataclasses import dataclass
from typing import TypeAlias

from orchestrator.claims import Claim, covers, is_operation, key
from orchestrator.locks import LockTable
from orchestrator.model import Access, AgentId, Area, Operation


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
    hint: str = ""


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
        self._table = table
        self._writes: dict[AgentId, tuple[Claim, ...] | None] = {}

    def begin(self, agent: AgentId, writes: tuple[Claim, ...] | None) -> None:
        """Give the agent the right to its task's write set."""
        self._writes[agent] = writes

    def end(self, agent: AgentId) -> None:
        """Take the right to a write set back."""
        self._writes.pop(agent, None)

    def may(self, agent: AgentId, path: Claim, operation: Operation) -> Decision:
        """Decide: in its write set or under its lock, or free and not another's."""
        if operation is Operation.READ or self.has(agent, path):
            return Allow()
        owned = self.owner(path)
        if not is_operation(path):
            if owned.access is Access.READ_ONLY:
                return Deny(reason=f"{path} is read-only ({_why(owned.row)})")
            if owned.access is Access.EXCLUSIVE and agent not in owned.owners:
                return self._belongs(path, owned)
        if owned.holder is not None and owned.holder != agent:
            return Wait(holder=owned.holder, reason=f"{path} is locked by {owned.holder}")
        return Allow()

    def has(self, agent: AgentId, path: str) -> bool:
        """Tell whether the path lies in the write set of the agent's task or under a lock it holds."""
        writes = self._writes.get(agent) or ()
        return self._table.holds(agent, key(path)) or any(covers(claim, path) for claim in writes)

    def owner(self, path: str) -> Owned:
        """Tell whom a path belongs to, what that means, and who holds it now."""
        rows = [row for row in self._matrix if covers(row.path, path)]
        row = max(rows, key=lambda row: len(row.path.rstrip("/")), default=None)
        return Owned(
            path=path,
            row=row,
            owners=row.owners if row else (),
            access=row.access if row else Access.SEQUENTIAL,
            holder=self._table.holder_of(key(path)),
        )

    def _belongs(self, path: str, owned: Owned) -> Deny:
        owner = owned.owners[0] if owned.owners else "nobody"
        hint = f"ask its owner: squad agent handoff {path} --to {owner}" if owned.owners else ""
        return Deny(reason=f"{path} belongs to {owner} ({_why(owned.row)})", hint=hint)


def _why(row: Area | None) -> str:
    return f"{row.path}: {row.access}" if row else "no row of the ownership matrix"
