"""What texts in the queue say: of an incident, and that more is held in a lane. What is not so any more is not to leave."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from sms_notify.alert import SEVERITY
from sms_notify.policy.rate_limits import CALM, Lane
from sms_notify.policy.records import HeldLane, Incident, Message, Subject
from sms_notify.policy.table import Table
from sms_notify.policy.vocabulary import IncidentState, Kind


def as_told(subject: Subject) -> str:
    """What a text says of it beside what and where it is."""
    if subject.ended:
        return IncidentState.RESOLVED
    unheard = IncidentState.UNHEARD if subject.heard_at is not None else ""
    flapping = "flapping" if subject.flapping else ""
    return f"{subject.alert.severity} {unheard} {flapping} {subject.acked_by}"


def taken_for(incident: Incident, now: datetime, calm: timedelta = CALM) -> Incident:
    """As severe as its readers take it for: a fall counts when it has lasted, and what dips for a moment still wakes."""
    level = incident.level_at(now, calm)
    if level is incident.severity:
        return incident
    return replace(incident, severity=level, labels={**incident.labels, SEVERITY: level})


COUNTED = " counted"
"""Ends what was said of an incident where a text gave its kind and how many, and not its place."""


def is_said(said: str, subject: Subject) -> bool:
    """Whether a text that said this says what is so by now."""
    return said.removesuffix(COUNTED) == as_told(subject)


class UnsaidSilences:
    """Silences of lanes, announced by a text that never left: to nobody. The text is as old as the silence."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, Lane, datetime]] = []

    def add(self, message: Message, lanes: Table[tuple[str, Lane], HeldLane]) -> None:
        """`message` never left. Only a digest says that more is held."""
        if message.kind is Kind.DIGEST:
            self.rows.append((message.number, message.lane, message.created_at))
            self.apply(lanes, (message.number, message.lane))

    def apply(self, lanes: Table[tuple[str, Lane], HeldLane], key: tuple[str, Lane]) -> None:
        """To a lane that is loaded."""
        held = lanes.get(key)
        if held is not None and held.announced and (*key, held.since) in self.rows:
            lanes.put(key, replace(held, announced=False))
