"""How it stands with the store, as the committing thread finds it: whether it can be written, and whether it is whole."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from sms_notify.store.damage import Examined, StoreFailure, kind_of

_REPEATED = 2  # failures in a row
_LASTING = 2.0  # seconds between the first and the last of them
_EXAMINE_AGAIN = 60.0  # seconds: a look at every page holds up whoever wants to write
_EXAMINE_WITHIN = 10.0
_log = logging.getLogger(__name__)


class StoreHealth:
    """`examine` looks at every page and rebuilds what it can; it runs on the committing thread, between two transactions.

    One failure is whoever's it was; what repeats, or says that the file is damaged, is everybody's. `now` is a clock that
    nobody sets, in seconds.
    """

    def __init__(
        self, examine: Callable[[Callable[[], bool]], Examined], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._examine = examine
        self._now = now
        self._lock = threading.Lock()
        self._failures = 0
        self._first = self._last = 0.0
        self._words = ""
        self._damage: Sequence[str] = ()
        self._examined: float | None = None
        self.on_failure: Callable[[StoreFailure], None] = lambda _: None
        """Is told of each, on the committing thread."""
        self.rebuilt: Sequence[str] = ()
        """What was found and mended, in SQLite's words, until somebody has taken note of it."""

    def committed(self) -> None:
        with self._lock:
            self._failures = 0

    def failed(self, error: BaseException) -> None:
        """A transaction could not be opened or committed, or a statement met damage."""
        now, kind = self._now(), kind_of(error)
        self.on_failure(kind)
        with self._lock:
            self._first = now if not self._failures else self._first
            self._failures, self._last, self._words = self._failures + 1, now, str(error)
        if kind is StoreFailure.DAMAGED:
            self._damage = self._damage or (str(error),)
            if self._examined is None or now - self._examined >= _EXAMINE_AGAIN:
                self._examined = now
                self.look()

    def look(self) -> None:
        """At every page; what cannot be made anew is damage until another look finds none."""
        ends = self._now() + _EXAMINE_WITHIN
        try:
            found = self._examine(lambda: self._now() > ends)
        except Exception as error:  # noqa: BLE001 - a file that cannot even be looked at is damaged, and says why
            found = Examined((str(error),), (str(error),))
        if not found.finished:
            _log.info(
                "the database is too large to be looked at whole at a start: `sms-notify db check` does"
            )
        if found.problems:
            _log.critical("the database was damaged", extra={"found": "; ".join(found.problems)})
        if found.problems and not found.left:
            _log.warning("its indexes were made anew, and it is whole again")
            self.rebuilt = found.problems
        self._damage = found.left

    def found_unreadable(self, words: str) -> None:
        """What an earlier process left could not be taken up, though every page is as it should be."""
        _log.critical(
            "a row of the database makes no sense, and nothing that was left is taken up: %s", words
        )
        self._damage = (words,)

    def reasons(self) -> tuple[str, ...]:
        """Why the store cannot be relied on, in words; empty when all is well."""
        damage = self._damage
        if damage:
            return (f"the database is damaged: {damage[0]}",)
        with self._lock:
            lasting = self._failures >= _REPEATED and self._last - self._first >= _LASTING
            return (f"the database cannot be written: {self._words}",) if lasting else ()
