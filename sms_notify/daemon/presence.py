"""That this node is there, and who else is: written every few seconds where nodes share a database."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from importlib.metadata import version

from sms_notify.config.settings import Settings
from sms_notify.daemon.configuration_digest import digest_of
from sms_notify.daemon.leadership import Leadership
from sms_notify.daemon.periodic import Every
from sms_notify.delivery.sender import Clock
from sms_notify.errors import SmsNotifyError
from sms_notify.policy.retry_policy import Level, Urgency
from sms_notify.store import breakers, leadership, node_rows
from sms_notify.store.committer import Committer
from sms_notify.store.database import Database
from sms_notify.store.node_rows import NodeRow, differences
from sms_notify.store.tx import Tx

_EVERY = 5.0  # seconds
_LISTEN = 1.0
# Whoever reloads or upgrades the nodes one after the other needs nobody to be told of it.
_DIFFER_FOR = timedelta(minutes=5)
_ALERT = "/nodes/"
_log = logging.getLogger("sms_notify")


class Presence:
    """Of one start of the daemon."""

    def __init__(
        self,
        store: Database,
        committer: Committer,
        node: str,
        clock: Clock,
        settings: Callable[[], Settings],
        wake: Callable[[], None],
    ) -> None:
        self._store, self._committer, self._clock = store, committer, clock
        self._settings, self._wake = settings, wake
        self.leadership = Leadership(committer, node, clock, shared=store.shared)
        self._row = NodeRow(node, version("sms-notify"), "", clock(), clock())
        self._told = ""
        self._differ_since = clock()
        self._nodes = 1  # that live, as it was seen last

    def begin(self, tx: Tx) -> bool:
        """Whether no other node lives: then what was left is an earlier start's, and this one takes it up."""
        now = self._clock()
        self._row = replace(self._row, started_at=now)
        return not tx.shared or not self._others(tx)

    def loops(self) -> list[Every]:
        if not self._store.shared:
            return []
        return [Every("nodes", _EVERY, self._seen), Every("listening", 0.0, self._listen)]

    def standing(self) -> tuple[bool, int]:
        """Whether this node leads, and how many live."""
        return self.leadership.known_to_lead(), self._nodes

    def end(self) -> None:
        """The next node need not wait for the end of a lease."""
        if self._store.shared:
            with suppress(SmsNotifyError):
                self._committer(self._leave)

    def _leave(self, tx: Tx) -> None:
        leadership.give_back(tx, self._row.node)
        node_rows.gone(tx, self._row.node)

    def _listen(self) -> None:
        if self._store.heard(_LISTEN):
            self._wake()

    def _seen(self) -> None:
        others = self._committer(self._write)
        self._nodes = 1 + len(others)
        said = "; ".join(differences(self._row, others))
        if said and said != self._told:
            _log.warning("nodes differ: %s", said)
        self._told = said

    def _write(self, tx: Tx) -> Sequence[NodeRow]:
        others, now = self._others(tx), self._clock()
        said = "; ".join(differences(self._row, others))
        if not said:
            self._differ_since = now
        if self.leadership.led_last():
            self._report(tx, said)
        return others

    def _others(self, tx: Tx) -> Sequence[NodeRow]:
        """And writes that this one lives."""
        now = self._clock()
        self._row = replace(self._row, configuration=digest_of(self._settings()), seen_at=now)
        node_rows.seen(tx, self._row)
        return [row for row in node_rows.known(tx) if row.node != self._row.node and row.lives(now)]

    def _report(self, tx: Tx, said: str) -> None:
        now = self._clock()
        if not said:
            breakers.end_self_alert(tx, _ALERT, now)
        elif now - self._differ_since >= _DIFFER_FOR:
            advice = "`sms-notify nodes` shows them. Reload each by one configuration, and install one version on all."
            breakers.report(tx, _ALERT, Urgency(Level.TICKET), "", f"nodes differ: {said}", advice, now)
