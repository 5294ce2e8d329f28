"""What a run may consume: histories held against limits, and whole runs played under them with a virtual clock."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator import events as ev
from orchestrator.events import Event
from orchestrator.fold.limits import UNTOLD
from orchestrator.scheduling.limits import UNLIMITED, Limits, Reached, changes, elapsed, may_begin, reached, spent, time_is_up
from orchestrator.scheduling.scheduler import halted, is_work_left
from orchestrator.state import State, decode, encode
from tests.support.builders import ONE, TWO, consumed, ended, plan, planned, prepared, run_started, started, state_after, task
from tests.support.deciding import next_wake, starts
from tests.support.playing import Play, limited_plays

PAIR = plan(*(planned(task(name), agent=agent) for name, agent in (("T1", ONE), ("T2", TWO), ("T3", ONE), ("T4", TWO))))


def after(*history: Event | tuple[float, Event]) -> State:
    return state_after(PAIR, (0.0, run_started()), *history)


def done(name: str, *, tokens: int = 0, money: float | None = None, adapter: str = "claude") -> Sequence[Event]:
    begun = (prepared(name), started(name, adapter=adapter))
    return *begun, consumed(name, tokens=tokens, money=money), ended(name)


def begun(name: str, adapter: str = "claude") -> Sequence[Event]:
    return prepared(name, agent=TWO, adapter=adapter), started(name, agent=TWO, adapter=adapter)


# each limit


@pytest.mark.parametrize(
    ("limits", "used"),
    [
        (Limits(money=0.5), Reached(limit="money", used=0.5, allowed=0.5, unit="USD")),
        (Limits(money=0.4, currency="EUR"), Reached(limit="money", used=0.5, allowed=0.4, unit="EUR")),
        (Limits(tokens=300), Reached(limit="tokens", used=300, allowed=300, unit="tokens")),
        (Limits(attempts=1), Reached(limit="attempts", used=1, allowed=1, unit="starts")),
        (Limits(money=0.6, tokens=301, attempts=2, time=1e9), None),
        (UNLIMITED, None),
    ],
)
def test_what_was_told_uses_a_limit_up(limits: Limits, used: Reached | None) -> None:
    state = after(*done("T1.1", tokens=300, money=0.5))

    assert reached(state, limits, now=10.0) == used
    assert may_begin(state, limits, now=10.0) is (used is None)


def test_all_tokens_count_fresh_cached_and_output() -> None:
    usage = ev.UsageReported(agent=ONE, task="T1", attempt="T1.1", fresh=1, cached=20, output=300)

    assert after(prepared(), started(), usage).tokens == 321


def test_ten_times_a_tenth_is_one() -> None:
    state = after(*(consumed(money=0.1) for _ in range(10)))

    assert reached(state, Limits(money=1.0), now=99.0) is not None


def test_what_is_told_wrong_never_makes_a_sum_smaller_nor_spoils_it() -> None:
    wrong = (
        consumed(money=-5.0),
        consumed(money=float("nan")),
        consumed(money=float("inf")),
        consumed(tokens=-9),
        consumed("X.1"),
    )
    state = after(prepared(), started(), consumed(money=1.0, tokens=10), *wrong)

    assert (state.money, state.tokens, state.tasks["T1"].money) == (1.0, 10, 1.0)
    assert decode(encode(state)) == state


def test_the_time_closes_for_starts_by_the_reserve_earlier_than_it_is_up() -> None:
    limits, state = Limits(time=100.0, reserve=10.0), after()

    assert [reached(state, limits, now=now) is not None for now in (89.9, 90.0, 100.0)] == [False, True, True]
    assert [time_is_up(state, limits, now=now) for now in (90.0, 99.9, 100.0)] == [False, False, True]
    assert list(changes(state, limits)) == [90.0, 100.0]


def test_time_without_a_supervisor_does_not_count() -> None:
    stopped = after((30.0, ev.RunPaused(reason="stopped")), (500.0, ev.RunResumed(reason="stopped")))
    killed = after((20.0, ev.Noticed(text="x")), (500.0, ev.RunResumed(reason="")), (510.0, ev.Noticed(text="y")))

    assert elapsed(stopped, now=550.0) == 80.0
    assert elapsed(killed, now=550.0) == 70.0
    assert list(changes(stopped, Limits(time=100.0))) == [570.0, 570.0]
    assert elapsed(after((30.0, ev.RunPaused(reason="stopped")), (99.0, ev.Merged(into="main", commit="c"))), now=1e6) == 30.0


def test_a_task_is_spent_by_all_its_attempts_together_also_after_it_was_revived() -> None:
    revived = (ev.TaskParked(task="T1", reason="x"), ev.TaskRevived(task="T1", reason="y"))
    state = after(*done("T1.1", money=1.0)[:-1], ended("T1.1", "failed"), consumed("T1.1", money=2.0), *revived)

    assert spent(state.tasks["T1"], Limits(money_per_task=3.0)) == Reached(
        limit="money_per_task", used=3.0, allowed=3.0, unit="USD"
    )
    assert spent(state.tasks["T1"], Limits(money_per_task=3.1)) is None
    assert spent(state.tasks["T2"], Limits(money_per_task=0.1)) is None


# what is under way counts


def test_what_is_under_way_is_expected_to_consume_what_others_by_the_same_program_did() -> None:
    limits = Limits(money=2.0)
    state = after(*done("T1.1", money=0.8), *begun("T2.1"))

    assert may_begin(state, limits, now=10.0), "0.8 are used, and 0.8 more are expected"
    assert not may_begin(state, Limits(money=1.5), now=10.0)
    assert reached(state, Limits(money=1.5), now=10.0) is None, "it may turn out cheaper"
    assert may_begin(after(*done("T1.1", money=0.8), *begun("T2.1", "codex")), Limits(money=1.5), now=10.0)


def test_what_an_attempt_under_way_has_told_already_is_not_expected_again() -> None:
    state = after(*done("T1.1", tokens=800), *begun("T2.1"), consumed("T2.1", agent=TWO, tokens=700))

    assert may_begin(state, Limits(tokens=1601), now=10.0)
    assert not may_begin(state, Limits(tokens=1600), now=10.0)


def test_a_start_that_is_being_prepared_counts_as_one() -> None:
    state = after(prepared("T1.1"))

    assert may_begin(state, Limits(attempts=2), now=10.0)
    assert not may_begin(state, Limits(attempts=1), now=10.0)
    assert reached(state, Limits(attempts=1), now=10.0) is None, "it may never come to a start"


# whole runs


def check(play: Play) -> None:
    """No attempt begins once a limit is used up: so it is passed by no more than what was under way by then."""
    limits, tokens, money, begun = play.rules.limits, 0, 0.0, 0
    by_task: dict[str, float] = {}
    preparing: set[str] = set()
    for entry in play.history:
        match entry.event:
            case ev.AttemptPrepared(task=name, attempt=attempt):
                assert limits.tokens is None or tokens < limits.tokens
                assert limits.money is None or money < limits.money
                assert limits.attempts is None or begun + len(preparing) < limits.attempts
                assert limits.money_per_task is None or by_task.get(name, 0.0) < limits.money_per_task
                assert limits.time is None or entry.at - 1000.0 < limits.time - limits.reserve
                preparing.add(attempt)
            case ev.AttemptStarted(attempt=attempt):
                begun += 1
                preparing.discard(attempt)
                assert limits.attempts is None or begun <= limits.attempts
            case ev.AttemptEnded(attempt=attempt):
                preparing.discard(attempt)
                assert limits.time is None or entry.at - 1000.0 <= limits.time
            case ev.UsageReported(task=name, fresh=fresh, money=paid):
                tokens, money = tokens + fresh, round(money + (paid or 0.0), 6)
                by_task[name] = by_task.get(name, 0.0) + (paid or 0.0)
            case _:
                pass


def check_usage_limits(play: Play) -> None:
    """Nothing is started against a known limit, and by another adapter only while all before it are limited."""
    known: dict[tuple[str, str], float] = {}
    for entry in play.history:
        match entry.event:
            case ev.AttemptPrepared(agent=agent, adapter=adapter):
                ways = play.rules.ways[ONE if agent == ONE else TWO if agent == TWO else play.plan.agents[2].id]
                open_ways = [name for name in ways if known.get((agent, name), 0.0) <= entry.at]
                assert open_ways[0] == adapter
            case ev.LimitReached(agent=agent, adapter=adapter, until=until):
                told = until is not None and entry.at < until < 1e12
                end = until if told and until is not None else entry.at + UNTOLD
                known[agent, adapter] = max(end, known.get((agent, adapter), 0.0))
            case _:
                pass


@given(play=limited_plays())
def test_a_limit_is_never_passed_by_more_than_what_was_under_way(play: Play) -> None:
    play.run()

    check(play)
    check_usage_limits(play)
    assert not list(starts(play.plan, play.state, play.rules, now=play.now)), "it stopped although something could start"


@pytest.mark.soak
@settings(max_examples=2_000)
@given(play=limited_plays())
def test_many_runs_keep_their_limits(play: Play) -> None:
    play.run()
    check(play)
    check_usage_limits(play)


@given(play=limited_plays())
def test_a_run_that_stands_still_at_a_limit_goes_on_when_it_is_lifted(play: Play) -> None:
    play.run()
    assert not is_work_left(play.plan, play.state) or halted(play.plan, play.state, play.rules, now=play.now)

    play.lift()
    play.run()

    assert not is_work_left(play.plan, play.state), "nothing but a person holds up what is left"


@given(play=limited_plays(), far=st.floats(0, 1e5))
def test_every_moment_at_which_a_limit_begins_or_ends_is_waked_for(play: Play, far: float) -> None:
    play.run()
    now = min(play.now, 1000.0 + far)
    wake = next_wake(play.plan, play.state, play.rules, now=now)
    moments = [moment for moment in changes(play.state, play.rules.limits) if moment > now]
    moments += [limit.until for agent in play.state.agents.values() for limit in agent.limits.values() if limit.until > now]

    assert not moments or (wake is not None and wake <= min(moments))
