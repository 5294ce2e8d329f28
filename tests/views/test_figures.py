from collections.abc import Sequence
from dataclasses import asdict, astuple
from itertools import pairwise
from typing import TypeAlias

import pytest
from hypothesis import given

from orchestrator import events as ev
from orchestrator.events import Entry, Event
from orchestrator.views.figures import measure
from tests.support.builders import (
    ONE,
    PAIR,
    THREE,
    TWO,
    answers,
    asks,
    ended,
    entries,
    granted,
    plan,
    planned,
    prepared,
    run_started,
    seat,
    started,
    task,
)
from tests.support.drawn_runs import THREE_TASKS, runs

Timed: TypeAlias = tuple[float, Event]


def integrated(name: str) -> ev.Integrated:
    return ev.Integrated(task=name, attempt=f"{name}.1", commit="c")


def done(name: str) -> ev.TaskDone:
    return ev.TaskDone(task=name, attempt=f"{name}.1", checked=False)


def attempt(name: str, begin: float, end: float, *, agent: str = ONE) -> list[Timed]:
    return [(begin, prepared(name, agent=agent)), (begin, started(name, agent=agent)), (end, ended(name, agent=agent))]


def result(name: str, at: float) -> list[Timed]:
    return [(at, integrated(name)), (at, done(name))]


def history(*rows: Timed) -> list[Entry]:
    return entries(*sorted(rows, key=lambda row: row[0]))


FULL = history(
    (100.0, run_started()),
    *attempt("T1.1", 110.0, 150.0),
    *attempt("T2.1", 110.0, 190.0, agent=TWO),
    *result("T1", 152.0),
    *result("T2", 200.0),
    (201.0, ev.RunEnded(outcome="done")),
)


def test_speed_up_is_the_work_of_all_attempts_by_the_time_to_the_last_integration() -> None:
    figures = measure(FULL, PAIR, now=9999.0).figures

    assert (figures.wall_s, figures.work_s) == (100.0, 120.0)
    assert figures.speed_up == pytest.approx(1.2)
    assert figures.efficiency == pytest.approx(0.6)
    assert figures.bound_s == 80.0
    assert figures.tasks_per_h_per_agent == pytest.approx(2 * 3600 / 100 / 2)


def test_the_bound_is_the_longest_chain_of_needs_where_that_is_longer_than_the_shared_work() -> None:
    chain = plan(planned(task("T1")), planned(task("T2", needs=["T1"]), agent=TWO))

    assert measure(FULL, chain, now=0.0).figures.bound_s == 120.0


def test_a_run_that_goes_on_claims_no_speed_up_and_is_measured_up_to_now() -> None:
    measured = measure(FULL[:5], PAIR, now=140.0).figures

    assert (measured.wall_s, measured.work_s) == (40.0, 60.0)
    assert (measured.speed_up, measured.efficiency) == (None, None)


def test_a_run_in_which_nothing_was_done_divides_by_nothing() -> None:
    for rows in ([], FULL[:1], [FULL[0], *entries((100.0, ev.RunEnded(outcome="failed")))]):
        figures = measure(rows, PAIR, now=100.0).figures
        assert astuple(figures) == (0.0, 0.0, None, None, 0.0, 0.0, 0.0, 0.0, 0.0, 0, 0, 0.0, 0.0, 0.0, 0.0)


def test_work_after_the_last_integration_makes_no_wonder() -> None:
    rows = history(
        (0.0, run_started()),
        *attempt("T1.1", 0.0, 10.0),
        *result("T1", 10.0),
        (0.0, prepared("T2.1", agent=TWO)),
        (0.0, started("T2.1", agent=TWO)),
        (100.0, ended("T2.1", "failed", agent=TWO)),
        (100.0, ev.TaskFailed(task="T2", reason="x")),
        (100.0, ev.RunEnded(outcome="failed")),
    )

    figures = measure(rows, PAIR, now=500.0).figures

    assert (figures.wall_s, figures.work_s) == (100.0, 110.0)


