"""`open`: stand where a task is or was worked on."""

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.context import Context, out, out_json
from orchestrator.cli.watch import RunOption, replayed_of

if TYPE_CHECKING:
    from orchestrator.cli.workplace import Workplace


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("open")(open_task)


def open_task(
    context: typer.Context,
    task: Annotated[str, typer.Argument(metavar="TASK", help="its id, or a beginning that no other has")],
    run: RunOption = None,
    printed: Annotated[bool, typer.Option("--print", help="only print where it is")] = False,
) -> None:
    """Example:  squad open T3

    Open a shell in the workspace of a task, with its environment; where it is gone, in what was kept. Without a terminal: print
    where it is.
    """
    from orchestrator.cli.naming import task_named
    from orchestrator.cli.workplace import workplace
    from orchestrator.config import load_dump

    options: Context = context.obj
    project, journal, replayed = replayed_of(options, run)
    config = load_dump(journal.document(replayed.settings))
    place = workplace(project, replayed, task_named(replayed.state, task), config=config)
    if options.as_json:
        told = {"run": replayed.run, "task": place.task, "attempt": place.attempt, "path": str(place.path)}
        more = {"kept": place.is_kept, "agent_at_work": place.at_work or None, "environment": dict(place.environment)}
        out_json({"schema_version": 1, **told, **more})
    elif printed or not (sys.stdin.isatty() and sys.stdout.isatty()):
        out(str(place.path))
    else:
        _become_shell(options, place)


def _become_shell(options: Context, place: "Workplace") -> None:
    """Let a shell take the place of this command."""
    from orchestrator.errors import ToolMissing

    shell = os.environ.get("SHELL") or "/bin/sh"
    what = f"what was kept of {place.attempt}" if place.is_kept else f"the workspace of {place.attempt}"
    beside = f"; {place.at_work} is at work here, and what you change becomes part of its work" if place.at_work else ""
    options.note(f"{what}: {place.path}{beside}\nback: exit")
    sys.stdout.flush()
    try:
        os.chdir(place.path)
        os.execve(shell, [shell], {**os.environ, **place.environment})  # noqa: S606 - the user's own shell
    except OSError as error:
        hint = f"name another one: SHELL=/bin/sh squad open {place.task}"
        raise ToolMissing(f"the shell {shell} cannot be started: {error.strerror}", hint=hint) from error
