"""The configuration: what may be set, what it means, and where each value comes from.

Layers are merged before anything is validated, and every value keeps the file and line it was written in, so that an
error names the place where it can be mended. Parsing opens no file.
"""

import hashlib
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from orchestrator.claims import canonical, is_operation
from orchestrator.errors import ConfigError, SquadError, Where
from orchestrator.model import Access, AgentId, Isolation, Level
from orchestrator.places import Document, Path, Plain, parse
from orchestrator.sections import (
    AllocationSettings,
    EnforcementSettings,
    LimitSettings,
    LockSettings,
    LogSettings,
    Named,
    NotifySettings,
    QuestionSettings,
    QuotaSettings,
    Range,
    Rate,
    Section,
    StallSettings,
    called_by,
    run_by_squad,
)
from orchestrator.text.notation import AGENT_ID, OPERATION
from orchestrator.text.spelling import nearest, nearest_or_all

_EXPECTED = {
    "tuple_type": "a list such as [one, two]",
    "dict_type": "a mapping such as {key: value}",
    "model_type": "a mapping such as {key: value}",
    "string_type": "a text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "string_pattern_mismatch": "three capital letters such as USD",
    "float_type": "a duration such as 10m or 1h30m",
    "float_parsing": "a duration such as 10m or 1h30m",
}
_ID = re.compile("agent-(0|[1-9][0-9]*)(-[a-z0-9][a-z0-9-]*)?")
VARIABLE = "SQUAD_CONFIG_"


def _path(value: object) -> object:
    try:
        return canonical(value).rstrip("/") if isinstance(value, str) else value
    except SquadError as error:
        raise ValueError(error.message) from error


def _inside(path: str) -> str:
    _path(path)
    return path


def _or_empty(value: object) -> object:
    """Read a key with nothing behind it, such as `agent-1:`, as an empty mapping."""
    return {name: {} if row is None else row for name, row in value.items()} if isinstance(value, dict) else value


def _agent_id(name: str) -> str:
    if not _ID.fullmatch(name):
        message = f"{name!r} is no agent id: expected agent-<number> or agent-<number>-<label>, such as agent-1-frontend"
        raise ValueError(message)
    return name


def _below(key: str, message: str) -> PydanticCustomError:
    """Give the error of a section that stands at one of its keys."""
    return PydanticCustomError("below", "{message}", {"message": message, "below": key})


Inside = Annotated[str, BeforeValidator(_path)]
Id = Annotated[AgentId, AfterValidator(_agent_id), AGENT_ID]
Operation = Annotated[str, OPERATION]
Rows = BeforeValidator(_or_empty)


class _Section(Section, BaseModel):  # said here again for ruff, which else takes values for shared by all objects
    pass


class IsolationSettings(_Section):
    """`isolation:` where attempts work."""

    mode: Isolation = Isolation.WORKTREE  #: or shared: one tree, ownership and locks decide (always so without git)
    copy_files: tuple[Inside, ...] = Field(default=(), alias="copy")  #: files a fresh worktree needs and git does not know
    symlink: tuple[Inside, ...] = ()  #: of the project, linked into each fresh worktree
    setup: tuple[str, ...] = ()  #: commands run once in each fresh worktree
    place: str | None = None  #: folder of the worktrees; default .squad/worktrees


class AgentSettings(_Section):
    """`agents: <id>:` one agent."""

    use: Literal["auto", "command", "simulated", "acp", Named] = "auto"  #: program; auto: the first that is found
    profile: Literal["gemini", "opencode", "qwen", "claude-agent-acp", "codex-acp"] | None = None  #: of `use: acp`
    model: str = ""  #: empty or `default`: the user's own choice
    role: str = ""  #: what it is told to be, and by which the ownership matrix knows it
    skills: tuple[str, ...] = ()  #: words by which tasks fit it
    command: tuple[str, ...] = ()  #: its own command line; {prompt_file} or {prompt}, else the prompt comes on stdin
    speaks: Literal["squad"] | None = None  #: its stdin stays open for JSON lines
    environment: dict[str, str] = {}  #: variables, besides those that pass

    @field_validator("model")
    @classmethod
    def _own_choice(cls, value: str) -> str:
        return "" if value == "default" else value

    @model_validator(mode="after")
    def _goes_together(self) -> "AgentSettings":
        if self.use == "acp" and not (self.profile or self.command):
            raise _below("profile", "use: acp needs a profile, such as profile: gemini, or a command that speaks ACP")
        if self.profile and self.use != "acp":
            raise _below("profile", f"a profile goes with use: acp, and not with use: {self.use}")
        if self.model and (self.use in {"command", "simulated", "aider"} or (self.command and self.use != "acp")):
            raise _below("model", "a command of its own chooses its model itself: name it there")
        return self


