"""What entries of calendars mean that people and programs write in their own way: each right value a row."""

from __future__ import annotations

import warnings

import pytest
from test_calendars import END, START, event, ical, read, reported, told

from sms_notify.oncall.icalendar import read_calendar

HOUR = ("20260105T080000Z", "DTEND:20260105T090000Z")


def meant(title: str, *lines: str) -> tuple[str | None, str]:
    """Who is on call by a title, and what is reported of it."""
    found = read(event(title, *HOUR, *lines))
    return (found.shifts[0].person if found.shifts else None), "; ".join(r.why for r in found.reports)


# Titles that say that nobody is on call


@pytest.mark.parametrize(
    ("title", "says"),
    [
        ("Canceled: alice", "canceled"),
        ("Cancelled: On call alice", "cancelled"),
        ("CANCELED: alice", "canceled"),
        ("Canceled: Canceled: alice", "canceled"),
        ("[CANCELLED] alice", "cancelled"),
        ("alice (cancelled)", "cancelled"),
        ("Geannuleerd: alice", "geannuleerd"),
        ("Annulé : alice", "annule"),
        ("Annulée: alice", "annulee"),
        ("Abgesagt: alice", "abgesagt"),
        ("Cancelado: alice", "cancelado"),
        ("Annullato: alice", "annullato"),
        ("Avlyst: alice", "avlyst"),
        ("Aflyst: alice", "aflyst"),
        ("Inställt: alice", "installt"),
        ("Odwołane: alice", "odwołane"),
        ("Zrušeno: alice", "zruseno"),
        ("已取消: alice", "已取消"),
        ("キャンセル済み: alice", "キャンセル済み"),
        ("Annulleret: alice", "annulleret"),
        ("Entfällt: alice", "entfallt"),
        ("Отменена: alice", "отменена"),
        ("Declined: alice", "declined"),
        ("alice vacation", "vacation"),
        ("Vacation: Alice", "vacation"),
        ("alice's holiday", "holiday"),
        ("alice OOO", "ooo"),
        ("OOO - alice", "ooo"),
        ("alice is out of office", "out of office"),
        ("alice: out-of-office", "out-of-office"),
        ("alice PTO", "pto"),
        ("alice on leave", "leave"),
        ("alice sick", "sick"),
        ("alice day off", "day off"),
        ("alice is off", "off"),
        ("alice away", "away"),
        ("alice unavailable", "unavailable"),
        ("alice's birthday", "birthday"),
        ("alice vakantie", "vakantie"),
        ("Verlof alice", "verlof"),
        ("alice congés", "conges"),
        ("alice en vacances", "vacances"),
        ("alice Urlaub", "urlaub"),
        ("alice krank", "krank"),
        ("alice vacaciones", "vacaciones"),
        ("alice not on call", "not"),
        ("alice is not available", "not"),
        ("alice: no on-call", "no on-call"),
        ("alice niet van wacht", "niet"),
        ("alice n'est pas de garde", "pas"),
        ("alice hat keine Bereitschaft", "keine"),
        ("alice covers bob's vacation", "vacation"),
    ],
)
def test_a_title_that_says_the_contrary_puts_nobody_on_call_and_is_reported(title: str, says: str) -> None:
    assert meant(title) == (None, f"its title says `{says}`")


@pytest.mark.parametrize(
    ("title", "why"),
    [
        ("not alice", "its title excludes alice"),
        ("NOT Alice!", "its title excludes alice"),
        ("no alice", "its title excludes alice"),
        ("without alice", "its title excludes alice"),
        ("niet alice", "its title excludes alice"),
        ("nicht alice", "its title excludes alice"),
        ("sans alice", "its title excludes alice"),
        ("instead of alice", "its title excludes alice"),
        ("not alice, not bob", "its title excludes alice and bob"),
    ],
)
def test_a_title_that_excludes_somebody_puts_nobody_on_call(title: str, why: str) -> None:
    assert meant(title) == (None, why)
    assert meant(title, "ATTENDEE:mailto:alice@example.org") == (None, why)


