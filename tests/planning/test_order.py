"""The schedule: never below its bound, every resource respected, near the optimum."""

import json
from itertools import permutations
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.claims import Claim
from orchestrator.model import AgentId, Document, TaskId
from orchestrator.planning.order import Order, Slot, arrange
from orchestrator.planning.planner import make_plan
from orchestrator.planning.surroundings import SeatSpec, Surroundings
from tests.support.builders import task

PLANTED = Path(__file__).parents[1] / "data" / "planted_n24_m4_s11.json"


@st.composite
def slots(draw: st.DrawFn) -> list[Slot]:
    count = draw(st.integers(1, 5))
    return [
        Slot(
            task=TaskId(f"T{n}"),
            agent=AgentId(draw(st.sampled_from(["agent-1", "agent-2"]))),
            needs=tuple(TaskId(f"T{m}") for m in range(n) if draw(st.integers(0, 3)) == 0),
            locks=tuple(draw(st.lists(st.sampled_from(["a", "b"]), max_size=1))),
            seconds=float(draw(st.integers(1, 4))),
        )
        for n in range(count)
    ]


def require_sound(order: Order, tasks: list[Slot], *, most: int) -> None:
    for one in tasks:
        start, finish = order.times[one.task]
        assert finish - start == one.seconds
        assert all(order.times[need][1] <= start for need in one.needs)
        beside = [
            other for other in tasks if other is not one and order.times[other.task][0] <= start < order.times[other.task][1]
        ]
        assert len(beside) < most
        for other in beside:
            assert not {one.agent, *one.locks} & {other.agent, *other.locks}, f"{one.task} and {other.task}"


def best_makespan(tasks: list[Slot], *, most: int) -> float:
    """Try every order, each task as early as it fits behind those before it."""

    def makespan(order: tuple[Slot, ...]) -> float:
        times: dict[str, tuple[float, float]] = {}
        for one in order:
            if any(need not in times for need in one.needs):
                return float("inf")
            moments = sorted({0.0, *(finish for _, finish in times.values())})
            earliest = max((times[need][1] for need in one.needs), default=0.0)
            start = next(at for at in moments if at >= earliest and fits(one, at, times))
            times[one.task] = (start, start + one.seconds)
        return max(finish for _, finish in times.values())

    def fits(one: Slot, at: float, times: dict[str, tuple[float, float]]) -> bool:
        by_id = {slot.task: slot for slot in tasks}
        beside = [by_id[TaskId(name)] for name, (start, finish) in times.items() if start < at + one.seconds and at < finish]
        return len(beside) < most and not any({one.agent, *one.locks} & {other.agent, *other.locks} for other in beside)

    return min(makespan(order) for order in permutations(tasks))


@given(slots(), st.integers(1, 2))
def test_a_schedule_is_sound_and_never_better_than_the_best(tasks: list[Slot], most: int) -> None:
    order = arrange(tasks, agents=most)

    require_sound(order, tasks, most=most)
    assert order.bound <= best_makespan(tasks, most=most) <= order.makespan <= sum(one.seconds for one in tasks)


def test_what_keeps_most_others_waiting_starts_first() -> None:
    first, *others = (
        Slot(task=TaskId(name), agent=AgentId("agent-1"), needs=needs, locks=(), seconds=1.0)
        for name, needs in (("long", ()), ("short", ()), ("after", (TaskId("long"),)))
    )

    order = arrange([others[0], first, others[1]], agents=1)

    assert order.times[TaskId("long")] == (0.0, 1.0)


def test_a_planted_instance_is_planned_soundly() -> None:
    told = json.loads(PLANTED.read_text(encoding="utf-8"))
    seats = tuple(SeatSpec(id=AgentId(f"agent-{number}"), role="general") for number in range(told["agents"]))
    tasks = tuple(
        task(
            f"T{number}",
            needs=[f"T{need}" for need in told["predecessors"][number]],
            writes=[Claim(f"file-{file}") for file in told["exclusive_files"][number]],
            agents=[f"agent-{agent}" for agent in told["eligible_agents"][number]],
            estimate=float(told["duration"][number]),
            line=number + 1,
        )
        for number in range(told["tasks"])
    )

    plan = make_plan(Document(title="Planted", format="todo", path="p", tasks=tasks), Surroundings(seats=seats), source_digest="")

    rows = [Slot(task=one.task.id, agent=one.agent, needs=one.needs, locks=one.locks, seconds=one.estimate) for one in plan.tasks]
    times = {one.task.id: (one.start, one.finish) for one in plan.tasks}
    require_sound(Order(times=times, tails={}, makespan=plan.makespan, bound=plan.bound), rows, most=told["agents"])
    assert told["optimal_makespan"] <= plan.makespan
    print(f"makespan {plan.makespan:g} over optimum {told['optimal_makespan']}: {plan.makespan / told['optimal_makespan']:.2f}")
