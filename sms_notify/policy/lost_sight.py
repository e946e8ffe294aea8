"""A critical problem that its source lost sight of before a reader heard of it: nobody has seen it well, so the loss is told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sms_notify.alert import Severity
from sms_notify.policy.rate_limits import CALM
from sms_notify.policy.records import Incident, Notification
from sms_notify.policy.rows import Rows
from sms_notify.policy.vocabulary import Kind, PageState


def is_lost(rows: Rows, incident: Incident, calm: timedelta = CALM) -> bool:
    """Whether it is critical, also where it fell less than `calm` ago, and over by no health."""
    level = incident.level_at(rows.now, calm)
    return not incident.is_open and bool(incident.end_reason) and level is Severity.CRITICAL


def waiting_for(
    rows: Rows, incident_id: int, mine: Sequence[Notification], calm: timedelta
) -> Notification | None:
    """What one reader was to be told of it, by the receiver that owed it last, as it stood before the end; None where nothing
    is owed.
    """
    if not is_lost(rows, rows.incidents.rows[incident_id], calm):
        return None
    owed = [n for n in mine if n.incident_id == incident_id and n.kind is not Kind.RESOLVED]
    return next((n for n in reversed(owed) if n.state is not PageState.DROPPED), None)
