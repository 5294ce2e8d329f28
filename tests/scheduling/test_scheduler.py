import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator import events as ev
from orchestrator.claims import any_meets
from orchestrator.events import Event
from orchestrator.fold import fold
from orchestrator.model import AgentId, Plan, PlannedTask, TaskId, TaskState
from orchestrator.scheduling.limits import Limits
from orchestrator.scheduling.scheduler import (
    Climb,
    Fail,
    Park,
    Rules,
    Skip,
    Start,
    Verdict,
    able,
    back_off,
    halted,
    keys_of,
    reset_at,
    stuck,
    waits_for,
    waits_until,
)
from orchestrator.state import initial
from tests.support.builders import (
    ONE,
    RUN,
    THREE,
    TWO,
    ended,
    plan,
    planned,
    prepared,
    run_started,
    seat,
    started,
    state_after,
    task,
)
from tests.support.deciding import next_wake, starts, verdicts
from tests.support.playing import Play, Stuck, plans, plays

RULES = Rules()


def starting(of: Plan, *events: Event | tuple[float, Event], rules: Rules = RULES, now: float = 1e6) -> list[tuple[str, str]]:
    """Give the starts the scheduler offers if nobody takes any."""
    state = state_after(of, *events)
    return [(start.task, start.agent) for start in starts(of, state, rules, now=now)]


def taken(of: Plan, *events: Event, rules: Rules = RULES, now: float = 1e6) -> list[Start]:
    """Give the starts when each is carried out before the next is asked for."""
    state = state_after(of, *events)
    taken: list[Start] = []
    for start in starts(of, state, rules, now=now):
        taken.append(start)
        name = f"{start.task}.{state.tasks[start.task].prepared + 1}"
        fold(state, ev.Entry(state.seq + 1, now, RUN, prepared(name, agent=start.agent)))
    return taken


def verdict_after(of: Plan, *events: Event, rules: Rules = RULES) -> Verdict | None:
    """Give the one verdict that a history leads to."""
    found = list(verdicts(of, state_after(of, *events), rules))
    assert len(found) < 2
    return found[0] if found else None


def attempt(name: str, outcome: str, *, agent: str = ONE, reason: str = "because") -> tuple[Event, ...]:
    return prepared(name, agent=agent), started(name, agent=agent), ended(name, outcome, agent=agent, reason=reason)


def refused(name: str, cause: str, *, agent: str = ONE, counted: bool = True) -> tuple[Event, ...]:
    task = name.rpartition(".")[0]
    refusal = ev.ResultRefused(task=task, agent=agent, attempt=name, cause=cause, reason="because", counted=counted)
    return *attempt(name, "done", agent=agent), refusal


def done(name: str, *, agent: str = ONE) -> tuple[Event, ...]:
    task = name.rpartition(".")[0]
    return *attempt(name, "done", agent=agent), ev.TaskDone(task=task, attempt=name, checked=True)


SINGLE = plan(planned(task("T1")))
ALONE = plan(planned(task("T1")), seats=[seat(ONE)])


# order and agents


def test_the_longest_remaining_path_starts_first_and_ties_keep_the_order_of_the_document() -> None:
    of = plan(*(planned(task(name), tail=tail) for name, tail in (("A", 5), ("B", 9), ("C", 5))), seats=[seat(ONE)])

    assert starting(of) == [("B", ONE), ("A", ONE), ("C", ONE)]


def test_a_task_goes_to_its_owner_and_what_is_left_to_whoever_is_idle() -> None:
    of = plan(planned(task("A"), agent=TWO), planned(task("B"), agent=TWO), planned(task("C"), agent=ONE))

    assert [(start.task, start.agent, start.moved) for start in taken(of)] == [("A", TWO, False), ("C", ONE, False)]
    assert [(start.task, start.agent, start.moved) for start in taken(of, *done("C.1"))] == [("A", TWO, False), ("B", ONE, True)]


def test_work_does_not_move_to_an_agent_without_its_skills() -> None:
    seats = [seat(ONE, role="backend"), seat(TWO, skills=["CSS"]), seat(THREE)]
    of = plan(planned(task("A", skills=["css"]), agent=ONE), seats=seats)

    assert able(of, of.tasks[0], initial(RUN, of).tasks["A"]) == (ONE, TWO)