class OwnershipSettings(_Section):
    """`ownership: <path>:` a row of the matrix."""

    owner: str | None = None  #: an agent's id, else a role, else a label; NONE: nobody
    access: Access = Access.EXCLUSIVE  #: or SEQUENTIAL: under a lock; READ-ONLY: nobody writes


class RestartSettings(_Section):
    """`run.restart:` how fast and how often."""

    backoff: Range = (1.0, 60.0)  #: the wait before a restart, from the first to the longest
    per_agent: Rate = (5, 600.0)  #: restarts of one agent
    fleet: Rate = (20, 600.0)  #: restarts of all agents


class RunSettings(_Section):
    """`run:` how a plan is carried out."""

    agents: int | None = Field(default=None, ge=1, le=500)  #: how many work at once; default: all
    checks: tuple[str, ...] = ()  #: shell commands whose exit code is evidence
    stall: StallSettings = StallSettings.model_construct()
    restart: RestartSettings = RestartSettings.model_construct()
    questions: QuestionSettings = QuestionSettings.model_construct()
    attempts: int = Field(default=3, ge=1)  #: failed ones after which a task has failed for good
    limits: LimitSettings = LimitSettings.model_construct()
    on_quota: QuotaSettings = QuotaSettings.model_construct()
    tick: bool = False  #: mark finished tasks in their document


class Config(_Section):
    """The whole configuration."""

    version: Literal[1] = 1  #: of this format
    isolation: IsolationSettings = IsolationSettings.model_construct()
    enforce: Literal["auto", "agree", "detect", "hook", "deny"] = "auto"  #: auto: the strongest that is proved
    enforcement: EnforcementSettings = EnforcementSettings.model_construct()
    log: LogSettings = LogSettings.model_construct()
    agents: Annotated[dict[Id, AgentSettings], Rows] = {}  #: the seats; agent-<number>-<label>
    roles: dict[str, Inside] = {}  #: role -> file with its text, in the project
    ownership: Annotated[
        dict[Annotated[str, AfterValidator(_inside)], OwnershipSettings], Rows
    ] = {}  #: path -> owner; a leading / is the project root
    never_parallel: dict[Operation, tuple[str, ...]] = {}  #: op:NAME -> beginnings of command lines that run one at a time
    capacity: dict[Operation, Annotated[int, Field(ge=1)]] = {}  #: op:NAME -> how many may hold it at once; 1 unless said
    allocation: AllocationSettings = AllocationSettings.model_construct()
    locks: LockSettings = LockSettings.model_construct()
    notify: NotifySettings = NotifySettings.model_construct()
    run: RunSettings = RunSettings.model_construct()

    @field_validator("version", mode="before")
    @classmethod
    def _known_version(cls, value: object) -> object:
        return 1 if value == "1" else value

    @field_validator("never_parallel", "capacity")
    @classmethod
    def _operations(cls, rows: dict[str, Any]) -> dict[str, Any]:
        for name in rows:
            if not is_operation(name):
                raise _below(name, f"{name!r} is no operation: write op:{name}")
        return rows

    @field_validator("agents")
    @classmethod
    def _unique_numbers(cls, agents: dict[AgentId, AgentSettings]) -> dict[AgentId, AgentSettings]:
        numbers: dict[int, str] = {}
        for name in agents:
            number = int(name.split("-")[1])
            if number in numbers:
                raise _below(name, f"{name} and {numbers[number]} have the same number")
            numbers[number] = name
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


def variables(environment: Mapping[str, str]) -> list[Layer]:
    """Give what `SQUAD_CONFIG_...` variables set: `__` between levels, the value as YAML; the deepest is the strongest.

    Names are in capitals, as variables are; below the sections squad knows, such as `agents`, they are kept as written.

    Raises:
        Malformed: A value is no YAML.
    """
    names = sorted((name for name in environment if name.startswith(VARIABLE)), key=lambda name: (-name.count("__"), name))
    return [_nested(_levels(name.removeprefix(VARIABLE)), parse(environment[name], name=name).plain, name=name) for name in names]


def settings(values: Mapping[str, Plain], *, name: str) -> Layer:
    """Give values of the command line as a layer; keys with dots for levels."""
    tree: dict[str, Any] = {}
    for dotted, value in values.items():
        *above, last = dotted.split(".")
        here = tree
        for level in above:
            here = here.setdefault(level, {})
        here[last] = value
    return Layer(name, Document(name=name, text="", plain=tree))


def _levels(name: str) -> tuple[str, ...]:
    path: tuple[str, ...] = ()
    for level in name.split("__"):
        path = (*path, level.lower() if _known_keys(path) or not path else level)
    return path


def _nested(path: Sequence[str], value: Plain, *, name: str) -> Layer:
    plain = value
    for level in reversed(path):
        plain = {level: plain}
    return Layer(name, Document(name=name, text="", plain=plain))


