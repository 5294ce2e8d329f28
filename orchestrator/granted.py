"""What the journal tells of a grant, and the grant that it tells of: the next supervisor holds what the last one granted."""

from datetime import UTC, datetime
from functools import lru_cache

from orchestrator import events as ev
from orchestrator.locks import Grant, Ticket
from orchestrator.model import AgentId
from orchestrator.state import LockStatus, State


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


def refused_event(ticket: Ticket, reason: str) -> ev.LockRefused:
    """Give the event that tells of a request that waits no more."""
    return ev.LockRefused(path=ticket.path, holder=ticket.holder, reason=reason, ticket=ticket.number)


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


def process_of(lock: LockStatus) -> int | None:
    """Give the process of a person's command that holds a lock, as far as the journal knows: the command, else what starts it."""
    running = (one.pid for one in lock.lent if one.starter)
    return next(running, lock.lent[0].pid if lock.lent else None)


def late_in_git(state: State, holder: str) -> str:
    """Say that squad goes on in git beside a command that holds `op:git` for long."""
    lock = state.locks.get(f"{holder} op:git")
    if lock is None:
        return f"{holder} has a command at work in git for long: squad goes on there beside it"
    process = process_of(lock)
    who = holder if process is None else f"a command of yours ({lock.purpose}, process {process})"
    return f"{who} has held op:git since {moment(int(lock.since))}: squad waits no more for that, and goes on in git beside it"


@lru_cache(maxsize=16)
def moment(seconds: int) -> str:
    """Write a moment, in whole seconds since the epoch, as events tell it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
