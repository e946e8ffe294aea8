"""One open transaction, as the rest of `store/` uses it: statements in, rows out, times converted.

The SQL is written with `:name` parameters and nothing else that only one database understands.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any, TypeVar

T = TypeVar("T")
Row = Mapping[str, Any]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))
_MICROSECOND = timedelta(microseconds=1)


class Tx:
    """A transaction on one connection; it is committed or rolled back by whoever opened it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def run(self, sql: str, **values: object) -> int:
        """Executes one statement; returns how many rows it touched."""
        return self._connection.execute(sql, values).rowcount

    def run_all(self, sql: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Executes one statement for each of `rows`; nothing where there are none."""
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


def among(values: Iterable[object]) -> Iterator[tuple[str, dict[str, object]]]:
    """`in (…)` lists: the names of so many parameters, and their values.

    Filled up to a power of two by repeating the last, so that few texts of one statement are compiled and kept.
    """
    for some in _chunks(list(values)):
        yield _names(len(some)), {f"k{n}": value for n, value in enumerate(some)}


def pairs(keys: Iterable[tuple[str, str]]) -> Iterator[tuple[str, dict[str, object]]]:
    """As `among`, of two columns: what follows `values`."""
    for some in _chunks(list(keys)):
        first: dict[str, object] = {f"k{n}": pair[0] for n, pair in enumerate(some)}
        yield _pairs(len(some)), first | {f"j{n}": pair[1] for n, pair in enumerate(some)}


def _chunks(values: list[T]) -> Iterator[list[T]]:
    for start in range(0, len(values), _MOST_KEYS):
        some = values[start : start + _MOST_KEYS]
        yield some + some[-1:] * ((1 << (len(some) - 1).bit_length()) - len(some))


@cache
def _names(count: int) -> str:
    return ", ".join(f":k{n}" for n in range(count))


@cache
def _pairs(count: int) -> str:
    return ", ".join(f"(:k{n}, :j{n})" for n in range(count))


def dump(texts: Mapping[str, str]) -> str:
    """Labels as JSON with sorted names, so that equal label sets are equal texts."""
    return _ENCODER.encode(dict(texts))


def load(text: str | None) -> dict[str, str]:
    return dict(json.loads(text)) if text else {}


@lru_cache(2048)
def load_shared(text: str) -> Mapping[str, str]:
    """As `load`, one value for all rows that are alike: the episodes of a problem have the same labels."""
    return MappingProxyType(load(text))
