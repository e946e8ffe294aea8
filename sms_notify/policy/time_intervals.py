"""Time intervals, by Alertmanager's own rules: when a route is muted, when quiet hours hold what may wait.

`interval_words.py` reads them from a configuration. Two differences: a range may run over midnight, which Alertmanager
refuses; and with a `location`, older Alertmanagers take a month in which clocks go forward for a day shorter (their
pull request 5447), and `-1` in March for the 30th.
"""

from __future__ import annotations

import heapq
from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_MIDNIGHT = 1440
_WHOLE_DAY = ((0, _MIDNIGHT),)


@dataclass(frozen=True, slots=True)
class TimeInterval:
    """One entry of a `time_intervals` list; an empty field allows everything. Ranges are inclusive pairs, but for `times`.

    All fields must hold, by the wall clock of `location` (an IANA name); of one field, any range. A night belongs
    to the day on which it begins: (1320, 1800) with `friday` is Friday 22:00 to Saturday 06:00, whatever Saturday is.
    """

    # Minutes of the day, the end exclusive: 1440 = 24:00, and beyond it minutes of the next day. A start is below 1440.
    times: tuple[tuple[int, int], ...] = ()
    weekdays: tuple[tuple[int, int], ...] = ()  # 0 = Sunday, as Alertmanager counts
    days_of_month: tuple[tuple[int, int], ...] = ()  # -1 = the month's last day
    months: tuple[tuple[int, int], ...] = ()
    years: tuple[tuple[int, int], ...] = ()
    location: str = "UTC"


def active(intervals: Sequence[TimeInterval], at: datetime) -> bool:
    """Whether any of the intervals holds `at`, which is aware. Raises ZoneInfoNotFoundError for an unknown `location`."""
    return any(_holds(interval, at.astimezone(_zone(interval.location))) for interval in intervals)


def changes_at(
    intervals: Sequence[TimeInterval], at: datetime, horizon: timedelta = timedelta(days=400)
) -> datetime | None:
    """The first instant after `at` when `active` changes its answer; None where it does not within `horizon`.

    In UTC. An end that the wall clock shows twice ends it twice; one that it skips ends it where it jumps. What
    changes soon costs some 50 µs, what never does some 5 ms an interval.
    """
    now = active(intervals, at)
    if any(_always(interval) for interval in intervals):
        return None
    return next((one for one in borders(intervals, at, horizon) if active(intervals, one) is not now), None)


def borders(intervals: Sequence[TimeInterval], at: datetime, horizon: timedelta) -> Iterator[datetime]:
    """Every instant after `at`, and within `horizon`, at which any of the intervals may begin or end, and some others.

    In UTC and in order.
    """
    last = at.astimezone(UTC) + horizon
    changing = [interval for interval in intervals if not _always(interval)]
    for border in heapq.merge(*(_borders(interval, at, last) for interval in changing)):
        if border > last:
            return
        if border > at:
            yield border


def _always(interval: TimeInterval) -> bool:
    """True where it has no border: no need to look at every midnight."""
    return replace(interval, location="UTC") == TimeInterval()


@dataclass(frozen=True, slots=True)
class _Day:
    """A local day: between two jumps its wall clock is plain arithmetic. More than one jump a day is not known here."""

    wall: datetime  # its 00:00 as the wall clock shows it, marked as UTC
    opening: datetime  # no instant of it is earlier
    before: timedelta  # the offset from UTC until the jump, and for want of one
    after: timedelta
    jump: datetime | None


@cache  # zoneinfo itself keeps eight, and reads the others from the disk at every look
def _zone(location: str) -> ZoneInfo:
    return ZoneInfo(location)


def _holds(interval: TimeInterval, local: datetime) -> bool:
    minute = local.hour * 60 + local.minute
    today = tonight = False  # a loop, for two generators take twice as long
    for start, end in interval.times or _WHOLE_DAY:
        today = today or start <= minute < end
        tonight = tonight or minute + _MIDNIGHT < end
    return (today and _fits(interval, local)) or (tonight and _fits(interval, local.date() - _DAY))


