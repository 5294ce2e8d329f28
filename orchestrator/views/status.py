"""`squad status` as text and as the document that other programs read."""

import math

from orchestrator.claims import meets
from orchestrator.exchange.questions import has_asked
from orchestrator.granted import process_of
from orchestrator.model import AgentId, AgentState, Plan, TaskState
from orchestrator.state import FINAL, AgentStatus, State
from orchestrator.strange import is_a_persons
from orchestrator.views.board import board
from orchestrator.views.inbox import command_for
from orchestrator.views.limits import attention_lines, held_until, share, way_out
from orchestrator.views.locks import holder_of
from orchestrator.views.plan_table import done_lines
from orchestrator.views.text import fitted, padded, page, plain, utc

_WIDTH = 100  #: columns, unless said
_GO_ON = frozenset({"parked", "paused"})  #: needs whose command is not told elsewhere in the text


def status_json(plan: Plan, state: State, *, supervised: bool, now: float = math.inf) -> dict[str, object]:
    """Give the document of `squad status --json`; without a living supervisor no agent works.

    Usage limits are told that hold later than `now`.
    """
    return {
        "schema_version": 1,
        "run": {
            "id": state.run,
            "title": state.title,
            "state": run_state(state, supervised=supervised),
            "outcome": state.outcome,
            "held": state.held or None,
            "started_at": utc(state.started_at),
            "branch": state.branch,
            "supervised": supervised,
        },
        "agents": [_agent(plan, state, seat.id, supervised=supervised, now=now) for seat in plan.agents],
        "tasks": [_task(state, name) for name in state.tasks],
        "done_already": [{"id": one.id, "title": one.title, "run": one.run} for one in plan.before],
        "locks": [
            {
                "path": lock.path,
                "holder": lock.holder,
                "since": utc(lock.since),
                "fence": lock.fence,
                "purpose": plain(lock.purpose),
                "process": process_of(lock),
                "waiting": [wait.holder for wait in state.waiting if wait.holder != lock.holder and meets(wait.path, lock.path)],
            }
            for lock in state.locks.values()
        ],
        "strange": _strange(state),
        "remarks": _remarks(state),
        "needs_you": needs_you(plan, state, supervised=supervised),
    }


def _agent(plan: Plan, state: State, name: AgentId, *, supervised: bool, now: float) -> dict[str, object]:
    status = state.agents[name]
    return {
        "id": name,
        "state": agent_state(plan, state, name, supervised=supervised, now=now),
        "task": status.task,
        "pid": status.pid if supervised else None,
        "progress": {"done": status.done, "total": status.total},
        "level": levels(state).get(name),
        "message": plain(status.message),
        "leaving": status.leaving,
        "limited": _limited(status, now),
        "refused": status.refused,
    }


def _task(state: State, name: str) -> dict[str, object]:
    status = state.tasks[name]
    return {
        "id": name,
        "state": status.state,
        "agent": status.agent,
        "attempts": status.attempts,
        "reason": status.reason,
        "level": state.attempts[status.attempt].level or None if status.attempt else None,
    }


def levels(state: State) -> dict[str, str]:
    """Give how firmly ownership is enforced for each agent that was started, by its newest attempt."""
    return {attempt.agent: attempt.level for attempt in state.attempts.values() if attempt.level}


def run_state(state: State, *, supervised: bool) -> str:
    """Give the word for where the run stands; a run that goes on without a supervisor is paused in fact."""
    return "paused" if is_orphaned(state, supervised=supervised) or is_held(state) else state.phase


def is_held(state: State) -> bool:
    """Tell whether a person has paused the run, whose supervisor lives on."""
    return state.phase == "running" and bool(state.held)


def is_orphaned(state: State, *, supervised: bool) -> bool:
    """Tell whether the run's supervisor is gone without a word."""
    return state.phase in {"running", "ending"} and not supervised


def _strange(state: State) -> list[dict[str, object]]:
    """Give the changes that were found where none may be."""
    return [
        {
            "task": one.task,
            "agent": one.agent if one.blamed else None,
            "among": one.among,
            "where": one.where,
            "paths": one.paths,
            "certainty": one.certainty,
            "why": one.why,
            "ref": one.ref,
        }
        for one in state.strange
    ]


def _remarks(state: State) -> list[dict[str, str | None]]:
    """Give what a person has to tell agents, and which attempt has heard it."""
    return [
        {"id": name, "task": one.task or None, "agent": one.agent, "text": plain(one.text), "told": one.told or None}
        for name, one in state.remarks.items()
    ]


def _limited(agent: AgentStatus, now: float) -> list[dict[str, str]]:
    """Give the usage limits that hold an agent's adapters."""
    return [{"adapter": name, "until": utc(one.until)} for name, one in agent.limits.items() if one.until > now]


def agent_state(plan: Plan, state: State, agent: str, *, supervised: bool, now: float = math.inf) -> str:
    """Give the word for what an agent does."""
    status = state.agents[agent]
    if state.phase == "ended" or not supervised:
        return AgentState.STOPPED
    own = [state.tasks[planned.task.id].state for planned in plan.tasks if state.tasks[planned.task.id].agent == agent]
    if status.task is None and TaskState.PARKED in own and all(one in FINAL or one is TaskState.PARKED for one in own):
        return AgentState.PARKED
    is_held = status.task is None and held_until(status, now=now) is not None
    return AgentState.PARKED if is_held else status.state


