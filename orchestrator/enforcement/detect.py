"""Which of the changed paths an attempt may not have changed.

Pure, and the only level that counts on every machine: what was changed is held against the task's write set, the
locks the agent held, and its own area. Everything else is foreign and never reaches the integration branch.
"""

from collections.abc import Iterable

from orchestrator.claims import Claim, meets
from orchestrator.model import Access, AgentId
from orchestrator.patterns import Among
from orchestrator.rights import Rights


def foreign(
    changed: Iterable[str],
    *,
    writes: tuple[Claim, ...] | None,
    locked: Iterable[str],
    agent: AgentId,
    rights: Rights,
    revoked: Iterable[str] = (),
) -> tuple[str, ...]:
    """Give the changed paths that are neither declared, locked nor the agent's own.

    Args:
        changed: Paths relative to the project, deletions and both sides of renames included.
        writes: The task's write set; None if it is not known: then everything is allowed that nobody has said to belong
            to another or to be read-only, and integration decides what it meets.
        locked: Keys that the agent held at any time during the attempt.
        agent: Who changed them.
        rights: The matrix and the table as they stand after the attempt.
        revoked: Keys whose lock a person took away: a later write is one under an old number, which the write set does
            not make good; only a lock that the agent got since does.
    """
    keys, taken = tuple(locked), tuple(revoked)
    held, claims = Among(keys), Among((*(writes or ()), *keys))

    def is_own(path: str) -> bool:
        if any(meets(key, path) for key in taken):
            return any(rights.gives(claim, agent, path) for claim in held.around(path))
        may = any(rights.gives(claim, agent, path) for claim in claims.around(path))
        return may or is_free(path, agent, rights, is_known=writes is not None)

    return tuple(path for path in changed if not is_own(path))


def is_free(path: str, agent: AgentId, rights: Rights, *, is_known: bool) -> bool:
    """Tell whether the agent may change a path that it has neither declared nor locked."""
    owned = rights.owner(path)
    if owned.access is Access.READ_ONLY:
        return False
    if not is_known:
        is_only_proposed = owned.row is not None and owned.row.is_proposed
        return owned.access is Access.SEQUENTIAL or agent in owned.owners or is_only_proposed
    is_alone = owned.access is Access.EXCLUSIVE and owned.owners == (agent,)
    return is_alone and rights.holder(path, besides=agent) is None
