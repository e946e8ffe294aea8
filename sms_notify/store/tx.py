"""One open transaction, as the rest of `store/` uses it: statements in, rows out, times converted.

The SQL is written with `:name` parameters and nothing else that only one database understands.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

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


def dump(texts: Mapping[str, str]) -> str:
    """Labels as JSON with sorted names, so that equal label sets are equal texts."""
    return _ENCODER.encode(dict(texts))


def load(text: str | None) -> dict[str, str]:
    return dict(json.loads(text)) if text else {}
