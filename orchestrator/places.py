"""YAML and JSON as people write them, with the place of each value.

Every scalar stays the text that was written: `on`, `no`, `010`, `12:30` and `1.10` mean what the field they stand in
says, never what YAML 1.1 would make of them. A key that stands twice is an error, since one of the two would be lost.
"""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import yaml

from orchestrator.errors import InputError, Where

#: A document without its places: texts, None, lists, and mappings with text keys.
Plain: TypeAlias = "str | list[Plain] | dict[str, Plain] | None"
Path: TypeAlias = tuple[str | int, ...]
_MOST = 1_000_000  #: values of a document; a few aliases of aliases could stand for billions
_SURROGATE = re.compile("[\ud800-\udfff]")
_EMPTY = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A parsed document."""

    name: str  #: as the user named the file
    text: str
    plain: Plain
    marks: dict[Path, tuple[int, int]]  #: path of keys and indices -> line and column, from 1; of the key in a mapping

    def where(self, path: Path) -> Where:
        """Give the place of a value, or of the nearest one above it."""
        while path and path not in self.marks:
            path = path[:-1]
        line, column = self.marks.get(path, (1, 1))
        return Where(self.name, line, column)

    def shown(self, path: Path) -> str:
        """Give the line of a value with a caret below it."""
        place = self.where(path)
        return pointed(self.text, place.line or 1, place.column or 1)


class Malformed(InputError):
    """The text is no YAML or JSON, or a key stands twice."""


def parse(text: str, *, name: str) -> Document:
    """Read a YAML or JSON document.

    Raises:
        Malformed: With file, line, column, the line and a caret.
    """
    try:
        root = yaml.compose(text.replace("\t", " ") if name.endswith(".json") else text, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        reason = " ".join(part for part in (error.context, error.problem) if part)
        raise Malformed(reason, where=Where(name, line, column), hint=pointed(text, line, column)) from error
    except yaml.YAMLError as error:
        raise Malformed(f"not readable as YAML: {error}", where=Where(name, 1, 1)) from error
    except RecursionError as error:
        raise Malformed("nested too deeply", where=Where(name, 1, 1)) from error
    except (ValueError, OverflowError) as error:
        raise Malformed(f"not readable as YAML: {error}", where=Where(name, 1, 1)) from error
    marks: dict[Path, tuple[int, int]] = {}
    try:
        plain = _plain(root, (), marks, _Source(name, text)) if root is not None else None
    except RecursionError as error:
        raise Malformed("nested too deeply", where=Where(name, 1, 1)) from error
    return Document(name=name, text=text, plain=plain, marks=marks)


def nearest(word: str, known: Iterable[str]) -> str:
    """Give a hint to the known word that comes nearest; empty if none does."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"did you mean {found[0]!r}?" if found else ""


def pointed(text: str, line: int, column: int) -> str:
    """Give a line of a text with a caret below a column."""
    lines = text.splitlines()
    shown = lines[line - 1][:200] if 0 < line <= len(lines) else ""
    return f"  {shown}\n  {' ' * (min(column, 200) - 1)}^"


@dataclass(frozen=True, slots=True)
class _Source:
    name: str
    text: str


def _plain(node: yaml.Node, path: Path, marks: dict[Path, tuple[int, int]], source: _Source) -> Plain:
    marks.setdefault(path, _mark(node))
    if len(marks) > _MOST:
        raise Malformed(f"more than {_MOST} values, aliases written out", where=Where(source.name, *_mark(node)))
    if isinstance(node, yaml.ScalarNode):
        return None if node.style is None and node.value in _EMPTY else _text(str(node.value))
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*path, number), marks, source) for number, item in enumerate(node.value)]
    values: dict[str, Plain] = {}
    for key_node, value_node in node.value:
        key = _text(str(key_node.value))
        line, column = _mark(key_node)
        if key in values:
            hint = pointed(source.text, line, column)
            raise Malformed(f"the key {key!r} stands twice", where=Where(source.name, line, column), hint=hint)
        marks[(*path, key)] = (line, column)
        values[key] = _plain(value_node, (*path, key), marks, source)
    return values


def _text(value: str) -> str:
    """Join surrogate pairs, as JSON writes them; half of one is no character."""
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace") if _SURROGATE.search(value) else value


def _mark(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1
