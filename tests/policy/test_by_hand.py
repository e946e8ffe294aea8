"""What a person decides about one text, or one incident."""

from __future__ import annotations

from datetime import timedelta

import pytest
from made import (
    a_message,
    a_notification,
    a_timer,
    acknowledged,
    an_incident,
    ended,
    fates,
    moves,
    rows_of_all,
    rows_with,
    told_by,
)
from workbench import NOON

from sms_notify.policy.by_hand import cancel, escalate_now, note, send_again
from sms_notify.policy.records import Incident, TimerKind
from sms_notify.policy.vocabulary import Cause, Decision, Drop, Kind, PageState, State


def test_a_text_that_waits_is_cancelled_and_what_it_tells_is_owed_no_more() -> None:
    incident, message = an_incident(), a_message()
    rows = rows_with(incident, told_by(message, a_notification(incident)), message)

    assert cancel(rows, message, "ops")
    assert moves(rows) == [(1, State.CANCELLED, Cause.TAKEN_BACK)]
    assert fates(rows) == {1: Drop.TAKEN_BACK}


def test_of_a_text_that_was_tried_nobody_knows_whether_it_arrived() -> None:
    incident, message = an_incident(), a_message(ambiguous=1)
    rows = rows_with(incident, told_by(message, a_notification(incident)), message)

    assert cancel(rows, message, "ops")
    assert moves(rows) == [(1, State.UNKNOWN_FINAL, Cause.TAKEN_BACK)]
    assert fates(rows) == {1: PageState.TOLD}


@pytest.mark.parametrize("state", [state for state in State if state is not State.QUEUED])
def test_a_text_that_does_not_wait_is_not_cancelled(state: State) -> None:
    message = a_message(state=state)
    rows = rows_with(message)

    assert not cancel(rows, message, "ops")
    assert moves(rows) == []


@pytest.mark.parametrize(
    ("incident", "kind", "again"),
    [
        (an_incident(), Kind.FIRING, True),
        (acknowledged(an_incident()), Kind.FIRING, True),
        (acknowledged(an_incident()), Kind.REMINDER, False),
        (ended(an_incident()), Kind.FIRING, False),
    ],
)
def test_what_is_owed_still_is_due_once_more(incident: Incident, kind: Kind, again: bool) -> None:
    message = a_message(state=State.DELIVERED)
    rows = rows_with(incident, told_by(message, a_notification(incident, kind=kind)), message)

    assert send_again(rows, message) is again
    assert fates(rows) == {1: PageState.HELD if again else PageState.TOLD}


@pytest.mark.parametrize("state", [State.QUEUED, State.SUBMITTING])
def test_what_is_under_way_is_not_sent_twice(state: State) -> None:
    incident, message = an_incident(), a_message(state=state)
    rows = rows_with(incident, told_by(message, a_notification(incident)), message)

    assert not send_again(rows, message)


def test_the_next_step_of_each_receiver_is_due_at_once_and_who_asked_is_written_down() -> None:
    incident = an_incident()
    due = a_timer(1, receiver="oncall", due_at=NOON + timedelta(minutes=10))
    others = a_timer(2, receiver="oncall", due_at=NOON + timedelta(minutes=10))
    rows = rows_of_all(incident, due, others)

    assert escalate_now(rows, 1, "ops")
    assert {timer.incident_id: timer.due_at for timer in rows.timers.rows.values()} == {
        1: NOON,
        2: NOON + timedelta(minutes=10),
    }
    assert [(one.word, one.detail) for one in rows.decided] == [(Decision.HASTENED, "by ops (page)")]


def test_where_no_step_is_due_nothing_is_hastened() -> None:
    rows = rows_of_all(an_incident(), a_timer(1, what=TimerKind.REMIND))

    assert not escalate_now(rows, 1, "ops")
    assert rows.decided == []


@pytest.mark.parametrize(
    ("words", "written"),
    [
        ("rebooted\n it", "by ops (page): rebooted it"),
        (" \n", None),
        ("x" * 300, f"by ops (page): {'x' * 200}"),
    ],
)
def test_a_note_is_one_line_with_whose_it_is(words: str, written: str | None) -> None:
    rows = rows_with(an_incident())

    assert note(rows, 1, "ops", words) is (written is not None)
    assert [one.detail for one in rows.decided] == ([written] if written else [])
