"""Rows about what command hooks handed over: the names of the files that were taken, so that none is taken twice."""

from __future__ import annotations

from datetime import datetime

from sms_notify.store.tx import Tx, stored


def take(tx: Tx, name: str, now: datetime) -> bool:
    """False where it was taken before: a crash came between that commit and the removal of the file."""
    taken = tx.run(
        "insert into handed (name, taken_at) values (:name, :now) on conflict (name) do nothing",
        name=name,
        now=stored(now),
    )
    return taken == 1


def forget(tx: Tx, before: datetime) -> None:
    """What was taken so long ago was removed since."""
    tx.run("delete from handed where taken_at < :before", before=stored(before))
