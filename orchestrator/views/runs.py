"""The runs of a project, newest last; each told from its own events, whether or not a supervisor lives."""

from dataclasses import dataclass

from orchestrator import events as ev
from orchestrator.journal import Journal
from orchestrator.journal.replay import replay
from orchestrator.views.status import run_state
from orchestrator.views.text import page, plain, utc


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One run."""

    id: str
    title: str
    source: str
    state: str
    outcome: str
    started_at: str
    done: int
    total: int
    merged: bool
    split: bool  #: it only proposed the tasks of its document


def rows(journal: Journal, *, supervised: bool) -> list[RunRow]:
    """Give all runs; only the one begun last can have a living supervisor."""
    under_way = journal.last_begun() if supervised else None
    found = []
    for run in journal.runs():
        state = replay(journal, run).state
        merged = any(isinstance(entry.event, ev.Merged) for entry in journal.entries(run=run))
        done = sum(1 for task in state.tasks.values() if task.state == "done")
        found.append(
            RunRow(
                id=run,
                title=state.title,
                source=state.source,
                state=run_state(state, supervised=run == under_way),
                outcome=state.outcome,
                started_at=utc(state.started_at),
                done=done,
                total=len(state.tasks),
                merged=merged,
                split=state.split,
            )
        )
    return found


def render_runs(journal: Journal, *, supervised: bool) -> str:
    """Give the text of `squad ls`."""
    return page(
        f"{row.id:<32} {row.state:<8} {row.outcome:<12} {row.done}/{row.total} tasks  {row.started_at}  {plain(row.source)}"
        f"{'  merged' if row.merged else ''}{'  (a split: no work)' if row.split else ''}"
        for row in rows(journal, supervised=supervised)
    )


def runs_json(journal: Journal, *, supervised: bool) -> dict[str, object]:
    """Give the document of `squad ls --json`."""
    return {
        "schema_version": 1,
        "runs": [
            {
                "id": row.id,
                "title": row.title,
                "source": row.source,
                "state": row.state,
                "outcome": row.outcome,
                "started_at": row.started_at,
                "tasks": {"done": row.done, "total": row.total},
                "merged": row.merged,
                "split": row.split,
            }
            for row in rows(journal, supervised=supervised)
        ],
    }
