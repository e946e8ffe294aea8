"""The clock of `datum`: which minute to ask the gateway for, so that a scheduled text never goes too early.

`datum=yyyymmddhhii` (seed, 'Optional parameters') has no zone and no seconds. By the gateway's clock every
instant has a minute, but in autumn an hour of minutes comes twice, and which of the two is meant nobody says.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Datum:
    """`text` is yyyymmddhhii on the gateway's clock, and `at` (aware UTC) the one instant that it means."""

    text: str
    at: datetime


def datum(at: datetime, zone: tzinfo) -> Datum:
    """The minute to ask for, so that the text goes at `at` (aware) or as soon after as can be said clearly.

    Seconds are rounded up. An instant in the hour that autumn has twice becomes the first minute after both,
    03:00 in Amsterdam: late by at most twice the change of the clock, but neither early nor at the wrong one.
    A minute that spring leaves out is never named. Raises ValueError for a naive `at`, OverflowError at the
    end of the calendar.
    """
    if at.utcoffset() is None:
        raise ValueError("at must be aware")
    minute = _whole_minute(at.astimezone(UTC))
    while _comes_twice(minute.astimezone(zone)):
        minute += _MINUTE
    return Datum(minute.astimezone(zone).strftime("%Y%m%d%H%M").zfill(12), minute)


def after_121(at: datetime, now: datetime, zone: tzinfo) -> Datum | None:
    """What follows when the gateway says that `at` is past or not correct (error 121); both aware.

    None: it is due within a minute, so send it now without a date. Else the minute to ask for once more.
    A second 121 for that is not a matter of minutes: a clock or the gateway's `timezone` is wrong.
    """
    return None if at <= now + _MINUTE else datum(at, zone)


def _whole_minute(instant: datetime) -> datetime:
    floor = instant.replace(second=0, microsecond=0)
    return floor if floor == instant else floor + _MINUTE


def _comes_twice(wall: datetime) -> bool:
    """Whether the wall time means two instants (PEP 495). It was made from an instant, so it is in no gap."""
    return wall.replace(fold=0).utcoffset() != wall.replace(fold=1).utcoffset()
