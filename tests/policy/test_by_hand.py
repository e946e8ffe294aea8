"""What a person decides about one text."""

from __future__ import annotations

import pytest
from made import a_message, a_notification, acknowledged, an_incident, ended, fates, moves, rows_with, told_by

from sms_notify.policy.by_hand import cancel, send_again
from sms_notify.policy.records import Incident
from sms_notify.policy.vocabulary import Cause, Drop, Kind, PageState, State


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
