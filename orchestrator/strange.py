"""What to make of changes that an attempt may not have made: who is meant, how sure that is, and why.

Pure but for the times of files. Nobody is blamed for what another may have done: `sure` and `likely` refuse a result, `unsure`
is told of and refuses nothing. Times are those that the file system sets by itself, which nobody can give a file.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from orchestrator.claims import Claim
from orchestrator.events import Event, ForeignChangeFound, UnsureChangeFound
from orchestrator.model import Certainty, Isolation, Level
from orchestrator.patterns import Among
from orchestrator.state import AttemptStatus, State

_OUTSIDE = frozenset({"git", "branch", "main"})
_SLACK = 1.0  #: seconds by which clocks, and the end of a write that was begun in time, may differ

When = Callable[[str], float | None]


def changed_at(folder: Path, path: str) -> float | None:
    """Give when a file was last changed in any way, as the file system noted it; None if it is gone."""
    try:
        return os.lstat(folder / path).st_ctime
    except OSError:
        return None


def beside(state: State, attempt: str, *, since: float | None = None) -> tuple[str, ...]:
    """Give the agents that were at work on other tasks at any time since the attempt's start, or a later moment."""
    begin = state.attempts[attempt].prepared_at if since is None else since
    return tuple(dict.fromkeys(one.agent for one in _meanwhile(state, attempt, begin)))


def is_out_of_reach(state: State, attempt: str) -> bool:
    """Tell whether the kernel kept all who were at work since the attempt's start in their workspaces."""
    me = state.attempts[attempt]
    return all(one.level == Level.DENY for one in (me, *_meanwhile(state, attempt, me.prepared_at)) if one.level)


def _meanwhile(state: State, attempt: str, begin: float) -> Iterator[AttemptStatus]:
    """Give the attempts of other agents at other tasks that were at work at any time since a moment."""
    me = state.attempts[attempt]
    for one in state.attempts.values():
        is_late = one.ended_at is None or one.ended_at > begin or state.agents[one.agent].task == one.task
        if one.task != me.task and one.agent != me.agent and is_late:
            yield one


def foreign_change(
    state: State, attempt: str, owners: Mapping[str, str], ref: str, *, shared_why: str = ""
) -> ForeignChangeFound:
    """Give the event that refuses changes, by path and owner, with what speaks for their being the attempt's.

    In a shared tree that is told by those who looked at it.
    """
    me, others = state.attempts[attempt], beside(state, attempt)
    if state.isolation == Isolation.SHARED:
        certainty, why = Certainty.LIKELY, shared_why
    elif others:
        why = f"it lies in its own workspace; {_named(others)} worked elsewhere meanwhile"
        certainty = Certainty.LIKELY
    else:
        certainty, why = Certainty.SURE, "it lies in its own workspace, and no other agent was at work"
    return ForeignChangeFound(
        task=me.task,
        agent=me.agent,
        attempt=attempt,
        paths=list(owners),
        ref=ref,
        certainty=certainty,
        why=why,
        owners=dict(owners),
    )


def too_late(
    state: State, attempt: str, paths: Sequence[str], gives: Callable[[Claim, str], bool], when: When
) -> tuple[str, ...]:
    """Give the paths that only a lock allowed which had been given back when the file was last changed.

    A descriptor that was kept writes on; but so does a tool that only touches the file, so that nobody is blamed.
    """
    released = state.attempts[attempt].released
    keys, found = Among(released), []
    for path in paths:
        moment = when(path)
        ends = [released[key] for key in keys.around(path) if gives(Claim(key), path)]
        if moment is not None and ends and moment > max(ends) + _SLACK:
            found.append(path)
    return tuple(found)


def unsure(
    state: State,
    attempt: str,
    where: str,
    paths: Sequence[str],
    *,
    why: str,
    ref: str = "",
    among: Sequence[str] | None = None,
) -> list[UnsureChangeFound]:
    """Tell of changes that nobody is blamed for, if there are any; `among`: who may have made them, if that is known better."""
    me = state.attempts[attempt]
    event = UnsureChangeFound(
        task=me.task,
        agent=me.agent,
        attempt=attempt,
        where=where,
        paths=list(paths),
        among=[me.agent, *beside(state, attempt)] if among is None else list(among),
        why=why,
        ref=ref,
    )
    return [event] if paths else []


def untold(state: State, events: Iterable[Event]) -> Iterator[Event]:
    """Leave out what is told already: a change in a shared tree is found at the end of each who was at work."""
    told = {path for one in state.strange if one.where == "tree" for path in one.paths}
    for event in events:
        if not isinstance(event, UnsureChangeFound) or event.where != "tree" or not told.issuperset(event.paths):
            yield event


def is_a_persons(where: str, among: Sequence[str]) -> bool:
    """Tell whether something that changed outside of every workspace was changed by no agent: a person knows of it."""
    return where in _OUTSIDE and not among


def _named(agents: Sequence[str]) -> str:
    return f"{', '.join(agents[:-1])} and {agents[-1]}" if len(agents) > 1 else agents[0]
