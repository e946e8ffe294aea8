"""Calendars that people keep, read as shifts; and fetched over real HTTP on loopback."""

from __future__ import annotations

import http.client
import re
import socket
import sys
import threading
import time
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_gateway_transport import SLOW, Behaviour, Loopback, answers, certificate, closes, floods, says

from sms_notify.errors import UsageError
from sms_notify.oncall.calendar_fetch import MOST_BYTES, CalendarError, fetch_calendar
from sms_notify.oncall.icalendar import Calendar, read_calendar
from sms_notify.policy.rotations import Schedule, on_call
from sms_notify.secret import Secret

PEOPLE = ("alice", "bob", "Carol", "an", "an-sofie", "jan peeters")
START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
CANARY = "kanarie-token-7"


def ical(*events: str, head: str = "") -> bytes:
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//test//EN",
        *filter(None, [head]),
        *events,
        "END:VCALENDAR",
        "",
    ]
    return "\r\n".join(lines).encode()


def event(title: str, begins: str, *lines: str, uid: str = "") -> str:
    """`begins` is the line DTSTART or what stands after `DTSTART:`."""
    start = begins if begins.startswith("DTSTART") else f"DTSTART:{begins}"
    name = uid or f"{title}{begins}".replace(":", "").replace(";", "")
    body = [f"UID:{name}", "DTSTAMP:20260101T000000Z", f"SUMMARY:{title}", start, *lines]
    return "\r\n".join(["BEGIN:VEVENT", *body, "END:VEVENT"])


def day(title: str, begins: str, ends: str, *lines: str, uid: str = "") -> str:
    return event(title, f"DTSTART;VALUE=DATE:{begins}", f"DTEND;VALUE=DATE:{ends}", *lines, uid=uid)


def read(*events: str, zone: str = "Europe/Brussels", head: str = "") -> Calendar:
    return read_calendar(ical(*events, head=head), PEOPLE, START, END, zone)


def told(calendar: Calendar) -> list[tuple[str | None, str, str]]:
    return [(s.person, f"{s.start:%m-%d %H:%M}", f"{s.end:%m-%d %H:%M}") for s in calendar.shifts]


def reported(calendar: Calendar) -> list[str]:
    return [f"{report.title}: {report.why}" for report in calendar.reports]


# Whom an event means


def who(title: str, *lines: str) -> str | None:
    found = read(event(title, "20260105T080000Z", "DTEND:20260105T090000Z", *lines))
    person = found.shifts[0].person if found.shifts else None
    assert all(report.person == person for report in found.reports)
    assert found.shifts or found.reports
    return person


@pytest.mark.parametrize(
    ("title", "person"),
    [
        ("alice", "alice"),
        ("  ALICE  ", "alice"),
        ("carol", "Carol"),
        ("On call: alice", "alice"),
        ("alice (primary)", "alice"),
        ("Alice's week", "alice"),
        ("bob/alice", "bob"),
        ("Primary – bob.", "bob"),
        ("on call: AN-SOFIE", "an-sofie"),
        ("an, then bob", "an"),
        ("Jan  Peeters", "jan peeters"),
        ("alice@example.org", "alice"),
        ("malice", None),
        ("alice2", None),
        ("bob-jan", None),
        ("an-marie", None),
        ("dave@bob.example", None),
        ("Dave", None),
        ("On call", None),
        ("", None),
    ],
)
def test_a_title_means_the_first_person_whose_whole_name_it_holds(title: str, person: str | None) -> None:
    assert who(title) == person


def test_an_accent_is_the_same_however_it_is_coded() -> None:
    text = ical(event("On call: andre\u0301", "20260105T080000Z", "DTEND:20260105T090000Z"))

    assert [s.person for s in read_calendar(text, ["Andr\u00e9"], START, END).shifts] == ["Andr\u00e9"]


def test_who_is_invited_counts_where_the_title_names_nobody() -> None:
    bob, alice = "ATTENDEE;CN=B:mailto:bob@example.org", "ATTENDEE:MAILTO:Alice@example.org"
    declined = "ATTENDEE;PARTSTAT=DECLINED:mailto:bob@example.org"

    assert who("On call", alice) == "alice"
    assert who("On call", "ATTENDEE:mailto:desk@example.org", bob, alice) == "bob"
    assert who("On call", declined, alice) == "alice"
    assert who("On call", declined) is None
    assert who("On call: bob", alice) == "bob"
    assert who("On call", "ATTENDEE:alice") is None


