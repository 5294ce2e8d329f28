"""Whether a plan agrees with itself: its figures, its agents, and what its tasks declared with what it lets them write.

Belongs to the checker of certificates and shares no code with the planner. What no certificate speaks of can still be
taken away by hand: a write set that was made smaller than what the document declares proves nothing about the document.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias

from orchestrator.planning.overlap import KEYS, above

Json: TypeAlias = Mapping[str, object]
_SHOWN = 3  #: claims of a task that are named


def inconsistencies(document: Json) -> Iterator[str]:
    """Give what contradicts itself in a plan whose shape is right."""
    tasks = _rows(document, "tasks")
    yield from _figures(document, tasks)
    if document.get("isolation", "worktree") not in ("worktree", "shared"):
        yield f"isolation {document.get('isolation')!r} is neither worktree nor shared"
    yield from _room(document.get("capacity", {}))
    areas = [str(row.get("path")) for row in _rows(document, "matrix")]
    seats = {str(seat.get("id")): seat for seat in reversed(_rows(document, "agents"))}
    for row in tasks:
        yield from _declared(row, areas)
        yield from _allowed(row, seats)
    yield from _left_open(document, {str(row.get("id")): row for row in tasks})


def is_figure(value: object) -> bool:
    """Tell whether something is a number that an amount of time can be."""
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(float(value)) and value >= 0
    except OverflowError:
        return False


def _figures(document: Json, tasks: Sequence[Json]) -> Iterator[str]:
    yield from (f"{name} is no number of seconds" for name in ("makespan", "bound") if not is_figure(document.get(name)))
    for row in tasks:
        told = [name for name in ("estimate", "tail") if name in row or name == "estimate"]
        yield from (f"{row.get('id')}: {name} is no number of seconds" for name in told if not is_figure(row.get(name)))


def _room(capacity: object) -> Iterator[str]:
    """Check that only operations have room for several: two that hold a path at once are what a plan must not have."""
    if not isinstance(capacity, Mapping):
        yield "capacity is no mapping"
        return
    for name, units in capacity.items():
        if not str(name).startswith(KEYS) or str(name).startswith("files:"):
            yield f"capacity gives {name} room for {units}, and only operations have any"
        elif not isinstance(units, int) or isinstance(units, bool) or units < 1:
            yield f"capacity gives {name} room for {units!r}, which is no number"


def _declared(row: Json, areas: Sequence[str]) -> Iterator[str]:
    """Check that a task may write all that its document declares; what declares nothing may write whole areas."""
    if "declared" not in row:
        return
    name, declared, writes = row.get("id"), row.get("declared"), row.get("writes")
    if isinstance(declared, list):
        own = writes if isinstance(writes, list) else []
        same = frozenset(map(str, own))
        lost = [claim for claim in map(str, declared) if claim not in same and not any(above(wide, claim) for wide in own)]
        yield from (f"{name} declares {claim}, which is not in its write set" for claim in lost[:_SHOWN])
        if writes is None and not declared:
            yield f"{name} declares that it writes nothing, and its write set is not known"
    elif isinstance(writes, list):
        if not writes:
            yield f"{name} declares no write set, and the plan says that it writes nothing"
        odd = [claim for claim in writes if not any(above(area, claim) and above(claim, area) for area in areas)]
        yield from (
            f"{name} declares no write set and is given {claim}, which is no area of the matrix" for claim in odd[:_SHOWN]
        )


def _allowed(row: Json, seats: Mapping[str, Json]) -> Iterator[str]:
    """Check that a task which lists its agents is done by one of them: by id, role, or a word of either."""
    listed = row.get("agents")
    if not isinstance(listed, list) or not listed:
        return
    mine = seats.get(str(row.get("agent")))
    if mine and not any(_means(str(name), str(mine.get("id")), str(mine.get("role"))) for name in listed):
        yield f"{row.get('id')} may only be done by {', '.join(map(str, listed))}, and is given to {row.get('agent')}"


@lru_cache(maxsize=65536)
def _means(name: str, agent: str, role: str) -> bool:
    named, one, role = name.casefold().lstrip("@"), agent.casefold(), role.casefold()
    label = "-".join(one.split("-")[2:])
    words = {label, *label.split("-"), *re.split(r"[^a-z0-9]+", role)}
    return one == named or one.startswith(f"{named}-") or named == role or re.sub(r"[^a-z0-9]+", "-", named).strip("-") in words


def _left_open(document: Json, tasks: Mapping[str, Json]) -> Iterator[str]:
    """Check that the certificate leaves only open what nobody can know."""
    certificate = document.get("certificate")
    rows = certificate.get("open") if isinstance(certificate, Mapping) else None
    for row in rows if isinstance(rows, list) else []:
        a, b = str(row.get("a")), str(row.get("b"))
        if a not in tasks or b not in tasks or a == b:
            yield f"the certificate leaves {a} and {b} open, which are not two tasks of the plan"
        elif tasks[a].get("writes") is not None and tasks[b].get("writes") is not None:
            yield f"the certificate leaves {a} and {b} open, though both their write sets are known"


def _rows(document: Json, name: str) -> list[Json]:
    rows = document.get(name)
    return rows if isinstance(rows, list) else []
