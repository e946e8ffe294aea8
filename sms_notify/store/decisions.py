"""What was decided beyond the straight way from an alert to a text, in words, for `explain` and for the metrics."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sms_notify.policy.records import Decided
from sms_notify.store.tx import Row, Tx, insert_into, stored


def record(tx: Tx, decided: Iterable[Decided], node: str, now: datetime) -> None:
    at = stored(now)
    tx.run_all(
        insert_into("decisions", "at, node, incident_id, word, receiver, nth, detail"),
        [(at, node, one.incident_id, one.word, one.receiver, one.nth, one.detail) for one in decided],
    )


def newest(tx: Tx) -> int:
    row = tx.one("select max(id) as id from decisions")
    return int(row["id"] or 0) if row is not None else 0


def after(tx: Tx, last: int, node: str) -> Sequence[Row]:
    """The decisions after row `last` that `node`, or a command on the same host, made."""
    return tx.all(
        "select * from decisions where id > :last and (node = :node or substr(node, 1, length(:commands)) = :commands)"
        " order by id",
        last=last,
        node=node,
        commands=f"{node}/",
    )
