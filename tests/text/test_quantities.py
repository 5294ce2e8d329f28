import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.text.quantities import (
    format_count,
    format_duration,
    format_moment,
    parse_count,
    parse_duration,
    parse_money,
    parse_range,
    parse_rate,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10m", 600),
        ("1h30m", 5400),
        ("250ms", 0.25),
        ("1.5h", 5400),
        ("8h", 28800),
        ("2d", 172800),
        ("1s", 1),
        ("0", 0),
        ("0.0", 0),
        ("0s", 0),
        (" 60s ", 60),
        ("3m05s", 185),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["10", "1.5", "600"])
def test_a_number_without_a_unit_is_an_error_that_names_the_units(text: str) -> None:
    with pytest.raises(ValueError, match=f"'{text}' has no unit: write {text}s, {text}m, {text}h or {text}d"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["", "-5s", "5 s", "5w", "m", "1e3s", "10M", "1h30", "inf", "nan", "12:30", "1,5s", "5s5"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        parse_duration(text)


def test_a_duration_that_no_run_can_take_is_an_error_and_not_infinite() -> None:
    with pytest.raises(ValueError, match="hundred years"):
        parse_duration("9" * 400 + "s")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (-1, "0s"),
        (0.0001, "1ms"),
        (0.85, "850ms"),
        (0.9996, "1s"),
        (1, "1s"),
        (1.25, "1.2s"),
        (9.97, "10s"),
        (12, "12s"),
        (59.7, "1m"),
        (185, "3m05s"),
        (3600, "1h"),
        (5400, "1h30m"),
        (90000, "25h"),
        (math.inf, "?"),
        (math.nan, "?"),
    ],
)
def test_durations_for_people(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@given(seconds=st.floats(0.001, 1e9))
def test_a_duration_that_was_written_is_read_back_nearly(seconds: float) -> None:
    assert parse_duration(format_duration(seconds)) == pytest.approx(seconds, rel=0.05, abs=0.0006)


def test_ranges() -> None:
    assert parse_range("1s..60s") == (1.0, 60.0)
    assert parse_range("0 .. 1m") == (0.0, 60.0)


@pytest.mark.parametrize(
    ("text", "why"),
    [("1s", "no range"), ("60s..1s", "ends before"), ("1..60", "no unit"), ("..", "no duration"), ("1s...2s", "no duration")],
)
def test_what_is_no_range(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_range(text)


def test_rates() -> None:
    assert parse_rate("5/10m") == (5, 600.0)
    assert parse_rate("20 / 1h") == (20, 3600.0)


@pytest.mark.parametrize("text", ["5", "/10m", "5/0", "0/10m", "-1/10m", "1.5/10m", "²/10m", "x/10m"])
def test_what_is_no_rate(text: str) -> None:
    with pytest.raises(ValueError, match="no rate"):
        parse_rate(text)


def test_a_rate_per_bare_number_names_the_units() -> None:
    with pytest.raises(ValueError, match="no unit"):
        parse_rate("5/10")


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("300", 300), ("300k", 300_000), ("300K", 300_000), ("5M", 5_000_000), ("1.5M", 1_500_000), ("2G", 2 * 10**9)],
)
def test_counts(text: str, number: int) -> None:
    assert parse_count(text) == number


@pytest.mark.parametrize("text", ["", "k", "-1", "5 M", "1e6", "5T", "1_000", "inf", "nan", "5MM", "1,5M", "٣"])
def test_what_is_no_count(text: str) -> None:
    with pytest.raises(ValueError, match="no count: expected a number such as 5000, 300k or 5M"):
        parse_count(text)


def test_a_count_in_minutes_is_an_error_that_names_millions() -> None:
    with pytest.raises(ValueError, match="'5m' reads like minutes: write 5M"):
        parse_count("5m")


@given(st.integers(0, 10**14))
def test_a_count_that_was_written_is_read_back_within_a_hundredth(number: int) -> None:
    assert parse_count(format_count(number)) == pytest.approx(number, rel=0.01)


@pytest.mark.parametrize(("text", "amount"), [("20", 20.0), ("2.50", 2.5), (" 3 ", 3.0), ("0", 0.0)])
def test_money(text: str, amount: float) -> None:
    assert parse_money(text) == amount


@pytest.mark.parametrize("text", ["", "20 USD", "$20", "-1", "1e3", "inf", "nan", ".5", "20,50"])
def test_what_is_no_money(text: str) -> None:
    with pytest.raises(ValueError, match=r"no amount of money: expected a number such as 20 or 2\.50"):
        parse_money(text)


def test_a_moment_names_its_zone() -> None:
    assert format_moment(86_400.0) == "1970-01-02 00:00:00 UTC"
