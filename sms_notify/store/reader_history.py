"""What readers were told of a problem, for whoever compares it with what happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sms_notify.store.tx import Row, Tx, load


def incidents_with(tx: Tx, labels: Mapping[str, str]) -> Sequence[Row]:
    """Every episode of an alert that has these labels, the newest first. Reads all there are: for short stories."""
    rows = tx.all(
        "select i.id, i.source, i.fingerprint, i.state, coalesce(a.labels, i.labels) as labels from incidents i"
        " left join alerts a on a.incident_id = i.id and a.labels is not null order by i.id desc, a.id"
    )
    found = {row["id"]: row for row in reversed(rows) if labels.items() <= load(row["labels"]).items()}
    return sorted(found.values(), key=lambda row: -int(row["id"]))
