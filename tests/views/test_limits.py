"""What people read of limits."""

import pytest

from orchestrator import events as ev
from orchestrator.events import Event
from orchestrator.scheduling.limits import UNLIMITED, Limits, Reached
from orchestrator.text.quantities import parse_count, parse_duration, parse_money
from orchestrator.views.attention import attention
from orchestrator.views.changes import change_line
from orchestrator.views.figures import measure
from orchestrator.views.limits import attention_lines, limit_lines, limits_json, way_out
from orchestrator.views.status import agent_state, render_status, status_json
from tests.support.builders import (
    ONE,
    PAIR,
    asks,
    consumed,
    ended,
    entries,
    plan,
    planned,
    prepared,
    run_started,
    seat,
    started,
    state_after,
    task,
)

HELD = ev.LimitReached(limit="usage", agent=ONE, adapter="claude", until=500.0, margin=60.0)
MONEY = ev.LimitReached(limit="money", used=20.5, allowed=20.0, unit="USD")
TIME = ev.LimitReached(limit="time", used=28200.0, allowed=28800.0, unit="s")
SPENT = ev.LimitReached(limit="money_per_task", used=3.25, allowed=3.0, unit="USD", task="T1")


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (HELD, "agent-1 is held by the usage limit of claude until 1970-01-01 00:09:20 UTC"),
        (
            ev.LimitReached(limit="usage", agent=ONE, adapter="claude", until=500.0, instead="codex"),
            "agent-1 is held by the usage limit of claude until 1970-01-01 00:08:20 UTC, goes on with codex",
        ),
        (
            ev.LimitReached(limit="usage", agent=ONE),
            "agent-1 is held by the usage limit of its provider (no reset was told) until 1970-01-01 00:05:01 UTC",
        ),
        (ev.LimitReached(limit="usage", agent=ONE, until=float("nan")), "1970-01-01 00:05:01 UTC"),
        (MONEY, "limit money is reached: 20.5 of 20 USD used; nothing more is started"),
        (TIME, "limit time is reached: 7h50m of 8h used; nothing more is started"),
        (SPENT, "T1 has reached limit money_per_task: 3.25 of 3 USD used"),
    ],
)
def test_each_limit_is_told_in_one_line(event: Event, line: str) -> None:
    assert line in change_line(PAIR, entries(event)[0])


def test_the_report_tells_what_is_used_of_each_limit() -> None:
    limits = Limits(time=7200.0, money=20.0, money_per_task=3.0, tokens=5_000_000, attempts=9)
    state = state_after(
        PAIR, (0.0, run_started()), (1.0, prepared()), (2.0, started()), (3.0, consumed(tokens=1_234_567, money=1.5))
    )

    [line] = limit_lines(state, limits, now=1800.0)
    assert line.startswith("Limits used: time 30m of 2h, money 1.5 of 20 USD, tokens 1.23M of 5M, attempts 1 of 9, ")
    assert line.endswith("money_per_task 1.5 at most of 3 USD")
    assert limits_json(state, limits, now=1800.0)["attempts"] == {"used": 1, "allowed": 9, "unit": "starts"}
    assert list(limit_lines(state, UNLIMITED, now=1800.0)) == []


def test_a_run_at_a_limit_names_the_command_that_goes_on() -> None:
    state = state_after(PAIR, run_started(), MONEY, ev.RunPaused(reason="limit"))

    assert list(attention_lines(state, now=9.0)) == [
        "limit money is reached: 20.5 of 20 USD used (raise it: SQUAD_CONFIG_RUN__LIMITS__MONEY=40 squad resume demo-1)"
    ]
    assert list(attention_lines(state_after(PAIR, run_started(), MONEY), now=9.0)) == [], "it may yet end well"


def test_a_run_at_a_limit_names_it_also_beside_a_question_since_no_answer_helps_before_it_is_raised() -> None:
    state = state_after(PAIR, run_started(), prepared(), started(), asks(), MONEY, ev.RunPaused(reason="limit"))

    needs = status_json(PAIR, state, supervised=False)["needs_you"]

    assert isinstance(needs, list)
    assert [one["what"] for one in needs] == ["limit", "question"]
    assert "limit money is reached: 20.5 of 20 USD used (raise it: " in render_status(PAIR, state, supervised=False, now=9.0)


