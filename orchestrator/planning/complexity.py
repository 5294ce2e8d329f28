"""How much larger than a plain task one is, by what its document says of it.

Nobody has ever measured how lines of a plan become minutes, so no precision is pretended: what goes beyond the ordinary is
counted, each count has a weight, and the sum is told. A task with nothing special is exactly as long as the default.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from orchestrator.claims import is_operation
from orchestrator.model import Task
from orchestrator.sections import ComplexitySettings
from orchestrator.text.expressions import expression

_ORDINARY = 3  #: of each that count nothing
_WORDS = 100  #: words of a text that count as one
_STEP = expression(r"^(?!Part of: )[^\S\n]*\S", re.MULTILINE)  #: readers give each item below a task a line of its own
_TEST = expression(r"(?:^|[._-])(?:tests?|specs?)(?:[._-]|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Complexity:
    """What a task is worth beside a plain one."""

    factor: float  #: 1 for a plain task
    told: str  #: the sum, in words; empty for a plain task


PLAIN = Complexity(factor=1.0, told="")


def complexity(task: Task, *, weights: ComplexitySettings, files: Collection[str] = frozenset()) -> Complexity:
    """Score a task from its own text, paths and criteria; `files` are those that the project has."""
    paths = [claim for claim in task.writes or () if not is_operation(claim)]
    if len(paths) <= _ORDINARY and len(task.criteria) <= _ORDINARY and not task.text:
        return PLAIN
    several = paths if len(paths) > _ORDINARY else ()
    counts = (
        ("files", len(paths) - _ORDINARY, weights.files),
        ("existing files", sum(path in files for path in several) - _ORDINARY, weights.existing),
        ("tests", sum(_is_test(path) for path in several) - _ORDINARY, weights.tests),
        ("criteria", len(task.criteria) - _ORDINARY, weights.criteria),
        ("steps", len(_STEP.findall(task.text)) - _ORDINARY, weights.steps),
        ("hundred words", (len(task.text.split()) - _WORDS) // _WORDS, weights.words),
    )
    parts = [(name, count, weight) for name, count, weight in counts if count > 0 and weight]
    whole = round(1 + sum(count * weight for _, count, weight in parts), 3)
    told = " + ".join(["1", *(f"{count} more {name} x {weight:g}" for name, count, weight in parts)])
    if whole > weights.most:
        return Complexity(factor=weights.most, told=f"{told} = {whole:g}, at most {weights.most:g}")
    return Complexity(factor=whole, told=f"{told} = {whole:g}" if parts else "")


def _is_test(path: str) -> bool:
    return "t" in path and any(_TEST.search(part) for part in path.split("/"))
