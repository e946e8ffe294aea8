"""One open transaction, as the rest of `store/` uses it: statements in, rows out, times converted.

The SQL is written with `:name` parameters and nothing else that only one database understands.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any, TypeVar

import orjson

T = TypeVar("T")
Row = Mapping[str, Any]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Tx:
    """A transaction on one connection; it is committed or rolled back by whoever opened it."""

    shared = False
    """Whether other nodes write to the same database."""

    def wake_others(self) -> None:
        """With the commit the senders of other nodes hear that there is something to send."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def run(self, sql: str, **values: object) -> int:
        """Executes one statement; returns how many rows it touched."""
        return self._connection.execute(sql, values).rowcount

    def run_all(self, sql: str, rows: Sequence[tuple[object, ...]]) -> None:
        """Executes one statement, with its parameters by place, for each of `rows`; nothing where there are none."""
        if rows:
            self._connection.executemany(sql, rows)

    def insert(self, sql: str, **values: object) -> int:
        """Executes one `insert … returning id`; returns the id."""
        row = self._connection.execute(sql, values).fetchone()
        return int(row["id"])

    def one(self, sql: str, **values: object) -> Row | None:
        row: Row | None = self._connection.execute(sql, values).fetchone()
        return row

    def all(self, sql: str, **values: object) -> Sequence[Row]:
        return self._connection.execute(sql, values).fetchall()


def insert_into(table: str, columns: str) -> str:
    """A row of these columns by place."""
    return f"insert into {table} ({columns}) values ({', '.join('?' * (columns.count(',') + 1))})"


def to_stored(moment: datetime | None) -> int | None:
    """Aware time → microseconds since 1970 UTC."""
    return None if moment is None else (moment - _EPOCH) // _MICROSECOND


def stored(moment: datetime) -> int:
    """As `to_stored`, for a time that is there."""
    return (moment - _EPOCH) // _MICROSECOND


def from_stored(value: int | None) -> datetime | None:
    """Microseconds since 1970 UTC → aware UTC."""
    return None if value is None else _EPOCH + value * _MICROSECOND


def moment(value: int) -> datetime:
    """As `from_stored`, for a column that is never null."""
    return _EPOCH + value * _MICROSECOND


_MOST_KEYS = 4096  # in one statement; SQLite takes 32,766 parameters
Keyed = Iterator[tuple[str, dict[str, object]]]
"""The names of so many parameters as SQL, and their values: a statement each."""


def among(values: Iterable[object], most: int = _MOST_KEYS) -> Keyed:
    """What stands in `in (…)`, at most so many in one statement.

    Filled up to a power of two by repeating the last, so that few texts of one statement are compiled and kept.
    """
    for some in _chunks(list(values), most):
        yield _names(len(some)), dict(zip(_K, some, strict=False))


def rows_of(values: Iterable[object]) -> Keyed:
    """As `among`, for `values`: a row each, none twice. What stands twice in `in (…)` would be two rows here."""
    listed = list(dict.fromkeys(values))
    for start in range(0, len(listed), _MOST_KEYS):
        some = listed[start : start + _MOST_KEYS]
        yield _rows(len(some)), dict(zip(_K, some, strict=False))


def pairs(keys: Iterable[tuple[str, str]]) -> Keyed:
    """As `among`, of two columns: what follows `values`. A key may stand there twice."""
    for some in _chunks(list(keys)):
        first, second = zip(*some, strict=True)
        yield _pairs(len(some)), dict(zip(_K, first, strict=False)) | dict(zip(_J, second, strict=False))


_K, _J = ([f"{letter}{n}" for n in range(_MOST_KEYS)] for letter in "kj")


def _chunks(values: list[T], most: int = _MOST_KEYS) -> Iterator[list[T]]:
    for start in range(0, len(values), most):
        some = values[start : start + most]
        yield some + some[-1:] * ((1 << (len(some) - 1).bit_length()) - len(some))


@cache
def _names(count: int) -> str:
    return ", ".join(f":k{n}" for n in range(count))


@cache
def _rows(count: int) -> str:
    return ", ".join(f"(:k{n})" for n in range(count))


@cache
def _pairs(count: int) -> str:
    return ", ".join(f"(:k{n}, :j{n})" for n in range(count))


def dump(texts: Mapping[str, str]) -> str:
    """Labels as JSON with sorted names, so that equal label sets are equal texts."""
    return orjson.dumps(dict(texts), option=orjson.OPT_SORT_KEYS).decode()


def load(text: str | None) -> dict[str, str]:
    return dict(orjson.loads(text)) if text else {}


@lru_cache(2048)
def load_shared(text: str) -> Mapping[str, str]:
    """As `load`, one value for all rows that are alike: the episodes of a problem have the same labels."""
    return MappingProxyType(load(text))
