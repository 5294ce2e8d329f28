"""What the journal tells of a grant, and the grant that it tells of: the next supervisor holds what the last one granted."""

from datetime import UTC, datetime
from functools import lru_cache

from orchestrator import events as ev
from orchestrator.locks import Grant
from orchestrator.model import AgentId
from orchestrator.state import LockStatus


def granted_event(grant: Grant) -> ev.LockGranted:
    """Give the event that tells of a grant."""
    return ev.LockGranted(
        path=grant.path,
        holder=grant.holder,
        fence=grant.fence,
        waited_s=round(grant.waited, 6),
        purpose=grant.purpose,
        declared=grant.declared,
        expires_at=moment(int(grant.expires)),
    )


def answered(grant: Grant) -> dict[str, object]:
    """Give what whoever asked for a grant reads of it."""
    return {"path": grant.path, "fence": grant.fence, "waited_s": round(grant.waited, 3)}


def kept_grant(lock: LockStatus, *, expires: float) -> Grant:
    """Give the grant that the journal tells of."""
    return Grant(
        path=lock.path,
        holder=AgentId(lock.holder),
        fence=lock.fence,
        since=lock.since,
        expires=expires,
        purpose=lock.purpose,
        declared=lock.declared,
        waited=lock.waited_s,
    )


@lru_cache(maxsize=16)
def moment(seconds: int) -> str:
    """Write a moment, in whole seconds since the epoch, as events tell it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
