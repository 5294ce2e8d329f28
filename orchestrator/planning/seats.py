"""Who works on a plan, and which part of the project is whose.

Configured agents and a configured matrix count before everything. Else there is one agent for each area that the
document names, at most three unless more are asked for; areas beyond them go to who has least. An area's folder is
found in CODEOWNERS, then in the folder tree, else it is a new folder of its name.
"""

import posixpath
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.claims import Claim, covers, is_folder, is_glob, key, meets
from orchestrator.locks.keyindex import KeyIndex
from orchestrator.model import Access, AgentId, Area, Document, Seat
from orchestrator.ownership import label_of, owners_of, slug, words_of
from orchestrator.planning.codeowners import Rule, cleared_rules, live_rules, names_of, owned_by
from orchestrator.planning.surroundings import OwnershipRow, SeatSpec, Surroundings
from orchestrator.text.expressions import expression

MOST = 3  #: agents when nobody says how many
_ID = expression(r"agent-\d+(-[a-z0-9][a-z0-9-]*)?")
_LONGEST = 40  #: characters of a label in an agent's id


@dataclass(frozen=True, slots=True, kw_only=True)
class Territory:
    """An area of the document and where it lies."""

    label: str  #: as the document writes it
    words: str  #: everything the document says about it
    owner: AgentId
    folders: tuple[Claim, ...]
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seating:
    """Agents, areas and the ownership matrix."""

    seats: tuple[Seat, ...]
    territories: tuple[Territory, ...]
    matrix: tuple[Area, ...]
    warnings: tuple[str, ...] = ()


def seat_agents(document: Document, surroundings: Surroundings, *, width: int) -> Seating:
    """Seat the agents; `width` is how many tasks could run side by side at most."""
    rules = live_rules(surroundings.codeowners or "")
    areas = document_areas(document)
    if not (areas or surroundings.seats or surroundings.ownership or document.seats or document.ownership):
        areas = _teams(document, rules)
    count = surroundings.count
    specs = surroundings.seats or _named(document, list(areas), count, width) or _proposed(list(areas), count, width)
    configured = tuple(_area(row, specs) for row in surroundings.ownership)
    rows = configured or _from_document(document, specs)
    if not any(row.owners for row in rows) and not configured:  # what is only shared says nothing of whose the rest is
        rows = (*rows, *_from_codeowners(rules, surroundings.codeowners or "", specs))
    dealing = _Dealing(specs, rows, loads={spec.id: 0.0 for spec in specs})
    homes = _homes(areas)
    territories = tuple(
        _territory(
            area, dealing.owner_of(area, max(1.0, area.tasks)), rows=rows, rules=rules, homes=homes, surroundings=surroundings
        )
        for area in areas.values()
    )
    matrix = _matrix(rows, territories)
    seats = tuple(_seat(spec, matrix, territories) for spec in specs)
    return Seating(seats=seats, territories=territories, matrix=matrix, warnings=_unowned(configured, surroundings.ownership))


@dataclass(slots=True, kw_only=True)
class Label:
    """An area as the document names it."""

    label: str
    words: str  #: everything the document says about it
    files: list[Claim] = field(default_factory=list)  #: what its tasks declare
    tasks: int = 0  #: that surely belong to it


def document_areas(document: Document) -> dict[str, Label]:
    """Give the areas that a document names, in its order; two spellings of one name are one area."""
    areas: dict[str, Label] = {}
    for requirement in document.requirements:
        area = areas.setdefault(slug(requirement.area) or requirement.area, Label(label=requirement.area, words=""))
        area.words = f"{area.words} {requirement.text}".strip()
    for task in document.tasks:
        if task.area:
            area = areas.setdefault(slug(task.area) or task.area, Label(label=task.area, words=""))
            area.words = f"{area.words} {task.title}".strip()
            area.files += task.writes or ()
            area.tasks += 1
    return areas


def _teams(document: Document, rules: Sequence[Rule]) -> dict[str, Label]:
    """Give as areas the teams of CODEOWNERS whose files the tasks write, in the document's order; one alone parts no work."""
    if not rules:
        return {}
    teams: dict[str, Label] = {}
    by_claim: KeyIndex[int] = KeyIndex()
    for place, rule in enumerate(rules):
        by_claim.add(rule.claim, place, place)
    for task in document.tasks:
        for claim in task.writes or ():
            last = max((place for place in by_claim.covering(claim) if rules[place].decides(claim)), default=None)
            called = names_of(rules[last].owners[0]) if last is not None and rules[last].claim != "." else ()
            if label := next(filter(None, called[1:2] or called), ""):
                team = teams.setdefault(label, Label(label=label, words=""))
                team.files.append(claim)
                team.tasks += 1
    return teams if len(teams) > 1 else {}


