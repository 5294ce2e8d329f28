"""`inbox`, `answer`, `stop`, `unlock`: requests of a person to the living supervisor."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.context import Context, out, out_json
from orchestrator.cli.watch import RunOption, replayed_of

if TYPE_CHECKING:
    from orchestrator.project import Project

_PAUSE = 0.05  #: seconds before a supervisor that only just starts is asked again
_PATIENCE = 30.0  #: seconds in which a living supervisor must answer
#: What each request is about, for agents that may not ask it.
_PERSONS = {"answer": "answer questions", "stop": "stop a run", "unlock": "free what others hold"}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(inbox)
    app.command()(answer)
    app.command()(stop)
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
    text = " ".join(words or ()).strip()
    if not (text or allow or deny):
        raise UsageError("an answer is missing", hint=f"squad answer {name} TEXT, or for a permission: --allow, --deny [TEXT]")
    decided = {"allow": allow} if allow or deny else {}
    told = _ask(options.project(), "answer", {"id": name, "text": text, **decided})
    if options.as_json:
        out_json({"schema_version": 1, "result": told})
    elif isinstance(told, dict):
        out(_answered(told))


def _answered(told: "dict[str, object]") -> str:
    if told["already"]:
        return f"{told['id']} has that answer already"
    way = f"told {told['agent']}" if told["told"] else f"{told['agent']} hears it as soon as it can"
    return f"answered {told['id']} of {told['task']}: {way}"


def stop(
    context: typer.Context, now: Annotated[bool, typer.Option("--now", help="without the 10 s for agents to end")] = False
) -> None:
    """Example:  squad stop

    End the supervisor and its agents, not the run: squad resume goes on. Returns when nothing is left.
    """
    from orchestrator.supervised import outlast

    options: Context = context.obj
    project = options.project()
    _ask(project, "stop", {"now": now}, unless_gone=True)
    outlast(project)
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
    from orchestrator.supervised import is_in_sight, supervisor_of

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
            if not is_in_sight(owner) and supervisor_of(project) == owner:  # it did not end meanwhile
                raise _walled_off(method, owner) from error
    if lived and unless_gone:
        return None
    raise _gone(project)


def _walled_off(method: str, owner: int) -> Exception:
    """Say that whoever neither reaches nor sees the living supervisor is in the sandbox of an agent, or as far away."""
    from orchestrator.errors import Refused

    hint = f"the supervisor (process {owner}) cannot be seen from here: this is an agent's sandbox, or a container beside it"
    return Refused(f"an agent may not {_PERSONS[method]}: only a person may", hint=hint)


def _gone(project: "Project") -> Exception:
    """Say why nobody takes a request: no run yet, one that has ended, or one whose supervisor is gone."""
    from orchestrator.errors import Refused
    from orchestrator.journal import Journal
    from orchestrator.replay import NoRun, find_run, replay

    journal = Journal.read(project.state)
    if journal is None:
        return NoRun()
    with journal:
        last = replay(journal, find_run(journal, None))
    if last.state.phase == "ended":
        return Refused(f"the run {last.run} has ended: {last.state.outcome}", hint="look: squad report")
    return Refused(f"no supervisor works on {project.root}", hint="go on with the latest run: squad resume")
