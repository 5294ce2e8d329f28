"""`diff`, `merge`, `discard`: look at the result of a run, take it, or drop it."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.context import Context, out, out_json
from orchestrator.cli.watch import RunOption

if TYPE_CHECKING:
    from orchestrator.journal import Journal
    from orchestrator.project import Project
    from orchestrator.replay import Replayed


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(diff)
    app.command()(merge)
    app.command()(discard)


def diff(
    context: typer.Context,
    task: Annotated[str | None, typer.Argument(metavar="[TASK]", help="only what this task changed")] = None,
    run: RunOption = None,
    stat: Annotated[bool, typer.Option("--stat", help="only which files, and how much")] = False,
) -> None:
    """Example:  squad diff T3

    Show what a run changed, or one task of it.
    """
    from orchestrator.cli.tail import UnknownName
    from orchestrator.git import Git

    options: Context = context.obj
    project, replayed = _of(options, run)
    state = replayed.state
    start, end = state.base, f"refs/heads/{state.branch}"
    if task is not None:
        status = state.tasks.get(task)
        if status is None:
            raise UnknownName(task, list(state.tasks))
        attempt = state.attempts.get(status.attempt or "")
        if attempt is None or attempt.commit is None:
            out(f"{task} has changed nothing yet")
            return
        start, end = attempt.base, attempt.commit
    if start is None or state.branch is None:
        raise _no_branch()
    color = "--color=always" if options.colors else "--color=never"
    out(Git(project.root).run("diff", color, *(["--stat"] if stat else []), start, end, "--"))


def merge(context: typer.Context, run: RunOption = None) -> None:
    """Example:  squad merge

    Merge the result of a run into the branch that is checked out here.
    """
    from orchestrator.events import Merged
    from orchestrator.git import Git, head
    from orchestrator.journal import Journal
    from orchestrator.project import supervisor_of
    from orchestrator.workspaces.branch import merge_into

    options: Context = context.obj
    project, replayed = _of(options, run)
    if replayed.state.branch is None:
        raise _no_branch()
    before = head(project.root)
    commit = merge_into(project, replayed.run)
    into = Git(project.root).run("branch", "--show-current").strip() or "HEAD"
    if supervisor_of(project) is None:
        with Journal.open(project.state) as journal:
            journal.append(replayed.run, Merged(into=into, commit=commit), at=time.time())
    if options.as_json:
        out_json({"schema_version": 1, "into": into, "commit": commit})
    else:
        out(f"merged {replayed.state.branch} into {into}\nundo: git reset --keep {before}")


def discard(context: typer.Context, run: RunOption = None) -> None:
    """Example:  squad discard --run user-dashboard-1

    End a run for good and remove its worktrees and branches; all its work stays kept under refs.
    """
    from orchestrator import project as projects
    from orchestrator.events import RunEnded
    from orchestrator.journal import Journal
    from orchestrator.replay import replay

    options: Context = context.obj
    project, replayed = _of(options, run)
    _confirm(options, f"drop the run {replayed.run}? its work stays kept under refs/squad/kept/{replayed.run}/")
    with projects.hold(project), Journal.open(project.state) as journal:
        replayed = replay(journal, replayed.run)  # a supervisor may have ended it since
        refs = _drop(project, journal, replayed) if replayed.state.branch else ()
        if replayed.state.phase != "ended":
            journal.append(replayed.run, RunEnded(outcome="discarded"), at=time.time())
    if options.as_json:
        out_json({"schema_version": 1, "kept": list(refs)})
        return
    out(f"dropped {replayed.run}; kept: {len(refs)} refs")
    if refs:
        out(f"undo: git branch squad/{replayed.run} refs/squad/kept/{replayed.run}/integration")


def _drop(project: "Project", journal: "Journal", replayed: "Replayed") -> tuple[str, ...]:
    from orchestrator.config import load_dump
    from orchestrator.model import AgentId, AttemptId
    from orchestrator.workspaces.branch import Left, discard
    from orchestrator.workspaces.worktree import Worktrees

    isolation = load_dump(journal.document(replayed.settings)).isolation
    place = project.root / Path(isolation.place).expanduser() if isolation.place else project.folder / "worktrees"
    workspaces = Worktrees(project=project, run=replayed.run, place=place, copy=isolation.copy_files, symlink=isolation.symlink)
    left = {
        Path(one.workspace): Left(attempt=AttemptId(name), agent=AgentId(one.agent), base=one.base)
        for name, one in replayed.state.attempts.items()
    }
    return discard(workspaces, left)


def _of(options: Context, run: str | None) -> "tuple[Project, Replayed]":
    from orchestrator.journal import Journal
    from orchestrator.replay import NoRun, find_run, replay

    project = options.project()
    journal = Journal.read(project.state)
    if journal is None:
        raise NoRun(run)
    with journal:
        return project, replay(journal, find_run(journal, run))


def _confirm(options: Context, question: str) -> None:
    from orchestrator.errors import NeedsYou

    if options.yes:
        return
    if options.is_interactive:
        sys.stderr.write(f"{question} [y/N] ")
        if sys.stdin.readline().strip().casefold() in {"y", "yes"}:
            return
    raise NeedsYou("not confirmed, so nothing was dropped", hint="agree: squad discard -y")


def _no_branch() -> Exception:
    from orchestrator.errors import Refused

    return Refused("this run worked in the project's own folder, so there is no branch", hint="look at the files themselves")
