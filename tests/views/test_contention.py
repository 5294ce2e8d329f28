"""What locks cost a run, from its events."""

import pytest

from orchestrator import events as ev
from orchestrator.events import Entry, Event
from orchestrator.views.contention import contention, contention_json, contention_lines, percentile
from tests.support.builders import ONE, TWO


def told(*rows: tuple[float, Event]) -> list[Entry]:
    return [Entry(seq, at, "demo-1", event) for seq, (at, event) in enumerate(rows, start=1)]


def granted(path: str, fence: int, *, waited: float = 0.0, declared: bool = False) -> Event:
    return ev.LockGranted(path=path, holder=ONE, fence=fence, waited_s=waited, declared=declared)


def released(path: str, fence: int) -> Event:
    return ev.LockReleased(path=path, holder=ONE, fence=fence, reason="unlocked")


HISTORY = told(
    (0.0, granted("own", 1, declared=True)),
    (1.0, granted("a", 2)),
    (2.0, ev.LockRequested(path="a", holder=TWO, ticket=1)),
    (3.0, ev.LockRefused(path="b", holder=TWO, reason="read-only")),
    (5.0, released("a", 2)),
    (5.0, granted("a", 3, waited=3.0)),
    (6.0, ev.LockRequested(path="b", holder=TWO, ticket=2)),
    (7.0, ev.LockRefused(path="b", holder=TWO, reason="not free within 1 s", ticket=2)),
    (9.0, released("a", 3)),
)


def test_waits_are_of_those_who_asked_and_holds_of_everybody() -> None:
    measured = contention(HISTORY, now=10.0)

    assert (measured.wait_mean_s, measured.wait_p50_s, measured.wait_p95_s) == (1.5, 0.0, 3.0)
    assert (measured.hold_mean_s, measured.hold_p95_s) == (6.0, 10.0)
    assert (measured.grants, measured.waited, measured.refused) == (3, 2, 2)


def test_the_keys_that_were_fought_for_come_first_and_the_others_not_at_all() -> None:
    keys = contention_json(contention(HISTORY, now=10.0))["keys"]

    assert keys == [
        {"path": "a", "grants": 2, "waited": 1, "wait_s": 3.0, "refused": 0, "held_s": 8.0},
        {"path": "b", "grants": 0, "waited": 1, "wait_s": 0.0, "refused": 2, "held_s": 0.0},
    ]


def test_it_is_said_in_a_few_lines() -> None:
    assert contention_lines(contention(HISTORY, now=10.0)) == [
        "lock wait 1.5s mean, 0s p50, 3s p95; held 6s mean, 10s p95; 2 requests refused",
        "  a: 1 waits (3s in all), 0 refused, held 8s",
        "  b: 1 waits (0s in all), 2 refused, held 0s",
    ]


def test_without_locks_nothing_is_said() -> None:
    assert contention_lines(contention([], now=10.0)) == []


@pytest.mark.parametrize(("percent", "value"), [(1, 1.0), (50, 2.0), (75, 3.0), (76, 4.0), (95, 4.0), (100, 4.0)])
def test_a_percentile_is_a_value_that_was_measured(percent: int, value: float) -> None:
    assert percentile([1.0, 2.0, 3.0, 4.0], percent) == value
