"""Of a critical problem that was lost sight of, whoever was to hear that it fires hears that."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from made import a_message, a_notification, an_incident, ended, rows_with, told_by
from owing import HOUR, MUTED, OPEN, ending, heard, planned
from workbench import NOON, firing, resolved

from sms_notify.alert import EndReason, Severity
from sms_notify.policy.holds import Hold
from sms_notify.policy.lost_sight import is_lost, waiting_for
from sms_notify.policy.rate_limits import Lane
from sms_notify.policy.records import Incident, Notification
from sms_notify.policy.vocabulary import Drop, Heard, Kind, PageState, State
from sms_notify.policy.withdrawal import take_back_needless_ends

CALM = timedelta(minutes=10)
LOST = replace(ended(OPEN), end_reason=EndReason.NO_DATA)
WARNING = replace(ended(an_incident(1, firing(severity="warning"))), end_reason=EndReason.NO_DATA)
UNTOLD = a_notification(OPEN)
FAILED = told_by(a_message(7, state=State.NOT_DELIVERED), UNTOLD)


@pytest.mark.parametrize(
    ("incident", "lost"),
    [
        (OPEN, False),
        (replace(OPEN, end_reason=EndReason.NO_DATA), False),  # gone for a moment, in a bout
        (ended(OPEN), False),
        (LOST, True),
        (replace(LOST, end_reason=EndReason.NO_LONGER_WATCHED), True),
        (WARNING, False),
        (replace(WARNING, level=Severity.CRITICAL, milder_since=NOON - timedelta(minutes=9)), True),
        (replace(WARNING, level=Severity.CRITICAL, milder_since=NOON - timedelta(minutes=10)), False),
    ],
)
def test_a_critical_problem_is_lost_where_its_end_is_no_health(incident: Incident, lost: bool) -> None:
    assert is_lost(rows_with(incident), incident, CALM) is lost


@pytest.mark.parametrize(
    ("mine", "waits"),
    [
        ((), None),
        ((UNTOLD,), UNTOLD),
        ((FAILED,), FAILED),
        ((replace(UNTOLD, state=PageState.DROPPED, why=Drop.OFF_CALL),), None),
        ((replace(UNTOLD, kind=Kind.RESOLVED),), None),
        ((a_notification(an_incident(2)),), None),  # of another episode
        ((UNTOLD, step := a_notification(OPEN, kind=Kind.ESCALATION, id_=2)), step),
    ],
)
def test_it_waits_for_whoever_was_to_hear_of_this_episode(
    mine: tuple[Notification, ...], waits: Notification | None
) -> None:
    assert waiting_for(rows_with(LOST), LOST.id, mine, CALM) == waits


@pytest.mark.parametrize("reason", [EndReason.NO_DATA, EndReason.NO_LONGER_WATCHED])
@pytest.mark.parametrize("why", [Hold.MUTED, Hold.QUIET, Hold.LIMIT, Hold.FAILED])
def test_whoever_heard_nothing_is_owed_the_word_in_place_of_the_beginning(
    reason: EndReason, why: Hold
) -> None:
    over = replace(LOST, end_reason=reason)
    rows = rows_with(over, replace(UNTOLD, why=why, due_at=NOON + HOUR))
    case = heard(Heard.RESOLVED, of=over, alert=replace(resolved(), end_reason=reason))

    (told,) = ending(planned(), rows).ends([case]).owed

    assert (told.kind, told.bundle, told.row_lane, told.due_at) == (Kind.RESOLVED, reason, Lane.ENDS, NOON)
    assert told.subject.alert.end_reason is reason
    assert rows.notifications.rows[1].state is PageState.DROPPED


def test_a_mute_holds_the_word_as_it_held_the_beginning() -> None:
    rows = rows_with(LOST, replace(UNTOLD, why=Hold.MUTED, due_at=NOON + HOUR))
    case = heard(
        Heard.RESOLVED, of=LOST, alert=replace(resolved(), end_reason=EndReason.NO_DATA), chains=((MUTED,),)
    )

    (told,) = ending(planned(), rows, group="").ends([case]).owed

    assert told.why is Hold.MUTED
    assert told.due_at > NOON


def test_a_text_that_says_so_leaves_though_its_reader_heard_of_no_beginning() -> None:
    failed, end = a_message(7, state=State.FAILED), a_message(8, kind=Kind.RESOLVED)
    told = [told_by(failed, UNTOLD), told_by(end, a_notification(LOST, kind=Kind.RESOLVED, id_=2))]

    for incident, state in ((LOST, State.QUEUED), (ended(OPEN), State.CANCELLED)):
        rows = rows_with(incident, failed, end, *told)
        take_back_needless_ends(rows, failed)
        assert rows.messages.rows[end.id].state is state
