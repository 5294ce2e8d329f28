"""An independent check of a plan's certificate.

It shares no code with the planner, not even the comparison of paths, and trusts nothing that the document says about
itself: from needs, write sets and locks it works out anew which tasks could write the same path at the same time.
"""

import fnmatch
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TypeAlias

Json: TypeAlias = Mapping[str, object]
_KEYS = ("op:", "api:", "table:", "files:")


def problems(document: object) -> tuple[str, ...]:
    """Give everything that is wrong with a plan; nothing means that its certificate holds."""
    shape = _shape(document)
    if shape or not isinstance(document, Mapping):
        return tuple(shape)
    tasks = {str(row["id"]): row for row in _rows(document, "tasks")}
    found = _ownership(document, tasks) + _order(tasks)
    if found:
        return tuple(found)
    before = _before(tasks)
    found += _pairs(document, tasks, before)
    found += _claims(document, tasks, before)
    found += _schedule(tasks)
    return tuple(found)


def _shape(document: object) -> list[str]:
    if not isinstance(document, Mapping):
        return ["the document is no mapping"]
    found = []
    if document.get("schema_version") != 1:
        found.append("schema_version is not 1")
    found += [
        f"{name} is no list of mappings"
        for name in ("agents", "tasks", "matrix")
        if not isinstance(document.get(name), list) or not all(isinstance(row, Mapping) for row in _rows(document, name))
    ]
    if found:
        return found
    for row in _rows(document, "tasks"):
        found += _task_shape(row)
    ids = [row.get("id") for row in _rows(document, "tasks")]
    found += [f"the id {one!r} stands twice" for one in dict.fromkeys(map(str, ids)) if list(map(str, ids)).count(one) > 1]
    certificate = document.get("certificate")
    if not isinstance(certificate, Mapping) or not isinstance(certificate.get("holds"), bool):
        found.append("certificate.holds is missing")
    elif not all(isinstance(certificate.get(name, []), list) for name in ("guarded", "open")):
        found.append("certificate.guarded or certificate.open is no list")
    return found


def _task_shape(row: Json) -> list[str]:
    name = row.get("id")
    if not isinstance(name, str) or not name:
        return ["a task has no id"]
    found = [f"{name}: {key} is no list of texts" for key in ("needs", "locks") if not _texts(row.get(key))]
    if row.get("writes") is not None and not _texts(row.get("writes")):
        found.append(f"{name}: writes is neither null nor a list of texts")
    if not isinstance(row.get("agent"), str):
        found.append(f"{name}: no agent")
    found += [
        f"{name}: {key} is no number"
        for key in ("start", "finish")
        if isinstance(row.get(key), bool) or not isinstance(row.get(key), int | float)
    ]
    for claim in row.get("writes") or [] if _texts(row.get("writes") or []) else []:  # type: ignore[attr-defined]  # a list, just checked
        if str(claim).startswith("/") or ".." in str(claim).split("/"):
            found.append(f"{name}: {claim} is not inside the project")
    return found


def _ownership(document: Json, tasks: Mapping[str, Json]) -> list[str]:
    agents = [str(row.get("id")) for row in _rows(document, "agents")]
    found = [f"{name}: its agent {row['agent']} is not in the plan" for name, row in tasks.items() if row["agent"] not in agents]
    found += [f"the agent {one} stands twice" for one in dict.fromkeys(agents) if agents.count(one) > 1]
    for row in _rows(document, "matrix"):
        owner = row.get("owner")
        if owner is not None and owner not in agents:
            found.append(f"the matrix gives {row.get('path')} to {owner}, who is not in the plan")
    return found


def _order(tasks: Mapping[str, Json]) -> list[str]:
    """Check that all needs exist and that they form no circle, by taking away what waits for nothing."""
    found = [
        f"{name} needs {need}, which is not in the plan"
        for name, row in tasks.items()
        for need in _list(row, "needs")
        if need not in tasks
    ]
    left = {name: {need for need in _list(row, "needs") if need in tasks} for name, row in tasks.items()}
    while free := [name for name, needs in left.items() if not needs & set(left)]:
        for name in free:
            del left[name]
    return found + ([f"the needs of {', '.join(sorted(left))} form a circle"] if left else [])


def _before(tasks: Mapping[str, Json]) -> dict[str, set[str]]:
    """Give for each task all that is certainly done before it starts."""
    before: dict[str, set[str]] = {name: set() for name in tasks}
    pending = dict.fromkeys(tasks)
    while pending:
        for name in list(pending):
            needs = _list(tasks[name], "needs")
            if not any(need in pending for need in needs):
                before[name] = set(needs).union(*(before[need] for need in needs))
                del pending[name]
    return before


def _pairs(document: Json, tasks: Mapping[str, Json], before: Mapping[str, set[str]]) -> list[str]:
    """Check every two tasks that may overlap."""
    named = {frozenset((str(row.get("a")), str(row.get("b")))) for row in _certificate(document, "open")}
    shared = document.get("isolation") == "shared"
    names = list(tasks)
    prefixes = {name: _prefixes(tasks[name]) for name in names}
    found = []
    for number, one in enumerate(names):
        for other in names[number + 1 :]:
            if one in before[other] or other in before[one]:
                continue
            if set(_list(tasks[one], "locks")) & set(_list(tasks[other], "locks")):
                continue
            found += _unlocked(
                tasks[one], tasks[other], prefixes[one], prefixes[other], is_named=frozenset((one, other)) in named, shared=shared
            )
    return found