def needs_you(plan: Plan, state: State, *, supervised: bool) -> list[dict[str, str]]:
    """Give what waits for a person, each with the command that helps."""
    gates = {planned.task.id for planned in plan.tasks if planned.task.gate}
    again = {True: f"squad run {state.source} --new", False: f"squad resume {state.run}"}  # a step of a person's is not resumed
    told = [
        {"what": "parked", "task": name, "reason": status.reason, "command": again[name in gates]}
        for name, status in state.tasks.items()
        if status.state is TaskState.PARKED and not has_asked(state, name)
    ]
    told += [
        {
            "what": question.kind,
            "id": name,
            "task": question.task,
            "agent": question.agent,
            "reason": plain(question.text),
            "command": command_for(state, name, supervised=supervised),
        }
        for name, question in state.questions.items()
        if question.state == "open"
    ]
    resume = f"squad resume {state.run}"
    if is_orphaned(state, supervised=supervised):
        told.append({"what": "no supervisor", "task": "", "reason": "its supervisor is gone", "command": resume})
    elif is_held(state):
        told.append({"what": "paused", "task": "", "reason": "by a person", "command": resume})
    elif state.phase == "paused":
        told = [*_reached(state), *told] or [{"what": "paused", "task": "", "reason": state.outcome, "command": resume}]
    return told


def _reached(state: State) -> list[dict[str, str]]:
    """Give the limits of the run at which it stands still."""
    return [
        {
            "what": "limit",
            "task": "",
            "reason": f"{one.limit}: {share(one)} used",
            "command": way_out(one, state.run),
        }
        for one in (state.reached if state.outcome == "limit" else ())
    ]


def _levels(state: State) -> str:
    found = levels(state)
    told = [
        f"{level} ({', '.join(agent for agent in found if found[agent] == level)})" for level in dict.fromkeys(found.values())
    ]
    return page([f"  enforcement: {', '.join(told)}"]) if told else ""


def _crew(state: State) -> str:
    """Say who has left the run, and who does when its task is over."""
    gone = [name for name, status in state.agents.items() if status.state is AgentState.STOPPED]
    going = [f"{name} leaves when {status.task} is over" for name, status in state.agents.items() if status.leaving]
    told = [*([f"left: {', '.join(gone)}"] if gone else []), *going]
    return page(f"  {line}" for line in told) if state.phase != "ended" else ""


def _standing_still(plan: Plan, state: State, *, supervised: bool) -> str:
    """Say how a run goes on at which nobody works."""
    if is_orphaned(state, supervised=supervised):
        return f"  its supervisor is gone: squad resume {state.run}\n"
    if is_held(state):
        return f"  paused by a person: squad resume {state.run}\n"
    return page(f"  go on: {way}" for way in ways_on(plan, state)) if state.phase == "paused" else ""


def ways_on(plan: Plan, state: State) -> tuple[str, ...]:
    """Give the commands by which a run without a supervisor goes on, save those that raise a limit or answer a question."""
    if state.phase == "paused" and state.outcome not in {"needs-you", "limit"}:
        return (f"squad resume {state.run}",)  # whatever else waits for a person
    needs = needs_you(plan, state, supervised=False)
    return tuple(dict.fromkeys(one["command"] for one in needs if one["what"] in _GO_ON))


def render_status(plan: Plan, state: State, *, supervised: bool, now: float, width: int = _WIDTH) -> str:
    """Give the text of `squad status`."""
    text = board(plan, state, now=now, supervised=supervised, width=width) + page(f"  {line}" for line in done_lines(plan))
    text += _standing_still(plan, state, supervised=supervised)
    text += page([f"  {told}" for told in attention_lines(state, now=now)])
    text += page(
        f"  {name} is not heard yet by {one.agent}: {plain(one.text)}" for name, one in state.remarks.items() if not one.told
    )
    for name, question in state.questions.items():
        if question.state == "open":
            told = fitted(f"  {name} {question.agent} asks: {plain(question.text)}", 100)
            text += page([told, f"     answer: {command_for(state, name, supervised=supervised)}"])
    for agent, status in state.agents.items():
        for one in _limited(status, now) if state.phase != "ended" else ():
            text += f"  {agent} is held by the usage limit of {one['adapter'] or 'its provider'} until {one['until']}\n"
    text += _crew(state)
    text += _levels(state)
    refused = [f"{agent} {status.refused}" for agent, status in state.agents.items() if status.refused]
    if refused:
        text += page([f"  lock requests refused: {', '.join(refused)}"])
    for change in (one for one in state.strange if not is_a_persons(one.where, one.among)):
        who = f"{change.agent} changed" if change.blamed else "unsure who changed"
        lines = (f"  {who} {plain(', '.join(change.paths))}", f"     {change.certainty}: {plain(change.why)}")
        text += page([fitted(line, 100) for line in lines])
    if state.locks:
        text += page(
            ["locks", *(f"  {padded(lock.path, 40)} {holder_of(lock)} since {utc(lock.since)}" for lock in state.locks.values())]
        )
    return text
