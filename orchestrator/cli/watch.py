"""`status`, `events`, `logs`, `ls`, `wait`, `locks`, `owns`: look on, with or without a living supervisor."""

import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.context import Context, out, out_json

if TYPE_CHECKING:
    from orchestrator.journal import Journal
    from orchestrator.journal.replay import Replayed
    from orchestrator.project import Project
    from orchestrator.state import State

_RUN_HELP = "a run's id or its beginning; default: the latest"
RunOption = Annotated[str | None, typer.Option("--run", metavar="RUN", help=_RUN_HELP)]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (status, events, logs, wait, locks, owns):
        app.command()(command)
    app.command("ls")(list_runs)


def status(context: typer.Context, run: RunOption = None) -> None:
    """Example:  squad status --json

    Show where a run stands: tasks, agents, locks, and what needs you.
    """
    from orchestrator.views.contention import contention, contention_json, contention_lines
    from orchestrator.views.locks import standing
    from orchestrator.views.status import render_status, status_json
    from orchestrator.views.text import page

    options: Context = context.obj
    project, journal, replayed = replayed_of(options, run)
    supervised = is_supervised(project, journal, replayed.run)
    measured = contention(journal.entries(run=replayed.run), now=replayed.state.seen)
    state = standing(replayed.state, supervised=supervised)
    if options.as_json:
        shown = status_json(replayed.plan, state, supervised=supervised, now=time.time())
        out_json({**shown, "contention": contention_json(measured)})
    else:
        out(render_status(replayed.plan, state, supervised=supervised, now=time.time(), width=options.columns or 100))
        out(page(f"  {line}" for line in contention_lines(measured)) if measured.waited or measured.refused else "")


def events(
    context: typer.Context,
    run: RunOption = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="go on until the run is over")] = False,
    everything: Annotated[bool, typer.Option("--all", help="of all runs")] = False,
) -> None:
    """Example:  squad events -f

    Print what happened, one JSON object a line.
    """
    from orchestrator.journal.replay import find_run
    from orchestrator.platform.watching import watching
    from orchestrator.views.events import line

    options: Context = context.obj
    project, journal = _journal(options)
    wanted = None if everything else find_run(journal, run)
    seen = 0
    with watching(project.state) as changes:
        while True:
            is_last = not follow or _is_over(project, journal, wanted)
            for entry in journal.entries(run=wanted, after=seen):
                out(line(entry))
                seen = entry.seq
            sys.stdout.flush()
            if is_last:
                return
            changes.wait()


def logs(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="[AGENT|TASK]", help="default: everything")] = None,
    run: RunOption = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="go on until the run is over")] = False,
    raw: Annotated[bool, typer.Option("--raw", help="the bytes as they came, control sequences and all")] = False,
) -> None:
    """Example:  squad logs T3 -f

    Print what agents wrote, made safe to look at. With --json: where the raw logs are.
    """
    from orchestrator.cli.tail import follow_logs, logs_json
    from orchestrator.platform.watching import watching

    options: Context = context.obj
    project, journal, replayed = replayed_of(options, run)
    if options.as_json:
        out_json(logs_json(replayed.state, name, folder=project.logs / replayed.run))
        return
    with watching(project.state, project.logs / replayed.run) as changes:
        follow_logs(
            lambda: _state(journal, replayed),
            name,
            folder=project.logs / replayed.run,
            raw=raw,
            over=lambda: not follow or _is_over(project, journal, replayed.run),
            wait=changes.wait,
        )


def list_runs(context: typer.Context) -> None:
    """Example:  squad ls

    List the runs of this project, newest last.
    """
    from orchestrator.supervised import supervisor_of
    from orchestrator.views.runs import render_runs, runs_json

    options: Context = context.obj
    project, journal = _journal(options)
    supervised = supervisor_of(project) is not None
    if options.as_json:
        out_json(runs_json(journal, supervised=supervised))
    else:
        out(render_runs(journal, supervised=supervised))


