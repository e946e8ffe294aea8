"""How severe an incident is with an alert: the worst that fires, as far as anybody says."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from correlated import (
    ALERT,
    BARE,
    CALM,
    DAY,
    END,
    FELL,
    LATER,
    MINE,
    NAGIOS,
    OPEN,
    OWN,
    PLAIN,
    UNKNOWN,
    WARNING,
    shared,
    under,
)
from made import a_member, an_incident, rows_of_all
from workbench import NOON

from sms_notify.alert import Alert, Severity
from sms_notify.policy.correlation import (
    Known,
    known,
    meaning,
    standing,
)
from sms_notify.policy.records import Incident, Member
from sms_notify.policy.vocabulary import Heard


@pytest.mark.parametrize(
    ("alert", "latest", "severity"),
    [
        (ALERT, None, Severity.CRITICAL),
        (WARNING, OWN, Severity.WARNING),
        (UNKNOWN, OWN, Severity.CRITICAL),  # a check that could not find out
        (BARE, OWN, Severity.CRITICAL),
        (END, OWN, Severity.CRITICAL),
        (replace(END, labels=BARE.labels), OWN, Severity.CRITICAL),
        (UNKNOWN, None, Severity.WARNING),  # that is all that is known
        (BARE, None, Severity.OTHER),
        (
            UNKNOWN,
            an_incident(1, ALERT, closed_at=NOON - CALM / 2),
            Severity.CRITICAL,
        ),  # it was over for a moment
        (UNKNOWN, an_incident(1, ALERT, closed_at=NOON - CALM), Severity.WARNING),
        (BARE, replace(OWN, severity=Severity.WARNING, labels=WARNING.labels), Severity.WARNING),
    ],
)
def test_it_is_as_severe_as_its_last_alert_that_said_how_severe(
    alert: Alert, latest: Incident | None, severity: Severity
) -> None:
    stands = standing(rows_of_all(*([latest] if latest else [])), Known(alert, latest), CALM)

    assert (stands.severity, stands.status) == (severity, alert.status)


def of_severity(word: str, **more: object) -> Member:
    told = {"labels": {**NAGIOS.labels, "severity": word}, "severity": Severity(word)}
    return a_member(OPEN, NAGIOS, **{**told, **more})


ENDED = replace(END, labels=WARNING.labels)


@pytest.mark.parametrize(
    ("alert", "others", "severity"),
    [
        (WARNING, [], Severity.WARNING),
        (WARNING, [of_severity("critical")], Severity.CRITICAL),
        (WARNING, [of_severity("info")], Severity.WARNING),
        (WARNING, [of_severity("critical", closed_at=NOON)], Severity.WARNING),  # that one is over
        (WARNING, [of_severity("critical", incident_id=4)], Severity.WARNING),  # part of another
        (
            WARNING,
            [replace(of_severity("critical"), source=ALERT.source, fingerprint=ALERT.fingerprint)],
            Severity.WARNING,
        ),
        (END, [of_severity("warning")], Severity.WARNING),  # what holds it open is milder
        (END, [of_severity("info"), replace(of_severity("warning"), source="icinga")], Severity.WARNING),
        (ENDED, [], Severity.CRITICAL),  # as it was to the last
    ],
)
def test_a_shared_incident_is_as_severe_as_the_worst_that_fires(
    alert: Alert, others: list[Member], severity: Severity
) -> None:
    rows = rows_of_all(shared(4), OPEN, MINE, *others, now=LATER)

    assert standing(rows, Known(under(alert), OPEN, alert, MINE), CALM).severity is severity


@pytest.mark.parametrize(
    ("minutes", "alert", "word"),
    [
        (9.9, ALERT, Heard.DUPLICATE),  # milder for a moment, and as bad as everybody thinks
        (10, ALERT, Heard.RAISED),
        (9.9, WARNING, Heard.MILDER),
        (10, WARNING, Heard.DUPLICATE),
        (10, UNKNOWN, Heard.DUPLICATE),
        (10, BARE, Heard.DUPLICATE),
    ],
)
def test_a_rise_is_news_again_after_a_fall_that_has_lasted(minutes: float, alert: Alert, word: Heard) -> None:
    rows = rows_of_all(FELL, now=NOON + minutes * timedelta(minutes=1))
    it = known(rows, alert, PLAIN)

    assert meaning(rows, it, standing(rows, it, CALM).severity, PLAIN, CALM, DAY) is word
