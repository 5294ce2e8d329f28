"""What drafts add up to: ids, parents, needs, order and files, the same way for every format.

Ids are unique afterwards; a second `6` is called `6~2`. What a foreign document says and cannot be meant, such as a need of
a task that does not exist, is a warning that names its line, never a silent loss.
"""

import contextlib
import posixpath
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from msgspec import structs

from orchestrator.claims import Claim, OutsideProject
from orchestrator.errors import Where
from orchestrator.model import AgentId, Area, Document, Mark, Skipped, Source, Task, TaskId
from orchestrator.prd.criteria import criteria_in
from orchestrator.prd.drafts import Draft, Reading
from orchestrator.prd.homes import leave_home
from orchestrator.prd.knots import knots_of
from orchestrator.prd.meant import mean
from orchestrator.prd.needs import Parts, is_acyclic, require_no_cycle, resolve
from orchestrator.prd.page import Material, Page
from orchestrator.prd.shapes import Scan
from orchestrator.prd.whole import hand_down
from orchestrator.text.expressions import expression

MakeClaim = Callable[[str], Claim]
_STRANGE = expression(r"[^\w.~-]+|\.{2,}")
_FEW = 6  #: repeated ids of one list that are told one by one
_LONGEST = 64  #: characters of an id


def settle(reading: Reading, material: Material, *, claim: MakeClaim, scan: Scan, strict: bool = False) -> Document:
    """Give the document that drafts make; `strict`: what cannot be meant is refused instead of told.

    Raises:
        PrdError: `strict`, and a need is not known, the needs form a circle, or a path leaves the project.
    """
    drafts, warnings = reading.drafts, reading.warnings
    leave_home(drafts, material, claim)
    mean(reading)
    _number(drafts, material, warnings)
    _scope(drafts)
    warnings += hand_down(drafts)
    tasks = [_task(draft, material, claim=claim, strict=strict, warnings=warnings) for draft in drafts]
    wishes = {draft.final_id: draft.needs for draft in drafts if draft.needs}
    several = len(material.pages) > 1
    parts = _parts(drafts)
    tasks = resolve(tasks, wishes, reading.declared, parts=parts, strict=strict, several=several, warnings=warnings)
    if strict:
        require_no_cycle(tasks)
    tasks = _without_circles(tasks, warnings)
    warnings += [
        f"{_here(draft, material)}: {draft.final_id} has the unknown state [{draft.box}]; it is taken as not done"
        for draft in drafts
        if draft.mark is Mark.UNKNOWN
    ]
    skipped, swallowed = _skipped(reading, material, scan)
    return Document(
        title=reading.title,
        format=reading.format,
        path=material.name,
        tasks=tuple(tasks),
        requirements=reading.requirements,
        skipped=tuple(skipped),
        warnings=(*warnings, *swallowed),
        seats=reading.seats,
        ownership=tuple(_areas(reading.ownership, claim)),
    )


def _parts(drafts: Sequence[Draft]) -> Parts:
    """Give the parts of the work that have names of their own."""
    parts = Parts()
    for draft in drafts if any(draft.groups for draft in drafts) else ():
        names = [(name, (draft.file, *above)) for name, above in draft.groups]
        parts.add(draft.final_id, (draft.file, *draft.below), names)
    return parts


def _areas(rows: Sequence[Area], claim: MakeClaim) -> Iterator[Area]:
    """Give the rows inside the project; what leaves it is nobody's."""
    for row in rows:
        with contextlib.suppress(OutsideProject):
            yield replace(row, path=claim(row.path))


def _here(draft: Draft, material: Material) -> str:
    """Name a draft's place; its file only where there are several."""
    return f"line {draft.line}" if len(material.pages) == 1 else f"{draft.file}:{draft.line}"


def _number(drafts: Sequence[Draft], material: Material, warnings: list[str]) -> None:
    """Give every task its id: its own where it has one, else T1, T2 ... in document order."""
    names = {draft.id: _usable(draft.id) for draft in drafts if draft.id}
    used = set(names.values())
    times = Counter([names[draft.id] for draft in drafts if draft.id])
    seen: dict[str, int] = {}
    scopes: dict[str, set[str]] = {}
    anew: dict[str, list[Draft]] = {}
    following = 0
    for draft in drafts:
        own = names[draft.id] if draft.id else ""
        draft.numbered = not own
        if not own:
            following += 1
            while f"T{following}" in used:
                following += 1
            draft.final_id = TaskId(f"T{following}")
            continue
        if times[own] == 1:
            draft.final_id = TaskId(own)
            continue
        seen[own] = seen.get(own, 0) + 1
        draft.final_id = TaskId(own if seen[own] == 1 else f"{own}~{seen[own]}")
        known = scopes.setdefault(own, set())
        if seen[own] > 1 and draft.scope in known:
            warnings += _told_twice([draft], material)
        elif seen[own] > 1:
            anew.setdefault(draft.scope, []).append(draft)
        known.add(draft.scope)
    for repeated in anew.values():
        warnings += _told_twice(repeated, material)


def _told_twice(repeated: Sequence[Draft], material: Material) -> list[str]:
    """Tell each id that stands twice; of a list or file that counts from 1 anew, as all others do, the whole in one line."""
    if len(repeated) <= _FEW:
        names = ((draft, _usable(draft.id or "")) for draft in repeated)
        return [f"{_here(one, material)}: the id {name} stands twice, this one is called {one.final_id}" for one, name in names]
    called = ", ".join(draft.final_id for draft in repeated[:_FEW])
    here = _here(repeated[0], material)
    return [f"{here}: {len(repeated)} ids from here on stand twice, these ones are called {called} ..."]


