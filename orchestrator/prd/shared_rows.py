"""Rows of a matrix that a requirements document holds as prose: `Shared Dependencies`, written in turn or only read.

Nobody owns what is shared. What a task of the document says it writes is not only read, whatever the chapter says.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from orchestrator.claims import Claim
from orchestrator.model import Access, Area
from orchestrator.prd.chapters import Sharer
from orchestrator.prd.outline import Block, Heading, Item, Paragraph
from orchestrator.prd.paths import find_paths
from orchestrator.text.expressions import expression

_CHAPTER = expression(r"^\W*(?:\d+\.?\s+)?shared\s+(?:dependenc|files|resources|types)", re.IGNORECASE)
_READ = expression(r"\bread[\s-]*only\b", re.IGNORECASE)
_TURN = expression(r"\bsequential", re.IGNORECASE)


def shared_rows(blocks: Sequence[Block], tasks: Sequence[Sharer], warnings: list[str]) -> tuple[Area, ...]:
    """Give a row for each shared path, as written; a contradiction with a task is added to the warnings."""
    paths = list(_paths(blocks))
    written = {path.strip("/") for one in tasks for path in one.paths} if paths else set()
    rows: dict[str, Area] = {}
    for path, access, line in paths:
        if access is Access.READ_ONLY and path.strip("/") in written:
            warnings.append(f"line {line}: {path} is said to be only read, and a task writes it: it is written in turn")
            access = Access.SEQUENTIAL  # noqa: PLW2901 - what holds instead
        rows.setdefault(path.strip("/"), Area(path=Claim(path), owners=(), access=access, why=f"line {line}: shared"))
    return tuple(rows.values())


def _paths(blocks: Sequence[Block]) -> Iterator[tuple[str, Access, int]]:
    """Give the paths of the chapter with what its last words about access said; shared without a word is in turn."""
    access = Access.SEQUENTIAL
    for block in blocks:
        if isinstance(block, Heading):
            access = _access(block.text, Access.SEQUENTIAL)
        elif not _is_shared(block.above):
            continue
        elif isinstance(block, Paragraph):
            access = _access(block.text, access)
        elif isinstance(block, Item):
            for one in block.walk():
                for path in find_paths(one.text):
                    yield path, _access(one.text, access), one.line


@lru_cache(maxsize=64)
def _is_shared(above: tuple[Heading, ...]) -> bool:
    return any(_CHAPTER.search(heading.text) for heading in above)


def _access(text: str, otherwise: Access) -> Access:
    if _READ.search(text):
        return Access.READ_ONLY
    return Access.SEQUENTIAL if _TURN.search(text) else otherwise
