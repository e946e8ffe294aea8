"""Once a day the daemon erases what `keep` says is too old, in steps between which everybody else commits."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from functools import partial

from sms_notify.daemon import event_log
from sms_notify.daemon.periodic import Every
from sms_notify.daemon.worker_threads import Tools
from sms_notify.policy.retention import ErasedPart, cuts
from sms_notify.policy.vocabulary import Decision
from sms_notify.store import decisions
from sms_notify.store.conversion import forget_copies
from sms_notify.store.erasure import Erasure, erase_few
from sms_notify.store.tx import Tx

# Not at a start: a clock that was wrong when the machine started is set by then, and what a crash left is sent.
_FIRST_AFTER = 3600.0
_EVERY = 86400.0
_LOOK = 60.0
_REST = 0.02
_SHARE = 4  # parts of the time are everybody else's, for one that erasing takes


class Eraser:
    """One run a day. A step commits some milliseconds of work; a stop ends a run anywhere, and the next goes on from there.

    `now` is a clock that nobody sets, in seconds.
    """

    def __init__(self, tools: Tools, now: Callable[[], float] = time.monotonic) -> None:
        self._tools = tools
        self._now = now
        self._next_at = now() + _FIRST_AFTER
        self._run: Erasure | None = None
        self._last_decision: int | None = None
        self._erased: Counter[ErasedPart] = Counter()

    def loop(self) -> Every:
        """That it fails is in the log, and keeps no daemon from being ready."""
        return Every("erasing", _LOOK, self.step)

    def step(self) -> float:
        """Returns after how many seconds it wants to go on."""
        if self._run is None:
            self._tell_forgotten()
            waits = self._now() < self._next_at or self._tools.committer.health.failing
            if waits or not self._tools.leadership.holds():
                return _LOOK
            self._run, self._erased = Erasure(), Counter()
        begun = self._now()
        if self._tools.leadership(partial(self._erase, self._run)):
            return max(_REST, _SHARE * (self._now() - begun))
        self._run, self._next_at = None, self._now() + _EVERY
        forget_copies(self._tools.store.path, self._tools.settings().keep, self._tools.clock())
        event_log.erased(self._erased)
        return _LOOK

    def _tell_forgotten(self) -> None:
        """That a command has erased somebody stands in the log, too: that is kept elsewhere, and for longer."""
        with self._tools.store.reading() as tx:
            if self._last_decision is None:
                self._last_decision = decisions.newest(tx)
            rows = decisions.after(tx, self._last_decision, self._tools.node)
        for row in rows:
            self._last_decision = row["id"]
            if row["word"] == Decision.FORGOTTEN:
                event_log.forgotten(row["detail"])

    def _erase(self, run: Erasure, tx: Tx) -> bool:
        """By the configuration and the time of now: neither may be what it was when the run began."""
        due = cuts(self._tools.settings().keep, self._tools.clock())
        begun = self._now()
        done = run.step(tx, due)
        run.took(self._now() - begun)
        if done is None:
            self._erased[ErasedPart.ROWS] += erase_few(tx, due)
            return False
        self._erased[done.part] += done.rows
        return True
