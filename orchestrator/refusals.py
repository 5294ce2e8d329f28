"""The words of a refusal: what is refused and why, and what helps; one wording for every way in which an agent asks.

What helps is an agent's own call, told as the command of its shell or, where it has them, as the tool. Standard library only.
"""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: Which argument of a call stands without its name on the command line.
_PLAIN = {"lock": "path", "unlock": "path", "handoff": "file", "ask": "text"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """A call of the agent's that helps."""

    call: str  #: lock | handoff | ask | blocked | unlock
    arguments: Mapping[str, str]
    why: str  #: what it is good for, in a few words

    def data(self) -> dict[str, object]:
        """Give it as other programs read it."""
        return {"tool": self.call, "arguments": dict(self.arguments), "why": self.why}


def worded(reason: str, advice: Sequence[Advice], *, tools: bool = False) -> str:
    """Give what an agent reads: the reason, and each call that helps in a line of its own."""
    return "\n".join((reason, *(_line(one.call, one.arguments, one.why, tools=tools) for one in advice)))


def by_tools(refusal: Mapping[str, object]) -> str | None:
    """Word a refusal as it comes over the socket, for one who has tools; None if it names no reason of its own."""
    reason, advised = refusal.get("reason"), refusal.get("advice")
    if not isinstance(reason, str) or not isinstance(advised, list):
        return None
    rows = [one for one in advised if isinstance(one, dict) and isinstance(one.get("arguments"), dict)]
    return "\n".join((reason, *(_line(str(row["tool"]), row["arguments"], str(row["why"]), tools=True) for row in rows)))


def _line(call: str, arguments: Mapping[str, str], why: str, *, tools: bool) -> str:
    if tools:
        return f"{why}: call {call} with {json.dumps(dict(arguments), ensure_ascii=False)}"
    plain = _PLAIN.get(call, "")
    words = [arguments[plain]] if plain in arguments else []
    options = [word for name, value in arguments.items() if name != plain for word in (f"--{name}", value)]
    return f"{why}: squad agent {call} {' '.join(map(shlex.quote, [*words, *options]))}"