def test_only_listed_agents_do_a_task_by_id_or_by_role() -> None:
    seats = [seat(ONE, role="backend"), seat(TWO, role="frontend"), seat(THREE, role="frontend")]
    of = plan(planned(task("A", agents=["frontend"]), agent=TWO), planned(task("B", agents=["agent-1"])), seats=seats)
    state = initial(RUN, of)

    assert able(of, of.tasks[0], state.tasks["A"]) == (TWO, THREE)
    assert able(of, of.tasks[1], state.tasks["B"]) == (ONE,)


def test_a_task_whose_agents_are_named_by_role_is_started() -> None:
    of = plan(planned(task("A", agents=["backend"])), seats=[seat(ONE, role="backend")])

    assert starting(of) == [("A", ONE)]


def test_no_more_agents_work_at_once_than_the_rules_allow() -> None:
    of = plan(*(planned(task(name), agent=agent) for name, agent in (("A", ONE), ("B", TWO))))

    assert [start.task for start in taken(of, rules=Rules(agents=1))] == ["A"]
    assert [start.task for start in taken(of, rules=Rules(agents=2))] == ["A", "B"]


def test_a_task_with_unmet_needs_does_not_start() -> None:
    of = plan(planned(task("A")), planned(task("B", needs=["A"])), planned(task("C", needs=["Z"])), done=["Z"])

    assert starting(of) == [("A", ONE), ("C", ONE), ("A", TWO), ("C", TWO)]
    assert starting(of, *attempt("A.1", "done")) == [("C", TWO)]
    assert [name for name, _ in starting(of, *done("A.1"))] == ["B", "C", "B", "C"]


def test_an_agent_at_its_limit_is_given_nothing_until_it_is_lifted() -> None:
    limit = (100.0, ev.LimitReached(limit="usage", agent=ONE, until=500.0))

    assert starting(ALONE, limit, now=499.0) == []
    assert next_wake(ALONE, state_after(ALONE, limit), RULES, now=499.0) == 500.0
    assert starting(ALONE, limit, now=500.0) == [("T1", ONE)]


def test_a_task_whose_agent_is_at_its_limit_is_taken_up_by_another_and_else_waits_for_it() -> None:
    begun = (prepared("T1.1"), started("T1.1"))
    limit = ev.LimitReached(limit="usage", agent=ONE, until=5000.0)

    assert starting(SINGLE, *begun, limit, ended("T1.1", "limit"), now=100.0) == [("T1", TWO)]
    assert starting(SINGLE, *begun, ended("T1.1", "stopped"), now=100.0) == [("T1", ONE)]


@pytest.mark.parametrize("until", [None, float("nan"), float("inf"), 50.0, -1.0])
def test_a_limit_without_a_believable_end_does_not_start_the_agent_again_at_once_nor_never(until: float | None) -> None:
    limit = (100.0, ev.LimitReached(limit="usage", agent=ONE, until=until))
    wake = next_wake(ALONE, state_after(ALONE, limit), RULES, now=100.0)

    assert starting(ALONE, limit, now=100.0) == []
    assert wake is not None
    assert 100.0 < wake < 100.0 + 9 * 86400.0
    assert starting(ALONE, limit, now=wake) == [("T1", ONE)]


def test_an_agent_falls_back_while_it_is_limited_and_comes_back_after_the_reset() -> None:
    rules = Rules(ways={ONE: ("claude", "codex")})
    limits = [
        (100.0, ev.LimitReached(limit="usage", agent=ONE, adapter="claude", until=500.0)),
        (110.0, ev.LimitReached(limit="usage", agent=ONE, adapter="codex", until=300.0)),
    ]

    def by(*history: tuple[float, Event], now: float) -> list[str]:
        return [start.adapter for start in starts(ALONE, state_after(ALONE, *history), rules, now=now)]

    assert by(now=90.0) == ["claude"]
    assert by(limits[0], now=150.0) == ["codex"]
    assert by(*limits, now=150.0) == []
    assert by(*limits, now=300.0) == ["codex"]
    assert by(*limits, now=500.0) == ["claude"]


def test_a_begun_task_stays_with_an_agent_that_can_fall_back() -> None:
    begun = (prepared("T1.1"), started("T1.1"))
    limit = ev.LimitReached(limit="usage", agent=ONE, adapter="claude", until=5000.0)
    rules = Rules(ways={ONE: ("claude", "codex"), TWO: ("claude",)})

    assert starting(SINGLE, *begun, limit, ended("T1.1", "limit"), rules=rules, now=100.0) == [("T1", ONE)]


