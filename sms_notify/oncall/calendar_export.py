"""Shifts as an iCalendar file (RFC 5545), for the calendar on somebody's phone.

Written here and not by the library that reads calendars: an export has three kinds of line, and works without the extra.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sms_notify.oncall.roster import by_schedule
from sms_notify.policy.rotations import Schedule, Shift, shifts
from sms_notify.store.oncall_rows import Override

EXPORTED = timedelta(weeks=26)
AROUND = timedelta(weeks=8)
"""How far beyond a span the beginnings and the ends of its shifts are looked for."""
_LONGEST = 75  # octets of a line without its end, RFC 5545 section 3.1
_ESCAPED = str.maketrans({"\\": r"\\", ";": r"\;", ",": r"\,", "\n": r"\n"})
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def export(
    schedules: Mapping[str, Schedule],
    made: Sequence[Override],
    now: datetime,
    site: str,
    schedule: str | None = None,
    person: str | None = None,
) -> bytes:
    """The file with the shifts of one schedule, or of all, and of one person, or of all; `made` as `coming_shifts` takes them.
    Raises LookupError where there is none: a calendar must hold something.
    """
    chosen = [one for one in schedules.values() if schedule in (None, one.name)]
    found = coming_shifts(chosen, made, now, EXPORTED, person)
    if not found:
        raise LookupError(f"There is no such shift in the next {EXPORTED.days // 7} weeks.")
    return calendar_of(found, " ".join(filter(None, ("On call", schedule, person))), site, now)


def coming_shifts(
    schedules: Iterable[Schedule],
    made: Sequence[Override],
    now: datetime,
    ahead: timedelta,
    person: str | None = None,
) -> list[tuple[Schedule, Shift]]:
    """What goes on at `now` or begins within `ahead`, the first to begin first, without gaps; of one person where one is named.

    Each has its own beginning and end, unless these are more than AROUND before `now` or behind the span. `made` are the
    overrides that count and have not ended by `now - AROUND`.
    """
    lying, last = by_schedule(made), now + ahead
    found = [
        (schedule, shift)
        for schedule in schedules
        for shift in shifts(schedule, lying.get(schedule.name, ()), now - AROUND, last + AROUND)
        if shift.person is not None
        and person in (None, shift.person)
        and shift.start < last
        and shift.end > now
    ]
    return sorted(found, key=lambda one: one[1].start)


def calendar_of(found: Iterable[tuple[Schedule, Shift]], name: str, site: str, now: datetime) -> bytes:
    """The file. `name` is how a calendar shows it; `site` an address of ours, for names that no other installation gives."""
    host = urlsplit(site).hostname or "sms-notify"
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//sms-notify//on call//EN", "METHOD:PUBLISH"]
    lines.append(f"X-WR-CALNAME:{_text(name)}")
    for schedule, shift in found:
        lines += _event(schedule.name, shift, host, now)
    return b"".join(_folded(line) for line in (*lines, "END:VCALENDAR"))


def _event(schedule: str, shift: Shift, host: str, now: datetime) -> list[str]:
    """A shift is known by its schedule and its beginning, whoever holds it: a second import changes it. One that began before
    all that was looked at is the only one of its schedule.
    """
    begins = _utc(shift.start) if shift.start > now - AROUND else "running"
    return [
        "BEGIN:VEVENT",
        f"UID:{_text(f'{schedule}-{begins}@{host}')}",
        f"DTSTAMP:{_utc(now)}",
        f"DTSTART:{_utc(shift.start)}",
        f"DTEND:{_utc(shift.end)}",
        f"SUMMARY:{_text(f'{shift.person} ({schedule})')}",
        "TRANSP:TRANSPARENT",  # who is on call may be invited to a meeting
        "END:VEVENT",
    ]


def _utc(at: datetime) -> str:
    """Times of ours are UTC."""
    return f"{at:%Y%m%dT%H%M%SZ}"


def _text(value: str) -> str:
    """RFC 5545 section 3.3.11."""
    return _CONTROL.sub("", value).translate(_ESCAPED)


def _folded(line: str) -> bytes:
    """One line with its end; a longer one goes on behind a blank. No character is torn."""
    left = line.encode()
    pieces: list[bytes] = []
    while len(left) > _LONGEST - bool(pieces):
        cut = _LONGEST - bool(pieces)
        while left[cut] & 0xC0 == 0x80:  # the middle of a character in UTF-8
            cut -= 1
        pieces.append(left[:cut])
        left = left[cut:]
    return b"\r\n ".join([*pieces, left]) + b"\r\n"
