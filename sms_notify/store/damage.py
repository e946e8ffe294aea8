"""Whether the pages of the database hold what they should, and what of it can be made anew.

An index can be made from its table; a table only from a backup.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

_PROBLEMS, _TOLD = 1000, 10  # that are looked for, and told; the next ones say no more
_LOOKS = 20_000  # steps of SQLite between two looks at the clock
# An index that was made anew leaves pages that nobody uses.
_NO_HARM = re.compile(r"ok|\*\*\* in database main \*\*\*|Page \d+(?: is|:) never used")
_PRIMARY = 0xFF  # of an error code


class StoreFailure(StrEnum):
    """Why a transaction was not committed; closed, because it is a metric label."""

    DAMAGED = "damaged"
    FULL = "full"
    IO = "io"
    LOCKED = "locked"
    OTHER = "other"  # the file is gone, emptied, not ours …


_KINDS = {
    sqlite3.SQLITE_CORRUPT: StoreFailure.DAMAGED,
    sqlite3.SQLITE_NOTADB: StoreFailure.DAMAGED,
    sqlite3.SQLITE_FULL: StoreFailure.FULL,
    sqlite3.SQLITE_IOERR: StoreFailure.IO,
    sqlite3.SQLITE_BUSY: StoreFailure.LOCKED,
    sqlite3.SQLITE_LOCKED: StoreFailure.LOCKED,
}


@dataclass(frozen=True, slots=True)
class Examined:
    """What a look at every page has found: `problems` in SQLite's words, and what of them is `left` after the indexes were
    made anew. `finished` is False where there was no time for all of it.
    """

    problems: Sequence[str] = ()
    left: Sequence[str] = ()
    finished: bool = True


def kind_of(error: BaseException | None) -> StoreFailure:
    """By the error, or by what caused it."""
    while error is not None:
        code = getattr(error, "sqlite_errorcode", None)
        if code is not None:
            return _KINDS.get(code & _PRIMARY, StoreFailure.OTHER)
        error = error.__cause__
    return StoreFailure.OTHER


def is_damage(error: BaseException | None) -> bool:
    """Whether it says that the file holds what it should not."""
    return kind_of(error) is StoreFailure.DAMAGED


def examine(connection: sqlite3.Connection, expired: Callable[[], bool]) -> Examined:
    """Looks at every page until the time has `expired`, and makes the indexes anew where anything is wrong."""
    problems, finished = _problems(connection, expired)
    if not problems:
        return Examined(finished=finished)
    try:
        _make_indexes_anew(connection)
    except sqlite3.DatabaseError as error:
        if connection.in_transaction:
            connection.execute("rollback")
        return Examined(problems, [*problems, str(error)])
    return Examined(problems, problems_of(connection), finished)


def problems_of(connection: sqlite3.Connection) -> Sequence[str]:
    """What is wrong with the pages of a database, however long that takes; empty where they are sound."""
    return _problems(connection, lambda: False)[0]


def _make_indexes_anew(connection: sqlite3.Connection) -> None:
    """From their tables, in one transaction. `reindex` would walk through the old ones, whose pages may lead nowhere; so they
    are struck from the schema, and their pages stay unused.
    """
    connection.execute("begin exclusive")
    made = "from sqlite_master where type = 'index' and sql is not null"
    statements = [str(row[0]) for row in connection.execute(f"select sql {made}")]
    connection.execute("pragma writable_schema = on")
    connection.execute(f"delete {made}")
    connection.execute("pragma writable_schema = reset")
    for statement in statements:
        connection.execute(statement)
    connection.execute("commit")


def _problems(connection: sqlite3.Connection, expired: Callable[[], bool]) -> tuple[Sequence[str], bool]:
    """`integrity_check` and not `quick_check`: only the former compares indexes with their tables."""
    connection.set_progress_handler(expired, _LOOKS)
    try:
        rows = connection.execute(f"pragma integrity_check({_PROBLEMS})").fetchall()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            return (), False
        raise
    except sqlite3.DatabaseError as error:
        return [str(error)], True
    finally:
        connection.set_progress_handler(None, 0)
    lines = [line for row in rows for line in str(row[0]).splitlines()]
    return [line for line in lines if not _NO_HARM.fullmatch(line)][:_TOLD], True
