"""The front of a plan: exactly the waiting tasks that something can be decided about, in the plan's order."""

from contextlib import suppress
from itertools import product
from typing import Any, get_args, get_origin

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import events as ev
from orchestrator.events import Entry
from orchestrator.fold import fold
from orchestrator.model import Plan, TaskState
from orchestrator.scheduling import scheduler
from orchestrator.scheduling.front import Front
from orchestrator.scheduling.scheduler import Rules
from orchestrator.state import AttemptStatus
from tests.support.builders import ONE, TWO, plan, planned, state_after, task
from tests.support.deciding import next_wake, starts, verdicts

RULES = Rules()


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    rows = [
        planned(
            task(
                f"T{n}",
                needs=[f"T{m}" for m in range(n) if draw(st.integers(0, 3)) == 0],
                agents=[draw(st.sampled_from([ONE, TWO]))],
            ),
            agent=draw(st.sampled_from([ONE, TWO])),
            tail=float(draw(st.integers(1, 5))),
        )
        for n in range(draw(st.integers(1, 7)))
    ]
    return plan(*rows)


@given(plans(), st.data())
def test_what_is_decided_from_the_front_is_what_is_decided_from_the_whole_plan(of: Plan, data: st.DataObject) -> None:
    touched: set[str] | None = data.draw(st.sampled_from([None, set()]))
    front = Front(of, touched=touched)
    state = state_after(of)
    for _ in range(4):
        name = data.draw(st.sampled_from([planned.task.id for planned in of.tasks]))
        state.seq += 1
        if touched is not None:
            touched.add(name)
        state.tasks[name].state = data.draw(st.sampled_from(list(TaskState)))
        state.tasks[name].counted = data.draw(st.integers(0, 1))
        state.tasks[name].attempt = f"{name}.1" if state.tasks[name].counted else None

        now = data.draw(st.sampled_from([0.0, 1e9]))
        ready, doubtful = front.ready(state), front.doubtful(state)
        assert sorted(map(str, scheduler.verdicts(of, state, RULES, among=doubtful))) == sorted(
            map(str, verdicts(of, state, RULES))
        )
        assert scheduler.next_wake(state, RULES, now=0.0, among=front.tried(state)) == next_wake(of, state, RULES, now=0.0)
        begun = scheduler.starts(of, state, RULES, now=now, among=ready, names=front.able)
        assert list(begun) == list(starts(of, state, RULES, now=now))


SAMPLES: dict[str, object] = {"task": "T1", "attempt": "T1.1", "agent": ONE, "from_": ONE, "to": TWO, "holder": ONE, "id": "Q1"}
PLAIN: dict[object, object] = {str: "x", int: 1, float: 1.0, bool: True}


def sample(kind: type[msgspec.Struct]) -> Any:
    """Make an event of a kind; what can be left out is."""
    fields = msgspec.structs.fields(kind)
    given = {one.name: SAMPLES.get(one.name, PLAIN.get(one.type)) for one in fields if one.required}
    lists: dict[str, object] = {one.name: [] for one in fields if one.required and get_origin(one.type) in {list, dict}}
    return kind(**{**given, **lists})


def test_whatever_event_moves_a_task_names_it_so_that_the_front_looks_at_it() -> None:
    """A task that moved unnamed would never be looked at again, and the run would hang."""
    movers = set()
    for kind, before in product(get_args(ev.Event), TaskState):
        state = state_after(plan(planned(task("T1")), planned(task("T2"))))
        for status in state.tasks.values():
            status.state, status.attempt = before, "T1.1"
        state.attempts["T1.1"] = AttemptStatus(task="T1", agent=ONE, number=1, workspace="w", branch=None, base=None)
        event = sample(kind)
        with suppress(Exception):  # most events fit few states, and what was moved before the misfit counts
            fold(state, Entry(seq=1, at=1.0, run="r", event=event))
        moved = {name for name, status in state.tasks.items() if status.state is not before}
        assert moved <= {getattr(event, "task", None)}, kind
        movers |= {kind} if moved else set()

    assert len(movers) >= 8
