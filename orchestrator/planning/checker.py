"""An independent check of a plan's certificate.

With `consistency` and `overlap` it shares no code with the planner, not even the comparison of paths, and trusts nothing that
the document says about itself: from needs, write sets and locks it works out anew which tasks could write the same path at
the same time, and wants each such pair named. Any JSON whatever is answered with problems, never with a crash.
"""

import heapq
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import combinations, pairwise, product
from typing import TypeAlias

from orchestrator.planning.consistency import inconsistencies, is_figure
from orchestrator.planning.overlap import KEYS, beginning, overlap

Json: TypeAlias = Mapping[str, object]
_AGENT = re.compile(r"agent-\d+(-[a-z0-9][a-z0-9-]*)?")
_TASK = re.compile(r"[\w-][\w.~-]*")  #: ids become names of files and branches
_ROUNDING = 0.002  #: seconds; the document has three decimals


def problems(document: object) -> tuple[str, ...]:
    """Give everything that is wrong with a plan; nothing means that its certificate holds."""
    shape = _shape(document)
    if shape or not isinstance(document, Mapping):
        return tuple(shape)
    tasks = {str(row["id"]): row for row in _rows(document, "tasks")}
    found = [*_ownership(document, tasks), *_order(tasks), *inconsistencies(document)]
    if found:
        return tuple(found)
    before = _Before(tasks)
    return (
        *_pairs(document, tasks, before),
        *_claims(document, tasks, before),
        *_operations(document, tasks),
        *_schedule(tasks, _units(document)),
    )


def _shape(document: object) -> list[str]:
    if not isinstance(document, Mapping):
        return ["the document is no mapping"]
    found = []
    if document.get("schema_version") != 1 or isinstance(document.get("schema_version"), bool):
        found.append("schema_version is not 1")
    found += [
        f"{name} is no list of mappings"
        for name in ("agents", "tasks", "matrix")
        if not isinstance(document.get(name), list) or not all(isinstance(row, Mapping) for row in _rows(document, name))
    ]
    if found:
        return found
    found += [problem for row in _rows(document, "tasks") for problem in _task_shape(row)]
    ids = Counter(str(row.get("id")) for row in _rows(document, "tasks"))
    found += [f"the id {one!r} stands twice" for one, times in ids.items() if times > 1]
    certificate = document.get("certificate")
    if not isinstance(certificate, Mapping) or not isinstance(certificate.get("holds"), bool):
        return [*found, "certificate.holds is missing"]
    lists = [certificate.get(name, []) for name in ("guarded", "open")]
    if not all(isinstance(rows, list) and all(isinstance(row, Mapping) for row in rows) for rows in lists):
        found.append("certificate.guarded or certificate.open is no list of mappings")
    return found


def _task_shape(row: Json) -> list[str]:
    name = row.get("id")
    if not isinstance(name, str) or not _TASK.fullmatch(name) or ".." in name:
        return [f"a task without a usable id: {str(name)[:80]!r}"]
    found = [f"{name}: {key} is no list of texts" for key in ("needs", "locks") if not _texts(row.get(key))]
    if not isinstance(row.get("agent"), str):
        found.append(f"{name}: no agent")
    found += [f"{name}: {key} is no number" for key in ("start", "finish") if not is_figure(row.get(key))]
    if row.get("writes") is not None and not _texts(row.get("writes")):
        return [*found, f"{name}: writes is neither null nor a list of texts"]
    return found + [f"{name}: {claim} is not inside the project" for claim in _list(row, "writes") if _is_strange(claim)]


def _is_strange(claim: str) -> bool:
    return claim.startswith("/") or "\0" in claim or (".." in claim and ".." in claim.split("/"))


def _ownership(document: Json, tasks: Mapping[str, Json]) -> list[str]:
    agents = Counter(str(row.get("id")) for row in _rows(document, "agents"))
    found = [f"{name}: its agent {row['agent']} is not in the plan" for name, row in tasks.items() if row["agent"] not in agents]
    found += [f"the agent {one} stands twice" for one, times in agents.items() if times > 1]
    found += [f"{one[:80]!r} is no agent id" for one in agents if not _AGENT.fullmatch(one)]
    return found + [
        f"the matrix gives {row.get('path')} to {row.get('owner')}, who is not in the plan"
        for row in _rows(document, "matrix")
        if row.get("owner") is not None and str(row.get("owner")) not in agents
    ]


def _order(tasks: Mapping[str, Json]) -> list[str]:
    """Check that all needs exist and that they form no circle."""
    found = [
        f"{name} needs {need}, which is not in the plan"
        for name, row in tasks.items()
        for need in _list(row, "needs")
        if need not in tasks
    ]
    if found:
        return found
    left = set(tasks) - set(_sorted(tasks))
    return [f"the needs of {', '.join(sorted(left))} form a circle"] if left else []


