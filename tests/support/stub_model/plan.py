"""What the stub model does, step by step.

A script is a list of steps. What is spoken (`Say`, `Call`, `Drip`) answers one turn of a conversation each; what is not
(`Fail`, `Limit`, `Silence`, `Cut`) comes before the next spoken step, `times` requests long, and is used up for all
conversations of the script. So an agent that tries again, or is resumed, meets the next step and not the same again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

ALWAYS = 10**9


@dataclass(frozen=True, slots=True)
class Say:
    """Ends the turn with a text."""

    text: str = "All done."
    after: float = 0.0  #: seconds before the answer begins
    once: str = ""  #: a file that must be there before the answer begins


@dataclass(frozen=True, slots=True)
class Call:
    """Calls a tool of the client: its exact name, or `write`, `edit`, `shell` for whatever it offers of that kind."""

    tool: str
    input: Mapping[str, Any]
    text: str = ""
    after: float = 0.0  #: seconds before the answer begins
    once: str = ""  #: a file that must be there before the answer begins


@dataclass(frozen=True, slots=True)
class Drip:
    """Ends the turn with a text of which each word comes by itself."""

    text: str
    pause: float = 0.05  #: seconds between words


@dataclass(frozen=True, slots=True)
class Fail:
    """Answers with an HTTP status: 400, 401, 429, 500, 529."""

    status: int
    message: str = ""
    retry_after: int | None = None  #: seconds
    times: int = ALWAYS


@dataclass(frozen=True, slots=True)
class Limit:
    """Answers that the usage limit is reached until a point in time."""

    until: float  #: seconds since the epoch
    times: int = ALWAYS


@dataclass(frozen=True, slots=True)
class Silence:
    """Opens the answer and never goes on."""

    times: int = ALWAYS


@dataclass(frozen=True, slots=True)
class Cut:
    """Opens the answer and cuts the connection."""

    times: int = ALWAYS


Spoken: TypeAlias = Say | Call | Drip
Unspoken: TypeAlias = Fail | Limit | Silence | Cut
Step: TypeAlias = Spoken | Unspoken
_STEPS = {kind.__name__: kind for kind in (Say, Call, Drip, Fail, Limit, Silence, Cut)}


@dataclass(slots=True)
class Script:
    """A list of steps and how far its unspoken ones are used up."""

    steps: Sequence[Step]
    used: dict[int, int] = field(default_factory=dict)  #: place in the list -> requests

    def step(self, turn: int) -> Step:
        """Give the step for a conversation in which the model has already answered `turn` times."""
        spoken = 0
        for place, step in enumerate(self.steps):
            if isinstance(step, Say | Call | Drip):
                if spoken == turn:
                    return step
                spoken += 1
            elif spoken == turn and self.used.get(place, 0) < step.times:
                self.used[place] = self.used.get(place, 0) + 1
                return step
        return Say()


def read_scripts(told: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, list[Step]]:
    """Read scripts from JSON: `{"word": [{"step": "Call", "tool": "write", "input": {...}}, {"step": "Say"}]}`."""
    return {word: [_step(dict(step)) for step in steps] for word, steps in told.items()}


def _step(told: dict[str, Any]) -> Step:
    return _STEPS[told.pop("step")](**told)