def test_the_time_without_a_supervisor_is_neither_wall_nor_work() -> None:
    rows = history(
        (0.0, run_started()),
        (0.0, prepared("T1.1")),
        (0.0, started("T1.1")),
        (10.0, ev.AgentReported(agent=ONE, task="T1", message="the last sign before the death")),
        (3610.0, ev.RunResumed(reason="its supervisor was gone")),
        (3611.0, ended("T1.1", "stopped")),
        *attempt("T1.2", 3612.0, 3630.0),
        *result("T1", 3631.0),
        (3631.0, ev.RunEnded(outcome="failed")),
    )

    figures = measure(rows, PAIR, now=9999.0).figures

    assert (figures.wall_s, figures.work_s, figures.dead_s) == (31.0, 29.0, 3600.0)


def test_what_a_person_merges_while_the_run_is_paused_is_no_time_of_the_run() -> None:
    paused: list[Timed] = [
        (0.0, run_started()),
        *attempt("T1.1", 0.0, 10.0),
        *result("T1", 10.0),
        (10.0, ev.RunPaused(reason="x")),
    ]
    merged: list[Timed] = [(500.0, ev.Merged(into="main", commit="c"))]
    resumed: list[Timed] = [(1000.0, ev.RunResumed(reason="x")), *attempt("T2.1", 1000.0, 1005.0), *result("T2", 1005.0)]

    assert measure(history(*paused, *merged), PAIR, now=900.0).figures.wall_s == 10.0
    assert measure(history(*paused, *merged, *resumed), PAIR, now=1005.0).figures.wall_s == 15.0


def test_a_run_that_was_just_resumed_is_no_run_that_is_over() -> None:
    rows = history(
        (0.0, run_started()), (10.0, ev.RunPaused(reason="x")), (20.0, ev.RunResumed(reason="x")), (20.0, granted("a"))
    )

    assert measure(rows, PAIR, now=70.0).figures.wall_s == 60.0


def test_waits_are_those_of_locks_that_were_asked_for() -> None:
    waits = [granted("a", waited=float(number)) for number in range(1, 21)]
    rows = entries(run_started(), granted("b", declared=True), *waits)

    figures = measure(rows, PAIR, now=30.0).figures

    assert (figures.lock_wait_mean_s, figures.lock_wait_p95_s) == (10.5, 19.0)


def test_conflicts_are_foreign_changes_and_failed_merges() -> None:
    foreign = ev.ForeignChangeFound(task="T1", agent=ONE, attempt="T1.1", paths=["x"], ref="r")
    conflict = ev.MergeConflicted(task="T1", agent=ONE, attempt="T1.1", paths=["x"])
    rows = entries((0.0, run_started()), (1.0, foreign), (2.0, conflict))

    figures = measure(rows, PAIR, now=3600.0).figures

    assert (figures.conflicts, figures.conflicts_per_h) == (2, 2.0)


ALONE = plan(planned(task("T1", writes=["a"])), planned(task("T2", writes=["a"])), seats=[seat(ONE)])


@pytest.mark.parametrize(
    ("rows", "cause"),
    [
        ([(0.0, ev.LimitReached(limit="usage", agent=ONE, until=10.0))], "limit"),
        ([(0.0, prepared("T1.1")), (0.0, started("T1.1")), (0.0, ended("T1.1", "crashed"))], "stall"),
        ([(0.0, granted("a", holder=TWO))], "lock"),
        ([(0.0, prepared("T1.1")), (0.0, started("T1.1")), (0.0, ev.LockRequested(path="x", holder=ONE))], "lock"),
        ([(0.0, prepared("T1.1")), (0.0, started("T1.1")), (0.0, asks(waits=True))], "answer"),
        ([(0.0, prepared("T1.1"))], "integration"),
        ([(0.0, prepared("T1.1")), (0.0, started("T1.1")), (0.0, ended("T1.1"))], "integration"),
        ([(0.0, ev.TaskParked(task="T1", reason="x")), (0.0, ev.TaskParked(task="T2", reason="x"))], "needs"),
    ],
)
def test_each_idle_second_has_its_cause(rows: list[Timed], cause: str) -> None:
    idle = measure(history((0.0, run_started()), *rows), ALONE, now=10.0).idle

    assert getattr(idle, f"{cause}_s") == 10.0
    assert sum(astuple(idle)) == 10.0


