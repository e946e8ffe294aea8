"""When an entry of a calendar begins and ends, by RFC 5545; and which times make no shift."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from sms_notify.oncall.calendar_entries import all_of
from sms_notify.oncall.calendar_fetch import CalendarError
from sms_notify.policy.rotations import local_instant

Span = tuple[datetime, datetime]
Dates = date | datetime
WRITTEN = "X-SMS-NOTIFY-WRITTEN"
_DAY = timedelta(days=1)
_TIMES = ("DTSTART", "DTEND", "RECURRENCE-ID", "RDATE", "EXDATE")
_FOLD = re.compile(rb"\r?\n[ \t]")
_LINE = re.compile(
    rb'^(DTSTART|DTEND|RECURRENCE-ID|RDATE|EXDATE|DURATION)((?:;[^=:;\r\n]+=(?:"[^"\r\n]*"|[^":;\r\n]*))*):([^\r\n]*)',
    re.IGNORECASE | re.MULTILINE,
)
_TZID = re.compile(rb';TZID=(?:"[^"]*"|[^;:"]*)', re.IGNORECASE)
_DAYS_OR_UTC = re.compile(
    rb"(?:[0-9]{8}|[0-9]{8}T[0-9]{6}Z)(?:,(?:[0-9]{8}|[0-9]{8}T[0-9]{6}Z))*\s*", re.IGNORECASE
)
_DURATION = re.compile(
    r"([+-]?)P(?:([0-9]+)W)?(?:([0-9]+)D)?(?:T(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)S)?)?", re.IGNORECASE
)


def plain_lines(text: bytes) -> bytes:
    """Unfolded, as a line may be folded inside a character; TZID taken from days and UTC times, where RFC 5545 has it mean
    nothing; and each DURATION with its own text beside it, for a day is not always 24 hours.
    """
    return _LINE.sub(_plain_line, _FOLD.sub(b"", text))


def _plain_line(line: re.Match[bytes]) -> bytes:
    name, params, value = line[1], line[2], line[3]
    if name.upper() == b"DURATION":
        return b"%s%s;%s=%s:%s" % (name, params, WRITTEN.encode(), value.strip(), value)
    if _DAYS_OR_UTC.fullmatch(value):
        params = _TZID.sub(b"", params)
    return b"%s%s:%s" % (name, params, value)


@dataclass(frozen=True, slots=True)
class Clocks:
    """The zones of what bears none: whole days, times without a zone, and the repetitions of times in UTC."""

    days: ZoneInfo
    floating: tzinfo
    utc: tzinfo = UTC

    def instant(self, value: Dates) -> datetime:
        """UTC. A clock time that spring leaves out is as much later as the clocks jump: so says RFC 5545, 3.3.5."""
        if not isinstance(value, datetime):
            return local_instant(value, 0, self.days)
        return (value if value.tzinfo else value.replace(tzinfo=self.floating)).astimezone(UTC)

    def zone_of(self, value: Dates) -> tzinfo:
        """Whose clock repetitions of what begins at `value` follow."""
        if not isinstance(value, datetime):
            return self.days
        if value.tzinfo is None:
            return self.floating
        return self.utc if value.tzname() == "UTC" else value.tzinfo

    def wall(self, value: Dates, zone: tzinfo) -> Dates:
        """What clocks in `zone` show at `value`, without a zone; whole days as they are."""
        if not isinstance(value, datetime):
            return value
        return (
            (value if value.tzinfo else value.replace(tzinfo=self.floating))
            .astimezone(zone)
            .replace(tzinfo=None)
        )


@dataclass(frozen=True, slots=True)
class Length:
    """How long an entry lasts: `days` by the calendar, which may have 23 hours, and `exact` time."""

    days: int
    exact: timedelta

    def after(self, begins: Dates, clocks: Clocks) -> datetime:
        return clocks.instant(begins + timedelta(days=self.days)) + self.exact

    @property
    def on_the_wall(self) -> timedelta:
        return timedelta(days=self.days) + self.exact


def span_of(event: Any, clocks: Clocks) -> Span:
    """When an entry that stands alone begins and ends (UTC). Raises CalendarError for times that make no shift."""
    _check_zones(event)
    begins, ends = event["DTSTART"].dt, event.get("DTEND")
    length = length_of(event)
    found = [_end(begins, ends.dt, clocks)] if ends is not None else []
    if length is not None:
        if length.exact and not isinstance(begins, datetime):
            raise CalendarError("it is of whole days and lasts hours")
        found.append(length.after(begins, clocks))
    if len(set(found)) > 1:
        raise CalendarError("its DTEND and its DURATION differ")
    if not found:  # RFC 5545, 3.6.1: a day lasts a day, and a time no time
        found = [clocks.instant(begins if isinstance(begins, datetime) else begins + _DAY)]
    return _in_order(clocks.instant(begins), found[0])


def _end(begins: Dates, ends: Dates, clocks: Clocks) -> datetime:
    if isinstance(begins, datetime) is not isinstance(ends, datetime):
        raise CalendarError("it begins with a day and ends with a time, or the other way round")
    if ends == begins and not isinstance(ends, datetime):
        ends += _DAY  # many programs name the last day, and mean it
    return clocks.instant(ends)


def _in_order(begins: datetime, ends: datetime) -> Span:
    if ends < begins:
        raise CalendarError("it ends before it begins")
    if ends == begins:
        raise CalendarError("it has no length")
    return begins, ends


def length_of(event: Any) -> Length | None:
    """What DURATION says. RFC 5545, 3.3.6: its weeks and days are the calendar's, its hours are hours."""
    if "DURATION" not in event:
        return None
    found = _DURATION.fullmatch(str(event["DURATION"].params.get(WRITTEN, "")))
    if not found:
        raise CalendarError("its DURATION cannot be read")
    weeks, days, hours, minutes, seconds = (int(each or 0) for each in found.groups()[1:])
    sign = -1 if found[1] == "-" else 1
    exact = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return Length(sign * (7 * weeks + days), sign * exact)


def values_of(event: Any, name: str) -> list[Any]:
    """The days and times, and of periods the pairs, that all properties of that name list."""
    listed = [value for written in all_of(event, name) for value in getattr(written, "dts", [written])]
    return [value.dt for value in listed]


def _check_zones(event: Any) -> None:
    """Times in a zone that the library does not know come without one."""
    for name in _TIMES:
        for written in all_of(event, name):
            listed = [value.dt for value in getattr(written, "dts", [written])]
            begins = [value[0] if isinstance(value, tuple) else value for value in listed]
            if "TZID" in written.params and any(
                isinstance(value, datetime) and value.tzinfo is None for value in begins
            ):
                raise CalendarError("its time zone is unknown")
