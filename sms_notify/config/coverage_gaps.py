"""Whether somebody is on call at every moment of the weeks to come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sms_notify.config.settings import Settings
from sms_notify.errors import Fault
from sms_notify.policy.rotations import Schedule, Shift, gaps

AHEAD = timedelta(days=28)
_SHOWN = 3
_NONE: Mapping[str, Sequence[Shift]] = {}


def calendars_read(settings: Settings, schedules: Mapping[str, Schedule]) -> Mapping[str, Sequence[Shift]]:
    """What `gap_faults` wants of `schedules`, whose calendars were read; one of the web that is empty was not."""
    shifts = {source: schedules[source.schedule].calendar for source in settings.calendars}
    return {source.schedule: found for source, found in shifts.items() if found or source.file}


def gap_faults(
    settings: Settings,
    now: datetime,
    overrides: Mapping[str, Sequence[Shift]] = _NONE,
    calendars: Mapping[str, Sequence[Shift]] = _NONE,
) -> list[Fault]:
    """A fault for each schedule that nobody holds at some moment of the 28 days from `now` (aware UTC) on.

    `overrides` and `calendars` are by schedule. One that has a calendar in the configuration, and no entry in
    `calendars`, is left out: what has not been read may fill any gap.
    """
    unread = {source.schedule for source in settings.calendars} - set(calendars)
    faults = []
    for name, schedule in settings.schedules.items():
        if name in unread:
            continue
        whole = replace(schedule, calendar=(*schedule.calendar, *calendars.get(name, ())))
        found = gaps(whole, overrides.get(name, ()), now, now + AHEAD)
        if found:
            line = settings.lines.get(f"schedules.{name}", 0)
            what = f"nobody is on call {_spell(found, schedule, now)}"
            faults.append(Fault(settings.source, line, f"schedules.{name}", what, _advice(schedule, now)))
    return faults


def _spell(found: Sequence[Shift], schedule: Schedule, now: datetime) -> str:
    """The first gaps on the schedule's own clock."""
    zone = ZoneInfo(schedule.timezone)
    told = ", ".join(_span(gap, zone, now) for gap in found[:_SHOWN])
    more = len(found) - _SHOWN
    times = f", and {more} more {'time' if more == 1 else 'times'} in {AHEAD.days} days" if more > 0 else ""
    return f"{told}{times} ({schedule.timezone})"


def _span(gap: Shift, zone: ZoneInfo, now: datetime) -> str:
    start = "now" if gap.start <= now else _moment(gap.start, zone)
    if gap.end >= now + AHEAD:
        return f"from {start} on"
    first, last = gap.start.astimezone(zone), gap.end.astimezone(zone)
    if gap.start > now and first.date() == last.date():
        return f"from {start} to {last:%H:%M}"
    return f"from {start} to {_moment(gap.end, zone)}"


def _moment(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%a %Y-%m-%d %H:%M}"


def _advice(schedule: Schedule, now: datetime) -> str:
    override = "or name somebody for that time with `sms-notify oncall override add`"
    if not schedule.layers:
        return f"add a rotation, which holds what the calendar leaves open, {override}"
    if all(layer.during for layer in schedule.layers):
        return f"put a layer without `during` first, {override}"
    today = now.astimezone(ZoneInfo(schedule.timezone)).date()
    if all(layer.rotation.start >= today for layer in schedule.layers if not layer.during):
        return f"let it start earlier, {override}"
    return f"look for an entry or an override that names nobody, {override}"
