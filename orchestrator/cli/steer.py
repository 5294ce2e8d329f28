"""`stop`, `unlock`: requests of a person to the living supervisor."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.context import Context, out, out_json

if TYPE_CHECKING:
    from orchestrator.project import Project

_PAUSE = 0.05  #: seconds before a supervisor that only just starts is asked again
_PATIENCE = 30.0  #: seconds in which a living supervisor must answer


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
    from orchestrator.platform.watching import watching
    from orchestrator.supervised import supervisor_of

    options: Context = context.obj
    project = options.project()
    with watching(project.state) as changes:
        _ask(project, "stop", {"now": now}, unless_gone=True)
        while supervisor_of(project) is not None:
            changes.wait()
    if options.as_json:
        out_json({"schema_version": 1, "stopped": True})
    elif not options.quiet:
        out("stopped; go on: squad resume")


def unlock(context: typer.Context, path: Annotated[str, typer.Argument(help="a locked path")]) -> None:
    """Example:  squad unlock shared/types.ts

    Free a stale lock; one whose holder shows life stays.
    """
    options: Context = context.obj
    project = options.project()
    answer = _ask(project, "unlock", {"path": options.from_root(project, path)})
    if options.as_json:
        out_json({"schema_version": 1, "result": answer})
    else:
        out(f"unlocked {path}")


def _ask(project: "Project", method: str, params: dict[str, object], *, unless_gone: bool = False) -> object:
    """Ask the living supervisor; one that only just starts, or ends, is asked again until it answers or is gone.

    Raises:
        Refused: It refuses, or there is none; with `unless_gone` one that went away meanwhile is no refusal.
        NoRun: There is not even a run.
    """
    from orchestrator.control.client import Unreachable, call
    from orchestrator.control.protocol import Rejected
    from orchestrator.errors import Refused
    from orchestrator.replay import NoRun
    from orchestrator.supervised import supervisor_of

    lived = False
    patience = time.monotonic() + _PATIENCE
    while (owner := supervisor_of(project)) is not None:
        lived = True
        try:
            return call(str(project.sockets / "control.sock"), method, params)
        except Rejected as refusal:
            raise Refused(refusal.reason) from refusal
        except Unreachable as error:
            if time.monotonic() > patience:
                raise Refused(f"the supervisor (process {owner}) does not answer", hint=f"end it: kill {owner}") from error
            time.sleep(_PAUSE)
    if lived and unless_gone:
        return None
    if not (project.state / "state.db").exists():
        raise NoRun
    raise Refused(f"no supervisor works on {project.root}", hint="go on with the latest run: squad resume")