def _sorted(tasks: Mapping[str, Json]) -> list[str]:
    """Give the tasks so that each stands after its needs; those in or behind a circle are left out (Kahn, 1962)."""
    waiting = {name: len(set(_list(row, "needs"))) for name, row in tasks.items()}
    after: dict[str, list[str]] = {name: [] for name in tasks}
    for name, row in tasks.items():
        for need in set(_list(row, "needs")):
            after[need].append(name)
    order = [name for name, count in waiting.items() if count == 0]
    for name in order:
        for later in after[name]:
            waiting[later] -= 1
            if waiting[later] == 0:
                order.append(later)
    return order


class _Before:
    """For each task all that is certainly done before it starts, a bit each."""

    def __init__(self, tasks: Mapping[str, Json]) -> None:
        self._number = {name: number for number, name in enumerate(tasks)}
        self._done: dict[str, int] = {}
        for name in _sorted(tasks):
            done = 0
            for need in _list(tasks[name], "needs"):
                done |= self._done[need] | 1 << self._number[need]
            self._done[name] = done

    def orders(self, one: str, other: str) -> bool:
        """Tell whether needs keep two tasks apart."""
        return bool(self._done[one] >> self._number[other] & 1 or self._done[other] >> self._number[one] & 1)


def _pairs(document: Json, tasks: Mapping[str, Json], before: _Before) -> Iterator[str]:
    """Check every two tasks that could meet: they are ordered or locked, and the certificate names them."""
    guarded, unproved = _named(document, "guarded"), _named(document, "open")
    shared = document.get("isolation") == "shared"
    several = {name for name, units in _units(document).items() if units > 1}
    locks = {name: frozenset(_list(row, "locks")) - several for name, row in tasks.items()}

    def apart(one: str, other: str) -> bool:
        return not locks[one].isdisjoint(locks[other]) or before.orders(one, other)

    for (one, other), met in _meeting(tasks).items():
        if not apart(one, other):
            yield f"{one} and {other} may run together and both write {met}"
        elif (one, other) not in guarded:
            yield f"{one} and {other} both write {met}, and the certificate does not name them"
    for one, other in _blind(tasks):
        if not apart(one, other):
            if shared:
                yield f"{one} and {other} may run together in one tree, and one's write set is not known"
            elif (one, other) not in unproved:
                yield f"{one} and {other} may run together, one's write set is not known, and the certificate does not say so"


