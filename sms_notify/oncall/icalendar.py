"""Who is on call by a calendar: iCalendar (RFC 5545) from a file or an address → shifts.

Reading wants the extra `ical`. Recurrences, EXDATE and RECURRENCE-ID are the libraries' matter; who an event
means, and what of two that overlap counts, is decided here. Nothing is guessed: what means nobody is reported.
"""

from __future__ import annotations

import http.client
import importlib.metadata
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit
from zoneinfo import ZoneInfo

from sms_notify.errors import UsageError
from sms_notify.net.bounded import Bound, BrokenOff, Leash
from sms_notify.net.connection import connected
from sms_notify.policy.rotations import Shift, by_strength, local_instant, strongest
from sms_notify.secret import Secret

MOST_BYTES = 1_000_000
_MOST_EVENTS = 5_000  # within the span, repetitions counted; each costs a tenth of a millisecond
_MOST_REDIRECTS = 3
_REDIRECTS = (301, 302, 303, 307, 308)
_MARGIN = timedelta(days=2)  # the library takes the span's own clock time for times without a zone
_OFTEN = {"HOURLY", "MINUTELY", "SECONDLY"}
_LONGEST_TITLE = 80


class CalendarError(UsageError):
    """A calendar that cannot be fetched or read; the text holds nothing of its address but the host."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """`shifts` never overlap and lie in the order of time; a gap is not a shift here, so that layers show through.

    `unknown` are the titles of events that count for nobody, each once, with the reason where it is not the name.
    """

    shifts: tuple[Shift, ...]
    unknown: tuple[str, ...]


def read_calendar(
    text: bytes,
    people: Collection[str],
    start: datetime,
    end: datetime,
    timezone: str = "UTC",
    *,
    free_counts: bool = False,
) -> Calendar:
    """The shifts from `start` to `end` (aware), cut to that span. Raises CalendarError.

    An event means the one of `people` whose name its title (SUMMARY) holds, the first of several, however it is
    written (`Alice`, `On call: alice`, `alice (primary)`); else the first who is invited and has not declined, by
    what stands before the @. Days, and times without a zone, are by the clock of `timezone`. Where two overlap,
    the later-starting holds it: a day's swap goes before the week it lies in.

    Cancelled events count for nobody. Nor do those marked as free (TRANSP:TRANSPARENT), unless `free_counts`:
    several calendars mark every whole day so.
    """
    names, zone = _Names(people), ZoneInfo(timezone)
    found: list[Shift] = []
    unknown: dict[str, None] = {}
    for event in _events(text, start - _MARGIN, end + _MARGIN, unknown):
        begins, ends = _instant(event.get("DTSTART").dt, zone), _instant(event.get("DTEND").dt, zone)
        if begins >= end or ends <= start or begins >= ends or _word(event, "STATUS") == "CANCELLED":
            continue
        person = names.meant(event)
        if person is None:
            unknown[_title(event)] = None
        elif _word(event, "TRANSP") == "TRANSPARENT" and not free_counts:
            unknown[f"{_title(event)} (is marked as free)"] = None
        else:
            found.append(Shift(person, begins, ends))
    held = strongest(by_strength(found), start, end)
    return Calendar(tuple(shift for shift in held if shift.person is not None), tuple(unknown))


class _Names:
    """Finds people in what somebody typed: whole names only, whatever their case and their accents' coding."""

    def __init__(self, people: Collection[str]) -> None:
        self._people = {_folded(person): person for person in sorted(people) if _folded(person)}
        longest_first = sorted(self._people, key=len, reverse=True)
        either = "|".join(re.escape(name) for name in longest_first) or r"(?!)"
        # `an` stands neither in `an-sofie` nor in `bob@an.example`, but it does in `an's week`
        self._pattern = re.compile(rf"(?<![\w@])(?<!\w[-.+])(?:{either})(?!\w)(?![-.+]\w)")

    def meant(self, event: Any) -> str | None:
        """Whose shift an event is."""
        title = _folded(_first(event, "SUMMARY"))
        found = self._pattern.search(title)
        if title in self._people:
            return self._people[title]
        return self._people[found[0]] if found else self._invited(event)

    def _invited(self, event: Any) -> str | None:
        for attendee in _all(event, "ATTENDEE"):
            name, at, _ = _folded(attendee).removeprefix("mailto:").partition("@")
            declined = str(attendee.params.get("PARTSTAT", "")).upper() == "DECLINED"
            if at and not declined and name in self._people:
                return self._people[name]
        return None


