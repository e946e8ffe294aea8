"""The databases that tests open: a file each, or one of a PostgreSQL server that starts when the first is wanted.

`conftest.ON_BOTH` names the files whose tests run over both. `SMS_NOTIFY_STORE=postgres` has all others run over that one.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sms_notify.store.database import Database, open_store
from sms_notify.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from postgres_server import PostgresServer


class Kind(StrEnum):
    SQLITE = "sqlite"
    POSTGRES = "postgres"


class Chosen:
    """Which of them `a_store` makes now."""

    kind = Kind(os.environ.get("SMS_NOTIFY_STORE", Kind.SQLITE))


@cache
def server() -> PostgresServer:
    """One for this process, which ends with it."""
    from postgres_server import PostgresServer

    folder = Path(
        tempfile.mkdtemp(prefix="sms-notify-pg-", dir="/tmp")
    )  # a socket's path has 107 bytes at most
    running = PostgresServer(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(running.stop)
    return running


def url_of(path: Path) -> str:
    """The same for the same path."""
    return f"sqlite://{path}" if Chosen.kind is Kind.SQLITE else _database(path)


def a_store(path: Path) -> Database:
    """One that lies in `path`, or stands for it."""
    return open_store(url_of(path))


def make_tables(path: Path) -> None:
    """So that the first transaction of who opens it next makes none."""
    if Chosen.kind is Kind.SQLITE:
        path.write_bytes(_empty_file())


def drop(path: Path) -> None:
    """Hundreds of databases would fill the disk."""
    if Chosen.kind is Kind.POSTGRES:
        server().admin(f"drop database {a_store(path).name.rpartition('/')[2]} with (force)")
    else:
        path.unlink()


@cache
def _empty_file() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(f"sqlite://{folder}/empty.db")
        with store.transaction():
            pass
        store.close()
        return (Path(folder) / "empty.db").read_bytes()


@cache
def _database(path: Path) -> str:
    return server().url()
