"""One agent of a plan, told for a person who wonders about it: surroundings, plan, locks, last attempt, what to do. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.model import Plan, Seat, TaskState
from orchestrator.state import AttemptStatus, State
from orchestrator.text.quantities import format_duration
from orchestrator.views.inbox import command_for
from orchestrator.views.text import page, plain

_OWN = frozenset({"simulated", "command", "acp", "auto"})  #: no programs that `squad doctor` knows by name


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is known of an agent."""

    seat: Seat
    program: str
    environment: Mapping[str, str]  #: names and values, of secrets only that they are there
    plan_file: str
    supervised: bool
    now: float


def seat_text(plan: Plan, state: State, told: Told) -> str:
    """Give what a person reads."""
    seat, status = told.seat, state.agents[told.seat.id]
    doing = f"{status.state}" + (f" at {status.task}" if status.task else "")
    sections = [
        f"{seat.id}: {seat.role or 'no role'}, by {told.program}; {doing}, in {state.run}",
        "",
        f"environment ({len(told.environment)} variables, and squad's own: AGENT_*, SQUAD_*, PARALLEL_MODE)",
        *(f"  {name}={plain(value)}" for name, value in sorted(told.environment.items())),
        "",
        f"plan ({told.plan_file})",
        *(f"  {row['id']}  {row['state']:<11} {plain(str(row['title']))}" for row in _tasks(plan, state, seat)),
        "",
        "locks",
        *(_locks(state, told) or ["  none"]),
        "",
        "last attempt",
        *_attempt_lines(state, seat),
        "",
        *(f"what to do: {line}" for line in advice(state, told)),
    ]
    return page(sections)


def seat_json(plan: Plan, state: State, told: Told) -> dict[str, object]:
    """Give the document of `squad doctor AGENT --json`."""
    seat, status = told.seat, state.agents[told.seat.id]
    name, attempt = _last(state, seat)
    last = {"attempt": name, "outcome": attempt.outcome, "reason": attempt.reason, "log": attempt.log} if attempt else None
    return {
        "schema_version": 1,
        "run": state.run,
        "agent": seat.id,
        "role": seat.role,
        "program": told.program,
        "state": status.state,
        "task": status.task,
        "environment": dict(sorted(told.environment.items())),
        "plan": told.plan_file,
        "tasks": list(_tasks(plan, state, seat)),
        "locks": [lock.path for lock in state.locks.values() if lock.holder == seat.id],
        "waits_for": [wait.path for wait in state.waiting if wait.holder == seat.id],
        "last_attempt": last,
        "advice": list(advice(state, told)),
    }


def advice(state: State, told: Told) -> Iterator[str]:
    """Give what helps, each with its command; the first is the most pressing."""
    agent, (name, attempt) = told.seat.id, _last(state, told.seat)
    found = [
        command_for(state, one, supervised=told.supervised)
        for one, asked in state.questions.items()
        if asked.agent == agent and asked.state == "open"
    ]
    if state.phase in {"running", "ending"} and not told.supervised:
        found.append(f"its supervisor is gone: squad resume {state.run}")
    elif state.phase == "paused":
        found.append(f"the run is stopped: squad resume {state.run}")
    waits = [wait for wait in state.waiting if wait.holder == agent]
    found += [f"it waits for {plain(wait.path)}: squad owns {plain(wait.path)}" for wait in waits]
    if told.seat.id in state.agents and (limits := state.agents[agent].limits):
        latest = max(limit.until for limit in limits.values())
        found += (
            [f"its provider lets it go on in {format_duration(latest - told.now)}: squad status"] if latest > told.now else []
        )
    if attempt is not None and attempt.outcome not in {None, "done"}:
        found.append(f"see why {name} ended: squad logs {agent}")
        found += [f"try its program: squad doctor {told.program}"] if told.program not in _OWN else []
    yield from found or ["nothing stands in its way"]


def _tasks(plan: Plan, state: State, seat: Seat) -> Iterator[dict[str, object]]:
    for planned in plan.tasks:
        status = state.tasks[planned.task.id]
        if status.agent == seat.id:
            reason = status.reason if status.state is not TaskState.DONE else ""
            yield {"id": planned.task.id, "title": planned.task.title, "state": str(status.state), "reason": reason}


def _locks(state: State, told: Told) -> Sequence[str]:
    held = [
        f"  holds {plain(lock.path)} for {format_duration(told.now - lock.since)}"
        for lock in state.locks.values()
        if lock.holder == told.seat.id
    ]
    waits = [f"  waits for {plain(wait.path)}" for wait in state.waiting if wait.holder == told.seat.id]
    return [*held, *waits]


def _attempt_lines(state: State, seat: Seat) -> Sequence[str]:
    name, attempt = _last(state, seat)
    if attempt is None:
        return ["  none yet"]
    ended = f"{attempt.outcome}: {plain(attempt.reason)}" if attempt.outcome else "at work"
    return [f"  {name}: {ended}".rstrip(": "), f"  workspace {attempt.workspace}", f"  log {attempt.log or 'none yet'}"]


def _last(state: State, seat: Seat) -> tuple[str, AttemptStatus | None]:
    own = [(name, one) for name, one in state.attempts.items() if one.agent == seat.id]
    return max(own, key=lambda pair: pair[1].prepared_at) if own else ("", None)
