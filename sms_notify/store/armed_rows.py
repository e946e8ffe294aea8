"""Texts that wait in a gateway's outbox so that they leave even when we are dead. Few rows: those of today, and a history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sms_notify.policy.armed_texts import ArmedFor, ArmedState, ArmedText
from sms_notify.store.literals import in_list
from sms_notify.store.tx import Row, Tx, moment, stored

MAY_FIRE = in_list(state for state in ArmedState if state.may_fire)
_COLUMNS = (
    "purpose, gateway, recipient, number, body, due_at, reference, state, outboxid, incident_id, receiver, nth,"
    " asked_at, changed_at"
)


def add(tx: Tx, text: ArmedText, now: datetime) -> int:
    """Writes one down before the gateway is asked to keep it; returns its id."""
    return tx.insert(
        f"insert into armed ({_COLUMNS}) values (:purpose, :gateway, :recipient, :number, :body, :due_at, :reference,"
        " :state, :outboxid, :incident_id, :receiver, :nth, :now, :now) returning id",
        purpose=text.purpose,
        gateway=text.gateway,
        recipient=text.recipient,
        number=text.number,
        body=text.body,
        due_at=stored(text.due_at),
        reference=text.reference,
        state=text.state,
        outboxid=text.outboxid,
        incident_id=text.incident_id,
        receiver=text.receiver,
        nth=text.nth,
        now=stored(now),
    )


def change(tx: Tx, text: ArmedText, now: datetime) -> None:
    """What an answer has made of one."""
    tx.run(
        "update armed set state = :state, outboxid = :outboxid, due_at = :due_at, changed_at = :now where id = :id",
        state=text.state,
        outboxid=text.outboxid,
        due_at=stored(text.due_at),
        now=stored(now),
        id=text.id,
    )


def lying(tx: Tx, purpose: ArmedFor | None = None) -> Sequence[ArmedText]:
    """What may lie in an outbox, the next one first; by `armed_lying`."""
    rows = tx.all(
        f"select * from armed where state in {MAY_FIRE} and (cast(:purpose as text) is null or purpose = :purpose)"
        " order by due_at, id",
        purpose=purpose,
    )
    return [_text(row) for row in rows]


def of_incident(tx: Tx, incident_id: int) -> Sequence[ArmedText]:
    """Every one that was ever armed for an incident, by `armed_incident`."""
    rows = tx.all(
        "select * from armed where incident_id = :incident_id and incident_id <> 0 order by id",
        incident_id=incident_id,
    )
    return [_text(row) for row in rows]


def _text(row: Row) -> ArmedText:
    return ArmedText(
        purpose=ArmedFor(row["purpose"]),
        gateway=row["gateway"],
        recipient=row["recipient"],
        number=row["number"],
        body=row["body"],
        due_at=moment(row["due_at"]),
        reference=row["reference"],
        state=ArmedState(row["state"]),
        outboxid=row["outboxid"],
        incident_id=row["incident_id"],
        receiver=row["receiver"],
        nth=row["nth"],
        id=row["id"],
    )
