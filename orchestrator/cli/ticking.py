"""Marking what is done in the document that a run came from, where the user asked for it."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from orchestrator.cli.context import Context
from orchestrator.cli.reading import claims_of
from orchestrator.cli.sources import given
from orchestrator.config import Config
from orchestrator.errors import SquadError
from orchestrator.model import Document, Plan, Task, TaskState
from orchestrator.prd import read_material
from orchestrator.prd.tick import ticked
from orchestrator.project import Project
from orchestrator.state import State


def tick(options: Context, project: Project, config: Config, plan: Plan, state: State) -> None:
    """Mark the finished tasks in their document; what cannot be marked is told, and nothing else is touched."""
    done = [planned.task for planned in plan.tasks if state.tasks[planned.task.id].state is TaskState.DONE]
    if not config.run.tick or not done:
        return
    for told in _tick(replace(options, folder=project.root), project, plan.source, done):
        options.note(told)


def _tick(options: Context, project: Project, source: str, done: Sequence[Task]) -> Iterator[str]:
    try:
        found = given(options, source)
        document = read_material(found.material, claim=claims_of(project), strict=False)
    except SquadError as error:
        yield f"{source}: finished tasks are not marked: {error.message}"
        return
    for name, path in found.paths.items():
        yield from _page(path, name, document, [task for task in done if task.source.file == name])


def _page(path: Path, name: str, document: Document, done: Sequence[Task]) -> Iterator[str]:
    if not done:
        return
    try:
        before = path.read_bytes()
        after, left = ticked(before, document, done, file=name)
        if after != before:
            _replace(path.resolve(), after)
    except OSError as error:
        yield f"{name}: finished tasks are not marked: {error.strerror}"
        return
    if left:
        yield f"{name}: no mark was found for {', '.join(task.id for task in left)}"


def _replace(path: Path, data: bytes) -> None:
    """Put a file in the place of the old one, whole or not at all."""
    fresh = path.with_name(f".{path.name}.squad")
    try:
        fresh.write_bytes(data)
        shutil.copymode(path, fresh)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