@pytest.mark.parametrize(
    "title",
    [
        "Holiday cover: alice",
        "Out of hours: alice",
        "out-of-hours alice",
        "Off-hours on-call: alice",
        "Holiday on-call alice",
        "Roll-out alice",
        "On-call NO: alice",
        "alice, No. 2",
        "Dienst alice",
        "alice (week 14)",
        "alice - kick-off",
    ],
)
def test_words_that_only_sound_like_an_absence_change_nothing(title: str) -> None:
    assert meant(title) == ("alice", "")


def test_a_person_whose_name_is_such_a_word_is_a_person() -> None:
    text = ical(event("On call: Frei", *HOUR))

    assert [s.person for s in read_calendar(text, ["frei"], START, END).shifts] == ["frei"]


@pytest.mark.parametrize(
    ("title", "person", "why"),
    [
        ("bob/alice", "bob", "it names alice, too"),
        ("bob for alice", "bob", "it names alice, too"),
        ("an, then bob, then alice", "an", "it names bob and alice, too"),
        ("alice (Alice's phone)", "alice", ""),
        ("bob, not alice", "bob", "it names alice, too"),
        ("not alice but bob", "bob", "it names alice, too"),
        ("bob instead of alice", "bob", "it names alice, too"),
    ],
)
def test_the_first_of_several_names_counts_and_the_others_are_reported(
    title: str, person: str, why: str
) -> None:
    assert meant(title) == (person, why)


def test_what_the_calendar_marks_as_an_absence_puts_nobody_on_call() -> None:
    assert meant("alice", "X-MICROSOFT-CDO-BUSYSTATUS:OOF") == (None, "it is marked as out of office")
    assert meant("alice", "X-MICROSOFT-CDO-BUSYSTATUS:FREE") == ("alice", "")
    assert meant("alice", "CATEGORIES:Team,Holiday") == (None, "its category says `holiday`")
    assert meant("alice", "CATEGORIES:On call") == ("alice", "")


def test_the_status_of_an_entry_is_heard() -> None:
    assert meant("alice", "STATUS:CONFIRMED") == ("alice", "")
    assert meant("alice", "STATUS:TENTATIVE") == ("alice", "it is tentative")
    assert meant("alice", "STATUS:CANCELLED") == meant("alice", "STATUS:canceled") == (None, "")


def test_whoever_declined_is_not_on_call_even_where_the_title_names_them() -> None:
    declined = "ATTENDEE;PARTSTAT=DECLINED:mailto:alice@example.org"

    assert meant("alice", declined) == (None, "alice has declined it")
    assert meant("alice", declined.replace("DECLINED", "ACCEPTED")) == ("alice", "")
    assert meant("alice", declined.replace("alice@", "bob@")) == ("alice", "")


def test_of_several_who_are_invited_the_first_counts_and_the_others_are_reported() -> None:
    invited = ("ATTENDEE:mailto:bob@example.org", "ATTENDEE:mailto:alice@example.org")

    assert meant("On call", *invited) == ("bob", "it names alice, too")
    assert meant("Canceled: On call", *invited) == (None, "its title says `canceled`")
    assert meant("Jan.Peeters@example.org") == ("jan peeters", "")
    assert meant("On call", "ATTENDEE:mailto:Jan.Peeters@example.org") == ("jan peeters", "")
    assert meant("On call", 'ATTENDEE;CN="Jan Peeters":mailto:jp7@example.org') == ("jan peeters", "")


@pytest.mark.parametrize(
    ("people", "title", "person"),
    [
        (["André"], "On call: ANDRE", "André"),
        (["andre"], "André", "andre"),
        (["andre", "andré"], "On call: André", "andré"),
        (["andre", "andré"], "On call: Andre", "andre"),
        (["Zoë", "Zoé"], "On call: Zoe", None),
        (["Straße"], "STRASSE", "Straße"),
        (["Ada Lovelace", "Ada"], "Ada Lovelace", "Ada Lovelace"),
        (["J. Peeters"], "On call: j._peeters and nobody else", "J. Peeters"),
        (["a.b", "a b"], "On call: a b", "a b"),
        (["a.b", "a b"], "On call: a.b", "a.b"),
    ],
)
def test_an_accent_may_be_left_out_where_one_person_alone_is_meant(
    people: list[str], title: str, person: str | None
) -> None:
    found = read_calendar(ical(event(title, *HOUR)), people, START, END)

    assert [s.person for s in found.shifts] == ([person] if person else [])
    assert bool(found.reports) is (person is None)