def _fits(interval: TimeInterval, day: date) -> bool:
    return _month_fits(interval, day) and _day_fits(interval, day)


def _month_fits(interval: TimeInterval, day: date) -> bool:
    return _within(day.month, interval.months) and _within(day.year, interval.years)


def _day_fits(interval: TimeInterval, day: date) -> bool:
    if not _within(day.isoweekday() % 7, interval.weekdays):
        return False
    if not interval.days_of_month:
        return True
    after = monthrange(day.year, day.month)[1] + 1
    # No clamping: a day that exists lies in the month, whatever stands at the range's ends.
    return any(
        (first if first > 0 else after + first) <= day.day <= (last if last > 0 else after + last)
        for first, last in interval.days_of_month
    )


def _within(number: int, ranges: Sequence[tuple[int, int]]) -> bool:
    return not ranges or any(first <= number <= last for first, last in ranges)


def _borders(interval: TimeInterval, at: datetime, last: datetime) -> Iterator[datetime]:
    """Every instant in (`at`, `last`] at which `interval` may begin or end, and some others, in order."""
    zone = _zone(interval.location)
    start, end = at.astimezone(zone).date() - _DAY, last.astimezone(zone).date() + _DAY
    minutes = {minute for pair in interval.times or _WHOLE_DAY for minute in pair}
    evening = [minute for minute in minutes if minute <= _MIDNIGHT]
    morning = [minute - _MIDNIGHT for minute in minutes if minute > _MIDNIGHT]
    waiting: list[datetime] = []
    for local in _days(interval, start, end):
        day = _day(interval.location, local)
        yield from (border for border in waiting if border < day.opening)
        # Two days interleave where clocks go back over midnight, as they did in Antarctica, and where nights end.
        waiting = [border for border in waiting if border >= day.opening] + _day_borders(evening, day)
        if morning:
            waiting += _day_borders(morning, _day(interval.location, local + _DAY))
        waiting.sort()
    yield from waiting


def _days(interval: TimeInterval, start: date, end: date) -> Iterator[date]:
    """The days on which `interval` may begin."""
    day = start
    while day <= end:
        if not _month_fits(interval, day):
            day = day.replace(day=1) + monthrange(day.year, day.month)[1] * _DAY
            continue
        if _day_fits(interval, day):
            yield day
        day += _DAY


@lru_cache(2000)  # every held alert asks for the same days
def _day(location: str, local: date) -> _Day:
    zone = _zone(location)
    opening = min(_midnights(zone, local))
    closing = max(_midnights(zone, local + _DAY))
    before, after = _offset(zone, opening), _offset(zone, closing)
    jump = None if before == after else _jump(zone, opening, closing)
    return _Day(datetime.combine(local, time(), UTC), opening, before, after, jump)


def _midnights(zone: ZoneInfo, local: date) -> tuple[datetime, datetime]:
    """The day's 00:00, which are two instants where the wall clock shows it twice or skips it."""
    wall = datetime.combine(local, time(), zone)
    return wall.astimezone(UTC), wall.replace(fold=1).astimezone(UTC)


def _day_borders(minutes: Sequence[int], day: _Day) -> list[datetime]:
    """When the wall clock shows one of the minutes of `day`, and when it jumps."""
    walls = [day.wall + timedelta(minutes=minute) for minute in minutes]
    if day.jump is None:
        return [wall - day.before for wall in walls]
    early = [wall - day.before for wall in walls if wall - day.before < day.jump]
    return [*early, day.jump, *(wall - day.after for wall in walls if wall - day.after > day.jump)]


def _jump(zone: ZoneInfo, early: datetime, late: datetime) -> datetime:
    """The first whole second at which the offset is no longer that of `early`; zoneinfo does not tell its jumps."""
    before = _offset(zone, early)
    while late - early > _SECOND:
        middle = early + (late - early) // _SECOND // 2 * _SECOND
        early, late = (middle, late) if _offset(zone, middle) == before else (early, middle)
    return late


def _offset(zone: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()
