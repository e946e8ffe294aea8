"""What several sources say of one incident: it ends with the last, and is as severe as the worst of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from made import (
    a_member,
    ended,
    rows_of_all,
    rows_with,
)
from truths import CHAINS, COPY, CRITICAL, END, MINUTE, NOW, PLAN, seen
from workbench import NOON, firing, resolved

from sms_notify.alert import Alert, Severity
from sms_notify.policy.cases import Case
from sms_notify.policy.correlation import SHARED, Known
from sms_notify.policy.records import Incident, Member
from sms_notify.policy.rows import Rows
from sms_notify.policy.truth import hear, passed
from sms_notify.policy.vocabulary import Heard

SHARED_ONE = replace(CRITICAL, source=SHARED, fingerprint="disk")


def of_icinga(severity: str) -> Alert:
    return replace(firing(severity=severity), source="icinga", fingerprint="db1!disk")


def shared(rows: Rows, alert: Alert, incident: Incident, member: Member | None) -> Case:
    under_it = replace(alert, source=SHARED, fingerprint="disk")
    return hear(PLAN, rows, Known(under_it, incident, alert, member), CHAINS)


@pytest.mark.parametrize(
    ("others", "word", "closed_at"), [([], Heard.RESOLVED, NOW), (["icinga"], Heard.STILL_OPEN, None)]
)
def test_a_shared_incident_ends_with_the_last_source_that_holds_it_open(
    others: list[str], word: Heard, closed_at: datetime | None
) -> None:
    alert = resolved()
    own, *more = (Member(1, source, alert.fingerprint, NOON, NOON, NOW) for source in (alert.source, *others))
    rows = rows_of_all(SHARED_ONE, own, *more, now=NOW)
    case = shared(rows, alert, SHARED_ONE, own)

    assert (case.heard, case.told_as) == (word, alert)
    assert (seen(rows, 1).closed_at, seen(rows, 1).last_seen_at) == (closed_at, NOW)
    assert rows.members.changed == [replace(own, closed_at=NOW, ended_at=END, last_seen_at=NOW)]


@pytest.mark.parametrize(
    ("now_is", "alert", "other", "word", "severity"),
    [
        ("critical", "warning", "critical", Heard.DUPLICATE, Severity.CRITICAL),
        ("critical", "warning", "warning", Heard.MILDER, Severity.WARNING),
        ("critical", "critical", "warning", Heard.DUPLICATE, Severity.CRITICAL),
        ("warning", "warning", "critical", Heard.RAISED, Severity.CRITICAL),
        ("warning", "info", "warning", Heard.DUPLICATE, Severity.WARNING),
        ("critical", None, "warning", Heard.STILL_OPEN, Severity.WARNING),  # the worst of them is over
        ("warning", None, "warning", Heard.STILL_OPEN, Severity.WARNING),
    ],
)
def test_a_shared_incident_is_as_severe_as_the_worst_that_fires(
    now_is: str, alert: str | None, other: str, word: Heard, severity: Severity
) -> None:
    incident = replace(SHARED_ONE, severity=Severity(now_is), labels=firing(severity=now_is).labels)
    mine, theirs = firing(severity=now_is), of_icinga(other)
    members = [a_member(incident, one, labels=one.labels) for one in (mine, theirs)]
    rows = rows_of_all(incident, *members, now=NOW)
    told = resolved(severity=now_is) if alert is None else replace(mine, labels=firing(severity=alert).labels)
    case = shared(rows, told, incident, members[0])

    assert (case.heard, rows.incidents.rows[1].severity) == (word, severity)


@pytest.mark.parametrize(
    ("source", "repeats"), [("alertmanager", True), ("grafana", True), ("icinga", False)]
)
def test_silence_means_something_where_whoever_told_first_repeats_itself(source: str, repeats: bool) -> None:
    alert = replace(firing(), source=source)
    rows = rows_with(now=NOW)
    it = Known(replace(alert, source=SHARED, fingerprint="disk"), None, alert)

    assert rows.incidents.rows[hear(PLAN, rows, it, CHAINS).id].repeats is repeats


@pytest.mark.parametrize("minutes", [1, 11])
def test_a_shared_incident_that_opens_with_a_held_copy_ends_with_the_source_of_it(minutes: float) -> None:
    over = ended(SHARED_ONE, NOW - minutes * MINUTE)
    member = a_member(over, firing(), closed_at=over.closed_at, ended_at=END, last_seen_at=NOW)
    other = a_member(over, of_icinga("critical"), closed_at=over.closed_at, last_seen_at=over.closed_at)
    rows = rows_of_all(over, member, other, COPY, now=NOW)
    case = passed(PLAN, rows, (SHARED, "disk"))

    assert case is not None
    (mine,) = [one for one in rows.members_of(case.id) if one.closed_at is None]
    assert (mine.source, mine.fingerprint) == (member.source, member.fingerprint)
    assert shared(rows, resolved(), rows.incidents.rows[case.id], mine).heard is Heard.RESOLVED


def test_a_held_copy_that_its_own_end_has_followed_opens_nothing() -> None:
    over = ended(SHARED_ONE, NOW - MINUTE)
    member = a_member(over, firing(), closed_at=over.closed_at, last_seen_at=over.closed_at)
    rows = rows_of_all(over, member, COPY, now=NOW)

    assert passed(PLAN, rows, (SHARED, "disk")) is None
    assert rows.timers.rows == {}
