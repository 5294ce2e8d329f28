"""Streams: related work stays with one agent, hot files are locks, and it costs no time that matters."""

from collections import defaultdict
from random import Random
from statistics import mean

import pytest

from orchestrator.model import AgentId, Document, Plan, Task
from orchestrator.planning.allocation import Allocation
from orchestrator.planning.planner import make_plan
from orchestrator.planning.surroundings import SeatSpec, Surroundings
from orchestrator.sections import AllocationSettings
from tests.support.builders import task


def plan_of(*tasks: Task, count: int = 2, seats: tuple[SeatSpec, ...] = (), effort: int = 1, **weights: float) -> Plan:
    allocation = Allocation(weights=AllocationSettings.model_validate(weights))
    around = Surroundings(count=count, seats=seats, allocation=allocation)
    return make_plan(Document(title="Demo", format="todo", path="prd.md", tasks=tasks), around, source_digest="", effort=effort)


def owners(plan: Plan) -> dict[str, str]:
    return {planned.task.id: planned.agent for planned in plan.tasks}


def random_tasks(random: Random, count: int, *, files: int, agents: tuple[str, ...] = ()) -> list[Task]:
    return [
        task(
            f"T{number}",
            writes=sorted({f"src/f{random.randrange(files)}.py" for _ in range(random.randint(1, 3))}),
            estimate=float(random.randint(1, 60) * 60),
            agents=agents,
            line=number + 1,
        )
        for number in range(count)
    ]


def test_tasks_that_share_a_file_stay_with_one_agent_over_several_files() -> None:
    tasks = [
        task("A", writes=["api.py"]),
        task("B", writes=["web.js"]),
        task("C", writes=["api.py", "db.py"]),
        task("D", writes=["web.js", "web.css"]),
        task("E", writes=["db.py"]),
        task("F", writes=["web.css"]),
    ]

    found = owners(plan_of(*tasks))

    assert found["A"] == found["C"] == found["E"]
    assert found["B"] == found["D"] == found["F"]
    assert found["A"] != found["B"]


def test_why_tells_what_keeps_a_task_with_its_agent() -> None:
    plan = plan_of(task("A", writes=["api.py"]), task("B", writes=["api.py"]))

    assert plan.tasks[1].why[0] == "it writes api.py, as A does: such tasks stay with one agent, agent-1"


def test_a_file_of_many_is_a_lock_that_binds_nobody_together() -> None:
    tasks = [task(f"T{number}", writes=["index.ts", f"page{number}.ts"], estimate=60.0) for number in range(6)]

    plan = plan_of(*tasks)

    assert "index.ts is written by 6 tasks: it is a lock, taken in turn" in plan.tasks[0].why
    assert all("index.ts" in planned.locks for planned in plan.tasks)
    assert not any("stay with one agent" in planned.why[0] for planned in plan.tasks)
    kept = plan_of(*tasks, hot=6)
    assert all("stay with one agent" in planned.why[0] for planned in kept.tasks)


def test_a_stream_that_would_take_too_long_is_cut() -> None:
    chain = [task(f"T{number}", writes=[f"f{number}", f"f{number + 1}"]) for number in range(12)]

    plan = plan_of(*chain, count=4)

    assert len(set(owners(plan).values())) == 4
    assert plan.makespan <= 1.2 * plan.bound


def test_agents_that_a_document_lists_are_not_taken_away() -> None:
    both = ["agent-1", "agent-2"]
    tasks = [
        task("A", writes=["x"], agents=both),
        task("B", writes=["x", "y"], agents=both),
        task("C", writes=["y"], agents=both),
    ]

    assert not any("stay with one agent" in planned.why[0] for planned in plan_of(*tasks).tasks)


def test_a_task_follows_the_owner_of_the_one_it_shares_a_file_with() -> None:
    seats = tuple(
        SeatSpec(id=AgentId(f"agent-{n}-{skill}"), role="dev", skills=(skill,)) for n, skill in ((1, "sql"), (2, "css"))
    )
    tasks = [task("A", title="Polish the css", writes=["lib/theme"]), task("B", title="Rename it", writes=["lib/theme"])]

    assert owners(plan_of(*tasks, seats=seats)) == {"A": "agent-2-css", "B": "agent-2-css"}


@pytest.mark.parametrize("files", [30, 60])
def test_related_work_is_together_more_often_and_plans_are_hardly_longer(files: int) -> None:
    together: dict[bool, list[float]] = defaultdict(list)
    makespans: list[float] = []
    for seed in range(8):
        tasks = random_tasks(Random(seed), 20, files=files)
        kept, free = (plan_of(*tasks, count=3, effort=0, hot=hot) for hot in (4, 1))
        for plan in (kept, free):
            pairs = [pair for pair in plan.certificate.guarded if pair.by == "lock"]
            agents = owners(plan)
            together[plan is kept].append(mean(agents[pair.a] == agents[pair.b] for pair in pairs) if pairs else 1.0)
        makespans.append(kept.makespan / free.makespan)

    assert mean(together[True]) > mean(together[False])
    assert mean(makespans) < 1.05
