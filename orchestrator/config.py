"""The configuration: what may be set, what it means, and where each value comes from.

Layers are merged before anything is validated, and every value keeps the file and line it was written in, so that an
error names the place where it can be mended. Parsing opens no file.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from orchestrator.errors import ConfigError, Where
from orchestrator.model import Access, AgentId, Isolation, Level
from orchestrator.places import Document, Path, Plain, nearest, parse
from orchestrator.quantities import parse_duration, parse_range, parse_rate

RUNGS = ("nudge", "interrupt", "restart", "reassign", "park")
VARIABLE = "SQUAD_CONFIG_"


def _seconds(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


def _range(value: object) -> object:
    return parse_range(value) if isinstance(value, str) else value


def _rate(value: object) -> object:
    return parse_rate(value) if isinstance(value, str) else value


def _path(value: object) -> object:
    if isinstance(value, str) and (value.startswith("../") or "/../" in value or value == ".."):
        message = f"{value!r} leaves the project"
        raise ValueError(message)
    return value


Seconds = Annotated[float, BeforeValidator(_seconds)]
Span = Annotated[tuple[float, float], BeforeValidator(_range)]
Rate = Annotated[tuple[int, float], BeforeValidator(_rate)]
Inside = Annotated[str, BeforeValidator(_path)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class IsolationSettings(_Section):
    """`isolation:` where attempts work."""

    mode: Isolation = Isolation.WORKTREE
    copy_files: tuple[Inside, ...] = Field(default=(), alias="copy")  #: files a fresh worktree needs and git does not know
    symlink: tuple[Inside, ...] = ()
    setup: tuple[str, ...] = ()  #: commands run once in each fresh worktree
    place: str | None = None  #: folder of the worktrees; default .squad/worktrees


class LogSettings(_Section):
    """`log:` squad's own structured log."""

    folder: str | None = None


class AgentSettings(_Section):
    """`agents: <id>:` one agent."""

    use: Literal["auto", "command", "simulated", "claude", "codex", "gemini", "aider"] = "auto"
    role: str = ""
    skills: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    speaks: Literal["squad"] | None = None
    environment: dict[str, str] = {}


class OwnershipSettings(_Section):
    """`ownership: <path>:` a row of the matrix."""

    owner: str | None = None
    access: Access = Access.EXCLUSIVE


class StallSettings(_Section):
    """`run.stall:` when an agent counts as stalled, and what is done."""

    after: Seconds = 600.0
    same_failure: int = Field(default=3, ge=1)
    ladder: tuple[Literal["nudge", "interrupt", "restart", "reassign", "park"], ...] = RUNGS  # type: ignore[assignment]  # the same words


class RestartSettings(_Section):
    """`run.restart:` how fast and how often."""

    backoff: Span = (1.0, 60.0)
    per_agent: Rate = (5, 600.0)
    fleet: Rate = (20, 600.0)


class RunSettings(_Section):
    """`run:` how a plan is carried out."""

    agents: int | None = Field(default=None, ge=1, le=500)
    checks: tuple[str, ...] = ()
    stall: StallSettings = StallSettings()
    restart: RestartSettings = RestartSettings()
    attempts: int = Field(default=3, ge=1)


class Config(_Section):
    """The whole configuration."""

    version: Literal[1] = 1
    isolation: IsolationSettings = IsolationSettings()
    enforce: Literal["auto", "agree", "detect", "hook", "deny"] = "auto"
    log: LogSettings = LogSettings()
    agents: dict[AgentId, AgentSettings] = {}
    ownership: dict[str, OwnershipSettings] = {}
    never_parallel: dict[str, tuple[str, ...]] = {}
    run: RunSettings = RunSettings()

    @field_validator("version", mode="before")
    @classmethod
    def _known_version(cls, value: object) -> object:
        return 1 if value == "1" else value

    @field_validator("agents")
    @classmethod
    def _known_ids(cls, agents: dict[AgentId, AgentSettings]) -> dict[AgentId, AgentSettings]:
        numbers: dict[str, str] = {}
        for name in agents:
            found = re.fullmatch(r"agent-(\d+)(-[a-z0-9][a-z0-9-]*)?", name)
            if not found:
                message = f"{name!r} is no agent id: expected agent-<number> or agent-<number>-<label>, such as agent-1-frontend"
                raise ValueError(message)
            if found[1] in numbers:
                message = f"{name} and {numbers[found[1]]} have the same number"
                raise ValueError(message)
            numbers[found[1]] = name
        return agents


@dataclass(frozen=True, slots=True)
class Layer:
    """One source of configuration."""

    name: str  #: a file, or what else it is
    document: Document


