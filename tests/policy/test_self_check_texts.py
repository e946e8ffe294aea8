"""Who gets the daily text, who waits for it, and what is written down of a day without one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from made import rows_with
from workbench import ALICE, BOB, NOON, a_plan

from sms_notify.policy.allowance import Leave
from sms_notify.policy.directory import Directory, Person, Target, TargetKind
from sms_notify.policy.holds import Quiet, Window
from sms_notify.policy.records import Timer, TimerKind
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.self_check import SelfCheck
from sms_notify.policy.self_check_texts import SelfCheckAhead, people_due, plan_next, tell, text_ahead
from sms_notify.policy.time_intervals import TimeInterval
from sms_notify.policy.vocabulary import Kind

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
TODAY = date(2026, 11, 22)  # NOON's
ALICES = (Target(TargetKind.PERSON, "alice"),)
PRIMARY = (Target(TargetKind.SCHEDULE, "primary"),)
ROOM, NO_ROOM = Leave(1, NOON, "", ()), Leave(0, NOON + HOUR, "number", ())


def planned(check: SelfCheck | None, alice: Person = ALICE) -> Plan:
    return replace(a_plan(), directory=Directory({"alice": alice, "bob": BOB}), self_check=check)


def daily(due_at: datetime, done: date | None = None, person: str = "") -> Timer:
    return Timer(0, person, TimerKind.SELF_CHECK, 0 if done is None else done.toordinal(), due_at)


def waiting(*timers: Timer, now: datetime = NOON) -> Rows:
    rows = rows_with(now=now)
    for timer in timers:
        rows.timers.load((timer.incident_id, timer.receiver, timer.what), timer)
    return rows


def left(rows: Rows) -> list[tuple[str, datetime, int]]:
    return [(one.receiver, one.due_at, one.nth) for one in rows.timers.rows.values()]


AT_NOON = SelfCheck(ALICES, at=12 * 60)
YESTERDAY = TODAY - DAY


@pytest.mark.parametrize(
    ("check", "timer", "due_at"),
    [
        (AT_NOON, None, NOON + DAY),  # new: at its next time
        (replace(AT_NOON, at=13 * 60), None, NOON + HOUR),
        (AT_NOON, daily(NOON + DAY, TODAY), NOON + DAY),  # as before
        (AT_NOON, daily(NOON - 3 * DAY, TODAY - 4 * DAY), NOON - 3 * DAY),  # was down: the tick decides
        (replace(AT_NOON, at=13 * 60), daily(NOON + DAY, TODAY), NOON + DAY + HOUR),  # never twice on one day
        (replace(AT_NOON, at=13 * 60), daily(NOON + 2 * HOUR, YESTERDAY), NOON + HOUR),
        (replace(AT_NOON, at=10 * 60), daily(NOON + 2 * HOUR, YESTERDAY), NOON + 22 * HOUR),  # was not missed
        (replace(AT_NOON, at=13 * 60), daily(NOON + DAY), NOON + HOUR),  # moved before the first
        (AT_NOON, daily(NOON + 900 * DAY, TODAY + 899 * DAY), NOON + DAY),  # by a clock that was wrong
    ],
)
def test_a_start_or_a_reload_finds_when_the_text_is_due(
    check: SelfCheck, timer: Timer | None, due_at: datetime
) -> None:
    rows = waiting(*([timer] if timer else []))
    plan_next(planned(check), rows)

    assert [at for _, at, _ in left(rows)] == [due_at]


@pytest.mark.parametrize("check", [None, SelfCheck()])
def test_without_anybody_to_text_nothing_is_due(check: SelfCheck | None) -> None:
    rows = waiting(daily(NOON + HOUR, TODAY), daily(NOON, person="alice"))
    plan_next(planned(check), rows)

    assert left(rows) == []


@pytest.mark.parametrize(
    ("now", "timer", "texted", "decided"),
    [
        (NOON, daily(NOON, YESTERDAY), ["alice"], []),
        (NOON, daily(NOON), ["alice"], []),  # the first of all
        (NOON + HOUR, daily(NOON, YESTERDAY), ["alice"], []),
        (NOON + HOUR + MINUTE, daily(NOON, YESTERDAY), [], ["missed"]),
        (NOON + 11 * HOUR, daily(NOON, YESTERDAY), [], ["missed"]),
        (NOON + MINUTE, daily(NOON - 5 * DAY, TODAY - 6 * DAY), ["alice"], []),  # of today alone
        (NOON + 2 * HOUR, daily(NOON - 5 * DAY, TODAY - 6 * DAY), [], ["missed"]),
        (NOON + HOUR, daily(NOON + HOUR, TODAY), [], []),  # the clock was set back since
    ],
)
def test_a_day_is_texted_within_an_hour_of_its_time_once(
    now: datetime, timer: Timer, texted: list[str], decided: list[str]
) -> None:
    rows = waiting(timer, now=now)

    assert [person.name for person in people_due(planned(AT_NOON), rows)] == texted
    assert [one.detail for one in rows.decided] == decided
    assert left(rows) == [("", NOON + DAY, max(timer.nth, TODAY.toordinal()))]
    assert people_due(planned(AT_NOON), rows) == []


def test_that_nobody_is_on_call_reaches_the_operator_each_day() -> None:
    rows = waiting(daily(NOON, YESTERDAY))

    assert people_due(planned(replace(AT_NOON, notify=PRIMARY)), rows) == []
    assert [one.detail for one in rows.decided] == ["nobody"]
    assert [(note.what, note.again) for note in rows.notes] == [
        ("the self-check was texted to nobody: nobody is on call for schedule:primary", True)
    ]


def test_the_text_says_what_is_left_of_the_credits_where_that_is_known() -> None:
    rows = waiting()
    for credits_left in (460, 1, None):
        tell(planned(AT_NOON), rows, ALICE, ROOM, credits_left)

    assert [(one.kind, one.body, one.parts) for one in rows.messages.rows.values()] == [
        (Kind.SELF_CHECK, "sms-notify is alive, 460 credits", 1),
        (Kind.SELF_CHECK, "sms-notify is alive, 1 credit", 1),
        (Kind.SELF_CHECK, "sms-notify is alive", 1),
    ]
    assert [(one.detail, one.nth) for one in rows.decided] == [
        ("texted", 1000),
        ("texted", 1001),
        ("texted", 1002),
    ]


NIGHT = Window("night", (TimeInterval(((11 * 60, 15 * 60),)),))


@pytest.mark.parametrize(
    ("quiet", "leave", "waits_until"),
    [
        (Quiet((NIGHT,)), ROOM, NOON + 3 * HOUR),
        (Quiet((NIGHT,), ()), ROOM, NOON + 3 * HOUR),
        (None, NO_ROOM, NOON + HOUR),
        (Quiet((NIGHT,)), NO_ROOM, NOON + 3 * HOUR),
    ],
)
def test_the_text_waits_for_the_end_of_quiet_hours_and_for_room_in_the_limits(
    quiet: Quiet | None, leave: Leave, waits_until: datetime
) -> None:
    alice, rows = replace(ALICE, quiet=quiet), waiting()
    tell(planned(AT_NOON, alice), rows, alice, leave, 460)

    assert rows.messages.rows == {}
    assert left(rows) == [("alice", waits_until, 0)]


def test_who_waited_and_is_not_to_be_texted_any_more_is_not() -> None:
    rows = waiting(daily(NOON, person="alice"), daily(NOON, person="bob"), daily(NOON + DAY, TODAY))

    assert [person.name for person in people_due(planned(AT_NOON), rows)] == ["alice"]
    assert [name for name, _, _ in left(rows)] == [""]


@pytest.mark.parametrize(
    ("now", "timers", "due_at"),
    [
        (NOON - HOUR, [], NOON),  # no daemon has planned it yet
        (NOON + HOUR, [daily(NOON + DAY, TODAY)], NOON + DAY),
        (NOON + MINUTE, [daily(NOON - 5 * DAY, TODAY - 6 * DAY)], NOON),  # it leaves when the daemon starts
        (NOON + 2 * HOUR, [daily(NOON, YESTERDAY)], NOON + DAY),  # too late for today
    ],
)
def test_the_next_text_is_known_before_it_is_due(
    now: datetime, timers: list[Timer], due_at: datetime
) -> None:
    assert text_ahead(planned(AT_NOON), waiting(*timers, now=now)) == SelfCheckAhead(
        due_at, ((ALICE, due_at),)
    )


def test_whoever_sleeps_when_the_text_is_due_gets_it_afterwards() -> None:
    alice = replace(ALICE, quiet=Quiet((NIGHT,)))
    rows = waiting(daily(NOON + DAY, TODAY))
    assert text_ahead(planned(AT_NOON, alice), rows) == SelfCheckAhead(
        NOON + DAY, ((alice, NOON + DAY + 3 * HOUR),)
    )
    rows = waiting(daily(NOON + DAY, TODAY), daily(NOON + 3 * HOUR, person="alice"))
    assert text_ahead(planned(AT_NOON, alice), rows) == SelfCheckAhead(
        NOON + DAY, ((alice, NOON + 3 * HOUR),)
    )


def test_without_a_self_check_no_text_is_next() -> None:
    assert text_ahead(planned(None), waiting()) is None
    assert text_ahead(planned(SelfCheck()), waiting()) is None
