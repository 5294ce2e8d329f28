"""What lies between an event and the next decision in a large run: the same calls in the same order as the supervisor makes."""

import random
import time
from collections.abc import Callable
from statistics import median

import pytest

from orchestrator.model import AgentId, AgentState, Plan, TaskId, TaskState
from orchestrator.scheduling import scheduler
from orchestrator.scheduling.front import Front
from tests.support.builders import plan, planned, seat, state_after, task

pytestmark = pytest.mark.benchmark

TASKS, AGENTS = 10_000, 32
EVENTS = 300
LOST = 16  #: failures, or agents that are lost, after which tasks finish
NOW = 1e9  #: any back-off is over
RULES = scheduler.Rules()


@pytest.mark.parametrize("event", ["finish", "failure", "lost agent"])
def test_the_next_decision_is_taken_within_ten_milliseconds(event: str) -> None:
    rnd = random.Random(7)
    run = _Run(_plan(rnd))
    run.decide()
    spent = []
    for number in range(EVENTS):
        run.happen(event, rnd.choice(list(run.running)), number)
        spent.append(_timed(run.decide))
    told = f"{median(spent) * 1e3:.2f} ms median, {sorted(spent)[EVENTS * 95 // 100] * 1e3:.2f} ms of 95 %"
    print(f"\n{TASKS} tasks, {AGENTS} agents, after a {event}: {told} (CPU)", end="")
    assert len(run.running) >= AGENTS - LOST
    assert median(spent) <= 0.010


class _Run:
    """A run without processes: what the supervisor asks, and what it records."""

    def __init__(self, of: Plan) -> None:
        self.touched: set[str] = set()
        self.plan, self.state, self.front = of, state_after(of), Front(of, touched=self.touched)
        self.tasks = {planned.task.id: planned for planned in of.tasks}
        self.running: dict[TaskId, AgentId] = {}

    def decide(self) -> None:
        """Take every decision and work out when to wake next."""
        plan, state, front = self.plan, self.state, self.front
        assert not list(scheduler.verdicts(plan, state, RULES, among=front.doubtful(state)))
        for start in scheduler.starts(plan, state, RULES, now=NOW, among=front.ready(state), names=front.able):
            scheduler.keys_of(state, self.tasks[start.task])
            state.seq += 1
            status, agent = state.tasks[start.task], state.agents[start.agent]
            status.state, status.agent, status.prepared = TaskState.RUNNING, start.agent, status.prepared + 1
            agent.task, agent.state = start.task, AgentState.WORKING
            self.running[start.task] = start.agent
            self.touched.add(start.task)
        scheduler.next_wake(state, RULES, now=NOW, among=front.tried(state))

    def happen(self, event: str, name: TaskId, number: int) -> None:
        """Let a task finish, fail for the first time, or lose its agent for good."""
        self.state.seq += 1
        self.touched.add(name)
        status, agent = self.state.tasks[name], self.state.agents[self.running.pop(name)]
        is_lost = event == "lost agent" and number < LOST
        agent.task, agent.state = None, AgentState.STOPPED if is_lost else AgentState.IDLE
        status.state = TaskState.DONE if event == "finish" or number >= LOST else TaskState.WAITING
        if status.state is TaskState.WAITING:
            status.attempt, status.uncounted, status.ended_at = f"{name}.{status.prepared}", 1, float(number)


def _plan(rnd: random.Random) -> Plan:
    names = [AgentId(f"agent-{number}") for number in range(1, AGENTS + 1)]
    rows = []
    for number in range(TASKS):
        needs = {f"T{rnd.randrange(max(0, number - 400), number)}" for _ in range(rnd.randint(0, 2) if number else 0)}
        able = rnd.sample(names, 3)
        one = task(f"T{number}", needs=sorted(needs), agents=able, writes=[f"src/{number}.py"])
        rows.append(planned(one, agent=able[0], tail=float(rnd.randint(1, 10_000))))
    return plan(*rows, seats=[seat(name) for name in names])


def _timed(act: Callable[[], object]) -> float:
    began = time.process_time()
    act()
    return time.process_time() - began