def test_who_is_not_known_is_reported_once_and_not_guessed() -> None:
    found = read(
        event("Dave", "20260105T080000Z", "DTEND:20260106T080000Z", "RRULE:FREQ=WEEKLY;COUNT=3"),
        event("  Team\\nlunch  ", "20260105T120000Z", "DTEND:20260105T130000Z"),
        event("", "20260105T120000Z", "DTEND:20260105T130000Z"),
        event("Last year's", "20250105T120000Z", "DTEND:20250105T130000Z"),
    )

    assert found.shifts == ()
    assert [str(report) for report in found.reports] == [
        'the entry "Dave" of Mon 2026-01-05 09:00 (Europe/Brussels) counts for nobody: it names nobody in people',
        'the entry "Team lunch" of Mon 2026-01-05 13:00 (Europe/Brussels) counts for nobody: it names nobody in people',
        'the entry "(no title)" of Mon 2026-01-05 13:00 (Europe/Brussels) counts for nobody: it names nobody in people',
    ]


def test_nobody_is_meant_where_there_are_no_people() -> None:
    text = ical(event("alice", "20260105T080000Z", "DTEND:20260105T090000Z"))

    found = read_calendar(text, [], START, END)
    assert (found.shifts, reported(found)) == ((), ["alice: it names nobody in people"])


def test_cancelled_events_count_for_nobody_and_are_no_riddle() -> None:
    assert read(event("alice", "20260105T080000Z", "DTEND:20260106T080000Z", "STATUS:CANCELLED")) == Calendar(
        (), ()
    )


def test_entries_marked_as_free_count_as_several_calendars_mark_every_whole_day_so() -> None:
    for transparency in ("TRANSPARENT", "OPAQUE"):
        found = read(day("alice", "20260105", "20260106", f"TRANSP:{transparency}"))
        assert ([s.person for s in found.shifts], found.reports) == (["alice"], ())


# When


def test_whole_days_are_from_midnight_to_midnight_of_the_schedule() -> None:
    spring = day("alice", "20260329", "20260330")  # 23 hours in Brussels

    assert told(read(spring)) == [("alice", "03-28 23:00", "03-29 22:00")]
    assert told(read(spring, zone="America/New_York")) == [("alice", "03-29 04:00", "03-30 04:00")]
    assert told(read(event("bob", "DTSTART;VALUE=DATE:20261025"))) == [("bob", "10-24 22:00", "10-25 23:00")]


def test_a_day_without_a_midnight_begins_when_the_clocks_jump() -> None:
    assert told(read(day("alice", "20260906", "20260907"), zone="America/Santiago")) == [
        ("alice", "09-06 04:00", "09-07 03:00")
    ]


def test_times_without_a_zone_are_the_schedules_and_others_their_own() -> None:
    assert told(
        read(
            event("alice", "20260705T080000", "DURATION:PT2H"),
            event(
                "bob",
                "DTSTART;TZID=America/New_York:20260705T080000",
                "DTEND;TZID=America/New_York:20260705T090000",
            ),
            event("Carol", "20260705T200000Z", "DTEND:20260705T210000Z"),
        )
    ) == [
        ("alice", "07-05 06:00", "07-05 08:00"),
        ("bob", "07-05 12:00", "07-05 13:00"),
        ("Carol", "07-05 20:00", "07-05 21:00"),
    ]


def test_a_weekly_shift_keeps_its_local_time_through_the_change_of_clocks() -> None:
    weekly = event(
        "alice",
        "DTSTART;TZID=Europe/Brussels:20260316T090000",
        "DTEND;TZID=Europe/Brussels:20260317T090000",
        "RRULE:FREQ=WEEKLY;COUNT=3",
    )

    assert told(read(weekly)) == [
        ("alice", "03-16 08:00", "03-17 08:00"),
        ("alice", "03-23 08:00", "03-24 08:00"),
        ("alice", "03-30 07:00", "03-31 07:00"),
    ]


def test_the_zone_that_a_calendar_names_for_itself_carries_its_repetitions() -> None:
    weekly = event("alice", "20260323T080000Z", "DTEND:20260323T090000Z", "RRULE:FREQ=WEEKLY;COUNT=2")

    assert told(read(weekly, head="X-WR-TIMEZONE:Europe/Brussels")) == [
        ("alice", "03-23 08:00", "03-23 09:00"),
        ("alice", "03-30 07:00", "03-30 08:00"),
    ]


