"""What one node alone does, of those that share a database: all that goes by time, asks the gateway by itself, or tells people.

The node that leads does it; each of its transactions looks whether that is still so. Another one takes over within seconds of
its last sign. Where one daemon has the database for itself, it leads, and nothing is looked at.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from sms_notify.delivery.sender import Clock, Commit
from sms_notify.errors import SmsNotifyError
from sms_notify.store import leadership
from sms_notify.store.leadership import LEASE, Lead
from sms_notify.store.tx import Tx

T = TypeVar("T")
_LOOK_AGAIN = 2.0  # seconds: one that has stopped has given its lease back before its end
_log = logging.getLogger("sms_notify")


class NotLeadingError(SmsNotifyError):
    """Another node does this now; nothing of the job was kept."""


class Leadership:
    """As a function it is a `Commit` for jobs of the node that leads: raises NotLeadingError where that is another one."""

    def __init__(self, commit: Commit, node: str, clock: Clock, *, shared: bool) -> None:
        self._commit = commit
        self._node = node
        self._clock = clock
        self._shared = shared
        self._known: Lead | None = None
        self._look_at = datetime.min.replace(tzinfo=clock().tzinfo)
        self._terms = 0
        self._leads = False

    def __call__(self, job: Callable[[Tx], T]) -> T:
        if not self._shared:
            return self._commit(job)

        def led(tx: Tx) -> T:
            if not self._look(tx):
                raise NotLeadingError("another node leads")
            return job(tx)

        return self._commit(led)

    def only(
        self, step: Callable[[], object], anew: Callable[[], object] = lambda: None
    ) -> Callable[[], object]:
        """`step` where this node leads; elsewhere nothing, and another look soon. `anew` comes before the first step after
        another node has led, for whoever remembers what it did last.
        """
        term = 0

        def led() -> object:
            nonlocal term
            try:
                if not self.holds():
                    return _LOOK_AGAIN
                if term and term != self._terms:
                    anew()
                term = self._terms
                return step()
            except NotLeadingError:
                return _LOOK_AGAIN

        return led if self._shared else step

    def holds(self) -> bool:
        """By what was seen last; looks where that is too long ago."""
        if not self._shared:
            return True
        if not timedelta() < self._look_at - self._clock() <= LEASE:
            self._commit(self._look)
        return self._known is not None and self._known.node == self._node

    def led_last(self) -> bool:
        """As it stood when somebody looked last: asks nobody, for where nobody may answer."""
        return self._leads or not self._shared

    def known_to_lead(self) -> bool:
        """As `led_last`, and no longer than the lease: one that is cut off from the database may have lost it."""
        known = self._known
        return not self._shared or (self._leads and known is not None and known.until > self._clock())

    def leads_through(self, tx: Tx) -> bool:
        """Whether this node is to set what waits by a clock that was set."""
        return not self._shared or leadership.leads_through(tx, self._node, self._clock())

    def _look(self, tx: Tx) -> bool:
        """On the thread that commits."""
        now = self._clock()
        known = self._known = leadership.leads(tx, self._node, now)
        ours = known.node == self._node
        self._terms += known.taken or (ours and not self._leads)
        self._look_at = known.until if ours else min(known.until, now + timedelta(seconds=_LOOK_AGAIN))
        if ours is not self._leads:
            self._leads = ours
            _log.info("this node leads" if ours else "another node leads", extra={"leader": known.node})
        return ours
