"""`squad status` as text and as the document that other programs read."""

from orchestrator.model import AgentState, Plan, TaskState
from orchestrator.state import FINAL, State
from orchestrator.views.board import board
from orchestrator.views.text import plain, utc


def status_json(plan: Plan, state: State, *, supervised: bool) -> dict[str, object]:
    """Give the document of `squad status --json`; without a living supervisor no agent works."""
    waiting: dict[str, list[str]] = {}
    for wait in state.waiting:
        waiting.setdefault(wait.path, []).append(wait.holder)
    return {
        "schema_version": 1,
        "run": {
            "id": state.run,
            "title": state.title,
            "state": run_state(state, supervised=supervised),
            "outcome": state.outcome,
            "started_at": utc(state.started_at),
            "branch": state.branch,
            "supervised": supervised,
        },
        "agents": [
            {
                "id": seat.id,
                "state": agent_state(plan, state, seat.id, supervised=supervised),
                "task": state.agents[seat.id].task,
                "pid": state.agents[seat.id].pid if supervised else None,
                "progress": {"done": state.agents[seat.id].done, "total": state.agents[seat.id].total},
                "message": plain(state.agents[seat.id].message),
            }
            for seat in plan.agents
        ],
        "tasks": [
            {"id": name, "state": status.state, "agent": status.agent, "attempts": status.attempts, "reason": status.reason}
            for name, status in state.tasks.items()
        ],
        "locks": [
            {
                "path": lock.path,
                "holder": lock.holder,
                "since": utc(lock.since),
                "fence": lock.fence,
                "waiting": [name for path, names in waiting.items() if path == lock.path for name in names],
            }
            for lock in state.locks
        ],
        "needs_you": needs_you(state, supervised=supervised),
    }


def run_state(state: State, *, supervised: bool) -> str:
    """Give the word for where the run stands; a running run without a supervisor is paused in fact."""
    if state.phase == "running" and not supervised:
        return "paused"
    return state.phase


def agent_state(plan: Plan, state: State, agent: str, *, supervised: bool) -> str:
    """Give the word for what an agent does."""
    status = state.agents[agent]
    if state.phase == "ended" or not supervised:
        return AgentState.STOPPED
    own = [state.tasks[planned.task.id].state for planned in plan.tasks if state.tasks[planned.task.id].agent == agent]
    if status.task is None and TaskState.PARKED in own and all(one in FINAL or one is TaskState.PARKED for one in own):
        return AgentState.PARKED
    return status.state


def needs_you(state: State, *, supervised: bool) -> list[dict[str, str]]:
    """Give what waits for a person, each with the command that helps."""
    told = [
        {"what": "parked", "task": name, "reason": status.reason, "command": "squad resume"}
        for name, status in state.tasks.items()
        if status.state is TaskState.PARKED
    ]
    if state.phase == "running" and not supervised:
        told.append(
            {"what": "no supervisor", "task": "", "reason": "its supervisor is gone", "command": f"squad resume {state.run}"}
        )
    return told


def render_status(plan: Plan, state: State, *, supervised: bool, now: float) -> str:
    """Give the text of `squad status`."""
    text = board(plan, state, now=now)
    if state.phase == "running" and not supervised:
        text += f"  its supervisor is gone: squad resume {state.run}\n"
    if state.locks:
        text += "locks\n" + "".join(f"  {plain(lock.path):<40} {lock.holder} since {utc(lock.since)}\n" for lock in state.locks)
    return text