def _blind(tasks: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """Give every two tasks of which one's write set is not known."""
    blind = {name: None for name, row in tasks.items() if row.get("writes") is None}
    for place, one in enumerate(blind):
        yield from ((one, other) for other in tasks if other not in blind)
        yield from ((one, other) for other in list(blind)[place + 1 :])


def _meeting(tasks: Mapping[str, Json]) -> dict[tuple[str, str], str]:
    """Give every two tasks whose claims could hold the same path, with the narrower claim.

    Two paths meet where one leads to the other, and patterns can only meet where their beginnings do: so a claim is looked
    up at each place on the way to where it begins, and nothing else is compared.
    """
    place = {name: number for number, name in enumerate(tasks)}
    users: dict[str, list[str]] = {}
    for name, row in tasks.items():
        for claim in dict.fromkeys(_list(row, "writes")):
            users.setdefault(claim, []).append(name)
    heads: dict[tuple[str, ...], list[str]] = {}
    for claim in users:
        heads.setdefault(beginning(claim), []).append(claim)
    depths = sorted({len(head) for head in heads})
    met: dict[tuple[str, str], str] = {}
    for claim, names in users.items():
        head = beginning(claim)
        above = [other for depth in depths if depth < len(head) for other in heads.get(head[:depth], ())]
        for other in (*above, *heads[head]):
            if other == claim or overlap(claim, other):
                for pair in _in_order(names, users[other], place):
                    met.setdefault(pair, max(claim, other, key=len))
    return met


def _in_order(names: Sequence[str], others: Sequence[str], place: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """Give each of some tasks with each of others, the earlier one first; both stand in document order."""
    if names is others:
        return combinations(names, 2)
    pairs = ((one, other) for one, other in product(names, others) if one != other)
    return ((one, other) if place[one] < place[other] else (other, one) for one, other in pairs)


def _claims(document: Json, tasks: Mapping[str, Json], before: _Before) -> list[str]:
    """Check what the certificate says of itself, and that each task locks what it writes."""
    certificate = document["certificate"]
    honest = isinstance(certificate, Mapping) and certificate.get("holds") is True
    found = [] if honest else ["the certificate says itself that it does not hold"]
    several = _units(document)
    for row in _certificate(document, "guarded"):
        found += _guarded(row, tasks, before, several)
    for name, task in tasks.items():
        locks = {lock.rstrip("/") or "." for lock in _list(task, "locks")}
        missing = [claim for claim in _list(task, "writes") if (claim.rstrip("/") or ".") not in locks]
        found += [f"{name} writes {claim} and does not lock it" for claim in missing[:3]]
    return found


def _guarded(row: Json, tasks: Mapping[str, Json], before: _Before, several: Collection[str]) -> list[str]:
    a, b = str(row.get("a")), str(row.get("b"))
    if a not in tasks or b not in tasks or a == b:
        return [f"the certificate guards {a} and {b}, which are not two tasks of the plan"]
    match row.get("by"):
        case "lock" if str(row.get("key")) in several:
            return [f"the certificate says that {row.get('key')} keeps {a} and {b} apart; several may hold it at once"]
        case "lock":
            held = row.get("key") in _list(tasks[a], "locks") and row.get("key") in _list(tasks[b], "locks")
            return [] if held else [f"the certificate says that {a} and {b} both lock {row.get('key')}; they do not"]
        case "needs":
            ordered = before.orders(a, b)
            return [] if ordered else [f"the certificate says that needs order {a} and {b}; they do not"]
    return [f"the certificate does not say what keeps {a} and {b} apart"]


def _operations(document: Json, tasks: Mapping[str, Json]) -> list[str]:
    """Check that every task locks the operations that it asks for, and those that its words mean."""
    told = document.get("never_parallel")
    signs = {str(name): _list(told, name) for name in told} if isinstance(told, Mapping) else {}
    found = []
    for name, row in tasks.items():
        text = "\n".join((str(row.get("title", "")), str(row.get("text", "")), " ".join(map(str, _list(row, "command")))))
        meant = [operation for operation, words in signs.items() if any(str(word) in text for word in words)]
        asked = [one if one.startswith(KEYS) else one.rstrip("/") or "." for one in map(str, _list(row, "operations"))]
        missing = {*asked, *meant}.difference(_list(row, "locks"))
        found += [f"{name} uses {operation} and does not lock it" for operation in sorted(missing)]
    return found


def _units(document: Json) -> dict[str, int]:
    """Give how many may hold an operation at once, where it is more than one."""
    told = document.get("capacity")
    rows = told.items() if isinstance(told, Mapping) else ()
    return {str(name): units for name, units in rows if isinstance(units, int) and units > 1}


def _schedule(tasks: Mapping[str, Json], units: Mapping[str, int]) -> list[str]:
    """Check that the planned times keep to needs, agents and locks."""
    times = {name: (float(str(row["start"])), float(str(row["finish"]))) for name, row in tasks.items()}
    found = [f"{name} is planned to end before it starts" for name, (start, finish) in times.items() if start > finish]
    found += [
        f"{name} is planned to start before {need} ends"
        for name, row in tasks.items()
        for need in _list(row, "needs")
        if times[need][1] > times[name][0] + _ROUNDING
    ]
    users: dict[str, list[str]] = {}
    for name, row in tasks.items():
        for resource in {f"agent {row['agent']}", *(f"lock {lock}" for lock in _list(row, "locks"))}:
            users.setdefault(resource, []).append(name)
    for resource, names in users.items():
        if len(names) == 1:
            continue
        lasting = sorted((name for name in names if times[name][0] != times[name][1]), key=lambda name: times[name])
        found += _beside(resource, lasting, times, units.get(resource.removeprefix("lock "), 1))
    return found


def _beside(resource: str, names: Sequence[str], times: Mapping[str, tuple[float, float]], units: int) -> list[str]:
    """Check that no more tasks than may hold something are planned at once; the names are sorted by time."""
    if units == 1:
        return [
            f"{one} and {other} are planned to hold {resource} at the same time"
            for one, other in pairwise(names)
            if times[one][1] > times[other][0] + _ROUNDING
        ]
    ends: list[float] = []
    found = []
    for name in names:
        while ends and ends[0] <= times[name][0] + _ROUNDING:
            heapq.heappop(ends)
        heapq.heappush(ends, times[name][1])
        if len(ends) > units:
            found.append(f"{name} is planned to hold {resource} beside {units} others")
    return found


def _rows(document: Json, name: str) -> list[Json]:
    rows = document.get(name)
    return rows if isinstance(rows, list) else []


def _certificate(document: Json, name: str) -> list[Json]:
    certificate = document.get("certificate")
    rows = certificate.get(name) if isinstance(certificate, Mapping) else None
    return rows if isinstance(rows, list) else []


def _named(document: Json, name: str) -> set[tuple[str, str]]:
    """Give the pairs of a list of the certificate, each in both orders."""
    pairs = {(str(row.get("a")), str(row.get("b"))) for row in _certificate(document, name)}
    return pairs | {(b, a) for a, b in pairs}


def _list(row: Json, name: str) -> list[str]:
    value = row.get(name)
    return value if isinstance(value, list) else []


def _texts(value: object) -> bool:
    return isinstance(value, list) and {*map(type, value)} <= {str}
