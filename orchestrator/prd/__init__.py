"""Requirements documents, read as people write them.

Pure: bytes in, tasks with their source lines out. Nothing is dropped silently: what looks like a task and was not
taken as one is listed with its line and the reason.
"""

from collections.abc import Callable
from dataclasses import replace

from orchestrator.claims import Claim, canonical
from orchestrator.errors import PrdError, UsageError, Where
from orchestrator.model import Document
from orchestrator.prd.formats import SHAPES
from orchestrator.prd.markdown import read_markdown
from orchestrator.prd.page import Material, single
from orchestrator.prd.recognise import SURE, recognise
from orchestrator.prd.settle import settle
from orchestrator.prd.shapes import Scan, Shape, scan_markdown
from orchestrator.prd.source import EXAMPLE
from orchestrator.prd.squad_tasks import read_tasks_file
from orchestrator.text.spelling import nearest_or_all
from orchestrator.uncollected import uncollected

__all__ = ["FORMATS", "OWN", "read", "read_material"]

#: Formats without a program behind them.
OWN = ("seed-prd", "prd-md", "todo", "squad-tasks")
FORMATS = (*OWN, *(shape.name for shape in SHAPES))


def read(
    data: bytes,
    *,
    name: str,
    claim: Callable[[str], Claim] = canonical,
    format: str | None = None,  # noqa: A002 - the contract's word
) -> Document:
    """Read a document of one file.

    Raises:
        PrdError: It cannot be read, or holds no task.
        PlanError: Its needs form a circle, or a path leaves the project.
        UsageError: There is no such format.
    """
    _require_known(format)
    return read_material(single(data, name=name), claim=claim, format=format)


def read_material(
    given: Material,
    *,
    claim: Callable[[str], Claim] = canonical,
    format: str | None = None,  # noqa: A002 - the contract's word
    strict: bool = True,
) -> Document:
    """Read a document; the format is recognised by the files' names and their content unless `format` says which.

    Args:
        given: The files.
        claim: Brings a path into canonical form, or raises OutsideProject.
        format: One of `FORMATS`.
        strict: In plain PRDs a need that does not exist and a path outside are refused; else they are told, as in the
            formats of other programs always.

    Raises:
        PrdError: It cannot be read, or holds no task.
        PlanError: `strict`, and its needs form a circle, or a path leaves the project.
        UsageError: There is no such format.
    """
    _require_known(format)
    with uncollected():
        return _read(given, claim=claim, format=format, strict=strict)


def _read(given: Material, *, claim: Callable[[str], Claim], format: str | None, strict: bool) -> Document:  # noqa: A002
    choice = recognise(given, SHAPES, format=format)
    if choice.shape is None:
        return _own(given, claim=claim, format=format, strict=strict)
    reading = choice.shape.read(choice.material)
    reading.warnings = [*choice.remarks, *reading.warnings]
    if not reading.drafts:
        message = f"no task in this document, read as {choice.shape.name}"
        if format is None and (plain := _plain(choice.material, claim=claim, told=message)):
            return plain
        raise PrdError(message, where=Where(choice.material.name), hint="read it another way: --format prd-md")
    return settle(reading, choice.material, claim=claim, scan=_scan_of(choice.shape))


def _plain(given: Material, *, claim: Callable[[str], Claim], told: str) -> Document | None:
    """Read a document as plain Markdown that holds nothing of the format it seemed to have; None if that gives nothing either."""
    if len(given.pages) > 1 or not given.only.path.casefold().endswith(".md"):
        return None
    try:
        document = _own(given, claim=claim, format=None, strict=False)
    except PrdError:
        return None
    return replace(document, warnings=(f"{told}: taken as {document.format}", *document.warnings))


def _scan_of(shape: Shape) -> Scan:
    """Give the second opinion of a format, for the pages that hold tasks; those beside them only help to read."""
    return lambda page, taken: ([], []) if 0 < shape.fits(page) < SURE else shape.scan(page, taken)


def _own(given: Material, *, claim: Callable[[str], Claim], format: str | None, strict: bool) -> Document:  # noqa: A002
    """Read what no other program's format fits: squad's own tasks file by its ending, else Markdown."""
    if not given.pages:
        raise PrdError("no document that squad can read", where=Where(given.name), hint=f"name a file, or {EXAMPLE}")
    page = given.only
    if len(given.pages) > 1:
        names = ", ".join(one.name for one in given.pages[:6])
        raise PrdError(
            "several documents, and none of a format that has several", where=Where(given.name), hint=f"name one: {names}"
        )
    if format == "squad-tasks" or (format is None and page.path.casefold().endswith((".yaml", ".yml", ".json"))):
        return read_tasks_file(page.text, name=page.name, claim=claim)
    reading = read_markdown(page)
    reading = replace(reading, format=format or reading.format)
    return settle(reading, given, claim=claim, scan=scan_markdown, strict=strict)


def _require_known(format: str | None) -> None:  # noqa: A002 - the contract's word
    if format is not None and format not in FORMATS:
        raise UsageError(f"unknown format {format!r}", hint=nearest_or_all(format, FORMATS, "known formats"))
