"""From a file on the command line to a plan: surroundings, planning, verification."""

import contextlib
import json
import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import msgspec
from msgspec import structs

from orchestrator import git
from orchestrator.claims import Claim
from orchestrator.cli import settings
from orchestrator.cli.again import plan_left
from orchestrator.cli.context import Context
from orchestrator.cli.optimising import optimiser
from orchestrator.cli.reading import claims_of, read
from orchestrator.cli.samples import samples
from orchestrator.cli.scoring import allocation_for
from orchestrator.cli.sources import LARGEST_PLAN, bytes_of
from orchestrator.config import Config
from orchestrator.errors import PlanError, Where
from orchestrator.model import Document, Isolation, Plan, Task
from orchestrator.ownership import label_of
from orchestrator.places import Plain
from orchestrator.planning.again import without
from orchestrator.planning.checker import problems
from orchestrator.planning.crew import Crew, crews
from orchestrator.planning.document import load_plan, plan_document
from orchestrator.planning.matrices import matrix_of
from orchestrator.planning.order import Improve
from orchestrator.planning.planner import make_plan
from orchestrator.planning.surroundings import OwnershipRow, SeatSpec, Surroundings
from orchestrator.prd import OWN
from orchestrator.project import Project
from orchestrator.uncollected import uncollected

_RULES = "parallel-execution-rules.md"
#: Where hand-run squads keep their matrix, the most binding first.
_MATRICES = (
    ".squad/parallel-allocation-report.md",
    f".claude/{_RULES}",
    f".claude/instructions/{_RULES}",
    f".squad/templates/{_RULES}",
)
_TRIED = 300  #: tasks, beyond which numbers of agents are not compared
_CODEOWNERS = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A plan that holds."""

    plan: Plan
    read: bytes  #: the document that it was made from
    seen: bytes | None = None  #: its own document, as the checker saw it; None: it was read from one

    @property
    def body(self) -> bytes:
        """Give its own document."""
        return self.seen or plan_document(self.plan)


class PlanRefused(PlanError):
    """The independent check found that a plan does not hold."""

    def __init__(self, file: str, found: tuple[str, ...]) -> None:
        shown = "\n".join(f"  {problem}" for problem in found[:20])
        super().__init__(f"the plan does not hold:\n{shown}", where=Where(file), hint="plan again: squad plan FILE -o plan.json")
        self.problems = found


def make_plan_for(
    options: Context,
    file: str,
    *,
    count: int | None,
    any_order: bool = False,
    among: Collection[str] | None = None,
    optimise: bool = False,
) -> Made:
    """Plan a document with the project's surroundings; see `plan_with`.

    Raises:
        SquadError: It cannot be read or planned.
    """
    project = options.project()
    flags: dict[str, Plain] = {} if count is None else {"run.agents": str(count)}
    config = settings.load(options, project, flags)
    improve = optimiser(options) if optimise else None
    with uncollected():
        return plan_with(options, file, project, config, count=count, any_order=any_order, among=among, improve=improve)


def crews_for(options: Context, file: str, made: Plan, *, any_order: bool = False) -> tuple[Crew, ...]:
    """Say what each number of agents would bring; nothing for a plan that was made before, or one of very many tasks."""
    if len(made.tasks) > _TRIED or is_plan(options.folder / file):
        return ()
    project = options.project()
    config = settings.load(options, project, {})
    document, found = read(options, file)
    if len(document.tasks) > _TRIED:
        return ()
    document = without(document, (one.id for one in made.before))
    document = _in_any_order(document) if any_order else document
    around = replace(surroundings(project, config, count=None), allocation=allocation_for(options, project, config))
    with contextlib.suppress(PlanError):  # a document that names its agents has no other number of them
        return crews(lambda count: make_plan(document, replace(around, count=count), source_digest=found.digest, effort=0))
    return ()


def plan_with(
    options: Context,
    file: str,
    project: Project,
    config: Config,
    *,
    count: int | None,
    any_order: bool = False,
    among: Collection[str] | None = None,
    improve: Improve | None = None,
) -> Made:
    """Plan a document, or read a plan that was made before; either way it is checked independently.

    With `any_order` what the document implies by its order alone orders nothing. What runs before have done is left out;
    `among`: of these tasks only.

    Raises:
        PlanRefused: It does not hold.
    """
    around = surroundings(project, config, count=count)
    path = options.folder / file
    if is_plan(path):
        data = bytes_of(path, file, most=LARGEST_PLAN)
        return Made(plan=_made_before(data, file, around), read=data)
    around = replace(around, allocation=allocation_for(options, project, config))
    document, found = read(options, file)
    document = _in_any_order(document) if any_order else document
    if document.format not in OWN or path.is_dir():
        options.note(f"{file}: read as {document.format}: {', '.join(_files(document))}")
    named = _named(document, inside(path, project), {name: inside(page, project) for name, page in found.paths.items()})
    make = partial(make_plan, surroundings=around, source_digest=found.digest, improve=improve)
    plan = plan_left(options, project, named, make, among=among)
    return Made(plan=plan, read=found.data, seen=_seen(plan, file))


def is_plan(path: Path) -> bool:
    """Tell whether a file is a plan and not a document."""
    if path.suffix != ".json" or not path.is_file() or path.stat().st_size > LARGEST_PLAN:
        return False
    return b'"certificate"' in path.read_bytes()


def require_holds(path: Path, *, shown: str) -> Mapping[str, object]:
    """Check a plan file with the independent checker; gives its document.

    Raises:
        PlanRefused: It does not hold.
        PlanError: It is no JSON.
    """
    with uncollected():
        data = bytes_of(path, shown, most=LARGEST_PLAN)
        document = _held(data, shown)
        load_plan(data, name=shown)  # so that nothing is called proved that `run` could not read
    return document


def _held(data: bytes, shown: str) -> Mapping[str, object]:
    try:
        document = json.loads(data, object_pairs_hook=_without_twins)
    except (ValueError, RecursionError) as error:
        raise PlanError(f"no plan: {error}", where=Where(shown), hint="make one: squad plan FILE -o plan.json") from error
    found = problems(document)
    if found or not isinstance(document, dict):
        raise PlanRefused(shown, found)
    return document


def _without_twins(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Refuse a key that stands twice: two readers could see two plans."""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} stands twice")
    return found


