"""Where the configuration of a command comes from, and a person's consent to the commands in it."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from orchestrator import config as configuration
from orchestrator.cli.context import Context, say
from orchestrator.config import Config, Layer
from orchestrator.errors import ConfigError, NeedsYou, Where
from orchestrator.places import Plain
from orchestrator.project import Project
from orchestrator.text.spelling import nearest
from orchestrator.views.text import plain

_NAME = "squad.yaml"


class Unconfirmed(NeedsYou):
    """The configuration would start commands that nobody has agreed to."""

    def __init__(self, listed: str) -> None:
        super().__init__(
            f"the configuration starts commands that were not confirmed yet:\n{listed}",
            hint="agree to them: the same command with -y",
        )


def load(context: Context, project: Project, flags: Mapping[str, Plain]) -> Config:
    """Give the configuration: flags, environment, .squad/local.yaml, the project's file, the user's own, defaults.

    Raises:
        ConfigError: A file is missing or something in it is wrong.
    """
    return configuration.combine(layers(context, project, flags))


def layers(context: Context, project: Project, flags: Mapping[str, Plain]) -> list[Layer]:
    """Give the sources of the configuration, strongest first.

    Raises:
        ConfigError: A file is missing or is no YAML.
    """
    above = [configuration.settings(flags, name="the command line"), *configuration.variables(os.environ)]
    return [*above, *(_read(path, project) for path in _files(context, project))]


def named(name: str, context: Context, project: Project) -> Layer:
    """Give one configuration file, by its path or by its name in the project's configs/ and in those that come with squad.

    Raises:
        ConfigError: It is missing or is no YAML.
    """
    return _read(_asked_for(name, context, project), project)


def sources(context: Context, project: Project) -> str:
    """Name the files that the configuration comes from, strongest first."""
    return ", ".join(_shown(path, project) for path in _files(context, project)) or "no file, only defaults"


def own_folder() -> Path:
    """Give the folder of the user's own configuration."""
    return _home("XDG_CONFIG_HOME", ".config") / "squad"


def confirm(config: Config, context: Context, project: Project) -> None:
    """See to it that a person agreed to the commands in the configuration; it is remembered.

    Raises:
        Unconfirmed: Nobody did, and nobody can be asked.
    """
    agree(configuration.commands(config), context, project)


def agree(wanted: Sequence[str], context: Context, project: Project) -> None:
    """See to it that a person agreed to what the configuration starts; it is remembered.

    Raises:
        Unconfirmed: Nobody did, and nobody can be asked.
    """
    memory = _home("XDG_STATE_HOME", ".local/state") / "squad" / "trusted" / project.key
    digest = configuration.trust_digest(wanted)
    if not wanted or digest in _remembered(memory):
        return
    listed = "\n".join(f"  {plain(command)}" for command in wanted)
    if not context.yes:
        if not context.is_interactive:
            raise Unconfirmed(listed)
        say(f"The configuration of {project.root} starts these commands:\n{listed}")
        if not context.agrees("Agree?"):
            raise Unconfirmed(listed)
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        with memory.open("a", encoding="ascii") as file:
            file.write(digest + "\n")
    except OSError as error:
        context.note(f"your consent cannot be remembered in {memory}: {error.strerror}")


def _remembered(memory: Path) -> list[str]:
    try:
        return memory.read_text(encoding="ascii", errors="replace").split()
    except OSError:
        return []


def _files(context: Context, project: Project) -> list[Path]:
    """Give the files that configure the project, strongest first."""
    own = own_folder() / "config.yaml"
    files = (project.folder / "local.yaml", _chosen(context, project), own)
    return [path for path in files if path is not None and os.path.lexists(path)]


def _chosen(context: Context, project: Project) -> Path | None:
    """Give the project's configuration file: the one asked for, else squad.yaml from the folder up to the root."""
    if context.config is not None:
        return _asked_for(context.config, context, project)
    here = context.folder.resolve()
    for folder in (here, *here.parents):
        if os.path.lexists(folder / _NAME):
            return folder / _NAME
        if folder == project.root:
            return None
    return None


def _asked_for(name: str, context: Context, project: Project) -> Path:
    """Find a file by path, or by name in the project's configs/ and in those that come with squad."""
    shipped = Path(__file__).parent.parent / "configs"
    candidates = [context.folder / name]
    if "/" not in name:
        candidates += [folder / f"{name}.yaml" for folder in (project.root / "configs", shipped)]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    known = sorted(path.stem for folder in (project.root / "configs", shipped) for path in folder.glob("*.yaml"))
    hint = nearest(name, known) or (f"configurations by name: {', '.join(known)}" if known else "give the path of a file")
    raise ConfigError(f"there is no configuration {name!r}", hint=hint)


def _read(path: Path, project: Project) -> Layer:
    shown = _shown(path, project)
    try:
        data = path.read_bytes()
        return configuration.layer(data.decode("utf-8-sig"), name=shown)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=Where(shown)) from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError("not UTF-8", where=Where(shown, line), hint="save it as UTF-8") from error


def _shown(path: Path, project: Project) -> str:
    return str(path.relative_to(project.root)) if path.is_relative_to(project.root) else str(path)


def _home(variable: str, below: str) -> Path:
    """Give a folder of the user's by the rules of XDG: a variable that holds an absolute path, else below the home folder."""
    named = os.environ.get(variable, "")
    return Path(named) if Path(named).is_absolute() else Path(os.path.expanduser("~")) / below  # noqa: PTH111 - never raises
