"""What deciding about the truth begins with: an incident as it may stand, and an alert about it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from made import (
    a_timer,
    an_incident,
    ended,
)
from workbench import NOON, a_plan, firing

from sms_notify.alert import Alert, Severity
from sms_notify.policy.cases import Case
from sms_notify.policy.correlation import Chains, Known
from sms_notify.policy.matchers import parse_matchers
from sms_notify.policy.rate_limits import Flapping, Limits
from sms_notify.policy.records import Incident, TimerKind
from sms_notify.policy.routing import Route
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.truth import hear
from sms_notify.policy.vocabulary import IncidentState

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
NOW, END = NOON + 10 * MINUTE, NOON + 5 * MINUTE
CHAINS: Chains = ((Route("oncall"),),)
FOUR = Flapping(episodes=4, within=30 * MINUTE, calm=10 * MINUTE, calm_critical=3 * MINUTE)
PLAN = replace(a_plan(), limits=Limits(flapping=FOUR))
CRITICAL, WARNING = an_incident(1, repeats=True), firing(severity="warning")
MILD = replace(CRITICAL, severity=Severity.WARNING, labels=WARNING.labels)
FELL = replace(
    MILD, level=Severity.CRITICAL, milder_since=END, routed_by=CRITICAL.labels, worst=Severity.CRITICAL
)
OVER = ended(CRITICAL, NOON - HOUR)
LATELY = ended(CRITICAL, END)  # for as long as it counts as a flicker
JUST_OVER = ended(CRITICAL, NOW - MINUTE / 2)
UNHEARD = replace(CRITICAL, state=IncidentState.UNHEARD)
BOUT = replace(CRITICAL, flapping=4, began=(NOON, NOON + MINUTE, NOON + 2 * MINUTE, END))
GONE = replace(BOUT, ended_at=END)
UNKNOWN = replace(firing(), labels={**WARNING.labels, "state": "UNKNOWN"})
BARE = replace(firing(), labels={"alertname": "HostDown"})
LEVELS = Route("oncall", routes=(Route("dba", "route.routes[0]", parse_matchers('severity="critical"')),))
BY_LEVEL = replace(PLAN, route=LEVELS)


CALM = a_timer(1, TimerKind.CALM, receiver="", due_at=NOW)
COPY = a_timer(1, TimerKind.COPY, receiver="", due_at=NOW)
KEY = (CRITICAL.source, CRITICAL.fingerprint)


def heard(rows: Rows, alert: Alert, latest: Incident | None, plan: Plan = PLAN) -> Case:
    """Under the name that the incident has."""
    name = latest.fingerprint if latest is not None else alert.fingerprint
    return hear(plan, rows, Known(replace(alert, fingerprint=name), latest), CHAINS)


def seen(rows: Rows, incident_id: int) -> Incident:
    """As it will be stored: that it was seen is noted beside it."""
    row = rows.incidents.rows[incident_id]
    return replace(row, last_seen_at=rows.now) if incident_id in rows.seen else row


def due(rows: Rows) -> dict[TimerKind, float]:
    """In how many minutes."""
    return {timer.what: (timer.due_at - rows.now) / MINUTE for timer in rows.timers.rows.values()}
