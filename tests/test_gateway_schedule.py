"""The clock of `datum`: no minute of a change day makes the gateway send early or at the wrong hour."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sms_notify.gateways.sms1601.scheduled_time import after_121, datum

MINUTE = timedelta(minutes=1)
AMSTERDAM = ZoneInfo("Europe/Amsterdam")
ZONES = ["Europe/Amsterdam", "Europe/Brussels", "Europe/London"]
# Directive 2000/84/EC: the last Sundays of March and October, at 01:00 UTC
CHANGES = [date(2026, 3, 29), date(2026, 10, 25), date(2027, 3, 28), date(2027, 10, 31)]


def readings(text: str, zone: tzinfo) -> set[datetime]:
    """Every instant that a gateway could take the minute for; none where its clock never shows it."""
    walls = [datetime.strptime(text, "%Y%m%d%H%M").replace(tzinfo=zone, fold=fold) for fold in (0, 1)]
    instants = {wall.astimezone(UTC) for wall in walls}
    return {at for at in instants if at.astimezone(zone).strftime("%Y%m%d%H%M") == text}


def minutes_of(day: date, zone: tzinfo) -> list[datetime]:
    """Every minute of a day by that zone's clock, as instants: 1380 in spring, 1500 in autumn."""
    begins = datetime.combine(day, time(), zone).astimezone(UTC)
    ends = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
    return [begins + n * MINUTE for n in range((ends - begins) // MINUTE)]


@pytest.mark.parametrize("name", ZONES)
@pytest.mark.parametrize("day", CHANGES, ids=str)
def test_every_minute_of_a_change_day_means_one_instant_the_intended_one_or_the_first_after_the_hour(
    day: date, name: str
) -> None:
    zone = ZoneInfo(name)
    hour_over = datetime.combine(day, time(2), UTC)  # 03:00 in Amsterdam, 02:00 in London
    minutes = minutes_of(day, zone)
    asked = [datum(minute, zone) for minute in minutes]

    assert len(minutes) == (1380 if day.month == 3 else 1500)
    for minute, got in zip(minutes, asked, strict=True):
        twice = day.month == 10 and hour_over - 120 * MINUTE <= minute < hour_over
        assert got.at == (hour_over if twice else minute)
        assert readings(got.text, zone) == {got.at}
    assert all(one.at <= later.at and one.text <= later.text for one, later in pairwise(asked))


@pytest.mark.parametrize(
    ("utc", "text"),
    [
        ("2026-10-24T23:59:00", "202610250159"),
        ("2026-10-25T00:00:00", "202610250300"),  # the first 02:00
        ("2026-10-25T00:59:00", "202610250300"),
        ("2026-10-25T01:00:00", "202610250300"),  # the second 02:00
        ("2026-10-25T01:59:00", "202610250300"),
        ("2026-10-25T02:00:00", "202610250300"),
        ("2026-10-25T02:01:00", "202610250301"),
        ("2026-03-29T00:59:00", "202603290159"),
        ("2026-03-29T00:59:01", "202603290300"),  # rounded up over the hour that is not there
        ("2026-03-29T01:00:00", "202603290300"),
        ("2026-10-24T23:59:00.000001", "202610250300"),
        ("2026-12-31T22:59:30", "202701010000"),
    ],
)
def test_the_text_of_an_instant_in_amsterdam(utc: str, text: str) -> None:
    assert datum(datetime.fromisoformat(utc).replace(tzinfo=UTC), AMSTERDAM).text == text


@given(
    at=st.datetimes(datetime(2020, 1, 1), datetime(2037, 12, 30), timezones=st.just(UTC)),  # noqa: DTZ001
    name=st.sampled_from([*ZONES, "UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
@settings(deadline=None, max_examples=200)
def test_at_any_time_anywhere_the_minute_is_clear_and_neither_early_nor_far(at: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    got = datum(at, zone)

    assert readings(got.text, zone) == {got.at}
    assert timedelta(0) <= got.at - at < timedelta(hours=2) + MINUTE
    assert len(got.text) == 12


def test_an_instant_is_the_same_whatever_zone_it_is_written_in() -> None:
    at = datetime(2026, 7, 1, 10, 0, tzinfo=UTC)

    assert datum(at, AMSTERDAM) == datum(at.astimezone(ZoneInfo("Asia/Tokyo")), AMSTERDAM)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        datum(datetime(2026, 7, 1, 10, 0), AMSTERDAM)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("seconds", "text"), [(-3600, None), (0, None), (60, None), (61, "202607011202"), (120, "202607011202")]
)
def test_after_121_what_is_due_within_a_minute_goes_now_and_the_rest_is_asked_for_again(
    seconds: int, text: str | None
) -> None:
    now = datetime(2026, 7, 1, 10, 0, tzinfo=UTC)
    instead = after_121(now + timedelta(seconds=seconds), now, AMSTERDAM)

    assert (instead.text if instead else None) == text
