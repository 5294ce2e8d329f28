"""The inbox as people and programs read it: what agents ask, how long they wait, and the command that answers.

Pure functions of a state; what agents say is a stranger's text.
"""

from collections.abc import Iterator

from orchestrator.exchange.questions import PERMISSION
from orchestrator.state import QuestionStatus, State
from orchestrator.text.quantities import format_duration
from orchestrator.views.text import page, plain, plain_lines, utc


def how_to_answer(name: str, kind: str) -> str:
    """Give the command that answers a question."""
    return f"squad answer {name} --allow|--deny" if kind == PERMISSION else f"squad answer {name} TEXT"


def command_for(state: State, name: str, *, supervised: bool) -> str:
    """Give what to type now: without a supervisor nobody could take the answer."""
    command = how_to_answer(name, state.questions[name].kind)
    return command if supervised else f"squad resume {state.run}, then: {command}"


def inbox_json(state: State, *, now: float, everything: bool, supervised: bool) -> dict[str, object]:
    """Give the document of `squad inbox --json`: the questions, oldest first."""
    return {
        "schema_version": 1,
        "run": state.run,
        "questions": [
            {
                "id": name,
                "kind": one.kind,
                "state": one.state,
                "agent": one.agent,
                "task": one.task,
                "attempt": one.attempt,
                "asked_at": utc(one.asked_at),
                "waited_s": round(_waited(one, now), 3),
                "text": plain_lines(one.text),
                "answer": one.answer,
                "allow": one.allow,
                "reason": one.reason,
                "told": one.told or None,
                "command": command_for(state, name, supervised=supervised) if one.state == "open" else None,
            }
            for name, one in _chosen(state, everything=everything)
        ],
    }


def render_inbox(state: State, *, now: float, everything: bool, supervised: bool) -> str:
    """Give the text of `squad inbox`."""
    chosen = _chosen(state, everything=everything)
    rows = [row for name, one in chosen for row in _rows(state, name, one, now, supervised=supervised)]
    return page(rows) if rows else f"{'nothing was asked' if everything else 'no open question'} in {state.run}\n"


def _rows(state: State, name: str, one: QuestionStatus, now: float, *, supervised: bool) -> Iterator[str]:
    waited = format_duration(round(_waited(one, now)))
    since = f"waits {waited}" if one.state == "open" else f"{one.state} after {waited}"
    what = " for permission" if one.kind == PERMISSION else ""
    yield f"{name}  {one.agent}  {one.task}  asks{what}, {since}"
    yield f"    {plain(one.text)}"  # in one line, so that no question can look like squad's own words
    if one.state == "open":
        yield f"    answer: {command_for(state, name, supervised=supervised)}"
    elif one.state == "answered":
        decided = "" if one.allow is None else "allowed " if one.allow else "denied "
        yield f"    {one.by}: {decided}{plain(one.answer)}".rstrip()
    else:
        yield f"    {plain(one.reason)}"


def _chosen(state: State, *, everything: bool) -> list[tuple[str, QuestionStatus]]:
    return [(name, one) for name, one in state.questions.items() if everything or one.state == "open"]


def _waited(one: QuestionStatus, now: float) -> float:
    return max(0.0, (one.settled_at if one.settled_at is not None else now) - one.asked_at)
