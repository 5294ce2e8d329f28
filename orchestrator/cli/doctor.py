"""`doctor`: whether everything is there that a run needs."""

from typing import Annotated

import typer

from orchestrator.cli.context import Context


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(doctor)


def doctor(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME...]", help="programs or agents; default: all")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="ask no model: only what is installed, and which version")] = False,
    timeout: Annotated[str, typer.Option("--timeout", help="how long each program has, such as 90s")] = "2m",
) -> int:
    """Example:  squad doctor claude codex

    Try the agent programs: found, version, signed in, can write, can be refused, and what mends each fault.

    Besides: git, folders, disk, clock, and what the kernel can refuse. With an agent of the latest run: what it has and lacks.

    Each that is installed gets one or two short requests, on your account.
    """
    from orchestrator.adapters.known import KNOWN
    from orchestrator.cli.examining import examine_for
    from orchestrator.cli.seat import examine_seat

    options: Context = context.obj
    if names and len(names) == 1 and names[0] not in KNOWN and (code := examine_seat(options, names[0])) is not None:
        return code
    return examine_for(options, names or [], quick=quick, timeout=timeout)
