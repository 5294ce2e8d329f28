"""Which format a document has, by the names of its files and what stands in them.

The choice is never silent: it comes with the reason, and with what else would have been there. What no format fits is read
as plain Markdown, or as squad's own tasks file where its name ends so.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

from orchestrator.prd.page import Material, Page
from orchestrator.prd.shapes import Shape

_FEW = 5  #: names in a remark
SURE = 50  #: from here on a page is taken for a format without being asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """How a document will be read."""

    shape: Shape | None  #: None: by squad's own readers
    material: Material  #: the pages of that format
    remarks: tuple[str, ...] = ()


def recognise(material: Material, shapes: Sequence[Shape], *, format: str | None = None) -> Choice:  # noqa: A002 - the contract's word
    """Choose the format that fits best; of equals the one with more users, and the remark says so."""
    if format is not None:
        asked = next((shape for shape in shapes if shape.name == format), None)
        return Choice(shape=asked, material=_of(material, asked) if asked and len(material.pages) > 1 else material)
    scores = {shape.name: max((shape.fits(page) for page in material.pages), default=0) for shape in shapes}
    fitting = [shape for shape in shapes if scores[shape.name] >= SURE]
    if not fitting:
        return Choice(shape=None, material=material)
    best = max(fitting, key=lambda shape: scores[shape.name])
    chosen = _of(material, best)
    return Choice(shape=best, material=chosen, remarks=_remarks(best, fitting, scores, _rest(material, chosen)))


def _of(material: Material, shape: Shape) -> Material:
    """Leave the pages of one format, or all where none of them shows it."""
    pages = tuple(page for page in material.pages if shape.fits(page) > 0)
    return replace(material, pages=pages) if pages else material


def _rest(material: Material, chosen: Material) -> list[Page]:
    own = {page.path for page in chosen.pages}
    return [page for page in material.pages if page.path not in own]


def _is_own_place(page: Page, shape: Shape) -> bool:
    """Tell whether a page lies where a format keeps its own; the folder's own page of introduction is none of them."""
    return page.path.casefold().rpartition("/")[2] != "readme.md" and any(PurePath(page.path).match(one) for one in shape.files)


def _remarks(best: Shape, fitting: Sequence[Shape], scores: dict[str, int], left: Sequence[Page]) -> tuple[str, ...]:
    """Say what else the pages could be, and what else there is beside them."""
    others = [shape for shape in fitting if shape is not best]
    equal = [shape.name for shape in others if scores[shape.name] == scores[best.name]]
    rest = [shape.name for shape in others if any(shape.fits(page) >= SURE for page in left)]
    told = []
    if equal:
        told.append(f"it could as well be {', '.join(equal)}: --format says which")
    strange = [page.name for page in left if _is_own_place(page, best) and not any(shape.fits(page) >= SURE for shape in others)]
    if strange:
        names = ", ".join(strange[:_FEW]) + (" ..." if len(strange) > _FEW else "")
        told.append(f"not of {best.name} by what stands in it, so not read: {names}")
    if rest:
        told.append(f"there is also something of {', '.join(rest)}, which is not read: --format says which")
    return tuple(told)