def test_a_run_stands_still_for_a_reset_only_if_nothing_else_could_start() -> None:
    of = plan(planned(task("A"), agent=ONE), planned(task("B", agents=["agent-1"])), planned(task("C", needs=["A"])))
    one, two = (ev.LimitReached(limit="usage", agent=agent, until=until) for agent, until in ((ONE, 500.0), (TWO, 300.0)))
    waiting, ending = RULES, Rules(waits=False)

    assert reset_at(of, state_after(of, one), RULES, now=100.0) is None, "A could be done by the other agent"
    assert reset_at(of, state_after(of, one, two), RULES, now=100.0) == 300.0
    assert [halted(of, state_after(of, one, two), rules, now=100.0) for rules in (waiting, ending)] == [False, True]
    assert not halted(of, state_after(of, one, two), Rules(waits=False), now=301.0)
    assert halted(of, state_after(of, (0.0, run_started()), one, two), Rules(limits=Limits(time=200.0)), now=100.0)


def test_a_result_that_overlapped_is_done_again_under_locks_on_what_it_wrote() -> None:
    of = plan(planned(task("T1", locks=["op:x"]), locks=["op:x"]))
    refusal = ev.ResultRefused(task="T1", agent=ONE, attempt="T1.1", cause="overlap", reason="", counted=False)
    begun = (prepared("T1.1"), started("T1.1"))
    few, many = ["b", "a/c"], [f"a/{number}" for number in range(50)]

    assert keys_of(state_after(of), of.tasks[0]) == ("op:x",)
    assert keys_of(state_after(of, *begun, ended(paths=few), refusal), of.tasks[0]) == (
        "a/c",
        "b",
        "op:x",
    )
    assert keys_of(state_after(of, *begun, ended(paths=many), refusal), of.tasks[0]) == ("a", "op:x")
    assert keys_of(state_after(of, *begun, ended(outcome="failed", paths=few)), of.tasks[0]) == ("op:x",)


# waiting before a restart


def test_the_back_off_doubles_up_to_the_most_less_up_to_half() -> None:
    for failures, full in ((1, 1.0), (2, 2.0), (3, 4.0), (7, 60.0), (10_000, 60.0)):
        waits = {back_off(f"T{number}.1", failures, (1.0, 60.0)) for number in range(50)}
        assert full / 2 < min(waits) <= max(waits) <= full
        assert len(waits) == 50


def test_a_failed_task_waits_before_its_next_attempt_and_the_wake_is_the_end_of_the_wait() -> None:
    history = attempt("T1.1", "failed")
    state = state_after(ALONE, *history)
    until = waits_until(state.tasks["T1"], RULES)

    assert starting(ALONE, *history, now=until - 0.01) == []
    assert next_wake(ALONE, state, RULES, now=until - 0.01) == until
    assert starting(ALONE, *history, now=until) == [("T1", ONE)]
    assert next_wake(ALONE, state, RULES, now=until) is None


def test_what_squads_own_death_ended_starts_again_at_once() -> None:
    assert starting(SINGLE, *attempt("T1.1", "stopped"), now=3.0) == [("T1", ONE)]


@pytest.mark.parametrize("rules", [Rules(per_agent=(2, 600.0)), Rules(fleet=(2, 600.0))])
def test_restarts_stay_inside_the_budget_and_the_wake_is_its_end(rules: Rules) -> None:
    names = ("A", "B", "C")
    of = plan(*(planned(task(name)) for name in names), seats=[seat(ONE)])
    history: list[Event] = [event for name in names for event in attempt(f"{name}.1", "failed")]
    history += [event for name in names[:2] for event in attempt(f"{name}.2", "failed")]
    restarts = [10.0, 13.0]

    assert state_after(of, *history).agents[ONE].starts == restarts
    assert starting(of, *history, rules=rules, now=restarts[0] + 599.9) == []
    assert next_wake(of, state_after(of, *history), rules, now=restarts[0] + 599.9) == restarts[0] + 600.0
    assert {name for name, _ in starting(of, *history, rules=rules, now=restarts[0] + 600.0)} == set(names)


def test_a_first_start_is_no_restart_and_costs_no_budget() -> None:
    assert (
        state_after(SINGLE, *attempt("T1.1", "stopped"), *attempt("T1.2", "stopped"), prepared("T1.3")).agents[ONE].starts == []
    )