def test_a_calendar_that_takes_its_entries_back_puts_nobody_on_call() -> None:
    assert read(event("alice", *HOUR), head="METHOD:CANCEL").shifts == ()
    assert [s.person for s in read(event("alice", *HOUR), head="METHOD:PUBLISH").shifts] == ["alice"]


def test_a_line_folded_inside_a_character_is_read() -> None:
    raw = ical(event("On call: André", *HOUR))
    inside = raw.index("é".encode()) + 1
    folded = raw[:inside] + b"\r\n " + raw[inside:]

    assert [s.person for s in read_calendar(folded, ["André"], START, END).shifts] == ["André"]


# One entry: when it is

BRUSSELS, NEW_YORK, ADELAIDE = "Europe/Brussels", "America/New_York", "Australia/Adelaide"


@pytest.mark.parametrize(
    ("lines", "zone", "shift"),
    [
        (("DTSTART;VALUE=DATE:20260105", "DTEND;VALUE=DATE:20260105"), BRUSSELS, "01-04 23:00 01-05 23:00"),
        (("DTSTART;VALUE=DATE:20260105",), BRUSSELS, "01-04 23:00 01-05 23:00"),
        (("DTSTART:20260105",), BRUSSELS, "01-04 23:00 01-05 23:00"),
        (("DTSTART;TZID=America/New_York;VALUE=DATE:20260105",), BRUSSELS, "01-04 23:00 01-05 23:00"),
        (("DTSTART;VALUE=DATE;TZID=America/New_York:20260105", "DTEND;VALUE=DATE;TZID=America/New_York:20260107"),
         BRUSSELS, "01-04 23:00 01-06 23:00"),
        (("DTSTART;VALUE=DATE:20260105", "DURATION:P1D"), BRUSSELS, "01-04 23:00 01-05 23:00"),
        (("DTSTART;VALUE=DATE:20260105", "DURATION:P1W"), NEW_YORK, "01-05 05:00 01-12 05:00"),
        (("DTSTART;TZID=Europe/Brussels:20260105T080000Z", "DURATION:PT1H"), NEW_YORK, "01-05 08:00 01-05 09:00"),
        (("DTSTART;TZID=W. Europe Standard Time:20260705T080000", "DURATION:PT1H"), NEW_YORK, "07-05 06:00 07-05 07:00"),
        (('DTSTART;TZID="Eastern Standard Time":20260705T080000', "DURATION:PT1H"), BRUSSELS, "07-05 12:00 07-05 13:00"),
        (("DTSTART;TZID=/mozilla.org/20050126_1/Europe/Brussels:20260705T080000", "DURATION:PT1H"), "UTC",
         "07-05 06:00 07-05 07:00"),
        (("DTSTART:20260705T080000", "DTEND:20260705T080000Z"), BRUSSELS, "07-05 06:00 07-05 08:00"),
        # The clocks go forward on 29 March at 02:00 in Brussels: that day has 23 hours.
        (("DTSTART;TZID=Europe/Brussels:20260328T200000", "DURATION:P1D"), "UTC", "03-28 19:00 03-29 18:00"),
        (("DTSTART;TZID=Europe/Brussels:20260328T200000", "DURATION:PT24H"), "UTC", "03-28 19:00 03-29 19:00"),
        (("DTSTART;TZID=Europe/Brussels:20260328T200000", "DURATION:P1DT1H"), "UTC", "03-28 19:00 03-29 19:00"),
        (("DTSTART;TZID=Europe/Brussels:20260328T200000", "DURATION:PT12H"), "UTC", "03-28 19:00 03-29 07:00"),
        (("DTSTART;TZID=Europe/Brussels:20260328T200000", "DURATION:+P1D"), "UTC", "03-28 19:00 03-29 18:00"),
        (("DTSTART;TZID=Europe/Brussels:20260328T200000", "DTEND;TZID=Europe/Brussels:20260329T080000"), "UTC",
         "03-28 19:00 03-29 06:00"),
        (("DTSTART;TZID=Europe/Brussels:20260329T023000", "DURATION:PT1H"), "UTC", "03-29 01:30 03-29 02:30"),
        (("DTSTART:20261025T003000Z", "DTEND:20261025T013000Z"), BRUSSELS, "10-25 00:30 10-25 01:30"),
        (("DTSTART:20260105T080000Z", "DTEND:20260105T100000Z", "DURATION:PT2H"), "UTC", "01-05 08:00 01-05 10:00"),
    ],
)  # fmt: skip
def test_an_entry_is_when_its_lines_say(lines: tuple[str, ...], zone: str, shift: str) -> None:
    found = read(event("alice", *lines), zone=zone)

    assert [f"{s.start:%m-%d %H:%M} {s.end:%m-%d %H:%M}" for s in found.shifts] == [shift]
    assert found.reports == ()


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (("20260105T080000Z", "DTEND:20260105T070000Z"), "it ends before it begins"),
        (("DTSTART;VALUE=DATE:20260105", "DTEND;VALUE=DATE:20260104"), "it ends before it begins"),
        (("20260105T080000Z", "DURATION:-PT1H"), "it ends before it begins"),
        (("20260105T080000Z", "RRULE:FREQ=WEEKLY", "DTEND:20260105T070000Z"), "it ends before it begins"),
        (("20260105T080000Z",), "it has no length"),
        (("20260105T080000Z", "DTEND:20260105T080000Z"), "it has no length"),
        (("20260105T080000Z", "DURATION:PT0S"), "it has no length"),
        (("20260105T080000Z", "RRULE:FREQ=WEEKLY"), "it has no length"),
        (("DTSTART;VALUE=DATE:20260105", "DURATION:P0D"), "it has no length"),
        (("DTSTART;VALUE=DATE:20260105", "DURATION:PT8H"), "it is of whole days and lasts hours"),
        (("DTSTART;VALUE=DATE:20260105", "DTEND:20260106T080000Z"),
         "it begins with a day and ends with a time, or the other way round"),
        (("20260105T080000Z", "DTEND;VALUE=DATE:20260106"),
         "it begins with a day and ends with a time, or the other way round"),
        (("20260105T080000Z", "DTEND:20260105T090000Z", "DURATION:PT2H"), "its DTEND and its DURATION differ"),
        (("20260105T080000Z", "DURATION:P1Y"), "its DURATION cannot be read"),
        (("20260105T250000Z", "DURATION:PT1H"), "it cannot be read"),
        (('DTSTART;TZID="(UTC+01:00) Brussels, Paris":20260105T080000', "DURATION:PT1H"), "its time zone is unknown"),
        (("20260105T080000Z", "DTEND;TZID=GMT+1:20260105T100000"), "its time zone is unknown"),
        (("20260105T080000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY", "EXDATE;TZID=GMT+1:20260106T080000"),
         "its time zone is unknown"),
        (("20260105T080000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY", "EXRULE:FREQ=WEEKLY;BYDAY=MO"),
         "it leaves repetitions out by EXRULE, which is not understood: use EXDATE"),
        (("20260105T080000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;UNTIL=20250105"), "its repetitions end before it begins"),
        (("20260105T080000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;INTERVAL=0"), "its INTERVAL or COUNT is less than 1"),
        (("20260105T080000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=0"), "its INTERVAL or COUNT is less than 1"),
        (("20260105T080000Z", "DURATION:PT1H", "RECURRENCE-ID;RANGE=THISANDPRIOR:20260105T080000Z"),
         "it changes a range of repetitions that is not understood: THISANDPRIOR"),
    ],
)  # fmt: skip
def test_times_that_make_no_shift_are_reported_and_spoil_no_other(lines: tuple[str, ...], why: str) -> None:
    found = read(event("alice", *lines), event("bob", "20260705T080000Z", "DTEND:20260705T090000Z"))

    assert told(found) == [("bob", "07-05 08:00", "07-05 09:00")]
    assert reported(found) == [f"alice: {why}"]


