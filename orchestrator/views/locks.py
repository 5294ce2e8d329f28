"""Locks and ownership for people, from a state that was replayed."""

import msgspec

from orchestrator.claims import Claim, meets
from orchestrator.granted import process_of
from orchestrator.locks import Grant, LockTable
from orchestrator.model import AgentId, Plan
from orchestrator.rights import Rights
from orchestrator.state import LockStatus, State
from orchestrator.views.text import padded, page, plain, utc


def standing(state: State, *, supervised: bool) -> State:
    """Give the state with the locks that hold: they live in the supervisor's memory, and none outlives it."""
    return state if supervised else msgspec.structs.replace(state, locks={}, waiting=[])


def holder_of(lock: LockStatus) -> str:
    """Name who holds it; a command of a person's so that its process can be found."""
    process = process_of(lock)
    return lock.holder if process is None else f"{lock.holder} ({plain(lock.purpose)}, process {process})"


def render_locks(state: State) -> str:
    """Give the text of `squad locks`."""
    if not state.locks and not state.waiting:
        return "no locks are held\n"
    lines = []
    for lock in state.locks.values():
        waits = [wait.holder for wait in state.waiting if wait.holder != lock.holder and meets(wait.path, lock.path)]
        kind = "task" if lock.declared else "asked"
        lines.append(f"  {padded(lock.path, 40)} {holder_of(lock):<20} since {utc(lock.since)} ({kind}, fence {lock.fence})")
        lines += [f"  {'':<40} {name} waits" for name in waits]
    free = [wait for wait in state.waiting if not any(meets(wait.path, lock.path) for lock in state.locks.values())]
    lines += [f"  {padded(wait.path, 40)} {wait.holder} waits" for wait in free]
    return page(lines)


def owner_of(plan: Plan, state: State, path: Claim) -> dict[str, object]:
    """Give whose a path is, what that means, and who holds it."""
    table = LockTable()
    table.restore(tuple(_grant(lock.path, lock.holder, lock.fence, lock.since) for lock in state.locks.values()))
    owned = Rights(plan.matrix, table).owner(path)
    return {
        "path": path,
        "row": owned.row.path if owned.row else None,
        "owners": list(owned.owners),
        "access": owned.access,
        "holder": owned.holder,
        "why": owned.row.why if owned.row else "no row of the ownership matrix",
    }


def render_owner(owned: dict[str, object]) -> str:
    """Give the text of `squad owns`."""
    owners = owned["owners"]
    names = ", ".join(map(str, owners)) if isinstance(owners, list) and owners else "nobody"
    held = f"held by {owned['holder']}" if owned["holder"] else "free"
    row = f"{owned['row']}: {owned['why']}" if owned["row"] else str(owned["why"])
    return page([f"{owned['path']}: {names}, {owned['access']} ({row}), {held}"])


def _grant(path: str, holder: str, fence: int, since: float) -> Grant:
    return Grant(path=path, holder=AgentId(holder), fence=fence, since=since, expires=since)
