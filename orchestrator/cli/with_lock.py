"""`with-lock` for people: a command that runs while paths are locked for it, so that agents keep off.

A person asks as "you", whom no ownership refuses; whoever is an agent asks as itself, through the fast door.
"""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.context import Context
from orchestrator.errors import InputError, Refused, UsageError

if TYPE_CHECKING:
    from orchestrator.project import Project


class NobodyHolds(InputError):
    """There is no supervisor, so that nothing can be locked and nobody has to be held off."""

    def __init__(self, project: "Project") -> None:
        hint = "run the command by itself, or begin a run: squad run FILE, or go on with one: squad resume"
        super().__init__(f"no run is under way in {project.root}: there is no agent to hold off", hint=hint)


def register(app: typer.Typer) -> None:
    """Add the command."""
    settings = {"ignore_unknown_options": True, "allow_interspersed_args": False}
    app.command("with-lock", context_settings=settings)(with_lock)


def with_lock(
    context: typer.Context,
    words: Annotated[list[str], typer.Argument(metavar="PATH... -- CMD", help="what to lock, and what to run meanwhile")],
    wait: Annotated[str, typer.Option("--wait", help="how long to stand in line; 0: try once")] = "10m",
    purpose: Annotated[str, typer.Option("--purpose", help="what others are told")] = "",
) -> int:
    """Example:  squad with-lock shared/types.ts -- npm run generate

    Run a command while paths or operations are locked; they are free when it has ended.
    """
    from orchestrator.cli.agent import Misused
    from orchestrator.cli.asking import refused
    from orchestrator.cli.reading import claimed
    from orchestrator.cli.underlock import Door, carry_out, read
    from orchestrator.control.client import Unreachable
    from orchestrator.control.protocol import Rejected

    options: Context = context.obj
    try:
        wish = read(["--wait", wait, "--purpose", purpose, *words])._replace(quiet=options.quiet)
    except Misused as error:
        raise UsageError(str(error), hint="see: squad with-lock --help") from error
    project = options.project()
    socket = _socket(project)
    wish = wish._replace(paths=tuple(claimed(options, project, path) for path in wish.paths))
    os.chdir(options.folder)
    try:
        return carry_out(Door(socket, {}), wish)
    except Rejected as refusal:
        raise refused(refusal.reason.partition("\n")[0], "hold") from refusal  # what follows is advice to agents
    except Unreachable as error:
        raise Refused(str(error), hint="is its supervisor there? squad status") from error


def _socket(project: "Project") -> str:
    """Give where the supervisor listens.

    Raises:
        NobodyHolds: There is none.
        JournalError: The project is another user's, or a newer squad's, so that it cannot be told.
    """
    from orchestrator.journal import Journal
    from orchestrator.supervised import supervisor_of

    if supervisor_of(project) is None:
        if (journal := Journal.read(project.state)) is not None:
            journal.close()
        raise NobodyHolds(project)
    return str(project.sockets / "control.sock")
