"""A schedule from outside is taken only if it is sound and shorter, and whoever makes it is killed when it takes too long."""

import importlib.util
import json
import sys
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.cli.optimising import ask
from orchestrator.model import TaskId
from orchestrator.planning.dispatch import dispatch, urgency
from orchestrator.planning.order import arrange
from orchestrator.planning.shop import Shop, Slot, Timetable, shop_of
from orchestrator.planning.soundness import is_sound
from tests.support.builders import ONE, TWO
from tests.support.commands import Squad
from tests.support.instances import tasks_file
from tests.support.planting import plant
from tests.support.repositories import Repository

INSTALLED = importlib.util.find_spec("ortools") is not None
SLOTS = plant(tasks=24, agents=4, seed=1)


def shop(slots: Sequence[Slot] = SLOTS.slots, at_once: int = 4) -> tuple[Shop, Timetable]:
    made = shop_of(slots, at_once=at_once, capacity={})
    return made, dispatch(made, urgency(made))


@given(st.integers(0, 23), st.integers(-5000, 5000), st.integers(0, 3))
def test_a_schedule_of_squads_own_is_sound_and_a_changed_one_only_if_nothing_meets(task: int, by: int, agent: int) -> None:
    made, first = shop()
    start, agents = list(first.start), list(first.agent)
    start[task] += by
    agents[task] = agent
    ends = [begin + length for begin, length in zip(start, made.length, strict=True)]
    other = Timetable(makespan=max(ends), start=start, agent=agents)

    beside = [one for one in range(24) if one != task and start[one] < ends[task] and start[task] < ends[one]]
    meets = any(agents[one] == agent or set(made.keys[one]) & set(made.keys[task]) for one in beside)
    late = any(ends[need] > start[one] for one in range(24) for need in made.needs[one])
    assert is_sound(made, first)
    assert is_sound(made, other) == (start[task] >= 0 and bool(made.able[task] >> agent & 1) and not meets and not late)


def test_what_takes_more_units_than_there_are_is_not_sound() -> None:
    tasks = [Slot(task=TaskId(name), agents=(ONE, TWO), needs=(), locks=("op:x", "op:x"), seconds=1) for name in "ab"]
    made = shop_of(tasks, at_once=2, capacity={"op:x": 3})

    assert is_sound(made, Timetable(makespan=2000, start=[0, 1000], agent=[0, 0]))
    assert not is_sound(made, Timetable(makespan=1000, start=[0, 0], agent=[0, 1]))
    assert not is_sound(made, Timetable(makespan=1500, start=[0, 1000], agent=[0, 0]))
    assert not is_sound(made, Timetable(makespan=1000, start=[0], agent=[0]))


def test_a_better_schedule_is_taken_and_a_false_or_worse_one_is_not() -> None:
    slots, usual = SLOTS.slots, arrange(SLOTS.slots, at_once=4, effort=0)
    better = arrange(slots, at_once=4)
    made, first = shop()
    assert better.makespan < usual.makespan

    def of(order_makespan: int, start: list[int]) -> Timetable:
        return Timetable(makespan=order_makespan, start=start, agent=first.agent)

    true = Timetable(
        makespan=round(better.makespan * 1000),
        start=[round(better.times[slot.task][0] * 1000) for slot in slots],
        agent=[made.agents.index(better.agents[slot.task]) for slot in slots],
    )
    assert arrange(slots, at_once=4, effort=0, improve=lambda *_: true).makespan == better.makespan
    false = [None, of(1, [0] * 24), replace(true, makespan=true.makespan - 1000), replace(first, makespan=first.makespan + 1)]
    for answer in false:
        assert arrange(slots, at_once=4, effort=0, improve=lambda *_, answer=answer: answer) == usual


@pytest.mark.parametrize(
    ("program", "trouble"),
    [
        ("import time; time.sleep(600)", "no answer within 1.2 s"),
        (
            "import signal as s, time; s.signal(s.SIGTERM, s.SIG_IGN); print('{', flush=True); time.sleep(600)",
            "no answer",
        ),
        ("import sys; sys.exit('out of memory')", "ended with 1: out of memory"),
        ("import os; os.abort()", "ended with -6"),
        ("print('no JSON')", "no schedule"),
        ('print(\'{"makespan": 1, "start": null, "agent": [1]}\')', "no schedule"),
        ("print('{}')", "no schedule"),
    ],
)
def test_a_child_that_misbehaves_is_ended_and_said(program: str, trouble: str) -> None:
    found, said = ask([sys.executable, "-c", program], *shop(), limit=0.2 if "sleep" in program else 60)

    assert found is None
    assert trouble in said


@pytest.mark.skipif(INSTALLED, reason="the extra `optimal` is installed: nothing is missing")
def test_without_the_extra_the_command_that_installs_it_is_named(repository: Repository, squad: Squad) -> None:
    repository.write({"planted.json": tasks_file("planted_n24_m4_s11")})

    done = squad("plan", "planted.json", "-n", "4", "--optimise")

    assert done.returncode == 4
    assert "pip install 'squad-orchestrator[optimal]'" in done.stderr


@pytest.mark.skipif(not INSTALLED, reason="OR-tools is large: pip install '.[optimal]' to try this")
def test_the_solver_finds_the_shortest_order_the_same_each_time(repository: Repository, squad: Squad) -> None:
    repository.write({"planted.json": tasks_file("planted_n24_m4_s11")})

    plans = {squad.ok("plan", "planted.json", "-n", "4", "--optimise", "--json") for _ in range(2)}

    assert len(plans) == 1
    assert json.loads(plans.pop())["makespan"] == 120.0
