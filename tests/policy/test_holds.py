"""What waits, until when, and why: mutes, active times and quiet hours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sms_notify.policy.holds import Hold, Quiet, Wait, Window, is_closed, wait
from sms_notify.policy.matchers import parse_matchers
from sms_notify.policy.time_intervals import TimeInterval

DAY = datetime(2026, 11, 22, tzinfo=UTC)  # a Sunday
MONDAY = 24
CRITICAL = (parse_matchers("severity=critical"),)
WARNING, PAGE = {"severity": "warning"}, {"severity": "critical"}


def at(hours: float) -> datetime:
    return DAY + timedelta(hours=hours)


def hours(first: int, last: int, *, name: str = "", **fields: object) -> Window:
    """Every day from one hour to another; past 24 the next day's."""
    return Window(name or f"{first}-{last}", (TimeInterval(((first * 60, last * 60),), **fields),))  # type: ignore[arg-type]


WEEKEND = Window("weekend", (TimeInterval(weekdays=((6, 6),)), TimeInterval(weekdays=((0, 0),))))
OFFICE = hours(9, 17, name="office", weekdays=((1, 5),))
ALWAYS = Window("always", (TimeInterval(),))
BYGONE = Window("bygone", (TimeInterval(years=((2020, 2020),)),))
NIGHT = Quiet((hours(22, 31),), CRITICAL)


@pytest.mark.parametrize(
    ("window", "hour", "holds"),
    [
        (hours(9, 17), 8.99, False),
        (hours(9, 17), 9, True),
        (hours(9, 17), 16.99, True),
        (hours(9, 17), 17, False),
        (OFFICE, 10, False),
        (OFFICE, MONDAY + 10, True),
        (WEEKEND, -1, True),
        (WEEKEND, 23.99, True),
        (WEEKEND, MONDAY, False),
        (ALWAYS, 3, True),
        (BYGONE, 3, False),
    ],
)
def test_a_window_holds_while_any_of_its_intervals_does(window: Window, hour: float, holds: bool) -> None:
    assert window.holds(at(hour)) is holds


@pytest.mark.parametrize(
    ("unless", "labels", "quiet"),
    [
        ((), WARNING, True),
        ((), PAGE, True),  # `unless: []` holds all
        (CRITICAL, WARNING, True),
        (CRITICAL, PAGE, False),
        (CRITICAL, {}, True),
        ((parse_matchers("severity=critical,team=dba"),), PAGE, True),
        ((parse_matchers("severity=critical,team=dba"),), {**PAGE, "team": "dba"}, False),
        ((*CRITICAL, parse_matchers("team=dba")), {"team": "dba"}, False),  # either list lets through
        (((),), WARNING, False),  # a list without conditions matches everything
    ],
)
def test_quiet_hours_hold_what_no_list_of_unless_lets_through(
    unless: tuple[tuple[object, ...], ...], labels: dict[str, str], quiet: bool
) -> None:
    night = Quiet((hours(22, 31),), unless)  # type: ignore[arg-type]

    assert night.concerns(labels) is quiet


@pytest.mark.parametrize(
    ("mute", "active", "quiet", "hour", "until", "why", "by"),
    [
        # One hold.
        ([], [], [], 12, 12, Hold.NOW, ""),
        ([hours(9, 17)], [], [], 8.5, 8.5, Hold.NOW, ""),
        ([hours(9, 17)], [], [], 12, 17, Hold.MUTED, "9-17"),
        ([hours(9, 17)], [], [], 17, 17, Hold.NOW, ""),
        ([], [hours(9, 17)], [], 12, 12, Hold.NOW, ""),
        ([], [hours(9, 17)], [], 18, MONDAY + 9, Hold.INACTIVE, "9-17"),
        ([], [OFFICE], [], 12, MONDAY + 9, Hold.INACTIVE, "office"),
        ([], [], [NIGHT], 23, MONDAY + 7, Hold.QUIET, "22-31"),
        ([], [], [NIGHT], 7, 7, Hold.NOW, ""),
        # Several windows of one kind.
        ([hours(9, 12), hours(11, 15)], [], [], 10, 15, Hold.MUTED, "11-15"),
        ([], [hours(9, 12), hours(14, 17)], [], 13, 14, Hold.INACTIVE, "9-12, 14-17"),
        ([], [], [Quiet((hours(9, 12), hours(12, 14)))], 10, 14, Hold.QUIET, "9-12, 12-14"),
        ([], [], [Quiet((hours(9, 12),)), Quiet((hours(11, 15),))], 10, 15, Hold.QUIET, "11-15"),
        # Where one ends another begins; what holds last is the reason.
        ([hours(9, 12)], [], [Quiet((hours(12, 14),))], 10, 14, Hold.QUIET, "12-14"),
        ([hours(14, 16)], [hours(13, 24)], [Quiet((hours(16, 20),))], 10, 13, Hold.INACTIVE, "13-24"),
        ([hours(13, 16)], [hours(13, 24)], [Quiet((hours(16, 20),))], 10, 20, Hold.QUIET, "16-20"),
        ([hours(12, 20)], [], [Quiet((hours(9, 13),))], 10, 20, Hold.MUTED, "12-20"),
        # More borders than anybody would count.
        (
            [
                hours(18, 24, name="holiday", months=((11, 12),)),
                hours(0, 9, name="early", months=((11, 12),)),
            ],
            [hours(20, 32)],
            [],
            12,
            24 * 40,  # 1 January 00:00
            Hold.MUTED,
            "holiday",
        ),
        # Together: the mute is named first, then the active times, then quiet hours.
        ([hours(9, 17)], [hours(17, 24)], [Quiet((hours(9, 17),))], 12, 17, Hold.MUTED, "9-17"),
        ([], [hours(17, 24)], [Quiet((hours(9, 17),))], 12, 17, Hold.INACTIVE, "17-24"),
    ],
)
def test_it_waits_for_the_first_moment_at_which_nothing_holds(
    mute: list[Window],
    active: list[Window],
    quiet: list[Quiet],
    hour: float,
    until: float,
    why: Hold,
    by: str,
) -> None:
    assert wait(Wait(at(hour), Hold.NOW), WARNING, mute, active, quiet) == Wait(at(until), why, by)


