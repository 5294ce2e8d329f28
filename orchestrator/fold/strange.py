"""What the finding of a change that nobody may make changes of a run's state."""

from orchestrator import events as ev
from orchestrator.state import State, StrangeStatus


def fold_strange(state: State, event: ev.ForeignChangeFound | ev.UnsureChangeFound) -> None:
    """Remember the change; one that refuses a result is handed over to the next attempt."""
    is_blamed = isinstance(event, ev.ForeignChangeFound)
    state.strange.append(
        StrangeStatus(
            task=event.task,
            agent=event.agent,
            attempt=event.attempt,
            where="workspace" if isinstance(event, ev.ForeignChangeFound) else event.where,
            paths=event.paths,
            certainty=event.certainty,
            why=event.why,
            ref=event.ref,
            owners=event.owners if isinstance(event, ev.ForeignChangeFound) else {},
            among=[] if isinstance(event, ev.ForeignChangeFound) else event.among,
            blamed=is_blamed,
        )
    )
    if is_blamed:
        attempt = state.attempts[event.attempt]
        attempt.foreign, attempt.foreign_ref = [*attempt.foreign, *event.paths], event.ref
