"""`retry`, `reassign`, `skip`, `scale`: what a person changes of the work of a run, whether its supervisor lives or not."""

from typing import Annotated

import typer

from orchestrator.cli.context import Context
from orchestrator.cli.watch import RunOption

_TASK = typer.Argument(metavar="TASK", help="its id, or the beginning of it", show_default=False)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (retry, reassign, skip):
        app.command()(command)
    app.command(context_settings={"ignore_unknown_options": True})(scale)  # -1 is a number here


def retry(
    context: typer.Context,
    tasks: Annotated[list[str] | None, typer.Argument(metavar="[TASK]...", help="ids, or their beginnings")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="all that have failed, or were parked after failures")] = False,
    run: RunOption = None,
) -> None:
    """Example:  squad retry --failed

    Try tasks again, with fresh counts; what was skipped because of them comes back too.
    """
    from orchestrator.cli.shaping import order, tell
    from orchestrator.errors import UsageError

    if not tasks and not failed:
        raise UsageError("a task is missing", hint="squad retry TASK, or: squad retry --failed")
    options: Context = context.obj
    tell(options, order(options, "retry", {"tasks": tasks or [], "failed": failed}, run=run))


def reassign(
    context: typer.Context,
    task: Annotated[str, _TASK],
    to: Annotated[str, typer.Option("--to", metavar="AGENT", help="who does it from now on")],
    run: RunOption = None,
) -> None:
    """Example:  squad reassign T3 --to agent-2-backend

    Give a task to another agent. One that is at it is stopped, uncounted, and the other goes on with its work.
    """
    from orchestrator.cli.shaping import order, tell

    options: Context = context.obj
    tell(options, order(options, "reassign", {"task": task, "to": to}, run=run))


def skip(
    context: typer.Context,
    task: Annotated[str, _TASK],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="for those who wonder")] = "",
    run: RunOption = None,
) -> None:
    """Example:  squad skip T3 --reason "done by hand"

    Leave a task out, and with it what needs it. An agent that is at it is stopped; its work is kept.
    """
    from orchestrator.cli.shaping import agreed, order, tell

    options: Context = context.obj
    wish: dict[str, object] = {"task": task, "reason": reason, "agreed": options.yes}
    answered = order(options, "skip", wish, run=run)
    if answered["asks"]:
        agreed(options, str(answered["asks"]), command=f"squad skip {task} -y")
        answered = order(options, "skip", {**wish, "agreed": True}, run=run)
    tell(options, answered)


def scale(
    context: typer.Context,
    agents: Annotated[str, typer.Argument(metavar="N|+N|-N", help="how many, or how many more or fewer")],
    now: Annotated[bool, typer.Option("--now", help="who leaves is stopped, uncounted; others go on with the work")] = False,
    run: RunOption = None,
) -> None:
    """Example:  squad scale +2

    Change the number of agents. Who leaves ends its task first; new ones are like the one with the most left to do.
    """
    from orchestrator.cli.shaping import order, tell

    options: Context = context.obj
    tell(options, order(options, "scale", {"agents": agents, "now": now}, run=run))
