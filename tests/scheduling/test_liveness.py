import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.platform import asleep
from orchestrator.scheduling.liveness import BUSY, LATE, LOOKS, Pulse, Sign

AFTER = 600.0


@pytest.mark.parametrize("sign", Sign)
def test_every_kind_of_sign_is_life(sign: Sign) -> None:
    pulse = Pulse(started=0.0)
    pulse.beat(sign, 500.0)

    assert not pulse.is_silent(AFTER, 1099.9)
    assert pulse.is_silent(AFTER, 1100.0)


def test_the_start_is_the_first_sign_of_life() -> None:
    pulse = Pulse(started=100.0)

    assert not pulse.is_silent(AFTER, 699.9)
    assert pulse.is_silent(AFTER, 700.0)


def test_a_silent_process_tree_that_computes_is_alive() -> None:
    pulse = Pulse(started=0.0)
    pulse.look(cpu=AFTER * BUSY * 1.1, now=AFTER)

    assert not pulse.is_silent(AFTER, AFTER)


def test_an_idle_event_loop_is_no_life() -> None:
    pulse = Pulse(started=0.0)
    for look in range(1, 5):
        pulse.look(cpu=look * 150 * BUSY * 0.5, now=look * 150.0)

    assert pulse.is_silent(AFTER, AFTER)


def test_a_process_tree_that_shrank_is_compared_with_what_is_left() -> None:
    pulse = Pulse(started=0.0)
    pulse.look(cpu=100.0, now=100.0)
    pulse.look(cpu=10.0, now=200.0)
    assert pulse.silent_since() == 100.0

    pulse.look(cpu=20.0, now=300.0)
    assert pulse.silent_since() == 300.0


def test_two_looks_at_once_say_nothing() -> None:
    pulse = Pulse(started=0.0)
    pulse.look(cpu=5.0, now=0.0)

    assert pulse.silent_since() == 0.0


def test_a_suspend_restarts_the_clocks_whichever_clock_shows_it() -> None:
    late, slept = Pulse(started=0.0), Pulse(started=0.0)

    late.woke(150.0, 30_000.0)
    slept.woke(150.0, 150.0, slept=30_000.0)

    assert not late.is_silent(AFTER, 30_000.0)
    assert late.is_silent(AFTER, 30_000.0 + AFTER)
    assert slept.silent_since() == 150.0


def test_an_alarm_that_rings_in_time_restarts_nothing() -> None:
    pulse = Pulse(started=0.0)

    pulse.woke(600.0, 600.0 + LATE, slept=LATE)

    assert pulse.is_silent(AFTER, 600.0 + LATE)


def test_cpu_time_from_before_a_suspend_is_no_life_after_it() -> None:
    pulse = Pulse(started=0.0)
    pulse.look(cpu=100.0, now=100.0)
    pulse.restart(5000.0)
    pulse.look(cpu=100.0, now=5100.0)

    assert pulse.silent_since() == 5000.0


@given(st.lists(st.tuples(st.floats(0, 900), st.booleans(), st.floats(0, 50)), max_size=8), st.floats(0.5, 900))
def test_the_next_look_comes_after_the_last_and_never_after_the_deadline(
    steps: list[tuple[float, bool, float]], after: float
) -> None:
    pulse, now, cpu = Pulse(started=0.0), 0.0, 0.0
    for pause, beats, used in steps:
        now += pause
        cpu += used
        pulse.look(cpu, now)
        if beats:
            pulse.beat(Sign.OUTPUT, now)
        if not pulse.is_silent(after, now):
            assert now < pulse.next_look(after) <= min(pulse.silent_since() + after, now + after / LOOKS + 1e-9)


def test_the_evidence_names_what_was_seen_and_what_was_not() -> None:
    pulse = Pulse(started=0.0)
    pulse.beat(Sign.OUTPUT, 90.0)
    pulse.look(cpu=0.25, now=95.0)

    said = pulse.evidence(100.0)

    assert said == "start 100 s ago, output 10 s ago, no CPU time, no file write, no request; tree used 0.25 s of CPU"


def test_the_system_tells_how_long_it_slept_and_it_does_not_sleep_now() -> None:
    before = asleep()

    assert before >= 0.0
    assert asleep() - before < LATE
