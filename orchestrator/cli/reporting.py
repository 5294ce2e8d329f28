"""The report made from what lies on the disk: the journal, git's numbers, and the files in `.squad/reports/`.

A report's file is put in its place whole or not at all, and the one that stood there is kept.
"""

import time
from collections.abc import Callable, Mapping

from orchestrator.cli.context import as_document, say
from orchestrator.cli.limiting import limits_of
from orchestrator.config import load_dump
from orchestrator.events import RunStarted
from orchestrator.journal import Journal
from orchestrator.journal.replay import Replayed, replay
from orchestrator.model import Plan, RunId
from orchestrator.project import Project
from orchestrator.state import State
from orchestrator.views.comparison import Told, compare, same_tasks
from orchestrator.views.folder import Folder
from orchestrator.views.report import Aside, make_report, render_html, render_markdown, render_report, report_json
from orchestrator.views.report.model import Report
from orchestrator.workspaces.written import written

FORMATS: dict[str, Callable[[Report], str]] = {
    "text": render_report,
    "md": render_markdown,
    "html": render_html,
    "json": lambda report: as_document(report_json(report)),
}
_KEPT = ("md", "html", "json")  #: formats of the files
_LARGEST = 1 << 28  #: bytes of a former report that are kept


def report_of(project: Project, journal: Journal, plan: Plan, state: State, *, supervised: bool = True) -> Report:
    """Make the report of a run as it stands."""
    aside = Aside(
        limits=limits_of(load_dump(journal.document(state.settings))),
        written=written(project, state),
        sequential=_sequential(journal, plan, state),
    )
    entries = list(journal.entries(run=RunId(state.run)))
    return make_report(entries, plan, state, now=time.time(), supervised=supervised, aside=aside)


def told_of(journal: Journal, run: Replayed, *, supervised: bool = True) -> Told:
    """Give a run as it is compared with others."""
    entries = list(journal.entries(run=run.run))
    return Told(plan=run.plan, report=make_report(entries, run.plan, run.state, now=time.time(), supervised=supervised))


def _sequential(journal: Journal, plan: Plan, state: State) -> tuple[str, float] | None:
    """Find the last run of the same tasks by one agent that this one can be measured beside."""
    if len(plan.agents) < 2 or state.phase != "ended":
        return None
    this = Replayed(run=RunId(state.run), plan=plan, state=state, settings=state.settings)
    for run in reversed(journal.runs()):
        begun = next(journal.entries(run=run), None)
        if begun is None or not isinstance(begun.event, RunStarted) or len(begun.event.agents) != 1:
            continue
        other = replay(journal, run)
        if not same_tasks(plan, other.plan):
            continue
        comparison = compare(told_of(journal, this), told_of(journal, other))
        if comparison.saved is not None:
            return other.run, comparison.second.report.figures.wall_s
    return None


def keep(project: Project, report: Report) -> None:
    """Write the report's files; that they cannot be written changes nothing in how the run ended."""
    where = project.folder / "reports"
    bodies = {f"{report.run}.{form}": FORMATS[form](report).encode() for form in _KEPT}
    try:
        folder = Folder(where)
        before = {name: folder.read(name, _LARGEST) for name in bodies}
        if any(before.values()) and before != bodies:
            _keep_former(Folder(where / "former"), report.run, before)
        for name, body in bodies.items():
            folder.replace(name, body)
    except OSError as error:
        say(f"squad: cannot write {where}: {error.strerror}; the journal holds all of it: squad report")


def _keep_former(folder: Folder, run: str, files: Mapping[str, bytes]) -> None:
    """Keep the files that are about to be replaced, under the next number."""
    numbers = (name.removeprefix(f"{run}.").partition(".")[0] for name in folder.names() if name.startswith(f"{run}."))
    number = max((int(number) for number in numbers if number.isdecimal()), default=0) + 1
    for name, body in files.items():
        if body:
            folder.replace(f"{run}.{number}.{name.rpartition('.')[2]}", body)