def test_a_wait_that_something_else_began_keeps_its_reason_where_nothing_else_holds() -> None:
    grouped = Wait(at(12), Hold.GROUP, "group_wait")

    assert wait(grouped, WARNING, [], [], [NIGHT]) == grouped
    assert wait(Wait(at(23), Hold.GROUP), WARNING, [], [], [NIGHT]) == Wait(at(31), Hold.QUIET, "22-31")


def test_quiet_hours_of_which_nothing_is_said_let_every_word_for_critical_through() -> None:
    night = Quiet((hours(22, 31),))
    words = ("critical", "page", "P1", "Disaster", "warning", "", "info")

    assert [night.concerns({"severity": word}) for word in words] == [False] * 4 + [True] * 3


def test_quiet_hours_hold_a_warning_and_let_a_page_through() -> None:
    start = Wait(at(23), Hold.NOW)

    assert wait(start, WARNING, [], [], [NIGHT]).until == at(31)
    assert wait(start, PAGE, [], [], [NIGHT]) == start
    assert wait(start, PAGE, [hours(22, 26)], [], [NIGHT]).until == at(26)  # a mute holds a page, too


def test_holds_that_follow_each_other_are_followed_to_their_last_end() -> None:
    """Ten changes of mute and quiet hours within a day."""
    mute = [hours(hour, hour + 1) for hour in range(10, 20, 2)]
    quiet = [Quiet(tuple(hours(hour, hour + 1) for hour in range(11, 20, 2)))]

    held = wait(Wait(at(10), Hold.NOW), WARNING, mute, [], quiet)

    assert (held.until, held.why) == (at(20), Hold.QUIET)


@pytest.mark.parametrize(
    ("mute", "active", "quiet", "why"),
    [
        ([ALWAYS], [], [], Hold.MUTED),
        ([], [BYGONE], [], Hold.INACTIVE),
        ([], [], [Quiet((ALWAYS,))], Hold.QUIET),
        ([], [BYGONE, BYGONE], [], Hold.INACTIVE),
        ([], [hours(10, 16)], [Quiet((hours(9, 17),))], None),  # each opens only while the other holds
        ([hours(9, 17)], [hours(10, 16)], [], None),
    ],
)
def test_what_has_no_way_out_waits_for_days_and_the_answer_comes_all_the_same(
    mute: list[Window], active: list[Window], quiet: list[Quiet], why: Hold | None
) -> None:
    held = wait(Wait(at(9.5), Hold.NOW), WARNING, mute, active, quiet)

    assert held.until > at(24 * 5)
    if why is not None:
        assert held.why is why
        assert held.until >= at(24 * 365)


@pytest.mark.parametrize(
    ("mute", "active", "quiet", "closed"),
    [
        ([ALWAYS], [], [], True),
        ([], [hours(10, 16)], [Quiet((hours(9, 17),))], True),
        ([hours(9, 17)], [], [], False),
        ([], [], [], False),
    ],
)
def test_it_is_known_where_no_moment_is_ever_free(
    mute: list[Window], active: list[Window], quiet: list[Quiet], closed: bool
) -> None:
    start = Wait(at(12), Hold.NOW)

    assert is_closed(start, wait(start, WARNING, mute, active, quiet)) is closed


# Times of the day as plain sets of hours: 2 to 5, or over midnight 22 to 26.
TIMES = st.tuples(st.integers(0, 23), st.integers(1, 10)).map(lambda pair: (pair[0], sum(pair)))
SPANS = st.lists(TIMES, max_size=2)


def shown(spans: Sequence[tuple[int, int]]) -> set[int]:
    return {hour % 24 for first, last in spans for hour in range(first, last)}


@settings(deadline=None, max_examples=200)
@given(
    SPANS,
    SPANS,
    st.lists(st.tuples(st.lists(TIMES, min_size=1, max_size=2), st.booleans()), max_size=2),
    st.integers(0, 23),
)
def test_the_moment_found_is_the_first_free_hour_of_the_clock(
    mute: list[tuple[int, int]],
    active: list[tuple[int, int]],
    quiet: list[tuple[list[tuple[int, int]], bool]],
    start: int,
) -> None:
    free = set(range(24)) - shown(mute)
    free &= shown(active) or set(range(24))
    free -= {hour for spans, lets_through in quiet if not lets_through for hour in shown(spans)}
    expected = next((hour for hour in range(start, start + 24) if hour % 24 in free), None)

    held = wait(
        Wait(at(start), Hold.NOW),
        PAGE,
        [hours(*span) for span in mute],
        [hours(*span) for span in active],
        [Quiet(tuple(hours(*span) for span in spans), CRITICAL if lets else ()) for spans, lets in quiet],
    )

    assert held.until == at(expected) if expected is not None else held.until > at(start + 24)
