"""A transaction of PostgreSQL as the rest of `store/` uses it: the same statements, rows and numbers as SQLite's.

`:name` and `?` become `$1`, `$2` …; a number is a bigint whatever its size, truth is 0 or 1, and a sum is an int.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NoReturn

import psycopg
from psycopg import RawCursor, postgres
from psycopg.abc import Buffer
from psycopg.adapt import AdaptersMap, Dumper, Loader
from psycopg.types.string import StrDumperUnknown

from sms_notify.store.postgres_errors import primary, store_error
from sms_notify.store.tx import Row, Tx

PostgresConnection = psycopg.Connection[Row]
# What is no parameter (a text, a comment, a cast), or one.
_PIECES = re.compile(r"'(?:[^']|'')*'|--[^\n]*|::|:(\w+)|\?")


class PostgresTx(Tx):
    """On one connection; it is committed or rolled back by whoever opened it."""

    shared = True

    def __init__(self, connection: PostgresConnection, name: str) -> None:
        self._cursor = RawCursor(connection)
        self._name = name
        self.wrote = self.wakes = False

    def wake_others(self) -> None:
        self.wakes = True

    def run(self, sql: str, **values: object) -> int:
        count = self._execute(sql, values).rowcount
        self.wrote = self.wrote or count > 0
        return count

    def run_all(self, sql: str, rows: Sequence[tuple[object, ...]]) -> None:
        """In one round trip: psycopg sends them all before it waits for the first answer."""
        if not rows:
            return
        text, _ = numbered(sql)
        try:
            if len(rows) == 1:
                self._cursor.execute(text, rows[0])
            else:
                self._cursor.executemany(text, rows)
        except psycopg.Error as error:
            self._raise(error)
        self.wrote = True

    def insert(self, sql: str, **values: object) -> int:
        (row,) = self._execute(sql, values).fetchall()
        self.wrote = True
        return int(row["id"])

    def one(self, sql: str, **values: object) -> Row | None:
        return self._execute(sql, values).fetchone()

    def all(self, sql: str, **values: object) -> Sequence[Row]:
        return self._execute(sql, values).fetchall()

    def _execute(self, sql: str, values: Mapping[str, object]) -> RawCursor[Row]:
        text, names = numbered(sql)
        try:
            return self._cursor.execute(text, [values[name] for name in names])
        except psycopg.Error as error:
            self._raise(error)

    def _raise(self, error: psycopg.Error) -> NoReturn:
        """The server's trouble is everybody's; a statement's own is whoever's it was, without the row that it quotes."""
        if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
            raise store_error(self._name, error) from error
        raise type(error)(primary(error)) from None


@cache
def numbered(sql: str) -> tuple[bytes, tuple[str, ...]]:
    """The statement with `$1` …, and the names in that order; a name that stands twice is one parameter."""
    names: dict[str, int] = {}
    count = 0

    def place(piece: re.Match[str]) -> str:
        nonlocal count
        if piece[0] == "?":
            count += 1
            return f"${count}"
        return f"${names.setdefault(piece[1], len(names) + 1)}" if piece[1] else piece[0]

    text = _PIECES.sub(place, sql)
    return text.encode(), tuple(names)


def rows_by_name(cursor: psycopg.Cursor[Any] | psycopg.AsyncCursor[Any]) -> Callable[[Sequence[Any]], Row]:
    """Mappings; of two columns of one name the first counts, as it does in SQLite."""
    names = [column.name for column in cursor.description or ()]
    if len(set(names)) == len(names):
        return lambda values: dict(zip(names, values, strict=True))
    return lambda values: dict(zip(reversed(names), reversed(values), strict=True))


class _BigintDumper(Dumper):
    """By its size alone a number would be a smallint now and a bigint then: another statement to prepare each time."""

    oid = postgres.types["int8"].oid

    def dump(self, obj: int) -> bytes:
        return b"%d" % obj  # truth as well


class _TextDumper(StrDumperUnknown):
    """A text of PostgreSQL cannot hold U+0000; where somebody asks for one nothing is found, as in SQLite."""

    def dump(self, obj: str) -> Buffer | None:
        return super().dump(obj.replace("\0", "\ufffd") if "\0" in obj else obj)


class _TruthLoader(Loader):
    def load(self, data: Buffer) -> int:
        return int(bytes(data) == b"t")


class _NumericLoader(Loader):
    """A sum of bigints is a numeric, and so is an average."""

    def load(self, data: Buffer) -> int | float:
        text = bytes(data)
        return float(text) if b"." in text else int(text)


def adapt(adapters: AdaptersMap) -> None:
    """For one connection: whoever else uses psycopg in this process keeps theirs."""
    adapters.register_dumper(int, _BigintDumper)
    adapters.register_dumper(bool, _BigintDumper)
    adapters.register_dumper(str, _TextDumper)
    adapters.register_loader("bool", _TruthLoader)
    adapters.register_loader("numeric", _NumericLoader)
