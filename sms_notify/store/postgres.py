"""A PostgreSQL server in the file's place: one writer at a time by a lock of the transaction, readers beside it.

A commit that returned is on the server's disk (`synchronous_commit`). Where the connection is lost during a commit nobody
knows whether it was made: the caller hears StoreError, as with a sync that failed, and asks again.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import psycopg
from psycopg.pq import TransactionStatus

from sms_notify.errors import StoreError
from sms_notify.store.conversion import NEWEST, PART, GoesOn
from sms_notify.store.damage import Examined
from sms_notify.store.database_clock import Clock, DatabaseClock
from sms_notify.store.postgres_address import address_of
from sms_notify.store.postgres_errors import lost_commit, store_error, unreachable
from sms_notify.store.postgres_listener import CHANNEL, Listener
from sms_notify.store.postgres_schema import migrate, refuse_newer, refuse_other, version_of
from sms_notify.store.postgres_tx import PostgresConnection, PostgresTx, adapt, rows_by_name
from sms_notify.store.table_shapes import refuse_rows, shapes
from sms_notify.store.tx import Row, Tx

# Two advisory locks: "sms-notify" in ASCII, cut to 63 bits, and the next. Other programs in the same database have others.
_WRITING = int.from_bytes(b"smsnotif") & (1 << 63) - 1
_SERVING = _WRITING + 1
# Who waits for the lock gives up as SQLite's does, and a writer that was stopped in its transaction loses it.
_LOCK = (
    "begin isolation level read committed; set local lock_timeout = '5s';"
    f" set local idle_in_transaction_session_timeout = '15s'; select pg_advisory_xact_lock({_WRITING})"
)
# With it, in the same round trip, what may have changed while nobody asked: each statement sees what was committed before it.
_BEGIN = (
    f"{_LOCK}; select cast(extract(epoch from clock_timestamp()) * 1000000 as bigint) as now,"
    " (select max(version) from schema_version) as version, current_setting('transaction_read_only') as read_only"
)
_WAKE = f"notify {CHANNEL}; commit"
_READ = "begin isolation level repeatable read, read only; select max(version) as version from schema_version"
_STATEMENTS = 512  # kept prepared: the engine uses more than the 100 that are kept otherwise
_READERS = 4  # connections that are kept for the next reader: a new one costs the server a process
_log = logging.getLogger(__name__)


class PostgresStore:
    """One database of a server; see `Database`. Any number of daemons may write to it, one at a time."""

    path: Path | None = None
    shared = True

    def __init__(self, url: str) -> None:
        self._address = address_of(url)
        self._connection: PostgresConnection | None = None
        self._serving = self._warned = self._filling = False
        self._readers: deque[PostgresConnection] = deque()
        self._clock = DatabaseClock()
        self._listener: Listener | None = None
        self.wrote = False

    @property
    def name(self) -> str:
        return self._address.name

    def clock(self, usual: Clock) -> Clock:
        """The server's, from the first transaction on."""
        return partial(self._clock.now, usual)

    def heard(self, seconds: float) -> bool:
        """A store that nobody listens by is no part of a circle, so that its connections end with it."""
        self._listener = self._listener or Listener(self._connected, self._writer)
        return self._listener.heard(seconds)

    def lock(self) -> None:
        """The writer's connection bears it, so that it ends with the daemon. Others may have it as well."""
        self._serving = True

    def unlock(self) -> None:
        self._serving = False

    def served(self) -> bool:
        with self._telling(), self._connected() as connection:
            row = connection.execute(
                f"select pg_try_advisory_xact_lock({_SERVING:d}) as free".encode()
            ).fetchone()
            return not (row and row["free"])

    def is_there(self) -> bool:
        with self._telling(), self._connected() as connection:
            return version_of(connection) > 0

    def start_faults(self) -> Iterator[tuple[str, str]]:
        """A server that does not let us in is none: it may know the daemon's user, or the daemon's machine, alone."""
        with suppress(psycopg.Error, StoreError), self._connected() as connection:
            try:
                refuse_newer(self.name, version_of(connection))
            except StoreError as error:
                yield str(error), ""

    def convert(self, goes_on: GoesOn = lambda _: None) -> None:
        """The copy of an earlier state is the server's business (`pg_dump`)."""
        self.close_writer()
        with self._telling(), self._connected() as connection:
            goes_on("converting the database")
            version = migrate(connection, self.name, _LOCK)
            self._begin(connection)
            connection.execute("rollback")
        if 0 < version < NEWEST:
            _log.warning("the database is converted", extra={"schema": version, "to": NEWEST})

    def examine(self, _: Callable[[], bool], __: Callable[[], bool], /, *, known: bool) -> Examined:  # noqa: ARG002
        """Nothing: the pages are the server's, and it says so where one is damaged."""
        return Examined()

    def problems(self, goes_on: Callable[[], None] = lambda: None) -> Sequence[str]:  # noqa: ARG002
        raise StoreError(f"{self.name}: its pages are PostgreSQL's own; `pg_amcheck` looks at them")

    def backup(self, to: Path) -> int:  # noqa: ARG002
        raise StoreError(f"{self.name}: PostgreSQL makes copies itself; `pg_dump` writes one")

    def vacuum(self) -> int:
        raise StoreError(f"{self.name}: PostgreSQL does so itself; `vacuum full` makes its files smaller")

    def fill(self) -> None:
        """As `Database.fill`. The writer's connection bears the lock."""
        self._filling = True
        with self.transaction() as tx:
            if (row := tx.one("select version from schema_version")) and row["version"] != PART:
                refuse_rows(tx, self.name)
                tx.run("update schema_version set version = :part", part=PART)

    def filled(self) -> None:
        """As `Database.filled`; the planner knows the tables before the first question."""
        with self.transaction() as tx:
            for name in (shape.name for shape in shapes() if shape.numbered):
                tx.one(
                    f"select setval(pg_get_serial_sequence('{name}', 'id'), coalesce(max(id), 0) + 1, false) from {name}"
                )
            tx.run("analyze")
            tx.run("update schema_version set version = :version", version=NEWEST)
        self._filling = False

    @property
    def size(self) -> int:
        with self.reading() as tx:
            row = tx.one("select pg_database_size(current_database()) as size")
        return int(row["size"]) if row else 0

    def version(self) -> object:
        """Which transactions had ended: any commit changes it, and so does one of another database of the server."""
        with self.reading() as tx:
            row = tx.one("select cast(pg_current_snapshot() as text) as ended")
        return row and row["ended"]

    @contextmanager
    def transaction(self) -> Iterator[Tx]:
        """One at a time over all nodes. After any error the connection is thrown away, as a file's is."""
        with self._telling(self.close_writer):
            connection = self._begun()
            tx = PostgresTx(connection, self.name)
            try:
                yield tx
                self._commit(connection, "commit" if not tx.wakes else _WAKE)
            except BaseException:
                self._undo(connection)
                raise
            self.wrote = tx.wrote

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """As SQLite's: raises StoreError when the failure took the whole transaction with it."""
        connection = self._connection
        if connection is None:
            raise StoreError(f"{self.name}: there is no transaction")
        with self._telling():
            connection.execute("savepoint part")
        try:
            yield
        except BaseException as error:
            try:
                connection.execute("rollback to part; release part")
            except psycopg.Error:
                raise StoreError(f"the transaction is gone: {self.name}: {error}") from error
            raise
        with self._telling():
            connection.execute("release part")

    @contextmanager
    def reading(self) -> Iterator[Tx]:
        """A consistent view of one moment; the writer goes on."""
        with self._telling():
            connection = self._reader()
            try:
                yield PostgresTx(connection, self.name)
                connection.execute("rollback")
            except BaseException:
                connection.close()
                raise
        if len(self._readers) < _READERS:
            self._readers.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        self.close_writer()
        if self._listener is not None:
            self._listener.close()
        with suppress(IndexError):
            while True:
                self._readers.pop().close()

    def __del__(self) -> None:
        """A command leaves its store as it is when it ends; psycopg would warn of that."""
        if hasattr(self, "_readers"):
            self.close()

    def close_writer(self) -> None:
        """The next transaction opens it anew."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _begun(self) -> PostgresConnection:
        """A connection that died while nothing was done on it is opened anew: nothing can have been lost with it."""
        if self._connection is not None:
            try:
                self._begin(self._connection)
                return self._connection
            except psycopg.errors.LockNotAvailable:
                raise
            except psycopg.OperationalError:
                self.close_writer()
        connection = self._connection = self._opened()
        self._begin(connection)
        return connection

    def _begin(self, connection: PostgresConnection) -> None:
        """Refuses where another node has converted the database to a later version since: it alone knows these tables."""
        row = _last(connection.execute(_BEGIN)).fetchone()
        if row is None:
            raise StoreError(f"PostgreSQL did not answer: {self.name}")
        self._clock.told(row["now"])
        if row["read_only"] == "on":
            raise StoreError(f"PostgreSQL takes no writes; it is a standby: {self.name}")
        self._refuse_other(int(row["version"] or 0))

    def _writer(self) -> int | None:
        connection = self._connection
        return None if connection is None or connection.closed else connection.info.backend_pid

    def _commit(self, connection: PostgresConnection, how: str) -> None:
        """Where a statement failed PostgreSQL answers a commit with a rollback, and calls that no error. Where its answer is
        lost, it may be made or not.
        """
        try:
            done = _last(connection.execute(how.encode())).statusmessage
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            raise lost_commit(self.name, error) from error
        if done != "COMMIT":
            raise StoreError(
                f"a statement had failed, and nothing of the transaction stays: {self.name}: {done}"
            )

    def _undo(self, connection: PostgresConnection) -> None:
        with suppress(psycopg.Error):
            if connection.info.transaction_status != TransactionStatus.IDLE:
                connection.execute("rollback")

    def _reader(self) -> PostgresConnection:
        """One that was kept, if the server still knows it."""
        with suppress(IndexError):
            while True:
                kept = self._readers.pop()
                with suppress(psycopg.OperationalError), _closed_on_error(kept):
                    self._begin_reading(kept)
                    return kept
        connection = self._connected()
        with _closed_on_error(connection):
            if not version_of(connection):
                raise StoreError(
                    f"there are no tables yet: {self.name}: start `sms-notify serve` once, or check `storage`"
                )
            self._begin_reading(connection)
        return connection

    def _begin_reading(self, connection: PostgresConnection) -> None:
        """Refuses as `_begin` does: a connection that was kept may be older than the tables."""
        row = _last(connection.execute(_READ)).fetchone()
        self._refuse_other(int(row["version"] or 0) if row else 0)

    def _opened(self) -> PostgresConnection:
        """For the writer: with all tables, and sure of what a commit means."""
        connection = self._connected()
        with _closed_on_error(connection):
            self._check_durable(connection)
            if (version := version_of(connection)) == 0:
                migrate(connection, self.name, _LOCK)
            else:
                self._refuse_other(version)
            if self._filling:
                self._hold_alone(connection)
            if self._serving:
                connection.execute(f"select pg_advisory_lock_shared({_SERVING:d})".encode())
        return connection

    def _refuse_other(self, version: int) -> None:
        if not (self._filling and version == PART):
            refuse_other(self.name, version)

    def _hold_alone(self, connection: PostgresConnection) -> None:
        """Neither a daemon nor another copy. The server may not have noticed yet that the last one was killed."""
        try:
            connection.execute(f"set lock_timeout = '3s'; select pg_advisory_lock({_SERVING:d})".encode())
        except psycopg.errors.LockNotAvailable as error:
            raise StoreError(
                f"{self.name}: a daemon or another copy uses this database; stop it first, or name another"
            ) from error

    def _connected(self) -> PostgresConnection:
        address = self._address
        try:
            connection = psycopg.connect(
                address.conninfo,
                autocommit=True,
                row_factory=rows_by_name,
                prepare_threshold=address.prepare_threshold,
            )
        except psycopg.Error as error:
            raise unreachable(self.name, error) from error
        adapt(connection.adapters)
        connection.prepared_max = _STATEMENTS
        return connection

    def _check_durable(self, connection: PostgresConnection) -> None:
        """Nothing is acknowledged before it is on a disk, so a server that commits before that is refused."""
        found = {
            name: connection.execute(f"show {name}".encode()).fetchone()
            for name in ("synchronous_commit", "fsync", "server_encoding")
        }
        setting = {name: row[name] for name, row in found.items() if row}
        if setting["synchronous_commit"] == "off":
            what = "PostgreSQL acknowledges before it has written (`synchronous_commit` is off)"
            raise StoreError(
                f"{what}: {self.name}: set it to on for this database: `alter database … set synchronous_commit = on`"
            )
        if setting["server_encoding"] != "UTF8":
            raise StoreError(f"the database is not in UTF8: {self.name}: make one with `encoding 'UTF8'`")
        if setting["fsync"] == "off" and not self._warned:
            self._warned = True
            _log.warning("PostgreSQL runs with fsync off: what it has committed can be lost with its power")

    @contextmanager
    def _telling(self, undo: Callable[[], None] = lambda: None) -> Iterator[None]:
        """What psycopg raises, as StoreError."""
        try:
            yield
        except StoreError:
            undo()
            raise
        except psycopg.Error as error:
            undo()
            raise store_error(self.name, error) from error


def _last(cursor: psycopg.Cursor[Row]) -> psycopg.Cursor[Row]:
    """Of several statements."""
    while cursor.nextset():
        pass
    return cursor


@contextmanager
def _closed_on_error(connection: PostgresConnection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise
