"""Somebody takes care of it: no step and no reminder follows, until they, or whoever spoke for them, take it back.

An acknowledgement holds for one episode at one severity. A rise above that ends it (`notifications.py`), and so do the
command and the page, and whatever made it: a monitoring system, a silence. No repeat of any other source does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from sms_notify.alert import Acknowledged, Unacknowledged
from sms_notify.policy.records import Incident
from sms_notify.policy.routing import route
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.vocabulary import AckBy, AckEnd, Decision, Drop, IncidentState
from sms_notify.policy.withdrawal import stop_follow_ups, take_back_untrue

MAX_WORDS = 200  # characters of a comment, and of a note


def acknowledge(
    plan: Plan,
    rows: Rows,
    incident_ids: Iterable[int],
    by: str,
    how: AckBy,
    comment: str = "",
    *,
    ref: str = "",
    made_at: datetime | None = None,
) -> list[int]:
    """Returns those that it was news for: not what has ended, nor what somebody else was first to take.

    `ref` and `made_at` as `acked_ref` and `acked_made_at` of an incident.
    """
    taken: list[int] = []
    for id_ in incident_ids:
        incident = rows.incidents.get(id_)
        if incident is not None and incident.is_open and incident.acked_at is None:
            unheard = incident.state is IncidentState.UNHEARD
            acked = replace(
                incident, acked_at=rows.now, acked_by=by, acked_how=how, acked_ref=ref, acked_made_at=made_at,
                state=incident.state if unheard else IncidentState.ACKNOWLEDGED,
                ack_until=_until(plan, incident, rows.now),
            )  # fmt: skip
            rows.incidents.put(id_, acked)
            taken.append(id_)
    for id_ in taken:
        rows.decide(Decision.ACKNOWLEDGED, id_, detail=signed(by, how, comment))
        stop_follow_ups(rows, id_, Drop.ACKNOWLEDGED)
    return taken


def signed(by: str, how: AckBy, words: str = "") -> str:
    """`by alice (page): what she wrote`, as a decision says who made it."""
    written = clean_words(words)[:MAX_WORDS]
    return f"by {by} ({how}): {written}" if written else f"by {by} ({how})"


def clean_words(words: str) -> str:
    """What somebody typed, on one line, without what no screen shows or what turns its direction."""
    shown = "".join(c if c.isprintable() else " " for c in words)
    return " ".join(shown.split())


def _until(plan: Plan, incident: Incident, now: datetime) -> datetime | None:
    """When it lapses: after the shortest `ack_expires` of the receivers that it leads to today."""
    names = route(plan.route, incident.routing_labels).receivers
    receivers = map(plan.receiver, names)
    spans: list[timedelta] = [one.ack_expires for one in receivers if one.ack_expires is not None]
    return now + min(spans) if spans else None


def acknowledge_there(plan: Plan, rows: Rows, ack: Acknowledged, raised: Collection[int] = ()) -> None:
    """In the monitoring system; it concerns the incident that the alert has, or is part of.

    Of those that rose with this very word it is void: whoever said it saw the lesser problem.
    """
    incident = _incident_of(rows, ack)
    if incident is None:
        return
    if incident.id in raised:
        said = f"by {ack.by} ({AckBy.SOURCE}): it came with a rise of the severity"
        rows.decide(Decision.UNACKNOWLEDGED, incident.id, detail=said)
        return
    acknowledge(
        plan, rows, [incident.id], ack.by, AckBy.SOURCE, ack.comment, ref=ack.ref, made_at=ack.made_at
    )


def _incident_of(rows: Rows, said: Acknowledged | Unacknowledged) -> Incident | None:
    """The open incident that an alert of this name has, or is part of."""
    latest = rows.latest(said.source, said.fingerprint)
    if latest is not None and latest.is_open:
        return latest
    shared = rows.part_of(said.source, said.fingerprint)
    return shared if shared is not None and shared.is_open else None


def taken_back_there(rows: Rows, unack: Unacknowledged) -> int | None:
    """The incident whose acknowledgement the monitoring system takes back; None where it made none, or a later one."""
    incident = _incident_of(rows, unack)
    if incident is None or incident.acked_how != AckBy.SOURCE:
        return None
    # A row of an earlier version does not say who made it: whoever told the incident.
    ref = incident.acked_ref or f"{incident.source} {incident.fingerprint}"
    made_at = incident.acked_made_at
    later = unack.made_at is None or made_at is None or unack.made_at > made_at
    return incident.id if ref == unack.ref and later else None


def end_acknowledgement(
    rows: Rows, incident_ids: Iterable[int], by: str, how: AckEnd, *, ref: str = ""
) -> list[int]:
    """Nobody takes care of these any more. Returns those that it was news for: what is open and was acknowledged, where
    `ref` is given by just that. Their steps are to begin anew (`steps_anew.py`).
    """
    ended: list[int] = []
    for id_ in dict.fromkeys(incident_ids):
        incident = rows.incidents.get(id_)
        if incident is None or not incident.is_open or incident.acked_at is None:
            continue
        if ref and incident.acked_ref != ref:
            continue
        rows.incidents.put(id_, replace(incident.unacknowledged, raised=incident.raised + 1))
        rows.decide(Decision.UNACKNOWLEDGED, id_, detail=f"by {by} ({how})")
        ended.append(id_)
    take_back_untrue(rows, ended)
    return ended