def test_an_entry_that_never_ends_counts_on_and_on() -> None:
    assert told(read(event("alice", "20260705T080000Z", "DTEND:99991231T235959Z"))) == [
        ("alice", "07-05 08:00", "01-01 00:00")
    ]


def test_what_is_wrong_with_the_past_is_not_reported() -> None:
    assert read(event("alice", "20190105T080000Z", "DTEND:20190105T070000Z")).reports == ()


def defined(name: str, offset: str) -> str:
    standard = f"BEGIN:STANDARD\r\nDTSTART:16010101T000000\r\nTZOFFSETFROM:{offset}\r\nTZOFFSETTO:{offset}\r\nEND:STANDARD"
    return f"BEGIN:VTIMEZONE\r\nTZID:{name}\r\n{standard}\r\nEND:VTIMEZONE"


def test_a_zone_that_a_file_defines_counts_for_that_file_alone() -> None:
    custom = event("alice", "DTSTART;TZID=Customized Time Zone:20260105T080000", "DURATION:PT1H")

    for offset, begins in (("+0100", "01-05 07:00"), ("+0500", "01-05 03:00")):
        found = read(custom, head=defined("Customized Time Zone", offset))
        assert [f"{s.start:%m-%d %H:%M}" for s in found.shifts] == [begins]
    assert reported(read(custom)) == ["alice: its time zone is unknown"]
    assert (
        told(read(custom, defined("Customized Time Zone", "+0100")))[0][1] == "01-05 07:00"
    )  # defined after it


