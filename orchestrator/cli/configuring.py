"""`config`: look at the configuration, check it, and describe it to editors."""

from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.context import Context, out, out_json

if TYPE_CHECKING:
    from orchestrator.config import Config, Layer
    from orchestrator.places import Plain

_ACTIONS = ("show", "check", "schema")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(config)


def config(
    context: typer.Context,
    action: Annotated[str, typer.Argument(metavar="ACTION", help="show, check or schema")],
    file: Annotated[
        str | None, typer.Argument(metavar="[FILE]", help="to check, or its name in configs/; default: what holds")
    ] = None,
    origin: Annotated[bool, typer.Option("--origin", help="show: where each value comes from")] = False,
    comments: Annotated[bool, typer.Option("--comments", help="show: what each key means")] = False,
    count: Annotated[int | None, typer.Option("-n", "--agents", min=1, max=500, help="show: as a run with this flag")] = None,
    enforce: Annotated[str | None, typer.Option("--enforce", metavar="LEVEL", help="show: as a run with this flag")] = None,
) -> None:
    """Example:  squad config show --origin

    Show the configuration that holds, as YAML; check it, or a file; give its JSON Schema for editors.
    """
    from orchestrator.cli.programs import require_level
    from orchestrator.errors import UsageError
    from orchestrator.text.spelling import nearest_or_all
    from orchestrator.views.config_schema import config_schema

    options: Context = context.obj
    if action not in _ACTIONS:
        hint = nearest_or_all(action, _ACTIONS, "one of")
        raise UsageError(f"config does not know {action!r}", hint=hint)
    if file is not None and action != "check":
        raise UsageError(
            f"config {action} takes no file", hint=f"with a configuration of its own: squad -c {file} config {action}"
        )
    if (origin or comments) and (action != "show" or (origin and comments)):
        raise UsageError("--origin and --comments go with show, one of them", hint="see: squad config --help")
    if enforce is not None:
        require_level(enforce)
    if action == "schema":
        out_json(config_schema())
    elif action == "check":
        _check(options, file)
    else:
        flags = {"run.agents": str(count) if count else None, "enforce": enforce}
        _show(options, {name: value for name, value in flags.items() if value}, origin=origin, comments=comments)


def _show(options: Context, flags: "dict[str, Plain]", *, origin: bool, comments: bool) -> None:
    from orchestrator.views import configuration as view

    effective, layers = _effective(options, flags)
    if options.as_json:
        out_json(view.config_json(effective, layers))
    elif comments:
        out(view.explained(effective))
    else:
        out(view.shown(effective, layers if origin else None))


def _check(options: Context, file: str | None) -> None:
    from orchestrator.cli import settings
    from orchestrator.config import combine

    project = options.project()
    if file is None:
        _effective(options, {})
        said = settings.sources(options, project)
    else:
        one = settings.named(file, options, project)
        combine([one])
        said = one.name
    if options.as_json:
        out_json({"schema_version": 1, "valid": True, "checked": said})
    else:
        out(f"{said}: valid")


def _effective(options: Context, flags: "dict[str, Plain]") -> "tuple[Config, list[Layer]]":
    from orchestrator.cli import settings
    from orchestrator.config import combine

    layers = settings.layers(options, options.project(), flags)
    return combine(layers), layers