def _made_before(data: bytes, file: str, around: Surroundings) -> Plan:
    _held(data, file)
    plan = load_plan(data, name=file)
    if plan.isolation is not around.isolation:
        message = f"the plan was made for isolation {plan.isolation}, and this project works in {around.isolation}"
        raise PlanError(message, where=Where(file), hint="plan again: squad plan FILE -o plan.json")
    return plan


def checked(plan: Plan, file: str) -> Plan:
    """Let the checker see what the planner made, so that a mistake of the planner never starts."""
    _seen(plan, file)
    return plan


def _seen(plan: Plan, file: str) -> bytes:
    body = plan_document(plan)
    if found := problems(msgspec.json.decode(body)):
        raise PlanRefused(file, found)
    return body


def inside(path: Path, project: Project) -> str:
    """Give a document's name as plans carry it: relative to the project where it lies inside, else its own name."""
    real = Path(os.path.realpath(path))
    return real.relative_to(project.root).as_posix() if real.is_relative_to(project.root) else path.name


def _in_any_order(document: Document) -> Document:
    return replace(document, tasks=tuple(structs.replace(task, after=()) for task in document.tasks))


def _files(document: Document) -> tuple[str, ...]:
    return tuple(dict.fromkeys(task.source.file for task in document.tasks))[:6]


def _named(document: Document, name: str, files: Mapping[str, str]) -> Document:
    """Give the document with the names of its files as plans carry them."""
    if all(files.get(task.source.file, name) == task.source.file for task in document.tasks):
        return replace(document, path=name)
    tasks = tuple(_moved(task, files.get(task.source.file, name)) for task in document.tasks)
    warnings = tuple(_renamed(warning, files) for warning in document.warnings)
    return replace(document, path=name, tasks=tasks, warnings=warnings)


def _moved(task: Task, file: str) -> Task:
    return structs.replace(task, source=structs.replace(task.source, file=file))


def _renamed(warning: str, files: Mapping[str, str]) -> str:
    """Give a warning with the name of its file as plans carry it."""
    file, colon, rest = warning.partition(":")
    return f"{files.get(file, file)}{colon}{rest}"


def surroundings(project: Project, config: Config, *, count: int | None) -> Surroundings:
    """Give what a plan depends on besides its document."""
    claim = claims_of(project)
    shared = config.isolation.mode is Isolation.SHARED or not project.repository
    return Surroundings(
        files=git.tracked_files(project.root) if project.repository else (),
        codeowners=_codeowners(project.root),
        seats=tuple(
            SeatSpec(id=name, role=agent.role or label_of(name) or "general", skills=agent.skills)
            for name, agent in config.agents.items()
        ),
        ownership=_matrix(project, config, claim),
        count=count if count is not None else config.run.agents,
        isolation=Isolation.SHARED if shared else Isolation.WORKTREE,
        samples=samples(project),
        never_parallel=config.never_parallel,
        capacity=config.capacity,
    )


def _matrix(project: Project, config: Config, claim: Callable[[str], Claim]) -> tuple[OwnershipRow, ...]:
    """Give the configured matrix, else the first that a hand-run squad left."""
    if config.ownership:
        return tuple(OwnershipRow(path=claim(path), owner=row.owner, access=row.access) for path, row in config.ownership.items())
    for name in _MATRICES:
        path = project.root / name
        if path.is_file() and (rows := matrix_of(path.read_text(encoding="utf-8", errors="replace"), name=name, claim=claim)):
            return rows
    return ()


def _codeowners(root: Path) -> str | None:
    for name in _CODEOWNERS:
        if (root / name).is_file():
            return (root / name).read_text(encoding="utf-8", errors="replace")
    return None
