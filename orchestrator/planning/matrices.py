"""Ownership matrices as hand-run squads wrote them, besides the one of squad's own configuration.

Three shapes: paths with owner and access (the seed's), folders with a default owner and levels of their subfolders (the rules
file), and a table of files with the agent that creates or modifies them (the allocation report). A matrix lies in YAML, by
itself or in a fence. Lines of one file that several agents share cannot be owned apart, so `PARTITIONED` means in turn.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from orchestrator.claims import Claim, OutsideProject
from orchestrator.errors import InputError
from orchestrator.model import Access
from orchestrator.places import Plain, parse
from orchestrator.planning.surroundings import OwnershipRow
from orchestrator.text.expressions import expression

_FENCE = expression(r"^(```|~~~)ya?ml[^\n]*\n(.*?)^\1", re.MULTILINE | re.DOTALL)
_ROW = expression(r"^\s*\|(.+)\|\s*$", re.MULTILINE)
_TOPS = ("ownership_matrix", "ownership", "file_ownership")
_LEVELS = {
    "EXCLUSIVE": Access.EXCLUSIVE,
    "CREATE": Access.EXCLUSIVE,
    "MODIFY": Access.EXCLUSIVE,
    "SEQUENTIAL": Access.SEQUENTIAL,
    "SHARED": Access.SEQUENTIAL,
    "PARTITIONED": Access.SEQUENTIAL,
    "READ-ONLY": Access.READ_ONLY,
    "READ_ONLY": Access.READ_ONLY,
    "READONLY": Access.READ_ONLY,
}


def matrix_of(text: str, *, name: str, claim: Callable[[str], Claim]) -> tuple[OwnershipRow, ...]:
    """Give the rows of the matrix that a document holds; nothing where it holds none.

    Args:
        text: A rules file, an allocation report, or YAML.
        name: The file, for the reason of each row.
        claim: Brings a path into canonical form; a row that leaves the project is left out.
    """
    rows = [row for plain in _documents(text, name) for row in _of_mapping(plain)] or list(_of_table(text))
    found: dict[Claim, OwnershipRow] = {}
    for path, owner, access in rows:
        try:
            place = claim(f"{path.rstrip('/')}/" if "." not in path.rpartition("/")[2] else path)
        except OutsideProject:
            continue
        before = found.get(place)
        if before is not None and before.owner != owner:
            found[place] = OwnershipRow(path=place, owner=None, access=Access.SEQUENTIAL, why=name)
        else:
            found[place] = OwnershipRow(path=place, owner=owner, access=access, why=name)
    return tuple(found.values())


def _documents(text: str, name: str) -> Iterator[Mapping[str, Plain]]:
    """Give the YAML mappings of a text that are a matrix."""
    for body in [found[2] for found in _FENCE.finditer(text)] or [text]:
        try:
            plain = parse(body, name=name).plain
        except InputError:
            continue
        if isinstance(plain, dict):
            matrix = next((below for top in _TOPS if isinstance(below := plain.get(top), dict)), None)
            yield from [matrix] if matrix is not None else [plain] if any(key.startswith("/") for key in plain) else []


def _of_mapping(matrix: Mapping[str, Plain]) -> Iterator[tuple[str, str | None, Access]]:
    for path, row in matrix.items():
        if not isinstance(row, dict):
            continue
        owner = _owner(row.get("owner", row.get("default_owner")))
        access = _level(row.get("access"))
        yield path, owner, access
        below = row.get("subdirectories")
        for name, level in (below if isinstance(below, dict) else {}).items():
            own = level if isinstance(level, dict) else {"access": level}
            inner = name if name.strip("/").startswith(path.strip("/")) else f"{path.rstrip('/')}/{name.lstrip('/')}"
            yield inner, _owner(own.get("owner", own.get("default_owner"))) or owner, _level(own.get("access"))


def _of_table(text: str) -> Iterator[tuple[str, str | None, Access]]:
    """Read the table `File | Owner | Access Type`."""
    columns: list[str] = []
    for found in _ROW.finditer(text):
        cells = [cell.strip(" *`") for cell in found[1].split("|")]
        heads = [cell.casefold() for cell in cells]
        if {"file", "owner"} <= set(heads):
            columns = heads
        elif len(cells) != len(columns):
            columns = []
        elif columns and not set(found[1]) <= set("-:| "):
            row = dict(zip(columns, cells, strict=True))
            level = next((value for column, value in row.items() if column.startswith("access")), "")
            yield row["file"], _owner(row["owner"]), _level(level)


def _owner(written: Plain) -> str | None:
    """Give an owner as agents, roles and labels are called: `Agent 2` is agent-2; what several own is nobody's alone."""
    if not isinstance(written, str) or written.strip().casefold() in {"", "none", "-", "all", "shared"}:
        return None
    if len(re.findall(r"\bagent[\s_-]*\d", written, re.IGNORECASE)) > 1:
        return None
    numbered = re.fullmatch(r"agent[\s_-]*(\d+)", written.strip(), re.IGNORECASE)
    return f"agent-{numbered[1]}" if numbered else written.strip()


def _level(written: Plain) -> Access:
    words = written.upper().split() if isinstance(written, str) else []
    return next((_LEVELS[word.strip(",;()")] for word in words if word.strip(",;()") in _LEVELS), Access.EXCLUSIVE)
