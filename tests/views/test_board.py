import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import events as ev
from orchestrator.events import Event
from orchestrator.model import AgentId, Plan
from orchestrator.views.board import board
from orchestrator.views.changes import change_line
from orchestrator.views.text import columns
from tests.support.builders import (
    ONE,
    TWO,
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
    state_after,
    task,
)

LONG_NAME = AgentId("agent-1-frontend-ui-developer")


def done(name: str) -> ev.TaskDone:
    return ev.TaskDone(task=name, attempt=f"{name}.1", checked=False)


def finished(name: str, begin: float, end: float, *, agent: str = ONE) -> list[tuple[float, Event]]:
    return [
        (begin, prepared(f"{name}.1", agent=agent)),
        (begin, started(f"{name}.1", agent=agent)),
        (end, ended(f"{name}.1", agent=agent)),
        (end, done(name)),
    ]


def many(count: int) -> Plan:
    return plan(*(planned(task(f"T{number}", title="漢字" * number)) for number in range(1, count + 1)))


def shown(of: Plan, *history: Event | tuple[float, Event], now: float = 100.0) -> str:
    return board(of, state_after(of, *history), now=now)


def test_the_table_says_where_each_task_stands_and_what_it_waits_for() -> None:
    of = plan(
        planned(task("T1", writes=["a"])),
        planned(task("T2", writes=["a"]), agent=TWO, locks=["a"]),
        planned(task("T3", needs=["T1"])),
        planned(task("T4"), agent=TWO),
        planned(task("T5")),
    )

    text = shown(of, (10.0, run_started()), (10.0, granted("a/")), (90.0, prepared()), (91.0, started()))

    rows = [" ".join(line.split()) for line in text.splitlines()]
    assert rows == [
        "demo-1 running",
        "▶ T1 Do T1 running agent-1 10s",
        "· T2 Do T2 waiting agent-2 lock a/ held by agent-1",
        "· T3 Do T3 waiting agent-1 needs T1",
        "· T4 Do T4 waiting agent-2 can start",
        "· T5 Do T5 waiting agent-1 waits for agent-1",
        "0 of 5 done, 1m30s so far, no estimate yet",
    ]


@given(st.integers(30, 200), st.integers(4, 60), st.integers(1, 60))
def test_the_table_never_outgrows_its_terminal(width: int, height: int, count: int) -> None:
    of = plan(*many(count).tasks, seats=[seat(LONG_NAME), seat(ONE), seat(TWO)])
    state = state_after(of, run_started(), *finished("T1", 1.0, 2.0), prepared("T2.1") if count > 1 else granted("x"))

    lines = board(of, state, now=5.0, width=width, height=height).rstrip("\n").split("\n")

    assert len(lines) <= height
    assert all(columns(line) <= width for line in lines)


def test_where_there_is_no_room_what_is_under_way_comes_first_and_the_rest_is_counted() -> None:
    of = many(30)
    state = state_after(of, run_started(), *finished("T1", 1.0, 2.0), (3.0, prepared("T30.1")))

    lines = board(of, state, now=5.0, width=80, height=10).splitlines()

    assert any("T30" in line and "running" in line for line in lines)
    assert not any("T1 " in line for line in lines)
    assert lines[-2].strip() == "and 23 more: 22 waiting, 1 done"


def test_a_strangers_text_cannot_draw_on_the_table() -> None:
    of = plan(planned(task("T1", title="\x1b[2J\x1b]0;x\x07title\nsecond")))
    report = ev.AgentReported(agent=ONE, task="T1", message="\x1b[31m\u202emessage\x9b2J")

    text = shown(of, run_started(), prepared(), started(), report)

    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "title second" in text


def test_a_run_that_is_over_claims_no_time_to_come_and_stops_its_clock() -> None:
    of = plan(planned(task("T1")))

    text = shown(of, (0.0, run_started()), *finished("T1", 1.0, 9.0), (10.0, ev.RunEnded(outcome="done")), now=5000.0)

    assert text.splitlines()[-1].strip() == "1 of 1 done, ended 10s after its start"


def test_a_run_without_a_supervisor_is_shown_as_paused() -> None:
    of = plan(planned(task("T1")))
    state = state_after(of, run_started(), prepared(), started())

    text = board(of, state, now=5000.0, supervised=False)

    assert "demo-1  paused" in text
    assert "so far" not in text


FOUR = plan(
    planned(task("T1")),
    planned(task("T2"), agent=TWO),
    planned(task("T3", needs=["T1"])),
    planned(task("T4", needs=["T3"])),
)
TWO_DONE = [(0.0, run_started()), *finished("T1", 0.0, 10.0), *finished("T2", 0.0, 20.0, agent=TWO)]


@pytest.mark.parametrize(
    ("history", "now", "expected"),
    [
        (TWO_DONE[:1], 5.0, "no estimate yet"),
        (TWO_DONE[:5], 12.0, "no estimate yet"),
        (TWO_DONE, 20.0, "20s to 1m more (estimate)"),
        ([*TWO_DONE, (20.0, prepared("T3.1"))], 25.0, "15s to 1m more (estimate)"),
        ([*TWO_DONE, (20.0, prepared("T3.1"))], 120.0, "0s to 5m more (estimate)"),
        ([*TWO_DONE, (21.0, ev.TaskParked(task="T3", reason="x"))], 25.0, "nothing left that could start"),
    ],
)
def test_an_estimate_is_a_range_from_what_was_measured(history: list[tuple[float, Event]], now: float, expected: str) -> None:
    last = shown(FOUR, *history, now=now).splitlines()[-1]

    assert last.endswith(expected)


def test_every_change_is_at_most_one_line_without_control_characters() -> None:
    nasty = "a\nb\x1b[2J"
    rows: list[Event] = [
        ended("T1.1", "failed", reason=nasty),
        asks(text=nasty),
        ev.HandoffRequested(from_=nasty, to=nasty, file=nasty, status=""),
        ev.LockRefused(path=nasty, holder=ONE, reason=nasty),
        ev.ForeignChangeFound(task="T1", agent=ONE, attempt="T1.1", paths=[nasty], ref="r"),
        ev.Noticed(text=nasty),
        ev.TaskFailed(task="T1", reason=nasty),
    ]

    lines = [change_line(many(1), entry) for entry in entries(*rows)]

    assert all(line and line.isprintable() for line in lines)


def test_the_first_line_tells_a_new_run_from_one_that_goes_on() -> None:
    of = plan(planned(task("T1")), planned(task("T2")))
    started_anew, goes_on = entries(run_started(), ev.RunResumed(reason="stopped"))

    assert change_line(of, started_anew) == "run demo-1: Demo, 2 tasks, 2 agents"
    assert change_line(of, goes_on) == "run demo-1 goes on: stopped"


def test_an_attempt_that_is_not_the_first_says_which_it_is() -> None:
    of = plan(planned(task("T1")))

    first = shown(of, (0.0, run_started()), (98.0, prepared("T1.1")), (98.0, started("T1.1")))
    second = shown(of, (0.0, run_started()), (98.0, prepared("T1.2")), (98.0, started("T1.2")))

    assert "2s" in first
    assert "attempt" not in first
    assert "2s (attempt 2)" in second
