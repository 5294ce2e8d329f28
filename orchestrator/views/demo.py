"""The demo told as it goes, and what happened in it counted from its journal. Pure.

What a simulated agent is told to do proves nothing: each of the four things counts only where the journal shows what
squad made of it, from the fault to the attempt that followed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from orchestrator import events as ev
from orchestrator.adapters.simulated_agent import STRAY
from orchestrator.claims import meets
from orchestrator.events import Entry
from orchestrator.model import Outcome, Plan
from orchestrator.text.quantities import format_duration
from orchestrator.views.changes import change_line
from orchestrator.views.text import fitted, plain

WIDTH = 79  #: columns that a line takes at most
KERNEL, DETECTED = "kernel", "detect"  #: who refuses a foreign write: where it is made, or when it is found
_BY: Mapping[str, str] = {KERNEL: "by the kernel", DETECTED: "when it was found afterwards"}
_REFUSED = f"{STRAY} was refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """How often each thing happened that the demo is to show."""

    lock_waits: int  #: requests that waited for another's lock, and got it
    stalls_restarted: int
    crashes_reassigned: int
    foreign_writes_refused: int
    refused_by: tuple[str, ...]  #: `kernel` where they were made, `detect` where they were found afterwards

    @property
    def missing(self) -> tuple[str, ...]:
        """Name what did not happen."""
        return tuple(one for name, (one, _) in _COUNTED.items() if not getattr(self, name))


#: What one, and several, of each thing are called.
_COUNTED: Mapping[str, tuple[str, str]] = {
    "lock_waits": ("lock wait", "lock waits"),
    "stalls_restarted": ("stall that was restarted", "stalls that were restarted"),
    "crashes_reassigned": ("crash that was reassigned", "crashes that were reassigned"),
    "foreign_writes_refused": ("foreign write that was refused", "foreign writes that were refused"),
}


def happened(entries: Iterable[Entry]) -> Happened:
    """Count, from the events of a run, what the demo is to show."""
    told = [entry.event for entry in entries]
    ends = [(place, one) for place, one in enumerate(told) if isinstance(one, ev.AttemptEnded)]
    stalls = [place for place, one in ends if one.outcome == Outcome.STALLED and _is_silent(told, one)]
    crashes = [place for place, one in ends if one.outcome == Outcome.CRASHED]
    by_kernel = [one for _, one in ends if _is_refused_by_kernel(told, one)]
    found = [one for _, one in ends if one.outcome == Outcome.FOREIGN and _is_found(told, one)]
    return Happened(
        lock_waits=sum(1 for place, one in enumerate(told) if isinstance(one, ev.LockGranted) and _is_waited(told, place, one)),
        stalls_restarted=sum(1 for place in stalls if _follows(told, place, "restart")),
        crashes_reassigned=sum(1 for place in crashes if _follows(told, place, "reassign")),
        foreign_writes_refused=len(by_kernel) + len(found),
        refused_by=(*([KERNEL] if by_kernel else []), *([DETECTED] if found else [])),
    )


def _is_waited(told: Sequence[ev.Event], place: int, grant: ev.LockGranted) -> bool:
    """Tell whether a lock was handed over to one who stood in line for it."""
    wanted = (grant.path, grant.holder)
    return grant.waited_s > 0 and any(
        isinstance(one, ev.LockRequested) and (one.path, one.holder) == wanted for one in told[:place]
    )


def _is_silent(told: Sequence[ev.Event], ended: ev.AttemptEnded) -> bool:
    return any(isinstance(one, ev.AgentStalled) and (one.attempt, one.verdict) == (ended.attempt, "silent") for one in told)


def _follows(told: Sequence[ev.Event], place: int, rung: str) -> bool:
    """Tell whether an attempt's end led to that rung, and the task was begun again: by the same agent, or by another."""
    ended = told[place]
    assert isinstance(ended, ev.AttemptEnded)
    climbed = any(isinstance(one, ev.RungClimbed) and (one.attempt, one.rung) == (ended.attempt, rung) for one in told[place:])
    again = (one.agent for one in told[place:] if isinstance(one, ev.AttemptStarted) and one.task == ended.task)
    agent = next(again, "")
    return climbed and agent != "" and (agent != ended.agent) == (rung == "reassign")