def test_only_who_does_nothing_else_waits_for_an_answer() -> None:
    begun: list[Timed] = [(0.0, run_started()), (0.0, prepared("T1.1")), (0.0, started("T1.1"))]
    report = ev.AgentReported(agent=ONE, task="T1", message="going on")

    def worked(*rows: Timed) -> float:
        return measure(history(*begun, *rows), ALONE, now=10.0).figures.work_s

    assert worked((0.0, asks())) == 10.0
    assert worked((0.0, asks(waits=True)), (4.0, answers())) == 6.0
    assert worked((0.0, asks(waits=True)), (4.0, report)) == 6.0
    assert worked((0.0, asks(waits=True, kind="permission")), (4.0, report)) == 0.0
    closed = ev.QuestionClosed(id="Q1", agent=ONE, task="T1", how="expired", reason="x")
    assert worked((0.0, asks(waits=True)), (3.0, closed)) == 7.0


def test_checks_are_told_from_the_rest_of_the_way_to_a_result() -> None:
    check = ev.CheckEnded(task="T1", attempt="T1.1", command="c", ok=True, where="combined", log="l", exit=0, seconds=7.0)
    rows = history((0.0, run_started()), *attempt("T1.1", 0.0, 10.0), (18.0, check), *result("T1", 20.0))

    idle = measure(rows, ALONE, now=20.0).idle

    assert (idle.check_s, idle.integration_s) == (7.0, 3.0)


def test_an_agent_for_which_no_task_is_left_idles_for_needs() -> None:
    only_two = plan(planned(task("T1", agents=[TWO], writes=["a"]), agent=TWO))

    assert measure(entries((0.0, run_started())), only_two, now=10.0).idle.lock_s == 0.0


CROWD = plan(planned(task("T1")), planned(task("T2"), agent=TWO), seats=[seat(ONE), seat(TWO), seat(THREE)])
JOINED = ev.AgentAdded(agent=THREE, role="x", like=ONE, plan="p", settings="s")


def test_an_agent_that_joined_was_absent_before_and_is_absent_again_once_it_has_left() -> None:
    rows = history((0.0, run_started()), (4.0, JOINED), (7.0, ev.AgentLeft(agent=THREE)), *attempt("T1.1", 0.0, 10.0))

    assert sum(astuple(measure(rows, CROWD, now=10.0).idle_of[THREE])) == 3.0


def test_an_agent_that_came_back_or_works_was_there_from_the_start_whatever_the_first_event_names() -> None:
    back = (5.0, ev.AgentAdded(agent=THREE, role="x"))
    few = history((0.0, run_started(agents=1)), *attempt("T2.1", 2.0, 8.0, agent=TWO), back, *attempt("T1.1", 0.0, 10.0))

    idle = measure(few, CROWD, now=10.0).idle_of

    assert [sum(astuple(idle[agent])) for agent in (TWO, THREE)] == [4.0, 10.0]


def test_nobody_idles_for_the_back_off_of_a_task_that_a_person_gave_to_another() -> None:
    given = ev.TaskReassigned(task="T1", from_=ONE, to=TWO, reason="x", by="person")
    stopped: list[Timed] = [(0.0, prepared("T1.1")), (0.0, started("T1.1")), (2.0, ended("T1.1", "stopped")), (2.0, given)]
    rows = history((0.0, run_started()), *stopped, *attempt("T2.1", 0.0, 10.0, agent=TWO))

    idle = measure(rows, CROWD, now=10.0).idle_of[ONE]

    assert (idle.stall_s, idle.needs_s) == (0.0, 8.0)


