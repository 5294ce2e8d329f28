"""What agents ask a person, and what becomes of it.

Pure: a state, its questions and the time go in. A question belongs to its task: whoever does the task now is told what
became of it, and each attempt is told once. Nobody waits for ever: a question that nobody answers in time is closed with
that reason. How much one agent can ask is bounded, so that a flood of questions harms nobody but itself.
"""

import re
from collections.abc import Iterator
from typing import TypeAlias

from orchestrator import events as ev
from orchestrator.model import Outcome, TaskState
from orchestrator.state import FINAL, JUDGED, QuestionStatus, State
from orchestrator.text.quantities import format_duration
from orchestrator.text.spelling import nearest

LONGEST = 4000  #: characters of a question, and of an answer
AT_ONCE = 10  #: open questions of one task
MOST = 50  #: questions of one attempt
PATIENCE = 3  #: questions of a task in a row that nobody answered, after which nobody is asked any more
QUESTION, PERMISSION = "question", "permission"
DECIDE = "decide yourself, write down what you assumed"
NOBODY = f"nobody is there: {DECIDE}"
_QUOTED = 200  #: characters of a question that are repeated to who asked it
_TOLD = 10  #: answers that the next attempt is told of, and as many questions without one
#: Outcomes of attempts that had ended their turn, and so had read what they were told.
BY_ITSELF = frozenset({Outcome.DONE, Outcome.UNCHANGED, Outcome.FOREIGN, Outcome.FAILED, Outcome.ASKED})


# what events change

Asked: TypeAlias = ev.QuestionAsked | ev.QuestionAnswered | ev.QuestionTold | ev.QuestionClosed


def take(state: State, event: Asked, at: float) -> None:
    """Let an event take effect; one about a question that nobody knows has none."""
    question = state.questions.get(event.id)
    match event:
        case ev.QuestionAsked() if question is not None:  # again, and now it waits
            question.agent, question.attempt, question.waits = event.agent, event.attempt, event.waits
        case ev.QuestionAsked():
            state.questions[event.id] = _asked(event, at)
        case _ if question is None:
            return
        case ev.QuestionAnswered():
            question.state, question.settled_at = "answered", at
            question.by, question.answer, question.allow = event.by, event.answer, event.allow
        case ev.QuestionTold(attempt=attempt, way=way):
            question.told, question.way = attempt, way
        case ev.QuestionClosed():
            question.state, question.settled_at = "closed", at
            question.how, question.reason = event.how, event.reason


def _asked(event: ev.QuestionAsked, at: float) -> QuestionStatus:
    return QuestionStatus(
        agent=event.agent,
        task=event.task,
        attempt=event.attempt,
        kind=event.kind,
        text=event.text,
        asked_at=at,
        since=at,
        waits=event.waits,
        state="closed" if event.refused else "open",
        settled_at=at if event.refused else None,
        how="refused" if event.refused else "",
        reason=event.refused,
    )


def resume(state: State, at: float) -> None:
    """Give a person the whole time again: nobody could answer while no supervisor lived."""
    for question in state.questions.values():
        if question.state == "open":
            question.since, question.waits = at, False


def end(state: State, at: float) -> None:
    """Let nobody be asked any more: the run is over, or was dropped."""
    for question in state.questions.values():
        if question.state == "open":
            question.state, question.settled_at, question.how, question.reason = "closed", at, "moot", "the run has ended"


def goes_on(state: State, agent: str) -> None:
    """Note that the agent works although its question is open."""
    for question in state.questions.values():
        if question.agent == agent and question.kind == QUESTION:
            question.waits = False


# what is so


def open_of(state: State, task: str, *, kind: str | None = None) -> list[str]:
    """Name the open questions of a task, of one kind or of both."""
    return [
        name
        for name, question in state.questions.items()
        if (question.task, question.state) == (task, "open") and kind in (None, question.kind)
    ]


def is_waiting(state: State, agent: str) -> bool:
    """Tell whether the agent does nothing but wait for an answer."""
    return any(one.waits and one.state == "open" and one.agent == agent for one in state.questions.values())


def has_asked(state: State, task: str) -> bool:
    """Tell whether the task's last attempt ended with a question."""
    attempt = state.attempts.get(state.tasks[task].attempt or "")
    return attempt is not None and attempt.outcome == Outcome.ASKED


def asked(state: State, task: str) -> str:
    """Say what the task waits for a person to answer; empty if nothing."""
    names = open_of(state, task, kind=QUESTION)
    return "; ".join(f"asked: {name} {_short(state.questions[name].text)}" for name in names)


def left_with(state: State, task: str) -> str:
    """Say what an attempt that ends now has asked and not heard an answer to; empty if nothing."""
    unheard = [name for name in untold(state, task) if state.questions[name].state == "answered"]
    return asked(state, task) or "; ".join(f"asked: {name}, and left before the answer" for name in unheard)


def waits_for_answer(state: State) -> bool:
    """Tell whether an answer, or the end of the time for one, would let a parked task go on."""
    return any(open_of(state, task, kind=QUESTION) for task in _parked(state))


def answered(state: State) -> list[str]:
    """Name the parked tasks that waited for an answer and need not any more."""
    return [task for task in _parked(state) if not open_of(state, task, kind=QUESTION)]