@pytest.mark.parametrize(
    ("own", "begins"), [("America/New_York", "07-05 12:00"), ("W. Europe Standard Time", "07-05 06:00")]
)
def test_the_zone_that_a_calendar_names_for_itself_is_that_of_times_without_one(
    own: str, begins: str
) -> None:
    found = read(
        event("alice", "20260705T080000", "DURATION:PT1H"), zone="Asia/Tokyo", head=f"X-WR-TIMEZONE:{own}"
    )

    assert (told(found)[0][1], found.reports) == (begins, ())


def test_a_zone_of_the_calendar_that_nobody_knows_is_reported_and_the_schedules_counts() -> None:
    found = read(event("alice", "20260705T080000", "DURATION:PT1H"), head="X-WR-TIMEZONE:Nowhere/Land")

    assert told(found)[0][1] == "07-05 06:00"
    assert reported(found) == ["X-WR-TIMEZONE:Nowhere/Land: its time zone is unknown"]


# Repetitions


def begins(*lines: str, zone: str = BRUSSELS, head: str = "") -> list[str]:
    found = read(event("alice", *lines), zone=zone, head=head)
    assert found.reports == ()
    return [f"{s.start:%m-%d %H:%M}" for s in found.shifts]


WEEKS = ["01-05 08:00", "01-12 08:00", "01-19 08:00"]
MONDAYS = ("DTSTART;TZID=Europe/Brussels:20260105T090000", "DURATION:PT1H")
WEST = ("DTSTART;TZID=America/New_York:20260105T200000", "DURATION:PT1H")
WEST_WEEKS = ["01-06 01:00", "01-13 01:00", "01-20 01:00"]
FLOATING = ("DTSTART:20260105T200000", "DURATION:PT1H")
DAYS = ("DTSTART;VALUE=DATE:20260105", "DURATION:P1D")
DAY_WEEKS = ["01-04 23:00", "01-11 23:00", "01-18 23:00"]


