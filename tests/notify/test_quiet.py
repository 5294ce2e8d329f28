from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.notify.quiet import quiet_until
from orchestrator.text.quantities import parse_hours

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = (22 * 60, 7 * 60)


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()


@pytest.mark.parametrize(
    ("now", "over"),
    [
        ("2026-11-26 21:59", None),
        ("2026-11-26 22:00", "2026-11-27 07:00"),
        ("2026-11-27 03:00", "2026-11-27 07:00"),
        ("2026-11-27 06:59", "2026-11-27 07:00"),
        ("2026-11-27 07:00", None),
        ("2026-03-28 23:00", "2026-03-29 07:00"),  # the night in which clocks are put forward
    ],
)
def test_a_night_ends_in_the_morning_by_the_clock_on_the_wall(now: str, over: str | None) -> None:
    assert quiet_until(NIGHT, at(now), zone=BERLIN) == (None if over is None else at(over))


def test_hours_within_a_day_end_on_it() -> None:
    assert quiet_until((12 * 60, 14 * 60), at("2026-11-26 13:30"), zone=BERLIN) == at("2026-11-26 14:00")
    assert quiet_until(None, at("2026-11-26 13:30")) is None


@given(st.integers(0, 1439), st.integers(1, 1439), st.floats(0, 2e9))
def test_at_the_end_of_quiet_hours_it_is_not_quiet_any_more(start: int, length: int, now: float) -> None:
    hours = (start, (start + length) % 1440)
    over = quiet_until(hours, now, zone=ZoneInfo("UTC"))

    assert over is None or (0 < over - now <= length * 60 and quiet_until(hours, over, zone=ZoneInfo("UTC")) is None)


@pytest.mark.parametrize("wrong", ["22..7", "22:00", "24:00..07:00", "07:00..07:00", "1:00..2:00..3:00", "22:60..23:00", ""])
def test_what_is_no_span_of_a_day_is_told_with_an_example(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"22:00\.\.07:00"):
        parse_hours(wrong)
