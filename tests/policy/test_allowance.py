"""What the limits and the budgets leave one number in one lane, after what has left before."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from made import a_message, a_notification, an_incident, rows_with, told_by
from workbench import ALICE, BOB, NOON, a_plan, firing

from sms_notify.policy.allowance import Allowance, Leave, ReceiverLimits
from sms_notify.policy.holds import Quiet, Window
from sms_notify.policy.rate_limits import (
    UNLIMITED,
    Credits,
    Lane,
    Limit,
    Limits,
    LimitScope,
    Spending,
    parse_limit,
)
from sms_notify.policy.records import Notification, QueueView
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.time_intervals import TimeInterval
from sms_notify.policy.vocabulary import Kind

HOUR = timedelta(hours=1)
HERE, CRITICAL, REST = ALICE.number, Lane.CRITICAL, Lane.REST
ONE_A_MINUTE, FIVE_A_QUARTER = parse_limit("1/1m"), parse_limit("5/15m")
NO_BOUNDS = Credits(None, None, 0, 0)
WARNING = an_incident(1, firing("DiskFull", severity="warning"))
ALL = an_incident(2, firing("Load", severity="warning", team="all"))  # dba and oncall both reach bob


def before(minutes: float) -> datetime:
    return NOON - timedelta(minutes=minutes)


def allowance(limits: Limits, max_parts: int = 1, **of_receivers: tuple[Limit, ...]) -> Allowance:
    plan = a_plan()
    receivers = {
        name: replace(one, limits=of_receivers.get(name, ()), max_parts=max_parts if name == "dba" else 1)
        for name, one in plan.receivers.items()
    }
    return Allowance(replace(plan, receivers=receivers, limits=limits))


def rows_after(**queue: object) -> Rows:
    rows = rows_with(WARNING, ALL)
    rows.queue = QueueView(**queue)  # type: ignore[arg-type]
    return rows


def ready(*receivers: str) -> list[Notification]:
    return [a_notification(WARNING, ALICE, receiver=name) for name in receivers or ("oncall",)]


def money(**bounds: int) -> Limits:
    return Limits(credits=replace(NO_BOUNDS, **bounds))


@pytest.mark.parametrize(
    ("limits", "of_receivers", "limited"),
    [
        (Limits(), {}, set()),
        (Limits(per_number=(ONE_A_MINUTE,)), {}, {REST}),
        (Limits(per_number_critical=(ONE_A_MINUTE,)), {}, {CRITICAL}),
        (Limits(overall=(ONE_A_MINUTE,)), {}, {REST}),
        (Limits(), {"dba": (ONE_A_MINUTE,)}, {REST}),
        (money(per_hour=0), {}, {CRITICAL, REST}),  # no credit an hour is a budget, too
        (money(per_day=200), {}, {CRITICAL, REST}),
        (money(reserve=50), {}, {CRITICAL, REST}),
        (money(low_water=100), {}, set()),
    ],
)
def test_a_lane_is_limited_where_anything_can_hold_its_texts(
    limits: Limits, of_receivers: dict[str, tuple[Limit, ...]], limited: set[Lane]
) -> None:
    asked = allowance(limits, **of_receivers)

    assert {lane for lane in (CRITICAL, REST) if asked.limited(lane)} == limited


def test_the_history_reaches_back_as_far_as_the_longest_limit_of_each() -> None:
    limits = Limits((ONE_A_MINUTE, FIVE_A_QUARTER), (ONE_A_MINUTE,), overall=(parse_limit("50/1h"),))
    asked = allowance(limits, dba=(FIVE_A_QUARTER, ONE_A_MINUTE))

    assert (asked.looks_back(REST), asked.looks_back(CRITICAL)) == (HOUR / 4, HOUR / 60)
    assert asked.looks_back_at_all() == {None: HOUR, "dba": HOUR / 4}
    assert allowance(Limits()).looks_back_at_all() == {}


@pytest.mark.parametrize(
    ("left", "slots", "free_at", "history"),
    [
        ([], 1, NOON, []),
        ([0.5], 0, before(-0.5), [0.5]),
        ([1], 1, NOON, [1]),
        ([15], 1, NOON, []),  # as old as the window: out of it
        ([14, 13, 12, 11, 10], 0, before(-1), [14, 13, 12, 11, 10]),
        ([14, 13, 12, 11], 1, NOON, [14, 13, 12, 11]),
        ([20, 14, 13, 12, 11], 1, NOON, [14, 13, 12, 11]),
    ],
)
def test_one_number_has_what_its_limits_leave_of_the_texts_that_left(
    left: list[float], slots: int, free_at: datetime, history: list[float]
) -> None:
    rows = rows_after(left={(HERE, REST): [before(m) for m in left], (BOB.number, REST): [NOON] * 9})
    here = allowance(Limits((ONE_A_MINUTE, FIVE_A_QUARTER))).leave(rows, HERE, REST, ready())

    assert here == Leave(slots, free_at, LimitScope.NUMBER, tuple(before(m) for m in history))


@pytest.mark.parametrize(("lane", "slots"), [(CRITICAL, 2), (REST, 0)])
def test_critical_texts_have_limits_of_their_own_and_count_for_themselves(lane: Lane, slots: int) -> None:
    limits = Limits((ONE_A_MINUTE,), (parse_limit("2/1m"),), overall=(ONE_A_MINUTE,))
    rows = rows_after(left={(HERE, REST): [NOON]}, left_at_all={None: [NOON], "dba": [NOON]})
    here = allowance(limits, dba=(ONE_A_MINUTE,)).leave(rows, HERE, lane, ready("dba"))

    scope = LimitScope.NUMBER_CRITICAL if lane is CRITICAL else LimitScope.NUMBER
    assert (here.slots, here.scope) == (slots, scope)


def test_without_limits_as_much_may_leave_as_wants_to() -> None:
    assert allowance(Limits()).leave(rows_after(), HERE, REST, ready()).slots == UNLIMITED


@pytest.mark.parametrize(
    ("receivers", "left", "waiting", "slots", "scope"),
    [
        (["oncall"], {}, {}, 5, LimitScope.NUMBER),
        (["oncall"], {None: 16}, {}, 4, LimitScope.OVERALL),
        (["oncall"], {None: 15}, {}, 5, LimitScope.NUMBER),  # the same of both: the number's is named
        (["oncall"], {None: 20}, {}, 0, LimitScope.OVERALL),
        (["oncall"], {}, {None: 18}, 2, LimitScope.OVERALL),  # what waits to leave counts as leaving now
        (["oncall"], {None: 10}, {None: 9}, 1, LimitScope.OVERALL),
        (["oncall"], {"dba": 3}, {}, 5, LimitScope.NUMBER),  # another receiver's
        (["dba"], {"dba": 2}, {}, 1, LimitScope.RECEIVER),
        (["oncall", "dba"], {"dba": 1}, {"dba": 2}, 0, LimitScope.RECEIVER),
        (["dba"], {None: 19, "dba": 1}, {}, 1, LimitScope.OVERALL),
        (["gone"], {"gone": 9}, {}, 5, LimitScope.NUMBER),  # the configuration names it no more
    ],
)
def test_the_rest_has_what_the_limits_of_all_and_of_its_receivers_leave(
    receivers: list[str],
    left: dict[str | None, int],
    waiting: dict[str | None, int],
    slots: int,
    scope: LimitScope,
) -> None:
    limits = Limits((FIVE_A_QUARTER,), overall=(parse_limit("20/1h"),))
    history = {of: [before(30)] * times for of, times in left.items()}
    rows = rows_after(left_at_all=history, waiting_at_all=waiting)
    here = allowance(limits, dba=(parse_limit("3/1h"),)).leave(rows, HERE, REST, ready(*receivers))

    waits_for = {LimitScope.OVERALL: before(-30), LimitScope.RECEIVER: before(-30) if left else NOON}
    assert (here.slots, here.scope) == (slots, scope)
    assert here.free_at == (NOON if slots else waits_for[scope])


def test_what_this_step_has_queued_for_a_receiver_counts_already() -> None:
    message = a_message(lane=REST, receiver="dba")
    rows = rows_with(WARNING, told_by(message, a_notification(WARNING, ALICE, receiver="dba")))
    asked = allowance(Limits(), dba=(parse_limit("3/1h"),))
    free = asked.leave(rows, HERE, REST, ready("dba")).slots
    rows.messages.put(message.id, message)

    assert (free, asked.leave(rows, HERE, REST, ready("dba")).slots) == (3, 2)


@pytest.mark.parametrize(
    ("lane", "bounds", "spent", "waiting", "balance", "slots", "scope", "one_part"),
    [
        (REST, {"per_hour": 50}, 0, 0, None, 3, LimitScope.NUMBER, False),  # three at once, no more
        (REST, {"per_hour": 50}, 44, 0, None, 3, LimitScope.NUMBER, False),  # three texts of two parts
        (REST, {"per_hour": 50}, 45, 0, None, 1, LimitScope.NUMBER, True),
        (REST, {"per_hour": 50}, 49, 0, None, 1, LimitScope.NUMBER, True),
        (REST, {"per_hour": 50}, 50, 0, None, 0, LimitScope.CREDITS_HOUR, False),
        (REST, {"per_hour": 50}, 20, 30, None, 0, LimitScope.CREDITS_HOUR, False),  # what waits is spent
        (REST, {"per_hour": 50, "per_day": 50}, 50, 0, None, 0, LimitScope.CREDITS_HOUR, False),
        (REST, {"per_day": 50}, 50, 0, None, 0, LimitScope.CREDITS_DAY, False),
        (CRITICAL, {"per_hour": 50}, 50, 0, None, 0, LimitScope.CREDITS_HOUR, False),
        (CRITICAL, {"per_hour": 50, "reserve": 9}, 50, 0, None, 3, LimitScope.NUMBER_CRITICAL, False),
        (CRITICAL, {"per_hour": 50, "reserve": 5}, 50, 0, None, 1, LimitScope.NUMBER_CRITICAL, True),
        (REST, {"reserve": 50}, 0, 0, 56, 3, LimitScope.NUMBER, False),
        (REST, {"reserve": 50}, 0, 0, 51, 1, LimitScope.NUMBER, True),
        (REST, {"reserve": 50}, 0, 0, 50, 0, LimitScope.RESERVE, False),
        (REST, {"reserve": 50}, 0, 1, 51, 0, LimitScope.RESERVE, False),
        (CRITICAL, {"reserve": 50}, 0, 0, 1, 3, LimitScope.NUMBER_CRITICAL, False),
        (REST, {"low_water": 100}, 0, 0, 1, UNLIMITED, LimitScope.NUMBER, False),
    ],
)
def test_a_text_must_be_paid_for_and_is_of_one_part_where_money_is_short(
    lane: Lane,
    bounds: dict[str, int],
    spent: int,
    waiting: int,
    balance: int | None,
    slots: int,
    scope: LimitScope,
    one_part: bool,
) -> None:
    rows = rows_after(spent=[Spending(before(30), spent)], parts={REST: waiting}, balance=balance)
    here = allowance(money(**bounds), max_parts=2).leave(rows, HERE, lane, ready())

    assert (here.slots, here.scope, here.one_part) == (slots, scope, one_part)


def test_critical_texts_that_wait_count_as_urgent() -> None:
    rows = rows_after(parts={CRITICAL: 50})

    assert allowance(money(per_hour=50, reserve=50)).leave(rows, HERE, REST, ready()).slots == 3


@pytest.mark.parametrize(
    ("left", "scope", "minutes"),
    [([before(0)], LimitScope.NUMBER, 1), ([], LimitScope.CREDITS_HOUR, 30)],
)
def test_a_number_that_waits_for_its_own_limit_is_not_asked_about_money(
    left: list[datetime], scope: LimitScope, minutes: int
) -> None:
    rows = rows_after(left={(HERE, REST): left}, spent=[Spending(before(30), 5)])
    limits = Limits((ONE_A_MINUTE,), credits=replace(NO_BOUNDS, per_hour=5))
    here = allowance(limits).leave(rows, HERE, REST, ready())

    assert (here.slots, here.scope, here.free_at) == (0, scope, before(-minutes))


@pytest.mark.parametrize(
    ("limit", "left", "texts", "until"),
    [
        (None, [], 1, None),
        ("5/15m", [12, 11, 10, 9], 0, None),  # nothing is told
        ("5/15m", [], 1, None),
        ("5/15m", [12, 11, 10], 1, None),
        ("5/15m", [12, 11, 10, 9], 1, -3),
        ("5/15m", [12, 11, 10], 2, -3),
        ("5/15m", [13, 11, 10, 9], 1, None),  # two minutes are not worth a word
        ("5/15m", [], 5, -15),
        ("1/1m", [], 1, None),
        ("1/3m", [], 1, -3),
    ],
)
def test_a_silence_of_more_than_two_minutes_after_these_texts_is_worth_a_word(
    limit: str | None, left: list[float], texts: int, until: float | None
) -> None:
    rules = (parse_limit(limit),) if limit else ()
    leave = Leave(3, NOON, LimitScope.NUMBER, tuple(before(m) for m in left))
    told = allowance(Limits(rules, (FIVE_A_QUARTER,))).silent_until(REST, leave, texts, NOON)

    assert told == (None if until is None else before(until))


@pytest.mark.parametrize(
    ("lane", "limits", "left", "told", "minutes"),
    [
        (REST, "5/15m", [], 100, None),
        (REST, "5/15m", [], 101, 10),
        (REST, "5/15m", [14, 11, 10, 9], 101, 10),
        (REST, "5/15m", [4, 3, 2, 1], 101, 11),
        (REST, "9/3m", [], 101, 3),  # no longer than the limits look back
        (REST, "1/1m", [], 101, None),  # one minute: not worth a word
        (REST, "1/1d", [], 101, 24 * 60),
        (CRITICAL, "5/15m", [], 101, None),
    ],
)
def test_after_a_text_that_tells_a_storm_of_the_rest_the_next_one_waits(
    lane: Lane, limits: str, left: list[float], told: int, minutes: float | None
) -> None:
    rules = tuple(map(parse_limit, limits.split()))
    leave = Leave(3, NOON, LimitScope.NUMBER, tuple(before(m) for m in left))
    until = allowance(Limits(rules, rules)).silent_until(lane, leave, 1, NOON, told)

    assert until == (None if minutes is None else NOON + timedelta(minutes=minutes))


# Ends of critical trouble share the limits of critical texts.


@pytest.mark.parametrize(
    ("limit", "critical", "ends", "waits", "of_critical", "of_ends"),
    [
        ("4/1m", 0, 0, 0, 4, 2),
        ("4/1m", 1, 1, 0, 2, 1),
        ("4/1m", 3, 0, 0, 1, 1),
        ("4/1m", 0, 2, 0, 2, 0),
        ("4/1m", 4, 0, 0, 0, 0),
        ("4/1m", 0, 0, 1, 3, 2),  # an end that waits to leave counts for what begins
        ("1/1m", 0, 0, 0, 1, 1),
        ("1/1m", 0, 1, 0, 0, 0),
    ],
)
def test_ends_take_half_of_what_critical_texts_may_and_both_together_no_more(
    limit: str, critical: int, ends: int, waits: int, of_critical: int, of_ends: int
) -> None:
    asked = allowance(Limits((ONE_A_MINUTE,), (parse_limit(limit),)))
    left = {(HERE, CRITICAL): [NOON] * critical, (HERE, Lane.ENDS): [NOON] * ends, (HERE, REST): [NOON] * 9}
    rows = rows_after(left=left, waiting={(HERE, Lane.ENDS): waits})

    assert asked.leave(rows, HERE, CRITICAL, ready()).slots == of_critical
    assert asked.leave(rows, HERE, Lane.ENDS, ready()).slots == of_ends


def test_an_end_waits_until_both_its_own_half_and_the_whole_are_free() -> None:
    asked = allowance(Limits((), (parse_limit("2/15m"),)))
    left = {(HERE, CRITICAL): [before(14)], (HERE, Lane.ENDS): [before(2)]}

    assert asked.leave(rows_after(left=left), HERE, Lane.ENDS, ready()).free_at == before(-13)


def test_no_end_spends_the_reserve() -> None:
    rows = rows_after(spent=[Spending(before(30), 50)])
    here = allowance(money(per_hour=50, reserve=50)).leave(rows, HERE, Lane.ENDS, ready())

    assert (here.slots, here.scope) == (0, LimitScope.CREDITS_HOUR)
    rows = rows_after(balance=50)
    assert allowance(money(reserve=50)).leave(rows, HERE, Lane.ENDS, ready()).scope == LimitScope.RESERVE


# A receiver's limit.

HELD = {"dba": [before(30)]}


def limited_receivers(**of_receivers: str) -> Plan:
    plan = a_plan()
    limits = {name: (parse_limit(text),) for name, text in of_receivers.items()}
    receivers = {name: replace(one, limits=limits.get(name, ())) for name, one in plan.receivers.items()}
    return replace(plan, receivers=receivers)


@pytest.mark.parametrize(
    ("limits", "left", "n", "told_by", "at"),
    [
        ({}, HELD, a_notification(ALL, BOB, receiver="dba"), "dba", NOON),
        ({"dba": "2/1h"}, HELD, a_notification(ALL, BOB, receiver="dba"), "dba", NOON),
        ({"dba": "1/1h"}, HELD, a_notification(ALL, BOB, receiver="dba"), "oncall", NOON),
        ({"dba": "1/1h"}, HELD, a_notification(ALL, ALICE, receiver="dba"), "oncall", NOON),
        ({"dba": "1/1h"}, HELD, a_notification(WARNING, BOB, receiver="dba"), "oncall", NOON),
        ({"oncall": "1/1h"}, {"oncall": [before(30)]}, a_notification(WARNING, BOB), "oncall", before(-30)),
        (
            {"dba": "1/1h", "oncall": "1/1h"},
            {"dba": [before(30)], "oncall": [before(40)]},
            a_notification(ALL, BOB, receiver="dba"),
            "oncall",
            before(-20),
        ),
        ({"dba": "1/1h"}, HELD, a_notification(ALL, BOB, receiver="gone"), "gone", NOON),
        # A step that no other receiver has.
        (
            {"dba": "1/1h"},
            HELD,
            a_notification(ALL, BOB, Kind.ESCALATION, receiver="dba", nth=1),
            "dba",
            before(-30),
        ),
    ],
)
def test_a_receivers_limit_holds_nobody_whom_another_receiver_may_text(
    limits: dict[str, str],
    left: dict[str | None, list[datetime]],
    n: Notification,
    told_by: str,
    at: datetime,
) -> None:
    rows = rows_after(left_at_all=left)

    assert ReceiverLimits(limited_receivers(**limits), rows).first_free(n) == (told_by, at)


def test_an_end_is_told_by_no_receiver_that_sends_none() -> None:
    plan = limited_receivers(dba="1/1h")
    oncall = replace(plan.receivers["oncall"], send_resolved=False)
    plan = replace(plan, receivers={**plan.receivers, "oncall": oncall})
    n = a_notification(ALL, BOB, Kind.RESOLVED, receiver="dba")

    assert ReceiverLimits(plan, rows_after(left_at_all=HELD)).first_free(n) == ("dba", before(-30))


def test_another_receivers_quiet_hours_hold_what_it_would_tell() -> None:
    always = Window("always", (TimeInterval(),))
    plan = limited_receivers(dba="1/1h")
    oncall = replace(plan.receivers["oncall"], quiet=Quiet((always,)))
    plan = replace(plan, receivers={**plan.receivers, "oncall": oncall})
    n = a_notification(ALL, BOB, receiver="dba")

    assert ReceiverLimits(plan, rows_after(left_at_all=HELD)).first_free(n) == ("dba", before(-30))
