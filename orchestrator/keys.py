"""What each key of the configuration is: its name, its meaning, and how its value is written.

The meaning is the comment beside the field that defines the key, so that there is one place to say it; what has none there has
none anywhere.
"""

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any, TypeAlias, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from orchestrator.text.notation import Notation

Tree: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key of a section."""

    name: str  #: as it is written in a file
    field: str  #: of the class
    meaning: str  #: in words; empty: its name says it
    notation: Notation | None = None  #: how its value is written; None: as it is
    section: type[BaseModel] | None = None  #: what stands below it, or below each of its rows
    rows: bool = False  #: it is a mapping with names of the user's


@cache
def keys_of(section: type[BaseModel]) -> tuple[Key, ...]:
    """Give the keys that a section knows, in the order of their definition."""
    said = _comments(section)
    return tuple(_key(name, field, said.get(name, "")) for name, field in section.model_fields.items())


def meaning_of(section: type[BaseModel]) -> str:
    """Give what a section is for: the first sentence of its class, without its name."""
    return re.sub(r"^(`[^`]*`:?\s*)", "", inspect.getdoc(section) or "").split("\n\n")[0].rstrip(".").replace("\n", " ")


def as_written(section: BaseModel) -> Tree:
    """Give a section as a file would say it: every key, durations with units, None for what nobody said."""
    return {key.name: _value(getattr(section, key.field), key) for key in keys_of(type(section))}


def _value(value: object, key: Key | None) -> Any:  # noqa: ANN401 - any YAML
    if isinstance(value, BaseModel):
        return as_written(value)
    if isinstance(value, Mapping):
        return {str(name): _value(row, None) for name, row in value.items()}
    if value is not None and key is not None and key.notation is not None:
        return key.notation.write(value)
    if isinstance(value, tuple | list):
        return [_value(one, None) for one in value]
    return value.value if isinstance(value, Enum) else value


def _key(name: str, field: FieldInfo, said: str) -> Key:
    is_rows = get_origin(field.annotation) is dict
    kind = get_args(field.annotation)[-1] if is_rows else field.annotation
    section = kind if inspect.isclass(kind) and issubclass(kind, BaseModel) else None
    form = next((one for one in field.metadata if isinstance(one, Notation)), None)
    said = said or (meaning_of(section) if section is not None else "")
    return Key(name=field.alias or name, field=name, meaning=said, notation=form, section=section, rows=is_rows)


@cache
def _comments(section: type[BaseModel]) -> Mapping[str, str]:
    """Read the comments that begin with `#:` beside a class's fields."""
    lines = inspect.getsource(section).splitlines()
    tree = ast.parse("\n".join(_unindented(lines)))
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            beside = [line.partition("#: ")[2] for line in lines[node.lineno - 1 : node.end_lineno]]
            found[node.target.id] = "".join(beside).strip()
    return found


def _unindented(lines: list[str]) -> Iterator[str]:
    indent = len(lines[0]) - len(lines[0].lstrip())
    yield from (line[indent:] for line in lines)