def layer(text: str, *, name: str) -> Layer:
    """Read a configuration file's text.

    Raises:
        ConfigError: It is no YAML mapping; with its place.
    """
    document = parse(text, name=name)
    if document.plain is not None and not isinstance(document.plain, dict):
        raise ConfigError("expected a mapping such as version: 1", where=Where(name, 1, 1))
    return Layer(name, document)


def variables(environment: Mapping[str, str]) -> Layer:
    """Give what `SQUAD_CONFIG_...` variables set: `__` between levels, the value as YAML."""
    tree: dict[str, Any] = {}
    for name in sorted(environment):
        if not name.startswith(VARIABLE):
            continue
        *above, last = name.removeprefix(VARIABLE).lower().split("__")
        here = tree
        for level in above:
            here = here.setdefault(level, {})
        here[last] = parse(environment[name], name=name).plain
    return Layer("the environment", Document(name="the environment", text="", plain=tree, marks={}))


def settings(values: Mapping[str, Plain], *, name: str) -> Layer:
    """Give values of the command line as a layer; keys with dots for levels."""
    tree: dict[str, Any] = {}
    for dotted, value in values.items():
        *above, last = dotted.split(".")
        here = tree
        for level in above:
            here = here.setdefault(level, {})
        here[last] = value
    return Layer(name, Document(name=name, text="", plain=tree, marks={}))


def combine(layers: Sequence[Layer]) -> Config:
    """Merge layers, the first being the strongest, and validate the whole.

    Raises:
        ConfigError: A key is unknown or a value wrong: with file, line, column, the line, a caret and the nearest key.
    """
    merged: dict[str, Any] = {}
    origins: dict[Path, Layer] = {}
    for one in reversed(layers):
        _merge(merged, one.document.plain or {}, one, (), origins)
    try:
        return Config.model_validate(merged)
    except ValidationError as error:
        raise _explained(error, origins, layers) from error


def commands(config: Config) -> tuple[str, ...]:
    """Give every command that the configuration would start, as the person is asked about it."""
    agents = [f"agent {name}: {' '.join(agent.command)}" for name, agent in config.agents.items() if agent.command]
    setup = [f"setup: {command}" for command in config.isolation.setup]
    return (*agents, *setup, *(f"check: {command}" for command in config.run.checks))


def trust_digest(config: Config) -> str:
    """Give the digest by which a person's consent to these commands is remembered."""
    return hashlib.sha256(json.dumps(commands(config)).encode()).hexdigest()


def dump(config: Config) -> bytes:
    """Give the configuration as a document for the journal."""
    return config.model_dump_json().encode()


def load_dump(body: bytes) -> Config:
    """Read a document that `dump` gave."""
    return TypeAdapter(Config).validate_json(body)


def level_names() -> tuple[str, ...]:
    """Give the words that `enforce` knows."""
    return ("auto", *Level)


def _merge(into: dict[str, Any], values: Any, source: Layer, path: Path, origins: dict[Path, Layer]) -> None:  # noqa: ANN401 - any YAML
    for key, value in values.items() if isinstance(values, dict) else ():
        here = (*path, key)
        origins[here] = source
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value, source, here, origins)
        elif isinstance(value, dict):
            into[key] = {}
            _merge(into[key], value, source, here, origins)
        elif value is not None:
            into[key] = value


def _explained(error: ValidationError, origins: Mapping[Path, Layer], layers: Sequence[Layer]) -> ConfigError:
    """Turn the first fault into a message with its place; pydantic's own words only where they say it well."""
    fault = error.errors(include_url=False)[0]
    path: Path = tuple(part for part in fault["loc"] if not (isinstance(part, str) and part.startswith("[")))
    source = next(
        (origins[path[:end]] for end in range(len(path), 0, -1) if path[:end] in origins), layers[-1] if layers else None
    )
    where = source.document.where(path) if source else None
    shown = source.document.shown(path) if source and source.document.text else ""
    name = ".".join(str(part) for part in path)
    if fault["type"] == "extra_forbidden":
        known = _known_keys(path[:-1])
        hint = nearest(str(path[-1]), known) or f"known keys: {', '.join(known)}"
        message = f"{name}: unknown key"
    else:
        said = str(fault["msg"]).removeprefix("Value error, ")
        message, hint = f"{name}: {said[:1].lower()}{said[1:]}", ""
    return ConfigError(message, where=where, hint="\n".join(part for part in (shown, hint) if part))


def _known_keys(path: Path) -> tuple[str, ...]:
    """Give the keys that a section knows."""
    model: Any = Config
    for part in path:
        fields = getattr(model, "model_fields", {})
        field = next((one for name, one in fields.items() if part in (name, one.alias)), None)
        if field is not None:
            model = field.annotation
        if getattr(model, "__args__", None):
            model = model.__args__[-1]
    fields = getattr(model, "model_fields", {})
    return tuple(one.alias or name for name, one in fields.items())
