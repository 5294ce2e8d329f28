"""What an agent has said that decides how its attempt ended, and what that comes to when its process is gone.

One who reads as it comes and one who reads afterwards, in place of a dead supervisor, come to the same end.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from orchestrator.leash import Ending
from orchestrator.messages import Turned
from orchestrator.model import Outcome
from orchestrator.scheduling.outcomes import Ended, Facts, judge


@dataclass(slots=True)
class Heard:
    """What the agent said so far that decides how its attempt ended."""

    claim: bool | None = None
    note: str = ""
    limited: bool = False
    settled: bool = False
    ended_by: Outcome | None = None
    why: str = ""
    turned: Turned | None = None
    is_asking: bool = False  #: its last turn ended with a question


def conclude(heard: Heard, ending: Ending | None, *, exit_claims: bool, asked: str = "") -> Ended:
    """Give the outcome as far as the process and what the agent said tell; `asked` is what it waits for a person to answer."""
    ended = judge(
        Facts(
            exit=ending.exit if ending else None,
            signal=ending.signal if ending else None,
            claim=heard.claim,
            note=heard.note,
            limited=heard.limited,
            turn=heard.turned.outcome if heard.turned else None,
            told=heard.turned.reason if heard.turned else "",
            exit_claims=exit_claims,
            asked=asked or ("asked, and left before the answer" if heard.is_asking else ""),
            ended_by=heard.ended_by,
            why=heard.why,
            settled=heard.settled,
            lost=ending is None,
        )
    )
    return replace(ended, reason="; ".join(part for part in (ended.reason, *_flaws(ending)) if part))


def _flaws(ending: Ending | None) -> Iterator[str]:
    if ending is not None and ending.lost:
        yield f"{ending.lost} bytes of its output could not be written to its log"
    if ending is not None and ending.survivors:
        yield f"processes that could not be killed: {', '.join(map(str, ending.survivors))}"
