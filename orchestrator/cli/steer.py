"""`stop`, `unlock`: requests of a person to the living supervisor."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.context import Context, out, out_json

if TYPE_CHECKING:
    from orchestrator.project import Project

_PAUSE = 0.05


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(stop)
    app.command()(unlock)


def stop(
    context: typer.Context, now: Annotated[bool, typer.Option("--now", help="without the 10 s for agents to end")] = False
) -> None:
    """Example:  squad stop

    End the supervisor and its agents, not the run: squad resume goes on. Returns when nothing is left.
    """
    from orchestrator.project import supervisor_of

    options: Context = context.obj
    project = options.project()
    _ask(project, "stop", {"now": now})
    while supervisor_of(project) is not None:
        time.sleep(_PAUSE)
    if options.as_json:
        out_json({"schema_version": 1, "stopped": True})
    elif not options.quiet:
        out("stopped; go on: squad resume")


def unlock(context: typer.Context, path: Annotated[str, typer.Argument(help="a locked path")]) -> None:
    """Example:  squad unlock shared/types.ts

    Free a stale lock; one whose holder shows life stays.
    """
    options: Context = context.obj
    answer = _ask(options.project(), "unlock", {"path": path})
    if options.as_json:
        out_json({"schema_version": 1, "result": answer})
    else:
        out(f"unlocked {path}")


def _ask(project: "Project", method: str, params: dict[str, object]) -> object:
    """Ask the living supervisor.

    Raises:
        Refused: It refuses, or there is none.
    """
    from orchestrator.control.client import Unreachable, call
    from orchestrator.control.protocol import Rejected
    from orchestrator.errors import Refused

    try:
        return call(str(project.sockets / "control.sock"), method, params)
    except Rejected as refusal:
        raise Refused(refusal.reason) from refusal
    except Unreachable as error:
        message = f"no supervisor works on {project.root}"
        raise Refused(message, hint="start one: squad run FILE, or squad resume") from error