def test_a_run_at_a_usage_limit_names_the_reset() -> None:
    state = state_after(PAIR, run_started(), HELD, ev.RunPaused(reason="limit"))

    assert list(attention_lines(state, now=9.0)) == [
        "usage limits hold every agent until 1970-01-01 00:09:20 UTC (go on then: squad resume demo-1)"
    ]


def test_a_task_that_was_parked_for_its_money_names_the_limit_to_raise() -> None:
    history = (run_started(), SPENT, ev.TaskParked(task="T1", reason="limit money_per_task: 3.25 of 3 USD used"))

    [need] = attention(entries(*history), PAIR, state_after(PAIR, *history), supervised=True, now=9.0)

    assert "again: SQUAD_CONFIG_RUN__LIMITS__MONEY_PER_TASK=6 squad resume demo-1" in need.help


@pytest.mark.parametrize(
    ("limit", "allowed", "unit"), [("time", 5400.0, "s"), ("tokens", 300_000, "tokens"), ("money", 2.5, "USD")]
)
def test_the_raised_limit_that_is_proposed_can_be_given(limit: str, allowed: float, unit: str) -> None:
    reached = Reached(limit=limit, used=allowed, allowed=allowed, unit=unit)
    value = way_out(reached, "demo-1").split()[0].partition("=")[2]
    read = {"time": parse_duration, "tokens": parse_count, "money": parse_money}[limit]

    assert read(value) == 2 * allowed


def test_the_raised_limit_that_is_proposed_is_more_than_was_used_already() -> None:
    reached = Reached(limit="money", used=7.0, allowed=1.0, unit="USD")

    assert way_out(reached, "demo-1") == "SQUAD_CONFIG_RUN__LIMITS__MONEY=8 squad resume demo-1"


def test_an_agent_is_parked_until_its_limit_is_lifted_and_says_until_when() -> None:
    state = state_after(PAIR, run_started(), HELD)

    assert agent_state(PAIR, state, ONE, supervised=True, now=559.0) == "parked"
    assert agent_state(PAIR, state, ONE, supervised=True, now=560.0) == "idle"
    assert "agent-1 is held by the usage limit of claude until 1970-01-01T00:09:20Z" in render_status(
        PAIR, state, supervised=True, now=100.0
    )
    assert "agent-1 is at its usage limit until" in render_status(PAIR, state, supervised=True, now=100.0)
    assert "limit" not in render_status(PAIR, state, supervised=True, now=560.0)
    agents = status_json(PAIR, state, supervised=True, now=100.0)["agents"]
    assert isinstance(agents, list)
    assert [row["limited"] for row in agents] == [[{"adapter": "claude", "until": "1970-01-01T00:09:20Z"}], []]


def test_only_an_agent_that_cannot_fall_back_idles_for_a_limit() -> None:
    alone = plan(planned(task("T1")), seats=[seat(ONE)])

    def idle(*limits: tuple[float, Event]) -> float:
        rows = entries((0.0, run_started()), *limits, (700.0, ev.Noticed(text="x")))
        return measure(rows, alone, now=700.0).idle.limit_s

    falling_back = ev.LimitReached(limit="usage", agent=ONE, adapter="claude", until=500.0, instead="codex")
    other = ev.LimitReached(limit="usage", agent=ONE, adapter="codex", until=300.0)
    assert idle((100.0, HELD)) == 460.0
    assert idle((100.0, falling_back)) == 0.0
    assert idle((100.0, falling_back), (200.0, other)) == 100.0


def test_what_is_waited_for_a_limit_is_told_after_an_attempt_too() -> None:
    rows = entries((0.0, run_started()), (1.0, prepared()), (2.0, started()), (3.0, HELD), (4.0, ended("T1.1", "limit")))

    assert measure(rows, PAIR, now=100.0).idle.limit_s == 96.0
