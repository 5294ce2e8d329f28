"""How a person in a hurry ends a run: each further Ctrl-C is firmer than the one before, and says what the next one would do."""

import math

from orchestrator.model import Haste

GRACE = 10.0  #: seconds between TERM and KILL, as leashes have it
_SAID: dict[int, str] = {
    Haste.ORDERLY: f"stopping: agents get {GRACE:g} s; Ctrl-C once more ends them now",
    Haste.NOW: "ending: agents are ended now; Ctrl-C once more kills what is left",
    Haste.KILLED: "killing what is left; Ctrl-C once more leaves without waiting for it",
}


def said(haste: int) -> str:
    """Give the line for a wish to end."""
    return _SAID[min(haste, Haste.KILLED)]


def countdown(haste: int, *, since: float, now: float) -> str:
    """Give the line of how long agents still have; with no time left they are killed by their leashes."""
    left = math.ceil(since + GRACE - now)
    if haste != Haste.ORDERLY:
        return said(haste)
    if left <= 0:
        return "stopping: what is left is killed; Ctrl-C ends it now"
    return f"stopping: agents have {min(left, round(GRACE))} s; Ctrl-C ends them now"
