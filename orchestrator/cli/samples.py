"""What this project's journal knows of how long tasks took, for plans to come."""

from collections.abc import Iterator

from orchestrator.errors import SquadError
from orchestrator.journal import Journal
from orchestrator.journal.replay import replay
from orchestrator.model import RunId, TaskState
from orchestrator.planning.learning import Sample
from orchestrator.project import Project

_RUNS = 20  #: the latest ones that are looked at


def samples(project: Project) -> tuple[Sample, ...]:
    """Give the finished tasks of the latest runs that real agents worked on; a journal that cannot be read teaches nothing."""
    try:
        journal = Journal.read(project.state)
        if journal is None:
            return ()
        with journal:
            return tuple(sample for run in journal.runs()[-_RUNS:] for sample in _of_run(journal, run))
    except SquadError:
        return ()


def _of_run(journal: Journal, run: RunId) -> Iterator[Sample]:
    replayed = replay(journal, run)
    if replayed.state.split:
        return
    for planned in replayed.plan.tasks:
        if replayed.state.tasks[planned.task.id].state is not TaskState.DONE or planned.task.simulate is not None:
            continue
        attempts = [one for one in replayed.state.attempts.values() if one.task == planned.task.id]
        spans = [one.ended_at - one.started_at for one in attempts if one.started_at is not None and one.ended_at is not None]
        if spans and all(one.adapter != "simulated" for one in attempts):
            yield Sample(title=planned.task.title, writes=planned.task.writes or (), seconds=round(sum(spans), 3))
