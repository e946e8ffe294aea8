"""A store without a file, for replays: the same tables and the same SQL, gone when it is closed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from sms_notify.store.conversion import make_tables
from sms_notify.store.sqlite import SqliteStore
from sms_notify.store.tx import Tx

_STATEMENTS = 512  # kept compiled: an engine uses more than the 128 that are kept otherwise


class ScratchStore(SqliteStore):
    """One database in memory, for one thread. What fails in it is gone with it: no error is survived."""

    def __init__(self) -> None:
        super().__init__("sqlite:///scratch")
        self.path = Path(":memory:")

    def lock(self) -> None:
        """Nobody else can open it."""

    @contextmanager
    def reading(self) -> Iterator[Tx]:
        """What is stored, on the writer's own connection: within an open transaction also what it has written so far."""
        yield Tx(self._opened())

    @contextmanager
    def transaction(self) -> Iterator[Tx]:
        """Nobody else reads it and nothing of it is undone, so that a beginning and an end would say nothing."""
        connection = self._opened()
        before = connection.total_changes
        yield Tx(connection)
        self.wrote = connection.total_changes > before

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = _in_memory()
            _empty().backup(self._connection)
        return self._connection


@cache
def _empty() -> sqlite3.Connection:
    """One with all tables and without a row: to copy it takes a tenth of the time."""
    connection = _in_memory()
    make_tables(connection)
    return connection


def _in_memory() -> sqlite3.Connection:
    connection = sqlite3.connect(
        ":memory:", isolation_level=None, check_same_thread=False, cached_statements=_STATEMENTS
    )
    connection.row_factory = sqlite3.Row
    return connection