def _usable(written: str) -> str:
    """Give an id as it can be part of names of files and branches."""
    return _STRANGE.sub("-", written.strip()).strip("-.~")[:_LONGEST].rstrip("-.~")


def _scope(drafts: Sequence[Draft]) -> None:
    """Let ids mean the task of their own scope: several tags or files may count from 1 each."""
    own: dict[tuple[str, str], Draft] = {}
    for draft in drafts:
        if draft.id:
            own.setdefault((draft.scope, draft.id), draft)
    for draft in drafts:
        if draft.needs:
            meant = [own.get((draft.scope, wish.text)) if wish.is_id else None for wish in draft.needs]
            draft.direct += [one for one in meant if one is not None and one is not draft]
            draft.needs = [wish for wish, one in zip(draft.needs, meant, strict=True) if one is None or one is draft]


def _task(draft: Draft, material: Material, *, claim: MakeClaim, strict: bool, warnings: list[str]) -> Task:
    writes, outside = _writes(draft, claim=claim, strict=strict)
    if outside:
        more = f" and {len(outside) - 1} more" if len(outside) > 1 else ""
        told = f"{draft.final_id}: {outside[0].message}{more}; its write set is taken as not known"
        warnings.append(f"{_here(draft, material)}: {told}")
    part = f"Part of: {draft.parent.title}" if draft.parent else ""
    return Task(
        id=draft.final_id,
        title=draft.title.strip() or draft.final_id,
        source=Source(file=draft.file, line=draft.line),
        text="\n".join(filter(None, (part, draft.text))),
        area=draft.area,
        needs=_ids(draft.direct, draft),
        after=_ids(draft.after, draft),
        writes=writes,
        locks=draft.locks,
        agents=tuple([AgentId(agent) for agent in draft.agents]),
        skills=draft.skills,
        estimate=draft.estimate,
        state=draft.mark,
        parallel=draft.parallel,
        gate=draft.gate,
        parent=draft.parent.final_id if draft.parent else None,
        priority=draft.priority,
        criteria=draft.criteria or criteria_in(draft.title, draft.text),
        numbered=draft.numbered,
    )


def _ids(befores: Sequence[Draft], draft: Draft) -> tuple[TaskId, ...]:
    return tuple(dict.fromkeys([before.final_id for before in befores if before is not draft])) if befores else ()


def _writes(draft: Draft, *, claim: MakeClaim, strict: bool) -> tuple[tuple[Claim, ...] | None, list[OutsideProject]]:
    """Give what the draft says it writes, and what of it lies outside: then the set is not known as a whole."""
    outside: list[OutsideProject] = []
    if not draft.paths:
        return (() if draft.is_nothing else None), outside
    claims: set[Claim] = set()
    for path in draft.paths:
        try:
            claims.add(claim(_from_root(path, draft.file)))
        except OutsideProject as error:
            if strict:
                raise OutsideProject(error.path, where=Where(draft.file, draft.line)) from error
            outside.append(error)
    return (None if outside else tuple(sorted(claims)) or None), outside


def _from_root(path: str, file: str) -> str:
    """Give a path that begins with `../`, as links in a document do, from where the document lies."""
    below = posixpath.normpath(posixpath.join(posixpath.dirname(file), path)) if path.startswith("../") else ""
    return path if not below or below.startswith(("..", "/")) else below


def _without_circles(tasks: list[Task], warnings: list[str]) -> list[Task]:
    """Lift each implied tie against which the document itself speaks: what is said counts more than the order it stands in."""
    if not any(task.after for task in tasks) or is_acyclic({task.id: (*task.needs, *task.after) for task in tasks}):
        return tasks
    ties: dict[TaskId, list[TaskId]] = {task.id: list(task.needs) for task in tasks}
    knots = knots_of({task.id: (*task.needs, *task.after) for task in tasks})
    settled = []
    for task in tasks:
        kept = [before for before in task.after if not _leads(before, task.id, ties, knots)]
        ties[task.id] += kept
        lifted = [before for before in task.after if before not in kept]
        if lifted:
            said = f"stands behind {', '.join(lifted)}, but they need it: it will not wait for them"
            warnings.append(f"line {task.source.line}: {task.id} {said}")
        settled.append(structs.replace(task, after=tuple(kept)))
    return settled


def _leads(start: TaskId, end: TaskId, ties: Mapping[TaskId, Sequence[TaskId]], knots: Mapping[TaskId, int]) -> bool:
    """Tell whether one task waits for another, directly or not; a way that leads back never leaves its knot."""
    knot = knots.get(end)
    if knots.get(start) != knot:
        return False
    seen, todo = {start}, [start]
    while todo:
        here = todo.pop()
        if here == end:
            return True
        further = [before for before in ties.get(here, ()) if before not in seen and knots.get(before) == knot]
        todo += further
        seen.update(further)
    return False


def _skipped(reading: Reading, material: Material, scan: Scan) -> tuple[list[Skipped], list[str]]:
    """Give what the second opinion finds and nobody took, with the reader's own reason where it has one."""
    skipped = list(reading.left)
    told = {(one.file, one.line) for one in reading.left}
    warnings: list[str] = []
    several = len(material.pages) > 1
    taken: dict[str, set[int]] = {page.name: set() for page in material.pages}
    for draft in reading.drafts:
        taken.setdefault(draft.file, set()).update((draft.line, *draft.lines))
    for page in material.pages:
        found, swallowed = scan(page, taken[page.name])
        shown = [_told(one, page, reading, several=several) for one in found]
        skipped += [one for one in shown if (one.file, one.line) not in told]
        warnings += swallowed
    return skipped, warnings


def _told(one: Skipped, page: Page, reading: Reading, *, several: bool) -> Skipped:
    reason = reading.reasons.get((page.name, one.line), one.reason)
    return replace(one, reason=reason, file=page.name if several else "")
