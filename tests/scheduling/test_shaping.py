"""What a person changes of the work: what it comes to, what is refused, and that no order at any moment breaks a run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import events as ev
from orchestrator.errors import Refused, UsageError
from orchestrator.events import Event, kind
from orchestrator.fold import fold
from orchestrator.model import Plan, TaskState
from orchestrator.scheduling import scaling, shaping
from orchestrator.scheduling.front import Front
from orchestrator.scheduling.shaping import Shaped
from orchestrator.state import State, decode, encode, initial
from tests.support.builders import (
    ONE,
    RUN,
    THREE,
    TWO,
    asks,
    ended,
    entries,
    plan,
    planned,
    prepared,
    seat,
    started,
    state_after,
    task,
)
from tests.support.playing import Play, plays

#: T1 <- T2 <- T3, and T4 by itself; T5 is a step for a person.
PLAN = plan(
    planned(task("T1")),
    planned(task("T2", needs=["T1"])),
    planned(task("T3", needs=["T2"]), agent=TWO),
    planned(task("T4", agents=[ONE, TWO])),
    planned(task("T5", gate=True)),
    seats=(seat(ONE), seat(TWO), seat(THREE)),
)
BEGUN = (prepared("T1.1"), started("T1.1"))
FAILED = (
    *BEGUN,
    ended("T1.1", "failed", reason="x"),
    ev.TaskFailed(task="T1", reason="x"),
    ev.TaskSkipped(task="T2", reason="T1 failed"),
    ev.TaskSkipped(task="T3", reason="T2 skipped"),
)


def after(*events: Event) -> State:
    return state_after(PLAN, *events)


def shaped_by(state: State, shaped: Shaped) -> dict[str, TaskState]:
    """Let an order take effect; gives where the tasks stand."""
    for entry in entries(*shaped.events):
        fold(state, ev.Entry(state.seq + 1, entry.at, RUN, entry.event))
    return {name: status.state for name, status in state.tasks.items()}


# retry


def test_a_failed_task_comes_back_with_fresh_counts_and_with_what_was_skipped_because_of_it() -> None:
    state = after(*FAILED)

    found = shaping.retry(PLAN, state, ["T1"])

    assert found.tasks == ("T1", "T2", "T3")
    states = shaped_by(state, found)
    assert {states[name] for name in ("T1", "T2", "T3")} == {TaskState.WAITING}
    one = state.tasks["T1"]
    assert (one.counted, one.failed_with, one.rungs, one.attempts, one.prepared) == (0, [], [], 1, 1)


def test_what_a_person_skipped_stays_skipped_when_what_it_needs_comes_back() -> None:
    state = after(
        *FAILED[:-2], ev.TaskSkipped(task="T2", reason="no", by="person"), ev.TaskSkipped(task="T3", reason="T2 skipped")
    )

    assert shaping.retry(PLAN, state, ["T1"]).tasks == ("T1",)
    assert shaping.retry(PLAN, state, ["T1", "T2"]).tasks == ("T1", "T2", "T3")


def test_a_task_behind_a_failed_one_comes_back_with_it_and_not_alone() -> None:
    with pytest.raises(Refused, match="T3 needs T2, which is skipped") as refused:
        shaping.retry(PLAN, after(*FAILED), ["T3"])
    assert refused.value.hint == "bring both back: squad retry T2"


def test_failed_means_what_failed_or_was_parked_for_it_and_not_what_waits_for_a_person() -> None:
    parked = ev.TaskParked(task="T4", reason="it failed with agent-1 and agent-2")
    gate = ev.TaskParked(task="T5", reason="a step for a person")

    assert shaping.retry(PLAN, after(*FAILED, parked, gate), [], failed=True).tasks == ("T1", "T4", "T2", "T3")
    assert shaping.retry(PLAN, after(gate), [], failed=True) == Shaped(said=("no task has failed",))


def test_who_has_a_task_tried_again_wants_no_answer_to_be_waited_for() -> None:
    asked = (*BEGUN, asks("Q1"), ended("T1.1", "asked"), ev.TaskParked(task="T1", reason="asked: Q1"))
    state = after(*asked)

    states = shaped_by(state, shaping.retry(PLAN, state, ["T1"]))

    assert states["T1"] is TaskState.WAITING
    assert (state.questions["Q1"].state, state.questions["Q1"].how) == ("closed", "refused")


def test_what_is_done_or_a_persons_step_cannot_be_tried_again_and_what_waits_need_not() -> None:
    done = ev.TaskDone(task="T1", attempt="T1.1", checked=True)
    with pytest.raises(Refused, match="T1 is done: there is nothing to try again"):
        shaping.retry(PLAN, after(*BEGUN, ended(), done), ["T1"])
    with pytest.raises(Refused, match="T5 is a step for a person"):
        shaping.retry(PLAN, after(ev.TaskParked(task="T5", reason="x")), ["T5"])

    assert shaping.retry(PLAN, after(*BEGUN), ["T1", "T4"]) == Shaped(said=("T1 is under way already", "T4 waits already"))


# reassign


def test_a_waiting_task_moves_and_stays_with_the_agent_a_person_gave_it_to() -> None:
    state = after()

    found = shaping.reassign(PLAN, state, "T4", "agent-2")
    shaped_by(state, found)

    assert (state.tasks["T4"].agent, state.tasks["T4"].pinned) == (TWO, True)
    assert found.undo == "squad reassign T4 --to agent-1"
    assert shaping.reassign(PLAN, state, "T4", "agent-2") == Shaped(said=("T4 is agent-2's already",))


def test_a_task_that_is_given_to_the_agent_it_waits_for_stays_there_from_then_on() -> None:
    state = after()

    assert shaping.reassign(PLAN, state, "T4", "agent-1").said == ("T4 is agent-1's already, and stays with it",)
    shaped_by(state, shaping.reassign(PLAN, state, "T4", "agent-1"))

    assert state.tasks["T4"].pinned
    assert shaping.reassign(PLAN, state, "T4", "agent-1").events == ()


def test_a_task_under_way_is_recalled_first_and_moves_when_nothing_of_its_attempt_is_left() -> None:
    state = after(*BEGUN)

    states = shaped_by(state, found := shaping.reassign(PLAN, state, "T1", "agent-2"))

    assert [kind(event) for event in found.events] == ["AttemptRecalled"]
    assert (states["T1"], state.tasks["T1"].agent) == (TaskState.RUNNING, ONE)
    assert list(shaping.due(PLAN, state, PLAN.tasks)) == []
    assert "already, as soon as" in shaping.reassign(PLAN, state, "T1", "agent-2").said[0]

    shaped_by(state, Shaped(said=(), events=(ended("T1.1", "stopped"),)))
    moved = tuple(shaping.due(PLAN, state, PLAN.tasks))
    shaped_by(state, Shaped(said=(), events=moved))

    assert (state.tasks["T1"].agent, state.tasks["T1"].counted, state.tasks["T1"].wish) == (TWO, 0, None)
    assert list(shaping.due(PLAN, state, PLAN.tasks)) == []


def test_a_failed_task_that_is_given_to_another_agent_is_tried_again() -> None:
    state = after(*FAILED)

    states = shaped_by(state, shaping.reassign(PLAN, state, "T1", "agent-2"))

    assert (states["T1"], states["T3"], state.tasks["T1"].agent) == (TaskState.WAITING, TaskState.WAITING, TWO)


@pytest.mark.parametrize(
    ("name", "to", "why"),
    [
        ("T4", "agent-3", "agent-3 may not do T4: it is for agent-1, agent-2"),
        ("T2", "agent-1", "T2 is skipped"),
    ],
)
def test_a_task_is_not_given_to_who_may_not_do_it(name: str, to: str, why: str) -> None:
    with pytest.raises(Refused, match=why) as refused:
        shaping.reassign(PLAN, after(*FAILED), name, to)
    assert refused.value.hint


@pytest.mark.parametrize(
    ("name", "to", "why", "hint"),
    [
        ("T4", "agent-9", "there is no agent 'agent-9'", "did you mean 'agent-3'?"),
        ("T9", "agent-1", "there is no task 'T9'", "known: T1, T2, T3, T4, T5"),
        ("T", "agent-1", "'T' may be any of T1, T2, T3, T4, T5", "name one of them"),
    ],
)
def test_a_name_that_nothing_or_several_have_is_no_request(name: str, to: str, why: str, hint: str) -> None:
    with pytest.raises(UsageError, match=why) as refused:
        shaping.reassign(PLAN, after(*FAILED), name, to)
    assert refused.value.hint == hint


def test_who_gets_a_task_while_at_another_is_said_to_begin_after_that() -> None:
    state = after(*BEGUN, prepared("T4.1", agent=TWO), started("T4.1", agent=TWO))

    assert shaping.reassign(PLAN, state, "T1", "agent-2").said[0].endswith("goes on with its work as soon as T4 is over")


def test_a_task_that_is_left_with_its_agent_says_what_takes_that_back() -> None:
    state = after(*BEGUN)
    shaped_by(state, shaping.reassign(PLAN, state, "T1", "agent-2"))

    stays = shaping.reassign(PLAN, state, "T1", "agent-1")

    assert (stays.said, stays.undo) == (("T1 stays with agent-1",), "squad reassign T1 --to agent-2")


def test_a_task_whose_agents_have_all_left_is_not_tried_again_for_nobody() -> None:
    left = (ev.AgentLeft(agent=ONE), ev.AgentLeft(agent=TWO))
    failed = (prepared("T4.1"), started("T4.1"), ended("T4.1", "failed"), ev.TaskFailed(task="T4", reason="x"))

    with pytest.raises(Refused, match="all who may do T4 have left the run") as refused:
        shaping.retry(PLAN, after(*failed, *left), ["T4"])
    assert refused.value.hint == "let agents come back: squad scale +1"


# skip


def test_what_needs_a_task_is_named_before_it_is_skipped_with_it() -> None:
    state = after()

    asked = shaping.skip(PLAN, state, "T1")
    assert (asked.events, asked.asks) == ((), "T2, T3 need T1 and would be skipped too: skip T1?")

    states = shaped_by(state, shaping.skip(PLAN, state, "T1", agreed=True, reason="by hand"))
    assert (states["T1"], state.tasks["T1"].reason) == (TaskState.SKIPPED, "by hand")
    assert shaping.skip(PLAN, state, "T1", agreed=True) == Shaped(said=("T1 is skipped already",))
    assert shaping.skip(PLAN, after(*FAILED), "T2", agreed=True) == Shaped(said=("T2 is skipped already: T1 failed",))


def test_a_task_under_way_is_skipped_when_nothing_of_its_attempt_is_left() -> None:
    state = after(*BEGUN)

    shaped_by(state, shaping.skip(PLAN, state, "T1", agreed=True, reason="by hand"))
    assert shaping.skip(PLAN, state, "T1", agreed=True).events == ()
    shaped_by(state, Shaped(said=(), events=(ended("T1.1", "stopped"),)))

    assert list(shaping.due(PLAN, state, PLAN.tasks)) == [ev.TaskSkipped(task="T1", reason="by hand", by="person")]


def test_a_skip_is_taken_back_before_it_takes_effect() -> None:
    state = after(*BEGUN)

    shaped_by(state, shaping.skip(PLAN, state, "T1", agreed=True))
    shaped_by(state, shaping.retry(PLAN, state, ["T1"]))
    shaped_by(state, Shaped(said=(), events=(ended("T1.1", "stopped"),)))

    assert state.tasks["T1"].state is TaskState.WAITING
    assert list(shaping.due(PLAN, state, PLAN.tasks)) == []


def test_what_has_ended_cannot_be_skipped() -> None:
    with pytest.raises(Refused, match="T1 has failed: there is nothing to skip"):
        shaping.skip(PLAN, after(*FAILED), "T1")


# any order at any moment


def ordered(draw: st.DataObject, play: Play) -> Shaped | None:
    """Give what some order comes to now; None if it is refused."""
    of, state = play.plan, play.state
    name = draw.draw(st.sampled_from([str(one.task.id) for one in of.tasks]))
    to = draw.draw(st.sampled_from([seat.id for seat in of.agents]))
    try:
        match draw.draw(st.sampled_from(["retry", "failed", "reassign", "skip", "fewer", "back"])):
            case "retry":
                return shaping.retry(of, state, [name])
            case "failed":
                return shaping.retry(of, state, [], failed=True)
            case "fewer":
                number = scaling.number_of(of, state, at_once=play.rules.agents)
                target = scaling.target(draw.draw(st.sampled_from(["-1", "1", "2"])), number)
                return scaling.fewer(of, state, target, now=draw.draw(st.booleans())) if target < number else None
            case "back":
                back, _ = scaling.joining(of, state, len(of.agents))
                joined = tuple(ev.AgentAdded(agent=one, role="x") for one in back)
                return Shaped(said=(), events=(ev.RunScaled(agents=len(of.agents)), *joined))
            case "reassign":
                return shaping.reassign(of, state, name, to)
            case _:
                return shaping.skip(of, state, name, agreed=True)
    except Refused:
        return None


def recount(of: Plan, state: State) -> tuple[list[str], list[str], list[str]]:
    front = Front(of)
    return tuple([one.task.id for one in ask(state)] for ask in (front.ready, front.doubtful, front.tried))  # type: ignore[return-value]  # three of them


@given(plays(), st.data())
def test_any_orders_at_any_moment_leave_a_run_that_ends_and_that_the_journal_tells_the_same(
    play: Play, data: st.DataObject
) -> None:
    front = Front(play.plan)
    for _ in range(data.draw(st.integers(1, 12))):
        play.settle()
        play.start()
        if (shaped := ordered(data, play)) is not None:
            play.record(*shaped.events)
            if data.draw(st.booleans()):
                play.stop_recalled()
        known = tuple([one.task.id for one in ask(play.state)] for ask in (front.ready, front.doubtful, front.tried))
        assert known == recount(play.plan, play.state)
        if play.is_under_way and data.draw(st.booleans()):
            play.pass_time()

    play.run()

    state = initial(RUN, play.plan)
    for entry in play.history:
        fold(state, ev.Entry(entry.seq, entry.at, entry.run, ev.decode(ev.encode(entry.event))))
        state = decode(encode(state))
    assert state == play.state
    assert all(status.wish is None for status in state.tasks.values())
