"""Who is on call, for a page: now, and the next two weeks as a list and as a strip of days."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sms_notify.oncall.roster import obeyed
from sms_notify.policy.directory import Directory
from sms_notify.policy.rotations import Schedule, Shift, local_instant, shifts
from sms_notify.store.oncall_rows import Override

DAYS = 14
_HUES = 8  # colour classes in the style sheet: the content policy allows no style attributes
_WIDTH = 100  # units of the strip's picture a day
_LONGEST = timedelta(days=366)
_FURTHEST = timedelta(days=3 * 366)
_WALL = re.compile(r"(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::\d{2})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Duty:
    """Who holds a schedule now, until when, and who comes then. None = nobody; `until` None = beyond two weeks."""

    schedule: str
    holder: str | None
    until: datetime | None
    next: str | None


@dataclass(frozen=True, slots=True)
class ShiftBar:
    """A shift in the strip, in its units; `hue` is the person's colour."""

    shift: Shift
    x: int
    width: int
    hue: int


@dataclass(frozen=True, slots=True)
class Rota:
    """One schedule on the page; `zone` is its own, in which its days begin and its forms are filled in."""

    schedule: Schedule
    duty: Duty
    shifts: tuple[Shift, ...]
    gaps: tuple[Shift, ...]
    bars: tuple[ShiftBar, ...]
    days: tuple[date, ...]
    now_x: int
    overrides: tuple[tuple[Override, bool], ...]
    """Each with whether it counts."""
    zone: ZoneInfo
    default_start: str


@dataclass(frozen=True, slots=True)
class AskedOverride:
    """An override that somebody asks for; times are aware UTC."""

    schedule: str
    person: str
    start: datetime
    end: datetime


def duty_of(schedule: Schedule, made: Sequence[Override], now: datetime) -> Duty:
    coming = shifts(schedule, _mine(schedule, made), now, now + timedelta(days=DAYS))
    last = len(coming) == 1
    return Duty(
        schedule.name, coming[0].person, None if last else coming[0].end, None if last else coming[1].person
    )


def rota_of(schedule: Schedule, made: Sequence[Override], now: datetime, directory: Directory) -> Rota:
    """The schedule from now on, and its strip from the last midnight. All overrides are listed; those that count are of people
    of today.
    """
    counting = obeyed(made, directory)
    zone = ZoneInfo(schedule.timezone)
    first = now.astimezone(zone).date()
    ends = local_instant(first + timedelta(days=DAYS), 0, zone)
    mine = _mine(schedule, counting)
    strip = shifts(schedule, mine, local_instant(first, 0, zone), ends)
    coming = shifts(schedule, mine, now, ends)
    return Rota(
        schedule=schedule,
        duty=duty_of(schedule, counting, now),
        shifts=coming,
        gaps=tuple(shift for shift in coming if shift.person is None),
        bars=tuple(_bar(shift, schedule.members, first, zone) for shift in strip),
        days=tuple(first + timedelta(days=n) for n in range(DAYS)),
        now_x=_x(now, first, zone),
        overrides=tuple((one, one in counting) for one in made if one.schedule == schedule.name),
        zone=zone,
        default_start=f"{now.astimezone(zone):%Y-%m-%dT%H:%M}",
    )


def wish_of(
    form: Mapping[str, str], schedules: Mapping[str, Schedule], people: Mapping[str, object], now: datetime
) -> AskedOverride:
    """What a form asks for. Raises ValueError with what to write instead."""
    schedule = schedules.get(form.get("schedule", ""))
    if schedule is None:
        raise ValueError("There is no such schedule; it may have been taken out of the configuration.")
    person = form.get("person", "")
    if person not in people:
        raise ValueError("Choose who is on call: one of the people of the configuration.")
    zone = ZoneInfo(schedule.timezone)
    start, end = _instant(form.get("start", ""), zone, "from"), _instant(form.get("end", ""), zone, "until")
    if end <= start:
        raise ValueError("It ends before it begins: choose a later time for “until”.")
    if end <= now:
        raise ValueError("It is over already: choose a time to come for “until”.")
    if end - start > _LONGEST or end - now > _FURTHEST:
        raise ValueError(
            "That is longer than a year, or years away: change the schedule in the configuration instead."
        )
    return AskedOverride(schedule.name, person, start, end)


def _instant(text: str, zone: ZoneInfo, field: str) -> datetime:
    found = _WALL.fullmatch(text.strip())
    try:
        if found is None:
            raise ValueError(text)
        year, month, day, hour, minute = (int(part) for part in found.groups())
        wall = datetime.combine(date(year, month, day), time(hour, minute))
        return local_instant(wall.date(), wall.hour * 60 + wall.minute, zone).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"Write “{field}” as a day and a time, such as 2026-11-22T18:00.") from None


def _mine(schedule: Schedule, made: Sequence[Override]) -> list[Shift]:
    return [override.shift for override in made if override.schedule == schedule.name]


def _bar(shift: Shift, members: tuple[str, ...], first: date, zone: ZoneInfo) -> ShiftBar:
    begins, ends = _x(shift.start, first, zone), _x(shift.end, first, zone)
    return ShiftBar(shift, begins, max(1, ends - begins), _hue(shift.person, members))


def _hue(person: str | None, members: tuple[str, ...]) -> int:
    """Neighbours in the rotation differ; whoever stands in for them shares the last colour."""
    return members.index(person) % (_HUES - 1) if person in members else _HUES - 1


def _x(at: datetime, first: date, zone: ZoneInfo) -> int:
    """By the clock on the wall, so that every day is as wide as the next, also where clocks change."""
    local = at.astimezone(zone)
    minutes = (local.date() - first).days * 1440 + local.hour * 60 + local.minute
    return minutes * _WIDTH // 1440
