"""`diff`, `merge`, `discard`: look at the result of a run, take it, or drop it."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli import intree
from orchestrator.cli.context import Context, out, out_json
from orchestrator.cli.watch import RunOption

if TYPE_CHECKING:
    from orchestrator.journal import Journal
    from orchestrator.journal.replay import Replayed
    from orchestrator.project import Project
    from orchestrator.state import State


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
    foreign: Annotated[bool, typer.Option("--foreign", help="what was changed without the right to, and is kept")] = False,
) -> None:
    """Example:  squad diff T3

    Show what a run changed, or one task of it.
    """
    from orchestrator.cli.naming import task_named
    from orchestrator.git import Git, changed_paths

    options: Context = context.obj
    project, replayed = _of(options, run)
    state = replayed.state
    task = None if task is None else task_named(state, task)
    if foreign:
        _show_foreign(options, project, replayed, task, stat=stat)
        return
    if _is_in_tree(state):
        intree.diff(options, project, replayed, task, stat=stat)
        return
    if state.base is None or state.branch is None:
        raise _no_branch(project, state)
    start, end = state.base, _result(project, replayed)
    if task is not None:
        attempt = state.attempts.get(state.tasks[task].attempt or "")
        start = (attempt.base if attempt else None) or start
        end = (attempt.commit if attempt else None) or start
    git = Git(project.root)
    if options.as_json:
        changed = [{"path": path} for path in changed_paths(project.root, start, end)]
        patch = git.run("diff", "--color=never", start, end, "--")
        out_json({"schema_version": 1, "run": replayed.run, "task": task, "files": changed, "patch": patch})
        return
    out(git.run("diff", options.git_color, *(["--stat"] if stat else []), start, end, "--"))


def _show_foreign(options: Context, project: "Project", replayed: "Replayed", task: str | None, *, stat: bool) -> None:
    from orchestrator.cli.foreign import foreign_patches

    patches = foreign_patches(project, replayed.state, task, options=(options.git_color, *(["--stat"] if stat else [])))
    if options.as_json:
        out_json({"schema_version": 1, "run": replayed.run, "task": task, "foreign": [one.as_json() for one in patches]})
        return
    out("\n".join(one.title + one.text for one in patches) or "nothing was changed without the right to")


def merge(context: typer.Context, run: RunOption = None) -> None:
    """Example:  squad merge

    Merge the result of a run into the branch that is checked out.
    """
    from orchestrator.errors import JournalError
    from orchestrator.events import Merged
    from orchestrator.git import Git, head
    from orchestrator.journal import Journal
    from orchestrator.supervised import supervisor_of
    from orchestrator.workspaces.branch import merge_into

    options: Context = context.obj
    project, replayed = _of(options, run)
    if _is_in_tree(replayed.state):
        intree.merge(options, project, replayed)
        return
    if replayed.state.branch is None:
        raise _no_branch(project, replayed.state)
    before = head(project.root) or ""
    is_empty = replayed.state.tip == replayed.state.base
    commit = before if is_empty else merge_into(project, replayed.run)
    into = Git(project.root).run("branch", "--show-current").strip() or "HEAD"
    nothing = commit == before
    if supervisor_of(project) is None and not is_empty:
        try:
            with Journal.open(project.state) as journal:
                journal.append(replayed.run, Merged(into=into, commit=commit), at=time.time())
        except JournalError as error:  # what was asked for is done
            options.note(f"not noted in the journal: {error.message}")
    if options.as_json:
        out_json({"schema_version": 1, "into": into, "commit": commit})
    elif nothing:
        why = "no task is integrated yet" if is_empty else f"{into} has all of {replayed.state.branch} already"
        out(f"nothing to merge: {why}")
    else:
        out(f"merged {replayed.state.branch} into {into}\nundo: git reset --keep {before}")
    if replayed.state.phase != "ended":
        options.note(f"the run {replayed.run} is unfinished: only what is integrated so far can be merged")


def discard(context: typer.Context, run: RunOption = None) -> None:
    """Example:  squad discard --run user-dashboard-1

    End a run for good and remove its worktrees and branches; all its work stays kept under refs.
    """
    from orchestrator.events import RunEnded
    from orchestrator.holding import hold
    from orchestrator.journal import Journal
    from orchestrator.journal.replay import replay
    from orchestrator.supervised import require_free
    from orchestrator.workspaces.names import integration_branch, kept_refs, kept_result

    options: Context = context.obj
    project, replayed = _of(options, run)
    require_free(project)
    in_tree = _is_in_tree(replayed.state)
    told = f"drop the run {replayed.run}? its work stays kept under {kept_refs(replayed.run)}/"
    _confirm(options, replayed.run, intree.question(replayed.run) if in_tree else told)
    with hold(project), Journal.open(project.state) as journal:
        replayed = replay(journal, replayed.run)  # a supervisor may have ended it since
        already = not in_tree and _is_dropped(project, replayed)
        kept = intree.discard(options, project, journal, replayed) if in_tree else {}
        refs = drop(project, journal, replayed) if replayed.state.base else ()
        if replayed.state.phase != "ended":
            journal.append(replayed.run, RunEnded(outcome="discarded"), at=time.time())
    if options.as_json:
        out_json({"schema_version": 1, "run": replayed.run, "kept": list(refs), "already": already, **kept})
        return
    if in_tree:
        return
    out(f"{f'{replayed.run} is dropped already' if already else f'dropped {replayed.run}'}; kept: {len(refs)} refs")
    for folder in _aside(replayed.state):
        options.note(f"{folder} was moved aside: it holds what git cannot take in, or what stood in squad's way")
    if refs and replayed.state.branch:
        out(f"undo: git branch {integration_branch(replayed.run)} {kept_result(replayed.run)}")


def _aside(state: "State") -> list[Path]:
    """Give the workspaces of a run that were moved aside and not removed."""
    places = {Path(one.workspace).parent for one in state.attempts.values() if one.workspace}
    return sorted(folder for place in places for folder in place.glob("*-aside-*"))


def _is_dropped(project: "Project", replayed: "Replayed") -> bool:
    """Tell whether a run has ended and has no branch of its own any more."""
    from orchestrator.git import Git
    from orchestrator.workspaces.names import integration_branch, work_branches

    if replayed.state.phase != "ended" or not project.repository:
        return replayed.state.phase == "ended"
    branches = [f"refs/heads/{name(replayed.run)}" for name in (integration_branch, work_branches)]
    return not Git(project.root).run("for-each-ref", "--count=1", *branches)


def drop(project: "Project", journal: "Journal", replayed: "Replayed") -> tuple[str, ...]:
    """Remove the worktrees and branches of a run, its work kept under refs; gives those refs."""
    from orchestrator.cli.wiring import worktrees_of
    from orchestrator.config import load_dump
    from orchestrator.model import AgentId, AttemptId
    from orchestrator.workspaces.branch import Left, discard
    from orchestrator.workspaces.moved import where_now

    workspaces = worktrees_of(project, replayed.run, load_dump(journal.document(replayed.settings)))
    made = {name: Path(one.workspace) for name, one in replayed.state.attempts.items()}
    here = where_now(project, replayed.run, made.values())
    writes = {str(one.task.id): one.writes or () for one in replayed.plan.tasks}
    left = {
        here[made[name]]: Left(
            attempt=AttemptId(name),
            agent=AgentId(one.agent),
            base=one.base,
            named=(*writes.get(one.task, ()), *one.locked),
        )
        for name, one in replayed.state.attempts.items()
    }
    return discard(workspaces, left)


def _of(options: Context, run: str | None) -> "tuple[Project, Replayed]":
    from orchestrator.journal import Journal
    from orchestrator.journal.replay import NoRun, find_run, replay

    project = options.project()
    journal = Journal.read(project.state)
    if journal is None:
        raise NoRun(run, root=project.root)
    with journal:
        return project, replay(journal, find_run(journal, run))


def _result(project: "Project", replayed: "Replayed") -> str:
    """Give the ref that holds the result: the branch, or what was kept of it when the run was dropped."""
    from orchestrator.git import Git
    from orchestrator.workspaces.names import kept_result

    branch, kept = f"refs/heads/{replayed.state.branch}", kept_result(replayed.run)
    found = Git(project.root).attempt("rev-parse", "--verify", "--quiet", branch)
    return branch if found.returncode == 0 else kept


def _confirm(options: Context, run: str, question: str) -> None:
    from orchestrator.errors import NeedsYou

    if not options.confirms(question):
        raise NeedsYou(f"not confirmed, so nothing of {run} was dropped", hint=f"agree: squad discard --run {run} -y")


def _is_in_tree(state: "State") -> bool:
    """Tell whether a run that carries tasks out works in the project's own folder."""
    return state.isolation == "shared" and not state.split


def _no_branch(project: "Project", state: "State") -> Exception:
    from orchestrator.cli.shelf import Shelf
    from orchestrator.errors import Refused

    if state.split:
        tasks = Shelf(project=project, source=state.source).shown
        what = f"{state.run} only proposed the tasks of {state.source}: there is no branch, and nothing to take"
        return Refused(what, hint=f"carry them out: squad run {tasks}")
    return Refused("this run began from no commit, so there is no branch", hint="look at the files themselves")