def wait(
    context: typer.Context,
    run: RunOption = None,
    until: Annotated[str, typer.Option("--for", metavar="done|idle|needs-you", help="what to wait for")] = "done",
    timeout: Annotated[str | None, typer.Option("--timeout", help="how long at most, such as 30m")] = None,
) -> int:
    """Example:  squad wait --for done --timeout 8h

    Wait for a run; exit 0 when it is so, 124 when the time is over, else as the run ended.
    """
    from orchestrator.cli.waiting import wait_for, wish

    options: Context = context.obj
    wanted = wish(until, timeout)
    project, journal, replayed = replayed_of(options, run)
    lives = partial(is_supervised, project, journal, replayed.run)
    code = wait_for(wanted, project=project, plan=replayed.plan, lives=lives, read=lambda: _state(journal, replayed))
    if options.as_json:
        out_json({"schema_version": 1, "run": replayed.run, "for": until, "reached": code == 0, "exit_code": code})
    return code


def locks(context: typer.Context, run: RunOption = None) -> None:
    """Example:  squad locks

    Show who holds which path, and who waits for it; squad unlock PATH frees a stale lock.
    """
    from orchestrator.views.locks import render_locks, standing
    from orchestrator.views.status import status_json

    options: Context = context.obj
    project, journal, replayed = replayed_of(options, run)
    supervised = is_supervised(project, journal, replayed.run)
    state = standing(replayed.state, supervised=supervised)
    if options.as_json:
        shown = status_json(replayed.plan, state, supervised=supervised)
        out_json({"schema_version": 1, "locks": shown["locks"]})
    else:
        out(render_locks(state))


def owns(
    context: typer.Context, path: Annotated[str, typer.Argument(help="a path in the project")], run: RunOption = None
) -> None:
    """Example:  squad owns shared/types.ts

    Tell whose a path is, and who holds it now.
    """
    from orchestrator.cli.reading import claims_of
    from orchestrator.views.locks import owner_of, render_owner, standing

    options: Context = context.obj
    project, journal, replayed = replayed_of(options, run)
    state = standing(replayed.state, supervised=is_supervised(project, journal, replayed.run))
    owned = owner_of(replayed.plan, state, claims_of(project)(options.from_root(project, path)))
    if options.as_json:
        out_json({"schema_version": 1, **owned})
    else:
        out(render_owner(owned))


def _journal(options: Context) -> "tuple[Project, Journal]":
    from orchestrator.journal import Journal
    from orchestrator.journal.replay import NoRun

    project = options.project()
    journal = Journal.read(project.state)
    if journal is None:
        raise NoRun(root=project.root)
    return project, journal


def replayed_of(options: Context, run: str | None) -> "tuple[Project, Journal, Replayed]":
    """Give the project, its journal, and the run that is meant."""
    from orchestrator.journal.replay import find_run, replay

    project, journal = _journal(options)
    return project, journal, replay(journal, find_run(journal, run))


def _state(journal: "Journal", replayed: "Replayed") -> "State":
    """Bring a state up to date with its journal."""
    from orchestrator.fold import fold

    for entry in journal.entries(run=replayed.run, after=replayed.state.seq):
        fold(replayed.state, entry)
    return replayed.state


def is_supervised(project: "Project", journal: "Journal", run: str) -> bool:
    """Tell whether the living supervisor, if there is one, works on the run."""
    from orchestrator.supervised import supervisor_of

    return supervisor_of(project) is not None and journal.last_begun() == run


def _is_over(project: "Project", journal: "Journal", run: str | None) -> bool:
    """Tell whether nothing more will happen: no supervisor lives, or it works on another run."""
    from orchestrator.supervised import supervisor_of

    before = journal.last()
    if run is not None and journal.last_begun() != run:
        return True
    return supervisor_of(project) is None and journal.last() == before
