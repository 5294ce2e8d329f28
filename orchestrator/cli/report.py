"""`report`, `compare`, `cost`: what a run came to, what another one of the same tasks did, and what was consumed."""

from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.context import Context, out, out_json
from orchestrator.cli.watch import RunOption, is_supervised, replayed_of

_SUFFIXES = {".md": "md", ".markdown": "md", ".html": "html", ".htm": "html", ".json": "json", ".txt": "text"}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(report)
    app.command()(compare)
    app.command()(cost)


def report(
    context: typer.Context,
    run: RunOption = None,
    form: Annotated[str | None, typer.Option("--format", metavar="text|md|html|json", help="how it is written")] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="write it there instead")] = None,
) -> None:
    """Example:  squad report --format html -o report.html

    Tell a run: what needs you, what came out, and what was measured.
    """
    from orchestrator.cli.reporting import FORMATS, report_of
    from orchestrator.cli.writing import write_whole
    from orchestrator.views.report import render_report

    options: Context = context.obj
    wanted = _format(options, form, output)
    project, journal, replayed = replayed_of(options, run)
    supervised = is_supervised(project, journal, replayed.run)
    made = report_of(project, journal, replayed.plan, replayed.state, supervised=supervised)
    columns = options.columns if output is None else None
    text = render_report(made, width=columns) if wanted == "text" and columns else FORMATS[wanted](made)
    if output is None:
        out(text)
        return
    write_whole(options.folder / output, text.encode())
    if options.as_json and wanted != "json":
        out_json({"schema_version": 1, "run": replayed.run, "format": wanted, "file": str(output)})
    options.note(f"the report is in {output}")


def compare(
    context: typer.Context,
    first: Annotated[str, typer.Argument(metavar="RUN", help="a run's id or its beginning")],
    second: Annotated[str, typer.Argument(metavar="RUN", help="another one")],
) -> None:
    """Example:  squad compare dashboard-1 dashboard-2

    Hold two runs of the same tasks against each other; measured only where nothing else differs.
    """
    from orchestrator.cli.reporting import told_of
    from orchestrator.errors import UsageError
    from orchestrator.views.compared import comparison_json, render_comparison
    from orchestrator.views.comparison import compare as held_together

    options: Context = context.obj
    project, journal, one = replayed_of(options, first)
    _, _, other = replayed_of(options, second)
    if one.run == other.run:
        raise UsageError(f"both are the run {one.run}", hint="name two runs; see: squad ls")
    sides = (told_of(journal, run, supervised=is_supervised(project, journal, run.run)) for run in (one, other))
    comparison = held_together(*sides)
    if options.as_json:
        out_json(comparison_json(comparison))
    else:
        out(render_comparison(comparison))


def cost(context: typer.Context, run: RunOption = None) -> None:
    """Example:  squad cost

    Show tokens and money by agent, task and adapter, as agents tell them.
    """
    from orchestrator.views.cost import cost_json, cost_of, render_cost

    options: Context = context.obj
    _, journal, replayed = replayed_of(options, run)
    told = cost_of(replayed.run, list(journal.entries(run=replayed.run)), replayed.plan)
    if options.as_json:
        out_json(cost_json(told))
    else:
        out(render_cost(told))


def _format(options: Context, form: str | None, output: Path | None) -> str:
    """Give the format that is asked for, or that the name of the file says.

    Raises:
        UsageError: There is no such format.
    """
    from orchestrator.cli.reporting import FORMATS
    from orchestrator.errors import UsageError
    from orchestrator.text.spelling import nearest

    if form is not None and form not in FORMATS:
        raise UsageError(f"--format {form}: expected text, md, html or json", hint=nearest(form, tuple(FORMATS)) or None)
    by_name = _SUFFIXES.get(output.suffix.casefold()) if output else None
    return form or by_name or ("json" if options.as_json else "text")
