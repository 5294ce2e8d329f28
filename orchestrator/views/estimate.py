"""How long a run may still take: a range from what was measured in it, or nothing.

With m agents, n tasks left and the longest chain of needs among them k tasks long, no order is faster than
max(n / m, k) rounds, and every order that lets no agent idle without need takes at most n / m + k (Graham, Bounds on
multiprocessing timing anomalies, 1969). A round takes between the shortest attempt that was
done and the longest, be it done or under way.
"""

from orchestrator.model import Plan, TaskState
from orchestrator.state import OPEN, State
from orchestrator.text.quantities import format_duration

_FEWEST = 2  #: attempts done before anything is said


def estimate(plan: Plan, state: State, *, now: float) -> str:
    """Give the estimate in words; before two attempts were done there is none."""
    depth = _depths(plan, state)
    if not depth:
        return "nothing left that could start" if _held_up(state) else "nothing left"
    took = [
        attempt.ended_at - attempt.prepared_at
        for attempt in state.attempts.values()
        if attempt.outcome == "done" and attempt.ended_at is not None
    ]
    if len(took) < _FEWEST:
        return "no estimate yet"
    share = len(depth) / max(1, len(plan.agents))
    longest = max(depth.values())
    begun = [now - attempt.prepared_at for attempt in state.attempts.values() if attempt.outcome is None]
    longest_took = max(*took, *begun)  # what is under way takes at least as long as it has
    low = max(0.0, min(took) * max(share, longest) - max(begun, default=0.0))
    high = longest_took * (share + longest)
    return f"{format_duration(round(low))} to {format_duration(round(high))} more (estimate)"


def _depths(plan: Plan, state: State) -> dict[str, int]:
    """Give the tasks that can still be done, each with the length of the longest chain of open needs that ends in it."""
    depth: dict[str, int] = {}
    blocked = {name for name, status in state.tasks.items() if status.state not in OPEN and status.state is not TaskState.DONE}
    needs = {planned.task.id: [need for need in planned.needs if need in state.tasks] for planned in plan.tasks}
    todo = list(needs)
    while todo:
        name = todo[-1]
        unknown = [need for need in needs[name] if need not in depth and need not in blocked and state.tasks[need].state in OPEN]
        if unknown:
            todo += unknown
            continue
        todo.pop()
        if any(need in blocked for need in needs[name]):
            blocked.add(name)
        elif name not in blocked and state.tasks[name].state in OPEN:
            depth[name] = 1 + max((depth.get(need, 0) for need in needs[name]), default=0)
    return depth


def _held_up(state: State) -> bool:
    return any(status.state is TaskState.PARKED or status.state in OPEN for status in state.tasks.values())
