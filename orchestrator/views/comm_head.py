"""The status block of a comm file: where an agent stands now, in the words of hand-run squads.

Whatever a task is called and whatever an agent says, the word that people grep for stands in the block once, always at
the same place. Pure functions of a plan and a state.
"""

import re
from collections.abc import Mapping, Sequence

from orchestrator.model import AgentId, AgentState, Plan, PlannedTask, Seat, TaskState
from orchestrator.state import FINAL, State
from orchestrator.text.quantities import format_duration
from orchestrator.views.text import plain_path, shortened, utc

HEAD = 2048  #: bytes of the part that is rewritten in place
WORD = "Status:"
MASKED = "Status="  #: what stands for it wherever it is not the agent's own current status
_READ = re.compile(rb"<!-- squad has read to byte (\d+) -->")
_TAIL = "\n\n## History\n"


def tasks_by_agent(plan: Plan, state: State) -> dict[AgentId, list[PlannedTask]]:
    """Give each agent's tasks, those that moved with the agent they moved to."""
    own: dict[AgentId, list[PlannedTask]] = {seat.id: [] for seat in plan.agents}
    for planned in plan.tasks:
        own.setdefault(AgentId(state.tasks[planned.task.id].agent), []).append(planned)
    return own


def block(state: State, seat: Seat, own: Sequence[PlannedTask]) -> tuple[str, ...]:
    """Give the lines of the current status block from `Status:` on; the files last in rank when room is short."""
    agent = state.agents[seat.id]
    done = sum(1 for planned in own if state.tasks[planned.task.id].state is TaskState.DONE)
    waiting = [planned for planned in own if state.tasks[planned.task.id].state is TaskState.WAITING]
    left = sum(planned.estimate for planned in own if state.tasks[planned.task.id].state not in FINAL)
    current = next((planned for planned in own if planned.task.id == agent.task), None)
    before = [
        f"Current Task: {_told(current)}" if current else "Current Task: none",
        *([f"Waiting for: {quiet(agent.blocked_on, 120)}"] if agent.blocked_on else []),
        *([f"Alternative: {quiet(agent.meanwhile, 120)}"] if agent.blocked_on and agent.meanwhile else []),
    ]
    after = [
        f"Progress: {done}/{len(own)} tasks complete",
        f"Next: {_told(waiting[0])}" if waiting else "Next: nothing",
        f"Estimate: {format_duration(left) if left else 'none left'}",
    ]
    room = HEAD - 250 - sum(len(line.encode()) + 1 for line in (*before, *after))
    return (f"{WORD} {status_word(state, seat.id, own)}", *before, *_files(agent.files, room), *after)


def head(seat: Seat, lines: Sequence[str], *, now: float, read: int) -> bytes:
    """Give the head of the file: title, block, and how far squad has read, filled up to its size."""
    text = "\n".join(
        [
            f"# Agent {seat.id.split('-')[1]} Communication Log",
            "",
            f"## Status Update [{utc(now)}]",
            *lines,
            "",
            f"<!-- squad has read to byte {read} -->",
        ]
    )
    body = text.encode()[: HEAD - len(_TAIL)].decode("utf-8", "ignore").encode()
    return body + b" " * (HEAD - len(_TAIL) - len(body)) + _TAIL.encode()


def read_so_far(begin: bytes) -> int | None:
    """Give how far a file was read, as its head says; None if squad did not write it."""
    found = _READ.search(begin[:HEAD])
    return int(found[1]) if found else None


def status_word(state: State, agent: AgentId, own: Sequence[PlannedTask]) -> str:
    """Give the word of the seed for where an agent stands."""
    status = state.agents[agent]
    if status.task is not None:
        blocked = status.state is AgentState.WAITING or status.says == "BLOCKED"
        return "BLOCKED" if blocked else "ACTIVE"
    states = [state.tasks[planned.task.id].state for planned in own]
    if TaskState.FAILED in states and all(one in FINAL for one in states):
        return "FAILED"
    if TaskState.PARKED in states:
        return "BLOCKED"
    if all(one in FINAL for one in states) and (states or state.phase == "ended"):
        return "COMPLETE"
    return "READY"


def history_line(state: State, seat: Seat, own: Sequence[PlannedTask]) -> str:
    """Give what is noted of the current state once it has passed, without the word that people grep for."""
    agent = state.agents[seat.id]
    task = f" {agent.task}" if agent.task else ""
    message = f": {agent.message}" if agent.message else ""
    return quiet(f"{status_word(state, seat.id, own)}{task}{message}", 140)


def quiet(text: str, width: int) -> str:
    """Give a line of somebody else's text without the word that people grep for."""
    return shortened(text, width).replace(WORD, MASKED)


def _told(planned: PlannedTask) -> str:
    return quiet(f"{planned.task.id} {planned.task.title}", 120)


def _files(files: Mapping[str, str], room: int) -> list[str]:
    """List the files as far as there is room, and say how many more there are."""
    if not files:
        return ["Files Modified: none"]
    lines = ["Files Modified:"]
    rows = [f"  - {plain_path(path).replace(WORD, MASKED)} ({change})" for path, change in files.items()]
    for place, row in enumerate(rows):
        room -= len(row.encode()) + 1
        if room < 0:
            return [*lines, f"  - and {len(rows) - place} more"]
        lines.append(row)
    return lines
