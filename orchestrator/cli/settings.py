"""Where the configuration of a command comes from, and a person's consent to the commands in it."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from orchestrator import config as configuration
from orchestrator.cli.context import Context, say
from orchestrator.config import Config, Layer
from orchestrator.errors import ConfigError, NeedsYou
from orchestrator.places import Plain
from orchestrator.project import Project

_NAME = "squad.yaml"


class Unconfirmed(NeedsYou):
    """The configuration would start commands that nobody has agreed to."""

    def __init__(self, listed: str) -> None:
        super().__init__(f"the configuration starts commands that were not confirmed yet:\n{listed}", hint="agree to them: -y")


def load(context: Context, project: Project, flags: Mapping[str, Plain]) -> Config:
    """Give the configuration: flags, environment, .squad/local.yaml, the project's file, the user's own, defaults.

    Raises:
        ConfigError: A file is missing or something in it is wrong.
    """
    layers = [configuration.settings(flags, name="the command line"), configuration.variables(os.environ)]
    files = (project.folder / "local.yaml", _chosen(context, project), _users_own())
    layers += [_read(path, project) for path in files if path is not None and path.is_file()]
    return configuration.combine(layers)


def confirm(config: Config, context: Context, project: Project) -> None:
    """See to it that a person agreed to the commands in the configuration; it is remembered.

    Raises:
        Unconfirmed: Nobody did, and nobody can be asked.
    """
    wanted = configuration.commands(config)
    memory = _state_home() / "trusted" / project.key
    digest = configuration.trust_digest(config)
    if not wanted or (memory.is_file() and digest in memory.read_text(encoding="ascii").split()):
        return
    listed = "\n".join(f"  {command}" for command in wanted)
    if not context.yes:
        if not context.is_interactive:
            raise Unconfirmed(listed)
        say(f"The configuration of {project.root} starts these commands:\n{listed}")
        sys.stderr.write("Agree? [y/N] ")
        if sys.stdin.readline().strip().casefold() not in {"y", "yes"}:
            raise Unconfirmed(listed)
    memory.parent.mkdir(parents=True, exist_ok=True)
    with memory.open("a", encoding="ascii") as file:
        file.write(digest + "\n")


def _chosen(context: Context, project: Project) -> Path | None:
    """Give the project's configuration file: the one asked for, else squad.yaml from the folder up to the root."""
    if context.config is not None:
        return _asked_for(context.config, context, project)
    here = context.folder.resolve()
    for folder in (here, *here.parents):
        if (folder / _NAME).is_file():
            return folder / _NAME
        if folder == project.root:
            return None
    return None


def _asked_for(name: str, context: Context, project: Project) -> Path:
    """Find a file by path, or by name in the project's configs/ and in those that come with squad."""
    shipped = Path(__file__).parent.parent / "configs"
    candidates = [context.folder / name, Path(name)]
    if "/" not in name:
        candidates += [folder / f"{name}.yaml" for folder in (project.root / "configs", shipped)]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    known = sorted(path.stem for folder in (project.root / "configs", shipped) for path in folder.glob("*.yaml"))
    hint = f"configurations by name: {', '.join(known)}" if known else "give the path of a file"
    raise ConfigError(f"there is no configuration {name!r}", hint=hint)


def _read(path: Path, project: Project) -> Layer:
    try:
        shown = str(path.relative_to(project.root))
    except ValueError:
        shown = str(path)
    try:
        return configuration.layer(path.read_text(encoding="utf-8"), name=shown)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {shown}: {error}") from error


def _users_own() -> Path:
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path("~/.config").expanduser())
    return Path(home) / "squad" / "config.yaml"


def _state_home() -> Path:
    return Path(os.environ.get("XDG_STATE_HOME") or str(Path("~/.local/state").expanduser())) / "squad"