def test_repetitions_left_out_moved_and_cancelled_are_so() -> None:
    rule = ("DTEND:20260106T080000Z", "RRULE:FREQ=WEEKLY;COUNT=5", "EXDATE:20260112T080000Z")
    series = event("alice", "20260105T080000Z", *rule, uid="u")
    moved = event(
        "bob", "20260120T100000Z", "DTEND:20260121T080000Z", "RECURRENCE-ID:20260119T080000Z", uid="u"
    )
    off = ("DTEND:20260127T080000Z", "RECURRENCE-ID:20260126T080000Z", "STATUS:CANCELLED")

    found = read(series, moved, event("alice", "20260126T080000Z", *off, uid="u"))

    assert told(found) == [
        ("alice", "01-05 08:00", "01-06 08:00"),
        ("bob", "01-20 10:00", "01-21 08:00"),
        ("alice", "02-02 08:00", "02-03 08:00"),
    ]
    assert found.reports == ()


def test_shifts_are_cut_to_the_span_and_what_began_long_before_is_in_it() -> None:
    text = ical(
        event("alice", "20250901T000000Z", "DTEND:20260102T000000Z"),
        event("bob", "20261230T000000Z", "DTEND:20270601T000000Z"),
        event("Carol", "20200101T000000Z", "DTEND:20200101T010000Z", "RRULE:FREQ=YEARLY"),
        event("Carol", "20270101T000000Z", "DTEND:20270102T000000Z"),
    )

    assert told(read_calendar(text, PEOPLE, START, END)) == [
        ("Carol", "01-01 00:00", "01-01 01:00"),  # the later-starting
        ("alice", "01-01 01:00", "01-02 00:00"),
        ("bob", "12-30 00:00", "01-01 00:00"),
    ]


def test_a_day_that_reaches_into_the_span_only_by_the_clock_of_the_schedule_is_in_it() -> None:
    new_year = (day("alice", "20251231", "20260101"), day("bob", "20270101", "20270102"))

    assert told(read(*new_year, zone="America/New_York")) == [("alice", "01-01 00:00", "01-01 05:00")]
    assert told(read(*new_year, zone="Asia/Kathmandu")) == [("bob", "12-31 18:15", "01-01 00:00")]


def test_a_moment_is_no_shift_whoever_it_names_and_is_reported() -> None:
    found = read(event("alice", "20260105T080000Z"), event("reminder", "20260105T080000Z"))

    assert (found.shifts, reported(found)) == ((), ["alice: it has no length", "reminder: it has no length"])


def test_a_swap_of_a_day_goes_before_the_week_it_lies_in() -> None:
    week, swap = day("alice", "20260105", "20260112"), day("bob", "20260107", "20260108")
    expected = [
        ("alice", "01-04 23:00", "01-06 23:00"),
        ("bob", "01-06 23:00", "01-07 23:00"),
        ("alice", "01-07 23:00", "01-11 23:00"),
    ]

    assert told(read(week, swap)) == told(read(swap, week)) == expected


def test_events_of_one_person_that_touch_or_overlap_are_one_shift() -> None:
    found = read(
        day("alice", "20260105", "20260107"),
        day("Alice", "20260106", "20260109"),
        day("alice", "20260109", "20260110"),
    )

    assert told(found) == [("alice", "01-04 23:00", "01-09 23:00")]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["alice", "bob", "Carol"]), st.integers(0, 90), st.integers(1, 20)),
        min_size=1,
        max_size=8,
        unique_by=lambda entry: (entry[1], entry[2]),
    ),
    st.randoms(use_true_random=False),
)
def test_never_two_hold_it_and_the_order_of_the_file_is_nothing(
    entries: list[tuple[str, int, int]], random: Random
) -> None:
    first = date(2026, 2, 20)
    days = [
        day(name, f"{first + timedelta(a):%Y%m%d}", f"{first + timedelta(a + n):%Y%m%d}", uid=str(place))
        for place, (name, a, n) in enumerate(entries)
    ]
    found = read(*days)
    shuffled = days.copy()
    random.shuffle(shuffled)

    assert read(*shuffled) == found
    assert all(one.end <= following.start for one, following in pairwise(found.shifts))
    schedule = Schedule("primary", "Europe/Brussels", calendar=found.shifts)
    for offset in range(-1, 115):
        noon = datetime(2026, 2, 20, 12, tzinfo=ZoneInfo("Europe/Brussels")) + timedelta(days=offset)
        over = [(a, -n, name) for name, a, n in entries if a <= offset < a + n]
        assert on_call(schedule, (), noon.astimezone(UTC)) == (max(over)[2] if over else None)


