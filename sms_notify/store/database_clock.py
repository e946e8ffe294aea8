"""The clock of a database that nodes share: leases and due times go by it, whatever the clocks of the nodes say."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from sms_notify.store.tx import moment

Clock = Callable[[], datetime]


def _uptime() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class DatabaseClock:
    """Each transaction tells it the time; in between it goes on by how long this machine runs, which nobody sets."""

    def __init__(self, uptime: Callable[[], float] = _uptime) -> None:
        self._uptime = uptime
        self._at_boot: datetime | None = None

    def told(self, microseconds: int) -> None:
        """It is late by what the answer took, and never ahead."""
        self._at_boot = moment(microseconds) - timedelta(seconds=self._uptime())

    def now(self, usual: Clock) -> datetime:
        """By the `usual` clock until the database was first heard."""
        return usual() if self._at_boot is None else self._at_boot + timedelta(seconds=self._uptime())
