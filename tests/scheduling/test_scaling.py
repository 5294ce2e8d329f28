"""How many agents a run has: who joins, who leaves, and that nobody is left with work that nobody may do."""

import pytest

from orchestrator import events as ev
from orchestrator.errors import Refused, UsageError
from orchestrator.events import Event, kind
from orchestrator.fold import fold
from orchestrator.model import AgentState, TaskState
from orchestrator.scheduling import scaling, shaping
from orchestrator.scheduling.shaping import Shaped
from orchestrator.state import State
from tests.support.builders import ONE, RUN, THREE, TWO, ended, plan, planned, prepared, seat, started, state_after, task

PLAN = plan(
    planned(task("T1")),
    planned(task("T2"), agent=TWO),
    planned(task("T3"), agent=THREE),
    planned(task("T4", agents=[TWO]), agent=TWO),
    seats=(seat(ONE, role="backend"), seat(TWO, role="frontend"), seat(THREE)),
)


def after(*events: Event) -> State:
    return state_after(PLAN, *events)


def take(state: State, *events: Event) -> None:
    for event in events:
        fold(state, ev.Entry(state.seq + 1, 99.0, RUN, event))


def fewer(state: State, wanted: int, *, now: bool = False) -> Shaped:
    found = scaling.fewer(PLAN, state, wanted, now=now)
    take(state, *found.events)
    take(state, *scaling.departures(PLAN, state))
    return found


@pytest.mark.parametrize(("wanted", "number"), [("4", 4), ("+2", 5), ("-2", 1)])
def test_a_number_is_meant_or_a_change(wanted: str, number: int) -> None:
    assert scaling.target(wanted, 3) == number


@pytest.mark.parametrize("wanted", ["0", "-3", "501"])
def test_a_number_of_agents_that_no_run_can_have_is_refused(wanted: str) -> None:
    with pytest.raises(Refused):
        scaling.target(wanted, 3)


@pytest.mark.parametrize("wanted", ["x", "", "+", "1.5", "\u0663", "99999"])
def test_what_is_no_number_of_agents_is_wrong_use(wanted: str) -> None:
    with pytest.raises(UsageError):
        scaling.target(wanted, 3)


def test_an_idle_agent_leaves_at_once_and_what_waited_for_it_moves() -> None:
    state = after()

    assert fewer(state, 2).agents == (THREE,)

    assert state.agents[THREE].state is AgentState.STOPPED
    assert (state.tasks["T3"].agent, state.tasks["T3"].state) == (ONE, TaskState.WAITING)
    assert scaling.number_of(PLAN, state, at_once=None) == 2


def test_one_at_work_leaves_when_its_task_is_over_and_the_idle_ones_go_before_it() -> None:
    state = after(prepared("T3.1", agent=THREE), started("T3.1", agent=THREE))

    assert fewer(state, 2).agents == (ONE,)
    assert fewer(state, 1).said == ("agent-3 leaves when T3 is over",)
    assert state.agents[THREE].state is AgentState.WORKING

    take(state, ended("T3.1", "failed", agent=THREE))
    take(state, *scaling.departures(PLAN, state))
    assert (state.agents[THREE].state, state.tasks["T3"].agent) == (AgentState.STOPPED, TWO)


def test_now_has_the_attempt_stopped_uncounted() -> None:
    state = after(prepared("T3.1", agent=THREE), started("T3.1", agent=THREE), prepared("T1.1"), started("T1.1"))

    fewer(state, 2, now=True)

    wish = state.tasks["T3"].wish
    assert wish is not None
    assert (wish.then, wish.to) == ("leave", TWO)
    assert state.tasks["T1"].wish is None


def test_who_leaves_when_its_task_is_over_can_be_hastened_once() -> None:
    state = after(prepared("T3.1", agent=THREE), started("T3.1", agent=THREE), prepared("T1.1"), started("T1.1"))
    assert scaling.hasten(PLAN, state, 2) is None
    assert fewer(state, 2).said == ("agent-3 leaves when T3 is over",)

    hastened = scaling.hasten(PLAN, state, 2)
    assert hastened is not None
    assert (hastened.agents, [kind(event) for event in hastened.events]) == ((THREE,), ["AttemptRecalled"])
    take(state, *hastened.events)
    assert scaling.hasten(PLAN, state, 2) is None

    take(state, ended("T3.1", "stopped", agent=THREE))
    take(state, *scaling.departures(PLAN, state), *shaping.due(PLAN, state, PLAN.tasks))
    assert (state.agents[THREE].state, state.tasks["T3"].agent) == (AgentState.STOPPED, TWO)


def test_who_works_beyond_the_number_that_may_is_hastened_too() -> None:
    state = after(prepared("T3.1", agent=THREE), started("T3.1", agent=THREE), prepared("T1.1"), started("T1.1"))
    take(state, ev.RunScaled(agents=1))

    hastened = scaling.hasten(PLAN, state, 1)

    assert hastened is not None
    assert [kind(event) for event in hastened.events] == ["RunScaled", "AttemptRecalled", "AttemptRecalled"]
    take(state, *hastened.events)
    assert scaling.hasten(PLAN, state, 1) is None


def test_who_alone_may_do_what_is_left_stays() -> None:
    state = after()
    assert fewer(state, 1).agents == (THREE, ONE)
    assert state.agents[TWO].state is AgentState.IDLE

    only = plan(planned(task("A", agents=[ONE])), planned(task("B", agents=[TWO]), agent=TWO))
    with pytest.raises(Refused, match="too few would be left"):
        scaling.fewer(only, state_after(only), 1)


def test_who_could_do_nothing_of_what_is_left_does_not_join() -> None:
    for_one = plan(planned(task("A", agents=[ONE])), planned(task("B", agents=[TWO]), agent=TWO))
    for_all = plan(planned(task("A", agents=[ONE])), planned(task("B"), agent=TWO))
    _, new = scaling.joining(for_one, state_after(for_one), 3)

    with pytest.raises(Refused, match="agent-3 could do none of what is left: A, B name who may do them"):
        scaling.require_work(for_one, state_after(for_one), new)
    scaling.require_work(for_all, state_after(for_all), new)


def test_who_has_left_comes_back_before_a_new_one_joins_and_a_new_one_is_like_the_busiest() -> None:
    state = after()
    fewer(state, 2)

    back, new = scaling.joining(PLAN, state, 5)

    assert back == [THREE]
    assert [(one.id, one.role, one.owns) for one in new] == [("agent-4", "backend", ()), ("agent-5", "backend", ())]
    take(state, ev.AgentAdded(agent=THREE, role="general"))
    assert (state.agents[THREE].state, scaling.joining(PLAN, state, 3)) == (AgentState.IDLE, ([], []))
