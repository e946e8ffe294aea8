"""Texts that wait in a gateway's outbox so that they leave even when we are dead. Few rows: those of today, and a history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sms_notify.policy.armed_texts import LEFT_AFTER, ArmedFor, ArmedState, ArmedText
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


def beside(tx: Tx, purpose: ArmedFor, now: datetime) -> Sequence[tuple[str, str, datetime]]:
    """Gateway, number and minute of what waits there of ours for anything else, by hand too."""
    armed = [(text.gateway, text.number, text.due_at) for text in lying(tx) if text.purpose is not purpose]
    return [*armed, *_by_hand(tx, now)]


def _by_hand(tx: Tx, now: datetime) -> Sequence[tuple[str, str, datetime]]:
    rows = tx.all(
        "select gateway, number, due_at from scheduled where removed_at is null and due_at > :now",
        now=stored(now - LEFT_AFTER),
    )
    return [(row["gateway"], row["number"], moment(row["due_at"])) for row in rows]


def waits_beside(tx: Tx, texts: Sequence[ArmedText], until: datetime | None, now: datetime) -> bool:
    """Whether anything of ours but these may wait for their number there, due until then; None: at any time."""
    ids, place = {text.id for text in texts}, (texts[0].gateway, texts[0].number)
    others = [(text.gateway, text.number, text.due_at) for text in lying(tx) if text.id not in ids]
    found = [at for *of, at in (*others, *_by_hand(tx, now)) if tuple(of) == place]
    return any(until is None or at <= until for at in found)


def is_removed_by_number(tx: Tx, gateway: str, number: str) -> bool:
    """Whether the gateway is being asked to take back the next text to this number, whichever that is."""
    row = tx.one(
        f"select 1 from armed where state = '{ArmedState.REMOVING}' and outboxid = '' and gateway = :gateway"
        " and number = :number",
        gateway=gateway,
        number=number,
    )
    return row is not None


def last_fired(tx: Tx, purpose: ArmedFor) -> ArmedText | None:
    """The newest that has left, or must have."""
    row = tx.one(
        f"select * from armed where state = '{ArmedState.FIRED}' and purpose = :purpose order by id desc limit 1",
        purpose=purpose,
    )
    return None if row is None else _text(row)


def forget(tx: Tx, before: datetime) -> None:
    """Drops what is over for long, but for what has left."""
    tx.run(
        f"delete from armed where state = '{ArmedState.GONE}' and changed_at < :before and incident_id = 0",
        before=stored(before),
    )


def disarm(tx: Tx, now: datetime) -> None:
    """Nothing is armed for the site until `end_disarm`."""
    end_disarm(tx)
    tx.run("insert into disarmed (since) values (:now)", now=stored(now))


def end_disarm(tx: Tx) -> None:
    tx.run("delete from disarmed")


def disarmed_since(tx: Tx) -> datetime | None:
    row = tx.one("select since from disarmed")
    return None if row is None else moment(row["since"])


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
