"""What was scheduled at a gateway by hand from here. The gateway cannot list its outbox, so this is all there is to show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sms_notify.policy.armed_texts import ArmedState
from sms_notify.store import armed_rows
from sms_notify.store.tx import Row, Tx, moment, stored


def note(
    tx: Tx,
    gateway: str,
    outboxid: str | None,
    recipient: str,
    number: str,
    body: str,
    due: datetime,
    now: datetime,
) -> None:
    """Remembers one; `number` is empty for a group."""
    tx.run(
        "insert into scheduled (gateway, outboxid, recipient, number, body, due_at, created_at)"
        " values (:gateway, :outboxid, :recipient, :number, :body, :due, :now)",
        gateway=gateway,
        outboxid=outboxid,
        recipient=recipient,
        number=number,
        body=body,
        due=stored(due),
        now=stored(now),
    )


def waiting(tx: Tx, gateway: str, now: datetime) -> Sequence[Row]:
    """What should still wait there, the next one first."""
    return tx.all(
        "select * from scheduled where gateway = :gateway and removed_at is null and due_at > :now order by due_at, id",
        gateway=gateway,
        now=stored(now),
    )


def removed(tx: Tx, gateway: str, what: str | None, now: datetime) -> None:
    """The gateway took `what` (an outboxID or a number; None = everything) out of its outbox, whoever had put it there.

    By a number it removes one text, the next that is due. Where one that is unsure is due before it, nobody knows which.
    """
    by_hand = [row for row in waiting(tx, gateway, now) if what in (None, row["outboxid"], row["number"])]
    armed = [text for text in armed_rows.lying(tx) if text.gateway == gateway and text.due_at > now]
    armed = [text for text in armed if what in (None, text.outboxid, text.number)]
    state = ArmedState.GONE
    if what is not None and what.startswith("+"):
        unsure = next((text.due_at for text in armed if not text.outboxid), None)
        known = [text for text in armed if text.outboxid]
        first = min((*_due(by_hand), *(text.due_at for text in known)), default=now)
        state = ArmedState.UNSURE if unsure is not None and unsure <= first else state
        by_hand = [row for row in by_hand[:1] if moment(row["due_at"]) == first and state is ArmedState.GONE]
        armed = [] if by_hand else [text for text in known[:1] if text.due_at == first]
    for row in by_hand:
        tx.run("update scheduled set removed_at = :now where id = :id", now=stored(now), id=row["id"])
    for text in armed:
        armed_rows.change(tx, replace(text, state=state), now)


def _due(rows: Sequence[Row]) -> list[datetime]:
    return [moment(row["due_at"]) for row in rows]
