"""`add`: a task joins a run that is under way or paused."""

from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.context import Context
from orchestrator.cli.watch import RunOption

Many = list[str] | None


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(add)


def add(
    context: typer.Context,
    file: Annotated[str | None, typer.Argument(metavar="[FILE]", help="a tasks file (YAML or JSON)")] = None,
    title: Annotated[str, typer.Option("--title", metavar="TEXT", help="of one task, instead of a file")] = "",
    name: Annotated[str, typer.Option("--id", metavar="ID", help="its id; default: the next T<n>")] = "",
    writes: Annotated[Many, typer.Option("--writes", metavar="PATH", help="what it writes; may be repeated")] = None,
    needs: Annotated[Many, typer.Option("--needs", metavar="TASK", help="what is done before; may be repeated")] = None,
    agents: Annotated[Many, typer.Option("--agents", metavar="AGENT", help="who may do it; may be repeated")] = None,
    estimate: Annotated[str, typer.Option("--estimate", metavar="TIME", help="such as 10m")] = "",
    run: RunOption = None,
) -> None:
    """Example:  squad add --title "Write the changelog" --writes CHANGELOG.md --needs T3

    Put a task into the run. The plan is amended and must hold: what would break its certificate is refused.
    """
    from orchestrator.cli.shaping import order, tell
    from orchestrator.errors import UsageError

    options: Context = context.obj
    if (file is None) == (not title):
        raise UsageError("name a tasks file, or one task by --title", hint="see: squad add --help")
    if file is not None:
        wish: dict[str, object] = {"document": _text_of(options, file), "name": file}
    else:
        paths = [options.from_root(options.project(), path) for path in writes or ()]
        row = {"id": name, "title": title, "needs": needs, "agents": agents, "writes": paths, "estimate": _time(estimate)}
        wish = {"row": {key: value for key, value in row.items() if value}}
    tell(options, order(options, "add", wish, run=run))


def _time(estimate: str) -> str:
    """Give a duration as it was written, if it is one."""
    from orchestrator.errors import UsageError
    from orchestrator.text.quantities import parse_duration

    try:
        return f"{parse_duration(estimate):g}s" if estimate else ""
    except ValueError as error:
        raise UsageError(f"--estimate: {error}") from error


def _text_of(options: Context, file: str) -> str:
    """Give what stands in a tasks file."""
    from orchestrator.cli.sources import bytes_of
    from orchestrator.control.protocol import LONGEST
    from orchestrator.errors import PrdError, Where

    path = Path(options.folder / file)
    data = bytes_of(path, file)
    if path.suffix not in {".yaml", ".yml", ".json"}:
        raise PrdError(
            "no tasks file: its name ends with .yaml or .json", where=Where(file), hint="one task: squad add --title TEXT"
        )
    if len(data) > LONGEST // 2:
        raise PrdError(f"more than {LONGEST // 2048} KiB are too much at once", where=Where(file), hint="add it in parts")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise PrdError(f"no UTF-8: {error.reason}", where=Where(file)) from error
