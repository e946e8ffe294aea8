"""Notices that the clock was set, and has what waits by it set, too: a step is not a time that has passed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

from sms_notify.daemon.leadership import Leadership
from sms_notify.delivery.sender import Clock
from sms_notify.store import outbox
from sms_notify.store.tx import Tx

_log = logging.getLogger("sms_notify")


class ClockSteps:
    """By how far the clock is ahead of `uptime`, which nobody sets. A step counts once that is on the disk."""

    def __init__(self, clock: Clock, uptime: Callable[[], timedelta], leadership: Leadership) -> None:
        self._clock = clock
        self._uptime = uptime
        self._leadership = leadership
        self.begin()

    def begin(self) -> None:
        """Nothing before this moment is a step. The clock of a database is known from the first word with it on."""
        self._ahead = self._seen_ahead = self._clock() - self._uptime()

    def look(self, tx: Tx) -> None:
        """Before anything is stamped by the new time, so that nothing that is stamped by it is shifted."""
        ahead = self._clock() - self._uptime()
        step, self._seen_ahead = ahead - self._seen_ahead, ahead
        if abs(step) > outbox.DRIFT:
            _log.warning("the clock was set", extra={"by_seconds": f"{step.total_seconds():.0f}"})
            if self._leadership.leads_through(tx):
                outbox.shift_clock(tx, step)

    def committed(self) -> None:
        self._ahead = self._seen_ahead

    def undone(self) -> None:
        self._seen_ahead = self._ahead
