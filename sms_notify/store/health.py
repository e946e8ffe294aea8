"""How it stands with the store, as the committing thread finds it: whether it can be written, and whether it is whole."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from sms_notify.store.damage import Examined, StoreFailure, is_damage, kind_of

_REPEATED = 2  # failures in a row
_LASTING = 2.0  # seconds between the first and the last of them
# Seconds between two looks while it serves: each holds up whoever wants to write. Twice as long after one that mended nothing.
_LOOK_AGAIN, _LOOK_AGAIN_CAP = 60.0, 3600.0
_LOOK_WITHIN, _REBUILD_WITHIN = 10.0, 20.0  # seconds; a start may take longer to rebuild
_log = logging.getLogger(__name__)


class Examine(Protocol):
    """`Database.examine`."""

    def __call__(
        self, expired: Callable[[], bool], too_long: Callable[[], bool], /, *, known: bool
    ) -> Examined: ...


class StoreHealth:
    """`examine` looks at every page and rebuilds what it can; it runs on the committing thread, between two transactions.

    One failure is whoever's it was; what repeats, or says that the file is damaged, is everybody's. `now` is a clock that
    nobody sets, in seconds. No words of it hold a path or anything of a row: `/-/ready` shows them to anybody.
    """

    def __init__(self, examine: Examine, now: Callable[[], float] = time.monotonic) -> None:
        self._examine = examine
        self._now = now
        self._lock = threading.Lock()
        self._failures = 0
        self._first = self._last = 0.0
        self._words = ""
        self._damage: Sequence[str] = ()
        self._look_at, self._pause = 0.0, _LOOK_AGAIN
        self.on_failure: Callable[[StoreFailure], None] = lambda _: None
        """Is told of each, on the committing thread."""
        self.rebuilt: Sequence[str] = ()
        """What was found and mended, in SQLite's words, until somebody has taken note of it."""

    def committed(self, *, wrote: bool) -> None:
        """What wrote nothing says nothing: a full disk commits that as well."""
        if wrote:
            with self._lock:
                self._failures = 0

    @property
    def failing(self) -> bool:
        """Whether a write is wanted, to see whether it is over."""
        return self._failures > 0

    def failed(self, error: BaseException) -> None:
        """A transaction could not be opened or committed, or a statement met damage."""
        now, kind = self._now(), kind_of(error)
        self.on_failure(kind)
        with self._lock:
            self._first = now if not self._failures else self._first
            self._failures, self._last, self._words = self._failures + 1, now, _words_of(error)
        if kind is not StoreFailure.DAMAGED:
            return
        self._damage = self._damage or (_words_of(error),)
        if now >= self._look_at:
            self.look(known=True)
            self._look_at = self._now() + self._pause
            self._pause = min(2 * self._pause, _LOOK_AGAIN_CAP) if self._damage else _LOOK_AGAIN

    def look(self, *, known: bool = False) -> None:
        """At every page; where damage is `known` and there is no time to find it, the indexes are made anew all the same. What
        is left of it stays damage until another look finds none.
        """
        began = self._now()
        try:
            found = self._examine(
                lambda: self._now() - began > _LOOK_WITHIN,
                lambda: known and self._now() - began > _LOOK_WITHIN + _REBUILD_WITHIN,
                known=known,
            )
        except Exception as error:  # noqa: BLE001 - the next transaction says what it is, where it lasts
            _log.warning("the database could not be looked at: %s", error)
            self._damage = (_words_of(error),) if is_damage(error) else self._damage
            return
        if not found.finished:
            _log.info("the database is too large to be looked at whole: `sms-notify db check` does")
        if found.problems:
            _log.critical("the database was damaged", extra={"found": "; ".join(found.problems)})
        if found.problems and not found.left:
            _log.warning("its indexes were made anew")
            self.rebuilt = found.problems
        self._damage = found.left

    def found_unreadable(self, error: Exception) -> None:
        """What an earlier process left could not be taken up, though every page is as it should be."""
        _log.critical(
            "a row of the database makes no sense, and nothing that was left is taken up", exc_info=error
        )
        self._damage = (f"a row makes no sense ({type(error).__name__})",)

    def reasons(self) -> tuple[str, ...]:
        """Why the store cannot be relied on, in words; empty when all is well."""
        damage = self._damage
        if damage:
            return (f"the database is damaged: {damage[0]}",)
        with self._lock:
            lasting = self._failures >= _REPEATED and self._last - self._first >= _LASTING
            return (f"the database cannot be written: {self._words}",) if lasting else ()


def _words_of(error: BaseException) -> str:
    """SQLite's own, or the first clause of ours, without the path that others begin with."""
    cause = error if isinstance(error, sqlite3.Error) else error.__cause__
    if isinstance(cause, sqlite3.Error):
        return str(cause)
    first = str(error).partition(": ")[0]
    return "the file is not to be had" if first.startswith("/") else first
