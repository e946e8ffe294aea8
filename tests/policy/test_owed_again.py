"""What a text was to tell is owed again: it grew too old, it failed, or its answer was lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from batches import batching, limited, owed, rows_for, texts, was_held
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
from owing import SHUT, planned
from workbench import ALICE, BOB, NOON, firing

from sms_notify.alert import Severity
from sms_notify.policy.bars import Breaker
from sms_notify.policy.holds import Hold
from sms_notify.policy.owed_again import (
    PAUSES,
    UNCONFIRMED_REST,
    after_failure,
    after_lost_answer,
    after_proof,
    look_before_resend,
    release_late,
    still_owed,
)
from sms_notify.policy.rate_limits import Lane
from sms_notify.policy.records import Incident, Message, Notification, Timer, TimerKind
from sms_notify.policy.retry_policy import Scope
from sms_notify.policy.routing import ROUND
from sms_notify.policy.rows import Rows
from sms_notify.policy.vocabulary import Drop, Kind, PageState, State

MINUTE = timedelta(minutes=1)
OPEN, CARED_FOR, OVER = an_incident(1), acknowledged(an_incident(2)), ended(an_incident(3))
PAGE = a_message(7)
LOST = replace(PAGE, state=State.UNKNOWN, ambiguous=1)
FAILED = replace(PAGE, state=State.NOT_DELIVERED)
EVERYBODY = frozenset((ALICE.number, BOB.number))


def telling(text: Message, told: Incident, kind: Kind = Kind.FIRING, **more: object) -> Rows:
    n = told_by(text, a_notification(told, kind=kind, **more))
    return rows_with(OPEN, CARED_FOR, OVER, text, n)


# A text that is too old.

LATE = PageState.HELD


@pytest.mark.parametrize(
    ("incident", "kind", "fate"),
    [
        (OPEN, Kind.FIRING, LATE),
        (OPEN, Kind.REMINDER, LATE),
        (OVER, Kind.FIRING, LATE),  # with its end, in one text
        (OVER, Kind.RESOLVED, LATE),
        (OVER, Kind.ESCALATION, Drop.ACKNOWLEDGED),
        (CARED_FOR, Kind.FIRING, LATE),
        (CARED_FOR, Kind.ESCALATION, Drop.ACKNOWLEDGED),
        (CARED_FOR, Kind.REMINDER, Drop.ACKNOWLEDGED),
    ],
)
def test_what_a_text_that_is_too_old_was_to_tell_is_told_late_if_it_is_still_wanted(
    incident: Incident, kind: Kind, fate: PageState | Drop
) -> None:
    release_late(rows := telling(PAGE, incident, kind=kind), 7)

    n = rows.notifications.rows[1]
    assert fates(rows) == {1: fate}
    if fate is LATE:
        assert (n.why, n.held_by, n.due_at, n.message_id) == (Hold.LATE, "", NOON, None)


@pytest.mark.parametrize(
    ("kind", "other", "fate"),
    [
        (Kind.FIRING, {"nth": ROUND}, Drop.SUPERSEDED),
        (Kind.FIRING, {"nth": ROUND, "state": PageState.TOLD}, Drop.SUPERSEDED),
        (Kind.FIRING, {"nth": 2 * ROUND}, Drop.SUPERSEDED),
        (Kind.FIRING, {"nth": ROUND, "state": PageState.DROPPED}, LATE),
        (Kind.FIRING, {"nth": ROUND, "person": BOB}, LATE),
        (Kind.FIRING, {"nth": ROUND, "kind": Kind.ESCALATION}, LATE),
        (Kind.FIRING, {"nth": 1}, LATE),  # of the same round
        (Kind.RESOLVED, {"nth": ROUND}, LATE),  # an end is an end
    ],
)
def test_what_a_higher_severity_has_replaced_is_not_told_late(
    kind: Kind, other: dict[str, object], fate: PageState | Drop
) -> None:
    rows = telling(PAGE, OPEN, kind=kind)
    rows.load_notification(a_notification(OPEN, id_=2, **other))
    release_late(rows, 7)

    assert fates(rows)[1] == fate


# A text that failed.


@pytest.mark.parametrize("failures", [0, 1, 2, 3])
def test_what_failed_is_tried_again_after_one_five_and_fifteen_minutes_and_no_more(failures: int) -> None:
    rows = telling(FAILED, OPEN, failures=failures)
    after_failure(rows, FAILED)

    n = rows.notifications.rows[1]
    if failures == len(PAUSES):
        assert (n.state, n.message_id) == (PageState.TOLD, 7)
    else:
        assert (n.state, n.why, n.due_at) == (PageState.HELD, Hold.FAILED, NOON + PAUSES[failures])
        assert (n.failures, n.message_id, rows.tried) == (failures + 1, None, [(7, 1)])
    assert [pause / MINUTE for pause in PAUSES] == [1, 5, 15]


@pytest.mark.parametrize(("before", "again"), [(0, True), (2, True), (3, False)])
def test_a_reminder_that_fails_is_tried_again_unless_all_that_came_before_it_was_in_vain(
    before: int, again: bool
) -> None:
    rows = telling(FAILED, OPEN, Kind.REMINDER)
    rows.load_notification(a_notification(OPEN, id_=2, state=PageState.TOLD, failures=before))
    after_failure(rows, FAILED)

    assert (rows.notifications.rows[1].state is PageState.HELD) is again


@pytest.mark.parametrize(
    ("incident", "kind", "again"),
    [
        (OPEN, Kind.FIRING, True),
        (OPEN, Kind.ESCALATION, True),
        (CARED_FOR, Kind.FIRING, True),
        (CARED_FOR, Kind.ESCALATION, False),
        (CARED_FOR, Kind.REMINDER, False),
        (OVER, Kind.FIRING, False),
        (OVER, Kind.REMINDER, False),
        (OVER, Kind.RESOLVED, True),
        (OPEN, Kind.RESOLVED, False),
    ],
)
def test_only_what_is_true_still_is_owed_again(incident: Incident, kind: Kind, again: bool) -> None:
    rows = telling(FAILED, incident, kind)
    after_failure(rows, FAILED)

    n = rows.notifications.rows[1]
    assert still_owed(rows, n) is again
    assert (n.state is PageState.HELD) is again


def test_the_end_of_what_has_begun_again_is_not_owed_again() -> None:
    rows = telling(FAILED, OVER, Kind.RESOLVED)
    rows.load_incident(an_incident(9))
    after_failure(rows, FAILED)

    assert fates(rows) == {1: PageState.TOLD}


def test_what_waits_to_be_tried_again_is_no_hope_for_its_step() -> None:
    rows = telling(FAILED, OPEN)
    other = replace(a_message(8, BOB), state=State.NOT_DELIVERED)
    rows.messages.load(8, other)
    rows.load_notification(told_by(other, a_notification(OPEN, BOB, id_=2)))
    rows.set_timer(Timer(1, "oncall", TimerKind.ESCALATE, 1, NOON + MINUTE))
    after_failure(rows, FAILED)
    after_failure(rows, other)

    assert rows.timers_of(1)[0].due_at == NOON


# An answer that was lost.


@pytest.mark.parametrize(
    ("severity", "minutes"), [(Severity.CRITICAL, 0), (Severity.WARNING, 9), (Severity.INFO, 9)]
)
def test_what_left_no_answer_is_owed_once_more_critical_at_once_the_rest_ten_minutes_after_it_left(
    severity: Severity, minutes: int
) -> None:
    told = an_incident(1, firing(severity=severity))
    rows = rows_with(told, LOST, told_by(LOST, a_notification(told)))

    assert after_lost_answer(rows, LOST, EVERYBODY, MINUTE)
    n = rows.notifications.rows[1]
    assert (n.state, n.why, n.held_by) == (PageState.HELD, Hold.UNCONFIRMED, "main")
    assert (n.due_at - NOON, n.again_of) == (minutes * MINUTE, 7)
    assert UNCONFIRMED_REST == 10 * MINUTE
    assert rows.may_have_arrived(n), "its end is owed, whatever becomes of the second"


@pytest.mark.parametrize(
    ("text", "more", "numbers"),
    [
        (LOST, {"again_of": 5}, EVERYBODY),  # this was the second
        (replace(LOST, ambiguous=2), {}, EVERYBODY),
        (replace(LOST, number="group:night"), {}, EVERYBODY),
        (LOST, {}, frozenset()),  # who is configured no more
    ],
)
def test_there_is_no_third_text_none_to_a_group_and_none_to_whoever_has_left(
    text: Message, more: dict[str, object], numbers: frozenset[str]
) -> None:
    rows = telling(text, OPEN, **more)

    assert not after_lost_answer(rows, text, numbers, MINUTE)
    assert fates(rows) == {1: PageState.TOLD}


def test_a_line_that_was_the_second_is_given_up_and_the_line_beside_it_is_not() -> None:
    rows = telling(LOST, OPEN, again_of=5)
    rows.load_notification(told_by(LOST, a_notification(CARED_FOR, id_=2)))

    assert after_lost_answer(rows, LOST, EVERYBODY, MINUTE)
    assert fates(rows) == {1: PageState.TOLD, 2: PageState.HELD}


@pytest.mark.parametrize("also", [False, True])
def test_proof_takes_a_second_text_back_that_has_not_left_unless_it_tells_more(also: bool) -> None:
    second = a_message(8)
    rows = rows_with(OPEN, CARED_FOR, second, told_by(second, a_notification(OPEN, again_of=7)))
    if also:
        rows.load_notification(told_by(second, a_notification(CARED_FOR, id_=2)))
    after_proof(rows, PAGE)

    assert [state for _, state, _ in moves(rows)] == [State.CANCELLED] * (not also)
    assert rows.notifications.rows[1].message_id == (8 if also else 7)


def test_proof_ends_the_wait_for_a_second_text() -> None:
    rows = rows_with(OPEN, a_notification(OPEN, again_of=7, why=Hold.UNCONFIRMED))
    after_proof(rows, PAGE)

    n = rows.notifications.rows[1]
    assert (n.state, n.message_id, n.again_of) == (PageState.TOLD, 7, None)


# Before it is told.


def test_what_is_told_again_waits_for_quiet_hours_that_have_begun_since() -> None:
    n = a_notification(OPEN, why=Hold.FAILED)
    look_before_resend(planned(quiet=SHUT), EVERYBODY, rows := rows_with(OPEN, n))

    held = rows.notifications.rows[1]
    assert (held.why, held.due_at) == (Hold.QUIET, NOON.replace(hour=14))


@pytest.mark.parametrize(
    ("numbers", "fate"), [(EVERYBODY, PageState.HELD), (frozenset(), Drop.NOT_CONFIGURED)]
)
def test_nothing_is_told_again_to_whoever_has_left(numbers: frozenset[str], fate: PageState | Drop) -> None:
    rows = rows_with(OPEN, a_notification(OPEN, why=Hold.UNCONFIRMED, again_of=7))
    look_before_resend(planned(), numbers, rows)

    assert fates(rows) == {1: fate}


# How it is told.


def second(**more: object) -> Notification:
    told = was_held(1, why=Hold.UNCONFIRMED, again_of=7, held_by="main", due_at=NOON + MINUTE)
    return replace(told, **more)  # type: ignore[arg-type]


def test_a_second_text_is_a_marked_line_of_the_next_to_the_same_reader() -> None:
    rows = rows_for(waits := second())
    told = batching(limited("6/10m"), rows).owe([owed(2)])

    assert texts(rows, told) == [(Kind.DIGEST, Lane.REST, [1, 2])]
    body = rows.messages.new[0].body
    assert "(may be the second) a-host-with-a-long-name-01" in body
    assert body.count("may be the second") == 1
    assert rows.notifications.rows[waits.id].again_of == 7


def test_a_second_text_of_its_own_says_so() -> None:
    rows = rows_for(second(due_at=NOON))
    batching(limited("6/10m"), rows).flush([(ALICE.number, Lane.REST)])

    (text,) = rows.messages.new
    assert (text.kind, ", may be the second" in text.body) == (Kind.FIRING, True)


@pytest.mark.parametrize(
    ("silent", "breakers", "there"),
    [
        ("main", [], "spare"),  # what left no answer at one gateway may leave none again
        ("spare", [], "main"),
        ("main", [a_breaker("spare")], "main"),
        ("main", [a_breaker("spare", Scope.NUMBER, ALICE.number)], "main"),
        ("old", [a_breaker("main")], "spare"),
        ("old", [a_breaker("main"), a_breaker("spare")], "main"),
    ],
)
def test_a_second_text_leaves_by_another_gateway_where_one_takes_it(
    silent: str, breakers: list[Breaker], there: str
) -> None:
    rows = rows_for(second(due_at=NOON, held_by=silent))
    rows.breakers = breakers
    plan = replace(limited("6/10m"), gateways=("main", "spare"))
    batching(plan, rows).flush([(ALICE.number, Lane.REST)])

    assert [text.gateway for text in rows.messages.new] == [there]
