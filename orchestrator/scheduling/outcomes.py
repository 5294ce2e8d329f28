"""How an attempt ended, told from everything that is known about it together.

Pure. The exit code alone proves nothing, and text that merely mentions an error is never a signal: what counts is who
ended the process, what the agent claimed through the protocol, how the process ended, and what it changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.messages import TurnEnd
from orchestrator.model import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known when the whole process tree of an attempt is gone."""

    exit: int | None = None
    signal: str | None = None
    claim: bool | None = None  #: True: done, False: failed, None: nothing said
    note: str = ""
    limited: bool = False  #: the agent told of a usage limit
    turn: TurnEnd | None = None  #: how its last turn ended, by the protocol of an agent that has one
    told: str = ""  #: the reason it gave
    exit_claims: bool = False  #: exit 0 of this kind of agent claims done
    asked: str = ""  #: what it waits for a person to answer
    ended_by: Outcome | None = None  #: squad ended it for this reason
    why: str = ""  #: squad's reason
    settled: bool = False  #: squad ended it because it lingered after its claim of done
    lost: bool = False  #: its leash was killed


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """An outcome with its reason."""

    outcome: Outcome
    reason: str


_SHOWN = 5  #: paths that are named
NOT_SIGNED_IN = "it is not signed in"  #: how the reason of such an outcome begins
#: Ends of a turn that no claim outweighs: the agent could not finish what it had begun.
_BROKEN_OFF = {
    TurnEnd.TRANSIENT: (Outcome.TRANSIENT, "its model is out of reach"),
    TurnEnd.AUTH: (Outcome.ENVIRONMENT, NOT_SIGNED_IN),
    TurnEnd.PERMANENT: (Outcome.ENVIRONMENT, "its model refuses to go on"),
    TurnEnd.INTERRUPTED: (Outcome.FAILED, "its turn was interrupted"),
}


def judge(facts: Facts) -> Ended:
    """Give the outcome as far as process and claims tell; evidence in the workspace may still turn it."""
    if facts.ended_by is not None:
        return Ended(outcome=facts.ended_by, reason=facts.why)
    if facts.lost:
        return Ended(outcome=Outcome.CRASHED, reason="its leash was killed; output still in the pipe may be lost")
    if facts.turn in _BROKEN_OFF:
        outcome, what = _BROKEN_OFF[facts.turn]
        return Ended(outcome=outcome, reason=f"{what}: {facts.told}" if facts.told else what)
    if facts.turn is TurnEnd.LIMIT or (facts.limited and not facts.claim):
        return Ended(outcome=Outcome.LIMIT, reason=facts.note or "usage limit")
    if facts.claim is False:
        return Ended(outcome=Outcome.FAILED, reason=facts.note or "the agent says that it failed")
    if facts.claim and (facts.settled or facts.exit == 0):
        return Ended(outcome=Outcome.DONE, reason=facts.note)
    return _by_process(facts)


def _by_process(facts: Facts) -> Ended:
    if facts.signal is not None:
        return Ended(outcome=Outcome.CRASHED, reason=f"ended by {facts.signal}")
    if facts.asked and facts.claim is None:
        return Ended(outcome=Outcome.ASKED, reason=facts.asked)
    if facts.exit is None:
        return Ended(outcome=Outcome.FAILED, reason="ended, and nobody knows how")
    if facts.exit != 0:
        said = "claims done, but " if facts.claim else ""
        return Ended(outcome=Outcome.FAILED, reason=f"{said}exit {facts.exit}")
    if facts.exit_claims:
        return Ended(outcome=Outcome.DONE, reason="exit 0")
    return Ended(outcome=Outcome.FAILED, reason="ended without claiming done")


def weigh(
    ended: Ended,
    *,
    writes: tuple[str, ...] | None,
    paths: tuple[str, ...],
    foreign: tuple[str, ...],
    untaken: tuple[str, ...] = (),
) -> Ended:
    """Hold a claim of done against what was changed; what did not claim done stays what it is."""
    if ended.outcome is not Outcome.DONE:
        return ended
    if foreign:
        return Ended(outcome=Outcome.FOREIGN, reason=f"changed what it may not write: {named(foreign)}")
    if untaken:  # it would be missing in what is integrated
        return Ended(outcome=Outcome.FAILED, reason=f"squad cannot take in what it wrote: {named(untaken)}")
    if writes and not paths:
        return Ended(outcome=Outcome.UNCHANGED, reason="unchanged: it claims done, but nothing in its write set changed")
    return ended


def named(paths: Sequence[str]) -> str:
    """Name the first few of many."""
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return f"{', '.join(paths[:_SHOWN])}{more}"
