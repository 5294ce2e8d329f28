"""YAML and JSON as people write them, with the place of each value.

Every scalar stays the text that was written: `on`, `no`, `010`, `12:30` and `1.10` mean what the field they stand in
says, never what YAML 1.1 would make of them. A key that stands twice is an error, since one of the two would be lost.
What is read is never much larger than what was written: aliases cannot multiply it.
"""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import TypeAlias, cast

import yaml

from orchestrator.errors import InputError, Where
from orchestrator.plain_json import Place, Plain, decoded

__all__ = ["Document", "Malformed", "Path", "Plain", "parse", "pointed"]

Path: TypeAlias = tuple[str | int, ...]
_EMPTY = frozenset({"", "~", "null", "Null", "NULL"})
#: How many values may be read again through aliases.
_ALIASED = 10_000
_DEEPEST = 100
#: How much of a line is shown beside a caret.
_SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A parsed document."""

    name: str  #: as the user named the file
    text: str
    plain: Plain  #: texts, None, lists, and mappings with text keys
    place: Callable[[Path], Place] = field(
        default=lambda _: (1, 1), compare=False
    )  #: of a value or the nearest above it; of its key in a mapping

    def where(self, path: Path) -> Where:
        """Give the place of a value, or of the nearest one above it."""
        return Where(self.name, *self.place(path))

    def shown(self, path: Path) -> str:
        """Give the line of a value with a caret below it."""
        place = self.where(path)
        return pointed(self.text, place.line or 1, place.column or 1)


class Malformed(InputError):
    """The text is no YAML or JSON, a key stands twice or is no text, or aliases multiply it."""


def parse(text: str, *, name: str) -> Document:
    """Read a YAML or JSON document.

    Raises:
        Malformed: With file, line, column, the line and a caret.
    """
    if name.casefold().endswith(".json") and (found := decoded(text, deepest=_DEEPEST)) is not None:
        plain, begun = found
        return Document(name=name, text=text, plain=plain, place=_JsonPlaces(name, text, plain, begun).of)
    return _of_yaml(text, name=name)


def _of_yaml(text: str, *, name: str) -> Document:
    source = _Source(name, text)
    try:
        root = _composed(text.replace("\t", " ") if name.casefold().endswith(".json") else text)
        plain = source.plain(root, 0) if root is not None else None
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        line, column = before.count("\n") + 1, error.position - before.rfind("\n")
        raise source.malformed(f"the character U+{ord(text[error.position]):04X} cannot stand here", line, column) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise source.malformed(_reason(error), line, column) from error
    except (ValueError, OverflowError) as error:  # an escape that names no sign
        raise Malformed(f"not readable as YAML: {error}", where=Where(name, 1, 1)) from error
    except RecursionError as error:
        raise Malformed("nested too deeply", where=Where(name, 1, 1)) from error
    return Document(name=name, text=text, plain=plain, place=partial(_place, root))


def pointed(text: str, line: int, column: int) -> str:
    """Give a line of a text with a caret below a column; of a long line the part around it."""
    lines = text.splitlines()
    whole = lines[line - 1] if 0 < line <= len(lines) else ""
    start = max(0, column - 1 - _SHOWN // 2) if len(whole) > _SHOWN else 0
    shown = "".join(sign if sign.isprintable() or sign == "\t" else "\ufffd" for sign in whole[start : start + _SHOWN])
    ahead = max(0, column - 1 - start)
    blank = "".join("\t" if sign == "\t" else " " for sign in shown[:ahead])
    return f"  {shown}\n  {blank.ljust(min(ahead, _SHOWN))}^"


@dataclass(slots=True)
class _Source:
    """A document while it is read."""

    name: str
    text: str
    _seen: set[int] = field(default_factory=set)
    _again: int = 0

    def plain(self, node: yaml.Node, depth: int) -> Plain:
        """Give what a node says."""
        self._count(node)
        if depth > _DEEPEST:
            raise self.malformed("nested too deeply", *_mark(node))
        if isinstance(node, yaml.ScalarNode):
            return None if not node.style and node.value in _EMPTY else _joined(node.value)
        if isinstance(node, yaml.SequenceNode):
            return [self.plain(item, depth + 1) for item in node.value]
        values: dict[str, Plain] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise self.malformed("a key must be a text", *_mark(key_node))
            key = _joined(key_node.value)
            if key in values:
                raise self.malformed(f"the key {key!r} stands twice", *_mark(key_node))
            values[key] = self.plain(value_node, depth + 1)
        return values

    def malformed(self, reason: str, line: int, column: int) -> Malformed:
        """Say what is wrong and where."""
        return Malformed(reason, where=Where(self.name, line, column), hint=pointed(self.text, line, column))

    def _count(self, node: yaml.Node) -> None:
        self._again += id(node) in self._seen
        self._seen.add(id(node))
        if self._again > _ALIASED:
            raise self.malformed("aliases multiply this beyond measure", *_mark(node))


class _JsonPlaces:
    """Where the values of a JSON text stand: of objects in lists known at once, of all else found when it is asked for."""

    def __init__(self, name: str, text: str, plain: Plain, begun: Mapping[int, Place]) -> None:
        self._plain = plain
        self._begun = begun
        self._slowly = cache(lambda: _of_yaml(text, name=name).place)

    def of(self, path: Path) -> Place:
        if path and isinstance(path[-1], int) and (place := self._begun.get(id(self._value(path)))):
            return place
        try:
            return self._slowly()(path)
        except InputError:
            return 1, 1

    def _value(self, path: Path) -> Plain:
        value = self._plain
        for part in path:
            try:
                value = cast("dict[str | int, Plain]", value)[part]
            except (LookupError, TypeError):
                return None
        return value


def _place(root: yaml.Node | None, path: Path) -> Place:
    """Walk down a path as far as it goes."""
    if root is None:
        return 1, 1
    node, place = root, _mark(root)
    for part in path:
        if isinstance(part, int):
            if not isinstance(node, yaml.SequenceNode) or part >= len(node.value):
                break
            node = node.value[part]
            place = _mark(node)
        else:
            pairs = node.value if isinstance(node, yaml.MappingNode) else []
            key, node = next(((key, value) for key, value in pairs if _joined(key.value) == part), (None, node))
            if key is None:
                break
            place = _mark(key)
    return place


def _composed(text: str) -> yaml.Node | None:
    """Read with libyaml where there is one, twice as fast; what it refuses the Python reader judges, in better words."""
    if hasattr(yaml, "CBaseLoader"):
        with contextlib.suppress(yaml.YAMLError, UnicodeError):
            return yaml.compose(text, Loader=yaml.CBaseLoader)
    return yaml.compose(text, Loader=yaml.BaseLoader)


def _reason(error: yaml.MarkedYAMLError) -> str:
    if error.problem and "'\\t'" in error.problem:
        return "a tab stands where only spaces may stand"
    return " ".join(part for part in (error.context, error.problem) if part)


def _joined(text: str) -> str:
    """Join the halves of a sign that JSON writes as two escapes; a half alone is no sign."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _mark(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1
