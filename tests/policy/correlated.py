"""An alert of one host, from several sources, and the incidents that it may belong to."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from made import a_member, an_incident
from workbench import NOON, firing, resolved

from sms_notify.alert import Alert, Severity
from sms_notify.policy.correlation import (
    SHARED,
    Chains,
    shared_name,
)
from sms_notify.policy.records import Incident
from sms_notify.policy.routing import Route
from sms_notify.policy.vocabulary import IncidentState

HOUR, DAY, CALM = timedelta(hours=1), timedelta(days=1), timedelta(minutes=10)
EARLIER, LATER = NOON - HOUR, NOON + HOUR


def ways(*routes: Route) -> Chains:
    """Each route below a root that asks for nothing."""
    return tuple((Route("root", dedup_labels=("never asked",)), one) for one in routes)


PLAIN, BY_HOST = ways(Route("oncall")), ways(Route("oncall", dedup_labels=("host",)))
ALERT = firing("HostDown", host="db1")
END = resolved("HostDown", host="db1")
NAGIOS = replace(firing("Host db1 is DOWN", host="db1"), source="nagios")
NAME = shared_name(BY_HOST, ALERT.labels) or ""


def shared(id_: int, name: str = NAME, **more: object) -> Incident:
    return an_incident(id_, replace(ALERT, source=SHARED, fingerprint=name), **more)


def under(alert: Alert, name: str = NAME) -> Alert:
    return replace(alert, source=SHARED, fingerprint=name)


OWN, OWN_OVER = an_incident(1, ALERT), an_incident(1, ALERT, closed_at=EARLIER)
OPEN, OVER = shared(5), shared(5, closed_at=EARLIER)
RENAMED, RENAMED_OVER = shared(5, "old name"), shared(5, "old name", closed_at=EARLIER)
MINE = a_member(OPEN, ALERT)
UNHEARD = replace(OWN, state=IncidentState.UNHEARD, repeats=True)
WARNING = replace(ALERT, labels={**ALERT.labels, "severity": "warning"})
UNKNOWN = replace(ALERT, labels={**ALERT.labels, "severity": "warning", "state": "UNKNOWN"})
BARE = replace(ALERT, labels={"alertname": "HostDown", "host": "db1"})  # says nothing of how bad it is
FELL = replace(
    OWN, severity=Severity.WARNING, labels=WARNING.labels, level=Severity.CRITICAL, milder_since=NOON
)
NOTICE = replace(ALERT, once=True)
