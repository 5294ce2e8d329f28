"""What a document leaves open that a night would suffer from, each with its place.

Remarks stop nothing: they say where an agent, or squad, will not be able to tell what is meant or whether it is done. A need
that points nowhere is no remark: the reader, which alone knows all ids, warns of it with its line.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestrator.claims import is_folder, is_glob
from orchestrator.model import Plan, PlannedTask, TaskId
from orchestrator.text.expressions import expression

#: Kiro's tasks name the requirements whose criteria they meet.
_MEETS = expression(r"(?:Requirements|Validates)\b\W*(?:Requirements?\W*)?(?:\d|all\b)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """One thing that is left open."""

    rule: str  #: no-criterion | no-end | one-file
    file: str
    line: int
    task: TaskId
    text: str  #: without the task


def lint(plan: Plan, *, checks: Sequence[str] = ()) -> tuple[Remark, ...]:
    """Look a plan's tasks through; `checks` are those that hold for tasks without their own."""
    return (*_ends(plan, checks), *_files(plan))


def _ends(plan: Plan, checks: Sequence[str]) -> Iterator[Remark]:
    """Find tasks of which nobody can tell when they are done, or only by their files."""
    for planned in plan.tasks:
        task = planned.task
        if task.gate or task.criteria or _MEETS.search(task.text) or (task.checks if task.checks is not None else checks):
            continue
        if planned.task.writes:
            yield _remark("no-criterion", planned, "has no acceptance criterion and no check")
        else:
            yield _remark("no-end", planned, "names no criterion, no check and no file: nobody can tell that it is done")


def _files(plan: Plan) -> Iterator[Remark]:
    """Find files that several tasks say they write; they will be written in turn."""
    writers: dict[str, list[PlannedTask]] = {}
    for planned in plan.tasks:
        for claim in planned.task.writes or ():
            if not is_folder(claim) and not is_glob(claim):
                writers.setdefault(claim, []).append(planned)
    for path, several in writers.items():
        if len(several) > 1:
            others = ", ".join(f"{one.task.id} (line {one.task.source.line})" for one in several[:-1])
            parallel = ", and their parallel marks do not hold" if any(one.task.parallel for one in several) else ""
            yield _remark(
                "one-file", several[-1], f"writes {path}, as {others} {'does' if len(several) == 2 else 'do'}: in turn{parallel}"
            )


def _remark(rule: str, planned: PlannedTask, text: str) -> Remark:
    source = planned.task.source
    return Remark(rule=rule, file=source.file, line=source.line, task=planned.task.id, text=text)