def combine(layers: Sequence[Layer]) -> Config:
    """Merge layers, the first being the strongest, and validate the whole.

    Raises:
        ConfigError: A key is unknown or a value wrong: with file, line, column, the line, a caret and the nearest key.
    """
    merged: dict[str, Any] = {}
    origins: dict[Path, Layer] = {}
    for one in reversed(layers):
        _merge(merged, one.document.plain or {}, one, path=(), origins=origins)
    if not merged:  # building what validates costs more than planning a small document
        return Config.model_construct()
    try:
        return Config.model_validate(merged)
    except ValidationError as error:
        raise _explained(error, origins, layers) from error


def commands(config: Config) -> tuple[str, ...]:
    """Give every command that the configuration would start, as the person is asked about it."""
    agents = [_started(name, agent) for name, agent in config.agents.items() if agent.command]
    own = run_by_squad(config.isolation.setup, config.run.checks, config.enforcement.unconfined)
    others = [f"after a usage limit: {name}" for name in config.run.on_quota.fall_back_to]
    told = [f"notify: {line}" for line in called_by(config.notify)]
    return (*agents, *own, *others, *told)


def _started(name: str, agent: AgentSettings) -> str:
    """Tell of an agent's command, and of everything that changes what it does or who hears it."""
    environment = "".join(f" {key}={shlex.quote(value)}" for key, value in sorted(agent.environment.items()))
    speaks = f" (speaks {agent.speaks})" if agent.speaks else ""
    return f"agent {name}:{environment} {shlex.join(agent.command)}{speaks}"


def trust_digest(wanted: Sequence[str]) -> str:
    """Give the digest by which a person's consent to these commands is remembered."""
    return hashlib.sha256(json.dumps(list(wanted)).encode()).hexdigest()


def dump(config: Config) -> bytes:
    """Give the configuration as a document for the journal."""
    return config.model_dump_json(by_alias=True).encode()


def load_dump(body: bytes) -> Config:
    """Read a document that `dump` gave."""
    return TypeAdapter(Config).validate_json(body)


def level_names() -> tuple[str, ...]:
    """Give the words that `enforce` knows."""
    return ("auto", *(level.value for level in Level))


def _merge(into: dict[str, Any], values: Any, source: Layer, *, path: Path, origins: dict[Path, Layer]) -> None:  # noqa: ANN401 - any YAML
    for key, value in values.items() if isinstance(values, dict) else ():
        here = (*path, key)
        origins[here] = source
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value, source, path=here, origins=origins)
        elif isinstance(value, dict):
            into[key] = {}
            _merge(into[key], value, source, path=here, origins=origins)
        elif value is not None or key not in into:
            into[key] = value


def _explained(error: ValidationError, origins: Mapping[Path, Layer], layers: Sequence[Layer]) -> ConfigError:
    """Turn the first fault into a message with its place; pydantic's own words only where they say it well."""
    fault = error.errors(include_url=False)[0]
    path = _path_of(fault)
    source = next(
        (origins[path[:end]] for end in range(len(path), 0, -1) if path[:end] in origins), layers[-1] if layers else None
    )
    where = None if source is None else source.document.where(path) if source.document.text else Where(source.name)
    shown = source.document.shown(path) if source and source.document.text else ""
    message, hint = _said(fault, path)
    name = ".".join(str(part) for part in path)
    return ConfigError(f"{name}: {message}", where=where, hint="\n".join(part for part in (shown, hint) if part) or None)


def _path_of(fault: ErrorDetails) -> Path:
    """Give the keys that lead to a fault, without what pydantic adds for its own types."""
    path = tuple(part for part in fault["loc"] if not (isinstance(part, str) and part.startswith("[")))
    below = fault.get("ctx", {}).get("below")
    return path if below is None else (*path, below)


def _said(fault: ErrorDetails, path: Path) -> tuple[str, str]:
    """Give what is wrong, and the way out, in words of the configuration."""
    context = fault.get("ctx", {})
    if fault["type"] == "extra_forbidden":
        known = _known_keys(path[:-1])
        return "unknown key", nearest_or_all(str(path[-1]), known, "known keys")
    if fault["type"] in {"literal_error", "enum"}:
        words = str(context.get("expected", ""))
        return f"{_quoted(fault['input'])}: expected {words}", nearest(str(fault["input"]), re.findall("'([^']*)'", words))
    if fault["type"] in _EXPECTED:
        return f"{_quoted(fault['input'])}: expected {_EXPECTED[fault['type']]}", ""
    said = str(fault["msg"]).removeprefix("Value error, ").replace("Input should be", "expected a number")
    return f"{said[:1].lower()}{said[1:]}", ""


def _quoted(value: object) -> str:
    return "a mapping" if isinstance(value, dict) else "a list" if isinstance(value, list) else repr(value)


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