@pytest.mark.parametrize(
    ("lines", "until", "zone", "expected"),
    [
        (MONDAYS, "20260119", BRUSSELS, WEEKS),
        (MONDAYS, "20260118", BRUSSELS, WEEKS[:2]),
        (MONDAYS, "20260119T090000", BRUSSELS, WEEKS),
        (MONDAYS, "20260119T080000Z", BRUSSELS, WEEKS),
        (MONDAYS, "20260119T085959", BRUSSELS, WEEKS[:2]),
        (WEST, "20260119", BRUSSELS, WEST_WEEKS),
        (WEST, "20260119T200000", BRUSSELS, WEST_WEEKS),
        (WEST, "20260119T235959", BRUSSELS, WEST_WEEKS),
        (WEST, "20260120T010000Z", BRUSSELS, WEST_WEEKS),
        (WEST, "20260120T005959Z", BRUSSELS, WEST_WEEKS[:2]),
        (FLOATING, "20260119", NEW_YORK, WEST_WEEKS),
        (FLOATING, "20260119T200000", NEW_YORK, WEST_WEEKS),
        (FLOATING, "20260120T010000Z", NEW_YORK, WEST_WEEKS),
        (DAYS, "20260119", BRUSSELS, DAY_WEEKS),
        (DAYS, "20260119T000000Z", BRUSSELS, DAY_WEEKS),
        (DAYS, "20260118T230000Z", BRUSSELS, DAY_WEEKS),
        (DAYS, "20260119T235959", BRUSSELS, DAY_WEEKS),
        (DAYS, "20260118", BRUSSELS, DAY_WEEKS[:2]),
        (("20260105T080000Z", "DURATION:PT1H"), "20260119", BRUSSELS, WEEKS),
        (("20260105T080000Z", "DURATION:PT1H"), "20260119T080000", BRUSSELS, WEEKS),
    ],
)  # fmt: skip
def test_the_last_repetition_is_the_one_that_until_names(
    lines: tuple[str, ...], until: str, zone: str, expected: list[str]
) -> None:
    assert begins(*lines, f"RRULE:FREQ=WEEKLY;UNTIL={until}", zone=zone) == expected
    assert begins(*lines, f"RRULE:UNTIL={until};FREQ=WEEKLY;BYDAY=MO", zone=zone) == expected


@pytest.mark.parametrize(
    ("lines", "left_out"),
    [
        (MONDAYS, "EXDATE;VALUE=DATE:20260112"),
        (MONDAYS, "EXDATE:20260112"),
        (MONDAYS, "EXDATE;TZID=Europe/Brussels:20260112T090000"),
        (MONDAYS, "EXDATE:20260112T080000Z"),
        (MONDAYS, "EXDATE:20260112T090000"),
        (MONDAYS, "EXDATE;TZID=America/New_York:20260112T030000"),
        (DAYS, "EXDATE;VALUE=DATE:20260112"),
        (DAYS, "EXDATE;TZID=America/New_York;VALUE=DATE:20260112"),
        (DAYS, "EXDATE:20260112T000000"),
        (DAYS, "EXDATE:20260112T000000Z"),
        (DAYS, "EXDATE:20260111T230000Z"),
        (DAYS, "EXDATE;TZID=America/New_York:20260112T000000"),
    ],
)
def test_a_repetition_is_left_out_however_it_is_named(lines: tuple[str, ...], left_out: str) -> None:
    all_of_them = begins(*lines, "RRULE:FREQ=WEEKLY;COUNT=3")

    assert begins(*lines, "RRULE:FREQ=WEEKLY;COUNT=3", left_out) == [all_of_them[0], all_of_them[2]]


def test_one_of_two_shifts_of_a_day_is_left_out_alone_wherever_its_zone_is() -> None:
    twice = (
        "DTSTART;TZID=Pacific/Auckland:20260105T080000",
        "DURATION:PT1H",
        "RRULE:FREQ=DAILY;COUNT=4;BYHOUR=8,20",
    )

    assert begins(*twice) == ["01-04 19:00", "01-05 07:00", "01-05 19:00", "01-06 07:00"]
    assert begins(*twice, "EXDATE;TZID=Pacific/Auckland:20260105T200000") == [
        "01-04 19:00",
        "01-05 19:00",
        "01-06 07:00",
    ]


