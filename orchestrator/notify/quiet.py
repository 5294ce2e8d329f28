"""Quiet hours: when what has happened is told. Pure; the hours are those of the clock on the wall."""

from datetime import datetime, timedelta, tzinfo

_DAY = 24 * 60  #: minutes


def quiet_until(hours: tuple[int, int] | None, at: float, *, zone: tzinfo | None = None) -> float | None:
    """Give the end of the quiet hours that a moment lies in, in seconds since the epoch; None if it lies in none.

    Both ends are minutes since midnight; an end before the start is one of the next day. Without a zone the machine's own counts.
    """
    if hours is None:
        return None
    start, end = hours
    here = datetime.fromtimestamp(at, zone) if zone is not None else datetime.fromtimestamp(at).astimezone()
    minute = here.hour * 60 + here.minute
    if not (minute - start) % _DAY < (end - start) % _DAY:
        return None
    day = here.date() + timedelta(days=1 if minute >= end else 0)
    over = datetime(day.year, day.month, day.day, end // 60, end % 60, tzinfo=zone)
    return over.timestamp()  # of a naive time by the zone of the machine, with its change of clocks
