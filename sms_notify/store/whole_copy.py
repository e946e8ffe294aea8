"""A whole database is copied into another one, of either kind, and compared with it.

Table by table, a commit for so many rows. Whatever ends it, the target says that it is a part, and the next run goes on:
a table that is the same in both by then stays, any other begins anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from sms_notify.errors import StoreError
from sms_notify.store.database import Database
from sms_notify.store.table_shapes import TableShape, shapes
from sms_notify.store.tx import Row, Tx, insert_into

_BATCH = 5000  # rows: as many as are lost with one commit, and are in memory at once
_SUM = 1 << 128
RowsDone = Callable[[int], None]
"""Is called with how many more rows were copied, or compared."""


@dataclass(frozen=True, slots=True)
class TableSum:
    """How many rows a table has, and a sum over all of them that does not depend on their order."""

    rows: int
    checksum: str


def rows_in(source: Database) -> int:
    """Of all tables. Raises StoreError where there is no database of this version."""
    with source.reading() as tx:
        counted = (tx.one(f"select count(*) as n from {shape.name}") for shape in shapes())
        return sum(int(row["n"]) for row in counted if row)


def copy_whole(source: Database, target: Database, done: RowsDone) -> Mapping[str, TableSum]:
    """Each row is told to `done` twice: copied, and compared. Raises StoreError; then the target stays a part."""
    if source.served():
        raise StoreError(
            f"{source.name}: a daemon serves it; stop it first, on every node: `systemctl stop sms-notify`"
        )
    source.lock()  # where it is a file, no daemon starts on it meanwhile
    try:
        target.fill()
        with source.reading() as tx:
            for shape in shapes():
                _copy_table(tx, target, shape, done)
        found = _compared(source, target, done)
        target.filled()
    finally:
        source.unlock()
        target.close()
        target.unlock()
    return found


def sum_of(tx: Tx, shape: TableShape) -> TableSum:
    """The same for the same rows, whichever database holds them."""
    rows = total = 0
    for batch in _batches(tx, shape):
        rows += len(batch)
        total += sum(map(_digest, batch))
    return TableSum(rows, f"{total % _SUM:032x}")


def _digest(values: tuple[object, ...]) -> int:
    """PostgreSQL holds no U+0000, and has U+FFFD in its place."""
    text = repr(values).replace(r"\x00", "\ufffd")
    return int.from_bytes(sha256(text.encode()).digest()[:16])


def _copy_table(source: Tx, target: Database, shape: TableShape, done: RowsDone) -> None:
    with target.reading() as tx:
        begun = tx.one(f"select 1 as found from {shape.name} limit 1") is not None
        whole = begun and (there := sum_of(tx, shape)) == sum_of(source, shape)
    if whole:
        done(there.rows)
        return
    if begun:
        with target.transaction() as tx:
            tx.run(f"delete from {shape.name}")
    insert = insert_into(shape.name, ", ".join(shape.columns))
    for batch in _batches(source, shape):
        with target.transaction() as tx:
            tx.run_all(insert, batch)
        done(len(batch))


def _compared(source: Database, target: Database, done: RowsDone) -> Mapping[str, TableSum]:
    """As both are by now: whoever has written to the source during the copy is found here."""
    found = {}
    with source.reading() as ours, target.reading() as theirs:
        for shape in shapes():
            here, there = sum_of(ours, shape), sum_of(theirs, shape)
            if here != there:
                raise StoreError(
                    f"`{shape.name}` differs: {here.rows} rows in {source.name}, {there.rows} in {target.name}; see that no"
                    " daemon and no command writes to the first, and start this again"
                )
            done(here.rows)
            found[shape.name] = here
    return found


def _batches(tx: Tx, shape: TableShape) -> Iterator[Sequence[tuple[object, ...]]]:
    """By the primary key, in the database's own order; a table without one has a row or two."""
    select = f"select {', '.join(shape.columns)} from {shape.name}"
    if not shape.key:
        yield _values(tx.all(select), shape)
        return
    key, after = ", ".join(shape.key), ", ".join(f":k{n}" for n in range(len(shape.key)))
    ordered = f"order by {key} limit {_BATCH}"
    rows = tx.all(f"{select} {ordered}")
    while rows:
        yield _values(rows, shape)
        last = {f"k{n}": rows[-1][column] for n, column in enumerate(shape.key)}
        rows = tx.all(f"{select} where ({key}) > ({after}) {ordered}", **last)


def _values(rows: Sequence[Row], shape: TableShape) -> Sequence[tuple[object, ...]]:
    return [tuple(row[column] for column in shape.columns) for row in rows]
