"""Evidence that an agent lives, and the verdict when there is none.

Pure: signs of life come in with their times, a verdict with its reasons comes out. Silence alone is no verdict: output,
CPU time of the process tree, writes in the workspace and waiting for a lock all count as life.
So an agent that burns CPU for ever without a word is never stalled: that it achieves nothing cannot be seen from outside,
and only a budget or a person may end it.
"""

from dataclasses import dataclass, field
from enum import StrEnum

#: CPU seconds per second above which a silent process tree counts as working; what waits stays below (Codex: up to 0.03).
BUSY = 0.04
#: How many times within `stall.after` the process tree is looked at.
LOOKS = 4
#: Seconds by which an alarm may be late, or the machine may have slept, before all clocks start anew.
LATE = 5.0


class Sign(StrEnum):
    """A kind of evidence for life."""

    START = "start"
    OUTPUT = "output"
    CPU = "CPU time"
    WRITE = "file write"
    REQUEST = "request"


@dataclass(slots=True)
class Pulse:
    """The last signs of life of one attempt; all times in seconds of one monotonic clock."""

    started: float
    last: dict[Sign, float] = field(default_factory=dict)
    cpu: float = 0.0  #: seconds of the whole tree at the last look
    looked: float = 0.0

    def __post_init__(self) -> None:
        """Count the start as the first sign of life."""
        self.last[Sign.START] = self.looked = self.started

    def beat(self, sign: Sign, now: float) -> None:
        """Note a sign of life."""
        self.last[sign] = now

    def look(self, cpu: float, now: float) -> None:
        """Note the CPU time of the process tree; a tree that shrank starts anew."""
        span = now - self.looked
        if span > 0 and (cpu - self.cpu) / span > BUSY:
            self.beat(Sign.CPU, now)
        self.cpu, self.looked = cpu, now

    def restart(self, now: float) -> None:
        """Start all clocks anew, as after a suspend of the machine."""
        self.last = {Sign.START: now}
        self.looked = now

    def woke(self, planned: float, now: float, *, slept: float = 0.0) -> None:
        """Start all clocks anew if the alarm of `planned` rang late or the machine `slept`: nobody could show life meanwhile."""
        if max(now - planned, slept) > LATE:
            self.restart(now)

    def silent_since(self) -> float:
        """Give the time of the last sign of life."""
        return max(self.last.values())

    def next_look(self, after: float) -> float:
        """Give the time at which the evidence should be looked at again."""
        deadline = self.silent_since() + after
        step = self.looked + after / LOOKS
        return min(deadline, step) if step > self.looked else deadline

    def is_silent(self, after: float, now: float) -> bool:
        """Tell whether nothing of any kind was seen for `after` seconds."""
        return now >= self.silent_since() + after  # as `next_look` adds, to the last bit

    def evidence(self, now: float) -> str:
        """Say in one line what was seen last of each kind."""
        seen = [f"{sign} {now - self.last[sign]:.0f} s ago" if sign in self.last else f"no {sign}" for sign in Sign]
        return ", ".join(seen) + f"; tree used {self.cpu:.2f} s of CPU"
