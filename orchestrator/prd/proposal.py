"""The tasks that an agent proposes for a document of prose: strangers' data, taken over only key by key.

A proposal is a tasks file in JSON without anything that would start a program or make one up: what squad starts comes
from people. Whatever is wrong with it is told at once and with its place, since its author is asked only once more.
"""

import json
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TypeAlias

from orchestrator.claims import Claim
from orchestrator.errors import SquadError, Where
from orchestrator.places import Document as Parsed
from orchestrator.places import Plain, parse
from orchestrator.prd import words
from orchestrator.prd.outline import Block, Item, Paragraph, outline
from orchestrator.prd.source import front_matter
from orchestrator.prd.squad_tasks import faults as faults_of_file
from orchestrator.text.expressions import expression

#: What a task of a proposal may say, in the order in which it is written down.
KEYS = ("id", "title", "text", "area", "needs", "writes", "locks", "agents", "skills", "estimate", "gate", "source")
#: What would start something, or only pretend to.
REFUSED = ("command", "checks", "simulate")
MOST = 500  #: tasks
LARGEST = 4 * 1024 * 1024  #: bytes
_SHOWN = 20  #: faults, and lines that nobody covers
_DEMAND = expression(r"\b(?:must|shall|should|ha(?:s|ve) to|needs? to)\b", re.IGNORECASE)

_Row: TypeAlias = "dict[str, Plain]"


def faults(text: str, *, name: str, claim: Callable[[str], Claim], lines: int) -> tuple[str, ...]:
    """Give what keeps a proposal from being a tasks file: place and reason of each fault; none if it is one.

    Args:
        text: The proposal.
        name: What its file is called.
        claim: Brings a path into canonical form, or raises OutsideProject.
        lines: How many lines the document has that it is made from.
    """
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return (f"{Where(name, error.lineno, error.colno)}: this is no JSON: {error.msg}",)
    except (ValueError, RecursionError) as error:
        return (f"{name}: this is no JSON: {error}",)
    try:
        parsed = parse(text, name=name)
    except SquadError as error:
        return (fault(error),)
    rows = _rows(parsed)
    if len(rows) > MOST:
        return (f"{parsed.where(('tasks', MOST))}: {len(rows)} tasks are too many: at most {MOST} are taken",)
    refused = [*_refused(parsed, rows), *_beyond(parsed, rows, lines)]
    known = [fault(error) for error in faults_of_file(text, name=name, claim=claim)]
    return cut([*refused, *(one for one in known if one not in refused)])


def fault(error: SquadError) -> str:
    """Give an error in one line: place, reason, and what helps if it says so."""
    way_out = (error.hint or "").split("\n")[-1].strip()
    way_out = f"known keys: {', '.join(KEYS)}" if way_out.startswith("known keys: id,") else way_out
    place = f"{error.where}: " if error.where else ""
    return f"{place}{error.message}" + (f" ({way_out})" if way_out and not way_out.endswith("^") else "")


def cut(told: Sequence[str]) -> tuple[str, ...]:
    """Give as many as a person or a model will read."""
    more = [f"and {len(told) - _SHOWN} more"] if len(told) > _SHOWN else []
    return (*told[:_SHOWN], *more)


def tasks_file(text: str, *, name: str, title: str, source: str, digest: str) -> bytes:
    """Give the tasks file of a proposal without faults, which says what it was made from."""
    rows = _rows(parse(text, name=name))
    tasks = [[_pair(key, _value(key, row[key])) for key in KEYS if row.get(key) is not None] for row in rows]
    top = [_pair("version", 1), _pair("title", title), _pair("source", {"file": source, "digest": digest})]
    listed = ",\n".join("    {" + ",\n     ".join(pairs) + "}" for pairs in tasks)
    return ("{\n  " + ",\n  ".join([*top, f'"tasks": [\n{listed}\n  ]']) + "\n}\n").encode("utf-8", "replace")


