"""`demo`: what squad does, shown in half a minute."""

from typing import Annotated

import typer

from orchestrator.cli.context import Context


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    context: typer.Context,
    folder: Annotated[str | None, typer.Argument(metavar="DIR", help="an empty folder for it, which stays")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="keep the scratch repository to look around in it")] = False,
) -> int:
    """Example:  squad demo

    Show a run in a scratch repository, with simulated agents.

    A lock wait, a stall, a crash and a foreign write, and what squad makes of them: no model, no key, no network. Exit 1 if
    one of them did not happen.
    """
    from orchestrator.cli.demonstration import demonstrate
    from orchestrator.cli.early import heed_early_signals

    heed_early_signals()
    options: Context = context.obj
    return demonstrate(options, folder, keep=keep)
