"""What its source keeps from everybody waits with its beginnings, steps and reminders, and not with its end."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from made import a_notification, a_timer, an_incident, rows_with
from workbench import ALICE, NOON

from sms_notify.policy.directory import Directory, Target, TargetKind
from sms_notify.policy.escalation import Escalation
from sms_notify.policy.holds import Hold
from sms_notify.policy.records import TimerKind
from sms_notify.policy.routing import Receiver, Route, Step
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.suppression import (
    BELIEVED_FOR,
    LOOK_AGAIN,
    hold_suppressed,
    is_suppressed,
    unless_suppressed,
)
from sms_notify.policy.vocabulary import Kind

ZERO, SECOND = timedelta(), timedelta(seconds=1)
SUPPRESSED = an_incident(1, suppressed_at=NOON)
TO_ALICE = Target(TargetKind.PERSON, "alice")
ONCALL = Receiver("oncall", (TO_ALICE,), escalate=(Step(timedelta(minutes=5), (TO_ALICE,)),))
PLAN = Plan(Route("oncall"), {"oncall": ONCALL}, Directory({"alice": ALICE}))


@pytest.mark.parametrize(
    ("seen", "held"),
    [
        (None, False),
        (NOON, True),
        (NOON - BELIEVED_FOR + SECOND, True),
        (NOON - BELIEVED_FOR, False),  # nobody has renewed it: its source cannot be asked
        (NOON + BELIEVED_FOR - SECOND, True),
        (NOON + BELIEVED_FOR, False),  # the clock was set back
    ],
)
def test_a_look_at_the_source_counts_for_a_few_minutes(seen: datetime | None, held: bool) -> None:
    assert is_suppressed(an_incident(1, suppressed_at=seen), NOON) is held


@pytest.mark.parametrize(
    ("kind", "due", "waits"),
    [
        (Kind.FIRING, ZERO, True),
        (Kind.ESCALATION, ZERO, True),
        (Kind.REMINDER, -SECOND, True),
        (Kind.FIRING, SECOND, False),  # it is asked again when it is due
        (Kind.RESOLVED, ZERO, False),
        (Kind.UNHEARD, ZERO, False),
    ],
)
def test_all_but_the_end_waits_until_the_source_is_asked_again(
    kind: Kind, due: timedelta, waits: bool
) -> None:
    n = a_notification(SUPPRESSED, kind=kind, due_at=NOON + due)
    found = unless_suppressed(rows_with(SUPPRESSED, n), n)

    assert (found is not n) is waits
    assert (found.due_at, found.why) == ((NOON + LOOK_AGAIN, Hold.SUPPRESSED) if waits else (n.due_at, n.why))


@pytest.mark.parametrize("why", list(Hold))
def test_what_was_held_until_now_is_held_on_and_keeps_the_reason_that_its_text_gives(why: Hold) -> None:
    n = a_notification(SUPPRESSED, why=why, held_by="night")
    other = a_notification(an_incident(2), id_=2)
    rows = rows_with(SUPPRESSED, an_incident(2), n, other)
    hold_suppressed(rows, rows.all_held())

    kept = (why, "night") if why.outlasts_limits else (Hold.SUPPRESSED, "")
    held = rows.notifications.rows[1]
    assert (held.why, held.held_by, held.due_at) == (*kept, NOON + LOOK_AGAIN)
    assert rows.notifications.rows[2] == other


@pytest.mark.parametrize("what", [TimerKind.ESCALATE, TimerKind.REMIND])
@pytest.mark.parametrize("suppressed", [True, False])
def test_steps_and_reminders_wait_with_their_number(what: TimerKind, suppressed: bool) -> None:
    incident = SUPPRESSED if suppressed else replace(SUPPRESSED, suppressed_at=None)
    rows = rows_with(incident)
    rows.set_timer(a_timer(1, what, every=timedelta(hours=4)))
    decide = Escalation(PLAN, rows)
    owed = decide.steps() + decide.reminders()

    assert [n.kind for n in owed] == (
        [] if suppressed else [Kind.ESCALATION if what is TimerKind.ESCALATE else Kind.FIRING]
    )
    if suppressed:
        (timer,) = rows.timers.rows.values()
        assert (timer.nth, timer.due_at) == (1, NOON + LOOK_AGAIN)
