"""Rotations hand over when the wall clock says so, whatever the clocks do; and exactly one person, or nobody, holds it."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sms_notify.policy.rotations import (
    Layer,
    Rotation,
    Schedule,
    Shift,
    check,
    first_turn,
    gaps,
    local_instant,
    on_call,
    parse_every,
    parse_handoff,
    shifts,
)
from sms_notify.policy.time_intervals import TimeInterval, active

BRUSSELS = "Europe/Brussels"
# Lord Howe moves its clocks by half an hour; Kathmandu never, and is 5:45 ahead; St John's turned them back over
# midnight until 2011; Apia left out the whole of 30 December 2011; Santiago's spring has no midnight.
ZONES = (BRUSSELS, "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")
ODD = {"America/St_Johns": 2008, "Pacific/Apia": 2011, "America/Santiago": 2024, "Africa/Casablanca": 2024}
TEN_YEARS = (2020, 2030)
MINUTE, TICK = timedelta(minutes=1), timedelta(microseconds=1)
WEEKS = Rotation(("alice", "bob", "carol"), 7, date(2026, 1, 5), 9 * 60)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def brussels(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(BRUSSELS)).astimezone(UTC)


def rota(*layers: Layer, zone: str = BRUSSELS, calendar: tuple[Shift, ...] = ()) -> Schedule:
    return Schedule("primary", zone, layers, calendar)


def told(found: tuple[Shift, ...]) -> list[tuple[str | None, str, str]]:
    return [(s.person, f"{s.start:%m-%d %H:%M}", f"{s.end:%m-%d %H:%M}") for s in found]


# An oracle that knows nothing of folds and holes: it looks at the clock on the wall, minute after minute.


@cache
def change_days(zone: str, years: tuple[int, int]) -> frozenset[date]:
    """Days on which the clocks of `zone` are changed, and their neighbours."""
    at, end, found = datetime(years[0], 1, 1, tzinfo=UTC), datetime(years[1], 1, 1, tzinfo=UTC), set()
    offset = at.astimezone(ZoneInfo(zone)).utcoffset()
    while at < end:
        at += timedelta(hours=12)
        now = at.astimezone(ZoneInfo(zone))
        if now.utcoffset() != offset:
            offset = now.utcoffset()
            found |= {now.date() + timedelta(days=off) for off in range(-2, 3)}
    return frozenset(found)


@cache
def minutes_around(zone: str, day: date) -> tuple[tuple[datetime, datetime], ...]:
    """(UTC minute, wall clock) of the time in which `day` happens anywhere on earth."""
    first = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=30)
    utc_minutes = (first + n * MINUTE for n in range(90 * 60))
    return tuple((at, at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)) for at in utc_minutes)


def scanned(zone: str, day: date, minutes: int) -> datetime:
    """The first minute whose wall clock shows the time; where none does, the first that shows a later one."""
    wanted = datetime.combine(day, time()) + minutes * MINUTE
    around = minutes_around(zone, day)
    exact = [at for at, wall in around if wall == wanted]
    return exact[0] if exact else next(at for at, wall in around if wall > wanted)


@st.composite
def rotations(draw: st.DrawFn, year: int = TEN_YEARS[0]) -> Rotation:
    members = ("alice", "bob", "carol", "dave")[: draw(st.integers(1, 4))]
    start = date(year, 1, 1) + timedelta(days=draw(st.integers(0, 400)))
    night = st.integers(0, 4 * 60)  # where clocks are changed
    return Rotation(
        members, draw(st.sampled_from([1, 2, 7, 10, 14])), start, draw(st.integers(0, 1439) | night)
    )


# Hand-offs


@pytest.mark.parametrize(
    ("zone", "day", "at", "expected"),
    [
        (BRUSSELS, "2026-03-28", "09:00", "2026-03-28T08:00"),
        (BRUSSELS, "2026-03-29", "09:00", "2026-03-29T07:00"),
        (BRUSSELS, "2026-03-29", "01:59", "2026-03-29T00:59"),
        (BRUSSELS, "2026-03-29", "02:00", "2026-03-29T01:00"),  # left out: at 03:00, when the clocks jump
        (BRUSSELS, "2026-03-29", "02:30", "2026-03-29T01:00"),
        (BRUSSELS, "2026-03-29", "02:59", "2026-03-29T01:00"),
        (BRUSSELS, "2026-10-25", "02:30", "2026-10-25T00:30"),  # shown twice: the first
        (BRUSSELS, "2026-10-25", "03:00", "2026-10-25T02:00"),
        ("America/New_York", "2026-03-08", "02:30", "2026-03-08T07:00"),
        ("America/New_York", "2026-11-01", "01:30", "2026-11-01T05:30"),
        ("Australia/Lord_Howe", "2026-10-04", "02:15", "2026-10-03T15:30"),  # half an hour left out
        ("Australia/Lord_Howe", "2026-04-05", "01:45", "2026-04-04T14:45"),
        ("Asia/Kathmandu", "2026-03-29", "00:00", "2026-03-28T18:15"),
        ("America/Santiago", "2024-09-08", "00:00", "2024-09-08T04:00"),  # no midnight
        ("America/St_Johns", "2008-11-02", "00:00", "2008-11-02T02:30"),  # midnight twice
        ("Pacific/Apia", "2011-12-30", "09:00", "2011-12-30T10:00"),  # no such day
    ],
)
def test_a_handoff_is_at_the_first_instant_when_the_clock_shows_its_time_or_has_passed_it(
    zone: str, day: str, at: str, expected: str
) -> None:
    hours, minutes = at.split(":")

    instant = local_instant(date.fromisoformat(day), int(hours) * 60 + int(minutes), ZoneInfo(zone))

    assert instant == utc(expected)
    assert instant.tzinfo is UTC


@pytest.mark.parametrize("zone", ZONES)
@settings(max_examples=10, deadline=None)
@given(rotation=rotations())
def test_over_ten_years_every_handoff_is_at_its_local_time_and_turns_go_round(
    zone: str, rotation: Rotation
) -> None:
    start, end = datetime(2019, 12, 30, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)
    lone = Rotation(tuple(map(str, range(5000))), rotation.days, rotation.start, rotation.at)
    cover = shifts(rota(Layer(lone), zone=zone), (), start, end)
    held = [shift for shift in cover if shift.person is not None]
    hours, minutes = divmod(rotation.at, 60)

    assert [shift.person for shift in held] == [str(turn) for turn in range(len(held))]
    assert cover == (Shift(None, start, held[0].start), *held)
    assert all(one.end == following.start for one, following in pairwise(cover))
    for turn, shift in enumerate(held):
        day = rotation.start + timedelta(days=turn * rotation.days)
        local = shift.start.astimezone(ZoneInfo(zone))
        if day in change_days(zone, TEN_YEARS):
            assert shift.start == scanned(zone, day, rotation.at)
        else:
            assert (local.date(), local.hour, local.minute, local.second) == (day, hours, minutes, 0)


@pytest.mark.parametrize(("zone", "year"), [*[(zone, 2026) for zone in ZONES], *ODD.items()])
def test_on_every_day_of_change_the_scan_of_the_wall_clock_agrees(zone: str, year: int) -> None:
    days = change_days(zone, (year, year + 2))
    assert bool(days) is (zone != "Asia/Kathmandu")

    for day in days:
        for minutes in (0, 1, 59, 60, 61, 89, 90, 105, 119, 120, 121, 135, 150, 179, 180, 540, 1439):
            assert local_instant(day, minutes, ZoneInfo(zone)) == scanned(zone, day, minutes)


@pytest.mark.parametrize(("zone", "year"), [*[(zone, 2026) for zone in ZONES], *ODD.items()])
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_the_turn_is_found_without_walking_to_it(zone: str, year: int, data: st.DataObject) -> None:
    rotation = data.draw(rotations(year - 1))
    days = sorted(change_days(zone, (year, year + 2))) or [date(year, 6, 1)]
    near = data.draw(st.sampled_from(days))
    at = datetime(near.year, near.month, near.day, tzinfo=UTC) + data.draw(
        st.timedeltas(-timedelta(days=2), timedelta(days=2))
    )
    begun = []
    for turn in range(2000):
        day = rotation.start + timedelta(days=turn * rotation.days)
        if day > near + timedelta(days=5):
            break
        begun.append(local_instant(day, rotation.at, ZoneInfo(zone)))
    turn = bisect_right(begun, at) - 1

    expected = None if turn < 0 else rotation.members[turn % len(rotation.members)]
    assert on_call(rota(Layer(rotation), zone=zone), (), at) == expected


def test_a_turn_changes_hands_at_its_instant_and_not_a_microsecond_before() -> None:
    schedule = rota(Layer(WEEKS))
    spring = utc("2026-03-30T07:00")

    assert on_call(schedule, (), spring - TICK) == "carol"
    assert on_call(schedule, (), spring) == "alice"


def test_who_took_over_at_midnight_keeps_it_when_the_clocks_go_back_to_the_day_before() -> None:
    schedule = rota(Layer(Rotation(("alice", "bob"), 1, date(2008, 11, 1))), zone="America/St_Johns")
    again = utc("2008-11-02T02:45")  # the clocks went from 00:01 to 23:01

    assert f"{again.astimezone(ZoneInfo('America/St_Johns')):%d %H:%M}" == "01 23:15"
    assert on_call(schedule, (), again) == "bob"
    assert told(shifts(schedule, (), again, again + timedelta(hours=1))) == [
        ("bob", "11-02 02:45", "11-02 03:45")
    ]


def test_nobody_holds_a_rotation_before_its_start() -> None:
    schedule, first = rota(Layer(WEEKS)), utc("2026-01-05T08:00")

    assert on_call(schedule, (), first - TICK) is None
    assert on_call(schedule, (), first) == "alice"
    assert on_call(schedule, (), utc("1990-01-01T00:00")) is None
    assert told(shifts(schedule, (), utc("2026-01-05T00:00"), utc("2026-01-06T00:00"))) == [
        (None, "01-05 00:00", "01-05 08:00"),
        ("alice", "01-05 08:00", "01-06 00:00"),
    ]


def test_a_turn_that_the_calendar_left_out_takes_no_time() -> None:
    apia = rota(Layer(Rotation(("alice", "bob", "carol"), 1, date(2011, 12, 28))), zone="Pacific/Apia")

    found = shifts(apia, (), utc("2011-12-29T00:00"), utc("2012-01-01T00:00"))

    assert told(found) == [
        ("alice", "12-29 00:00", "12-29 10:00"),
        ("bob", "12-29 10:00", "12-30 10:00"),
        ("alice", "12-30 10:00", "12-31 10:00"),  # carol's day never was
        ("bob", "12-31 10:00", "01-01 00:00"),
    ]


def test_a_schedule_without_anybody_is_one_gap() -> None:
    span = utc("2026-01-01T00:00"), utc("2026-02-01T00:00")

    assert shifts(rota(), (), *span) == gaps(rota(), (), *span) == (Shift(None, *span),)
    assert shifts(rota(), (), span[0], span[0]) == shifts(rota(), (), span[1], span[0]) == ()


# Layers, calendars, overrides

NIGHTS = TimeInterval(times=((0, 360), (1320, 1440)), location=BRUSSELS)
WEEKENDS = TimeInterval(weekdays=((6, 6), (0, 0)), location=BRUSSELS)
DAVE_NIGHTS = Layer(Rotation(("dave",), 1, date(2026, 1, 1)), (NIGHTS,))


def test_a_later_layer_goes_first_while_its_times_last() -> None:
    schedule = rota(Layer(WEEKS), DAVE_NIGHTS)

    found = shifts(schedule, (), brussels("2026-01-06T12:00"), brussels("2026-01-08T00:00"))

    assert told(found) == [
        ("alice", "01-06 11:00", "01-06 21:00"),
        ("dave", "01-06 21:00", "01-07 05:00"),
        ("alice", "01-07 05:00", "01-07 21:00"),
        ("dave", "01-07 21:00", "01-07 23:00"),
    ]


def test_a_layer_that_has_not_begun_hides_nothing() -> None:
    later = Layer(Rotation(("dave",), 7, date(2026, 2, 2), 540))

    assert on_call(rota(Layer(WEEKS), later), (), utc("2026-01-20T00:00")) == "carol"
    assert on_call(rota(Layer(WEEKS), later), (), utc("2026-02-02T08:00")) == "dave"


def test_layers_that_count_at_times_only_leave_gaps() -> None:
    schedule = rota(DAVE_NIGHTS)

    found = gaps(schedule, (), brussels("2026-03-28T12:00"), brussels("2026-03-30T00:00"))

    assert told(found) == [(None, "03-28 11:00", "03-28 21:00"), (None, "03-29 04:00", "03-29 20:00")]


def test_a_calendar_goes_before_layers_and_overrides_go_before_a_calendar() -> None:
    at = utc("2026-01-07T00:00")
    planned = Shift("bob", at, at + timedelta(hours=8))
    schedule = rota(Layer(WEEKS), calendar=(planned,))
    swap = Shift("carol", at + timedelta(hours=2), at + timedelta(hours=4))

    assert told(shifts(schedule, [swap], at - timedelta(hours=1), at + timedelta(hours=9))) == [
        ("alice", "01-06 23:00", "01-07 00:00"),
        ("bob", "01-07 00:00", "01-07 02:00"),
        ("carol", "01-07 02:00", "01-07 04:00"),
        ("bob", "01-07 04:00", "01-07 08:00"),
        ("alice", "01-07 08:00", "01-07 09:00"),
    ]


def test_of_two_overrides_the_one_given_last_wins_however_long_it_is() -> None:
    at = utc("2026-01-07T00:00")
    short = Shift("bob", at + timedelta(hours=1), at + timedelta(hours=2))
    long = Shift("carol", at, at + timedelta(hours=3))
    middle = at + timedelta(minutes=90)

    assert on_call(rota(Layer(WEEKS)), [short, long], middle) == "carol"
    assert on_call(rota(Layer(WEEKS)), [long, short], middle) == "bob"
    assert [s.person for s in shifts(rota(), [long, short], at, long.end)] == ["carol", "bob", "carol"]


def test_an_override_with_nobody_is_a_gap_and_one_without_length_is_nothing() -> None:
    at = utc("2026-01-07T00:00")
    off = Shift(None, at, at + timedelta(hours=1))
    none = Shift("bob", at + timedelta(hours=2), at + timedelta(hours=2))

    assert gaps(rota(Layer(WEEKS)), [off, none], at - timedelta(days=1), at + timedelta(days=1)) == (off,)
    assert on_call(rota(Layer(WEEKS)), [none], none.start) == "alice"


def test_of_two_calendar_shifts_the_later_starting_holds_it_in_any_order() -> None:
    at = utc("2026-01-07T00:00")
    week, day = (
        Shift("alice", at, at + timedelta(days=7)),
        Shift("bob", at + timedelta(days=1), at + timedelta(days=2)),
    )

    for calendar in ((week, day), (day, week)):
        assert on_call(rota(calendar=calendar), (), at + timedelta(hours=30)) == "bob"
        assert [s.person for s in shifts(rota(calendar=calendar), (), week.start, week.end)] == [
            "alice",
            "bob",
            "alice",
        ]


def test_everybody_who_can_ever_hold_a_schedule_is_a_member_once() -> None:
    at = utc("2026-01-07T00:00")
    planned = (Shift("erin", at, at + MINUTE), Shift(None, at, at + MINUTE), Shift("bob", at, at + MINUTE))

    assert rota(Layer(WEEKS), DAVE_NIGHTS, calendar=planned).members == (
        "alice",
        "bob",
        "carol",
        "dave",
        "erin",
    )
    assert rota().members == ()


def test_of_calendar_shifts_that_start_together_the_shorter_goes_first_and_of_two_alike_the_first_name() -> (
    None
):
    at = utc("2026-01-07T00:00")
    long, short = Shift("alice", at, at + timedelta(days=2)), Shift("bob", at, at + timedelta(days=1))
    alike = Shift("carol", at, short.end)

    for calendar in ((long, short, alike), (alike, short, long), (short, long, alike)):
        assert on_call(rota(calendar=calendar), (), at) == "bob"
        assert [s.person for s in shifts(rota(calendar=calendar), (), at, long.end)] == ["bob", "alice"]


BASE = utc("2026-03-20T00:00")
PEOPLE = st.sampled_from(["alice", "bob", "carol", "dave"])


@st.composite
def some_shifts(draw: st.DrawFn) -> tuple[Shift, ...]:
    minutes = st.integers(-3000, 30000)
    made = draw(st.lists(st.tuples(PEOPLE | st.none(), minutes, st.integers(0, 5000)), max_size=5))
    return tuple(Shift(person, BASE + a * MINUTE, BASE + (a + long) * MINUTE) for person, a, long in made)


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    zone = draw(st.sampled_from(ZONES))
    during = [
        (),
        (),
        (TimeInterval(times=((0, 150), (1320, 1440)), location=zone),),
        (WEEKENDS,),
        (WEEKENDS, NIGHTS),
    ]
    layers = [
        Layer(
            Rotation(("alice", "bob", "carol", "dave")[shift:] or ("alice",), days, start, at),
            draw(st.sampled_from(during)),
        )
        for shift, days, start, at in draw(
            st.lists(
                st.tuples(
                    st.integers(0, 3),
                    st.sampled_from([1, 3, 7]),
                    st.dates(date(2020, 1, 1), date(2026, 4, 10)),
                    st.integers(0, 1439),
                ),
                max_size=3,
            )
        )
    ]
    return rota(*layers, zone=zone, calendar=draw(some_shifts()))


def slowly(schedule: Schedule, overrides: tuple[Shift, ...], at: datetime) -> str | None:
    """Who holds it, by the rules read one after the other."""
    for override in reversed(overrides):
        if override.start <= at < override.end:
            return override.person
    planned = [s for s in schedule.calendar if s.start <= at < s.end]
    if planned:
        latest = max(s.start for s in planned)
        soonest = min(s.end for s in planned if s.start == latest)
        return min(s.person or "" for s in planned if (s.start, s.end) == (latest, soonest)) or None
    for layer in reversed(schedule.layers):
        if layer.during and not active(layer.during, at):
            continue
        alone = on_call(rota(Layer(layer.rotation), zone=schedule.timezone), (), at)
        if alone is not None:
            return alone
    return None


@settings(max_examples=120, deadline=None)
@given(
    schedule=schedules(),
    overrides=some_shifts(),
    length=st.integers(1, 20 * 1440),
    offset=st.integers(-1440, 1440),
    samples=st.lists(st.floats(0, 1, exclude_max=True), min_size=5, max_size=20),
)
def test_shifts_cover_the_span_without_a_hole_and_agree_with_who_is_on_call(
    schedule: Schedule, overrides: tuple[Shift, ...], length: int, offset: int, samples: list[float]
) -> None:
    start = BASE + offset * MINUTE
    end = start + length * MINUTE

    cover = shifts(schedule, overrides, start, end)

    assert (cover[0].start, cover[-1].end) == (start, end)
    for one, following in pairwise(cover):
        assert one.end == following.start
        assert one.person != following.person
    for shift in cover:
        assert shift.start < shift.end
        inside = [shift.start + (shift.end - shift.start) * sample for sample in samples[:3]]
        for at in (shift.start, shift.end - TICK, *(min(at, shift.end - TICK) for at in inside)):
            assert on_call(schedule, overrides, at) == shift.person == slowly(schedule, overrides, at)
    for sample in samples:
        at = min(start + (end - start) * sample, end - TICK)  # a float may round up to the end
        (held,) = [shift for shift in cover if shift.start <= at < shift.end]
        assert on_call(schedule, overrides, at) == held.person
    assert gaps(schedule, overrides, start, end) == tuple(s for s in cover if s.person is None)


@settings(max_examples=60, deadline=None)
@given(schedule=schedules(), overrides=some_shifts(), cut=st.integers(1, 14399))
def test_a_span_in_two_parts_is_the_same_as_the_whole(
    schedule: Schedule, overrides: tuple[Shift, ...], cut: int
) -> None:
    end, middle = BASE + 14400 * MINUTE, BASE + cut * MINUTE
    first, second = (shifts(schedule, overrides, *span) for span in ((BASE, middle), (middle, end)))
    if first[-1].person == second[0].person:
        joined = Shift(first[-1].person, first[-1].start, second[0].end)
        first, second = first[:-1], (joined, *second[1:])

    assert (*first, *second) == shifts(schedule, overrides, BASE, end)


def test_a_rotation_from_long_ago_and_a_calendar_of_years_cost_no_more_than_the_span() -> None:
    """A walk from the start, or a look through everything at each edge, would take minutes here."""
    days = [utc("2000-01-01T00:00") + timedelta(days=n) for n in range(10_000)]
    planned = tuple(
        Shift("bob" if n % 2 else "carol", day, day + timedelta(hours=20)) for n, day in enumerate(days)
    )
    old = Layer(Rotation(("alice", "dave"), 1, date(1900, 1, 1), 90))

    found = shifts(rota(old, calendar=planned), (), days[0], days[-1])

    assert len(found) > 2 * len(days) - 10
    assert len(shifts(rota(old), (), days[0], days[3])) == 4


# What the configuration says


@pytest.mark.parametrize(("text", "days"), [("1d", 1), ("10d", 10), ("1w", 7), ("2w", 14), (" 1w ", 7)])
def test_every_is_days_or_weeks(text: str, days: int) -> None:
    assert parse_every(text) == days


@pytest.mark.parametrize(
    "text", ["", "7", "12h", "1w2d", "w", "-1d", "1.5d", "1 w", "٣d", "0d", "0w", "99999d"]
)
def test_what_is_no_every_is_told_with_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match=r"'.*' is (?:not a|an empty) .*: write .*1d"):
        parse_every(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mon 09:00", (0, 540)),
        ("Monday 9:00", (0, 540)),
        ("09:00", (None, 540)),
        ("sun 23:59", (6, 1439)),
        (" TUES  0:00 ", (1, 0)),
        ("thu 12:30", (3, 750)),
    ],
)
def test_a_handoff_is_a_time_with_or_without_a_day(text: str, expected: tuple[int | None, int]) -> None:
    assert parse_handoff(text) == expected


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("24:00", "no clock shows 24:00: write 00:00 to 23:59"),
        ("Mon 9:60", "no clock shows 9:60: write 00:00 to 23:59"),
        ("Maandag 09:00", "'maandag' is not a day of the week: write Mon, Tue, Wed"),
        ("Mo 09:00", "'mo' is not a day of the week: write Mon"),
        ("Mon", "is not a time of handover: write it like 'Mon 09:00', or '09:00' for any day"),
        ("09:00 Mon", "is not a time of handover"),
        ("9am", "is not a time of handover"),
        ("", "is not a time of handover"),
    ],
)
def test_what_is_not_a_handoff_is_told_with_what_to_write(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parse_handoff(text)


def test_the_first_turn_is_on_its_weekday_on_or_after_the_start() -> None:
    wednesday = date(2026, 1, 7)

    assert first_turn(wednesday, None) == first_turn(wednesday, 2) == wednesday
    assert first_turn(wednesday, 1) == date(2026, 1, 13)
    assert [first_turn(wednesday, day).weekday() for day in range(7)] == list(range(7))
    assert all(wednesday <= first_turn(wednesday, day) < wednesday + timedelta(days=7) for day in range(7))


def test_a_weekday_wants_turns_of_whole_weeks() -> None:
    for weekday, days in ((None, 1), (None, 10), (0, 7), (6, 14)):
        check(weekday, days)

    with pytest.raises(ValueError, match="turns of 10d do not always begin on a Tue: write whole weeks"):
        check(1, 10)
