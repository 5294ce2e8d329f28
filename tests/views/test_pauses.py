import math

import pytest

from orchestrator import events as ev
from orchestrator.views.pauses import pauses
from orchestrator.views.wall import wall_of
from tests.support.builders import ended, entries, prepared, run_started, started

PAUSED, STOPPED, ON = ev.WorkPaused(now=False), ev.WorkPaused(now=True), ev.WorkResumed(reason="x")
BEGUN = ((0.0, run_started()), (1.0, prepared()), (2.0, started()))
DONE = ev.TaskDone(task="T1", attempt="T1.1", checked=False)
History = tuple[tuple[float, ev.Event], ...]


@pytest.mark.parametrize(
    ("history", "spans"),
    [
        (((0.0, run_started()), (5.0, PAUSED), (9.0, ON)), [(5.0, 9.0)]),
        ((*BEGUN, (5.0, PAUSED), (9.0, ON)), []),  # its attempt was at work all the time
        ((*BEGUN, (5.0, PAUSED), (6.0, ended()), (7.0, DONE), (9.0, ON)), [(7.0, 9.0)]),
        ((*BEGUN, (5.0, PAUSED), (6.0, ended()), (9.0, ON)), []),  # its result was being judged
        ((*BEGUN, (5.0, STOPPED), (6.0, ended(outcome="stopped")), (9.0, ON)), [(6.0, 9.0)]),
        ((*BEGUN, (4.0, ended()), (5.0, STOPPED), (9.0, ON)), [(5.0, 9.0)]),  # its check was broken off
        (
            ((0.0, run_started()), (5.0, PAUSED), (8.0, ev.StopRequested(reason="x")), (9.0, ev.RunPaused(reason="x"))),
            [(5.0, 8.0)],
        ),
        (((0.0, run_started()), (5.0, PAUSED), (7.0, ev.Noticed(text="x")), (9.0, ev.RunResumed(reason="x"))), [(5.0, 7.0)]),
        (((0.0, run_started()), (5.0, PAUSED)), [(5.0, math.inf)]),
        (
            ((0.0, run_started()), (5.0, PAUSED), (7.0, STOPPED), (9.0, ON), (11.0, PAUSED), (12.0, ON)),
            [(5.0, 9.0), (11.0, 12.0)],
        ),
    ],
)
def test_a_pause_counts_from_when_nothing_is_under_way(history: History, spans: list[tuple[float, float]]) -> None:
    assert list(pauses(entries(*history))) == spans


def test_a_pause_is_no_part_of_the_time_of_a_run() -> None:
    rows = entries((0.0, run_started()), (5.0, PAUSED), (9.0, ON), (10.0, prepared()))

    assert wall_of(rows, now=20.0).seconds == 16.0
    assert wall_of(entries((0.0, run_started()), (5.0, PAUSED)), now=20.0).seconds == 5.0
