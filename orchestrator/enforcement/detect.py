"""Which of the changed paths an attempt may not have changed.

Pure, and the only level that counts on every machine: what was changed is held against the task's write set, the
locks the agent held, and its own area. Everything else is foreign and never reaches the integration branch.
"""

from collections.abc import Iterable

from orchestrator.claims import Claim, covers, meets
from orchestrator.model import Access, AgentId
from orchestrator.rights import Rights


def foreign(
    changed: Iterable[str], *, writes: tuple[Claim, ...] | None, locked: Iterable[str], agent: AgentId, rights: Rights
) -> tuple[str, ...]:
    """Give the changed paths that are neither declared, locked nor the agent's own.

    Args:
        changed: Paths relative to the project, deletions and both sides of renames included.
        writes: The task's write set; None if it is not known: then everything is allowed that belongs to nobody else.
        locked: Keys that the agent held at any time during the attempt.
        agent: Who changed them.
        rights: The matrix and the table as they stand after the attempt.
    """
    held = tuple(locked)
    return tuple(path for path in changed if not _is_allowed(path, writes=writes, held=held, agent=agent, rights=rights))


def _is_allowed(path: str, *, writes: tuple[Claim, ...] | None, held: tuple[str, ...], agent: AgentId, rights: Rights) -> bool:
    if any(covers(claim, path) or claim == path for claim in writes or ()):
        return True
    if any(covers(lock, path) for lock in held):
        return True
    if any(_is_pattern_of(claim, path) for claim in writes or ()):
        return True
    owned = rights.owner(path)
    if owned.access is Access.READ_ONLY or owned.holder not in {None, agent}:
        return False
    if agent in owned.owners:
        return True
    return writes is None and not (owned.access is Access.EXCLUSIVE and owned.owners)


def _is_pattern_of(claim: str, path: str) -> bool:
    """Tell whether a glob with sets or braces, which `covers` never affirms, matches the path."""
    return any(sign in claim for sign in "[{") and meets(claim, path)
