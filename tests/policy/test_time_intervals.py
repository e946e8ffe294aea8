"""Time intervals: what holds at a moment, and when that changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sms_notify.policy.time_interval_parser import parse_interval
from sms_notify.policy.time_intervals import TimeInterval, active, changes_at

NIGHT = {"start_time": "22:00", "end_time": "06:00"}
OFFICE = {"times": [{"start_time": "09:00", "end_time": "17:00"}], "weekdays": ["monday:friday"]}
QUARTER = {  # the last week of the first quarter's months but Saturdays, as in Alertmanager's own tests
    **OFFICE,
    "weekdays": ["monday:friday", "sunday"],
    "months": ["january:march"],
    "days_of_month": ["-7:-1"],
    "years": ["2020:2025", "2030:2035"],
}
MIXED = {
    "weekdays": ["monday:wednesday", "saturday", "sunday"],
    "times": [{"start_time": "13:00", "end_time": "15:00"}],
    "days_of_month": ["1", "10", "20:-1"],
    "years": ["2020:2023"],
    "months": ["january:march"],
}
EASTER = {"days_of_month": ["4:6"], "months": ["april"], "years": ["2020"]}
SYDNEY = {**OFFICE, "location": "Australia/Sydney"}
BRUSSELS = {"location": "Europe/Brussels"}
SMALL_HOURS = {"times": [{"start_time": "02:15", "end_time": "02:45"}], **BRUSSELS}
FRIDAY_NIGHT = {"times": [NIGHT], "weekdays": ["friday"]}
SATURDAY_NIGHT = {"times": [NIGHT], "weekdays": ["saturday"], **BRUSSELS}  # clocks jump on Sundays
SHORT_NIGHT = {**SATURDAY_NIGHT, "times": [{"start_time": "22:00", "end_time": "02:30"}]}


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


# The first two thirds are cases of Alertmanager's documentation and of its tests.
ACTIVE = [
    ({}, "2006-01-02T15:04Z", True),
    (OFFICE, "2020-05-04T15:04Z", True),
    (OFFICE, "2020-07-08T09:00Z", True),
    (OFFICE, "2020-07-08T16:59:59.999Z", True),
    (OFFICE, "2020-07-08T17:00Z", False),
    (OFFICE, "2020-05-03T15:04Z", False),  # a Sunday
    (OFFICE, "2020-05-04T08:59:59Z", False),
    (EASTER, "2020-04-05T00:00Z", True),
    (EASTER, "2020-04-06T23:59:59Z", True),
    (EASTER, "2020-04-07T00:00Z", False),
    (EASTER, "2020-04-03T23:59Z", False),
    (EASTER, "2019-04-06T23:59Z", False),
    (EASTER, "2020-06-04T23:59Z", False),
    ({"days_of_month": ["-3:-1"]}, "2020-01-29T15:04Z", True),
    ({"days_of_month": ["-3:-1"]}, "2020-02-29T23:05Z", True),
    ({"days_of_month": ["-3:-1"]}, "2020-06-30T00:00Z", True),
    ({"days_of_month": ["-3:-1"]}, "2020-01-28T23:59Z", False),
    ({"days_of_month": ["-3:-1"]}, "2020-03-01T00:00Z", False),
    ({"days_of_month": ["-31:-1"]}, "2020-06-01T00:00Z", True),
    ({"days_of_month": ["-31:-30"]}, "2020-06-02T00:00Z", False),
    ({"days_of_month": ["-31:-30"]}, "2020-06-01T00:00Z", True),
    ({"days_of_month": ["1:31"]}, "2021-02-28T23:00Z", True),
    (
        {"days_of_month": ["30:31"]},
        "2021-02-28T13:00Z",
        False,
    ),  # a start after the month's end is not clamped
    ({"days_of_month": ["31"]}, "2021-04-30T13:00Z", False),
    ({"days_of_month": ["31"]}, "2021-05-31T13:00Z", True),
    ({"days_of_month": ["1:-1"]}, "2021-02-14T13:00Z", True),
    ({"days_of_month": ["28:-1"]}, "2021-02-28T13:00Z", True),
    ({"days_of_month": ["-1"], "location": "America/New_York"}, "2021-03-31T12:00Z", True),
    ({"days_of_month": ["-1"], "location": "America/New_York"}, "2021-03-30T12:00Z", False),
    (QUARTER, "2021-01-27T09:00Z", True),
    (QUARTER, "2025-03-31T13:00Z", True),
    (QUARTER, "2035-01-31T13:00Z", True),
    (QUARTER, "2021-01-30T13:00Z", False),
    (QUARTER, "2021-04-01T13:00Z", False),
    (QUARTER, "2026-01-30T13:00Z", False),
    (QUARTER, "2035-01-31T17:01Z", False),
    (MIXED, "2021-01-10T13:00Z", True),
    (MIXED, "2021-01-30T14:24Z", True),
    (MIXED, "2021-01-09T13:00Z", False),
    (MIXED, "2021-01-20T12:59Z", False),
    (MIXED, "2021-02-02T13:00Z", False),
    (SYDNEY, "2021-04-06T13:00+10:00", True),
    (SYDNEY, "2021-04-06T13:00Z", False),
    (SYDNEY, "2021-10-31T22:00Z", True),  # Monday 09:00 there, in summer time
    (SYDNEY, "2021-10-31T21:00Z", False),
    ({"months": ["1:3", "may:august", "December"]}, "2026-12-01T00:00Z", True),
    ({"months": ["1:3", "may:august", "December"]}, "2026-04-30T23:59Z", False),
    ({"years": ["2020:2022", "2030"]}, "2030-06-01T00:00Z", True),
    ({"years": ["2020:2022", "2030"]}, "2023-01-01T00:00Z", False),
    ({"years": ["2023"], "location": "Asia/Kathmandu"}, "2022-12-31T18:15Z", True),
    ({"times": [{"start_time": "17:00", "end_time": "24:00"}]}, "2026-07-15T23:59:59Z", True),
    ({"times": [{"start_time": "17:00", "end_time": "24:00"}]}, "2026-07-16T00:00Z", False),
    ({"weekdays": ["SUNDAY"]}, "2026-10-25T12:00Z", True),
    # The clock that goes back shows 02:30 twice, and the one that goes forward does not show it.
    (SMALL_HOURS, "2026-10-25T00:30Z", True),
    (SMALL_HOURS, "2026-10-25T00:50Z", False),
    (SMALL_HOURS, "2026-10-25T01:30Z", True),
    (SMALL_HOURS, "2026-03-29T00:59:59Z", False),
    (SMALL_HOURS, "2026-03-29T01:00Z", False),
]


@pytest.mark.parametrize(("written", "at", "expected"), ACTIVE)
def test_an_interval_holds_what_alertmanager_says_it_holds(
    written: dict[str, object], at: str, expected: bool
) -> None:
    assert active([parse_interval(written)], instant(at)) is expected


NIGHTS = [
    (FRIDAY_NIGHT, "2026-07-17T05:59Z", False),  # that is Thursday's
    (FRIDAY_NIGHT, "2026-07-17T21:59Z", False),
    (FRIDAY_NIGHT, "2026-07-17T22:00Z", True),
    (FRIDAY_NIGHT, "2026-07-18T00:00Z", True),
    (FRIDAY_NIGHT, "2026-07-18T05:59:59Z", True),
    (FRIDAY_NIGHT, "2026-07-18T06:00Z", False),
    (FRIDAY_NIGHT, "2026-07-18T22:00Z", False),
    ({"times": [NIGHT], "days_of_month": ["-1"]}, "2026-02-28T05:00Z", False),
    ({"times": [NIGHT], "days_of_month": ["-1"]}, "2026-03-01T05:00Z", True),
    ({"times": [NIGHT], "days_of_month": ["1"]}, "2026-03-01T05:00Z", False),
    ({"times": [NIGHT], "months": ["december"]}, "2026-12-01T05:00Z", False),
    ({"times": [NIGHT], "months": ["december"], "years": ["2026"]}, "2027-01-01T05:00Z", True),
    ({"times": [NIGHT], "years": ["2027"]}, "2027-01-01T05:00Z", False),
    ({"times": [NIGHT], **BRUSSELS}, "2026-07-18T03:59Z", True),  # without other fields every night
    ({"times": [NIGHT], **BRUSSELS}, "2026-07-18T04:00Z", False),
    ({"times": [{"start_time": "22:00", "end_time": "00:00"}]}, "2026-07-18T00:00Z", False),
    (SATURDAY_NIGHT, "2026-10-25T04:59Z", True),
    (SATURDAY_NIGHT, "2026-10-25T05:00Z", False),
    (SATURDAY_NIGHT, "2026-03-29T03:59Z", True),
    (SATURDAY_NIGHT, "2026-03-29T04:00Z", False),
]


@pytest.mark.parametrize(("written", "at", "expected"), NIGHTS)
def test_a_night_belongs_to_the_day_on_which_it_begins(
    written: dict[str, object], at: str, expected: bool
) -> None:
    assert active([parse_interval(written)], instant(at)) is expected


def test_several_intervals_hold_what_any_of_them_holds_and_none_holds_nothing() -> None:
    office, easter = parse_interval(OFFICE), parse_interval(EASTER)
    assert active([easter, office], instant("2020-07-08T09:00Z"))
    assert not active([easter, office], instant("2020-07-08T18:00Z"))
    assert not active([], instant("2020-07-08T09:00Z"))


CHANGES = [
    ([OFFICE], "2026-07-17T08:59:59.5Z", "2026-07-17T09:00Z"),
    ([OFFICE], "2026-07-17T09:00Z", "2026-07-17T17:00Z"),
    ([OFFICE], "2026-07-17T17:00Z", "2026-07-20T09:00Z"),  # Friday evening to Monday
    ([{"times": [NIGHT], **BRUSSELS}], "2026-07-15T21:00Z", "2026-07-16T04:00Z"),  # not at midnight
    ([{"times": [NIGHT], **BRUSSELS}], "2026-10-24T21:00Z", "2026-10-25T05:00Z"),  # an hour longer that night
    ([FRIDAY_NIGHT], "2026-07-17T00:00Z", "2026-07-17T22:00Z"),
    ([FRIDAY_NIGHT], "2026-07-17T22:00Z", "2026-07-18T06:00Z"),
    ([FRIDAY_NIGHT], "2026-07-18T02:00Z", "2026-07-18T06:00Z"),
    ([FRIDAY_NIGHT], "2026-07-18T06:00Z", "2026-07-24T22:00Z"),
    ([SATURDAY_NIGHT], "2026-10-24T20:00Z", "2026-10-25T05:00Z"),
    ([SATURDAY_NIGHT], "2026-03-28T21:00Z", "2026-03-29T04:00Z"),
    ([SHORT_NIGHT], "2026-10-24T20:00Z", "2026-10-25T00:30Z"),
    ([SHORT_NIGHT], "2026-10-25T00:30Z", "2026-10-25T01:00Z"),  # it is 02:00 again
    ([SHORT_NIGHT], "2026-10-25T01:00Z", "2026-10-25T01:30Z"),
    ([SHORT_NIGHT], "2026-03-28T21:00Z", "2026-03-29T01:00Z"),  # no 02:30 that night
    ([{"times": [NIGHT], "years": ["2026"]}], "2026-12-31T23:00Z", "2027-01-01T06:00Z"),
    ([{"times": [NIGHT], "years": ["2026"]}], "2027-01-01T06:00Z", None),
    ([{"weekdays": ["saturday"]}, {"weekdays": ["sunday"]}], "2026-07-18T12:00Z", "2026-07-20T00:00Z"),
    ([SMALL_HOURS], "2026-10-24T22:00Z", "2026-10-25T00:15Z"),
    ([SMALL_HOURS], "2026-10-25T00:15Z", "2026-10-25T00:45Z"),
    ([SMALL_HOURS], "2026-10-25T00:45Z", "2026-10-25T01:15Z"),  # the same again
    ([SMALL_HOURS], "2026-03-29T00:00Z", "2026-03-30T00:15Z"),  # a day on which it is not
    (
        [{"times": [{"start_time": "01:00", "end_time": "02:30"}], **BRUSSELS}],
        "2026-03-29T00:30Z",
        "2026-03-29T01:00Z",
    ),
    ([{"days_of_month": ["-1"]}], "2026-02-01T00:00Z", "2026-02-28T00:00Z"),
    ([{"days_of_month": ["31"], "months": ["12"]}], "2026-01-01T00:00Z", "2026-12-31T00:00Z"),
    ([{"years": ["2027"]}], "2026-02-01T00:00Z", "2027-01-01T00:00Z"),
    ([{"years": ["2030"]}], "2026-02-01T00:00Z", None),
    ([{"years": ["2020:2040"]}], "2026-02-01T00:00Z", None),
    ([{"times": [{"start_time": "00:00", "end_time": "24:00"}], **BRUSSELS}], "2026-02-01T00:00Z", None),
    ([BRUSSELS, OFFICE], "2026-02-01T00:00Z", None),
    ([], "2026-02-01T00:00Z", None),
]


@pytest.mark.parametrize(("written", "at", "expected"), CHANGES)
def test_the_next_change_is_the_first_one_and_not_merely_a_border(
    written: list[dict[str, object]], at: str, expected: str | None
) -> None:
    found = changes_at([parse_interval(entry) for entry in written], instant(at))
    assert found == (instant(expected) if expected else None)
    assert found is None or found.tzinfo is UTC


def test_the_horizon_is_the_last_instant_looked_at() -> None:
    office, at = [parse_interval(OFFICE)], instant("2026-07-17T17:00Z")
    assert changes_at(office, at, timedelta(hours=64)) == instant("2026-07-20T09:00Z")
    assert changes_at(office, at, timedelta(hours=63, minutes=59)) is None


# Clocks that jump: by an hour, by half an hour, at midnight, after it (so that the day before comes back), over a
# whole day; and those that never do.
JUMPS = [
    ("Europe/Brussels", "2026-03-29T01:00Z"),
    ("Europe/Brussels", "2026-10-25T01:00Z"),
    ("America/New_York", "2026-03-08T07:00Z"),
    ("America/New_York", "2026-11-01T06:00Z"),
    ("Australia/Lord_Howe", "2026-04-04T15:00Z"),
    ("Australia/Lord_Howe", "2026-10-03T15:30Z"),
    ("Asia/Kathmandu", "2026-03-29T01:00Z"),
    ("America/Sao_Paulo", "2018-11-04T03:00Z"),
    ("America/Sao_Paulo", "2018-02-18T02:00Z"),
    ("America/St_Johns", "2010-11-07T02:31Z"),
    ("Antarctica/Casey", "2010-03-04T15:00Z"),
    ("Pacific/Apia", "2011-12-30T10:00Z"),
    ("UTC", "2026-01-01T00:00Z"),
]
WALK = timedelta(days=2)
MINUTES = st.one_of(st.sampled_from([0, 1, 30, 60, 90, 120, 150, 180, 1380, 1410]), st.integers(0, 1439))
WITHIN_A_DAY = st.tuples(MINUTES, st.one_of(st.just(1440), MINUTES)).filter(lambda pair: pair[0] < pair[1])
OVER_MIDNIGHT = st.tuples(MINUTES, MINUTES).filter(lambda pair: pair[0] > pair[1] > 0)
TIMES = st.one_of(WITHIN_A_DAY, OVER_MIDNIGHT.map(lambda pair: (pair[0], pair[1] + 1440)))
RANGES_OF_WEEKDAYS = st.tuples(st.integers(0, 6), st.integers(0, 6)).filter(lambda pair: pair[0] <= pair[1])
RANGES_OF_DAYS = st.sampled_from([(1, 1), (-1, -1), (29, 31), (25, 25), (1, -1), (-3, -2), (4, 8)])


def intervals_in(location: str) -> st.SearchStrategy[list[TimeInterval]]:
    one = st.builds(
        TimeInterval,
        times=st.lists(TIMES, max_size=2).map(tuple),
        weekdays=st.lists(RANGES_OF_WEEKDAYS, max_size=2).map(tuple),
        days_of_month=st.lists(RANGES_OF_DAYS, max_size=2).map(tuple),
        months=st.sampled_from([(), (), ((3, 4),), ((11, 12),)]),
        location=st.sampled_from([location, location, "Europe/Brussels"]),
    )
    return st.lists(one, min_size=1, max_size=2)


CASES = st.sampled_from(JUMPS).flatmap(
    lambda jump: st.tuples(
        intervals_in(jump[0]),
        st.integers(-86400, 3600).map(lambda s: instant(jump[1]) + timedelta(seconds=s)),
    )
)
# Casey's Friday began, went back to Thursday 23:00 at 02:00, and began again.
BACK_OVER_MIDNIGHT = [TimeInterval(times=((30, 60), (1410, 1440)), location="Antarctica/Casey")]
NIGHT_TWICE = [TimeInterval(times=((1410, 1470),), weekdays=((4, 4),), location="Antarctica/Casey")]
# Apia had no Friday, whose night ends all the same on Saturday's wall clock.
NO_FRIDAY = [TimeInterval(times=((1320, 1800),), weekdays=((5, 5),), location="Pacific/Apia")]


@given(CASES)
@settings(max_examples=120, deadline=None)
@example((BACK_OVER_MIDNIGHT, instant("2010-03-04T13:10Z")))
@example((BACK_OVER_MIDNIGHT, instant("2010-03-04T14:30Z")))
@example((BACK_OVER_MIDNIGHT, instant("2010-03-04T15:10Z")))
@example((NIGHT_TWICE, instant("2010-03-04T13:10Z")))
@example((NIGHT_TWICE, instant("2010-03-04T14:30Z")))
@example((NIGHT_TWICE, instant("2010-03-04T16:10Z")))
@example((NO_FRIDAY, instant("2011-12-30T09:00Z")))
@example((NO_FRIDAY, instant("2011-12-30T11:00Z")))
def test_the_next_change_is_what_a_walk_minute_by_minute_finds(
    case: tuple[list[TimeInterval], datetime],
) -> None:
    intervals, at = case
    now, minute = active(intervals, at), at.replace(second=0) + timedelta(minutes=1)
    while minute <= at + WALK and active(intervals, minute) is now:
        minute += timedelta(minutes=1)
    assert changes_at(intervals, at, WALK) == (minute if minute <= at + WALK else None)


def begun_and_not_over(interval: TimeInterval, at: datetime) -> bool:
    """`active` said anew: on a listed day some minutes in, as the wall clock counts them."""
    wall = at.astimezone(ZoneInfo(interval.location)).replace(tzinfo=UTC)
    listed = replace(interval, times=(), location="UTC")
    today = wall.replace(hour=0, minute=0, second=0, microsecond=0)
    return any(
        active([listed], day) and timedelta(minutes=start) <= wall - day < timedelta(minutes=end)
        for day in (today, today - timedelta(days=1))
        for start, end in interval.times or ((0, 1440),)
    )


@given(CASES)
@settings(max_examples=120, deadline=None)
@example((NIGHT_TWICE, instant("2010-03-04T13:10Z")))
@example((NO_FRIDAY, instant("2011-12-30T09:00Z")))
def test_a_range_counts_from_the_midnight_of_a_listed_day(case: tuple[list[TimeInterval], datetime]) -> None:
    intervals, at = case
    for steps in range(100):
        now = at + timedelta(minutes=29) * steps
        assert active(intervals, now) is any(begun_and_not_over(interval, now) for interval in intervals)


def test_a_day_that_begins_twice_is_seen_though_the_horizon_lies_on_the_day_before() -> None:
    found = changes_at(BACK_OVER_MIDNIGHT, instant("2010-03-04T13:10Z"), timedelta(hours=2, minutes=10))
    assert found == instant("2010-03-04T13:30Z")