# What is not a calendar


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<!DOCTYPE html><title>Sign in</title>",
        b"\xff\xfe\x00",
        ical(event("alice", "20260105T080000Z"))[:-18],
        event("alice", "20260105T080000Z").encode(),
    ],
    ids=["nothing", "a page to log in", "noise", "cut off", "no calendar around it"],
)
def test_what_is_no_calendar_is_refused_without_quoting_it(text: bytes) -> None:
    with pytest.raises(
        CalendarError, match=r"is not an iCalendar .* take the address that ends in \.ics"
    ) as caught:
        read_calendar(text, PEOPLE, START, END)

    assert "Sign in" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_an_empty_calendar_is_one_without_shifts() -> None:
    assert read() == Calendar((), ())


def test_a_calendar_over_a_megabyte_is_refused() -> None:
    with pytest.raises(CalendarError, match="longer than 1000000 bytes"):
        read_calendar(ical(head="X-NOTE:" + "x" * MOST_BYTES), PEOPLE, START, END)


def test_events_without_number_are_refused() -> None:
    hours = "BYHOUR=" + ",".join(map(str, range(16)))

    with pytest.raises(CalendarError, match="more than 5000 events"):
        read(event("alice", "20200101T000000Z", "DURATION:PT30M", f"RRULE:FREQ=DAILY;{hours}"))


GOOD = event("bob", "20260705T080000Z", "DTEND:20260705T090000Z")


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (event("alice", "2026070508"), "it cannot be read"),
        (event("alice", "DTSTAMP:20260101T000000Z").replace("DTSTART:", ""), "it cannot be read"),
        (event("alice", "20260705T080000Z", "DURATION:PT1H", "RRULE:FREQ=SOMETIMES"), "it cannot be read"),
        (event("alice", "20260705T080000Z", "DTEND:00001231T235959Z"), "it cannot be read"),
        (
            event("alice", "DTSTART;TZID=Nowhere/Land:20260105T080000", "DURATION:PT1H"),
            "its time zone is unknown",
        ),
        (
            event("alice", "20260705T080000Z", "DURATION:PT1S", "RRULE:FREQ=SECONDLY"),
            "it repeats too often for a shift",
        ),
        (
            event(
                "alice",
                "20260705T080000Z",
                "DURATION:PT1S",
                "RRULE:FREQ=DAILY;BYHOUR=1,2,3,4,5;BYMINUTE=1,2,3,4,5",
            ),
            "it repeats too often for a shift",
        ),
    ],
    ids=["date", "no start", "rule", "no such year", "zone", "secondly", "many a day"],
)
def test_a_broken_event_is_reported_and_spoils_no_other(broken: str, why: str) -> None:
    found = read(broken, GOOD)

    assert told(found) == [("bob", "07-05 08:00", "07-05 09:00")]
    assert reported(found) == [f"alice: {why}"]


def test_without_the_libraries_the_error_says_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "recurring_ical_events", None)

    with pytest.raises(UsageError, match=r"pip install 'sms-notify\[ical\]'"):
        read()


# Fetching

TEXT = ical(GOOD)


def fetched(behave: Behaviour, timeout: float = 20.0) -> bytes:
    with Loopback(behave) as server:
        return fetch_calendar(
            Secret(f"http://127.0.0.1:{server.port}/{CANARY}/basic.ics?k={CANARY}"), timeout
        )


def refusal(behave: Behaviour, timeout: float = 20.0) -> str:
    with pytest.raises(CalendarError) as caught:
        fetched(behave, timeout)
    assert CANARY not in str(caught.value)
    return str(caught.value)


def moved(where: str, status: str = "302 Found") -> Behaviour:
    return answers(b"", status, f"Location: {where}\r\n")


def test_a_calendar_is_fetched_whole_and_reads_as_it_stands() -> None:
    with Loopback(answers(TEXT)) as server:
        body = fetch_calendar(Secret(f"http://127.0.0.1:{server.port}/{CANARY}/basic.ics?k=%20"), 20.0)

    assert body == TEXT
    assert server.requests[0].startswith(f"GET /{CANARY}/basic.ics?k=%20 HTTP/1.1\r\n".encode())
    assert server.connections == 1


def test_a_calendar_in_chunks_or_without_a_length_is_fetched_too() -> None:
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (TEXT[:50], TEXT[50:])) + b"0\r\n\r\n"

    assert fetched(says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)) == TEXT
    assert fetched(says(b"HTTP/1.1 200 OK\r\n\r\n" + TEXT)) == TEXT


@pytest.mark.parametrize("behave", SLOW.values(), ids=SLOW)
def test_fetching_ends_in_time_whatever_the_server_does(behave: Behaviour) -> None:
    began = time.monotonic()

    assert (
        refusal(behave, 0.3)
        == "the calendar at 127.0.0.1 could not be fetched: no answer within the time limit"
    )
    assert time.monotonic() - began < 5


