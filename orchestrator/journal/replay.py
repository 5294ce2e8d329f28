"""A run's plan and state, rebuilt from its journal.

Everything that reads a run (`status`, `report`, `resume`) does it through here, with or without a living supervisor.
"""

import contextlib
from dataclasses import dataclass
from pathlib import Path

import msgspec

from orchestrator.errors import JournalError
from orchestrator.events import RunStarted
from orchestrator.fold import fold
from orchestrator.journal import Journal
from orchestrator.model import Plan, RunId
from orchestrator.planning.document import load_plan
from orchestrator.state import State, decode, initial
from orchestrator.text.spelling import nearest

_SHOWN = 8  #: runs that an error names


class NoRun(JournalError):
    """There is no run to show."""

    def __init__(self, run: str | None = None, known: tuple[str, ...] = (), *, root: Path | None = None) -> None:
        message = f"there is no run {run!r}" if run else f"no run yet in {root or 'this project'}"
        hint = f"runs: {', '.join(known[-_SHOWN:])}" if known else "start one: squad run feature-prd.md"
        near = nearest(run, known) if run else ""
        super().__init__(message, hint=f"{near}\n{hint}" if near else hint)
        self.run = run


class SeveralRuns(JournalError):
    """The beginning of a run's id that several have."""

    def __init__(self, run: str, fitting: tuple[str, ...]) -> None:
        shown = ", ".join(fitting[-_SHOWN:])
        super().__init__(f"{len(fitting)} runs begin with {run!r}: {shown}", hint=f"name one of them, such as {fitting[-1]}")
        self.run = run


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A run as the journal tells it."""

    run: RunId
    plan: Plan
    state: State
    settings: str  #: digest of the settings document that holds now


def find_run(journal: Journal, wanted: str | None) -> RunId:
    """Give the latest run, or the one whose id begins with `wanted` and is the only one.

    Raises:
        NoRun: None fits.
        SeveralRuns: More than one does.
    """
    runs, latest = journal.runs(), journal.latest()
    if wanted is None:
        if latest is None:
            raise NoRun
        return latest
    fitting = [run for run in runs if run == wanted] or [run for run in runs if run.startswith(wanted)]
    if not fitting:
        raise NoRun(wanted, tuple(runs))
    if len(fitting) > 1:
        raise SeveralRuns(wanted, tuple(fitting))
    return fitting[0]


def replay(journal: Journal, run: RunId) -> Replayed:
    """Rebuild plan and state of a run from its last snapshot and the events since.

    Raises:
        NoRun: The journal holds no start of such a run.
        JournalError: Its plan is missing.
    """
    started = next((entry.event for entry in journal.entries(run=run) if isinstance(entry.event, RunStarted)), None)
    if started is None:
        raise NoRun(run, tuple(journal.runs()))
    plan = load_plan(journal.document(started.plan), name=f"plan of {run}")
    state = _saved(journal, run) or initial(run, plan)
    for entry in journal.entries(run=run, after=state.seq):
        fold(state, entry)
    if state.plan not in {"", started.plan}:  # it was amended
        plan = load_plan(journal.document(state.plan), name=f"plan of {run}")
    return Replayed(run=run, plan=plan, state=state, settings=state.settings)


def _saved(journal: Journal, run: RunId) -> State | None:
    """Give the state of the last snapshot; one that cannot be read is no loss, since the events are all there."""
    saved = journal.snapshot(run)
    with contextlib.suppress(msgspec.DecodeError):
        return decode(saved[1]) if saved else None
    return None
