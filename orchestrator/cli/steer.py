"""`inbox`, `answer`, `unlock`: requests of a person to the living supervisor."""

import time
from typing import Annotated

import typer

from orchestrator.cli.asking import ask
from orchestrator.cli.context import Context, out, out_json
from orchestrator.cli.watch import RunOption, replayed_of


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(inbox)
    app.command()(answer)
    app.command()(unlock)


def inbox(
    context: typer.Context,
    run: RunOption = None,
    everything: Annotated[bool, typer.Option("--all", help="also what was answered or closed")] = False,
) -> None:
    """Example:  squad inbox

    Show what agents ask; squad answer ID TEXT answers.
    """
    from orchestrator.supervised import supervisor_of
    from orchestrator.views.inbox import inbox_json, render_inbox

    options: Context = context.obj
    project, journal, replayed = replayed_of(options, run)
    supervised = supervisor_of(project) is not None and journal.latest() == replayed.run
    if options.as_json:
        out_json(inbox_json(replayed.state, now=time.time(), everything=everything, supervised=supervised))
    else:
        out(render_inbox(replayed.state, now=time.time(), everything=everything, supervised=supervised))


def answer(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="ID", help="of the question, or the task or agent that asks just one")],
    words: Annotated[list[str] | None, typer.Argument(metavar="[TEXT]", help="the answer")] = None,
    allow: Annotated[bool, typer.Option("--allow", help="permit what is asked for")] = False,
    deny: Annotated[bool, typer.Option("--deny", help="refuse it; the text is the reason that the agent reads")] = False,
) -> None:
    """Example:  squad answer Q3 "use sqlite"

    Answer a question of an agent. It is told at once if it can be, else with its next attempt.
    """
    from orchestrator.errors import UsageError

    options: Context = context.obj
    if allow and deny:
        raise UsageError("--allow and --deny contradict each other", hint="see: squad answer --help")
    if not name:
        raise UsageError("the question is missing", hint="see which are open: squad inbox")
    text = " ".join(words or ()).strip()
    if not (text or allow or deny):
        raise UsageError("an answer is missing", hint=f"squad answer {name} TEXT, or for a permission: --allow, --deny [TEXT]")
    decided = {"allow": allow} if allow or deny else {}
    told = ask(options.project(), "answer", {"id": name, "text": text, **decided})
    if options.as_json:
        out_json({"schema_version": 1, "result": told})
    elif isinstance(told, dict):
        out(_answered(told))


def _answered(told: "dict[str, object]") -> str:
    if told["already"]:
        return f"{told['id']} has that answer already"
    way = f"told {told['agent']}" if told["told"] else f"{told['agent']} hears it as soon as it can"
    return f"answered {told['id']} of {told['task']}: {way}"


def unlock(context: typer.Context, path: Annotated[str, typer.Argument(help="a locked path")]) -> None:
    """Example:  squad unlock shared/types.ts

    Free a stale lock; one whose holder shows life stays.
    """
    from orchestrator.cli.reading import claimed

    options: Context = context.obj
    project = options.project()
    answer = ask(project, "unlock", {"path": claimed(options, project, path)})
    if options.as_json:
        out_json({"schema_version": 1, "result": answer})
    else:
        out(f"unlocked {path}")
