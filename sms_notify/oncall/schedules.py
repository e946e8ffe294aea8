"""The schedules of a configuration with the shifts of their calendars: files read, addresses fetched, the last good copy kept.

A calendar that cannot be had must not empty a rotation: what was read last stays, through restarts too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from sms_notify.config.settings import CalendarSource, Settings
from sms_notify.oncall.calendar_fetch import MOST_BYTES, CalendarError, fetch_calendar
from sms_notify.oncall.icalendar import Calendar, read_calendar
from sms_notify.policy.rotations import Schedule

_DAYS_BACK, _DAYS_AHEAD = timedelta(days=40), timedelta(days=400)
_FETCH_WITHIN = 20.0  # seconds
Copies = Callable[[str], bytes | None]
"""The last good copy of a schedule's calendar, where one was kept."""


_MEANWHILE = "until then the last copy that was read counts, else what the configuration says"


@dataclass(frozen=True, slots=True)
class CalendarProblem:
    """A calendar that could not be had, or an entry of it that counts for nobody, or not plainly for one."""

    schedule: str
    what: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Timetable:
    """Every schedule, what was wrong with the calendars, and what was fetched anew and is worth keeping."""

    schedules: Mapping[str, Schedule]
    problems: tuple[CalendarProblem, ...] = ()
    fetched: Mapping[str, bytes] | None = None


def read_timetable(settings: Settings, now: datetime, copies: Copies, *, fetch: bool = True) -> Timetable:
    """Reads every calendar for some months around `now`. `fetch` False asks no server and takes the kept copies.

    Never raises for a calendar: what cannot be read is a problem, and the last good copy counts.
    """
    schedules = dict(settings.schedules)
    problems: list[CalendarProblem] = []
    fetched: dict[str, bytes] = {}
    for source in settings.calendars:
        calendar, wrong, fresh = _calendar(source, settings, now, copies, fetch)
        problems += wrong
        if fresh is not None:
            fetched[source.schedule] = fresh
        if calendar is not None:
            schedule = schedules.get(source.schedule) or Schedule(source.schedule, source.timezone)
            schedules[source.schedule] = replace(schedule, calendar=calendar.shifts)
    return Timetable(schedules, tuple(problems), fetched)


def _calendar(
    source: CalendarSource, settings: Settings, now: datetime, copies: Copies, fetch: bool
) -> tuple[Calendar | None, list[CalendarProblem], bytes | None]:
    people, name = settings.directory.people, source.schedule
    wrong: list[CalendarProblem] = []
    for text, fresh in _texts(source, copies, fetch, wrong):
        try:
            calendar = read_calendar(text, people, now - _DAYS_BACK, now + _DAYS_AHEAD, source.timezone)
        except CalendarError as error:
            unread = CalendarProblem(name, str(error), _MEANWHILE)
            wrong += (
                [unread] if unread not in wrong else []
            )  # the kept copy may meet the same, such as a missing library
            continue
        wrong += [CalendarProblem(name, str(report), report.advice) for report in calendar.reports]
        return calendar, wrong, text if fresh else None
    return None, wrong, None


def _texts(
    source: CalendarSource, copies: Copies, fetch: bool, wrong: list[CalendarProblem]
) -> Iterable[tuple[bytes, bool]]:
    """What to read, the best first; True = it is new."""
    if source.file:
        try:
            with Path(source.file).open("rb") as file:
                yield file.read(MOST_BYTES + 1), True
        except OSError as error:
            wrong.append(CalendarProblem(source.schedule, f"{source.file}: {error.strerror}"))
    elif fetch:
        try:
            yield fetch_calendar(source.url, _FETCH_WITHIN), True
        except CalendarError as error:
            wrong.append(CalendarProblem(source.schedule, str(error)))
    copy = copies(source.schedule)
    if copy is not None:
        yield copy, False
