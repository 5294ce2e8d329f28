"""What a person is told of, in words: from an event and the state it left behind. Pure.

One thing gives one notice: that a run cannot go on without a person is no news to somebody who was told of what it waits for.
"""

from dataclasses import dataclass

from orchestrator import events as ev
from orchestrator.events import Entry
from orchestrator.model import TaskState
from orchestrator.sections import Occasion
from orchestrator.state import State
from orchestrator.views.inbox import command_for
from orchestrator.views.text import plain, shortened, utc

_LONGEST = 300  #: columns of what an agent wrote
_RUN = "run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something to tell."""

    what: Occasion
    about: str  #: a question, a task, or `run`
    of: int  #: number of the event
    at: float  #: seconds since the epoch
    text: str  #: one line
    command: str  #: that helps


def notice_of(entry: Entry, state: State) -> Notice | None:
    """Give the notice for an event; None if nobody has to be told."""
    match entry.event:
        case ev.QuestionAsked(id=name, agent=agent, text=text, refused=""):
            command = command_for(state, name, supervised=True)
            return _notice(entry, "needs-you", name, f"{agent} asks: {shortened(plain(text), _LONGEST)}", command)
        case ev.TaskParked(task=task, reason=reason):
            text = f"{task} is parked: {shortened(plain(reason), _LONGEST)}"
            begun = state.tasks[task].attempts > 0  # of a step for a person there are no logs
            return _notice(entry, "needs-you", task, text, f"squad logs {task}" if begun else "squad report")
        case ev.RunPaused(reason="needs-you"):
            return _notice(entry, "needs-you", _RUN, f"{state.run} waits for you", "squad status")
        case ev.RunPaused(reason=reason):
            why = "at a limit" if reason == "limit" else f"because it was {reason}"
            text = f"{state.run} stopped {why}: {_score(state)}"
            return _notice(entry, "stopped-early", _RUN, text, f"squad resume {state.run}")
        case ev.RunEnded(outcome="done" | "failed" as outcome):
            ended, helps = ("is done", "squad diff") if outcome == "done" else ("failed", "squad report")
            return _notice(entry, "finished", _RUN, f"{state.run} {ended}: {_score(state)}", helps)
        case _:
            return None


def still_stands(notice: Notice, state: State) -> bool:
    """Tell whether a notice that was held back is still worth telling."""
    if notice.about in state.questions:
        return state.questions[notice.about].state == "open"
    if notice.about in state.tasks:
        return state.tasks[notice.about].state is TaskState.PARKED
    return True


def is_news(notice: Notice, state: State, told: set[str]) -> bool:
    """Tell whether a person does not know it yet; `told` holds what they were told of since the supervisor began."""
    if notice.about in state.questions:
        return notice.about not in told and notice.about not in state.notified
    is_known = notice.what == "needs-you" and notice.about == _RUN and told
    return not is_known


def document(notice: Notice, state: State, *, root: str) -> dict[str, object]:
    """Give what a command reads on stdin and a webhook receives."""
    counts = {str(one): sum(status.state is one for status in state.tasks.values()) for one in TaskState}
    return {
        "schema_version": 1,
        "event": notice.what,
        "about": notice.about,
        "seq": notice.of,
        "at": utc(notice.at),
        "run": state.run,
        "title": state.title,
        "project": root,
        "text": notice.text,
        "command": notice.command,
        "tasks": {name: count for name, count in counts.items() if count},
    }


def _notice(entry: Entry, what: Occasion, about: str, text: str, command: str) -> Notice:
    return Notice(what=what, about=about, of=entry.seq, at=entry.at, text=text, command=command)


def _score(state: State) -> str:
    done = sum(status.state is TaskState.DONE for status in state.tasks.values())
    return f"{done} of {len(state.tasks)} tasks done"
