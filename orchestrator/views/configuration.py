"""The configuration as YAML that can be read back: every key with its value, and on wish its source or its meaning. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from orchestrator.config import VARIABLE, Config, Layer
from orchestrator.keys import Key, as_written, keys_of
from orchestrator.places import Path, Plain
from orchestrator.views.yaml_writing import scalar

FLAG = "the command line"  #: the name of the layer of flags
_COLUMN = 44  #: where remarks begin, if the line is not longer
_WIDEST = 118  #: beyond that a remark stands above its line
_EXAMPLES = {"agents": "agent-1-frontend", "ownership": "/frontend"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a value comes from."""

    source: str  #: flag | variable | file | default
    name: str = ""
    line: int | None = None

    def __str__(self) -> str:
        return self.source if not self.name or self.source == "flag" else f"{self.name}:{self.line}" if self.line else self.name


DEFAULT = Origin(source="default")


def shown(config: Config, layers: Sequence[Layer] | None = None) -> str:
    """Give the effective configuration as YAML; with its sources, each value says where it comes from."""
    tree = as_written(config)
    leaves = set(_leaves(tree, ()))

    def remark(path: Path) -> str:
        return str(origin_of(path, layers or ())) if layers is not None and path in leaves else ""

    return "".join(f"{line}\n" for line in _rows(tree, (), remark))


def explained(config: Config, *, above: Sequence[str] = ()) -> str:
    """Give the configuration as YAML with the meaning of every key; of rows that nobody wrote an example stands in comments."""
    keys = dict(_keys(Config, ()))

    def meaning(path: Path) -> str:
        return keys[path].meaning if path in keys else ""

    lines = [*above]
    for name, value in as_written(config).items():
        key = keys[(name,)]
        if isinstance(value, dict) and key.section is not None and not key.rows:
            lines.append("")
        lines += _rows({name: value}, (), meaning)
        if key.rows and key.section is not None and not value:
            rows = _rows(as_written(key.section()), (), _meanings(key.section).__getitem__)
            lines += [f"  # {_EXAMPLES[name]}:", *(f"  #   {row}".rstrip() for row in rows)]
    return "".join(f"{line}\n" for line in lines)


def origin_of(path: Path, layers: Sequence[Layer]) -> Origin:
    """Tell where the value at a path comes from; the first layer is the strongest."""
    for one in layers:
        if _at(one.document.plain, path) is not None:
            line = one.document.where(path).line if one.document.text else None
            source = "flag" if one.name == FLAG else "variable" if one.name.startswith(VARIABLE) else "file"
            return Origin(source=source, name=one.name, line=line)
    return DEFAULT


def origins(config: Config, layers: Sequence[Layer]) -> dict[str, Origin]:
    """Tell where each value comes from, by its keys with dots between them."""
    return {".".join(map(str, path)): origin_of(path, layers) for path in _leaves(as_written(config), ())}


def config_json(config: Config, layers: Sequence[Layer]) -> dict[str, object]:
    """Give the document of `squad config show --json`."""
    told = {
        name: {"source": one.source, "name": one.name or None, "line": one.line} for name, one in origins(config, layers).items()
    }
    return {"schema_version": 1, "config": as_written(config), "origins": told}


def _rows(tree: Mapping[str, Any], above: Path, remark: Callable[[Path], str]) -> Iterator[str]:
    indent = "  " * len(above)
    for name, value in tree.items():
        here = (*above, name)
        if isinstance(value, dict) and value:
            yield from _remarked(f"{indent}{scalar(name)}:", remark(here), indent)
            yield from _rows(value, here, remark)
            continue
        yield from _remarked(f"{indent}{scalar(name)}: {'{}' if value == {} else scalar(value)}".rstrip(), remark(here), indent)


def _remarked(line: str, remark: str, indent: str) -> Iterator[str]:
    if not remark:
        yield line
    elif max(len(line) + 2, _COLUMN) + len(remark) <= _WIDEST:
        yield f"{line:<{_COLUMN - 1}}  # {remark}" if len(line) < _COLUMN - 1 else f"{line}  # {remark}"
    else:
        yield f"{indent}# {remark}"
        yield line


def _leaves(tree: Mapping[str, Any], above: Path) -> Iterator[Path]:
    for name, value in tree.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, (*above, name))
        else:
            yield (*above, name)


def _keys(section: type[BaseModel], above: Path) -> Iterator[tuple[Path, Key]]:
    for key in keys_of(section):
        yield (*above, key.name), key
        if key.section is not None and not key.rows:
            yield from _keys(key.section, (*above, key.name))


def _meanings(section: type[BaseModel]) -> dict[Path, str]:
    return {path: key.meaning for path, key in _keys(section, ())}


def _at(tree: Plain, path: Path) -> Plain:
    for part in path:
        tree = tree.get(str(part)) if isinstance(tree, dict) else None
    return tree