def _events(text: bytes, start: datetime, end: datetime, unknown: dict[str, None]) -> Iterator[Any]:
    """What happens in the span. Each event with its changes is read by itself, so that a broken one spoils no other."""
    query, number = _library("recurring_ical_events"), 0
    for series in _series(text):
        try:
            _refuse_unclear(series)
            events = query.of(series).between(start, end)
        except Exception as error:  # noqa: BLE001 - a calendar is typed by people, and the library raises many kinds
            why = str(error) if isinstance(error, CalendarError) else "cannot be read"
            unknown[f"{_title(series.events[0])} ({why})"] = None
            continue
        number += len(events)
        if number > _MOST_EVENTS:
            raise CalendarError(
                f"the calendar holds more than {_MOST_EVENTS} events at once: take one that says who is on call alone"
            )
        yield from events


def _library(name: str) -> Any:
    """Imported when a calendar is read: an extra, and 150 ms."""
    try:
        import icalendar
        import recurring_ical_events  # type: ignore[import-untyped]
    except ImportError:
        raise CalendarError(
            "calendars are read with two more libraries: pip install 'sms-notify[ical]'"
        ) from None
    return {"icalendar": icalendar, "recurring_ical_events": recurring_ical_events}[name]


def _series(text: bytes) -> Iterator[Any]:
    """For each event a calendar that holds it, with the changes of single repetitions (same UID)."""
    for calendar in _parsed(text):
        together: dict[str, list[Any]] = {}
        for place, event in enumerate(calendar.walk("VEVENT")):
            together.setdefault(_first(event, "UID") or f" {place}", []).append(event)
        head = {key: calendar[key] for key in ("X-WR-TIMEZONE", "CALSCALE") if key in calendar}
        for events in together.values():
            series = type(calendar)(head)
            series.subcomponents = events
            yield series


def _parsed(text: bytes) -> list[Any]:
    library = _library("icalendar")
    if len(text) > MOST_BYTES:
        raise CalendarError(
            f"the calendar is longer than {MOST_BYTES} bytes: take one of on-call shifts alone"
        )
    try:
        calendars = library.Calendar.from_ical(text, multiple=True)
    except Exception:  # noqa: BLE001 - as above; its text quotes the page and goes no further
        raise _no_calendar() from None
    if not calendars or any(calendar.name != "VCALENDAR" for calendar in calendars):
        raise _no_calendar()
    return list(calendars)


def _no_calendar() -> CalendarError:
    return CalendarError(
        "it is no iCalendar (BEGIN:VCALENDAR … END:VCALENDAR), or cut off: a page to log in, perhaps, or the "
        "address of a calendar's web page; take the address that ends in .ics"
    )


def _refuse_unclear(series: Any) -> None:
    """Raises CalendarError for what the library would take in good faith, or work on for hours."""
    for event in series.events:
        for name in ("DTSTART", "DTEND"):
            when = event.get(name)
            if when is not None and "TZID" in when.params and getattr(when.dt, "tzinfo", UTC) is None:
                raise CalendarError("is in an unknown time zone")
        for rule in _all(event, "RRULE"):
            a_day = [len(rule.get(part, ["once"])) for part in ("BYHOUR", "BYMINUTE", "BYSECOND")]
            if (
                _OFTEN & {str(freq).upper() for freq in rule.get("FREQ", ())}
                or a_day[0] * a_day[1] * a_day[2] > 24
            ):
                raise CalendarError("repeats too often for a shift")


