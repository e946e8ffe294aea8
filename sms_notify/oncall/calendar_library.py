"""The two libraries that read iCalendar and compute repetitions: an extra, and 150 ms, so imported when a calendar is read."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo
from typing import Any

from sms_notify.oncall.calendar_fetch import MOST_BYTES, CalendarError


def _library(name: str) -> Any:
    try:
        import icalendar
        import recurring_ical_events  # type: ignore[import-untyped]
    except ImportError:
        raise CalendarError(
            f"calendars are read with two more libraries: {sys.prefix}/bin/pip install 'sms-notify[ical]'"
        ) from None
    return {"icalendar": icalendar, "recurring_ical_events": recurring_ical_events}[name]


def parsed(text: bytes) -> list[Any]:
    """The calendars of a file. Raises CalendarError where it is not one."""
    library = _library("icalendar")
    if len(text) > MOST_BYTES:
        raise CalendarError(
            f"the calendar is longer than {MOST_BYTES} bytes: take one of on-call shifts alone"
        )
    # The library keeps the first zone that any file defined by a name: another file's `Customized Time Zone` is another.
    library.use_zoneinfo()
    try:
        with warnings.catch_warnings(action="ignore"):  # of names such as /mozilla.org/…/Europe/Brussels
            calendars = library.Calendar.from_ical(text, multiple=True)
    except Exception:  # noqa: BLE001 - a calendar is typed by people; the error's text quotes the page and goes no further
        raise _no_calendar() from None
    if not calendars or any(calendar.name != "VCALENDAR" for calendar in calendars):
        raise _no_calendar()
    return list(calendars)


def _no_calendar() -> CalendarError:
    return CalendarError(
        "it is not an iCalendar (BEGIN:VCALENDAR … END:VCALENDAR), or cut off: a page to log in, perhaps, or the "
        "address of a calendar's web page; take the address that ends in .ics"
    )


def repetitions(events: Sequence[Any], first: datetime, last: datetime) -> list[Any]:
    """What happens between two times of a series and its changes, all on one clock."""
    calendar = _library("icalendar").Calendar()
    calendar.subcomponents = list(events)
    with warnings.catch_warnings(action="ignore"):  # of COUNT beside UNTIL: both count
        return list(_library("recurring_ical_events").of(calendar).between(first, last))


def zone_named(name: str) -> tzinfo | None:
    """A zone by its IANA or Windows name; None where there is no such zone. Names are paths to it, whatever they hold."""
    try:
        found: tzinfo | None = _library("icalendar").timezone.tzp.timezone(name)
    except (OSError, ValueError):
        return None
    return found


def time_value(value: Any, **params: str) -> Any:
    made = _library("icalendar").vDDDTypes(value)
    made.params.update(params)
    return made


def time_list(values: Iterable[Any]) -> Any:
    return _library("icalendar").prop.vDDDLists(list(values))


def rule_until(rule: Any, until: Any) -> Any:
    """The same rule with another end."""
    return type(rule)({**rule, "UNTIL": [until]})
