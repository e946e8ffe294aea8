"""What readers know: of an incident, and of the earlier episodes of the same alert."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sms_notify.alert import Alert
from sms_notify.policy.routing import ROUND
from sms_notify.policy.vocabulary import Kind
from sms_notify.store.tx import Row, Tx, load, moment, stored

_BELIEF = (
    "select p.kind from incidents i join pages p on p.incident_id = i.id join messages m on m.id = p.message_id"
    " where i.id in (select id from incidents where source = :source and fingerprint = :fingerprint and id < :id"
    "  order by id desc limit 20) and p.number = :number and p.state = 'told'"
    " and m.state not in ('failed', 'cancelled', 'expired', 'not_delivered', 'rejected')"
    " order by i.id desc, p.kind = 'resolved' desc limit 1"
)
_SAID = (
    "select (select max(a.started_at) from attempts a where a.message_id = m.id) as at, p.kind, p.bundle, p.recipient,"
    " p.number, p.receiver, p.id, p.incident_id, i.closed_at, m.state from incidents i join pages p on p.incident_id = i.id"
    " join messages m on m.id = p.message_id where i.source = :source and i.fingerprint = :fingerprint order by at, p.id"
)
_OF_KEY = (
    " from incidents i join pages p on p.incident_id = i.id where i.id in (select id from incidents where source = :source"
    "  and fingerprint = :fingerprint order by id desc limit 100)"
)


def last_told(tx: Tx, incident_id: int, receiver: str) -> datetime | None:
    """When a text of this receiver about the incident was written the last time."""
    row = tx.one(
        "select max(m.created_at) as at from pages p join messages m on m.id = p.message_id"
        " where p.incident_id = :incident_id and p.receiver = :receiver",
        incident_id=incident_id,
        receiver=receiver,
    )
    return moment(row["at"]) if row is not None and row["at"] is not None else None


def believes_open(tx: Tx, alert: Alert, incident_id: int, number: str) -> bool:
    """Whether the last that this reader was told of earlier episodes of the same alert is that it is there."""
    row = tx.one(_BELIEF, source=alert.source, fingerprint=alert.fingerprint, id=incident_id, number=number)
    return row is not None and row["kind"] != Kind.RESOLVED


def heard_anything(tx: Tx, incident_id: int, number: str) -> bool:
    """Whether this reader was told, or is to be told, anything of the incident."""
    row = tx.one(
        "select 1 from pages where incident_id = :incident_id and number = :number and state <> 'dropped'",
        incident_id=incident_id,
        number=number,
    )
    return row is not None


def was_told(tx: Tx, incident_id: int, number: str) -> bool:
    """Whether this reader has, or may get, a text about the incident."""
    row = tx.one(
        "select 1 from pages p join messages m on m.id = p.message_id where p.incident_id = :incident_id"
        " and p.number = :number and p.state = 'told'"
        " and m.state not in ('failed', 'cancelled', 'expired', 'not_delivered', 'rejected')",
        incident_id=incident_id,
        number=number,
    )
    return row is not None


def flapping_told_at(tx: Tx, alert: Alert, number: str, since: datetime) -> datetime | None:
    """When this reader was told, since then, that the alert flaps."""
    row = tx.one(
        "select max(p.created_at) as at" + _OF_KEY + " and p.number = :number and p.bundle = 'flapping'"
        " and p.state <> 'dropped' and p.created_at > :since",
        source=alert.source,
        fingerprint=alert.fingerprint,
        number=number,
        since=stored(since),
    )
    return moment(row["at"]) if row is not None and row["at"] is not None else None


def climbed(tx: Tx, alert: Alert, receiver: str, since: datetime) -> int:
    """The highest step that any episode of the alert took since then at this receiver."""
    row = tx.one(
        "select max(p.nth % :round) as nth"
        + _OF_KEY
        + " and p.receiver = :receiver and p.kind = 'escalation'"
        " and p.created_at > :since",
        source=alert.source,
        fingerprint=alert.fingerprint,
        receiver=receiver,
        since=stored(since),
        round=ROUND,
    )
    return int(row["nth"] or 0) if row is not None else 0


def incidents_with(tx: Tx, labels: Mapping[str, str]) -> Sequence[Row]:
    """Every episode of an alert that has these labels, the newest first. Reads all there are: for short stories."""
    rows = tx.all(
        "select i.id, i.source, i.fingerprint, i.state, a.labels from incidents i join alerts a on a.incident_id = i.id"
        " where a.labels is not null order by i.id desc, a.id"
    )
    found = {row["id"]: row for row in reversed(rows) if labels.items() <= load(row["labels"]).items()}
    return sorted(found.values(), key=lambda row: -int(row["id"]))


def said_about(tx: Tx, source: str, fingerprint: str) -> Sequence[Row]:
    """Every text about any episode of one problem, in the order in which it left, a row for each page that it told: `at`,
    kind, bundle, recipient, number, receiver, incident_id, closed_at and the text's state.
    """
    return tx.all(_SAID, source=source, fingerprint=fingerprint)


def may_have_reached(tx: Tx, incident_id: int, beside: int) -> bool:
    """Whether anybody has, or may get, a text about the incident by another message than `beside`."""
    row = tx.one(
        "select 1 from pages p join messages m on m.id = p.message_id where p.incident_id = :incident_id"
        " and p.state = 'told' and p.kind <> 'resolved' and m.id <> :beside and m.state not in"
        " ('failed', 'cancelled', 'expired', 'not_delivered', 'rejected', 'unknown_final')",
        incident_id=incident_id,
        beside=beside,
    )
    return row is not None


def critical_news(tx: Tx, message_id: int) -> Sequence[int]:
    """The critical incidents whose trouble a message tells, not their end."""
    rows = tx.all(
        "select distinct p.incident_id as id from pages p join incidents i on i.id = p.incident_id"
        " where p.message_id = :id and p.kind <> 'resolved' and i.severity = 'critical' order by p.incident_id",
        id=message_id,
    )
    return [row["id"] for row in rows]
