"""After the end of an acknowledgement: who is told, when, and what follows from then on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from made import a_notification, acknowledged, an_incident, rows_with
from owing import FIVE, HOUR, MINUTE, ON_CALL, SHUT, TO_ALICE, TO_BOB, planned, summed
from workbench import ALICE, BOB, NOON, firing

from sms_notify.policy.records import UNACKNOWLEDGED, Incident, TimerKind
from sms_notify.policy.routing import ROUND, Receiver
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.steps_anew import ANSWER, StepsAnew
from sms_notify.policy.vocabulary import Decision, Kind, PageState

ONCALL = Receiver("oncall", (TO_ALICE,), escalate=(FIVE,))
FREED = replace(an_incident(1), raised=1)
LAPSED = replace(acknowledged(an_incident(1)), ack_until=NOON, acked_by="bob")


def due(rows: Rows) -> dict[TimerKind, float]:
    """When which follows, in minutes."""
    return {timer.what: (timer.due_at - NOON) / MINUTE for timer in rows.timers.rows.values()}


def test_those_who_are_told_first_are_told_and_the_steps_begin_anew() -> None:
    rows = rows_with(FREED)
    owed = StepsAnew(planned(ONCALL), rows).begin([1])

    assert summed(owed) == [("alice", 0, "now")]
    assert [(n.kind, n.nth, n.bundle) for n in owed] == [(Kind.FIRING, ROUND, UNACKNOWLEDGED)]
    assert due(rows) == {TimerKind.ESCALATE: 5, TimerKind.REMIND: 240}
    assert {timer.nth for timer in rows.timers.rows.values()} == {ROUND + 1}


def test_of_a_notice_nobody_is_reminded() -> None:
    rows = rows_with(FREED)
    StepsAnew(planned(ONCALL), rows, notices={1}).begin([1])

    assert due(rows) == {TimerKind.ESCALATE: 5}


def test_a_receiver_that_tells_nobody_has_nothing_to_follow() -> None:
    rows = rows_with(FREED)

    assert StepsAnew(planned(Receiver("oncall")), rows).begin([1]) == []
    assert due(rows) == {}


def test_quiet_hours_hold_it_and_the_steps_count_from_then() -> None:
    rows = rows_with(FREED)
    owed = StepsAnew(planned(ONCALL, quiet=SHUT), rows).begin([1])

    assert summed(owed) == [("alice", 120, "quiet_hours")]
    assert due(rows)[TimerKind.ESCALATE] == 125


def test_where_nobody_is_on_call_the_step_is_due_now() -> None:
    rows = rows_with(FREED)
    receiver = Receiver("oncall", (ON_CALL,), escalate=(FIVE,))

    assert StepsAnew(planned(receiver), rows).begin([1]) == []
    assert due(rows)[TimerKind.ESCALATE] == 0
    assert [d.word for d in rows.decided] == [Decision.NOBODY_ON_CALL]


def test_whoever_is_still_to_hear_of_its_beginning_hears_that_alone() -> None:
    held = a_notification(FREED, ALICE, due_at=NOON + HOUR)

    assert StepsAnew(planned(ONCALL), rows_with(FREED, held)).begin([1]) == []


def asked(plan: Plan, incident: Incident = LAPSED) -> tuple[list[str], Rows]:
    rows = rows_with(incident)
    return [n.person.name for n in StepsAnew(plan, rows).lapse([incident])], rows


def test_a_lapse_asks_whoever_acknowledged_and_waits_for_the_time_of_the_first_step() -> None:
    names, rows = asked(planned(ONCALL))
    freed = rows.incidents.rows[1]

    assert names == ["bob"]
    assert (freed.acked_at, freed.ack_until) == (None, NOON + 5 * MINUTE)
    assert due(rows) == {}
    assert [d.detail for d in rows.decided] == ["by bob (ack_expires)"]


def test_without_a_step_the_answer_has_five_minutes() -> None:
    _, rows = asked(planned(replace(ONCALL, escalate=())))

    assert rows.incidents.rows[1].ack_until == NOON + ANSWER == NOON + timedelta(minutes=5)


@pytest.mark.parametrize("by", ["op", "", "carol (silence 0ac4f2e1)"])
def test_what_nobody_of_ours_acknowledged_is_told_to_all_at_once(by: str) -> None:
    names, rows = asked(planned(ONCALL), replace(LAPSED, acked_by=by))

    assert names == ["alice"]
    assert rows.incidents.rows[1].ack_until is None
    assert due(rows)[TimerKind.ESCALATE] == 5


def test_whoever_sleeps_is_not_asked() -> None:
    names, rows = asked(planned(ONCALL, quiet=SHUT), replace(LAPSED, acked_by="alice"))

    assert names == ["alice"]  # when the quiet hours end
    assert due(rows)[TimerKind.ESCALATE] == 125


def test_without_an_answer_the_others_are_told_and_it_climbs() -> None:
    waiting = replace(FREED, ack_until=NOON)
    told = a_notification(
        waiting, BOB, nth=ROUND, created_at=NOON - 5 * MINUTE, bundle=UNACKNOWLEDGED, state=PageState.TOLD
    )
    rows = rows_with(waiting, told)
    owed = StepsAnew(planned(ONCALL), rows).lapse([waiting])

    assert summed(owed) == [("alice", 0, "now")]
    assert rows.incidents.rows[1].ack_until is None
    assert due(rows)[TimerKind.ESCALATE] == 5


def test_whoever_was_asked_is_not_told_twice_and_the_steps_count_from_the_question() -> None:
    waiting = replace(FREED, ack_until=NOON)
    told = a_notification(
        waiting, ALICE, nth=ROUND, created_at=NOON - 5 * MINUTE, bundle=UNACKNOWLEDGED, state=PageState.TOLD
    )
    rows = rows_with(waiting, told)

    assert StepsAnew(planned(ONCALL), rows).lapse([waiting]) == []
    assert due(rows)[TimerKind.ESCALATE] == 0


def test_two_receivers_with_one_person_owe_one_text() -> None:
    rows = rows_with(replace(an_incident(1, firing(team="all")), raised=1))
    both = planned(ONCALL, Receiver("dba", (TO_ALICE, TO_BOB)))

    assert sorted(n.person.name for n in StepsAnew(both, rows).begin([1])) == ["alice", "bob"]