def test_a_task_that_joined_is_waited_for_from_then_on() -> None:
    locks = [(0.0, granted("a", holder=TWO))]
    of = plan(planned(task("T2"), agent=TWO), planned(task("N"), locks=["a"]), seats=[seat(ONE), seat(TWO)])
    added = (6.0, ev.TaskAdded(task="N", agent=ONE, title="x", plan="p"))

    idle = measure(history((0.0, run_started()), *locks, *attempt("T2.1", 0.0, 10.0, agent=TWO), added), of, now=10.0)

    assert (idle.idle_of[ONE].needs_s, idle.idle_of[ONE].lock_s) == (6.0, 4.0)


@given(runs())
def test_work_and_idle_add_up_to_the_time_of_all_agents(run: tuple[list[Entry], float]) -> None:
    rows, now = run
    measured = measure(rows, THREE_TASKS, now=now)
    figures = measured.figures

    assert figures.work_s + sum(astuple(measured.idle)) == pytest.approx(figures.wall_s * 2, abs=1e-4)
    assert all(seconds >= 0 for seconds in astuple(measured.idle))
    assert figures.work_s == pytest.approx(worked_by_hand(rows, now), abs=1e-4)
    assert figures.speed_up is None or figures.speed_up <= 2.0 + 1e-9


@given(runs())
def test_the_time_of_each_agent_is_cut_into_spans_that_follow_each_other(run: tuple[list[Entry], float]) -> None:
    rows, now = run
    measured = measure(rows, THREE_TASKS, now=now)

    for agent in (ONE, TWO):
        spans = [span for span in measured.spans if span.agent == agent]
        worked = sum(span.seconds for span in spans if span.what == "work")
        assert all(first.end <= second.begin for first, second in pairwise(spans))
        assert worked + sum(astuple(measured.idle_of[agent])) == pytest.approx(measured.figures.wall_s, abs=1e-4)
        assert worked == pytest.approx(sum(stint.seconds for stint in measured.stints if stint.agent == agent), abs=1e-4)
    for cause, seconds in asdict(measured.idle).items():
        assert seconds == pytest.approx(sum(asdict(measured.idle_of[agent])[cause] for agent in (ONE, TWO)), abs=1e-4)


def worked_by_hand(rows: Sequence[Entry], now: float) -> float:
    """Work the working time out another way: for each attempt the seconds of its span, less the dead and the waiting ones."""
    last = rows[-1].event
    stops = [row.at for row in rows if isinstance(row.event, ev.AttemptEnded | ev.Integrated)]
    end = (
        rows[-1].at
        if isinstance(last, ev.RunPaused)
        else max(stops, default=rows[-1].at)
        if isinstance(last, ev.RunEnded)
        else now
    )
    total = 0.0
    for first, second in zip([*rows], [*rows[1:], None], strict=True):
        upto = min(second.at if second else end, end)
        if second is not None and isinstance(second.event, ev.RunResumed):
            continue
        total += max(0.0, upto - first.at) * sum(1 for agent in (ONE, TWO) if works(rows, agent, first.seq))
    return total


def works(rows: Sequence[Entry], agent: str, upto: int) -> bool:
    """Tell whether an agent works after an event: its attempt runs, and it waits for no lock and no answer."""
    running, waits, asking = False, False, False
    for row in rows:
        if row.seq > upto:
            break
        match row.event:
            case ev.AttemptStarted(agent=name) if name == agent:
                running, waits, asking = True, False, False
            case ev.AttemptEnded(agent=name) | ev.AttemptPrepared(agent=name) | ev.ResultRefused(agent=name) if name == agent:
                running, waits, asking = False, False, False
            case ev.QuestionAsked(agent=name) | ev.QuestionAnswered(agent=name) if name == agent:
                asking = isinstance(row.event, ev.QuestionAsked)
            case ev.LockRequested(holder=name) if name == agent:
                waits = True
            case ev.LockGranted(holder=name) | ev.LockRefused(holder=name) if name == agent:
                waits = False
            case _:
                pass
    return running and not waits and not asking
