"""What runs before have done of a document, and what of it the base holds.

The journal says what was done, git whether it is still there: a task counts as done already only when both say so.
"""

import shlex
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace

from orchestrator import git
from orchestrator.cli.context import Context, out_json
from orchestrator.errors import SquadError
from orchestrator.events import Integrated, RunStarted, TaskDone
from orchestrator.git import Git
from orchestrator.journal import Journal
from orchestrator.journal.replay import Replayed, replay
from orchestrator.model import Document, Isolation, Plan, RunId, Task, TaskId
from orchestrator.planning.again import Done, formers, matched, remarks, without
from orchestrator.project import Project
from orchestrator.state import AttemptStatus, State
from orchestrator.workspaces.standing import Standing

_RUNS = 50  #: the latest ones of a document that are looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """What was done of a document before."""

    here: dict[TaskId, Done]  #: and stands in the base
    elsewhere: dict[TaskId, Done]  #: and does not

    @property
    def told(self) -> str:
        """Say what will be done again although a run has done it; empty if nothing is."""
        if not self.elsewhere:
            return ""
        runs = list(dict.fromkeys(one.run for one in self.elsewhere.values()))
        names = ", ".join(list(self.elsewhere)[:8]) + (" ..." if len(self.elsewhere) > 8 else "")
        way = f"take it first: squad merge --run {runs[0]}"
        return f"{names}: done by {', '.join(runs[:3])}, but the result is not in the base, so done again; {way}"


def plan_left(
    options: Context, project: Project, document: Document, make: Callable[..., Plan], *, among: Collection[str] | None
) -> Plan:
    """Plan what runs before have not done; `among`: only these tasks are left out. Tell what is done again, and why."""
    if among is not None and not among:
        return make(document)
    again = done_before(options, project, document)
    here = {name: done for name, done in again.here.items() if among is None or name in among}
    if among is None:
        options.note(again.told)
    if not here:
        return make(document)
    left, before = without(document, here), formers(document, here)
    plan = make(left, may_be_empty=True)
    return replace(plan, before=before, warnings=(*plan.warnings, *remarks(document.tasks, here)))


def done_before(options: Context, project: Project, document: Document) -> Again:
    """Find out what of a document, named as plans name it, is done already."""
    known = list(_finished(options, project, document.path))
    here = matched(document, (done for done, stands in known if stands))
    others = matched(document, (done for done, stands in known if not stands))
    return Again(here=here, elsewhere={name: done for name, done in others.items() if name not in here})


def _finished(options: Context, project: Project, source: str) -> Iterator[tuple[Done, bool]]:
    """Give the tasks that runs of a document have done, newest run first, and whether the base holds each."""
    try:
        journal = Journal.read(project.state)
        if journal is None:
            return
        with journal:
            for run in _runs_of(journal, source)[:_RUNS]:
                yield from _of_run(project, journal, replay(journal, run))
    except SquadError as error:  # a journal that cannot be read knows of nothing
        options.note(f"what runs before have done cannot be told: {error.message}")


def _runs_of(journal: Journal, source: str) -> list[RunId]:
    started = [entry for run in journal.runs() for entry in (next(journal.entries(run=run), None),) if entry is not None]
    fitting = [
        RunId(entry.run)
        for entry in started
        if isinstance(entry.event, RunStarted) and entry.event.source == source and not entry.event.split
    ]
    return fitting[::-1]


def _of_run(project: Project, journal: Journal, replayed: Replayed) -> Iterator[tuple[Done, bool]]:
    state = replayed.state
    tasks: dict[str, Task] = {planned.task.id: planned.task for planned in replayed.plan.tasks}
    stands = _Standings(project, state)
    for entry in journal.entries(run=replayed.run):
        event = entry.event
        if isinstance(event, Integrated):
            stands.integrated(event)
        elif isinstance(event, TaskDone) and event.task in tasks:
            yield Done(task=tasks[event.task], run=replayed.run), stands.has(event)


class _Standings:
    """Which results of one run stand in the base, told in the order in which they came."""

    def __init__(self, project: Project, state: State) -> None:
        head = git.head(project.root) if project.repository else None
        self._project, self._state = project, state
        self._standing = Standing(project.root, head) if head else None
        self._merges: dict[str, str] = {}
        self._all = True  #: everything that was integrated so far

    def integrated(self, event: Integrated) -> None:
        self._merges[event.task] = event.commit

    def has(self, event: TaskDone) -> bool:
        state = self._state
        if state.isolation == Isolation.SHARED:
            return self._in_tree(state.attempts.get(event.attempt or ""))
        if self._standing is None:
            return False
        merge = self._merges.get(event.task)
        if merge is None:  # it changed nothing: there is nothing to hold but what was there then
            is_dropped = state.outcome == "discarded" or state.base is None
            return self._all and not is_dropped and self._standing.is_ancestor(state.base or "")
        stands = self._standing.holds(merge, base=state.base or merge, tip=state.tip or merge)
        self._all = self._all and stands
        return stands

    def _in_tree(self, attempt: AttemptStatus | None) -> bool:
        """Tell whether the files that an attempt left in the shared tree are still there, and those it removed are not."""
        if self._state.outcome == "discarded" or attempt is None:
            return False
        if attempt.commit is None:
            return not attempt.paths
        from orchestrator.workspaces.shared import evidence_of

        evidence = evidence_of(self._project)
        left = set(Git(evidence).names("ls-tree", "-r", "--name-only", "-z", attempt.commit)) if evidence.is_dir() else set()
        return all(self._is_there(path) == (path in left) for path in attempt.paths)

    def _is_there(self, path: str) -> bool:
        return (self._project.root / path).exists() or (self._project.root / path).is_symlink()


def tell_nothing_left(options: Context, plan: Plan) -> int:
    """Say that all of a document is done already; gives the exit code, since that is what was asked for."""
    runs = list(dict.fromkeys(one.run for one in plan.before))
    if options.as_json:
        rows = [{"id": one.id, "title": one.title, "run": one.run} for one in plan.before]
        out_json({"schema_version": 1, "run": None, "done_already": rows})
        return 0
    options.note(f"{plan.source}: every task is done already, by {', '.join(runs) or 'its own marks'}")
    options.note(f"do all again: squad run {shlex.quote(plan.source)} --all")
    return 0