def _instant(value: date, zone: ZoneInfo) -> datetime:
    """UTC. A clock time that spring leaves out is as much later as the clocks jump: so says RFC 5545, 3.3.5."""
    if not isinstance(value, datetime):
        return local_instant(value, 0, zone)
    return (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(UTC)


def _all(event: Any, name: str) -> Iterable[Any]:
    value = event.get(name, [])
    return value if isinstance(value, list) else [value]


def _first(event: Any, name: str) -> str:
    return next((str(value) for value in _all(event, name)), "")


def _word(event: Any, name: str) -> str:
    return _first(event, name).strip().upper()


def _title(event: Any) -> str:
    shown = "".join(char if char.isprintable() else " " for char in _first(event, "SUMMARY"))
    return " ".join(shown.split())[:_LONGEST_TITLE].rstrip() or "(no title)"


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def fetch_calendar(url: Secret, timeout: float, ca_file: str = "") -> bytes:
    """What stands at `url` (which may hold a token), at most MOST_BYTES, within `timeout` seconds in all.

    Up to three redirects, never from https to http. `ca_file` (PEM) is trusted besides the machine's authorities.
    Raises CalendarError, which names the host alone.
    """

    def work(leash: Leash) -> bytes | CalendarError:
        try:
            return _fetched(url.reveal(), leash, ca_file)
        except CalendarError as error:
            return error

    got = Bound(timeout).run(work)
    if isinstance(got, bytes):
        return got
    why = got.detail if isinstance(got, BrokenOff) else got
    raise CalendarError(f"the calendar at {_host(url)} could not be fetched: {why}")


def _host(url: Secret) -> str:
    try:
        return urlsplit(url.reveal()).hostname or "an address without a host"
    except ValueError:
        return "an address that is none"


def _fetched(url: str, leash: Leash, ca_file: str) -> bytes:
    for _ in range(_MOST_REDIRECTS + 1):
        parts = _split(url)
        connection = connected(url, leash, ca_file)
        try:
            _ask(connection, parts)
            with connection.getresponse() as response:
                if response.status not in _REDIRECTS:
                    return _body(response)
                url = _next(parts, response.getheader("Location") or "")
        finally:
            connection.close()
    raise CalendarError("it sends us on and on: write the last address")


def _split(url: str) -> SplitResult:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise CalendarError("the address must begin with https:// and name a host")
    if parts.username is not None or parts.password is not None:
        raise CalendarError("the address holds a user name or password; take one with a token in its path")
    return parts


def _ask(connection: http.client.HTTPConnection, parts: SplitResult) -> None:
    headers = {
        "User-Agent": f"sms-notify/{importlib.metadata.version('sms-notify')}",
        "Accept": "text/calendar, */*;q=0.1",
        "Connection": "close",
    }
    connection.request(
        "GET", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), headers=headers
    )


def _body(response: http.client.HTTPResponse) -> bytes:
    if response.status != 200:
        raise CalendarError(f"HTTP {response.status}")
    if response.getheader("Content-Encoding", "identity").lower() != "identity":
        raise CalendarError("it comes compressed, which nobody asked for")
    body = response.read(MOST_BYTES + 1)
    if len(body) > MOST_BYTES:
        raise CalendarError(f"it is longer than {MOST_BYTES} bytes: take a calendar of on-call shifts alone")
    if response.length:  # http.client does not mind when a read of so many bytes ends early
        raise CalendarError("the connection was lost halfway")
    return body


def _next(parts: SplitResult, location: str) -> str:
    """Where a redirect leads; never away from TLS. What it says is not quoted: it may hold a token."""
    url = urljoin(parts.geturl(), location)
    if not location or url == parts.geturl():
        raise CalendarError("it sends us nowhere")
    if parts.scheme == "https" and urlsplit(url).scheme != "https":
        raise CalendarError("it sends us on to an address without https, which is not followed")
    return url