@pytest.mark.parametrize(
    ("lines", "more", "shift"),
    [
        (MONDAYS, "RDATE:20260106T080000Z", "01-06 08:00 01-06 09:00"),
        (MONDAYS, "RDATE;VALUE=DATE:20260106", "01-06 08:00 01-06 09:00"),
        (MONDAYS, "RDATE;TZID=Europe/Brussels:20260106T090000", "01-06 08:00 01-06 09:00"),
        (MONDAYS, "RDATE;VALUE=PERIOD:20260106T080000Z/PT5H", "01-06 08:00 01-06 13:00"),
        (MONDAYS, "RDATE;VALUE=PERIOD:20260106T080000Z/20260106T120000Z", "01-06 08:00 01-06 12:00"),
        (DAYS, "RDATE;VALUE=DATE:20260107", "01-06 23:00 01-07 23:00"),
        (DAYS, "RDATE:20260107T000000Z", "01-06 23:00 01-07 23:00"),
    ],
)
def test_a_repetition_is_added_however_it_is_named(lines: tuple[str, ...], more: str, shift: str) -> None:
    found = read(event("alice", *lines, more))

    assert found.reports == ()
    assert [f"{s.start:%m-%d %H:%M} {s.end:%m-%d %H:%M}" for s in found.shifts][1:] == [shift]


@pytest.mark.parametrize(
    ("lines", "which"),
    [
        (MONDAYS, "RECURRENCE-ID;TZID=Europe/Brussels:20260112T090000"),
        (MONDAYS, "RECURRENCE-ID:20260112T080000Z"),
        (MONDAYS, "RECURRENCE-ID:20260112T090000"),
        (MONDAYS, "RECURRENCE-ID;VALUE=DATE:20260112"),
        (DAYS, "RECURRENCE-ID;VALUE=DATE:20260112"),
        (DAYS, "RECURRENCE-ID:20260112T000000Z"),
        (DAYS, "RECURRENCE-ID:20260111T230000Z"),
    ],
)
def test_a_change_takes_the_place_of_the_repetition_that_it_names(lines: tuple[str, ...], which: str) -> None:
    series = event("alice", *lines, "RRULE:FREQ=WEEKLY;COUNT=3", uid="u")
    swap = event("bob", "20260113T120000Z", "DURATION:PT1H", which, uid="u")

    for events in ((series, swap), (swap, series)):
        found = read(*events)
        assert [(s.person, f"{s.start:%m-%d}") for s in found.shifts][1:2] == [("bob", "01-13")]
        assert [s.person for s in found.shifts] == ["alice", "bob", "alice"]
        assert found.reports == ()


def test_a_change_of_a_repetition_that_was_removed_since_does_not_count() -> None:
    series = event("alice", *MONDAYS, "RRULE:FREQ=WEEKLY;COUNT=2", "EXDATE:20260112T080000Z", uid="u")
    swap = event("bob", "20260113T120000Z", "DURATION:PT1H", "RECURRENCE-ID:20260112T080000Z", uid="u")

    assert told(read(series, swap)) == [("alice", "01-05 08:00", "01-05 09:00")]


def test_a_change_that_makes_no_shift_is_reported_and_the_series_goes_on() -> None:
    series = event("alice", *MONDAYS, "RRULE:FREQ=WEEKLY;COUNT=2", uid="u")
    broken = event(
        "bob", "20260112T120000Z", "DTEND:20260112T110000Z", "RECURRENCE-ID:20260112T080000Z", uid="u"
    )
    off = event(
        "Canceled: alice", "20260112T080000Z", "DURATION:PT1H", "RECURRENCE-ID:20260112T080000Z", uid="u"
    )

    assert told(read(series, broken)) == told(read(series, off)) == [("alice", "01-05 08:00", "01-05 09:00")]
    assert reported(read(series, broken)) == ["bob: it ends before it begins"]
    assert reported(read(series, off)) == ["Canceled: alice: its title says `canceled`"]


