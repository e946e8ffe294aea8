"""Why a queued message has not left: its place in the queue, and when its gateway is asked next. Nothing here writes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sms_notify.store.breakers import ASK_AGAIN_AFTER, WAITED_FOR, WHOLE
from sms_notify.store.claims import BUSY, follows_another
from sms_notify.store.tx import Tx, from_stored, stored


@dataclass(frozen=True, slots=True)
class QueuePlace:
    """`busy`: another text to the same number is under way, and this one waits for it. `follows`: its reader is to read another
    one first. `ahead`: how many leave by the same gateway before it.
    """

    busy: bool
    follows: bool
    ahead: int


# Reads what waits for the gateway, and no more, by `messages_due`.
_PLACE = (
    f"select m.number, case when {BUSY} then 1 else 0 end as busy, (select count(*) from messages o where o.state = 'queued'"
    " and o.gateway = m.gateway and o.not_before <= :now and (o.rank < m.rank or o.rank = m.rank"
    " and (o.not_before < m.not_before or o.not_before = m.not_before and o.id < m.id))) as ahead"
    " from messages m where m.id = :id and m.state = 'queued'"
)


def place_of(tx: Tx, message_id: int, now: datetime) -> QueuePlace | None:
    """None of a message that does not wait."""
    row = tx.one(_PLACE, id=message_id, now=stored(now))
    if row is None:
        return None
    return QueuePlace(bool(row["busy"]), follows_another(tx, row["number"], message_id), row["ahead"])


_ASKED = (
    f"select min(case when {WAITED_FOR} and asked_at + {ASK_AGAIN_AFTER // timedelta(microseconds=1)} < probe_at"
    f" then asked_at + {ASK_AGAIN_AFTER // timedelta(microseconds=1)} else probe_at end) as at"
    f" from breakers where gateway = :gateway and opened_at is not null and scope in {WHOLE}"
)


def asked_at(tx: Tx, gateway: str) -> datetime | None:
    """When a gateway through which nothing leaves is asked next whether it takes texts again; None where texts leave. By the
    primary key of the breakers, and `messages_due`.
    """
    row = tx.one(_ASKED, gateway=gateway)
    return from_stored(row["at"]) if row is not None else None
