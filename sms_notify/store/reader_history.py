"""What readers were told of a problem, for whoever compares it with what happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sms_notify.store.tx import Row, Tx, load

_SAID = (
    "select (select max(a.started_at) from attempts a where a.message_id = m.id) as at, p.kind, p.bundle, p.recipient,"
    " p.number, p.receiver, p.id, p.incident_id, i.closed_at, i.closed_by, m.state from incidents i"
    " join pages p on p.incident_id = i.id join messages m on m.id = p.message_id where i.source = :source"
    " and i.fingerprint = :fingerprint order by at, p.id"
)


def incidents_with(tx: Tx, labels: Mapping[str, str]) -> Sequence[Row]:
    """Every episode of an alert that has these labels, the newest first. Reads all there are: for short stories."""
    rows = tx.all(
        "select i.id, i.source, i.fingerprint, i.state, coalesce(a.labels, i.labels) as labels from incidents i"
        " left join alerts a on a.incident_id = i.id and a.labels is not null order by i.id desc, a.id"
    )
    found = {row["id"]: row for row in reversed(rows) if labels.items() <= load(row["labels"]).items()}
    return sorted(found.values(), key=lambda row: -int(row["id"]))


def said_about(tx: Tx, source: str, fingerprint: str) -> Sequence[Row]:
    """Every text about any episode of one problem, in the order in which it left, a row for each page that it told: `at`,
    kind, bundle, recipient, number, receiver, incident_id, closed_at, closed_by and the text's state.
    """
    return tx.all(_SAID, source=source, fingerprint=fingerprint)
