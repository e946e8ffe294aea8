"""When the daily text of the self-check is due: once a day, also on the days when the clocks are changed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from sms_notify.policy.self_check import SelfCheck

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BRUSSELS = "Europe/Brussels"


def utc(*words: int) -> datetime:
    return datetime(*words, tzinfo=UTC)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("at", "day", "moment"),
    [
        (9 * 60, date(2026, 1, 15), utc(2026, 1, 15, 8)),
        (9 * 60, date(2026, 7, 15), utc(2026, 7, 15, 7)),
        (2 * 60 + 30, date(2026, 3, 29), utc(2026, 3, 29, 1)),  # left out: the end of the hole, 03:00
        (2 * 60 + 30, date(2026, 10, 25), utc(2026, 10, 25, 0, 30)),  # twice: the first
        (0, date(2026, 10, 25), utc(2026, 10, 24, 22)),
    ],
)
def test_the_time_of_a_day_is_one_moment(at: int, day: date, moment: datetime) -> None:
    assert SelfCheck(at=at, timezone=BRUSSELS).moment(day) == moment


@pytest.mark.parametrize("at", [0, 2 * 60, 2 * 60 + 30, 3 * 60, 9 * 60, 23 * 60 + 59])
@pytest.mark.parametrize("start", [utc(2026, 3, 27), utc(2026, 10, 23)])
@pytest.mark.parametrize("timezone", [BRUSSELS, "UTC", "America/Santiago", "Australia/Lord_Howe"])
def test_from_one_to_the_next_no_day_is_left_out_and_none_comes_twice(
    at: int, start: datetime, timezone: str
) -> None:
    check, now, days = SelfCheck(at=at, timezone=timezone), start, []
    for _ in range(5):
        now = check.due_after(days[-1] if days else None, now)
        days.append(check.last_day(now))

    assert days == [days[0] + n * DAY for n in range(5)]
    assert all(check.moment(day) > start for day in days)


@pytest.mark.parametrize(
    ("now", "day"),
    [
        (utc(2026, 11, 22, 7, 59), date(2026, 11, 21)),
        (utc(2026, 11, 22, 8), date(2026, 11, 22)),
        (utc(2026, 11, 22, 22, 59), date(2026, 11, 22)),
        (
            utc(2026, 11, 22, 23),
            date(2026, 11, 22),
        ),  # midnight in Brussels: the day has begun, its time has not come
    ],
)
def test_the_last_day_is_the_one_whose_time_has_come(now: datetime, day: date) -> None:
    assert SelfCheck(timezone=BRUSSELS).last_day(now) == day


def test_a_day_that_was_dealt_with_is_not_due_again() -> None:
    check, now = SelfCheck(at=12 * 60), utc(2026, 11, 22, 10)

    assert check.due_after(None, now) == utc(2026, 11, 22, 12)
    assert check.due_after(date(2026, 11, 22), now) == utc(2026, 11, 23, 12)
    assert check.due_after(date(2026, 11, 21), now - 3 * HOUR) == utc(2026, 11, 22, 12)
