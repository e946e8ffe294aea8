"""Time intervals as they are written: what is read, and what is said of a mistake."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sms_notify.policy.time_interval_parser import IntervalError, interval_faults, parse_interval
from sms_notify.policy.time_intervals import TimeInterval, active

NIGHT = {"start_time": "22:00", "end_time": "06:00"}
OFFICE = {"times": [{"start_time": "09:00", "end_time": "17:00"}], "weekdays": ["monday:friday"]}


def test_all_fields_are_read_as_they_stand() -> None:
    assert parse_interval(
        {
            "times": [
                NIGHT,
                {"start_time": "12:00", "end_time": "13:30"},
                {"start_time": "23:00", "end_time": "00:00"},
            ],
            "weekdays": ["Monday : FRIDAY", "sunday"],
            "days_of_month": [1, "-3:-1", "28:-1"],
            "months": ["december", "1:3", "may:8"],
            "years": [2030, "2020:2022"],
            "location": "Europe/Brussels",
        }
    ) == TimeInterval(
        times=((1320, 1800), (720, 810), (1380, 1440)),
        weekdays=((1, 5), (0, 0)),
        days_of_month=((1, 1), (-3, -1), (28, -1)),
        months=((12, 12), (1, 3), (5, 8)),
        years=((2030, 2030), (2020, 2022)),
        location="Europe/Brussels",
    )


@pytest.mark.parametrize(
    ("field", "written", "read"),
    [
        ("days_of_month", "-31:31", None),  # over the end of the month
        ("days_of_month", "-31", (-31, -31)),
        ("days_of_month", "31", (31, 31)),
        ("days_of_month", "32", None),
        ("days_of_month", "-32", None),
        ("days_of_month", "1:-31", (1, -31)),
        ("days_of_month", "2:-31", None),
        ("months", "12", (12, 12)),
        ("months", "0", None),
        ("years", "1000", (1000, 1000)),
        ("years", "9999", (9999, 9999)),
        ("years", "999", None),
        ("weekdays", "saturday", (6, 6)),
        ("weekdays", "sunday:saturday", (0, 6)),
    ],
)
def test_the_ends_of_every_field_are_read_and_what_lies_beyond_is_refused(
    field: str, written: str, read: tuple[int, int] | None
) -> None:
    assert [fault.path for fault in interval_faults({field: [written]})] == ([] if read else [(field, 0)])
    if read:
        assert getattr(parse_interval({field: [written]}), field) == (read,)


def day(start: object, end: object) -> dict[str, object]:
    return {"times": [{"start_time": start, "end_time": end}]}


KNOWN = "times, weekdays, days_of_month, months, years, location"
COLON = "write one colon between two ends, or a single word"
DAYS = "write 1 to 31, or -1 (the last) to -31"
HOURS = "write it as HH:MM, from 00:00 to 24:00"
START, END = ("times", 0, "start_time"), ("times", 0, "end_time")
WRONG = [
    ({"weekday": ["monday"]}, ("weekday",), "is not a known key (did you mean `weekdays`?)"),
    ({"timezone": "UTC"}, ("timezone",), "is not a known key (did you mean `location`?)"),
    ({"x": "y"}, ("x",), f"is not a known key (known here: {KNOWN})"),
    ({"weekdays": "monday"}, ("weekdays",), "must be a list (write `- entry` lines below it, or [a, b])"),
    ({"weekdays": []}, ("weekdays",), "is empty (give at least one entry, or remove the key)"),
    ({"weekdays": None}, ("weekdays",), "is empty (give a value, or remove the key)"),
    ({"weekdays": ["monday", None]}, ("weekdays", 1), "is empty (give a value, or remove the key)"),
    ({"weekdays": ["monday", []]}, ("weekdays", 1), "must be a text (give one value)"),
    ({"weekdays": [True]}, ("weekdays", 0), "must be a text (give one value)"),
    ({"weekdays": ["monday:fryday"]}, ("weekdays", 0), "`fryday` is not a weekday (did you mean `friday`?)"),
    ({"weekdays": ["sat"]}, ("weekdays", 0), "`sat` is not a weekday (did you mean `saturday`?)"),
    ({"weekdays": ["1:5"]}, ("weekdays", 0), "`1` is not a weekday (write its name, such as `monday`)"),
    (
        {"weekdays": ["monday-friday"]},
        ("weekdays", 0),
        "`monday-friday` is not a weekday (a range is written with a colon: `monday:friday`)",
    ),
    (
        {"weekdays": ["saturday,sunday"]},
        ("weekdays", 0),
        "`saturday,sunday` is not a weekday (write each as an entry of its own)",
    ),
    (
        {"weekdays": ["friday:monday"]},
        ("weekdays", 0),
        "`friday:monday` runs backwards (a week begins on sunday: write `friday:saturday` and `sunday:monday`)",
    ),
    (
        {"weekdays": ["monday:sunday"]},
        ("weekdays", 0),
        "`monday:sunday` runs backwards (a week begins on sunday: write `monday:saturday` and `sunday`)",
    ),
    ({"weekdays": ["a:b:c"]}, ("weekdays", 0), f"`a:b:c` is not a range ({COLON})"),
    ({"weekdays": [":friday"]}, ("weekdays", 0), f"`:friday` is not a range ({COLON})"),
    ({"days_of_month": ["0"]}, ("days_of_month", 0), f"`0` is not a day of the month ({DAYS})"),
    ({"days_of_month": ["1", 40]}, ("days_of_month", 1), f"`40` is not a day of the month ({DAYS})"),
    ({"days_of_month": ["-50:-20"]}, ("days_of_month", 0), f"`-50` is not a day of the month ({DAYS})"),
    ({"days_of_month": ["1_0"]}, ("days_of_month", 0), f"`1_0` is not a day of the month ({DAYS})"),
    (
        {"days_of_month": ["-5--1"]},
        ("days_of_month", 0),
        "`-5--1` is not a day of the month (a range is written with a colon: `-5:-1`)",
    ),
    (
        {"days_of_month": ["-15:5"]},
        ("days_of_month", 0),
        "`-15:5` runs over the end of the month (write `-15:-1` and `1:5`)",
    ),
    (
        {"days_of_month": ["10:-25"]},
        ("days_of_month", 0),
        "`10:-25` runs backwards (-25 is day 7 at the latest)",
    ),
    ({"days_of_month": ["-1:-3"]}, ("days_of_month", 0), "`-1:-3` runs backwards (write `-3:-1`)"),
    ({"days_of_month": ["9:4"]}, ("days_of_month", 0), "`9:4` runs backwards (write `4:9`)"),
    ({"months": ["13"]}, ("months", 0), "`13` is not a month (write its name or 1 to 12)"),
    ({"months": ["feburary:june"]}, ("months", 0), "`feburary` is not a month (did you mean `february`?)"),
    (
        {"months": ["december:february"]},
        ("months", 0),
        "`december:february` runs backwards (a year begins in january: write `december` and `january:february`)",
    ),
    ({"years": ["26"]}, ("years", 0), "`26` is not a year (write four digits, such as 2026)"),
    ({"years": ["2022:2020"]}, ("years", 0), "`2022:2020` runs backwards (write `2020:2022`)"),
    (
        {"times": ["22:00"]},
        ("times", 0),
        'must be a mapping (write {start_time: "22:00", end_time: "24:00"})',
    ),
    ({"times": [{"start_time": "22:00"}]}, ("times", 0), "`end_time` is missing (add it)"),
    (
        {"times": [{**NIGHT, "end": "06:00"}]},
        ("times", 0, "end"),
        "is not a known key (did you mean `end_time`?)",
    ),
    (
        {"times": [{**NIGHT, "timezone": "UTC"}]},
        ("times", 0, "timezone"),
        "is not a known key (known here: start_time, end_time)",
    ),
    (day(None, "06:00"), START, "is empty (give a value, or remove the key)"),
    (day("22:00", "25:00"), END, f"`25:00` is not a time of day ({HOURS})"),
    (day("12:30", "24:01"), END, f"`24:01` is not a time of day ({HOURS})"),
    (day("01:99", "23:59"), START, f"`01:99` is not a time of day ({HOURS})"),
    (day(1320, "23:59"), START, f"`1320` is not a time of day ({HOURS})"),
    (day("9:00", "17:00"), START, "`9:00` is not a time of day (write `09:00`)"),
    (day("24:00", "17:41"), START, "no day begins at `24:00` (write 00:00)"),
    (
        day("17:31", "17:31"),
        END,
        "is the same as `start_time`, so nothing lies between (for the whole day write 00:00 and 24:00)",
    ),
    (
        {"location": "Europe/Brussel"},
        ("location",),
        "`Europe/Brussel` is not a time zone (did you mean `Europe/Brussels`?)",
    ),
    (
        {"location": "+02:00"},
        ("location",),
        "`+02:00` is not a time zone (write an IANA name such as Europe/Amsterdam)",
    ),
    (
        {"location": "Local"},
        ("location",),
        "`Local` is whatever the machine is set to (write an IANA name such as Europe/Amsterdam)",
    ),
    ({"location": " "}, ("location",), "is empty (give a value, or remove the key)"),
    ("nights", (), "must be a mapping (write `key: value` lines below it)"),
]


@pytest.mark.parametrize(("written", "path", "message"), WRONG)
def test_a_mistake_is_told_with_its_place_and_what_to_do(
    written: dict[str, object], path: tuple[str | int, ...], message: str
) -> None:
    with pytest.raises(IntervalError) as caught:
        parse_interval(written)
    assert (caught.value.path, str(caught.value)) == (path, message)
    assert message == f"{caught.value.what} ({caught.value.advice})"


def test_every_mistake_of_an_interval_is_found_at_one_look() -> None:
    written = {"weekday": [], "times": [NIGHT, {"start_time": "9:00"}], "months": ["13", "may", "0"]}
    paths = [fault.path for fault in interval_faults(written)]
    assert paths == [("weekday",), ("times", 1, "start_time"), ("months", 0), ("months", 2)]
    assert interval_faults(OFFICE) == ()


WORDS = st.one_of(
    st.sampled_from(
        ["monday", "friday:monday", "1:3", "-1", "0", "2026", "22:00", "--", ":", "-", "٣", "", " "]
    ),
    st.text(max_size=6),
    st.integers(-50, 50),
    st.none(),
)
FIELDS = ["times", "weekdays", "days_of_month", "months", "years", "location", "start_time"]


@given(st.dictionaries(st.sampled_from(FIELDS), st.one_of(WORDS, st.lists(WORDS, max_size=3)), max_size=4))
@settings(max_examples=150, deadline=None)
def test_whatever_is_written_is_read_or_refused_and_never_something_else(written: dict[str, object]) -> None:
    faults = interval_faults(written)
    if faults:
        with pytest.raises(IntervalError):
            parse_interval(written)
    else:
        assert active([parse_interval(written)], datetime(2026, 7, 15, 12, tzinfo=UTC)) in (True, False)
    assert all(fault.what and fault.advice for fault in faults)