def test_a_change_from_one_repetition_on_moves_all_that_follow() -> None:
    series = event("alice", *MONDAYS, "RRULE:FREQ=WEEKLY;COUNT=4", uid="u")
    later = event(
        "bob",
        "DTSTART;TZID=America/New_York:20260113T040000",
        "DURATION:PT2H",
        "RECURRENCE-ID;RANGE=THISANDFUTURE:20260112T080000Z",
        uid="u",
    )

    assert told(read(series, later)) == [
        ("alice", "01-05 08:00", "01-05 09:00"),
        ("bob", "01-13 09:00", "01-13 11:00"),
        ("bob", "01-20 09:00", "01-20 11:00"),
        ("bob", "01-27 09:00", "01-27 11:00"),
    ]


# One UID, several entries


def test_two_entries_of_one_uid_both_count() -> None:
    found = read(
        event("alice", *MONDAYS, uid="u"), event("bob", "20260106T080000Z", "DURATION:PT1H", uid="u")
    )

    assert told(found) == [("alice", "01-05 08:00", "01-05 09:00"), ("bob", "01-06 08:00", "01-06 09:00")]
    assert found.reports == ()


def test_two_changes_of_one_repetition_both_count() -> None:
    which = "RECURRENCE-ID:20260112T080000Z"
    found = read(
        event("alice", *MONDAYS, "RRULE:FREQ=WEEKLY;COUNT=2", uid="u"),
        event("bob", "20260112T080000Z", "DURATION:PT1H", which, uid="u"),
        event("carol", "20260112T090000Z", "DURATION:PT1H", which, uid="u"),
    )

    assert [s.person for s in found.shifts] == ["alice", "bob", "Carol"]


def test_an_older_version_of_an_entry_is_reported_and_does_not_count() -> None:
    found = read(
        event("alice", *MONDAYS, "SEQUENCE:1", uid="u"),
        event("bob", "20260106T080000Z", "DURATION:PT1H", "SEQUENCE:2", uid="u"),
    )

    assert told(found) == [("bob", "01-06 08:00", "01-06 09:00")]
    assert reported(found) == ["alice: there is a newer version of it (SEQUENCE)"]


def test_a_series_keeps_its_hour_by_the_clock_and_its_length_by_what_was_written() -> None:
    weekly = ("DTSTART;TZID=Europe/Brussels:20260321T200000", "RRULE:FREQ=WEEKLY;COUNT=3")
    by_days, by_hours = (read(event("alice", *weekly, f"DURATION:{length}")) for length in ("P1D", "PT24H"))
    days, hours = (
        [f"{s.start:%m-%d %H} {s.end:%m-%d %H}" for s in found.shifts] for found in (by_days, by_hours)
    )

    assert days == ["03-21 19 03-22 19", "03-28 19 03-29 18", "04-04 18 04-05 18"]
    assert hours == ["03-21 19 03-22 19", "03-28 19 03-29 19", "04-04 18 04-05 18"]


def test_the_first_counts_also_where_its_rule_leaves_it_out() -> None:
    assert begins(*MONDAYS, "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=3") == WEEKS[:1]
    assert begins(*MONDAYS, "RRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=1")[:1] == WEEKS[:1]


def test_days_of_a_series_are_the_schedules_days_whatever_zone_they_bear() -> None:
    odd = ("DTSTART;TZID=Asia/Tokyo;VALUE=DATE:20260105", "DTEND;TZID=Asia/Tokyo;VALUE=DATE:20260106")

    assert begins(*odd, "RRULE:FREQ=WEEKLY;COUNT=3") == DAY_WEEKS


def test_reading_warns_nobody_of_the_libraries_guesses() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read(
            event(
                "alice",
                "DTSTART;TZID=/mozilla.org/20050126_1/Europe/Brussels:20260705T080000",
                "DURATION:PT1H",
            )
        )
        read(event("alice", *MONDAYS, "RRULE:FREQ=WEEKLY;COUNT=3;UNTIL=20260301T000000Z"))
