"""The values that policy decides about: what follows from each of them alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from made import a_message, a_notification, acknowledged, an_incident, ended
from workbench import ALICE, BOB, NOON, firing

from sms_notify.alert import Severity, Status
from sms_notify.policy.episodes import Episode
from sms_notify.policy.holds import Hold
from sms_notify.policy.rate_limits import Lane
from sms_notify.policy.records import (
    Draft,
    Entry,
    Incident,
    Member,
    Message,
    TimerKind,
    first_entry,
    queued,
)
from sms_notify.policy.vocabulary import Cause, Drop, IncidentState, Kind, PageState, State
from sms_notify.wording.content import Text

LATER, BEFORE = NOON + timedelta(minutes=5), NOON - timedelta(minutes=5)
OPEN = an_incident(7, firing(severity="warning"), flapping=3, raised=1)
OVER = replace(ended(OPEN, LATER), ended_at=NOON)  # as its source said, some time after
UNHEARD = replace(OPEN, state=IncidentState.UNHEARD)
LEFT = replace(UNHEARD, closed_at=LATER)  # a new episode has taken its place
FALLEN = replace(OPEN, level=Severity.CRITICAL, milder_since=NOON)
DRAFT = Draft(
    Kind.FIRING, "oncall", ALICE, Severity.WARNING, "main", Text("DiskFull", 2, 170), NOON, LATER, "step 1",
    Lane.REST, "x7",
)  # fmt: skip


@pytest.mark.parametrize(
    ("incident", "is_open", "episode", "status"),
    [
        (OPEN, True, Episode(7, NOON, NOON, level=Severity.WARNING), Status.FIRING),
        (acknowledged(OPEN), True, Episode(7, NOON, NOON, level=Severity.WARNING), Status.FIRING),
        (OVER, False, Episode(7, NOON, NOON, NOON, LATER, level=Severity.WARNING), Status.RESOLVED),
        (UNHEARD, True, Episode(7, NOON, NOON, unheard=True, level=Severity.WARNING), Status.FIRING),
        (LEFT, False, Episode(7, NOON, NOON, None, LATER, True, Severity.WARNING), Status.RESOLVED),
        (FALLEN, True, Episode(7, NOON, NOON, level=Severity.CRITICAL), Status.FIRING),
        # Gone for the moment, as often before: closed is what nothing more follows.
        (
            replace(OPEN, ended_at=LATER),
            True,
            Episode(7, NOON, NOON, LATER, level=Severity.WARNING),
            Status.FIRING,
        ),
    ],
)
def test_an_incident_is_over_once_it_is_closed(
    incident: Incident, is_open: bool, episode: Episode, status: Status
) -> None:
    assert incident.is_open is is_open
    assert incident.episode == episode
    assert (incident.subject.alert.status, incident.subject.ended) == (status, not is_open)


def test_a_text_tells_an_incident_as_its_source_told_it_and_when_it_ended() -> None:
    told, alert = OVER.subject, firing(severity="warning")

    assert (told.incident_id, told.opened_at, told.flapping) == (7, NOON, 3)
    assert told.alert == replace(alert, status=Status.RESOLVED, ends_at=NOON)


@pytest.mark.parametrize(
    ("incident", "heard_at", "acked_by"),
    [
        (OPEN, None, ""),
        (acknowledged(OPEN), None, "alice"),
        (UNHEARD, NOON, ""),  # its source may say nothing because it is over
        (replace(acknowledged(OPEN), state=IncidentState.UNHEARD, last_seen_at=BEFORE), BEFORE, "alice"),
        (ended(acknowledged(OPEN)), None, ""),  # nobody takes care of what is over
    ],
)
def test_a_text_says_who_takes_care_of_it_and_when_it_was_last_heard_of_where_that_is_long_ago(
    incident: Incident, heard_at: datetime | None, acked_by: str
) -> None:
    told = incident.subject

    assert (told.heard_at, told.acked_by) == (heard_at, acked_by)


CALM = timedelta(minutes=10)


@pytest.mark.parametrize(
    ("level", "since", "after", "expected"),
    [
        (None, None, CALM, Severity.WARNING),  # it was never worse
        (Severity.CRITICAL, NOON, timedelta(), Severity.CRITICAL),
        (Severity.CRITICAL, NOON, CALM - timedelta(seconds=1), Severity.CRITICAL),
        (Severity.CRITICAL, NOON, CALM, Severity.WARNING),  # it fell, and that has lasted
        (Severity.CRITICAL, NOON + CALM, CALM, Severity.CRITICAL),
    ],
)
def test_a_severity_that_fell_counts_when_the_fall_has_lasted(
    level: Severity | None, since: datetime | None, after: timedelta, expected: Severity
) -> None:
    fell = replace(OPEN, level=level, milder_since=since)

    assert fell.level_at(NOON + after, CALM) is expected


def test_routes_are_asked_with_the_worst_that_it_was() -> None:
    worst = firing().labels

    assert OPEN.routing_labels == OPEN.labels
    assert replace(OPEN, routed_by=worst).routing_labels == worst


def test_what_a_source_says_of_a_shared_incident_is_an_episode_of_its_own() -> None:
    member = Member(7, "icinga", "db1!disk", None, BEFORE, LATER, NOON, LATER)

    assert member.episode == Episode(7, BEFORE, None, NOON, LATER)
    assert member.alert.status is Status.RESOLVED


def test_a_source_is_heard_with_what_it_told_last() -> None:
    alert = firing(severity="warning", host="db1")
    member = Member(
        7,
        alert.source,
        alert.fingerprint,
        NOON,
        NOON,
        NOON,
        labels=alert.labels,
        annotations=alert.annotations,
    )

    assert member.alert == alert


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("severity", ["critical", "warning", "info", "odd"])
def test_only_a_beginning_of_something_critical_goes_in_the_lane_of_the_critical(
    kind: Kind, severity: str
) -> None:
    critical = severity == "critical" and kind not in (Kind.RESOLVED, Kind.UNHEARD)

    assert a_notification(an_incident(1, firing(severity=severity)), kind=kind).lane is (
        Lane.CRITICAL if critical else Lane.REST
    )


@pytest.mark.parametrize(
    ("kind", "severity", "rank"),
    [
        (Kind.FIRING, Severity.CRITICAL, 0),
        (Kind.ESCALATION, Severity.CRITICAL, 0),
        (Kind.FIRING, Severity.WARNING, 1),
        (Kind.FIRING, Severity.OTHER, 2),
        (Kind.MANUAL, Severity.INFO, 3),
        (Kind.RESOLVED, Severity.CRITICAL, 1),  # an end waits for every critical beginning
        (Kind.RESOLVED, Severity.WARNING, 1),
        (Kind.UNHEARD, Severity.CRITICAL, 1),  # as what is not heard of any more
        (Kind.UNHEARD, Severity.OTHER, 2),
        (Kind.RESOLVED, Severity.OTHER, 2),
        (Kind.RESOLVED, Severity.INFO, 3),
    ],
)
def test_the_most_urgent_leaves_first_and_no_end_is_among_it(
    kind: Kind, severity: Severity, rank: int
) -> None:
    assert a_message(kind=kind, severity=severity).rank == rank


def test_a_draft_becomes_a_message_that_has_not_been_tried() -> None:
    assert queued(DRAFT, 12, BEFORE) == Message(
        12, Kind.FIRING, "oncall", "alice", ALICE.number, Severity.WARNING, "main", "DiskFull", 2,
        State.QUEUED, 0, 0, "", "", NOON, LATER, BEFORE, 0, 0, "", Lane.REST, "x7",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "cause"),
    [
        (Kind.FIRING, Cause.ALERT),
        (Kind.ESCALATION, Cause.ALERT),
        (Kind.REMINDER, Cause.ALERT),
        (Kind.RESOLVED, Cause.ALERT),
        (Kind.UNHEARD, Cause.ALERT),
        (Kind.DIGEST, Cause.ALERT),
        (Kind.HANDOFF, Cause.HAND_OFF),
        (Kind.SELF_CHECK, Cause.SELF_CHECK),
        (Kind.MANUAL, Cause.BY_HAND),
        (Kind.OPERATOR, Cause.TROUBLE),
    ],
)
def test_the_ledger_says_why_a_message_was_written(kind: Kind, cause: Cause) -> None:
    assert first_entry(replace(DRAFT, kind=kind)) == Entry(cause, detail="step 1")


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        ({"subject": OVER.subject}, True),  # an incident changes; what was owed of it does not
        ({"person": BOB}, True),
        ({"message_state": State.SENT, "message_ambiguous": 1, "message_at": LATER}, True),
        ({"due_at": LATER}, False),
        ({"why": Hold.LIMIT}, False),
        ({"why": Drop.UNHEARD, "state": PageState.DROPPED}, False),
        ({"held_by": "night"}, False),
        ({"message_id": 3}, False),
        ({"nth": 1}, False),
    ],
)
def test_a_notification_is_written_again_only_where_a_column_of_its_own_changed(
    changed: dict[str, object], same: bool
) -> None:
    n = a_notification(OPEN)

    assert (replace(n, **changed) == n) is same  # type: ignore[arg-type]


def test_a_notification_names_its_incident_and_the_number_of_its_reader() -> None:
    n = a_notification(OPEN, BOB)

    assert (n.incident_id, n.number) == (7, BOB.number)


@pytest.mark.parametrize("what", list(TimerKind))
def test_only_steps_and_reminders_are_turns(what: TimerKind) -> None:
    assert what.turn is (what in (TimerKind.ESCALATE, TimerKind.REMIND))
