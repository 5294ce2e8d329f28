"""What the next attempt at a task should know of the ones before, told by the state alone.

A few facts in squad's own words: how the last attempt ended, what it changed, where its work is. What an agent or a check
said is kept apart from them, to be quoted: it is data, and never speaks for squad. Whoever goes on with the same conversation
knows what it did; to it only the end is news.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from orchestrator.model import Outcome
from orchestrator.state import AttemptStatus, State

#: Ends that say nothing about the work: what was wrong with it before them is wrong still.
_CUT_OFF = {
    Outcome.LIMIT: "was cut off by its usage limit",
    Outcome.TRANSIENT: "was cut off: its model was out of reach",
    Outcome.ENVIRONMENT: "could not go on, for a reason outside of the task",
    Outcome.ASKED: "ended after it had asked a question, without a claim of done",
    Outcome.STOPPED: "was stopped in the middle of its work, by a person or by the end of squad",
}
_ENDED = {
    **_CUT_OFF,
    Outcome.DONE: "claimed done",
    Outcome.UNCHANGED: "claimed done, but changed nothing of what the task writes",
    Outcome.FAILED: "failed",
    Outcome.CRASHED: "crashed",
    Outcome.STALLED: "showed no sign of life and was ended: start nothing that waits or never ends",
}
_REFUSED = {
    "check": "claimed done, but a check failed",
    "environment": "claimed done, and was not taken for a reason outside of the task",
    "overlap": "wrote what another task changed meanwhile, and is done again on top of that",
}
_SHORT = 10  #: digits of a commit


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A sentence of squad's; its one `{}` stands for paths, which may be many."""

    text: str
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """What is handed over, the most important first."""

    ended: tuple[Fact, ...]  #: how the last attempt did, and what follows from it
    quoted: tuple[str, ...] = ()  #: what others said of that; the first line says most, then the last ones
    left: tuple[Fact, ...] = ()  #: what was wrong before, what was done, and where it is
    known: tuple[str, ...] = ()  #: what others said of what was wrong before


def handed_over(state: State, task: str, number: int, *, start: str | None, tail: Callable[[str], list[str]]) -> Handover | None:
    """Give the handover to an attempt whose new workspace would start from a commit; None to the first.

    `tail` gives the last lines of a check's log, which is named as people find it from the project's folder.
    """
    now, last = state.attempts[f"{task}.{number}"], state.attempts.get(f"{task}.{number - 1}")
    if last is None or last.outcome is None:
        return None
    told = _telling(state, last)
    left, again = _left(now, _kept(state, last), start), _again(state, task, told)
    if told is last:
        return Handover(ended=(*_ended(state, last), *again), quoted=tuple(_said(last, tail)), left=tuple(left))
    before = (*_ended(state, told), *again, *left)
    return Handover(ended=tuple(_ended(state, last)), quoted=(last.reason,), left=before, known=tuple(_said(told, tail)))


def _telling(state: State, last: AttemptStatus) -> AttemptStatus:
    """Give the last attempt that ended by its own work; those since were cut off."""
    return next((status for status in _backwards(state, last) if not _is_cut_off(status)), last)


def _kept(state: State, last: AttemptStatus) -> AttemptStatus:
    """Give the last attempt that left something; what it left holds what those before it left too."""
    return next((status for status in _backwards(state, last) if status.commit is not None), last)


def _backwards(state: State, last: AttemptStatus) -> Iterator[AttemptStatus]:
    names = (f"{last.task}.{number}" for number in range(last.number, 0, -1))
    return (state.attempts[name] for name in names if name in state.attempts)


def _is_cut_off(status: AttemptStatus) -> bool:
    return status.outcome in _CUT_OFF or status.outcome is None or status.cause == "interrupted"


def _ended(state: State, last: AttemptStatus) -> list[Fact]:
    who = f"Attempt {last.number} ({last.agent})"
    if last.conflicts:
        text = f"{who} conflicts with what others integrated meanwhile in {{}}."
        return [Fact(text=text, paths=tuple(last.conflicts)), _sides(last)]
    how = _REFUSED.get(last.cause) or _ENDED.get(Outcome(last.outcome or Outcome.STOPPED), "")
    ended = [Fact(text=f"{who} {how}.")] if how else []
    merged = [Fact(text="It failed together with what others integrated meanwhile.")] if last.merged else []
    return [*ended, *merged, *_strayed(state, last, who)]


def _strayed(state: State, last: AttemptStatus, who: str) -> list[Fact]:
    if not last.foreign:
        return []
    back = "taken back" if last.branch else "left where it is"
    text = f"{who} changed {{}}, which it may not write: {back}, kept as {last.foreign_ref}."
    found = (one for one in state.strange if one.attempt == f"{last.task}.{last.number}")
    owners = {path: owner for one in found for path, owner in one.owners.items()}
    return [Fact(text=text, paths=tuple(last.foreign)), *_ways(owners)]


def _ways(owners: Mapping[str, str]) -> Iterator[Fact]:
    """Say how what was written without the right to can be had, if it can."""
    for owner in dict.fromkeys(owners.values()):
        paths = tuple(path for path, whose in owners.items() if whose == owner)
        if not owner:
            yield Fact(text="If you need {}, ask first: `squad agent lock PATH`, and write once it is granted.", paths=paths)
        elif owner in {"read-only", "nobody"}:
            yield Fact(text="Nobody may write {}: leave it as it is.", paths=paths)
        else:
            way = f"`squad agent handoff PATH --to {owner} --note TEXT`"
            yield Fact(text=f"{{}} belongs to {owner}: ask for the change with {way}.", paths=paths)


def _sides(last: AttemptStatus) -> Fact:
    base, commit = (last.base or "")[:_SHORT], (last.commit or "")[:_SHORT]
    return Fact(
        text=f"Your workspace has their side; the attempt's is `git diff {base} {commit}`. Make a result in which both hold."
    )


def _again(state: State, task: str, told: AttemptStatus) -> list[Fact]:
    """Say that the same was tried in vain before."""
    times = state.tasks[task].same
    is_counted = not _is_cut_off(told) and times > 1
    return [Fact(text=f"So {times} times in a row: take another way.")] if is_counted else []


def _left(now: AttemptStatus, work: AttemptStatus, start: str | None) -> list[Fact]:
    """Say what was done and where it is, and so where to begin."""
    progress = [Fact(text=f"It had come to {work.progress}.")] if work.progress else []
    if not work.paths:
        return [Fact(text="It left no changes."), *progress]
    return [Fact(text=_place(now, work, start)), Fact(text="Changed so far: {}.", paths=tuple(work.paths)), *progress]


def _place(now: AttemptStatus, work: AttemptStatus, start: str | None) -> str:
    if not work.branch:
        return "Its work lies in the folder you work in: go on from there."
    kept = f"commit {(work.commit or '')[:_SHORT]} on {work.branch}"
    if now.workspace == work.workspace:
        return f"Its work lies in your workspace ({kept}): go on from there."
    if start is not None and start in {work.commit, work.merged}:
        return f"Your workspace starts from its work ({kept}): go on from there."
    return f"Its work is not in your workspace, but kept: {kept}."


def _said(told: AttemptStatus, tail: Callable[[str], list[str]]) -> list[str]:
    """Give what others said of an end: the reason where no fact holds it, the agent's last words, the check's last lines."""
    reason = "" if told.foreign or told.cause in {"conflict", "overlap"} else told.refusal or told.reason
    words = dict.fromkeys(filter(None, (reason, told.message)))
    return [*words, *(tail(told.check_log) if told.check_log else ())]
