"""The configuration's JSON Schema (draft 2020-12), by which editors explain and complete keys. Pure.

It describes what a person writes, not what squad keeps: durations with units, any plain value where a text is wanted, and
nothing behind a known key. What it refuses, `squad config check` refuses too.
"""

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from orchestrator.config import Config
from orchestrator.keys import Key, as_written, keys_of, meaning_of

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_PLAIN = ["string", "number", "boolean"]  #: every scalar is the text that was written


def config_schema() -> dict[str, Any]:
    """Give the document of `squad config schema`."""
    schema = Config.model_json_schema(by_alias=True)
    sections = schema.pop("$defs")
    told = {"$schema": DIALECT, "title": "squad.yaml", "description": "Configuration of squad: docs/configuration.md."}
    parts = {section.__name__: _section(sections[section.__name__], section) for section in _sections(Config)}
    others = {name: _walk(part, _without_title) for name, part in sections.items() if name not in parts}
    whole = {**_section(schema, Config), "type": ["object", "null"]}
    return told | {name: part for name, part in whole.items() if name != "description"} | {"$defs": parts | others}


def _sections(section: type[BaseModel]) -> dict[type[BaseModel], None]:
    """Give all sections below one, each once, in order."""
    found: dict[type[BaseModel], None] = {}
    for key in keys_of(section):
        if key.section is not None:
            found |= {key.section: None} | _sections(key.section)
    return found


def _section(schema: dict[str, Any], section: type[BaseModel]) -> dict[str, Any]:
    """Let editors explain each key of a section, and take a key with nothing behind it."""
    known = {key.name: key for key in keys_of(section)}
    defaults = as_written(section())
    properties = {name: _property(part, known[name], defaults[name]) for name, part in schema["properties"].items()}
    return {
        "description": meaning_of(section),
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": properties,
    }


def _property(schema: dict[str, Any], key: Key, default: object) -> dict[str, Any]:
    shown = _or_nothing(_walk(schema, _as_written))
    shown.pop("default", None)
    if key.section is None or key.rows:
        shown["default"] = default
    return {"description": key.meaning, **shown} if key.meaning else shown


def _walk(schema: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(schema, list):
        return [_walk(one, change) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return change({name: _walk(part, change) if name != "default" else part for name, part in schema.items()})


def _as_written(schema: dict[str, Any]) -> dict[str, Any]:
    """Take any plain value where a text without a form is wanted, and only names of the form where there is one."""
    shown = _without_title(schema)
    if shown.get("type") == "string" and not shown.keys() & {"pattern", "enum", "const"}:
        shown["type"] = _PLAIN
    if "patternProperties" in shown:
        shown["additionalProperties"] = False
    return shown


def _without_title(schema: dict[str, Any]) -> dict[str, Any]:
    return {name: part for name, part in schema.items() if name != "title" or not isinstance(part, str)}


def _or_nothing(schema: dict[str, Any]) -> dict[str, Any]:
    """Take a key with nothing behind it as not written."""
    if "anyOf" in schema:
        return schema if {"type": "null"} in schema["anyOf"] else {**schema, "anyOf": [*schema["anyOf"], {"type": "null"}]}
    if "enum" in schema or "const" in schema:
        words = schema.get("enum") or [schema["const"]]
        return {name: part for name, part in schema.items() if name not in {"type", "const"}} | {"enum": [*words, None]}
    if "$ref" in schema:
        return {"anyOf": [schema, {"type": "null"}]} if not schema["$ref"].endswith("Settings") else schema
    kinds = schema.get("type", [])
    return {**schema, "type": [*([kinds] if isinstance(kinds, str) else kinds), "null"]}
