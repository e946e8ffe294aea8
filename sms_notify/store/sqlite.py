"""The file: opening, locking, migrating, and one transaction at a time.

A writer's connection belongs to one thread. Readers (commands, the metrics page) open their own; the
write-ahead log lets them read while the writer writes.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from sms_notify.errors import OlderStoreError, StoreError
from sms_notify.ownership import denied
from sms_notify.store.conversion import NEWEST, PART, GoesOn, convert, make_tables, refuse_other, version_of
from sms_notify.store.damage import Examined, examine, problems_of
from sms_notify.store.database_clock import Clock
from sms_notify.store.database_file import DatabaseFile, no_place
from sms_notify.store.table_shapes import refuse_rows
from sms_notify.store.tx import Tx

SCHEME = "sqlite:///"
_BUSY_MILLISECONDS = 5000


class SqliteStore:
    """One database file. Every method that touches it raises StoreError when the file or the disk does not obey."""

    shared = False

    def __init__(self, url: str) -> None:
        self.path = path_of(url)
        self._file = DatabaseFile(self.path)
        self._connection: sqlite3.Connection | None = None
        self._filling = False
        self.wrote = False
        """Whether the last transaction changed anything: a disk that takes nothing commits all others."""

    def clock(self, usual: Clock) -> Clock:
        """This host's."""
        return usual

    def heard(self, seconds: float) -> bool:  # noqa: ARG002
        return False

    def lock(self) -> None:
        """Makes this process the only daemon on the file."""
        self._file.lock()

    def unlock(self) -> None:
        self._file.unlock()

    def served(self) -> bool:
        """Whether a daemon runs on it."""
        try:
            self.lock()
        except StoreError:
            return True
        self.unlock()
        return False

    @property
    def name(self) -> str:
        """Its path."""
        return str(self.path)

    def is_there(self) -> bool:
        """Whether there is a file. Raises OSError where a folder may not be looked into."""
        return self.path.exists()

    def start_faults(self) -> Iterator[tuple[str, str]]:
        """What would keep a daemon from starting on it, and what to do. What only the daemon's user may see is left out."""
        if misplaced := no_place(self.path):
            yield misplaced
        elif self.path.is_file() and self.path.stat().st_size and not denied(self.path):
            try:
                with self.reading():
                    pass
            except OlderStoreError:
                pass  # the start converts it
            except StoreError as error:
                yield str(error), "name another file, or put a backup in its place"

    def examine(self, expired: Callable[[], bool], too_long: Callable[[], bool], *, known: bool) -> Examined:
        """As `damage.examine`. Nothing is open meanwhile."""
        self.close()
        try:
            self._connection = self._found()  # not converted yet: what is damaged is mended before
            return examine(self._connection, expired, too_long, known=known)
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: {error}") from error
        finally:
            self.close()

    @property
    def size(self) -> int:
        """Bytes of the file, with what is not merged into it yet."""
        parts = (self.path, self.path.with_name(f"{self.path.name}-wal"))
        return sum(part.stat().st_size for part in parts if part.exists())

    def problems(self, goes_on: Callable[[], None] = lambda: None) -> Sequence[str]:
        """What is wrong with the file, in SQLite's words; empty where it is sound. It may be served meanwhile. `goes_on` is
        called now and then, for whoever waits.
        """
        return _problems_of(self.path, goes_on)

    def convert(self, goes_on: GoesOn = lambda _: None) -> None:
        """Brings a database of an earlier version up to this one. Only whoever has locked it may."""
        self.close()
        try:
            with closing(self._found()) as connection:
                convert(self.path, connection, self.backup, goes_on)
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: {error}") from error

    def backup(self, to: Path, goes_on: Callable[[], None] = lambda: None, pages: int = -1) -> int:
        """Copies the database as it is at this moment; returns the bytes of the copy. Raises StoreError where the copy cannot
        be made, or is not sound; then there is none.

        In one go: a copy in steps of so many `pages` begins anew with each commit of the daemon.
        """
        if to.exists():
            raise StoreError(f"{to}: it exists already; name a new file")
        part = to.with_name(f"{to.name}.part")
        part.unlink(missing_ok=True)
        try:
            DatabaseFile(part).make_private()
            with closing(_connect(self.path, create=False)) as source, closing(sqlite3.connect(part)) as copy:
                source.backup(copy, pages=pages, progress=lambda *_: goes_on())
                copy.execute("pragma journal_mode = delete")  # one file, wherever it is carried
            if found := _problems_of(part, goes_on):
                raise StoreError(
                    f"the copy of {self.path} is not sound: {found[0]}; `sms-notify db check` says more"
                )
            part.rename(to)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"{to}: {error}") from error
        finally:
            part.unlink(missing_ok=True)
        return to.stat().st_size

    def vacuum(self) -> int:
        """Writes the file anew without the space that is free in it; returns its bytes then. No daemon may serve it meanwhile:
        it would take a file that grew shorter for a damaged one. Needs as much room on the disk again.
        """
        self.close()
        self.lock()
        try:
            with closing(_connect(self.path, create=False)) as connection:
                connection.execute("vacuum")
                connection.execute("pragma wal_checkpoint(truncate)")
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: {error}") from error
        finally:
            self.unlock()
        return self.size

    def fill(self) -> None:
        """As `Database.fill`."""
        self.lock()
        self._filling = True
        with self.transaction() as tx:
            if version_of(self._opened()) != PART:
                refuse_rows(tx, self.name)
                tx.run(f"pragma user_version = {PART}")

    def filled(self) -> None:
        """As `Database.filled`; the next id is counted from the rows."""
        with self.transaction() as tx:
            tx.run(f"pragma user_version = {NEWEST}")
        self._filling = False

    @contextmanager
    def transaction(self) -> Iterator[Tx]:
        """One write transaction: committed and on the disk when the block ends, undone when it raises.

        After any error of the database the connection is thrown away: what a disk said once about a failed
        sync it may deny the next time.
        """
        try:
            self._file.check()
            connection = self._opened()
            before = connection.total_changes
            connection.execute("begin immediate")
            try:
                yield Tx(connection)
                self._file.check()  # a batch that began before it was removed takes in what came after
                connection.execute("commit")
                self.wrote = connection.total_changes > before
            except BaseException:
                if connection.in_transaction:
                    connection.execute("rollback")
                raise
        except StoreError:
            self.close()
            raise
        except (sqlite3.Error, OSError) as error:
            self.close()
            raise StoreError(f"{self.path}: {error}") from error

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A part of the open transaction that can fail alone.

        Raises StoreError when the failure took the whole transaction with it, as a full disk does: whatever
        ran after it would be committed by itself.
        """
        connection = self._opened()
        connection.execute("savepoint part")
        try:
            yield
        except BaseException as error:
            if not connection.in_transaction:
                raise StoreError(f"{self.path}: {error}") from error
            connection.execute("rollback to part")
            connection.execute("release part")
            raise
        connection.execute("release part")

    @contextmanager
    def reading(self) -> Iterator[Tx]:
        """A consistent view of one moment on a connection of its own; never blocks the writer."""
        try:
            connection = _connect(self.path, create=False)
            try:
                self._refuse_other(connection)
                connection.execute("begin")
                yield Tx(connection)
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: {error}") from error

    def version(self) -> object:
        """Another value after each commit, whoever made it: two commits within the same tick of the clock (4 ms) that do not
        make a file longer may look like one. Raises StoreError.
        """
        try:
            found = (os.stat(path) for path in (self.path, f"{self.path}-wal") if os.path.exists(path))
            return tuple((one.st_ino, one.st_size, one.st_mtime_ns) for one in found)
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror}") from error

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
            self._file.closed()

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = self._found()
            if version_of(self._connection) == 0:
                make_tables(self._connection)
            self._refuse_other(self._connection)
            self._file.opened()
            # What a savepoint would undo goes to a file from 64 KiB on, which is some fifteen pages: a file for nearly every
            # job, and half of its time. It is needed by no recovery. A conversion, which may sort whole tables, has it not.
            self._connection.execute("pragma temp_store = memory")
        return self._connection

    def _refuse_other(self, connection: sqlite3.Connection) -> None:
        version = version_of(connection)
        if not (self._filling and version == PART):
            refuse_other(self.path, version)

    def _found(self) -> sqlite3.Connection:
        """As an earlier process left it, whatever its version; an empty one where there was none."""
        if not self._file.is_known:
            self._file.make_private()
            self._file.refuse_emptied()
        return _connect(self.path, create=True)


def path_of(url: str) -> Path:
    """`sqlite:///var/lib/x.db` is /var/lib/x.db: what follows the two slashes is the path."""
    if not url.startswith(SCHEME):
        raise StoreError(
            f"storage {url!r} is not understood; write sqlite:///var/lib/sms-notify/sms-notify.db"
        )
    return Path("/" + url[len(SCHEME) :].lstrip("/"))


def _connect(path: Path, *, create: bool) -> sqlite3.Connection:
    if not create:
        _check_there(path)
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.execute(f"pragma busy_timeout = {_BUSY_MILLISECONDS}")
    if create:
        connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = full")
    connection.execute(
        "pragma secure_delete = on"
    )  # Debian's is built so; elsewhere erased texts would stay in the file
    return connection


def _problems_of(path: Path, goes_on: Callable[[], None] = lambda: None) -> Sequence[str]:
    try:
        with closing(_connect(path, create=False)) as connection:
            return problems_of(connection, goes_on)
    except sqlite3.Error as error:
        return (str(error),)


def _check_there(path: Path) -> None:
    """SQLite itself says no more than that it is unable to open it."""
    if why := denied(path):
        advice = "run this as the daemon's user, `sudo -u sms-notify sms-notify ...`"
        raise StoreError(f"{path}: {why}; {advice}")
    if not path.exists():
        raise StoreError(
            f"{path}: there is no database yet; start `sms-notify serve` once, or check `storage`"
        )