def test_a_budget_of_nothing_counts_as_one() -> None:
    rules = Rules(per_agent=(0, 600.0), fleet=(0, 600.0))

    assert starting(ALONE, *attempt("T1.1", "failed"), rules=rules) == [("T1", ONE)]


# verdicts


def test_a_task_fails_for_good_at_the_ceiling() -> None:
    history = [*attempt("T1.1", "failed", reason="a"), *attempt("T1.2", "crashed", reason="b")]

    assert verdict_after(SINGLE, *history) is None
    assert verdict_after(SINGLE, *history, *attempt("T1.3", "unchanged", reason="c")) == Fail(task=TaskId("T1"), reason="c")


def test_a_refused_result_counts_against_the_ceiling() -> None:
    assert isinstance(verdict_after(SINGLE, *refused("T1.1", "check"), rules=Rules(attempts=1)), Fail)


@pytest.mark.parametrize("outcome", ["stopped", "limit"])
def test_what_is_not_the_tasks_fault_never_fails_it(outcome: str) -> None:
    history = [event for number in range(1, 9) for event in attempt(f"T1.{number}", outcome)]

    assert verdict_after(SINGLE, *history) is None


def test_a_result_that_overlaps_is_done_again_as_often_as_it_takes() -> None:
    history = [event for number in range(1, 9) for event in refused(f"T1.{number}", "overlap", counted=False)]

    assert verdict_after(SINGLE, *history) is None


def test_an_environment_that_fails_again_and_again_needs_a_person() -> None:
    history = [event for number in (1, 2) for event in attempt(f"T1.{number}", "environment")]
    refusal = refused("T1.3", "environment", counted=False)

    assert verdict_after(SINGLE, *history) is None
    assert verdict_after(SINGLE, *history, *refusal) == Park(task=TaskId("T1"), reason="because")
    assert verdict_after(SINGLE, *history, *attempt("T1.3", "stopped")) is None


def test_a_task_below_a_failed_one_is_skipped_with_the_reason_and_so_on_down() -> None:
    of = plan(planned(task("A")), planned(task("B", needs=["A"])), planned(task("C", needs=["B"])))
    failed = ev.TaskFailed(task="A", reason="x")
    skipped = ev.TaskSkipped(task="B", reason="A failed")

    assert verdict_after(of, failed) == Skip(task=TaskId("B"), reason="A failed")
    assert verdict_after(of, failed, skipped) == Skip(task=TaskId("C"), reason="B skipped")


def test_a_gate_is_parked_when_all_before_it_is_done_and_skipped_when_that_failed() -> None:
    of = plan(planned(task("A")), planned(task("G", gate=True, needs=["A"])))

    assert verdict_after(of) is None
    assert verdict_after(of, *done("A.1")) == Park(task=TaskId("G"), reason="a step for a person")
    assert verdict_after(of, ev.TaskFailed(task="A", reason="x")) == Skip(task=TaskId("G"), reason="A failed")


# the ladder


def test_stalls_climb_restart_reassign_park_once_each() -> None:
    first = attempt("T1.1", "stalled")
    restart = Climb(task=TaskId("T1"), rung="restart", to=ONE, reason="because")
    assert verdict_after(SINGLE, *first) == restart

    second = (*first, _climbed("restart", "T1.1"), *attempt("T1.2", "stalled"))
    reassign = Climb(task=TaskId("T1"), rung="reassign", to=TWO, reason="because")
    assert verdict_after(SINGLE, *second) == reassign

    moved = ev.TaskReassigned(task="T1", from_=ONE, to=TWO, reason="because")
    third = (*second, _climbed("reassign", "T1.2"), moved, *attempt("T1.3", "stalled", agent=TWO))
    assert verdict_after(SINGLE, *third) == Park(task=TaskId("T1"), reason="because", rung=True)


def test_a_verdict_is_given_once_for_each_attempt() -> None:
    assert verdict_after(SINGLE, *attempt("T1.1", "stalled"), _climbed("restart", "T1.1")) is None


def test_after_a_reassignment_only_the_new_agent_does_the_task() -> None:
    moved = ev.TaskReassigned(task="T1", from_=ONE, to=TWO, reason="because")

    assert starting(SINGLE, *attempt("T1.1", "stalled"), _climbed("reassign", "T1.1"), moved) == [("T1", TWO)]


