"""Which tasks anything can be decided about now, kept up to date without looking at every need again.

A task is at the front when it waits and no need of it is open any more, or one can never be met. What is asked once is
remembered: who could do a task does not change during a run.
"""

from orchestrator.model import AgentId, Plan, PlannedTask, TaskState
from orchestrator.scheduler import DEAD, could_do
from orchestrator.state import State

_SETTLED = frozenset({TaskState.DONE, *DEAD})


class Front:
    """The front of a plan, best first."""

    def __init__(self, plan: Plan) -> None:
        """Begin with a run in which nothing has happened; `update` takes in what has."""
        place = {planned.task.id: number for number, planned in enumerate(plan.tasks)}
        self._plan = plan
        self._ids = [planned.task.id for planned in plan.tasks]
        self._needs = [[place[need] for need in planned.needs if need in place] for planned in plan.tasks]
        self._followers: list[list[int]] = [[] for _ in plan.tasks]
        for number, needs in enumerate(self._needs):
            for need in needs:
                self._followers[need].append(number)
        order = sorted(range(len(self._ids)), key=lambda number: (-plan.tasks[number].tail, number))
        self._rank = {number: rank for rank, number in enumerate(order)}
        self._known = [TaskState.WAITING for _ in plan.tasks]
        self._at_front = {number for number, needs in enumerate(self._needs) if not needs}
        self._able: dict[str, tuple[AgentId, ...]] = {}

    def update(self, state: State) -> list[PlannedTask]:
        """Give the front as the state has it."""
        states = [state.tasks[name].state for name in self._ids]
        changed = [number for number, (old, new) in enumerate(zip(self._known, states, strict=True)) if old is not new]
        self._known = states
        for number in changed:
            self._judge(number)
            for after in self._followers[number]:
                self._judge(after)
        return [self._plan.tasks[number] for number in sorted(self._at_front, key=self._rank.__getitem__)]

    def able(self, planned: PlannedTask) -> tuple[AgentId, ...]:
        """Give the agents that could do a task, whoever has it now."""
        if planned.task.id not in self._able:
            self._able[planned.task.id] = could_do(self._plan, planned)
        return self._able[planned.task.id]

    def _judge(self, number: int) -> None:
        needs = [self._known[need] for need in self._needs[number]]
        settled = all(state in _SETTLED for state in needs) or any(state in DEAD for state in needs)
        if settled and self._known[number] is TaskState.WAITING:
            self._at_front.add(number)
        else:
            self._at_front.discard(number)