def test_when_time_is_up_the_connection_is_closed() -> None:
    heard: list[bytes] = []

    def listens(conn: socket.socket, _stop: threading.Event) -> None:
        heard.append(conn.recv(1))

    assert "time limit" in refusal(listens, 0.3)
    assert heard == [b""]


@pytest.mark.parametrize(
    ("behave", "why"),
    [
        (answers(b"x" * (MOST_BYTES + 1)), "longer than 1000000 bytes"),
        (floods, "longer than 1000000 bytes"),
        (answers(CANARY.encode(), "404 Not Found"), "fetched: HTTP 404$"),
        (answers(CANARY.encode(), "500 Oops"), "fetched: HTTP 500$"),
        (answers(b"", "204 No Content"), "fetched: HTTP 204$"),
        (answers(TEXT, headers="Content-Encoding: gzip\r\n"), "compressed"),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + TEXT), "lost halfway"),
        (says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFF\r\nBEGIN"), "IncompleteRead"),
        (says(f"220 {CANARY} ESMTP\r\n".encode()), "BadStatusLine"),
        (closes, "connection lost|RemoteDisconnected|reset"),
        (moved(""), "redirects without an address"),
        (moved(f"ftp://127.0.0.1/{CANARY}"), "must begin with https://"),
        (moved(f"http://me:{CANARY}@127.0.0.1/"), "holds a user name or password"),
    ],
    ids=[
        "too long", "endless", "404", "500", "204", "compressed", "cut off", "chunk cut off", "no HTTP", "closed",
        "redirect to nothing", "redirect to ftp", "redirect with a password",
    ],
)  # fmt: skip
def test_what_cannot_be_fetched_is_told_without_the_address(behave: Behaviour, why: str) -> None:
    text = refusal(behave)

    assert text.startswith("the calendar at 127.0.0.1 could not be fetched: ")
    assert re.search(why, text)


def test_a_redirect_is_followed_and_a_ring_of_them_is_left() -> None:
    with Loopback(answers(TEXT)) as target, Loopback(moved(f"http://127.0.0.1:{target.port}/b.ics")) as first:
        assert fetch_calendar(Secret(f"http://127.0.0.1:{first.port}/a.ics"), 20.0) == TEXT
    assert target.requests[0].startswith(b"GET /b.ics ")

    with Loopback(moved(f"deeper/{CANARY}")) as ring, pytest.raises(CalendarError, match="again and again"):
        fetch_calendar(Secret(f"http://127.0.0.1:{ring.port}/a.ics"), 20.0)
    assert ring.connections == 4


def test_over_tls_the_certificate_counts_and_no_redirect_leads_away(tmp_path: Path) -> None:
    ca_file, context = certificate(tmp_path, "IP:127.0.0.1")
    with Loopback(answers(TEXT), context) as server:
        url = Secret(f"https://127.0.0.1:{server.port}/{CANARY}.ics")
        assert fetch_calendar(url, 20.0, ca_file) == TEXT
        with pytest.raises(CalendarError, match="certificate not accepted"):
            fetch_calendar(url, 20.0)
        with pytest.raises(CalendarError, match="ca_file cannot be used: No such file"):
            fetch_calendar(url, 20.0, str(tmp_path / "none.pem"))
    assert len(server.requests) == 1

    with Loopback(answers(TEXT)) as plain:
        away = moved(f"http://127.0.0.1:{plain.port}/{CANARY}")
        with Loopback(away, context) as server, pytest.raises(CalendarError, match="without https") as caught:
            fetch_calendar(Secret(f"https://127.0.0.1:{server.port}/a.ics"), 20.0, ca_file)
    assert plain.connections == 0
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        (
            f"ftp://example.org/{CANARY}",
            "example.org could not be fetched: the address must begin with https://",
        ),
        (f"https:///{CANARY}", "name a host"),
        (f"https://me:{CANARY}@127.0.0.1/", "127.0.0.1 could not be fetched: the address holds a user name"),
        (f"https://[{CANARY}", "an invalid address"),
        (f"http://127.0.0.1:1/{CANARY}", "Connection refused"),
    ],
)
def test_an_address_that_cannot_be_used_is_told_without_it(url: str, why: str) -> None:
    with pytest.raises(CalendarError, match=why) as caught:
        fetch_calendar(Secret(url), 5.0)

    assert CANARY not in str(caught.value)


def test_the_address_is_not_printed_even_where_http_client_is_told_to_print(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)

    assert fetched(answers(TEXT)) == TEXT
    assert capsys.readouterr().out == ""