def test_a_reassignment_prefers_an_agent_that_has_nothing_to_do() -> None:
    of = plan(planned(task("T1")), planned(task("T2"), agent=TWO), seats=[seat(ONE), seat(TWO), seat(THREE)])
    rules = Rules(ladder=("reassign",))

    verdict = verdict_after(of, prepared("T2.1", agent=TWO), *attempt("T1.1", "stalled"), rules=rules)

    assert isinstance(verdict, Climb)
    assert verdict.to == THREE


@pytest.mark.parametrize(
    ("ladder", "expected"),
    [
        (("nudge", "interrupt", "restart", "reassign", "park"), ["restart", "park"]),
        (("restart", "park"), ["restart", "park"]),
        (("restart",), ["restart", "failed"]),
        (("park",), ["park"]),
        (("reassign",), ["failed"]),
        (("nudge",), ["failed"]),
        ((), ["failed"]),
    ],
)
def test_a_ladder_that_lacks_rungs_ends_with_one_agent_as_well(ladder: Sequence[str], expected: list[str]) -> None:
    play = Play(ALONE, Rules(ladder=tuple(ladder), attempts=9), random.Random(1), endings=("stalled",))

    play.run()

    rungs = [entry.event.rung for entry in play.history if isinstance(entry.event, ev.RungClimbed)]
    assert rungs + ["failed"] * (play.states()["T1"] is TaskState.FAILED) == expected


def test_no_rung_starts_an_attempt_beyond_the_ceiling() -> None:
    rules = Rules(attempts=1)

    assert verdict_after(SINGLE, *attempt("T1.1", "stalled"), rules=rules) == Park(task=TaskId("T1"), reason="because", rung=True)


def test_the_same_failure_again_and_again_is_a_verdict_that_says_how_often() -> None:
    rules = Rules(attempts=9, same_failure=2)
    history = [*attempt("T1.1", "failed"), *attempt("T1.2", "failed")]

    assert verdict_after(SINGLE, *history[:3], rules=rules) is None
    assert verdict_after(SINGLE, *history, rules=rules) == Climb(
        task=TaskId("T1"), rung="restart", to=ONE, reason="because", same=2
    )
    assert verdict_after(SINGLE, *history[:3], *attempt("T1.2", "failed", reason="another"), rules=rules) is None


def test_a_task_that_fails_with_several_agents_is_parked_also_at_the_ceiling() -> None:
    moved = ev.TaskReassigned(task="T1", from_=ONE, to=TWO, reason="because")
    stalled = [
        *attempt("T1.1", "stalled"),
        _climbed("restart", "T1.1"),
        *attempt("T1.2", "stalled"),
        _climbed("reassign", "T1.2"),
    ]

    verdict = verdict_after(SINGLE, *stalled, moved, *attempt("T1.3", "failed", agent=TWO))

    assert verdict == Park(task=TaskId("T1"), reason="it failed with agent-1 and agent-2: because")


def test_a_conflict_goes_to_its_author_then_to_another_agent_then_to_a_person() -> None:
    first = refused("T1.1", "conflict")
    assert verdict_after(SINGLE, *first) is None

    second = (*first, *refused("T1.2", "conflict"))
    assert verdict_after(SINGLE, *second) == Climb(task=TaskId("T1"), rung="reassign", to=TWO, reason="because")
    assert isinstance(verdict_after(ALONE, *second), Park)
    assert isinstance(verdict_after(SINGLE, *first, rules=Rules(attempts=1)), Park)
    overlap = refused("T1.3", "overlap", counted=False)
    assert verdict_after(SINGLE, *second, _climbed("reassign", "T1.2"), *overlap) is None

    moved = ev.TaskReassigned(task="T1", from_=ONE, to=TWO, reason="because")
    third = (*second, _climbed("reassign", "T1.2"), moved, *refused("T1.3", "conflict", agent=TWO))
    assert verdict_after(SINGLE, *third) == Park(task=TaskId("T1"), reason="because")


# the end


def test_a_run_is_stuck_when_all_that_waits_waits_for_a_parked_task() -> None:
    of = plan(planned(task("A")), planned(task("B", needs=["A"])), planned(task("C")))
    parked = ev.TaskParked(task="A", reason="x")

    assert not stuck(of, state_after(of, parked))
    assert not stuck(of, state_after(of, parked, prepared("C.1")))
    assert stuck(of, state_after(of, parked, *done("C.1")))


