"""Who works on a plan, and which part of the project is whose.

Configured agents and a configured matrix count before everything. Else there is one agent for each area that the
document names, at most three unless more are asked for, and an area's folder is found in CODEOWNERS, then in the
folder tree, else it is a new folder of its name.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.claims import Claim
from orchestrator.model import Access, AgentId, Area, Document, Seat
from orchestrator.planning.surroundings import OwnershipRow, SeatSpec, Surroundings

MOST = 3  #: agents when nobody says how many


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


def slug(label: str) -> str:
    """Give a label as it stands in agent ids and folder names."""
    return re.sub(r"[^a-z0-9]+", "-", label.casefold()).strip("-")


def seat_agents(document: Document, surroundings: Surroundings, *, width: int) -> Seating:
    """Seat the agents; `width` is how many tasks could run side by side at most."""
    areas = document_areas(document)
    specs = surroundings.seats or _proposed(list(areas), surroundings.count, width)
    rows = tuple(_area(row, specs) for row in surroundings.ownership)
    territories = tuple(
        _territory(label, words, specs, rows, surroundings, place) for place, (label, words) in enumerate(areas.items())
    )
    proposed = tuple(
        Area(path=folder, owners=(territory.owner,), access=Access.EXCLUSIVE, why=territory.why)
        for territory in territories
        for folder in territory.folders
        if not any(row.path.rstrip("/") == folder.rstrip("/") for row in rows)
    )
    matrix = tuple(sorted({row.path: row for row in (*proposed, *rows)}.values(), key=lambda row: row.path))
    seats = tuple(_seat(spec, matrix, territories) for spec in specs)
    return Seating(seats=seats, territories=territories, matrix=matrix, warnings=_unowned(rows, surroundings.ownership))


def document_areas(document: Document) -> dict[str, str]:
    """Give the areas that a document names, in its order, with all the words about them."""
    areas: dict[str, str] = {requirement.area: requirement.text for requirement in document.requirements}
    for task in document.tasks:
        if task.area:
            areas[task.area] = f"{areas.get(task.area, '')} {task.title}".strip()
    return areas


def _proposed(labels: list[str], count: int | None, width: int) -> tuple[SeatSpec, ...]:
    wanted = count if count is not None else min(MOST, len(labels) or max(1, width))
    specs = []
    for number in range(1, wanted + 1):
        label = slug(labels[number - 1]) if number <= len(labels) else ""
        name = f"agent-{number}-{label}" if label else f"agent-{number}"
        specs.append(SeatSpec(id=AgentId(name), role=label or "general", skills=(label,) if label else ()))
    return tuple(specs)


def _area(row: OwnershipRow, specs: Sequence[SeatSpec]) -> Area:
    owners = owners_of(row.owner, specs)
    access = row.access
    if access is Access.EXCLUSIVE and len(owners) > 1:
        access = Access.SEQUENTIAL
    return Area(path=row.path, owners=owners, access=access, why="configured")


def owners_of(owner: str | None, specs: Sequence[SeatSpec]) -> tuple[AgentId, ...]:
    """Give the agents that an owner means: by id, else by role, else by label."""
    if owner is None or owner.casefold() in {"none", ""}:
        return ()
    named = owner.casefold().lstrip("@")
    by_id = tuple(
        spec.id for spec in specs if spec.id.casefold() == named or re.fullmatch(rf"{re.escape(named)}-.*", spec.id.casefold())
    )
    by_role = tuple(spec.id for spec in specs if spec.role.casefold() == named)
    by_label = tuple(spec.id for spec in specs if named in spec.id.casefold().split("-")[2:] or named in _parts(spec.role))
    return by_id or by_role or by_label


def _parts(role: str) -> list[str]:
    return re.split(r"[^a-z0-9]+", role.casefold())


def _territory(
    label: str, words: str, specs: Sequence[SeatSpec], rows: Sequence[Area], surroundings: Surroundings, place: int
) -> Territory:
    owner = _owner_for(label, specs, rows, place)
    configured = tuple(row.path for row in rows if owner in row.owners and row.access is not Access.READ_ONLY)
    if configured:
        folders, why = configured, f"the configured matrix gives it to {owner}"
    else:
        folders, why = _folders(label, surroundings)
    return Territory(label=label, words=f"{label} {words}", owner=owner, folders=folders, why=why)


def _owner_for(label: str, specs: Sequence[SeatSpec], rows: Sequence[Area], place: int) -> AgentId:
    """Give the agent that fits a label by id, role or skill; else they are dealt out in turn."""
    name = slug(label)
    for spec in specs:
        if name and (name == slug(spec.id.partition("-")[2].partition("-")[2]) or name in (slug(skill) for skill in spec.skills)):
            return spec.id
    fitting = owners_of(name, specs)
    if fitting:
        return fitting[0]
    words = set(name.split("-"))
    for spec in specs:
        if words & {
            part for part in (*_parts(spec.role), *spec.id.split("-")[2:], *(slug(skill) for skill in spec.skills)) if part
        }:
            return spec.id
    free = [spec.id for spec in specs if not any(spec.id in row.owners for row in rows)] or [spec.id for spec in specs]
    return free[place % len(free)]


def _folders(label: str, surroundings: Surroundings) -> tuple[tuple[Claim, ...], str]:
    name = slug(label)
    for line in (surroundings.codeowners or "").splitlines():
        pattern, *owners = line.partition("#")[0].split()[:8] or [""]
        if (
            owners
            and any(name and name in slug(owner).split("-") for owner in owners)
            and not any(sign in pattern for sign in "*?[!")
        ):
            return (Claim(pattern.strip("/") + "/"),), f"CODEOWNERS: {line.strip()}"
    for candidate in (name, f"src/{name}", f"packages/{name}", f"apps/{name}"):
        actual = _existing(candidate, surroundings.files)
        if actual:
            return (Claim(f"{actual}/"),), f"the folder {actual}/ exists"
    return (Claim(f"{name or 'area'}/"),), f"a new folder named after {label!r}"


def _existing(candidate: str, files: Sequence[str]) -> str:
    depth = candidate.count("/") + 1
    folders = {"/".join(name.split("/")[:depth]) for name in files if name.count("/") >= depth}
    return next((folder for folder in sorted(folders) if slug(folder.replace("/", "-")) == slug(candidate.replace("/", "-"))), "")


def _seat(spec: SeatSpec, matrix: Sequence[Area], territories: Sequence[Territory]) -> Seat:
    owns = [row.path for row in matrix if spec.id in row.owners and row.access is not Access.READ_ONLY]
    owns += [folder for territory in territories if territory.owner == spec.id for folder in territory.folders]
    label = "-".join(spec.id.split("-")[2:])
    return Seat(id=spec.id, role=spec.role, label=label, skills=spec.skills, owns=tuple(dict.fromkeys(owns)))


def _unowned(rows: Sequence[Area], configured: Sequence[OwnershipRow]) -> tuple[str, ...]:
    return tuple(
        f"the matrix gives {wanted.path} to {wanted.owner!r}, which is no agent, role or label; it is written under a lock"
        for row, wanted in zip(rows, configured, strict=True)
        if not row.owners and wanted.owner and wanted.owner.casefold() != "none"
    )
