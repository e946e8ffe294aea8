"""What time does to messages: leases end, evidence fails to come, texts grow too old, gateways stay closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from made import (
    a_breaker,
    a_message,
    a_notification,
    acknowledged,
    an_incident,
    ended,
    fates,
    moves,
    rows_with,
    told_by,
)
from owing import CRITICAL_ALONE, HOUR, SHUT, planned
from workbench import ALICE, BOB, NOON, a_plan

from sms_notify.alert import Severity
from sms_notify.policy.bars import Barring, Breaker
from sms_notify.policy.directory import Person
from sms_notify.policy.holds import Hold, Quiet
from sms_notify.policy.housekeeping import LONGEST_PAUSE, Housekeeping, Moved, Overdue
from sms_notify.policy.records import Incident, Message, Timer, TimerKind
from sms_notify.policy.retry_policy import BY_REFUSAL, Scope
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Timing
from sms_notify.policy.vocabulary import Cause, Kind, PageState, State

MINUTE = timedelta(minutes=1)
LATER, BEFORE = NOON + 5 * MINUTE, NOON - 5 * MINUTE
OPEN, CARED_FOR, OVER = an_incident(1), acknowledged(an_incident(2)), ended(an_incident(3))
PAGE, MILD = a_message(7), a_message(7, severity=Severity.WARNING)
TIMING = Timing(failover_after=timedelta(minutes=5))
NIGHT = Person("gateway-group:night", "group:night")


def telling(text: Message, *told: Incident, kind: Kind = Kind.FIRING) -> Rows:
    listed = [told_by(text, a_notification(one, kind=kind, id_=id_)) for id_, one in enumerate(told, 1)]
    return rows_with(OPEN, CARED_FOR, OVER, text, *listed)


def at_work(
    rows: Rows, gateways: tuple[str, ...] = ("main",), breakers: Sequence[Breaker] = ()
) -> Housekeeping:
    rows.breakers = breakers
    numbers = frozenset((ALICE.number, NIGHT.number))
    return Housekeeping(replace(a_plan(TIMING), gateways=gateways), numbers, rows, _say)


def _say(barring: Barring) -> str:
    return f"barred by {'+'.join(bar.gateway for bar in barring.bars)}"


def place(rows: Rows) -> tuple[State, str, datetime]:
    text = rows.messages.rows[7]
    return text.state, text.gateway, text.not_before


def test_what_was_being_sent_when_its_lease_ended_may_have_been_sent() -> None:
    text = a_message(7, state=State.SUBMITTING, ambiguous=1)
    work = at_work(rows := rows_with(text))
    work.overdue(Overdue(leased=(text,)))

    assert rows.messages.rows[7] == replace(text, state=State.UNKNOWN, ambiguous=2)
    assert moves(rows) == [(7, State.UNKNOWN, Cause.LEASE_ENDED)]
    assert work.moved == [Moved(text, State.UNKNOWN, Cause.LEASE_ENDED)]


@pytest.mark.parametrize(
    ("text", "told", "cause", "noted"),
    [
        (PAGE, OPEN, Cause.RESEND, 0),
        (MILD, OPEN, Cause.RESEND, 0),
        (
            replace(PAGE, number=NIGHT.number),
            OPEN,
            Cause.NO_EVIDENCE,
            1,
        ),  # one silence would be two texts to all of it
        (replace(MILD, number=NIGHT.number), OPEN, Cause.NO_EVIDENCE, 1),
        (MILD, OVER, Cause.NO_EVIDENCE, 0),  # its end is owed
        (
            replace(PAGE, ambiguous=2),
            OPEN,
            Cause.NO_EVIDENCE,
            1,
        ),  # of an older version, which sent the same text again
        (PAGE, OVER, Cause.NO_EVIDENCE, 1),
    ],
)
def test_what_a_text_told_whose_answer_was_lost_is_owed_once_more_or_given_up(
    text: Message, told: Incident, cause: Cause, noted: int
) -> None:
    text = replace(text, state=State.UNKNOWN, ambiguous=max(1, text.ambiguous))
    work = at_work(rows := telling(text, told))
    work.overdue(Overdue(unknown=(text,)))

    assert moves(rows) == [(7, State.UNKNOWN_FINAL, cause)]
    assert work.moved == [Moved(text, State.UNKNOWN_FINAL, cause)]
    assert len(rows.notes) == noted


@pytest.mark.parametrize(
    ("text", "state", "fate"),
    [
        (PAGE, State.EXPIRED, PageState.HELD),  # what it was to tell goes into the next
        (a_message(7, ambiguous=1), State.UNKNOWN_FINAL, PageState.TOLD),
    ],
)
def test_a_text_that_is_too_old_was_never_sent_unless_it_may_have_left(
    text: Message, state: State, fate: PageState
) -> None:
    work = at_work(rows := telling(text, OPEN))
    work.overdue(Overdue(expired=(text,)))

    assert (moves(rows), fates(rows)) == ([(7, state, Cause.TOO_OLD)], {1: fate})


@pytest.mark.parametrize(
    ("text", "quiet", "moved", "why", "due"),
    [
        (a_message(7), SHUT, (State.CANCELLED, Cause.HELD_AGAIN), Hold.QUIET, NOON + 2 * HOUR),
        (a_message(7), CRITICAL_ALONE, (State.EXPIRED, Cause.TOO_OLD), Hold.LATE, NOON),  # it passes
        (a_message(7, ambiguous=1), SHUT, (State.UNKNOWN_FINAL, Cause.TOO_OLD), Hold.NOW, NOON),
    ],
)
def test_what_could_not_leave_before_quiet_hours_began_waits_for_their_end(
    text: Message, quiet: Quiet, moved: tuple[State, Cause], why: Hold, due: datetime
) -> None:
    rows = telling(text, OPEN)
    plan = planned(quiet=quiet)
    work = Housekeeping(plan, frozenset({ALICE.number}), rows, _say)
    work.overdue(Overdue(expired=(text,)))

    assert moves(rows) == [(7, *moved)]
    assert [(n.why, n.due_at) for n in rows.notifications.rows.values()] == [(why, due)]
    assert [(one.state, one.cause) for one in work.moved] == [moved]


@pytest.mark.parametrize(
    ("state", "severity", "noted"),
    [
        (State.SENT, Severity.CRITICAL, False),
        (State.BUFFERED, Severity.CRITICAL, True),
        (State.BUFFERED, Severity.WARNING, False),
    ],
)
def test_a_report_is_not_waited_for_for_ever_and_a_phone_that_is_out_of_reach_is_our_problem(
    state: State, severity: Severity, noted: bool
) -> None:
    text = a_message(7, state=state, severity=severity)
    work = at_work(rows := telling(text, OPEN))
    work.stop_waiting_for_reports([text])

    assert moves(rows) == [(7, State.NO_REPORT, Cause.REPORT_TIMEOUT)]
    assert ["out of reach" in note.what for note in rows.notes] == [True] * noted


@pytest.mark.parametrize("state", list(State))
def test_a_bad_end_hurries_the_next_step_and_a_page_that_is_lost_is_noted(state: State) -> None:
    work = at_work(rows := telling(PAGE, OPEN))
    rows.set_timer(Timer(1, "oncall", TimerKind.ESCALATE, 1, LATER))
    work.move(PAGE, state, Cause.BARRED, "because")

    (timer,) = rows.timers_of(1)
    assert (timer.due_at == NOON) is (state in (State.FAILED, State.NOT_DELIVERED, State.REJECTED))
    assert bool(rows.notes) is (state in (State.FAILED, State.EXPIRED, State.UNKNOWN_FINAL))
    assert rows.ledger[0][2].detail == "because"
    assert work.moved == [Moved(PAGE, state, Cause.BARRED)]


@pytest.mark.parametrize(
    ("person", "kind", "told", "given_up", "noted"),
    [
        (ALICE, Kind.FIRING, OPEN, False, False),
        (BOB, Kind.FIRING, OPEN, True, True),
        (BOB, Kind.FIRING, OVER, True, False),
        (BOB, Kind.RESOLVED, OPEN, True, False),
        (BOB, Kind.HANDOFF, OPEN, True, False),
        (BOB, Kind.MANUAL, OPEN, False, False),  # any number may be texted by hand
        (BOB, Kind.OPERATOR, OPEN, False, False),
    ],
)
def test_what_waits_for_a_number_that_is_not_configured_is_given_up(
    person: Person, kind: Kind, told: Incident, given_up: bool, noted: bool
) -> None:
    text = a_message(7, person, kind=kind)
    work = at_work(rows := telling(text, told))
    work.drop_unaddressed([text])

    assert moves(rows) == [(7, State.CANCELLED, Cause.NOT_CONFIGURED)] * given_up
    assert [note.particular for note in rows.notes] == ["gone"] * noted


# Which gateway a text waits for.


@pytest.mark.parametrize(
    ("by", "not_before", "expected"),
    [
        ("main", LATER, ("main", LATER)),
        ("spare", LATER, ("spare", LATER)),
        ("old", LATER, ("main", NOON)),  # the other has given no reason to wait
        ("old", BEFORE, ("main", BEFORE)),
    ],
)
def test_what_waits_for_a_gateway_that_is_not_configured_goes_to_the_preferred_one(
    by: str, not_before: datetime, expected: tuple[str, datetime]
) -> None:
    text = a_message(7, gateway=by, not_before=not_before)
    work = at_work(rows := rows_with(text), ("main", "spare"))
    work.leave_unknown_gateways([text])

    assert place(rows) == (State.QUEUED, *expected)
    assert moves(rows) == [(7, State.QUEUED, Cause.GATEWAY_GONE)] * (by == "old")
    assert work.moved == [Moved(text, State.QUEUED, Cause.GATEWAY_GONE)] * (by == "old")


SPARE, JUST_NOW, LONG_AGO = ("main", "spare"), a_breaker(), a_breaker(opened_at=BEFORE)
BARRED = a_breaker("main", Scope.NUMBER, ALICE.number)
BARRED_THERE = a_breaker("spare", Scope.NUMBER, ALICE.number)


@pytest.mark.parametrize(
    ("text", "gateways", "breakers", "there"),
    [
        (PAGE, SPARE, [], "main"),
        (PAGE, SPARE, [JUST_NOW], "spare"),
        (PAGE, SPARE, [a_breaker("main", Scope.CREDITS)], "spare"),
        (PAGE, SPARE, [BARRED], "main"),  # that is for `leave_barred`
        (MILD, SPARE, [JUST_NOW], "main"),
        (MILD, SPARE, [LONG_AGO], "spare"),
        (MILD, SPARE, [a_breaker(opened_at=BEFORE + timedelta(seconds=1))], "main"),
        (PAGE, ("main",), [LONG_AGO], "main"),
        (PAGE, SPARE, [LONG_AGO, a_breaker("spare")], "main"),  # nothing takes anything: it stays where it is
        (PAGE, SPARE, [LONG_AGO, BARRED_THERE], "main"),
        (PAGE, ("main", "spare", "last"), [LONG_AGO, BARRED_THERE], "last"),
        (PAGE, ("main", "spare", "last"), [LONG_AGO, a_breaker("spare")], "last"),
        (  # the only one that takes texts refuses the number
            PAGE,
            ("main", "spare", "last"),
            [LONG_AGO, a_breaker("spare"), replace(BARRED, gateway="last")],
            "main",
        ),
        (replace(PAGE, gateway="spare"), SPARE, [LONG_AGO], "spare"),
        (replace(PAGE, gateway="spare"), SPARE, [a_breaker("spare")], "main"),
    ],
)
def test_what_waits_for_a_closed_gateway_goes_to_the_next_critical_at_once_and_the_rest_later(
    text: Message, gateways: tuple[str, ...], breakers: list[Breaker], there: str
) -> None:
    work = at_work(rows := rows_with(text), gateways, breakers)
    work.fail_over([text])

    assert place(rows) == (State.QUEUED, there, NOON)
    moved = there != text.gateway
    assert moves(rows) == [(7, State.QUEUED, Cause.FAIL_OVER)] * moved
    assert work.moved == [Moved(text, State.QUEUED, Cause.FAIL_OVER)] * moved


@pytest.mark.parametrize(
    ("text", "gateways", "breakers", "expected"),
    [
        (PAGE, SPARE, [], (State.QUEUED, "main", None)),
        (PAGE, SPARE, [JUST_NOW], (State.QUEUED, "main", None)),
        (MILD, SPARE, [BARRED], (State.QUEUED, "spare", Cause.FAIL_OVER)),
        (
            MILD,
            SPARE,
            [BARRED, a_breaker("spare")],
            (State.QUEUED, "spare", Cause.FAIL_OVER),
        ),  # it can wait there
        (PAGE, SPARE, [BARRED, BARRED_THERE], (State.FAILED, "main", Cause.BARRED)),
        (PAGE, ("main",), [BARRED], (State.FAILED, "main", Cause.BARRED)),
        (replace(PAGE, ambiguous=1), ("main",), [BARRED], (State.UNKNOWN_FINAL, "main", Cause.BARRED)),
        (PAGE, ("main",), [a_breaker("main", Scope.COUNTRY, "+32")], (State.FAILED, "main", Cause.BARRED)),
    ],
)
def test_what_waits_for_a_number_that_its_gateway_refuses_goes_by_another_or_nowhere(
    text: Message,
    gateways: tuple[str, ...],
    breakers: list[Breaker],
    expected: tuple[State, str, Cause | None],
) -> None:
    work = at_work(rows := rows_with(text), gateways, breakers)
    work.leave_barred([text])

    state, there, cause = expected
    assert place(rows)[:2] == (state, there)
    assert moves(rows) == ([] if cause is None else [(7, state, cause)])
    bars = [bar for bar in breakers if bar.scope is not Scope.ACCOUNT]
    assert [entry.detail for *_, entry in rows.ledger] == [
        f"barred by {'+'.join(bar.gateway for bar in bars)}" for _ in rows.ledger
    ]


def test_no_retry_waits_longer_than_a_time_that_a_wrong_clock_wrote() -> None:
    assert max(reaction.cap for reaction in BY_REFUSAL.values()) <= LONGEST_PAUSE == timedelta(minutes=15)


BOTH = ("main", "backup")
LOST = a_message(7, state=State.UNKNOWN, ambiguous=1)


def sent_by_another(
    text: Message, breakers: Sequence[Breaker] = (), gateways: tuple[str, ...] = BOTH
) -> list[State]:
    rows = telling(text, OPEN)
    house = at_work(rows, gateways, breakers)
    house.send_by_another([text])
    return [moved.state for moved in house.moved]


def test_a_critical_text_whose_answer_was_lost_goes_by_another_gateway_at_once() -> None:
    rows = telling(LOST, OPEN)
    house = at_work(rows, BOTH)
    house.send_by_another([LOST])
    assert [moved.state for moved in house.moved] == [State.UNKNOWN_FINAL]
    (owed,) = rows.all_held()
    assert (owed.why, owed.held_by, owed.due_at) == (Hold.UNCONFIRMED, "main", NOON)


@pytest.mark.parametrize(
    "text",
    [
        replace(LOST, number=NIGHT.number),
        replace(LOST, kind=Kind.OPERATOR),
        replace(LOST, kind=Kind.MANUAL),
    ],
    ids=["to a group", "to the operator", "by hand"],
)
def test_what_gets_no_second_text_waits_for_its_report(text: Message) -> None:
    assert sent_by_another(text) == []


def test_the_second_text_waits_for_its_report() -> None:
    second = told_by(LOST, replace(a_notification(OPEN), again_of=3))
    house = at_work(rows_with(OPEN, LOST, second), BOTH)
    house.send_by_another([LOST])
    assert house.moved == []


def test_it_waits_for_its_report_where_no_other_gateway_takes_it() -> None:
    assert sent_by_another(LOST, gateways=("main",)) == []
    assert sent_by_another(LOST, [a_breaker("backup", Scope.ACCOUNT)]) == []
    assert sent_by_another(LOST, [a_breaker("backup", Scope.NUMBER, ALICE.number)]) == []
