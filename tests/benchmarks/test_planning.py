"""How near orders come to the best that is known, and what planning costs as documents grow."""

import json
import random
import time
from collections import defaultdict
from statistics import mean

import pytest

from orchestrator.planning.checker import problems
from orchestrator.planning.document import plan_document
from orchestrator.planning.order import arrange
from orchestrator.planning.planner import make_plan
from orchestrator.planning.shop import Slot
from orchestrator.planning.surroundings import Surroundings
from orchestrator.prd import read
from tests.support.instances import PLANTED, PSPLIB, Instance, planted, psplib
from tests.support.planting import plant

pytestmark = pytest.mark.benchmark

TASKS, AGENTS, CLAIMS = 10_000, 32, 5


def test_planted_instances_come_near_their_optimum() -> None:
    gaps = _table({name: planted(name) for name in PLANTED}, group=lambda name: name.split("_")[1], effort=1)

    assert mean(gaps["n100"]) <= 0.05
    assert mean([*gaps["n300"], *gaps["n1000"]]) <= 0.01


def test_problems_that_nobody_tuned_for_come_near_their_optimum() -> None:
    sizes = {"n24": (24, 4, 10), "n50": (48, 4, 10), "n100": (96, 8, 20), "n300": (296, 8, 5), "n1000": (992, 16, 3)}
    made = {
        f"{name}_s{seed}": plant(tasks=tasks, agents=agents, seed=seed)
        for name, (tasks, agents, count) in sizes.items()
        for seed in range(count)
    }

    gaps = _table(made, group=lambda name: name.split("_")[0], effort=1)

    assert mean(gaps["n100"]) <= 0.05
    assert mean([*gaps["n300"], *gaps["n1000"]]) <= 0.01


def test_psplib_instances_come_near_the_best_known() -> None:
    gaps = _table({name: psplib(name) for name in PSPLIB}, group=lambda name: "j120" if "j120" in name else name[:3], effort=2)

    assert mean(gap for rows in gaps.values() for gap in rows) <= 0.06


def test_ten_thousand_tasks_are_planned_in_seconds() -> None:
    rnd = random.Random(7)
    rows = [
        {
            "id": f"T{number}",
            "title": f"Work package {number}",
            "needs": sorted(
                {f"T{rnd.randrange(max(0, number - 400), number)}" for _ in range(rnd.randint(0, 2) if number else 0)}
            ),
            "writes": [f"src/m{rnd.randrange(60)}/p{rnd.randrange(20)}/f{rnd.randrange(20)}.py" for _ in range(CLAIMS)],
            "agents": [f"agent-{agent}" for agent in rnd.sample(range(1, AGENTS + 1), 3)],
            "estimate": f"{rnd.randint(1, 60)}m",
        }
        for number in range(TASKS)
    ]
    laps = {}
    began = time.process_time()

    def lap(name: str) -> None:
        nonlocal began
        laps[name] = time.process_time() - began
        began = time.process_time()

    document = read(json.dumps({"version": 1, "tasks": rows}).encode(), name="tasks.json")
    lap("read")
    plan = make_plan(document, Surroundings(count=AGENTS), source_digest="0" * 64)
    lap("plan")
    slots = [
        Slot(task=one.task.id, agents=one.task.agents, needs=one.needs, locks=one.locks, seconds=one.estimate)
        for one in plan.tasks
    ]
    lap("")
    arrange(slots, at_once=AGENTS)
    lap("of which order")
    body = plan_document(plan)
    lap("document")
    assert problems(json.loads(body)) == ()
    lap("check")
    told = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in laps.items() if name)
    print(f"\n{TASKS} tasks with {CLAIMS} claims each, {len(plan.certificate.guarded)} pairs: {told} (CPU)", end="")
    assert plan.makespan <= 1.005 * plan.bound


def _table(instances: dict[str, Instance], *, group: object, effort: int) -> dict[str, list[float]]:
    """Order all instances; print and give how far above the best known they are, by group."""
    assert callable(group)
    gaps: dict[str, list[float]] = defaultdict(list)
    seconds: dict[str, list[float]] = defaultdict(list)
    for name, instance in instances.items():
        began = time.process_time()
        order = arrange(instance.slots, at_once=instance.agents, capacity=instance.capacity, effort=effort)
        seconds[group(name)].append(time.process_time() - began)
        gaps[group(name)].append(order.makespan / instance.best - 1)
        print(f"\n{name:<22} best known {instance.best:>6g}  squad {order.makespan:>6g}  {gaps[group(name)][-1]:>7.2%}", end="")
    for name, rows in gaps.items():
        print(f"\n{name:<8} mean gap {mean(rows):.2%}, worst {max(rows):.2%}, {mean(seconds[name]):.2f} s CPU each", end="")
    return gaps
