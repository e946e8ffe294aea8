"""A database of an earlier version becomes one of this version: whole, or not at all.

All migrations are one transaction. A crash, a full disk or a stop within it leaves the database as the earlier version
wrote it, so that this version can try again and the earlier one can still serve. Committed step by step, it would be a
database of no version that anybody has installed.
"""

from __future__ import annotations

import glob
import logging
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from sms_notify.errors import OlderStoreError, StoreError
from sms_notify.policy.retention import Keep
from sms_notify.store.damage import StoreFailure, kind_of
from sms_notify.store.schema import MIGRATIONS

NEWEST = len(MIGRATIONS)
# In the version's place while another database is copied into it. Any version takes it for a newer one, and leaves it alone.
PART = (1 << 31) - 1
_LOOKS = 20_000  # steps of SQLite between two calls of `goes_on`: some milliseconds
_PAGES = 10_000  # that are copied between two of them
_KEPT = timedelta(days=30)  # a copy holds numbers and texts, and nobody goes back after a month
# Of the size of the file: the copy of it, and what the conversion writes before it is merged into the file.
_ROOM = 2
_log = logging.getLogger(__name__)


class GoesOn(Protocol):
    """Is called again and again during long work, with what it is."""

    def __call__(self, words: str, /) -> None: ...


class BackUp(Protocol):
    """`SqliteStore.backup`."""

    def __call__(self, to: Path, goes_on: Callable[[], None], pages: int) -> int: ...


def version_of(connection: sqlite3.Connection) -> int:
    """How many migrations it has had; 0 where it has no tables yet."""
    return int(connection.execute("pragma user_version").fetchone()[0])


def copy_of(path: Path, version: int) -> Path:
    """Where the database is kept as it was before it was converted from this version."""
    return path.with_name(f"{path.name}.schema-{version}")


def refuse_part(name: object, version: int) -> None:
    """Raises StoreError for what holds a part of another database."""
    if version == PART:
        raise StoreError(
            f"{name}: a copy of another database into it was begun, and is not whole; end it with the same"
            " `sms-notify migrate-store FROM TO`"
        )


def refuse_newer(path: Path, version: int) -> None:
    refuse_part(path, version)
    if version <= NEWEST:
        return
    copy = copy_of(path, NEWEST)
    kept = f"put {copy} in its place" if copy.exists() else "restore a backup of this version's"
    raise StoreError(
        f"{path}: a newer sms-notify has converted it (schema {version}, this version reads {NEWEST}); install that version"
        f" again, or stop it and {kept}: what has happened since is lost then"
    )


def refuse_other(path: Path, version: int) -> None:
    """Whoever is not the daemon reads and writes by the tables of this version alone, and converts nothing: a daemon of the
    earlier version may still serve it.
    """
    refuse_newer(path, version)
    if version < NEWEST:
        raise OlderStoreError(
            f"{path}: an earlier sms-notify has written it (schema {version}, this version reads {NEWEST}); restart"
            " `sms-notify serve`, which converts it"
        )


def make_tables(connection: sqlite3.Connection) -> None:
    """In an empty file, whichever process is first."""
    with _written(connection):
        if version_of(connection) == 0:
            _migrate(connection, 0)


def convert(path: Path, connection: sqlite3.Connection, back_up: BackUp, goes_on: GoesOn) -> None:
    """Only whoever has locked the database may call this. Raises StoreError, and then it is as it was."""
    version = version_of(connection)
    refuse_newer(path, version)
    if version in (0, NEWEST):
        return
    _log.warning("the database is converted to this version", extra={"schema": version, "to": NEWEST})
    copy = _keep(path, version, back_up, goes_on)
    words = f"converting the database from schema {version} to {NEWEST}"
    connection.set_progress_handler(lambda: goes_on(words), _LOOKS)
    try:
        with _written(connection):
            _migrate(connection, version)
    except sqlite3.Error as error:
        # Its room may be what was wanting. After any other fault of a disk it stays: what a disk has refused may be there.
        if copy is not None and kind_of(error) is StoreFailure.FULL:
            copy.unlink(missing_ok=True)
        raise StoreError(
            f"{path}: it could not be converted from schema {version} to {NEWEST}: {error}; nothing in it has changed. Start"
            " again when that is mended, or install the version before"
        ) from error
    finally:
        connection.set_progress_handler(None, 0)
    _log.warning("the database is converted", extra={"copy": copy or "none"})


def copies_of(path: Path | None) -> Sequence[Path]:
    """Those that lie beside the database, with what is left of one that was cut off; none where it is no file."""
    return sorted(path.parent.glob(f"{glob.escape(path.name)}.schema-*")) if path else ()


def forget_copies(path: Path | None, keep: Keep, now: datetime) -> None:
    """Those that are too old for anybody to go back to, and those that are older than a text may be: erasing does not reach
    into them. What cannot be removed keeps nobody from going on.
    """
    kept = min(_KEPT, keep.texts or _KEPT)
    for copy in copies_of(path):
        try:
            if now.timestamp() - copy.stat().st_mtime > kept.total_seconds():
                copy.unlink()
        except OSError as error:
            _log.warning("a copy of the database could not be removed; remove it: %s", error)


@contextmanager
def _written(connection: sqlite3.Connection) -> Iterator[None]:
    """One transaction; undone where it raises."""
    connection.execute("begin immediate")
    try:
        yield
        connection.execute("commit")
    except BaseException:
        if connection.in_transaction:
            connection.execute("rollback")
        raise


def _migrate(connection: sqlite3.Connection, version: int) -> None:
    for statement in statements_since(version):
        connection.execute(statement)
    connection.execute(f"pragma user_version = {NEWEST}")


def statements_since(version: int) -> Iterator[str]:
    for migration in MIGRATIONS[version:]:
        yield from filter(str.strip, migration.split(";"))


def _keep(path: Path, version: int, back_up: BackUp, goes_on: GoesOn) -> Path | None:
    """The way back. Where none is to be had, texts are worth more than it is."""
    copy = copy_of(path, version)
    try:
        # One that was cut off may have left a copy, and the earlier version has served since.
        copy.unlink(missing_ok=True)
        wanted, free = _ROOM * path.stat().st_size, shutil.disk_usage(path.parent).free
        if free < wanted:
            raise StoreError(f"{copy}: {free >> 20} MB are free, {wanted >> 20} MB are wanted")
        back_up(copy, lambda: goes_on("copying the database before it is converted"), _PAGES)
    except (StoreError, OSError) as error:
        _log.error("no copy is kept of the database as it was before; only a backup leads back: %s", error)
        return None
    return copy
