"""`run` and `resume`: carry a plan out, in the foreground or the background."""

from dataclasses import replace
from typing import Annotated

import typer

from orchestrator.cli.context import Context, out

DetachOption = Annotated[bool, typer.Option("-d", "--detach", help="in the background: it goes on when the terminal is closed")]
AllOption = Annotated[bool, typer.Option("--all", help="also what a run before has done and the base holds")]
OrderOption = Annotated[bool, typer.Option("--any-order", help="only needs that are said count, not the order of the document")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(run)
    app.command()(resume)


def run(
    context: typer.Context,
    file: Annotated[str, typer.Argument(help="PRD, task list, tasks file or plan.json")],
    count: Annotated[int | None, typer.Option("-n", "--agents", metavar="N", min=1, max=500, help="how many agents")] = None,
    agent: Annotated[
        str | None,
        typer.Option(
            "--agent", metavar="ADAPTER", help="for every agent: simulated, command, acp, claude, codex, gemini, aider, auto"
        ),
    ] = None,
    enforce: Annotated[str | None, typer.Option("--enforce", metavar="LEVEL", help="agree, detect, hook, deny or auto")] = None,
    new: Annotated[bool, typer.Option("--new", help="start anew although a run of this file is unfinished")] = False,
    everything: AllOption = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="show the plan and start nothing")] = False,
    tick: Annotated[bool, typer.Option("--tick", help="mark finished tasks in the document")] = False,
    any_order: OrderOption = False,
    detach: DetachOption = False,
    unattended: Annotated[bool, typer.Option("--unattended", help="nobody is there: refuse what agents ask")] = False,
) -> int:
    """Example:  squad run feature-prd.md

    Plan a document, give its tasks to agents, and put the finished work together on the branch squad/<run>.
    """
    from orchestrator.cli.early import heed_early_signals
    from orchestrator.cli.launch import Wishes, launch, rehearse

    heed_early_signals()
    options: Context = context.obj
    if unattended:
        options = replace(options, no_input=True)
    wishes = Wishes(
        file=file,
        count=count,
        agent=agent,
        enforce=enforce,
        new=new,
        unattended=unattended,
        tick=tick,
        any_order=any_order,
        detach=detach,
        everything=everything,
    )
    if dry_run:
        out(rehearse(options, wishes))
        return 0
    return launch(options, wishes)


def resume(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="RUN", help="a run's id or its beginning; default: the latest")] = None,
    detach: DetachOption = False,
    unattended: Annotated[bool, typer.Option("--unattended", help="nobody is there: refuse what agents ask from now on")] = False,
) -> int:
    """Example:  squad resume

    Go on with a run that was paused or stopped, or whose supervisor is gone.
    """
    from orchestrator.cli.early import heed_early_signals
    from orchestrator.cli.launch import relaunch
    from orchestrator.cli.orders import let_go_on

    heed_early_signals()
    options: Context = context.obj
    if (code := let_go_on(options, name, unattended=unattended)) is not None:
        return code
    if unattended:
        options = replace(options, no_input=True)
    return relaunch(options, name, unattended=unattended, detach=detach)
