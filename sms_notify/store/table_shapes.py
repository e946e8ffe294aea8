"""Which tables there are, and their columns: read from what the migrations make, so that a new table is never forgotten."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache

from sms_notify.errors import StoreError
from sms_notify.store.conversion import make_tables
from sms_notify.store.tx import Tx


@dataclass(frozen=True, slots=True)
class TableShape:
    """One table, the same in every database. `key` is its primary key, and empty where it has none."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    numbered: bool
    """Whether the database counts its ids."""


@cache
def shapes() -> Sequence[TableShape]:
    """All of them, by name."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        make_tables(connection)
        named = connection.execute("select name from sqlite_master where type = 'table' order by name")
        return tuple(_shape(connection, name) for (name,) in named.fetchall())


def _shape(connection: sqlite3.Connection, name: str) -> TableShape:
    found = connection.execute(
        "select name, lower(type), pk from pragma_table_info(?) order by cid", (name,)
    ).fetchall()
    keyed = sorted((place, column, type_) for column, type_, place in found if place)
    return TableShape(
        name,
        tuple(column for column, _, _ in found),
        tuple(column for _, column, _ in keyed),
        [(column, type_) for _, column, type_ in keyed] == [("id", "integer")],
    )


def refuse_rows(tx: Tx, name: str) -> None:
    """Raises StoreError where any table has a row."""
    for shape in shapes():
        if tx.one(f"select 1 as found from {shape.name} limit 1"):
            raise StoreError(
                f"{name}: it has rows of its own (in `{shape.name}`); name a database that is new and empty. If an earlier"
                " run has copied them, they are whole: use it as it is"
            )
