"""What an alert makes of its incident: opened, raised, heard of again, ended."""

from __future__ import annotations

from dataclasses import replace

from sms_notify.alert import Alert, Status
from sms_notify.policy.correlation import SHARED, Chains, Known, meaning, note_member, under_other_names
from sms_notify.policy.notifications import Case
from sms_notify.policy.records import Incident
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.vocabulary import Cause, Decision, Drop, Heard, IncidentState, PageState
from sms_notify.policy.withdrawal import stop_follow_ups, supersede

COUNTED = 95
"""Episodes of one alert, in so short a time, that anybody wants to know the number of."""


def hear(plan: Plan, rows: Rows, it: Known, chains: Chains) -> Case:
    """Takes in one alert."""
    heard = meaning(rows, it, chains, plan.timing.stale_after)
    case = _case(plan, rows, it, heard, chains)
    if case.incident_id is not None:
        note_member(rows, it, heard, case.incident_id)
    return case


def _case(plan: Plan, rows: Rows, it: Known, heard: Heard, chains: Chains) -> Case:
    alert, latest, told_as = it.alert, it.latest, it.told_as
    if heard is Heard.FIRST:
        for before in under_other_names(rows, it):
            supersede(rows, before)
        if latest is not None:
            supersede(rows, latest.id)
        opened = _open(plan, rows, alert)
        return Case(alert, heard, opened.id, rows.now, chains, opened.flapping, told_as=told_as)
    if latest is None:
        return Case(alert, heard, None, rows.now, chains, told_as=told_as)
    _touch(rows, alert, heard, rows.incidents.rows[latest.id])
    rounds = latest.raised + (heard is Heard.RAISED)
    return Case(alert, heard, latest.id, latest.opened_at, chains, latest.flapping, rounds, told_as)


def _open(plan: Plan, rows: Rows, alert: Alert) -> Incident:
    times = _flaps(plan, rows, alert)
    incident = rows.open_incident(
        lambda id_: Incident(
            id_, alert.source, alert.fingerprint, IncidentState.OPEN, alert.severity, alert.labels,
            alert.annotations, alert.starts_at, rows.now, rows.now, flapping=times,
        )
    )  # fmt: skip
    if times:
        rows.decide(Decision.FLAPPING, incident.id, detail=f"{times} times")
    return incident


def _flaps(plan: Plan, rows: Rows, alert: Alert) -> int:
    """How many episodes there were of late, with the one that begins, where they are too many to tell each; else 0."""
    rule = plan.limits.flapping
    if rule is None:
        return 0
    newest = rows.episodes(alert.source, alert.fingerprint)[: COUNTED + rule.episodes - 1]
    times = 1 + sum(incident.opened_at > rows.now - rule.within for incident in newest)
    return times if times >= rule.episodes and newest else 0


def _touch(rows: Rows, alert: Alert, heard: Heard, latest: Incident) -> None:
    now = rows.now
    if heard is Heard.RESOLVED:
        ended = replace(
            latest, state=IncidentState.RESOLVED, ended_at=alert.ends_at, closed_at=now, last_seen_at=now
        )
        rows.incidents.put(latest.id, ended)
        stop_follow_ups(rows, latest.id, Drop.RESOLVED, Cause.RESOLVED_MEANWHILE)
    elif heard is Heard.RAISED:
        risen = replace(
            latest, severity=alert.severity, labels=alert.labels, annotations=alert.annotations,
            raised=latest.raised + 1, last_seen_at=now,
        )  # fmt: skip
        rows.incidents.put(latest.id, risen)
        detail = f"from {latest.severity} to {alert.severity}"
        rows.decide(Decision.RAISED, latest.id, detail=detail)
    elif heard is Heard.CLOSED and alert.status is Status.RESOLVED and latest.source != SHARED:
        # Its source has ended it at last: what fires from now on is news, an old copy apart.
        ended = replace(latest, state=IncidentState.RESOLVED, ended_at=alert.ends_at, closed_at=now)
        rows.incidents.put(latest.id, ended)
    elif heard in (Heard.DUPLICATE, Heard.STILL_OPEN) and latest.is_open:
        rows.see(latest)


def close_unheard(rows: Rows, incident: Incident) -> None:
    """Nothing was heard of it for so long that it counts as over: nobody is told of it any more."""
    rows.incidents.put(incident.id, replace(incident, state=IncidentState.STALE, closed_at=rows.now))
    rows.strike_all(incident.id)
    held = (n for n in rows.of_incident(incident.id) if n.state is PageState.HELD)
    rows.drop(held, Drop.STALE)
