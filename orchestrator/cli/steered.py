"""What the commands that steer a run have in common: which run, whether a supervisor lives, and the words for what came of it."""

from collections.abc import Mapping, Sequence

from orchestrator.cli.context import Context
from orchestrator.events import RunResumed, RunStarted, WorkResumed
from orchestrator.journal import Journal
from orchestrator.journal.replay import NoRun, Replayed, find_run, replay
from orchestrator.project import Project
from orchestrator.supervised import supervisor_of


def latest(options: Context) -> Replayed:
    """Give the run that an order is about: the one that a supervisor works on, else the latest.

    Raises:
        NoRun: There is none.
    """
    project = options.project()
    lives = supervisor_of(project) is not None
    journal = Journal.read(project.state)
    if journal is None:
        raise NoRun(root=project.root)
    with journal:
        begun = journal.last_begun() if lives else None
        return replay(journal, begun or find_run(journal, None))


def living(project: Project, name: str | None) -> Replayed | None:
    """Give the run that is meant, if it is the one that a supervisor works on now."""
    if supervisor_of(project) is None or (journal := Journal.read(project.state)) is None:
        return None
    with journal:
        begun = journal.last_begun()
        meant = begun if name is None else find_run(journal, name)
        return replay(journal, begun) if begun is not None and meant == begun else None


def is_going_on(project: Project, replayed: Replayed) -> bool:
    """Tell whether a person has let the run go on under its present supervisor."""
    journal = Journal.read(project.state)
    if journal is None:
        return False
    went_on = False
    with journal:
        for entry in journal.entries(run=replayed.run):
            if isinstance(entry.event, RunStarted | RunResumed | WorkResumed):
                went_on = isinstance(entry.event, WorkResumed)
    return went_on


def paused_already(project: Project) -> dict[str, object] | None:
    """Give the answer about a run that is paused because its supervisor was ended orderly; None otherwise."""
    journal = Journal.read(project.state) if supervisor_of(project) is None else None
    if journal is None:
        return None
    with journal:
        last = replay(journal, find_run(journal, None))
    is_paused = last.state.phase == "paused" and supervisor_of(project) is None
    return {"run": last.run, "already": True, "now": True, "under_way": []} if is_paused else None


def said_of_pause(told: Mapping[str, object]) -> str:
    """Say that a run is paused, and what of it still goes on."""
    under_way = told.get("under_way")
    tasks = ", ".join(map(str, under_way)) if isinstance(under_way, Sequence) else ""
    then = f": {tasks} {'stopped, and done again' if told['now'] else 'under way, to the end'}" if tasks else ""
    return f"{told['run']} is paused{' already' if told['already'] else ''}{then or ': nothing is under way'}"


def said_of_restart(told: Mapping[str, object]) -> str:
    """Say which attempt follows which."""
    then = " as soon as the run goes on: squad resume" if told["paused"] else ""
    if told["already"]:
        return f"{told['attempt']} is being restarted already: {told['next']} follows{then}"
    return f"restarted {told['task']}: {told['next']} by {told['agent']} goes on from the work of {told['attempt']}{then}"


def said_of_remark(told: Mapping[str, object]) -> str:
    """Say whether a remark was heard, or when it will be."""
    again = " already" if told["already"] else ""
    if told["told"]:
        return f"{told['id']} delivered{again}: {told['agent']} was told ({told['told']})"
    if told["task"] is None:
        return f"{told['id']} pending{again}: {told['agent']} reads it with the next task that it does"
    at_once = f"at once: squad restart {told['task']}"
    return f"{told['id']} pending{again}: it stands in the prompt of the next attempt at {told['task']} ({at_once})"