def _unlocked(
    one: Json, other: Json, heads: frozenset[str] | None, others: frozenset[str] | None, *, is_named: bool, shared: bool
) -> list[str]:
    """Say what is wrong with two tasks that share no lock and that no need orders."""
    a, b = one["id"], other["id"]
    if one.get("writes") is None or other.get("writes") is None:
        if shared:
            return [f"{a} and {b} may run together in one tree, and one's write set is not known"]
        return (
            []
            if is_named
            else [f"{a} and {b} may run together, one's write set is not known, and the certificate does not say so"]
        )
    if heads is not None and others is not None and not heads & others:
        return []
    for left in _list(one, "writes"):
        for right in _list(other, "writes"):
            if _overlap(left, right):
                return [f"{a} and {b} may run together and both write {left if len(left) >= len(right) else right}"]
    return []


def _prefixes(row: Json) -> frozenset[str] | None:
    """Give the first components of a write set; None if a claim could lie anywhere."""
    heads = {_names(claim)[0] if _names(claim) else "*" for claim in _list(row, "writes") if not claim.startswith(_KEYS)}
    heads |= {claim for claim in _list(row, "writes") if claim.startswith(_KEYS)}
    return None if any(_is_wild(head) for head in heads) else frozenset(heads)


def _claims(document: Json, tasks: Mapping[str, Json], before: Mapping[str, set[str]]) -> list[str]:
    """Check what the certificate says of itself, and that each task locks what it writes."""
    certificate = document["certificate"]
    found = (
        []
        if isinstance(certificate, Mapping) and certificate.get("holds") is True
        else ["the certificate says itself that it does not hold"]
    )
    for row in _certificate(document, "guarded"):
        a, b = str(row.get("a")), str(row.get("b"))
        if a not in tasks or b not in tasks:
            found.append(f"the certificate guards {a} and {b}, which are not both in the plan")
        elif row.get("by") == "lock" and not all(row.get("key") in _list(tasks[name], "locks") for name in (a, b)):
            found.append(f"the certificate says that {a} and {b} both lock {row.get('key')}; they do not")
        elif row.get("by") == "needs" and a not in before[b] and b not in before[a]:
            found.append(f"the certificate says that needs order {a} and {b}; they do not")
    for name, task in tasks.items():
        locks = {lock.rstrip("/") for lock in _list(task, "locks")}
        missing = [claim for claim in _list(task, "writes") if (claim.rstrip("/") or ".") not in locks]
        found += [f"{name} writes {claim} and does not lock it" for claim in missing[:3]]
    return found


def _schedule(tasks: Mapping[str, Json]) -> list[str]:
    """Check that the planned times keep to needs, agents and locks; a thousandth of a second is rounding."""
    found = []
    times = {name: (float(str(row["start"])), float(str(row["finish"]))) for name, row in tasks.items()}
    for name, row in tasks.items():
        if times[name][0] > times[name][1]:
            found.append(f"{name} is planned to end before it starts")
        found += [
            f"{name} is planned to start before {need} ends"
            for need in _list(row, "needs")
            if times[need][1] > times[name][0] + 0.002
        ]
    users: dict[str, list[str]] = {}
    for name, row in tasks.items():
        for resource in {f"agent {row['agent']}", *(f"lock {lock}" for lock in _list(row, "locks"))}:
            users.setdefault(resource, []).append(name)
    for resource, names in users.items():
        ordered = sorted(names, key=lambda name: times[name])
        for one, other in pairwise(ordered):
            if times[one][1] > times[other][0] + 0.002 and times[other][0] != times[other][1]:
                found.append(f"{one} and {other} are planned to hold {resource} at the same time")
    return found


def _overlap(one: str, other: str) -> bool:
    """Tell whether two claims could hold the same path; in doubt yes."""
    if one.startswith(_KEYS) or other.startswith(_KEYS):
        return one == other
    return _walk(_names(one), _names(other))


def _walk(one: Sequence[str], other: Sequence[str]) -> bool:
    if not one or not other:
        return True
    if one[0] == "**":
        return _walk(one[1:], other) or _walk(one, other[1:])
    if other[0] == "**":
        return _walk(one, other[1:]) or _walk(one[1:], other)
    return _alike(one[0], other[0]) and _walk(one[1:], other[1:])


def _alike(one: str, other: str) -> bool:
    """Compare two names; where both are patterns only their literal ends can tell them apart."""
    if not _is_wild(one) and not _is_wild(other):
        return one == other
    if any(sign in one + other for sign in "[{"):
        return True
    if not _is_wild(one):
        return fnmatch.fnmatchcase(one, other)
    if not _is_wild(other):
        return fnmatch.fnmatchcase(other, one)
    heads = [name.replace("?", "*").partition("*")[0] for name in (one, other)]
    tails = [name.replace("?", "*").rpartition("*")[2] for name in (one, other)]
    return (heads[0].startswith(heads[1]) or heads[1].startswith(heads[0])) and (
        tails[0].endswith(tails[1]) or tails[1].endswith(tails[0])
    )


def _names(claim: str) -> list[str]:
    return [name for name in claim.casefold().split("/") if name not in {"", "."}]


def _is_wild(name: str) -> bool:
    return any(sign in name for sign in "*?[{")


def _rows(document: Json, name: str) -> list[Json]:
    rows = document.get(name)
    return rows if isinstance(rows, list) else []


def _certificate(document: Json, name: str) -> list[Json]:
    certificate = document.get("certificate")
    rows = certificate.get(name) if isinstance(certificate, Mapping) else None
    return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []


def _list(row: Json, name: str) -> list[str]:
    value = row.get(name)
    return value if isinstance(value, list) else []


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)
