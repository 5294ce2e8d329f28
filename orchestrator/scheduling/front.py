"""Which tasks anything can be decided about now, kept up to date without looking at every need again.

A task is at the front when it waits and all its needs are met, or one can never be. What is asked once is remembered: who
could do a task does not change during a run.
"""

from bisect import bisect_left

from orchestrator.model import AgentId, Plan, PlannedTask, TaskId, TaskState
from orchestrator.scheduling.scheduler import DEAD, could_do
from orchestrator.state import State, TaskStatus


class Front:
    """The front of a plan, best first."""

    def __init__(self, plan: Plan, *, touched: set[str] | None = None) -> None:
        """Begin with a run in which nothing has happened; `update` takes in what has.

        Args:
            plan: What is carried out.
            touched: Filled by whoever folds events with the tasks that these name, and emptied here; without it, all are
                looked at each time.
        """
        self._touched = touched
        self._place = place = {planned.task.id: number for number, planned in enumerate(plan.tasks)}
        self.plan = plan  #: which it is the front of
        self._needs = [[place[need] for need in planned.needs if need in place] for planned in plan.tasks]
        self._followers: list[list[int]] = [[] for _ in plan.tasks]
        for number, needs in enumerate(self._needs):
            for need in needs:
                self._followers[need].append(number)
        order = sorted(range(len(plan.tasks)), key=lambda number: (-plan.tasks[number].tail, number))
        self._rank = {number: rank for rank, number in enumerate(order)}
        self._seq = 0  #: of the last event taken in
        self._known = [TaskState.WAITING for _ in plan.tasks]
        self._tasks = [plan.tasks[number] for number in order]  #: by rank
        self._ready: list[int] = []  #: ranks of those that could start
        self._best: list[PlannedTask] = []  #: those, by rank
        self._tried: set[int] = set()  #: ranks of tasks that wait and were tried before
        self._stuck: set[int] = set()  #: ranks of those that wait for a person or for what is never done
        self._able: dict[str, tuple[AgentId, ...]] = {}
        for number in range(len(plan.tasks)):
            self._judge(number)

    def update(self, state: State) -> None:
        """Take in what has changed."""
        if state.seq == self._seq:
            return
        names = state.tasks if self._touched is None or not self._seq else self._touched
        changed = [self._place[TaskId(name)] for name in names if name in self._place]
        self._seq = state.seq
        for number in changed:
            self._take(number, state.tasks[self.plan.tasks[number].task.id])
        if self._touched is not None:
            self._touched.clear()
        for number in {*changed, *(after for one in changed for after in self._followers[one])}:
            self._judge(number)

    def ready(self, state: State) -> list[PlannedTask]:
        """Give the tasks that wait for no other and for no person, best first."""
        self.update(state)
        return list(self._best)

    def doubtful(self, state: State) -> list[PlannedTask]:
        """Give the tasks that may not simply be started: tried before, a person's, or behind what is never done."""
        self.update(state)
        return [self._tasks[rank] for rank in sorted({*self._held_up(), *self._stuck})]

    def tried(self, state: State) -> list[PlannedTask]:
        """Give those of the ready that were tried before, best first: a back-off may hold them up."""
        self.update(state)
        return [self._tasks[rank] for rank in sorted(self._held_up())]

    def able(self, planned: PlannedTask) -> tuple[AgentId, ...]:
        """Give the agents that could do a task, whoever has it now."""
        if planned.task.id not in self._able:
            self._able[planned.task.id] = could_do(self.plan, planned)
        return self._able[planned.task.id]

    def _take(self, number: int, status: TaskStatus) -> None:
        self._known[number] = status.state
        if status.attempt and status.state is TaskState.WAITING:
            self._tried.add(self._rank[number])
        else:
            self._tried.discard(self._rank[number])

    def _held_up(self) -> list[int]:
        """Give the ranks of those of the ready that were tried before."""
        return [rank for rank in self._tried if self._is_ready(rank)]

    def _is_ready(self, rank: int) -> bool:
        place = bisect_left(self._ready, rank)
        return place < len(self._ready) and self._ready[place] == rank

    def _judge(self, number: int) -> None:
        """Put a task where it belongs by its state and those of its needs."""
        rank = self._rank[number]
        needs = [self._known[need] for need in self._needs[number]]
        waits = self._known[number] is TaskState.WAITING
        done = all(state is TaskState.DONE for state in needs)
        is_ready = waits and done and not self.plan.tasks[number].task.gate
        place = bisect_left(self._ready, rank)
        is_noted = self._is_ready(rank)
        if is_ready and not is_noted:
            self._ready.insert(place, rank)
            self._best.insert(place, self._tasks[rank])
        elif is_noted and not is_ready:
            del self._ready[place], self._best[place]
        if waits and not is_ready and (done or any(state in DEAD for state in needs)):
            self._stuck.add(rank)
        else:
            self._stuck.discard(rank)
