"""A bout of flapping: a problem that comes and goes so often that one text tells it, until it is calm."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from sms_notify.alert import Severity
from sms_notify.policy.rate_limits import Flapping
from sms_notify.policy.records import Incident, Timer, TimerKind
from sms_notify.policy.rows import Rows
from sms_notify.policy.vocabulary import Decision, IncidentState

_COUNTED = 95
"""Beginnings in so short a time that anybody wants to know the number of."""


def begun(rows: Rows, incident: Incident, rule: Flapping | None) -> Incident:
    """With one more beginning. Beginnings count, and rises: from so many on, in so short a time, it flaps."""
    if rule is None:
        return incident
    lately = tuple(at for at in incident.began if at > rows.now - rule.within)
    began = (*lately, rows.now)[-_COUNTED:]
    times = len(began) if incident.flapping or len(began) >= rule.episodes else 0
    if times and not incident.flapping:
        rows.decide(Decision.FLAPPING, incident.id, detail=f"{times} times")
    return replace(incident, began=began, flapping=times)


def watch_for_calm(rows: Rows, incident: Incident, rule: Flapping | None) -> None:
    """It is calm when it has neither come nor gone for long enough; whatever happens begins that time anew."""
    if incident.flapping and rule is not None:
        due = rows.now + calm_of(incident, rule)
        rows.set_timer(Timer(incident.id, "", TimerKind.CALM, 0, due))


def calm_of(incident: Incident, rule: Flapping) -> timedelta:
    return rule.calm_critical if incident.severity is Severity.CRITICAL else rule.calm


def taken_care_of(incident: Incident, before: Incident) -> Incident:
    """Whoever acknowledged an earlier beginning of the bout is asked nothing until it stays."""
    if not incident.flapping or before.acked_at is None or before.acked_at < incident.began[0]:
        return incident
    return replace(
        incident, state=IncidentState.ACKNOWLEDGED, acked_at=before.acked_at, acked_by=before.acked_by,
        acked_how=before.acked_how, acked_ref=before.acked_ref, acked_made_at=before.acked_made_at,
        ack_until=before.ack_until,
    )  # fmt: skip


def stays(incident: Incident) -> Incident:
    """The bout is over and the problem is there. An acknowledgement that is older than its last beginning was for the
    bout alone.
    """
    last: datetime = incident.began[-1] if incident.began else incident.opened_at
    calm = replace(incident, flapping=0, began=(last,), raised=incident.raised + 1)
    if calm.acked_at is None or calm.acked_at > last:
        return calm
    return calm.unacknowledged
