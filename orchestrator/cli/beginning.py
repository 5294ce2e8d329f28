"""The first that a journal and the project's folder learn of a run, or of its going on.

What a former run left there is set aside before, so that nothing of it is lost and nothing of it is taken for the new one's.
"""

import contextlib
import shutil
import time
from functools import partial
from pathlib import Path

from orchestrator import git
from orchestrator.config import Config, dump
from orchestrator.desk.steering import revivals
from orchestrator.errors import JournalError
from orchestrator.events import Noticed, ProjectMoved, RunResumed, RunStarted
from orchestrator.journal import Journal
from orchestrator.journal.recorder import Recorder
from orchestrator.model import Isolation, Plan, RunId
from orchestrator.planning.document import plan_document
from orchestrator.project import Project, plan_file
from orchestrator.state import State, initial
from orchestrator.views.agent_plan import Points, render_agent_plan
from orchestrator.views.text import counted
from orchestrator.workspaces import names
from orchestrator.workspaces.moved import bring_along, former_root

_MOVED = ("parallel-plans", "comms")  #: folders of what each run has of its own


def begin(
    project: Project,
    journal: Journal,
    config: Config,
    plan: Plan,
    *,
    base: str | None,
    document: bytes,
    split: bool = False,
) -> Recorder:
    """Record the start of a new run, its document, plan and settings with it; a split has no branch to be merged."""
    run = journal.next_run_id(plan.title, is_taken=partial(_is_taken, project, project.worktrees(config.isolation.place)))
    journal.save_document(document)
    recorder = Recorder(journal, plan, initial(run, plan), clock=time.time)
    isolated = plan.isolation is Isolation.WORKTREE
    recorder.record(
        RunStarted(
            title=plan.title,
            source=plan.source,
            source_digest=plan.source_digest,
            plan=journal.save_document(plan_document(plan)),
            settings=journal.save_document(dump(config)),
            isolation=plan.isolation,
            base=base if isolated else None,
            branch=names.integration_branch(run) if isolated and not split else None,
            agents=[seat.id for seat in plan.agents],
            split=split,
        )
    )
    return recorder


def _is_taken(project: Project, worktrees: Path, run: RunId) -> bool:
    """Tell whether a run of that id left something, though the journal knows nothing of it any more."""
    if (project.logs / run).exists() or (worktrees / run).exists():
        return True
    return project.repository and bool(git.Git(project.root).run("for-each-ref", "--count=1", *names.all_of(run)))


def revive(recorder: Recorder, state: State, config: Config) -> None:
    """Record that a supervisor goes on, by which settings; what was parked gets another chance, unless it waits for an answer."""
    recorder.record(
        RunResumed(reason=state.outcome or "its supervisor was gone", settings=recorder.journal.save_document(dump(config))),
        *revivals(recorder.plan, state),
    )


def find_moved(project: Project, recorder: Recorder) -> None:
    """Bring a run's worktrees along whose project was moved or copied since, and say so."""
    state = recorder.state
    workspaces = list(dict.fromkeys(Path(attempt.workspace) for attempt in state.attempts.values()))
    if state.isolation == Isolation.SHARED and not state.split:
        if (before := next((one for one in workspaces if one != project.root), None)) is not None:
            text = f"the project was moved here from {before}"
            recorder.record(ProjectMoved(from_=str(before), to=str(project.root)), Noticed(text=text))
        return
    old = former_root(project, workspaces) if project.repository else None
    if old is None:
        return
    count = bring_along(project, RunId(state.run), workspaces, old=old)
    told = f"the project was moved here from {old}: {counted(count, 'worktree')} of {len(workspaces)} brought along"
    recorder.record(ProjectMoved(from_=str(old), to=str(project.root)), Noticed(text=told))


def set_former_aside(project: Project, former: RunId | None) -> None:
    """Move the plans and comm files of the former run to its own folder, and copy its plan and document there."""
    aside = _aside(project, former)
    for name in _MOVED:
        _move(project.folder / name, aside / name)
    for name in ("plan.json", "feature-prd.md"):
        if (project.folder / name).is_file():
            aside.mkdir(parents=True, exist_ok=True)
            shutil.copy2(project.folder / name, aside / name)


def change_over(project: Project, journal: Journal, run: RunId) -> None:
    """Put the plans and comm files of a run that is gone on with in the place of those of a later one."""
    former = journal.last_begun(splits=False)
    if former == run:
        return
    set_former_aside(project, former)
    for name in _MOVED:
        _move(_aside(project, run) / name, project.folder / name)


def _aside(project: Project, run: RunId | None) -> Path:
    return project.folder / "runs" / (run or "before")


def _move(folder: Path, to: Path) -> None:
    for path in sorted(folder.glob("*.md")):
        to.mkdir(parents=True, exist_ok=True)
        path.replace(to / path.name)


def views_of(project: Project, state: State) -> Path:
    """Give the folder of a run's views: those of a split never take the place of a run's that carries a plan out."""
    return project.folder / "runs" / state.run if state.split else project.folder


def lay_out(project: Project, recorder: Recorder) -> None:
    """Put the PRD, the plan and the agents' plans where people look for them."""
    plan, folder = recorder.plan, views_of(project, recorder.state)
    for name in ("parallel-plans", "comms", "locks"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(JournalError):  # a run of a plan that was made elsewhere has no document here
        (folder / "feature-prd.md").write_bytes(recorder.journal.document(plan.source_digest))
    (folder / "plan.json").write_bytes(plan_document(plan))
    points = Points.of(plan)
    for seat in plan.agents:
        (folder / plan_file(seat.id)).write_text(render_agent_plan(plan, seat.id, points), encoding="utf-8")
