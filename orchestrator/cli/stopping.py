"""`stop`: end the supervisor of a run, and see it go."""

import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.asking import ask
from orchestrator.cli.context import Context, out, out_json, say

if TYPE_CHECKING:
    from orchestrator.platform.watching import Watch
    from orchestrator.project import Project

_CLEAR = "\r\x1b[K"
_TICK = 0.5  #: seconds between two looks at the clock


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(stop)


def stop(
    context: typer.Context, now: Annotated[bool, typer.Option("--now", help="without the 10 s for agents to end")] = False
) -> None:
    """Example:  squad stop

    End the supervisor and its agents, not the run: squad resume goes on. Returns when nothing is left.
    """
    from orchestrator.cli.steered import paused_already
    from orchestrator.model import Haste

    options: Context = context.obj
    project = options.project()
    already = paused_already(project) is not None
    if not already:
        _see_it_go(options, project, haste=Haste.NOW if now else Haste.ORDERLY)
    if options.as_json:
        told = {"stopped": True, "already": already, "undo": "squad resume"}
        out_json({"schema_version": 1, **told})
    elif not options.quiet:
        out(f"stopped{' already' if already else ''}; go on: squad resume")


def _see_it_go(options: Context, project: "Project", *, haste: int) -> None:
    """Ask for the end and wait for it; each Ctrl-C meanwhile asks more firmly, and one too many only leaves."""
    from orchestrator.cli.closing import said
    from orchestrator.model import Haste
    from orchestrator.platform.watching import watching

    line = _Line(is_shown=not (options.quiet or options.as_json) and sys.stderr.isatty())
    with watching(project.state) as changes:
        _ask(project, haste)
        while True:
            try:
                _watch(project, changes, line, haste)
            except KeyboardInterrupt:
                haste += 1
                if haste > Haste.KILLED:
                    raise
                line.clear()
                say(said(haste))
                _ask(project, haste)
            else:
                return
            finally:
                line.clear()


def _ask(project: "Project", haste: int) -> None:
    from orchestrator.model import Haste

    ask(project, "stop", {"now": haste >= Haste.NOW, "kill": haste >= Haste.KILLED}, unless_gone=True)


def _watch(project: "Project", changes: "Watch", line: "_Line", haste: int) -> None:
    """Show how long agents still have, until the supervisor is gone."""
    from orchestrator.cli.closing import countdown
    from orchestrator.supervised import outlast, supervisor_of

    if not line.is_shown:
        outlast(project)
        return
    since = time.time()
    while supervisor_of(project) is not None:
        line.show(countdown(haste, since=since, now=time.time()))
        changes.wait(_TICK)


class _Line:
    """One line of the terminal that is written over."""

    def __init__(self, *, is_shown: bool) -> None:
        self.is_shown = is_shown

    def show(self, text: str) -> None:
        if self.is_shown:
            sys.stderr.write(f"{_CLEAR}{text}")
            sys.stderr.flush()

    def clear(self) -> None:
        self.show("")
