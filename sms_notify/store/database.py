"""What the program wants of a database, whichever it is, and the one place that picks it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from sms_notify.errors import StoreError
from sms_notify.store.conversion import GoesOn
from sms_notify.store.damage import Examined
from sms_notify.store.database_clock import Clock
from sms_notify.store.postgres_address import is_postgres
from sms_notify.store.sqlite import SqliteStore
from sms_notify.store.tx import Tx


class Database(Protocol):
    """One place where the state is kept. Every method that touches it raises StoreError when it does not obey.

    Writing belongs to one thread at a time; `reading` to anybody.
    """

    shared: bool
    """Whether daemons on other hosts may serve it at the same time."""

    wrote: bool
    """Whether the last transaction changed anything: a disk that takes nothing commits all others."""

    @property
    def name(self) -> str:
        """What messages call it; it holds no secret."""

    @property
    def path(self) -> Path | None:
        """Its file, where it is one."""

    def clock(self, usual: Clock) -> Clock:
        """The clock of everybody who works on it: its own where nodes share it, else the `usual` one of this host."""

    def heard(self, seconds: float) -> bool:
        """Waits so long for the senders of this node to be woken by another one. Belongs to one thread, which may be another one
        than the writer's.
        """

    def lock(self) -> None:
        """Says that a daemon serves it; raises StoreError where that may be one only, and another does."""

    def unlock(self) -> None: ...

    def served(self) -> bool:
        """Whether a daemon, of whatever host, serves it now."""

    def is_there(self) -> bool:
        """Whether it has been made. Also raises OSError where a folder may not be looked into."""

    def start_faults(self) -> Iterator[tuple[str, str]]:
        """What would keep a daemon from starting on it, and what to do."""

    def convert(self, goes_on: GoesOn = ...) -> None:
        """Brings one of an earlier version up to this one. Only whoever has locked it may."""

    def examine(
        self, expired: Callable[[], bool], too_long: Callable[[], bool], /, *, known: bool
    ) -> Examined:
        """Looks for damage until the time has `expired`, and mends what it can until that takes `too_long`."""

    def problems(self, goes_on: Callable[[], None] = ...) -> Sequence[str]:
        """What is wrong with it; empty where it is sound. `goes_on` is called now and then, for whoever waits."""

    def backup(self, to: Path) -> int:
        """Copies it as it is at this moment into a file; returns its bytes."""

    def vacuum(self) -> int:
        """Gives the space of erased rows back; returns the bytes on the disk then. No daemon may serve it meanwhile."""

    def fill(self) -> None:
        """Makes it the place of a copy, if it has no rows of its own: nobody else may open it from now on, until `filled`.
        It may hold a part of a copy already. Raises StoreError where somebody uses it.
        """

    def filled(self) -> None:
        """The copy is whole: it counts on from the ids in it, and whoever opens it next finds one of this version."""

    @property
    def size(self) -> int:
        """Bytes on the disk."""

    def version(self) -> object:
        """Another value after each commit, whoever made it."""

    def transaction(self) -> AbstractContextManager[Tx]:
        """One write transaction: committed and on the disk when the block ends, undone when it raises."""

    def savepoint(self) -> AbstractContextManager[None]:
        """A part of the open transaction that can fail alone."""

    def reading(self) -> AbstractContextManager[Tx]:
        """A consistent view of one moment, which never blocks the writer."""

    def close(self) -> None: ...


def open_store(url: str) -> Database:
    """By its scheme. Nothing is opened before it is used. Raises StoreError where the address is not understood."""
    return _postgres(url) if is_postgres(url) else SqliteStore(url)


def _postgres(url: str) -> Database:
    """psycopg takes a fifth of a second to import: a hook on a host with a file must not wait for it."""
    try:
        from sms_notify.store.postgres import PostgresStore
    except ImportError as error:
        what = f"`storage` names PostgreSQL, and psycopg cannot be used ({error})"
        raise StoreError(f"{what}; install it: `pip install 'sms-notify[postgres]'`") from error
    return PostgresStore(url)
