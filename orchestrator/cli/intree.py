"""`diff`, `merge`, `discard` of a run that worked in the project's own folder, where there is no branch to look at.

What its agents did lies in the tree among everything else; the hidden repository knows which of it is theirs.
"""

import time
from functools import partial
from typing import TYPE_CHECKING

from orchestrator.cli.context import Context, out, out_json
from orchestrator.errors import Refused

if TYPE_CHECKING:
    from orchestrator.journal import Journal
    from orchestrator.journal.replay import Replayed
    from orchestrator.project import Project
    from orchestrator.workspaces.shared import SharedTree

_SHOWN = 5  #: paths that are named


def diff(options: Context, project: "Project", replayed: "Replayed", task: str | None, *, stat: bool) -> None:
    """Show what agents changed, of the finished tasks or of one."""
    from orchestrator.workspaces.hidden import literals
    from orchestrator.workspaces.taking import ledger_of, patches, result, work_of

    state = replayed.state
    tasks = {task} if task else {name for name, one in state.tasks.items() if one.state == "done"}
    ledger = ledger_of(project, state)
    flags = (options.git_color, *(["--stat"] if stat and not options.as_json else []))
    told = result(project, state, tasks)
    if told is None:
        work = work_of(ledger, state, tasks)
        paths, patch = ledger.net([piece for piece, _ in work]), patches(ledger, work, flags)
    elif told[0] == told[1]:
        paths, patch = (), ""
    else:
        paths = tuple(sorted(ledger.hidden.changes(*told)))
        patch = ledger.hidden.git.run("diff", "--no-ext-diff", *flags, *told, "--", *literals(paths))
    if options.as_json:
        files = [{"path": path} for path in paths]
        out_json({"schema_version": 1, "run": replayed.run, "task": task, "files": files, "patch": patch})
        return
    out(patch)


def merge(options: Context, project: "Project", replayed: "Replayed") -> None:
    """Commit what agents did for the finished tasks; the files lie there already, and stay as they are."""
    from orchestrator.events import Merged
    from orchestrator.git import Git
    from orchestrator.journal import Journal
    from orchestrator.supervised import supervisor_of
    from orchestrator.workspaces.taking import take

    state = replayed.state
    if not project.repository:
        what = f"{state.run} worked in a folder without git: its files are there, and there is nothing to merge"
        raise Refused(what, hint=f"look: squad diff --run {state.run}")
    done = (one.task for one in replayed.plan.tasks if state.tasks[one.task.id].state == "done")
    titles = {str(task.id): task.title for task in done}
    taken = take(project, state, titles)
    into = Git(project.root).run("branch", "--show-current").strip() or "HEAD"
    if supervisor_of(project) is None and taken.tasks:
        with Journal.open(project.state) as journal:
            journal.append(replayed.run, Merged(into=into, commit=taken.commit), at=time.time())
    if taken.nested:
        named = ", ".join(taken.nested[:_SHOWN])
        options.note(f"left out, since they lie in repositories of their own (commit them there): {named}")
    if options.as_json:
        out_json({"schema_version": 1, "into": into, "commit": taken.commit, "tasks": list(taken.tasks)})
    elif not taken.tasks:
        out(f"nothing to merge: {'no task is done yet' if not titles else f'{into} has all that agents did'}")
    else:
        undo = f"git reset --soft {taken.before}" if taken.before else f"git update-ref -d HEAD {taken.commit}"
        out(f"committed {', '.join(taken.tasks)} to {into}; your own changes are as they were\nundo: {undo}")
    if state.phase != "ended":
        options.note(f"the run {replayed.run} is unfinished: only what is done so far is committed")


def discard(options: Context, project: "Project", journal: "Journal", replayed: "Replayed") -> dict[str, object]:
    """Take what agents did out of the tree again, unless it was merged; gives what is to be told."""
    from orchestrator.events import Merged
    from orchestrator.views.text import counted
    from orchestrator.workspaces.taking import TakenBack, take_back, undo_of

    is_merged = any(isinstance(entry.event, Merged) for entry in journal.entries(run=replayed.run))
    nothing = TakenBack(paths=(), left=(), ref="")
    back = nothing if is_merged else take_back(project, replayed.state, look=_tree_of(project, journal, replayed).look)
    if not options.as_json:
        out(
            f"dropped {replayed.run}"
            + ("; it was merged, so the files stay" if is_merged else f"; taken back: {counted(len(back.paths), 'file')}")
        )
        if back.left:
            out(f"left as they are, since they were changed further: {', '.join(back.left[:_SHOWN])}")
        if back.paths:
            out(f"undo: {undo_of(project, back.ref)}")
    return {"kept": [back.ref] if back.ref else [], "taken_back": list(back.paths), "left": list(back.left)}


def question(run: str) -> str:
    """Ask whether a run is to be dropped."""
    return f"drop the run {run}? what its agents changed is taken back out of this folder, and stays kept"


def _tree_of(project: "Project", journal: "Journal", replayed: "Replayed") -> "SharedTree":
    from orchestrator.cli.wiring import scene_of
    from orchestrator.config import load_dump
    from orchestrator.model import RunId
    from orchestrator.parties import parties_of
    from orchestrator.workspaces.shared import SharedTree

    scene = scene_of(project, load_dump(journal.document(replayed.settings)), replayed.plan)
    company = partial(parties_of, replayed.state, scene)
    return SharedTree(project=project, run=RunId(replayed.run), company=lambda besides: company(besides=besides))
