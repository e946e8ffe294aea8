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
    UNREACHABLE = "unreachable"  # PostgreSQL's server, or the way to it
    OTHER = "other"  # the file is gone, emptied, not ours …


_KINDS = {
    sqlite3.SQLITE_CORRUPT: StoreFailure.DAMAGED,
    sqlite3.SQLITE_NOTADB: StoreFailure.DAMAGED,
    sqlite3.SQLITE_FULL: StoreFailure.FULL,
    sqlite3.SQLITE_IOERR: StoreFailure.IO,
    sqlite3.SQLITE_BUSY: StoreFailure.LOCKED,
    sqlite3.SQLITE_LOCKED: StoreFailure.LOCKED,
}
# PostgreSQL's codes: https://www.postgresql.org/docs/current/errcodes-appendix.html
_STATES = {
    "XX001": StoreFailure.DAMAGED,
    "XX002": StoreFailure.DAMAGED,
    "53100": StoreFailure.FULL,
    "58030": StoreFailure.IO,
    "55P03": StoreFailure.LOCKED,
    "57P01": StoreFailure.UNREACHABLE,  # it stops
    "57P02": StoreFailure.UNREACHABLE,  # another process of it crashed
    "57P03": StoreFailure.UNREACHABLE,  # it starts
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
        if hasattr(error, "sqlstate"):
            return _of_postgres(error.sqlstate)
        error = error.__cause__
    return StoreFailure.OTHER


def _of_postgres(state: str | None) -> StoreFailure:
    """What the server refuses has a code. What comes without one, the client found: nobody answers, or not any more."""
    return StoreFailure.UNREACHABLE if state is None else _STATES.get(state, StoreFailure.OTHER)


def is_damage(error: BaseException | None) -> bool:
    """Whether it says that the file holds what it should not."""
    return kind_of(error) is StoreFailure.DAMAGED


def examine(
    connection: sqlite3.Connection, expired: Callable[[], bool], too_long: Callable[[], bool], *, known: bool
) -> Examined:
    """Looks at every page until the time has `expired`, and makes the indexes anew where anything is wrong, or `known` to be
    and there was no time to find it; that ends when it takes `too_long`.
    """
    problems, finished = _problems(connection, expired)
    if not problems and (finished or not known):
        return Examined(finished=finished)
    try:
        _make_indexes_anew(connection, too_long)
    except sqlite3.Error as error:
        if connection.in_transaction:
            connection.execute("rollback")
        return Examined(problems or [str(error)], [*problems, str(error)], finished)
    return Examined(problems or ["damaged"], _problems(connection, expired)[0], finished)


def problems_of(connection: sqlite3.Connection, goes_on: Callable[[], None]) -> Sequence[str]:
    """What is wrong with the pages of a database, however long that takes; empty where they are sound. `goes_on` is called now
    and then meanwhile.
    """

    def never() -> bool:
        goes_on()
        return False

    return _problems(connection, never)[0]


def _make_indexes_anew(connection: sqlite3.Connection, too_long: Callable[[], bool]) -> None:
    """From their tables, each in a transaction of its own: what one cannot be made of must not keep the others from it."""
    connection.set_progress_handler(too_long, _LOOKS)
    try:
        every = connection.execute("select name, sql from sqlite_master where type = 'index'").fetchall()
        for name, statement in every:
            _make_anew(connection, str(name), statement)
    finally:
        connection.set_progress_handler(None, 0)


def _make_anew(connection: sqlite3.Connection, name: str, statement: str | None) -> None:
    """`reindex` walks through the old one, whose pages may lead nowhere: then it is struck from the schema, and its pages stay
    unused. One that belongs to a table's own words cannot be struck.
    """
    try:
        connection.execute(f'reindex "{name}"')
    except sqlite3.DatabaseError as error:
        if kind_of(error) is not StoreFailure.DAMAGED or statement is None:
            return  # the next look says what is left
        connection.execute("begin exclusive")
        connection.execute("pragma writable_schema = on")
        connection.execute("delete from sqlite_master where type = 'index' and name = ?", (name,))
        connection.execute("pragma writable_schema = reset")
        connection.execute(statement)
        connection.execute("commit")


def _problems(connection: sqlite3.Connection, expired: Callable[[], bool]) -> tuple[Sequence[str], bool]:
    """`integrity_check` and not `quick_check`: only the former compares indexes with their tables."""
    connection.set_progress_handler(expired, _LOOKS)
    lines: list[str] = []
    finished = True
    try:
        for row in connection.execute(f"pragma integrity_check({_PROBLEMS})"):
            lines += str(row[0]).splitlines()
    except sqlite3.DatabaseError as error:
        finished = error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT
        if finished and kind_of(error) is not StoreFailure.DAMAGED:
            raise
        lines += [str(error)] if finished else []
    finally:
        connection.set_progress_handler(None, 0)
    return [line for line in lines if not _NO_HARM.fullmatch(line)][:_TOLD], finished
