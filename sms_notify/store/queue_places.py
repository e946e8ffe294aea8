"""Why queued messages have not left: their places in the queue, and when a gateway is asked next. Nothing here writes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sms_notify.store.breakers import ASK_AGAIN_AFTER, WAITED_FOR, WHOLE
from sms_notify.store.claims import BUSY, follow_others
from sms_notify.store.tx import Row, Tx, among, from_stored, stored


@dataclass(frozen=True, slots=True)
class QueuePlace:
    """`busy`: another text to the same number is under way, and this one waits for it. `follows`: its reader is to read another
    one first. `ahead`: how many leave by the same gateway before it.
    """

    busy: bool
    follows: bool
    ahead: int


_DUE = "case when o.not_before <= :now then 1 else 0 end"
# Reads what waits for the gateways of those that are asked about, and no more, by `messages_due`.
_PLACES = (
    f"with line as (select o.id, sum({_DUE}) over (partition by o.gateway order by o.rank, o.not_before, o.id"
    f" rows unbounded preceding) - {_DUE} as ahead from messages o where o.state = 'queued'"
    f" and o.gateway in (select g.gateway from messages g where g.id in ({{ids}})))"
    f" select m.id, m.number, case when {BUSY} then 1 else 0 end as busy, line.ahead"
    f" from messages m join line on line.id = m.id where m.id in ({{ids}})"
)


def places_in_queue(tx: Tx, message_ids: Iterable[int], now: datetime) -> dict[int, QueuePlace]:
    """By id; one that does not wait has none. What waits for a number is read once."""
    rows: list[Row] = []
    for names, values in among(message_ids):
        rows += tx.all(_PLACES.format(ids=names), now=stored(now), **values)
    follow = follow_others(tx, rows)
    return {row["id"]: QueuePlace(bool(row["busy"]), row["id"] in follow, row["ahead"]) for row in rows}


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
