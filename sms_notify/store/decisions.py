"""What was decided beyond the straight way from an alert to a text, in words, for `explain` and for the metrics."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sms_notify.policy.records import Decided
from sms_notify.store.tx import Row, Tx, stored


def record(tx: Tx, decided: Iterable[Decided], node: str, now: datetime) -> None:
    tx.run_all(
        "insert into decisions (at, node, incident_id, word, receiver, nth, detail)"
        " values (:at, :node, :incident_id, :word, :receiver, :nth, :detail)",
        [
            {
                "at": stored(now),
                "node": node,
                "incident_id": one.incident_id,
                "word": one.word,
                "receiver": one.receiver,
                "nth": one.nth,
                "detail": one.detail,
            }
            for one in decided
        ],
    )


def newest(tx: Tx) -> int:
    row = tx.one("select max(id) as id from decisions")
    return int(row["id"] or 0) if row is not None else 0


def after(tx: Tx, last: int, node: str) -> Sequence[Row]:
    """The decisions after row `last` that `node`, or a command on the same host, made."""
    return tx.all(
        "select * from decisions where id > :last and (node = :node or node like :commands) order by id",
        last=last,
        node=node,
        commands=f"{node}/%",
    )
