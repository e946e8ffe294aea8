"""Somebody takes care of it: no step and no reminder follows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sms_notify.alert import Acknowledged
from sms_notify.policy.rows import Rows
from sms_notify.policy.vocabulary import AckBy, Cause, Decision, Drop, IncidentState
from sms_notify.policy.withdrawal import stop_follow_ups

_COMMENT = 200  # characters


def acknowledge(rows: Rows, incident_ids: Iterable[int], by: str, how: AckBy, comment: str = "") -> list[int]:
    """Returns those that it was news for: not what has ended, nor what somebody else was first to take."""
    taken: list[int] = []
    for id_ in incident_ids:
        incident = rows.incidents.get(id_)
        if incident is not None and incident.is_open and incident.acked_at is None:
            state = IncidentState.ACKNOWLEDGED
            rows.incidents.put(
                id_, replace(incident, state=state, acked_at=rows.now, acked_by=by, acked_how=how)
            )
            taken.append(id_)
    words = " ".join(comment.split())[:_COMMENT]
    said = f"by {by} ({how}): {words}" if words else f"by {by} ({how})"
    for id_ in taken:
        rows.decide(Decision.ACKNOWLEDGED, id_, detail=said)
        stop_follow_ups(rows, id_, Drop.ACKNOWLEDGED, Cause.ACKNOWLEDGED)
    return taken


def acknowledge_there(rows: Rows, ack: Acknowledged) -> None:
    """In the monitoring system; it concerns the incident that the alert has, or is part of."""
    latest = rows.latest(ack.source, ack.fingerprint)
    member = rows.member_of(ack.source, ack.fingerprint)
    if latest is not None and latest.is_open:
        acknowledge(rows, [latest.id], ack.by, AckBy.SOURCE, ack.comment)
    elif member is not None and rows.incidents.rows[member.incident_id].is_open:
        acknowledge(rows, [member.incident_id], ack.by, AckBy.SOURCE, ack.comment)
