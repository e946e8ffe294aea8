"""What was decided beyond the straight way from an alert to a text, in words, for `explain` and for the metrics."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sms_notify.policy.records import Decided
from sms_notify.policy.self_check import SelfCheckEnd
from sms_notify.policy.vocabulary import Decision
from sms_notify.store.node_rows import host_of
from sms_notify.store.tx import Row, Tx, insert_into, moment, stored

_TEXTS = 20  # of one self-check; nobody shows more


@dataclass(frozen=True, slots=True)
class SelfCheckText:
    """What came of a self-check: where it was texted, by which text, to whom, and where that stands now."""

    at: datetime
    end: SelfCheckEnd
    message_id: int
    recipient: str
    state: str


def record(tx: Tx, decided: Iterable[Decided], node: str, now: datetime) -> None:
    at = stored(now)
    tx.run_all(
        insert_into("decisions", "at, node, incident_id, word, receiver, nth, detail"),
        [(at, node, one.incident_id, one.word, one.receiver, one.nth, one.detail) for one in decided],
    )


def last_self_check(tx: Tx) -> list[SelfCheckText]:
    """What came of the last one, a value for each text of it. The index decisions_self_check finds it."""
    rows = tx.all(
        "select d.at, d.detail, d.nth, m.state, m.recipient from decisions d left join messages m on m.id = d.nth"
        f" where d.word = '{Decision.SELF_CHECK}' order by d.id desc limit {_TEXTS}"
    )
    return [
        SelfCheckText(
            moment(row["at"]),
            SelfCheckEnd(row["detail"]),
            row["nth"],
            row["recipient"] or "",
            row["state"] or "",
        )
        for row in rows
        if row["at"] == rows[0]["at"]
    ]


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
        commands=f"{host_of(node)}/",
    )