def _named(document: Document, labels: list[str], count: int | None, width: int) -> tuple[SeatSpec, ...]:
    """Give the agents that the document names: by plans, or in the lists of its tasks by full ids, and others beside these."""
    if document.seats:
        return tuple(SeatSpec(id=seat.id, role=seat.role, skills=seat.skills) for seat in document.seats)
    listed = dict.fromkeys(agent for task in document.tasks for agent in task.agents)
    ids = sorted((agent for agent in listed if _ID.fullmatch(agent)), key=lambda agent: (_number(agent), agent))
    if not ids or len(ids) != len(listed) or len({*map(_number, ids)}) != len(ids) or (count is not None and count < len(ids)):
        return ()
    named = [SeatSpec(id=agent, role=label_of(agent) or "general", skills=()) for agent in ids]
    labels = [label for label in labels if not any(owners_of(label, [spec]) for spec in named)]
    is_all = all(task.agents for task in document.tasks)
    wanted = len(named) if is_all else max(len(named), min(MOST, len(named) + len(labels) if labels else width))
    free = (number for number in range(1, 1000) if number not in {*map(_number, ids)})
    more = range((count if count is not None else wanted) - len(named))
    rest = [_seat_of(next(free), labels[place] if place < len(labels) else "") for place in more]
    return tuple(sorted((*named, *rest), key=lambda spec: _number(spec.id)))


def _number(agent: AgentId) -> int:
    return int(agent.split("-")[1])


def _from_document(document: Document, specs: Sequence[SeatSpec]) -> tuple[Area, ...]:
    """Give the rows of the document's own matrix."""
    owners = {row.path: tuple(agent for name in row.owners for agent in owners_of(name, specs)) for row in document.ownership}
    return tuple(_row(row.path, owners[row.path], row.access, row.why) for row in document.ownership)


def _proposed(labels: list[str], count: int | None, width: int) -> tuple[SeatSpec, ...]:
    wanted = count if count is not None else min(MOST, len(labels) or max(1, width))
    return tuple(_seat_of(number, labels[number - 1] if number <= len(labels) else "") for number in range(1, wanted + 1))


def _seat_of(number: int, area: str) -> SeatSpec:
    label = slug(area)
    short = label[:_LONGEST].strip("-")  # it becomes part of file names
    name = f"agent-{number}-{short}" if short else f"agent-{number}"
    return SeatSpec(id=AgentId(name), role=label or "general", skills=(label,) if label else ())


def _area(row: OwnershipRow, specs: Sequence[SeatSpec]) -> Area:
    return _row(row.path, owners_of(row.owner, specs), row.access, row.why)


def _row(path: Claim, owners: tuple[AgentId, ...], access: Access, why: str) -> Area:
    """Give a row; what nobody owns, or several, is written under locks."""
    shared = access is Access.EXCLUSIVE and len(owners) != 1
    return Area(path=path, owners=owners, access=Access.SEQUENTIAL if shared else access, why=why)


def _from_codeowners(rules: Sequence[Rule], text: str, specs: Sequence[SeatSpec]) -> tuple[Area, ...]:
    """Give the rows by which CODEOWNERS speaks of our agents, and what it takes out of them again."""
    rows = []
    for rule in rules:
        names = [name for owner in rule.owners for name in names_of(owner)]
        owners = tuple(dict.fromkeys(agent for name in names for agent in owners_of(name, specs)))
        if rule.area is not None and owners:
            rows.append(_row(rule.area, owners, Access.EXCLUSIVE, f"CODEOWNERS: {rule.text}"))
    given = [row.path for row in rows]
    rows += [
        _row(rule.area, (), Access.EXCLUSIVE, f"CODEOWNERS: {rule.text} (nobody)")
        for rule in cleared_rules(text)
        if rule.area is not None and any(covers(path, rule.area) and path != rule.area for path in given)
    ]
    return tuple(rows)


def _matrix(rows: Sequence[Area], territories: Sequence[Territory]) -> tuple[Area, ...]:
    """Give the rows and, where they are silent, the areas; an area of several agents is shared under locks."""
    known = {key(row.path): row for row in rows}
    proposed: dict[str, Area] = {}
    for territory in territories:
        for folder in territory.folders:
            before = proposed.get(key(folder))
            owners = tuple(dict.fromkeys([*(before.owners if before else ()), territory.owner]))
            proposed[key(folder)] = _row(folder, owners, Access.EXCLUSIVE, territory.why)
    return tuple(sorted({**proposed, **known}.values(), key=lambda row: row.path))


