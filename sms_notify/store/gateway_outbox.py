"""What was scheduled at a gateway by hand from here. The gateway cannot list its outbox, so this is all there is to show."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sms_notify.store.tx import Row, Tx, stored


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


def removed(tx: Tx, gateway: str, what: str | None, now: datetime) -> int:
    """The gateway took `what` (an outboxID or a number; None = everything) out of its outbox.

    By a number it removes one text, the next that is due.
    """
    return tx.run(
        "update scheduled set removed_at = :now where gateway = :gateway and removed_at is null and due_at > :now"
        " and (cast(:what as text) is null or outboxid = :what or id = (select s.id from scheduled s"
        "  where s.gateway = :gateway and s.number = :what and s.removed_at is null and s.due_at > :now"
        "  order by s.due_at, s.id limit 1))",
        gateway=gateway,
        what=what,
        now=stored(now),
    )
