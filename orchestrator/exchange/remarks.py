"""What a person has to tell agents, and which attempt has heard it.

Pure. A remark belongs to a task, whoever does that; one made to an agent without a task belongs to the next that it does.
Each attempt is told once; a later one is told again what it cannot know, because it goes on with no conversation in which
that was read.
"""

from collections.abc import Collection

from orchestrator import events as ev
from orchestrator.state import FINAL, RemarkStatus, State

LONGEST = 4000  #: characters
_TOLD = 10  #: remarks that a prompt repeats


def take(state: State, event: ev.RemarkMade | ev.RemarkTold, at: float) -> None:
    """Let an event take effect; one about a remark that nobody knows has none."""
    match event:
        case ev.RemarkMade():
            state.remarks[event.id] = RemarkStatus(agent=event.agent, task=event.task, text=event.text, made_at=at)
        case ev.RemarkTold() if event.id in state.remarks:
            remark = state.remarks[event.id]
            remark.agent, remark.task, remark.told, remark.way = event.agent, event.task, event.attempt, event.way
        case _:
            pass


def next_id(state: State) -> str:
    """Name the next remark."""
    return f"R{len(state.remarks) + 1}"


def same(state: State, *, agent: str, task: str, text: str) -> str:
    """Find what is said once more: nobody has heard it yet, or the present attempt has; empty if it is new."""
    heard = ("", state.tasks[task].attempt if task else "")
    for name, one in state.remarks.items():
        is_meant = one.task == task and (one.agent == agent or bool(task))
        if is_meant and one.text == text and one.told in heard:
            return name
    return ""


def pending(state: State) -> list[str]:
    """Name the remarks that no attempt has heard and one may still hear."""
    return [name for name, one in state.remarks.items() if not one.told and not _is_too_late(state, one)]


def too_late(state: State) -> list[str]:
    """Name the remarks that nobody has heard and nobody will."""
    return [name for name, one in state.remarks.items() if not one.told and _is_too_late(state, one)]


def for_prompt(state: State, task: str, agent: str, *, conversation: bool, read: Collection[str]) -> list[str]:
    """Name the remarks that the next attempt is told of before it begins; `read` are the outcomes after which one was read."""
    names = []
    for name, one in state.remarks.items():
        attempt = state.attempts.get(one.told)
        is_known = conversation and attempt is not None and attempt.outcome in read
        if not is_known and (one.task == task or (not one.task and one.agent == agent)):
            names.append(name)
    return names[-_TOLD:]


def told_in(state: State, attempt: str) -> tuple[str, ...]:
    """Give the words that stand in the prompt of an attempt."""
    return tuple(one.text for one in state.remarks.values() if (one.told, one.way) == (attempt, "prompt"))


def spoken(text: str) -> str:
    """Word a remark for an agent that is at work."""
    return f"A person tells you: {text}"


def _is_too_late(state: State, remark: RemarkStatus) -> bool:
    return remark.task in state.tasks and state.tasks[remark.task].state in FINAL