def origin(text: str, *, name: str) -> tuple[str, str]:
    """Give the document that a tasks file was made from, and its digest; empty where it does not say.

    Raises:
        Malformed: It is no YAML or JSON.
    """
    top = parse(text, name=name).plain
    told = top.get("source") if isinstance(top, dict) else None
    named = told if isinstance(told, dict) else {}
    return str(named.get("file") or ""), str(named.get("digest") or "")


def remarks(text: str, *, name: str, document: str, shown: str) -> tuple[str, ...]:
    """Say which requirements of a document no task of a proposal without faults comes from."""
    covered = {int(str(line)) for row in _rows(parse(text, name=name)) for line in _listed(row, "source")}
    if not covered:
        return (f"the tasks do not say which lines of {shown} they come from, so nobody knows whether one is missing",)
    return cut([f"{shown}:{line}: no task comes from this: {said}" for line, said in uncovered(document, covered)])


def uncovered(document: str, covered: Collection[int]) -> list[tuple[int, str]]:
    """Give the requirements that none of the covered lines belongs to, each with its line.

    Requirements are list items below a heading that says so, else all list items but those below goals, risks and the
    like, else paragraphs that say what must be.
    """
    blocks = blocks_of(document)
    items = [block for block in blocks if isinstance(block, Item)]
    wished = [item for item in items if words.is_wish(_heading(item)) and not words.is_else(_heading(item))]
    chosen = wished or [item for item in items if not words.is_else(_heading(item))]
    found = [left for item in chosen for left in _left(item, covered)] if chosen else list(_demands(blocks, covered))
    return [(line, " ".join(said.split())[:120]) for line, said in found]


def blocks_of(document: str) -> list[Block]:
    """Give the blocks of a document without its front matter."""
    front = front_matter(document)
    return outline("\n" * front + "\n".join(document.split("\n")[front:]))


def _rows(parsed: Parsed) -> list[_Row]:
    rows = parsed.plain.get("tasks") if isinstance(parsed.plain, dict) else None
    return [row if isinstance(row, dict) else {} for row in rows] if isinstance(rows, list) else []


def _listed(row: _Row, key: str) -> list[Plain]:
    value = row.get(key)
    return value if isinstance(value, list) else []


def _value(key: str, value: Plain) -> object:
    if key == "source":
        return [int(str(line)) for line in value or ()]
    return value == "true" if key == "gate" else value


def _pair(key: str, value: object) -> str:
    """Give a key with its value as JSON that people can read: what cannot be seen is escaped."""
    text = json.dumps(value, ensure_ascii=False)
    return f'"{key}": ' + "".join(sign if sign.isprintable() else json.dumps(sign)[1:-1] for sign in text)


def _refused(parsed: Parsed, rows: Sequence[_Row]) -> Iterator[str]:
    for number, row in enumerate(rows):
        for key in REFUSED:
            if key in row:
                place = parsed.where(("tasks", number, key))
                yield f"{place}: the key {key!r} is refused: what squad starts comes from people, never from a proposal"


def _beyond(parsed: Parsed, rows: Sequence[_Row], lines: int) -> Iterator[str]:
    for number, row in enumerate(rows):
        for place, line in enumerate(_listed(row, "source")):
            if isinstance(line, str) and line.isascii() and line.isdigit() and int(line[:9]) > lines:
                where = parsed.where(("tasks", number, "source", place))
                yield f"{where}: the document has no line {line[:9]}: it ends with {lines}"


def _heading(item: Item) -> str:
    return item.above[-1].text if item.above else ""


def _left(item: Item, covered: Collection[int]) -> Iterator[tuple[int, str]]:
    """Give what of an item nobody covers: whoever covers its own words covers what stands below it."""
    end = item.children[0].line if item.children else item.end + 1
    if any(line in covered for line in range(item.line, end)):
        return
    for child in item.children:
        yield from _left(child, covered)
    if not item.children:
        yield item.line, item.text


def _demands(blocks: Sequence[Block], covered: Collection[int]) -> Iterator[tuple[int, str]]:
    for block in blocks:
        if isinstance(block, Paragraph) and _DEMAND.search(block.text):
            end = block.line + block.text.count("\n") + 1
            if not any(line in covered for line in range(block.line, end)):
                yield block.line, block.text
