"""Rows about what must be heard again and again (the table `watches`)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sms_notify.policy.watches import Watched
from sms_notify.store.tx import (
    Row,
    Tx,
    among,
    dump,
    from_stored,
    insert_into,
    load,
    moment,
    stored,
    to_stored,
)

_MOST = 500  # in one tick, the most overdue first


def by_keys(tx: Tx, keys: Iterable[str]) -> list[Watched]:
    return [
        _watched(row)
        for names, named in among(keys)
        for row in tx.all(f"select * from watches where key in ({names})", **named)
    ]


def every(tx: Tx) -> list[Watched]:
    """All of them, by name and instance."""
    return list(map(_watched, tx.all("select * from watches order by name, labels")))


def due(tx: Tx, now: datetime) -> list[Watched]:
    """What is silent for too long by now. The index watches_due finds it."""
    sql = "select * from watches where missing = 0 and due_at <= :now order by due_at, key limit :limit"
    return list(map(_watched, tx.all(sql, now=stored(now), limit=_MOST)))


def missing(tx: Tx) -> dict[str, int]:
    """How many instances of each watch are missing; a name that has none is left out."""
    rows = tx.all("select name, count(*) as n from watches where missing = 1 group by name")
    return {row["name"]: row["n"] for row in rows}


_SAVE = (
    insert_into("watches", "key, name, labels, heard_at, since, due_at, missing")
    + " on conflict (key) do update set heard_at = excluded.heard_at, since = excluded.since,"
    " due_at = excluded.due_at, missing = excluded.missing"
)


def save(tx: Tx, rows: Iterable[Watched]) -> None:
    tx.run_all(
        _SAVE,
        [
            (
                one.key, one.name, dump(one.labels), to_stored(one.heard_at), stored(one.since),
                stored(one.due_at), int(one.missing),
            )
            for one in rows
        ],
    )  # fmt: skip


def forget(tx: Tx, keys: Iterable[str]) -> None:
    tx.run_all("delete from watches where key = ?", [(key,) for key in keys])


def forget_instances(tx: Tx, keys: Iterable[str]) -> None:
    """As `forget`, for instances that are told apart by labels: a watch of one instance stays, and waits for it."""
    tx.run_all("delete from watches where key = ? and labels <> '{}'", [(key,) for key in keys])


def _watched(row: Row) -> Watched:
    return Watched(
        row["key"], row["name"], load(row["labels"]), from_stored(row["heard_at"]), moment(row["since"]),
        moment(row["due_at"]), bool(row["missing"]),
    )  # fmt: skip
