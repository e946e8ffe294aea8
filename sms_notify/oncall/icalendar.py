"""Who is on call by a calendar: iCalendar (RFC 5545) from a file or an address → shifts.

Reading wants the extra `ical`. Repetitions are the library's matter; whom an entry means, and which of two that overlap
counts, is decided here. Nothing is guessed in silence: what is not plain is reported.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sms_notify.oncall.calendar_entries import CalendarReport, Meaning, Names, first, shown_title, word
from sms_notify.oncall.calendar_fetch import CalendarError
from sms_notify.oncall.calendar_library import parsed, zone_named
from sms_notify.oncall.calendar_series import Occurrence, occurrences
from sms_notify.oncall.calendar_times import Clocks, Span, plain_lines
from sms_notify.policy.rotations import Shift, by_strength, strongest

_MOST_EVENTS = 5_000  # within the span, repetitions counted; each costs a tenth of a millisecond


@dataclass(frozen=True, slots=True)
class Calendar:
    """`shifts` never overlap and lie in the order of time; a gap is not a shift here, so that layers show through.

    `reports` are the entries that count for nobody, or perhaps not for whom they were meant, each once.
    """

    shifts: tuple[Shift, ...]
    reports: tuple[CalendarReport, ...]


def read_calendar(
    text: bytes,
    people: Collection[str],
    start: datetime,
    end: datetime,
    timezone: str = "UTC",
) -> Calendar:
    """The shifts from `start` to `end` (aware), cut to that span. Raises CalendarError.

    An entry means the one of `people` whose name its title (SUMMARY) holds, however it is written (`Alice`, `On call:
    alice`, `alice (primary)`), of several the first; else the first who is invited and has not declined. Days, and times
    without a zone, are by the clock of `timezone`. Where two overlap, the later-starting holds it: a day's swap goes
    before the week it lies in.

    Cancelled entries count for nobody. Those marked as free (TRANSP:TRANSPARENT) count: several calendars mark every whole
    day so.
    """
    names, zone, span = Names(people), ZoneInfo(timezone), (start, end)
    found: list[Shift] = []
    reports: dict[CalendarReport, None] = {}
    for one in _entries(text, zone, span):
        if isinstance(one, CalendarReport):
            reports[one] = None
        elif one.span[0] < end and one.span[1] > start and not _is_cancelled(one.event):
            meaning = names.meant(one.event)
            if meaning.person is not None:
                found.append(Shift(meaning.person, *one.span))
            if meaning.why:
                reports[_report(one.source, one.event, meaning, zone)] = None
    held = strongest(by_strength(found), start, end)
    return Calendar(tuple(shift for shift in held if shift.person is not None), tuple(reports))


def _is_cancelled(event: Any) -> bool:
    return word(event, "STATUS") in ("CANCELLED", "CANCELED")


def _entries(text: bytes, zone: ZoneInfo, span: Span) -> Iterator[Occurrence | CalendarReport]:
    """What happens in the span, and what is not understood. A broken entry spoils no other."""
    number = 0
    for calendar in parsed(plain_lines(text)):
        clocks = _clocks(calendar, zone)
        if clocks is None:
            name = str(calendar["X-WR-TIMEZONE"])
            yield CalendarReport(f"X-WR-TIMEZONE:{name}", "its time zone is unknown")
        for events in _together(calendar):
            for one in occurrences(events, clocks or Clocks(zone, zone), span):
                number += 1
                if number > _MOST_EVENTS:
                    raise _too_many()
                if isinstance(one, Occurrence):
                    yield one
                elif not _is_cancelled(one.source) and _concerns(one.source, span, zone):
                    yield _report(one.source, one.source, Meaning(None, one.why), zone)


def _clocks(calendar: Any, zone: ZoneInfo) -> Clocks | None:
    """None where the calendar names a zone for itself that nobody knows."""
    if "X-WR-TIMEZONE" not in calendar:
        return Clocks(zone, zone)
    own = zone_named(str(calendar["X-WR-TIMEZONE"]).strip())
    return None if own is None else Clocks(zone, own, own)


def _together(calendar: Any) -> list[list[Any]]:
    """The events by UID: a series with the changes of single repetitions. A calendar that takes all back holds none."""
    together: dict[str, list[Any]] = {}
    if word(calendar, "METHOD") != "CANCEL":
        for place, event in enumerate(calendar.walk("VEVENT")):
            together.setdefault(first(event, "UID") or f" {place}", []).append(event)
    return list(together.values())


def _too_many() -> CalendarError:
    return CalendarError(
        f"the calendar holds more than {_MOST_EVENTS} events at once: take one that says who is on call alone"
    )


def _report(source: Any, event: Any, meaning: Meaning, zone: ZoneInfo) -> CalendarReport:
    return CalendarReport(shown_title(event), meaning.why, _begins(source, zone), meaning.person)


def _begins(event: Any, zone: ZoneInfo) -> str:
    """On the schedule's clock; empty where that cannot be read."""
    try:
        begins = event["DTSTART"].dt
        if not isinstance(begins, datetime):
            return f"{begins:%a %Y-%m-%d}"
        there = begins.astimezone(zone) if begins.tzinfo else begins
        return f"{there:%a %Y-%m-%d %H:%M} ({zone.key})"
    except Exception:  # noqa: BLE001 - what it is about is that it cannot be read
        return ""


def _concerns(event: Any, span: Span, zone: ZoneInfo) -> bool:
    """Whether an entry that is not understood may be about the span; a broken one of the past harms nobody any more."""
    try:
        clocks = Clocks(zone, zone)
        times = [clocks.instant(event[name].dt) for name in ("DTSTART", "DTEND") if name in event]
        return "RRULE" in event or "RDATE" in event or (max(times) >= span[0] and min(times) <= span[1])
    except Exception:  # noqa: BLE001 - as above
        return True
