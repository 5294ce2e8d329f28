"""From a file on the command line to a plan: reading, surroundings, planning, verification."""

import hashlib
import json
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from orchestrator import git
from orchestrator.claims import Claim, canonical
from orchestrator.cli import settings
from orchestrator.cli.context import Context
from orchestrator.config import Config
from orchestrator.errors import PlanError, PrdError, Where
from orchestrator.model import Document, Isolation, Plan
from orchestrator.ownership import label_of
from orchestrator.places import Plain
from orchestrator.planning.checker import problems
from orchestrator.planning.document import load_plan, plan_document
from orchestrator.planning.planner import make_plan
from orchestrator.planning.surroundings import OwnershipRow, SeatSpec, Surroundings
from orchestrator.platform import real_relative
from orchestrator.prd import read as read_prd
from orchestrator.prd.source import LARGEST
from orchestrator.project import Project

_CODEOWNERS = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS")


class PlanRefused(PlanError):
    """The independent check found that a plan does not hold."""

    def __init__(self, file: str, found: tuple[str, ...]) -> None:
        shown = "\n".join(f"  {problem}" for problem in found[:20])
        super().__init__(f"the plan does not hold:\n{shown}", where=Where(file), hint="plan again: squad plan FILE -o plan.json")
        self.problems = found


def read(options: Context, file: str, *, format: str | None = None) -> tuple[Document, bytes]:  # noqa: A002 - the option's name
    """Read a document; gives it and its bytes.

    Raises:
        PrdError: It is missing, no file, too large, or nothing can be read from it.
    """
    data = _bytes_of(options.folder / file, file)
    return read_prd(data, name=file, claim=claims_of(options.project()), format=format), data


def make_plan_for(options: Context, file: str, *, count: int | None) -> Plan:
    """Plan a document with the project's surroundings.

    Raises:
        SquadError: It cannot be read or planned.
    """
    project = options.project()
    flags: dict[str, Plain] = {} if count is None else {"run.agents": str(count)}
    config = settings.load(options, project, flags)
    return plan_with(options, file, project, config, count=count)[0]


def plan_with(options: Context, file: str, project: Project, config: Config, *, count: int | None) -> tuple[Plan, bytes]:
    """Plan a document, or read a plan that was made before, and give its bytes; either way it is checked independently.

    Raises:
        PlanRefused: It does not hold.
    """
    around = surroundings(project, config, count=count)
    path = options.folder / file
    if is_plan(path):
        data = _bytes_of(path, file)
        return _made_before(data, file, around), data
    document, data = read(options, file)
    named = _named(document, _inside(path, project))
    return _checked(make_plan(named, around, source_digest=hashlib.sha256(data).hexdigest()), file), data


def is_plan(path: Path) -> bool:
    """Tell whether a file is a plan and not a document."""
    if path.suffix != ".json" or not path.is_file() or path.stat().st_size > LARGEST:
        return False
    return b'"certificate"' in path.read_bytes()


def require_holds(path: Path, *, shown: str) -> Mapping[str, object]:
    """Check a plan file with the independent checker; gives its document.

    Raises:
        PlanRefused: It does not hold.
        PlanError: It is no JSON.
    """
    return _held(_bytes_of(path, shown), shown)


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


def _checked(plan: Plan, file: str) -> Plan:
    """Let the checker see what the planner made, so that a mistake of the planner never starts."""
    if found := problems(json.loads(plan_document(plan))):
        raise PlanRefused(file, found)
    return plan


def _inside(path: Path, project: Project) -> str:
    """Give a document's name as plans carry it: relative to the project where it lies inside, else its own name."""
    real = Path(os.path.realpath(path))
    return real.relative_to(project.root).as_posix() if real.is_relative_to(project.root) else path.name


def _named(document: Document, name: str) -> Document:
    tasks = tuple(replace(task, source=replace(task.source, file=name)) for task in document.tasks)
    return replace(document, path=name, tasks=tasks)


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
        ownership=tuple(
            OwnershipRow(path=claim(path), owner=row.owner, access=row.access) for path, row in config.ownership.items()
        ),
        count=count if count is not None else config.run.agents,
        isolation=Isolation.SHARED if shared else Isolation.WORKTREE,
        never_parallel=config.never_parallel,
        capacity=config.capacity,
    )


def claims_of(project: Project) -> Callable[[str], Claim]:
    """Give the function that brings a path of a document into canonical form."""
    resolve = partial(real_relative, project.root)
    return partial(canonical, roots=(str(project.root), os.path.realpath(project.root)), resolve=resolve)


def _codeowners(root: Path) -> str | None:
    for name in _CODEOWNERS:
        if (root / name).is_file():
            return (root / name).read_text(encoding="utf-8", errors="replace")
    return None


def _bytes_of(path: Path, shown: str) -> bytes:
    """Read a file of the user's; whatever never ends or is no file is not even opened."""
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise PrdError("a folder, not a file", where=Where(shown), hint="name a document in it")
        if not stat.S_ISREG(found.st_mode):
            raise PrdError("no regular file: a pipe, a device or a socket", where=Where(shown), hint="save it as a file first")
        if found.st_size > LARGEST:
            message = f"{found.st_size / 2**20:.0f} MiB is too large: at most {LARGEST // 2**20} MiB are read"
            raise PrdError(message, where=Where(shown), hint="split the document")
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        near = sorted(one.name for one in path.parent.glob("*.md"))[:5] if path.parent.is_dir() else []
        hint = f"documents here: {', '.join(near)}" if near else "write one: a '## Tasks' heading and a list below it"
        raise PrdError("there is no such file", where=Where(shown), hint=hint) from error
    except OSError as error:
        raise PrdError(f"cannot be read: {error.strerror}", where=Where(shown), hint="look at it: ls -l") from error
    except ValueError as error:
        raise PrdError(f"no name of a file: {error}", where=Where(repr(shown)[1:-1])) from error
