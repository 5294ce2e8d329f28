"""`pause`, `restart`, `tell`, and `resume` of a run whose supervisor lives: orders that a run at work carries out."""

from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.asking import ask
from orchestrator.cli.context import Context, out, out_json

if TYPE_CHECKING:
    from orchestrator.project import Project

_NAME = typer.Argument(metavar="AGENT|TASK", help="its id, or a beginning that no other has")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (pause, restart, tell):
        app.command()(command)


def pause(
    context: typer.Context,
    now: Annotated[bool, typer.Option("--now", help="also stop what is under way; it does not count, and goes on later")] = False,
) -> None:
    """Example:  squad pause

    Start nothing more; what is under way goes on to its end. The supervisor lives on: squad resume lets it go on.
    """
    from orchestrator.cli.steered import paused_already, said_of_pause

    options: Context = context.obj
    project = options.project()
    told = paused_already(project) or _asked(project, "pause", {"now": now})
    _tell(options, told, text=said_of_pause(told), undo="squad resume")


def restart(context: typer.Context, name: Annotated[str, _NAME]) -> None:
    """Example:  squad restart T3

    Stop an agent and let it begin its task again: a new attempt in the same workspace, told what was done; it does not count.
    """
    from orchestrator.cli.naming import task_or_agent
    from orchestrator.cli.steered import latest, said_of_restart

    options: Context = context.obj
    meant = task_or_agent(latest(options).state, name)
    told = _asked(options.project(), "restart", meant.as_params())
    _tell(options, told, text=said_of_restart(told), undo="", why="no work is lost")


def tell(
    context: typer.Context,
    name: Annotated[str, _NAME],
    words: Annotated[list[str], typer.Argument(metavar="TEXT", help="what it is to hear")],
) -> None:
    """Example:  squad tell T3 "use the new endpoint"

    Say something to an agent: at once if it can be spoken to, else with its next attempt. Which of both is told.
    """
    from orchestrator.cli.naming import task_or_agent
    from orchestrator.cli.steered import latest, said_of_remark
    from orchestrator.errors import UsageError

    options: Context = context.obj
    if not (text := " ".join(words).strip()):
        raise UsageError("the text is empty: there is nothing to tell", hint=f"squad tell {name} TEXT")
    meant = task_or_agent(latest(options).state, name)
    told = _asked(options.project(), "tell", {**meant.as_params(), "text": text})
    correct = f"squad tell {told['task'] or told['agent']} TEXT"
    _tell(options, told, text=said_of_remark(told), undo="", why=f"what is told stays told; say what holds instead: {correct}")


def let_go_on(options: Context, name: str | None, *, unattended: bool) -> int | None:
    """Let the living supervisor of a paused run go on; None: none lives there, so that one is to be started.

    Raises:
        Refused: It is not to be had as it is asked for.
    """
    from orchestrator.cli.steered import is_going_on, living
    from orchestrator.errors import Refused

    project = options.project()
    replayed = living(project, name)
    if replayed is None or not (replayed.state.held or is_going_on(project, replayed)):
        return None
    if unattended:
        hint = f"squad stop, then: squad resume {replayed.run} --unattended"
        raise Refused(f"the living supervisor of {replayed.run} keeps to its settings", hint=hint)
    told = _asked(project, "resume", {})
    text = f"{replayed.run} goes on{' already' if told['already'] else ''}"
    _tell(options, told, text=text, undo="squad pause")
    return 0


def _asked(project: "Project", method: str, params: dict[str, object]) -> dict[str, object]:
    answer = ask(project, method, params)
    return answer if isinstance(answer, dict) else {}


def _tell(options: Context, told: dict[str, object], *, text: str, undo: str, why: str = "") -> None:
    """Say what came of an order, and which command takes it back, or `why` there is nothing to take back."""
    if options.as_json:
        out_json({"schema_version": 1, **told, "undo": undo or None})
    elif not options.quiet:
        out(f"{text}\nundo: {undo or f'nothing to undo, {why}'}")
