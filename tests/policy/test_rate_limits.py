"""How many texts and credits may leave in how much time, and when the next may."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sms_notify.policy.rate_limits import (
    NO_CREDIT_LIMITS,
    STANDARD,
    TELL_PAUSE,
    UNLIMITED,
    Credits,
    Lane,
    Limit,
    Limits,
    LimitScope,
    NoBudget,
    Room,
    Spending,
    Spent,
    affordable,
    longest,
    parse_limit,
    pause_after,
    room,
)

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
TICK = timedelta(microseconds=1)


def ago(minutes: float) -> datetime:
    return NOON - minutes * MINUTE


@pytest.mark.parametrize(
    ("text", "count", "window", "spelled"),
    [
        ("5/15m", 5, 15 * MINUTE, "5/15m"),
        ("1/m", 1, MINUTE, "1/1m"),
        ("  20 / 1 h ", 20, HOUR, "20/1h"),
        ("9/30s", 9, 30 * SECOND, "9/30s"),
        ("3/60s", 3, MINUTE, "3/1m"),
        ("3/90s", 3, 90 * SECOND, "3/90s"),
        ("2/120m", 2, 2 * HOUR, "2/2h"),
        ("100/1d", 100, 24 * HOUR, "100/1d"),
        ("7/48h", 7, 48 * HOUR, "7/2d"),
        ("999999/99999d", 999_999, 99_999 * 24 * HOUR, "999999/99999d"),
    ],
)
def test_a_limit_is_texts_per_time_and_prints_in_its_largest_unit(
    text: str, count: int, window: timedelta, spelled: str
) -> None:
    limit = parse_limit(text)

    assert limit == Limit(count, window)
    assert str(limit) == spelled
    assert parse_limit(spelled) == limit


@pytest.mark.parametrize(
    ("text", "what"),
    [
        *((text, "is not a limit") for text in ("", "5", "5/", "/15m", "5/15", "5/15w", "5-15m", "-5/15m")),
        *((text, "is not a limit") for text in ("5.5/15m", "5/15m/h", "1000000/1m", "1/100000m", "five/15m")),
        *((text, "allows nothing at all") for text in ("0/15m", "5/0m", "0/0s", "000/1h")),
    ],
)
def test_what_is_no_limit_is_told_with_what_to_write(text: str, what: str) -> None:
    with pytest.raises(ValueError, match=rf"{what}; write texts per time, as 5/15m"):
        parse_limit(text)


ONE_A_MINUTE, THREE_AN_HOUR, FIVE_A_QUARTER = map(parse_limit, ("1/1m", "3/1h", "5/15m"))


@pytest.mark.parametrize(
    ("limits", "sent", "expected"),
    [
        ([], [], Room(UNLIMITED, NOON)),
        ([], [NOON] * 99, Room(UNLIMITED, NOON)),
        ([THREE_AN_HOUR], [], Room(3, NOON)),
        ([THREE_AN_HOUR], [ago(10)], Room(2, NOON)),
        ([THREE_AN_HOUR], [ago(50), ago(40), ago(30)], Room(0, ago(-10), THREE_AN_HOUR)),
        ([THREE_AN_HOUR], [ago(30), ago(50), ago(40)], Room(0, ago(-10), THREE_AN_HOUR)),  # in any order
        ([THREE_AN_HOUR], [ago(60), ago(40), ago(30)], Room(1, NOON)),  # an hour old: it has left
        ([THREE_AN_HOUR], [ago(59.99), ago(40), ago(30)], Room(0, ago(-0.01), THREE_AN_HOUR)),
        ([THREE_AN_HOUR], [ago(50), ago(40), ago(30), ago(20)], Room(0, ago(-20), THREE_AN_HOUR)),  # one over
        ([ONE_A_MINUTE, THREE_AN_HOUR], [ago(0.5)], Room(0, ago(-0.5), ONE_A_MINUTE)),
        ([ONE_A_MINUTE, THREE_AN_HOUR], [ago(5)], Room(1, NOON)),
        ([THREE_AN_HOUR, ONE_A_MINUTE], [ago(9), ago(8), ago(0)], Room(0, ago(-51), THREE_AN_HOUR)),
        ([ONE_A_MINUTE, FIVE_A_QUARTER], [ago(3)] * 4, Room(1, NOON)),
    ],
)
def test_all_limits_hold_and_the_one_that_holds_longest_is_named(
    limits: list[Limit], sent: list[datetime], expected: Room
) -> None:
    assert room(limits, sent, NOON) == expected


@pytest.mark.parametrize(
    ("limits", "sent", "pause"),
    [
        ([], [], timedelta()),
        ([THREE_AN_HOUR], [], timedelta()),
        ([THREE_AN_HOUR], [ago(50)], timedelta()),
        ([THREE_AN_HOUR], [ago(50), ago(40)], 10 * MINUTE),
        ([ONE_A_MINUTE], [], MINUTE),
        ([ONE_A_MINUTE, THREE_AN_HOUR], [ago(50), ago(40)], 10 * MINUTE),
    ],
)
def test_the_pause_after_a_text_that_leaves_now_is_what_the_limits_then_say(
    limits: list[Limit], sent: list[datetime], pause: timedelta
) -> None:
    assert pause_after(limits, sent, NOON) == NOON + pause


@pytest.mark.parametrize(
    ("limits", "reach"),
    [([], timedelta()), ([ONE_A_MINUTE], MINUTE), ([ONE_A_MINUTE, THREE_AN_HOUR, FIVE_A_QUARTER], HOUR)],
)
def test_the_history_reaches_back_as_far_as_the_longest_limit(limits: list[Limit], reach: timedelta) -> None:
    assert longest(limits) == reach


LIMITS = st.lists(
    st.builds(Limit, st.integers(1, 5), st.integers(1, 50).map(lambda n: n * SECOND)), max_size=3
)


@settings(deadline=None, max_examples=150)
@given(LIMITS, st.lists(st.integers(0, 20), min_size=1, max_size=25))
def test_texts_that_leave_as_soon_as_they_may_never_break_a_limit_and_could_not_leave_earlier(
    limits: list[Limit], wishes: list[int]
) -> None:
    sent: list[datetime] = []
    now = NOON
    for wish in wishes:
        now += wish * SECOND
        found = room(limits, sent, now)
        assert (found.slots > 0) is (found.free_at == now)
        if not found.slots:
            early = found.free_at - TICK
            assert any(sum(early - at < limit.window for at in sent) >= limit.count for limit in limits)
        now = max(now, found.free_at)
        sent.append(now)

    for limit in limits:
        for n, last in enumerate(sent):
            assert sum(last - at < limit.window for at in sent[: n + 1]) <= limit.count


@pytest.mark.parametrize(
    ("lane", "limits"),
    [
        (Lane.CRITICAL, (THREE_AN_HOUR,)),
        (Lane.ENDS, (parse_limit("1/1h"),)),
        (Lane.REST, (ONE_A_MINUTE,)),
        (Lane.FREE, ()),
    ],
)
def test_critical_texts_have_an_allowance_of_their_own_and_what_is_free_has_no_limit(
    lane: Lane, limits: tuple[Limit, ...]
) -> None:
    every = Limits((ONE_A_MINUTE,), (THREE_AN_HOUR,), (FIVE_A_QUARTER,))

    assert every.of(lane) == limits


def test_the_limits_that_hold_where_the_file_says_nothing() -> None:
    assert [str(limit) for limit in STANDARD.of(Lane.REST)] == ["1/1m", "5/15m", "11/1h", "21/3h"]
    assert [str(limit) for limit in STANDARD.of(Lane.CRITICAL)] == ["2/1m", "20/15m", "40/1h"]
    assert STANDARD.overall == ()
    assert STANDARD.credits == Credits(per_hour=50, per_day=200, reserve=50, low_water=100)
    assert STANDARD.flapping is not None
    assert (STANDARD.flapping.episodes, STANDARD.flapping.within) == (4, 30 * MINUTE)
    assert STANDARD.flapping.calm == 10 * MINUTE
    assert Limits().flapping is None
    assert TELL_PAUSE == 2 * MINUTE


# Credits.

BOUNDS = Credits(per_hour=10, per_day=20, reserve=5, low_water=0)
HOURLY, DAILY = LimitScope.CREDITS_HOUR, LimitScope.CREDITS_DAY


def rest(minutes: float, parts: int) -> Spending:
    return Spending(ago(minutes), parts)


def urgent(minutes: float, parts: int) -> Spending:
    return Spending(ago(minutes), parts, urgent=True)


@pytest.mark.parametrize(
    ("spendings", "parts", "lane", "expected"),
    [
        ([], 1, Lane.REST, None),
        ([rest(10, 9)], 1, Lane.REST, None),
        ([rest(10, 9)], 2, Lane.REST, (HOURLY, 50)),
        ([rest(10, 10)], 1, Lane.REST, (HOURLY, 50)),
        ([rest(60, 10)], 1, Lane.REST, None),  # an hour old: it has left
        ([rest(59, 4), rest(30, 6)], 1, Lane.REST, (HOURLY, 1)),
        ([rest(59, 4), rest(30, 6)], 5, Lane.REST, (HOURLY, 30)),
        ([rest(300, 10), rest(200, 10)], 1, Lane.REST, (DAILY, 24 * 60 - 300)),
        ([rest(24 * 60, 20)], 1, Lane.REST, None),
        # What critical texts spend comes out of the reserve first.
        ([rest(10, 10)], 5, Lane.CRITICAL, None),
        ([rest(10, 10)], 6, Lane.CRITICAL, (HOURLY, 50)),
        ([urgent(10, 15)], 1, Lane.CRITICAL, (HOURLY, 50)),
        ([urgent(10, 5)], 10, Lane.REST, None),
        ([urgent(10, 6)], 10, Lane.REST, (HOURLY, 50)),
        ([rest(20, 10), urgent(10, 5)], 1, Lane.CRITICAL, (HOURLY, 40)),
        ([rest(300, 10), rest(200, 10)], 5, Lane.CRITICAL, None),
        # What others spent beyond the budget, by hand or under a larger one, costs no critical text its reserve.
        ([rest(10, 99)], 5, Lane.CRITICAL, None),
        ([rest(10, 99)], 6, Lane.CRITICAL, (HOURLY, 50)),
        ([rest(10, 99), urgent(20, 5)], 1, Lane.CRITICAL, (HOURLY, 40)),
        # More than the whole budget: asked again, never paid.
        ([], 11, Lane.REST, (HOURLY, 60)),
        ([], 16, Lane.CRITICAL, (HOURLY, 60)),
        # No limit holds what is free.
        ([rest(10, 99)], 99, Lane.FREE, None),
    ],
)
def test_critical_texts_spend_the_reserve_first_and_all_others_the_budget_alone(
    spendings: list[Spending], parts: int, lane: Lane, expected: tuple[LimitScope, float] | None
) -> None:
    refusal = expected and NoBudget(expected[0], NOON + expected[1] * MINUTE)

    assert affordable(BOUNDS, Spent(spendings), parts, lane, NOON) == refusal


@pytest.mark.parametrize(
    ("balance", "parts", "lane", "refused"),
    [
        (None, 1, Lane.REST, False),  # an unknown balance holds nothing
        (60, 10, Lane.REST, False),
        (60, 11, Lane.REST, True),
        (50, 1, Lane.REST, True),
        (0, 1, Lane.REST, True),
        (50, 1, Lane.CRITICAL, False),
        (1, 1, Lane.CRITICAL, False),
        (0, 1, Lane.FREE, False),
    ],
)
def test_the_last_of_the_balance_is_for_critical_texts_alone(
    balance: int | None, parts: int, lane: Lane, refused: bool
) -> None:
    bounds = Credits(per_hour=None, per_day=None, reserve=50, low_water=0)
    refusal = NoBudget(LimitScope.RESERVE, NOON + MINUTE) if refused else None

    assert affordable(bounds, Spent((), balance), parts, lane, NOON) == refusal


@pytest.mark.parametrize("lane", Lane)
def test_without_limits_of_credits_everything_is_paid_for(lane: Lane) -> None:
    assert affordable(NO_CREDIT_LIMITS, Spent((rest(1, 10_000),), 0), 10_000, lane, NOON) is None


WISHES = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 4), st.booleans()), max_size=30)


@settings(deadline=None, max_examples=150)
@given(WISHES, st.integers(1, 12), st.integers(0, 6))
def test_an_hour_never_costs_more_than_budget_and_reserve_and_neither_side_eats_the_others(
    wishes: list[tuple[int, int, bool]], budget: int, reserve: int
) -> None:
    bounds = Credits(budget, None, reserve, 0)
    spent: list[Spending] = []
    now = NOON
    for minutes, parts, is_urgent in wishes:
        now += minutes * MINUTE
        lane = Lane.CRITICAL if is_urgent else Lane.REST
        refusal = affordable(bounds, Spent(spent), parts, lane, now)
        hour = [one for one in spent if now - one.at < HOUR]
        for_all = sum(one.parts for one in hour if not one.urgent)
        for_urgent = sum(one.parts for one in hour if one.urgent)
        if refusal is None:
            spent.append(Spending(now, parts, is_urgent))
            assert for_all + for_urgent + parts <= budget + reserve
            assert for_all + (0 if is_urgent else parts) <= budget
        elif is_urgent:
            assert for_urgent + parts > reserve, "the reserve held it, and it was refused"
        else:
            assert for_all + parts > budget - max(0, for_urgent - reserve)


@settings(deadline=None, max_examples=150)
@given(
    st.lists(st.builds(Spending, st.integers(0, 70).map(ago), st.integers(1, 4), st.booleans()), max_size=15),
    st.integers(1, 4),
    st.sampled_from([Lane.CRITICAL, Lane.REST]),
)
def test_a_refusal_names_the_first_moment_at_which_it_would_be_paid(
    spendings: list[Spending], parts: int, lane: Lane
) -> None:
    bounds, spent = Credits(8, None, 3, 0), Spent(spendings)
    refusal = affordable(bounds, spent, parts, lane, NOON)

    if refusal is not None:
        assert affordable(bounds, spent, parts, lane, refusal.ask_again) is None
        assert affordable(bounds, spent, parts, lane, refusal.ask_again - TICK) is not None