def test_what_each_waiting_task_waits_for() -> None:
    of = plan(planned(task("A", writes=["x/"])), planned(task("B", needs=["A"])), planned(task("C", writes=["y"])))

    told = waits_for(of, state_after(of), {"x/deep": "agent-2", "y": ONE})

    assert told == {"A": "lock x/deep held by agent-2", "B": "needs A", "C": "can start"}


# whole runs


def play_and_check(play: Play) -> None:
    play.run()
    check_end(play)
    for name, status in list(play.state.tasks.items()):
        if status.state is TaskState.PARKED and not _planned(play, name).task.gate:
            play.record(ev.TaskRevived(task=name, reason="resumed by a person"))
    play.run()
    check_end(play)
    check_history(play)


def check_end(play: Play) -> None:
    """What is left waits for a parked task, directly or not."""
    states = play.states()
    for name in play.left():
        assert states[name] is TaskState.WAITING
        assert any(states[above] is TaskState.PARKED for above in _above(play, name))


def check_history(play: Play) -> None:
    under_way: dict[str, AgentId] = {}
    finished: set[str] = set()
    counted: Counter[str] = Counter()
    rungs: dict[str, list[str]] = {}
    for event in (entry.event for entry in play.history):
        match event:
            case ev.AttemptPrepared(task=name, agent=agent):
                one = _planned(play, name)
                assert name not in finished, "a task was done twice"
                assert set(one.needs) <= finished, "a task started before its needs were met"
                assert agent not in under_way.values(), "an agent has two tasks"
                assert not any(any_meets(one.locks, _planned(play, other).locks) for other in under_way)
                assert not one.task.agents or agent in able(play.plan, one, initial(RUN, play.plan).tasks[name])
                under_way[name] = AgentId(agent)
                assert len(under_way) <= (play.rules.agents or len(play.plan.agents))
            case ev.AttemptEnded(task=name, outcome=outcome):
                counted[name] += outcome in {"failed", "crashed", "stalled", "unchanged", "foreign"}
                if outcome != "done":
                    del under_way[name]
            case ev.ResultRefused(task=name, counted=is_counted):
                counted[name] += is_counted
                del under_way[name]
            case ev.TaskDone(task=name):
                del under_way[name]
                finished.add(name)
            case ev.TaskRevived(task=name):
                counted[name], rungs[name] = 0, []
            case ev.RungClimbed(task=name, rung=rung):
                rungs.setdefault(name, []).append(rung)
            case _:
                pass
        assert all(number <= play.rules.attempts for number in counted.values()), "more attempts than the ceiling"
        assert all(len(set(climbed)) == len(climbed) for climbed in rungs.values()), "a rung was climbed twice"
    begun = Counter(entry.event.task for entry in play.history if isinstance(entry.event, ev.AttemptStarted))
    assert {name: status.attempts for name, status in play.state.tasks.items() if status.attempts} == begun


def _planned(play: Play, name: str) -> PlannedTask:
    return next(one for one in play.plan.tasks if one.task.id == name)


def _above(play: Play, name: str) -> set[str]:
    direct = set(_planned(play, name).needs)
    return direct.union(*(_above(play, need) for need in direct))


@given(play=plays())
def test_every_run_comes_to_its_end_and_keeps_the_rules(play: Play) -> None:
    play_and_check(play)


@pytest.mark.soak
@settings(max_examples=2_000)
@given(play=plays())
def test_many_runs_come_to_their_end_and_keep_the_rules(play: Play) -> None:
    play_and_check(play)


@given(of=plans(), seed=st.integers(0, 99))
def test_a_run_in_which_nothing_goes_wrong_does_every_task_that_waits_for_no_person(of: Plan, seed: int) -> None:
    play = Play(of, RULES, random.Random(seed))

    play.run()

    done = {name for name, state in play.states().items() if state is TaskState.DONE}
    assert done == {
        one.task.id
        for one in of.tasks
        if not one.task.gate and not any(_planned(play, above).task.gate for above in _above(play, one.task.id))
    }


def test_the_play_itself_notices_a_run_that_hangs() -> None:
    nobody = replace(ALONE, agents=())
    with pytest.raises((Stuck, KeyError)):
        Play(nobody, RULES, random.Random(1)).run()


def _climbed(rung: str, name: str) -> ev.RungClimbed:
    return ev.RungClimbed(agent=ONE, task=name.rpartition(".")[0], attempt=name, rung=rung, reason="because")