def _homes(areas: Mapping[str, Label]) -> dict[str, Claim]:
    """Give for areas, by label, the folder that most files of their tasks lie in and none of another area."""
    homes: dict[str, Claim] = {}
    for area in areas.values():
        folders = [claim if is_folder(claim) else posixpath.dirname(claim) for claim in area.files if not is_glob(claim)]
        tops = Counter(folder.partition("/")[0] for folder in folders)
        top, times = tops.most_common(1)[0] if tops else ("", 0)
        common = posixpath.commonpath([one for one in folders if one.partition("/")[0] == top]) if top else ""
        foreign = any(meets(common, claim) for other in areas.values() if other is not area for claim in other.files)
        if common.strip("./") and times * 2 > len(area.files) and not foreign:
            homes[area.label] = Claim(f"{common}/")
    return homes


def _territory(
    area: Label,
    owner: AgentId,
    *,
    rows: Sequence[Area],
    rules: Sequence[Rule],
    homes: Mapping[str, Claim],
    surroundings: Surroundings,
) -> Territory:
    named = tuple(row for row in rows if slug(key(row.path).rpartition("/")[2]) == slug(area.label) and owner in row.owners)
    own = named or tuple(row for row in rows if owner in row.owners and row.access is not Access.READ_ONLY)
    if own:
        folders, why = tuple(row.path for row in own), own[0].why
        why = f"the configured matrix gives it to {owner}" if why == "configured" else why
    else:
        folders, why = _folders(area, rules, homes.get(area.label), surroundings)
    return Territory(label=area.label, words=f"{area.label} {area.words}", owner=owner, folders=folders, why=why)


@dataclass(slots=True)
class _Dealing:
    """Gives areas to agents: to the one that fits, else to who has least so far."""

    specs: Sequence[SeatSpec]
    rows: Sequence[Area]
    loads: dict[AgentId, float]

    def owner_of(self, area: Label, work: float) -> AgentId:
        free = [spec.id for spec in self.specs if not any(spec.id in row.owners for row in self.rows)]
        owner = self._fitting(slug(area.label)) or min(free or list(self.loads), key=lambda name: self.loads[name])
        self.loads[owner] += work
        return owner

    def _fitting(self, name: str) -> AgentId | None:
        """Give the agent that fits a label by id, by skill, by a row of its name, by role or by a word of these."""
        if not name:
            return None
        for spec in self.specs:
            if name == label_of(spec.id).casefold() or name in (slug(skill) for skill in spec.skills):
                return spec.id
        for row in self.rows:
            if row.owners and slug(key(row.path).rpartition("/")[2]) == name:
                return row.owners[0]
        if fitting := owners_of(name, self.specs):
            return fitting[0]
        words = set(name.split("-"))
        own = {spec.id: (words_of(spec) | {slug(skill) for skill in spec.skills}) - {"", "general"} for spec in self.specs}
        return next((agent for agent, known in own.items() if words & known), None)


def _folders(area: Label, rules: Sequence[Rule], home: Claim | None, surroundings: Surroundings) -> tuple[tuple[Claim, ...], str]:
    """Give where an area lies: by CODEOWNERS, by the files its tasks name, by the folder tree, else in a new folder."""
    name = slug(area.label)
    owned = [rule for rule in owned_by(name, rules) if rule.area is not None]
    if owned:
        return tuple(dict.fromkeys(rule.area for rule in owned if rule.area)), f"CODEOWNERS: {owned[0].text}"
    if home is not None:
        return (home,), f"the files of its tasks lie in {home}"
    for candidate in (name, f"src/{name}", f"packages/{name}", f"apps/{name}") if name else ():
        actual = _existing(candidate, surroundings.files)
        if actual:
            return (Claim(f"{actual}/"),), f"the folder {actual}/ exists"
    new = re.sub(r"[^\w]+", "-", area.label.casefold()).strip("-") or "area"
    return (Claim(f"{new}/"),), f"a new folder named after {area.label!r}"


def _existing(candidate: str, files: Sequence[str]) -> str:
    depth = candidate.count("/") + 1
    folders = {"/".join(name.split("/")[:depth]) for name in files if name.count("/") >= depth}
    return next((folder for folder in sorted(folders) if slug(folder.replace("/", "-")) == slug(candidate.replace("/", "-"))), "")


def _seat(spec: SeatSpec, matrix: Sequence[Area], territories: Sequence[Territory]) -> Seat:
    owns = [row.path for row in matrix if spec.id in row.owners and row.access is not Access.READ_ONLY]
    owns += [folder for territory in territories if territory.owner == spec.id for folder in territory.folders]
    return Seat(id=spec.id, role=spec.role, label=label_of(spec.id), skills=spec.skills, owns=tuple(dict.fromkeys(owns)))


def _unowned(rows: Sequence[Area], configured: Sequence[OwnershipRow]) -> tuple[str, ...]:
    return tuple(
        f"the matrix gives {wanted.path} to {wanted.owner!r}, which is no agent, role or label; it is written under a lock"
        for row, wanted in zip(rows, configured, strict=True)
        if not row.owners and wanted.owner and wanted.owner.casefold() != "none"
    )
