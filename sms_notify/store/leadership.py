"""Which node does what one node alone does: by a lease of some seconds, by the database's clock.

It is looked at in each transaction that does such work, under the writers' lock: a node that was held up and comes back late
finds that another one leads, and its work is undone. On a file one daemon serves, so it leads, and nothing is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sms_notify.store.tx import Tx, moment, stored

LEASE = timedelta(seconds=10)
_RENEW_AFTER = timedelta(seconds=2)
_TAKE = (
    "insert into leader (one, node, until) values (1, :node, :until)"
    " on conflict (one) do update set node = excluded.node, until = excluded.until"
)


@dataclass(frozen=True, slots=True)
class Lead:
    """Which node leads, and until when. `taken`: it did not lead before this transaction."""

    node: str
    until: datetime
    taken: bool = False


def leads(tx: Tx, node: str, now: datetime) -> Lead:
    """Takes the lease where it is free, and renews it where it is ours."""
    known = leader(tx)
    if known is not None and known.node == node:
        return known if known.until - now > LEASE - _RENEW_AFTER else _take(tx, node, now, taken=False)
    if known is not None and known.until > now:
        return known
    return _take(tx, node, now, taken=True)


def leader(tx: Tx) -> Lead | None:
    row = tx.one("select node, until from leader")
    return None if row is None else Lead(row["node"], moment(row["until"]))


def give_back(tx: Tx, node: str) -> None:
    """At a stop, so that nobody waits for its end."""
    tx.run("delete from leader where node = :node", node=node)


def leads_through(tx: Tx, node: str, now: datetime) -> bool:
    """The database's clock was set, which each node finds for itself before it writes anything by the new time: who finds it
    first leads from now on, and is to set what waits by it. A lease that holds by the new clock is of who did.

    By a step of less than `LEASE` the lease of before may hold as well: then its holder alone does. If that one is dead, what
    waits is early or late by these seconds.
    """
    known = leader(tx)
    if known is not None and known.node != node and now < known.until <= now + LEASE:
        return False
    _take(tx, node, now, taken=False)
    return True


def _take(tx: Tx, node: str, now: datetime, *, taken: bool) -> Lead:
    tx.run(_TAKE, node=node, until=stored(now + LEASE))
    return Lead(node, now + LEASE, taken)
