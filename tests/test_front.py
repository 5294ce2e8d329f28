"""The front of a plan: exactly the waiting tasks that something can be decided about, in the plan's order."""

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.front import Front
from orchestrator.model import Plan, TaskState
from orchestrator.scheduler import Rules, next_wake, starts, verdicts
from tests.support.builders import ONE, TWO, plan, planned, state_after, task

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
        assert sorted(map(str, verdicts(of, state, RULES, among=doubtful))) == sorted(map(str, verdicts(of, state, RULES)))
        assert next_wake(of, state, RULES, now=0.0, among=front.tried(state)) == next_wake(of, state, RULES, now=0.0)
        assert list(starts(of, state, RULES, now=now, among=ready, names=front.able)) == list(starts(of, state, RULES, now=now))