def _parked(state: State) -> list[str]:
    """Name the tasks that are parked for their questions alone; no answer helps one that has used up what it may."""
    parked = [task for task, one in state.tasks.items() if one.state is TaskState.PARKED and one.limit is None]
    return [task for task in parked if has_asked(state, task)]


def closings(state: State, *, now: float, wait: float) -> Iterator[ev.QuestionClosed]:
    """Close what nobody needs an answer to any more, and what nobody answered in time."""
    for name, question in state.questions.items():
        agent, task = question.agent, question.task
        if question.state != "open":
            continue
        if reason := _moot(state, question):
            yield ev.QuestionClosed(id=name, agent=agent, task=task, how="moot", reason=reason)
        elif question.since + wait <= now:
            then = "" if question.kind == PERMISSION else f": {DECIDE}"
            why = f"nobody answered within {format_duration(wait)}{then}"
            reason = why if wait > 0 else refusal(state, task, wait=wait, kind=question.kind)
            yield ev.QuestionClosed(id=name, agent=agent, task=task, how="expired", reason=reason)


def next_closing(state: State, *, wait: float) -> float | None:
    """Give the time at which the next question has waited long enough; seconds since the epoch."""
    return min((one.since + wait for one in state.questions.values() if one.state == "open"), default=None)


def refusal(state: State, task: str, *, wait: float, kind: str = QUESTION) -> str:
    """Say why nobody is asked at all; empty if a person is."""
    if wait <= 0:
        return "nobody is there to be asked" if kind == PERMISSION else NOBODY
    settled = [one for one in state.questions.values() if one.task == task and one.state != "open"]
    last = [one.how for one in settled if one.how == "expired" or one.by][-PATIENCE:]
    if last == ["expired"] * PATIENCE:
        reason = f"nobody answered the last {PATIENCE} questions of {task}"
        return reason if kind == PERMISSION else f"{reason}: {DECIDE}"
    return ""


def find(state: State, name: str) -> tuple[str, str]:
    """Give the question that is meant, by its id or the task or agent that has the only open one; else why there is none."""
    named = name.upper() if re.fullmatch(r"q\d+", name) else name
    if named in state.questions:
        return named, ""
    fitting = [one for one, q in state.questions.items() if q.state == "open" and name in (q.task, q.agent)]
    if len(fitting) == 1:
        return fitting[0], ""
    if fitting:
        return "", f"{name} has asked {', '.join(fitting)}: name one of them"
    if name in state.tasks or name in state.agents:
        return "", f"{name} has no open question"
    begin = [one for one in (*state.tasks, *state.agents) if name and one.startswith(name)]
    whole = [one for one in begin if one.startswith(f"{name}-")]  # agent-1 is agent-1-frontend, and not agent-10
    if len(whole) == 1 or len(begin) == 1:
        return find(state, (whole if len(whole) == 1 else begin)[0])
    if begin:
        return "", f"{name!r} may be any of {', '.join(begin[:16])}"
    is_open = [one for one, question in state.questions.items() if question.state == "open"]
    near = nearest(named, [*state.questions, *state.tasks, *state.agents])
    return "", f"there is no question {name!r}: " + (near or f"open: {', '.join(is_open) or 'none'}")


# what agents are told


def said(name: str, question: QuestionStatus) -> str:
    """Tell who asked what became of the question."""
    if question.state == "answered":
        return f'Answer to your question {name} ("{_short(question.text)}"): {question.answer}'
    return f'Your question {name} ("{_short(question.text)}") is not answered: {question.reason}'


def untold(state: State, task: str) -> list[str]:
    """Name the settled questions of a task that no attempt was told of; what became moot nobody needs to know."""
    return [name for name, one in state.questions.items() if one.task == task and _is_of_use(one) and not one.told]


def for_prompt(state: State, task: str, *, conversation: bool) -> list[str]:
    """Name the settled questions that the next attempt has to be told of before it begins.

    All of them, unless it goes on with a conversation in which it was told; in doubt whether that was read, again.
    """
    told = [name for name, one in state.questions.items() if one.task == task and _is_of_use(one)]
    new = [name for name in told if not (conversation and _was_read(state, state.questions[name]))]
    answered = [name for name in new if state.questions[name].state == "answered"][-_TOLD:]
    closed = [name for name in new if state.questions[name].state == "closed"][-_TOLD:]
    return [name for name in new if name in answered or name in closed]


def _is_of_use(question: QuestionStatus) -> bool:
    return question.kind == QUESTION and question.state != "open" and question.how != "moot"


def _was_read(state: State, question: QuestionStatus) -> bool:
    attempt = state.attempts.get(question.told)
    return attempt is not None and attempt.outcome in BY_ITSELF


def _moot(state: State, question: QuestionStatus) -> str:
    task = state.tasks[question.task]
    if task.state in FINAL:
        return f"{question.task} is {task.state}"
    if task.state in JUDGED:
        return f"{question.attempt} has ended"  # how its result stands changes on; this does not
    attempt = state.attempts.get(question.attempt)
    if question.kind == PERMISSION and (attempt is None or attempt.ended_at is not None):
        return f"{question.attempt} has ended"
    return ""


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _QUOTED else f"{line[:_QUOTED]}…"
