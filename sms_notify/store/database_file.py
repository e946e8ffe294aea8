"""Whether what lies under the path is still the database that this process opened.

SQLite writes on into a file that was removed or renamed, and says that all is well; nobody ever reads it.
"""

from __future__ import annotations

import fcntl
import logging
import os
from pathlib import Path

from sms_notify.errors import StoreError
from sms_notify.ownership import why_denied

_SERVED = b"served\n"
_log = logging.getLogger(__name__)


class DatabaseFile:
    """One file, by its real path: two names for it are one lock. Raises StoreError where it is not to be had."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None
        self._opened: tuple[int, int] | None = None
        self._beside: dict[str, int] = {}  # the inodes of `-wal` and `-shm`, as they were first seen
        self._size = 0  # in bytes, as it was last seen: SQLite's only grow, for nothing vacuums ours

    def lock(self) -> None:
        """Makes this process the only daemon on the file; the kernel frees the lock when the process ends.

        The lock file says that a daemon has served: an empty database beside it was one with pages in it.
        """
        self.make_private()
        lock = f"{os.path.realpath(self.path)}.lock"
        try:
            handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(f"{lock}: {why_denied(Path(lock), error)}; it must be ours to write") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            raise StoreError(
                f"{self.path}: another sms-notify serves this database; stop it first, or give this one a file of its own"
            ) from None
        self._lock = handle

    def unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def refuse_emptied(self) -> None:
        """Before anything is written into it."""
        if self._lock is None or self.path.stat().st_size or os.pread(self._lock, 64, 0) != _SERVED:
            return
        raise StoreError(
            f"{self.path}: it is empty, and was a database when it was served last; put a backup in its place, or remove"
            f" {os.path.realpath(self.path)}.lock to begin with an empty one"
        )

    def opened(self) -> None:
        """It is ours, with tables in it: from now on no other file under this path is."""
        found = self.path.stat()
        self._opened, self._size = (found.st_dev, found.st_ino), found.st_size
        if self._lock is not None and os.pread(self._lock, 64, 0) != _SERVED:
            os.pwrite(self._lock, _SERVED, 0)

    def closed(self) -> None:
        """The last connection takes `-wal` and `-shm` with it."""
        self._beside = {}

    @property
    def is_known(self) -> bool:
        return self._opened is not None

    def check(self) -> None:
        """Before each transaction and each commit; it takes two microseconds."""
        if self._opened is None:
            return
        try:
            found = os.stat(self.path)
        except OSError as error:
            raise StoreError(
                f"the database was removed or renamed while it was served: {self.path}: {error.strerror}; put it back, or"
                f" remove {os.path.realpath(self.path)}.lock as well and restart sms-notify to begin with an empty one"
            ) from error
        if (found.st_dev, found.st_ino) != self._opened:
            raise StoreError(
                f"another file was put in the place of the database: {self.path}; restart sms-notify to serve that one"
            )
        if found.st_size < self._size:
            how = "cut short" if found.st_size else "emptied"
            raise StoreError(
                f"the database was {how} while it was served: {self.path}; put a backup in its place, or"
                " restart sms-notify where you have done that already"
            )
        self._size = found.st_size
        self._check_beside()

    def _check_beside(self) -> None:
        """What was committed of late lies in `-wal` alone: without it, it would be gone with this process. Whoever hears of this
        closes the file, and SQLite then brings into it what it still has.
        """
        for suffix in ("-wal", "-shm"):
            try:
                inode = os.stat(f"{self.path}{suffix}").st_ino
            except OSError:
                inode = 0
            known = self._beside.get(suffix)
            if known is None and inode:
                self._beside[suffix] = inode
            elif known is not None and inode != known:
                raise StoreError(
                    f"{self.path}{suffix} was removed or replaced while the database was served; leave both files to sms-notify"
                )

    def make_private(self) -> None:
        """Numbers and texts are nobody else's business: the file exists with 0600 before SQLite opens it."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise StoreError(
                f"{self.path}: {why_denied(self.path, error)}; check that the directory exists and is ours, or name another file"
                " in the configuration: `storage: sqlite:///…`"
            ) from error


def no_place(path: Path) -> tuple[str, str] | None:
    """Why no database can lie there, and what to do."""
    above = next(folder for folder in path.parents if folder.exists())
    if path.is_dir():
        return f"{path} is a folder", "name a file in it, such as sqlite:///var/lib/sms-notify/sms-notify.db"
    return None if above.is_dir() else (f"{above} is not a folder", "name a file in a folder")
