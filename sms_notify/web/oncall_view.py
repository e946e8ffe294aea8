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
from sms_notify.policy.swaps import swapped
from sms_notify.store.oncall_rows import AskedOverride, Override
from sms_notify.wording.clock import rfc3339

DAYS = 14
_HUES = 8  # colour classes in the style sheet: the content policy allows no style attributes
_WIDTH = 100  # units of the strip's picture a day
_LONGEST = timedelta(days=366)
_FURTHEST = timedelta(days=3 * 366)
AHEAD = timedelta(weeks=8)
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
    """One schedule on the page; `zone` is its own, in which its days begin and its forms are filled in.

    `shifts` are those of the page's two weeks, from now on where no first day was asked for; `choices` those that may be swapped.
    `now_x` is None where the strip does not hold now. `overrides` are those that have not ended, each with whether it counts.
    """

    schedule: Schedule
    duty: Duty
    shifts: tuple[Shift, ...]
    gaps: tuple[Shift, ...]
    choices: tuple[Shift, ...]
    bars: tuple[ShiftBar, ...]
    days: tuple[date, ...]
    now_x: int | None
    overrides: tuple[tuple[Override, bool], ...]
    zone: ZoneInfo
    default_start: str


def duty_of(schedule: Schedule, made: Sequence[Override], now: datetime) -> Duty:
    coming = shifts(schedule, _mine(schedule, made), now, now + timedelta(days=DAYS))
    last = len(coming) == 1
    return Duty(
        schedule.name, coming[0].person, None if last else coming[0].end, None if last else coming[1].person
    )


def rota_of(
    schedule: Schedule,
    made: Sequence[Override],
    now: datetime,
    directory: Directory,
    first: date | None = None,
    crew: Sequence[str] = (),
) -> Rota:
    """Two weeks of the schedule from `first` on, else from today. All overrides are listed; those that count are of people of
    today. `made` are those that have not ended before these two weeks, nor before `now`. `crew` are the members of all
    schedules of the page: a person has one colour on all of it.
    """
    counting = obeyed(made, directory)
    zone = ZoneInfo(schedule.timezone)
    today = now.astimezone(zone).date()
    day = first or today
    begins, ends = (local_instant(day + timedelta(days=n), 0, zone) for n in (0, DAYS))
    mine = _mine(schedule, counting)
    coming = shifts(schedule, mine, now if first is None else begins, ends)
    return Rota(
        schedule=schedule,
        duty=duty_of(schedule, counting, now),
        shifts=coming,
        gaps=tuple(shift for shift in coming if shift.person is None and shift.end > now),
        choices=tuple(shift for shift in shifts(schedule, mine, now, now + AHEAD) if shift.person),
        bars=tuple(
            _bar(one, crew or schedule.members, day, zone) for one in shifts(schedule, mine, begins, ends)
        ),
        days=tuple(day + timedelta(days=n) for n in range(DAYS)),
        now_x=_x(now, day, zone) if begins <= now < ends else None,
        overrides=tuple(
            (one, one in counting) for one in made if one.schedule == schedule.name and one.end > now
        ),
        zone=zone,
        default_start=f"{now.astimezone(zone):%Y-%m-%dT%H:%M}",
    )


def first_day_of(text: str, now: datetime) -> date | None:
    """The day that the address names, None where it names none. Raises ValueError with what to write instead."""
    if not text:
        return None
    try:
        named = date.fromisoformat(text)
    except ValueError:
        raise ValueError("Write the first day as 2026-11-23.") from None
    if abs(named - now.date()) > _FURTHEST:
        raise ValueError(
            f"That is years away. Write the first day within three years of today, as {now:%Y-%m-%d}."
        )
    return named


def form_of(
    asked: Mapping[str, str], made: Sequence[Override], schedules: Mapping[str, Schedule]
) -> Mapping[str, str]:
    """What stands in a form: what was written into it, or the override that it is to change."""
    if "schedule" in asked or "change" not in asked:
        return asked
    found = next((one for one in made if str(one.id) == asked["change"] and one.schedule in schedules), None)
    if found is None:
        return {}
    zone = ZoneInfo(schedules[found.schedule].timezone)
    start, end = (f"{at.astimezone(zone):%Y-%m-%dT%H:%M}" for at in (found.start, found.end))
    named = {"schedule": found.schedule, "person": found.person, "change": asked["change"]}
    return {**named, "start": start, "end": end}


def swap_of(
    form: Mapping[str, str], schedules: Mapping[str, Schedule], made: Sequence[Override], now: datetime
) -> list[AskedOverride]:
    """The overrides by which two people change the shifts that a form names by their beginnings. Raises ValueError with what to
    do instead.
    """
    schedule = _schedule(form, schedules)
    held = {rfc3339(one.start): one for one in shifts(schedule, _mine(schedule, made), now, now + AHEAD)}
    running = next(iter(held))  # it begins now, whenever that is
    chosen = [
        held.get(running if form.get(name) == "now" else form.get(name, "")) for name in ("one", "other")
    ]
    if chosen[0] is None or chosen[1] is None:
        raise ValueError("These shifts are not there any more: choose two of the list.")
    return [
        AskedOverride(schedule.name, shift.person or "", shift.start, shift.end)
        for shift in swapped(chosen[0], chosen[1])
    ]


def wish_of(
    form: Mapping[str, str], schedules: Mapping[str, Schedule], people: Mapping[str, object], now: datetime
) -> AskedOverride:
    """What a form asks for. Raises ValueError with what to write instead."""
    schedule = _schedule(form, schedules)
    person = form.get("person", "")
    if person not in people:
        raise ValueError("Choose who is on call: one of the people of the configuration.")
    zone = ZoneInfo(schedule.timezone)
    start, end = _instant(form.get("start", ""), zone, "from"), _instant(form.get("end", ""), zone, "until")
    if end <= start:
        raise ValueError("It ends before it begins: choose a later time for “until”.")
    if end <= now:
        raise ValueError("It would have ended already: choose a later time for “until”.")
    if end - start > _LONGEST or end - now > _FURTHEST:
        raise ValueError(
            "That is longer than a year, or years away: change the schedule in the configuration instead."
        )
    return AskedOverride(schedule.name, person, start, end)


def _schedule(form: Mapping[str, str], schedules: Mapping[str, Schedule]) -> Schedule:
    schedule = schedules.get(form.get("schedule", ""))
    if schedule is None:
        raise ValueError("There is no such schedule; it may have been taken out of the configuration.")
    return schedule


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


def _bar(shift: Shift, crew: Sequence[str], first: date, zone: ZoneInfo) -> ShiftBar:
    begins, ends = _x(shift.start, first, zone), _x(shift.end, first, zone)
    return ShiftBar(shift, begins, max(1, ends - begins), _hue(shift.person, crew))


def _hue(person: str | None, crew: Sequence[str]) -> int:
    """Neighbours in the first rotation differ; whoever stands in for the crew shares the last colour."""
    return crew.index(person) % (_HUES - 1) if person in crew else _HUES - 1


def _x(at: datetime, first: date, zone: ZoneInfo) -> int:
    """By the clock on the wall, so that every day is as wide as the next, also where clocks change."""
    local = at.astimezone(zone)
    minutes = (local.date() - first).days * 1440 + local.hour * 60 + local.minute
    return minutes * _WIDTH // 1440