def _is_refused_by_kernel(told: Sequence[ev.Event], ended: ev.AttemptEnded) -> bool:
    """Tell whether an attempt at level deny could not write the stray file, and left none."""
    level = next((one.level for one in told if isinstance(one, ev.AttemptStarted) and one.attempt == ended.attempt), "")
    is_refused = ended.outcome == Outcome.FAILED and ended.reason.startswith(_REFUSED)
    return level == "deny" and is_refused and STRAY not in ended.paths


def _is_found(told: Sequence[ev.Event], ended: ev.AttemptEnded) -> bool:
    return any(isinstance(one, ev.ForeignChangeFound) and one.attempt == ended.attempt for one in told)


@dataclass(slots=True)
class Narration:
    """Tells a run line by line; keeps what a line needs of the events before it."""

    plan: Plan
    began: float | None = None  #: seconds since the epoch
    holders: dict[str, str] = field(default_factory=dict)  #: path -> who holds it

    def line(self, entry: Entry) -> str:
        """Give one line for an event that the demo tells of; empty for the others."""
        self.began = entry.at if self.began is None else self.began
        text = self._told(entry)
        return fitted(f"{entry.at - self.began:5.1f}s  {text}", WIDTH) if text else ""

    def _told(self, entry: Entry) -> str:
        match entry.event:
            case ev.LockRequested() | ev.LockGranted() | ev.LockReleased():
                return self._of_lock(entry.event)
            case ev.AttemptEnded():
                return _ended(entry.event)
            case ev.AgentStalled() | ev.RungClimbed() | ev.TaskReassigned() | ev.ForeignChangeFound():
                return _trouble(entry.event)
            case ev.AttemptStarted(task=task, agent=agent, attempt=attempt) if not attempt.endswith(".1"):
                return f"{task} started by {agent}, attempt {attempt.rpartition('.')[2]}"
            case _:
                return change_line(self.plan, entry)

    def _of_lock(self, event: ev.LockRequested | ev.LockGranted | ev.LockReleased) -> str:
        match event:
            case ev.LockRequested(path=path, holder=holder):
                held = next((f" ({own} has it)" for key, own in self.holders.items() if meets(key, path)), "")
                return f"{holder} waits for {path}{held}"
            case ev.LockGranted(path=path, holder=holder, waited_s=waited, declared=declared):
                self.holders[path] = holder
                return f"{holder} gets {path} after {format_duration(waited)}" if waited > 0 and not declared else ""
            case ev.LockReleased(path=path):
                self.holders.pop(path, None)
                return ""


def _ended(event: ev.AttemptEnded) -> str:
    if event.outcome in {Outcome.DONE, Outcome.STALLED, Outcome.FOREIGN}:
        return ""  # told by what comes before or after it
    if event.reason.startswith(_REFUSED):
        return f"{event.task}: the kernel refused {event.agent} a foreign write: {STRAY}"
    if event.outcome == Outcome.CRASHED:
        return f"{event.task} crashed: {event.agent} was {plain(event.reason)}"
    return f"{event.task} not done by {event.agent}: {event.outcome}, {plain(event.reason)}"


def _trouble(event: ev.AgentStalled | ev.RungClimbed | ev.TaskReassigned | ev.ForeignChangeFound) -> str:
    match event:
        case ev.AgentStalled(verdict="silent", task=task, agent=agent):
            return f"{task} stalled: {agent} shows no sign of life"
        case ev.AgentStalled():
            return ""  # the failure itself was told
        case ev.TaskReassigned(task=task, from_=old, to=new):
            return f"{task} reassigned from {old} to {new}"
        case ev.RungClimbed(task=task, rung=rung):
            told = {"reassign": "", "restart": f"{task} restarted, with a handover"}  # the reassignment itself is told
            return told.get(rung, f"{task}: {rung}")
        case ev.ForeignChangeFound(task=task, agent=agent, paths=paths):
            return f"{task}: {agent} wrote {plain(', '.join(paths))}, not its own: found and refused"


def count_lines(shown: Happened) -> list[str]:
    """Say how often each thing happened; what did not is said plainly."""
    rows = [(getattr(shown, name), *words) for name, words in _COUNTED.items()]
    lines = [f"  {number} {one if number == 1 else several}" for number, one, several in rows]
    lines[-1] += "".join(f" {_BY[one]}" for one in shown.refused_by)
    missing = [f"NOT SHOWN: there was no {name}" for name in shown.missing]
    return ["What happened, counted from the journal:", *lines, *missing]


def happened_json(shown: Happened) -> dict[str, object]:
    """Give the part of a document that tells of it."""
    return {**asdict(shown), "refused_by": list(shown.refused_by), "missing": list(shown.missing)}
