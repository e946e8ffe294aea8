"""What texts in the queue say."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from made import a_message, an_incident, ended, rows_with
from workbench import ALICE, NOON, firing

from sms_notify.alert import Severity
from sms_notify.policy.rate_limits import Lane, LimitScope
from sms_notify.policy.records import Entry, HeldLane, Incident, Message
from sms_notify.policy.said import COUNTED, as_told, is_said, taken_for
from sms_notify.policy.vocabulary import Cause, Kind, State

OPEN = an_incident(1, firing(severity="warning"))
KEY = (ALICE.number, Lane.REST)
SILENCE = HeldLane(LimitScope.NUMBER, NOON, NOON + timedelta(minutes=10), announced=True)
DIGEST = a_message(1, kind=Kind.DIGEST, lane=Lane.REST, created_at=NOON)


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        (OPEN, True),
        (replace(OPEN, last_seen_at=NOON + timedelta(minutes=9)), True),
        (replace(OPEN, acked_at=NOON, acked_by="bob"), False),
        (replace(OPEN, flapping=4), False),
        (ended(OPEN), False),
        (an_incident(1, firing(severity="critical")), False),
        (an_incident(1, firing(severity="info")), False),
    ],
)
def test_what_a_text_says_changes_with_how_bad_it_is_and_who_takes_care_of_it(
    changed: Incident, same: bool
) -> None:
    assert (as_told(changed.subject) == as_told(OPEN.subject)) is same


def test_how_it_was_said_is_no_other_word_about_it() -> None:
    said = as_told(OPEN.subject)

    assert is_said(said, OPEN.subject)
    assert is_said(said + COUNTED, OPEN.subject)
    assert not is_said(said + COUNTED, ended(OPEN).subject)


def test_of_what_is_over_nothing_else_matters() -> None:
    assert as_told(ended(replace(OPEN, acked_by="bob")).subject) == as_told(ended(OPEN).subject)


@pytest.mark.parametrize(
    ("message", "lane", "announced"),
    [
        (DIGEST, SILENCE, False),
        (replace(DIGEST, kind=Kind.FIRING), SILENCE, True),  # it says of no silence that more is held
        (replace(DIGEST, lane=Lane.CRITICAL), SILENCE, True),
        (DIGEST, replace(SILENCE, since=NOON - timedelta(minutes=10)), True),  # another text began that one
    ],
)
@pytest.mark.parametrize("late", [False, True])
def test_that_more_is_held_was_said_to_nobody_where_its_text_never_left(
    message: Message, lane: HeldLane, announced: bool, late: bool
) -> None:
    rows = rows_with(message)
    if not late:
        rows.load_lane(KEY, lane)
    rows.move(message, State.CANCELLED, Entry(Cause.SUPERSEDED))
    rows.load_lane(KEY, lane)

    held = rows.lane(*KEY)
    assert held is not None
    assert held.announced is announced


@pytest.mark.parametrize(
    ("minutes", "taken"), [(0, "critical"), (9, "critical"), (10, "warning"), (60, "warning")]
)
def test_a_fall_counts_when_it_has_lasted(minutes: int, taken: str) -> None:
    fell = replace(OPEN, level=Severity.CRITICAL, milder_since=NOON)
    found = taken_for(fell, NOON + timedelta(minutes=minutes))

    assert (found.severity, found.labels["severity"]) == (taken, taken)
