"""Rows about the ids that senders gave their alerts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sms_notify.policy.sender_ids import OwnId
from sms_notify.store.tx import Row, Tx, insert_into, pairs, stored

_MOST = 20  # of equal labels, and of one id: older ones are of episodes that are over


def alike(tx: Tx, keys: Iterable[tuple[str, str]]) -> list[OwnId]:
    """The newest ids of alerts that are alike but for their id. The index own_ids_alike finds them."""
    return _newest(tx, keys, "alike")


def named(tx: Tx, keys: Iterable[tuple[str, str]]) -> list[OwnId]:
    """The newest alerts that bore an id of this name. The index own_ids_name finds them."""
    return _newest(tx, keys, "name")


def _newest(tx: Tx, keys: Iterable[tuple[str, str]], column: str) -> list[OwnId]:
    found: list[Row] = []
    for values, named_values in pairs(keys):
        of_key = f"from own_ids x where x.source = k.source and x.{column} = k.name"
        newest = f"select x.id {of_key} order by x.id desc limit {_MOST:d}"
        sql = f"with k (source, name) as (values {values}) select i.* from k join own_ids i on i.id in ({newest}) order by i.id"
        found += tx.all(sql, **named_values)
    return list(map(_own_id, found))


def _own_id(row: Row) -> OwnId:
    return OwnId(
        row["source"], row["alike"], row["name"], row["fingerprint"], row["words"], bool(row["proven"])
    )


_SAVE = (
    insert_into("own_ids", "source, alike, name, fingerprint, words, proven, noted_at")
    + " on conflict (source, alike, name) do update set proven = excluded.proven,"
    " fingerprint = excluded.fingerprint, noted_at = excluded.noted_at"
)


def save(tx: Tx, rows: Iterable[OwnId], now: datetime) -> None:
    """New ones, and what has been proven of the others."""
    at = stored(now)
    tx.run_all(
        _SAVE,
        [(one.source, one.alike, one.name, one.fingerprint, one.words, int(one.proven), at) for one in rows],
    )
